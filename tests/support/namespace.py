"""Another host on this machine: a network namespace with one wire to us, whose address can change and be cut.

with Namespace() as far:
    Chromium(command=far.command(folder, "/usr/bin/chromium"))
    far.change_address()
    far.cut(); far.mend()

Needs root and iproute2; `Namespace.possible()` tells whether this machine lets us.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, capture_output=True, timeout=10)


class Namespace:
    """near: our address on the wire. far: the other end's address at present."""

    def __init__(self) -> None:
        mark = secrets.token_hex(3)
        self.name = f"kb-{mark}"
        self._wire = (f"kn{mark}", f"kf{mark}")
        self._net = f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(250)}"
        self._host = 2

    @staticmethod
    def possible() -> bool:
        """Some containers' root may not make namespaces: the one way to know is to try."""
        if os.geteuid() != 0 or not shutil.which("ip"):
            return False
        name = f"kb-try-{secrets.token_hex(3)}"
        try:
            _ip("netns", "add", name)
            _ip("netns", "del", name)
        except (subprocess.SubprocessError, OSError):
            return False
        return True

    @property
    def near(self) -> str:
        return f"{self._net}.1"

    @property
    def far(self) -> str:
        return f"{self._net}.{self._host}"

    def __enter__(self) -> Self:
        near, far = self._wire
        _ip("netns", "add", self.name)
        try:
            _ip("link", "add", near, "type", "veth", "peer", "name", far, "netns", self.name)
            _ip("addr", "add", f"{self.near}/24", "dev", near)
            _ip("link", "set", near, "up")
            self._inside("link", "set", "lo", "up")
            self._inside("addr", "add", f"{self.far}/24", "dev", far)
            self._inside("link", "set", far, "up")
            self._inside("route", "add", "default", "via", self.near)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(("ip", "link", "del", self._wire[0]), check=False, capture_output=True, timeout=10)
        subprocess.run(("ip", "netns", "del", self.name), check=False, capture_output=True, timeout=10)

    def command(self, folder: Path, executable: str) -> str:
        """A program that is `executable` over there."""
        path = folder / f"over-there-{Path(executable).name}"
        path.write_text(f'#!/bin/sh\nexec ip netns exec {self.name} {executable} "$@"\n')
        path.chmod(0o755)
        return str(path)

    def change_address(self) -> None:
        """As a phone that leaves the house: the old address is gone, another one is there."""
        device, before = self._wire[1], self.far
        self._host += 1
        self._inside("addr", "del", f"{before}/24", "dev", device)
        self._inside("addr", "add", f"{self.far}/24", "dev", device)
        self._inside("route", "replace", "default", "via", self.near)

    def cut(self) -> None:
        _ip("link", "set", self._wire[0], "down")

    def mend(self) -> None:
        _ip("link", "set", self._wire[0], "up")
        self._inside("route", "replace", "default", "via", self.near)

    def _inside(self, *words: str) -> None:
        _ip("-n", self.name, *words)
