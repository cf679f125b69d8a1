"""baresip as a facility's phone or video terminal: started on free ports, steered over its control socket.

async with Baresip.video(folder) as terminal:
    await terminal.dial("sip:2001@127.0.0.1:5060")
    await terminal.wait_for("CALL_ESTABLISHED")
    report = await terminal.finish()
    assert report.video_received_packets > 100
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.waiting import until

MODULES = Path("/usr/lib/baresip/modules")


@dataclass(frozen=True, slots=True)
class Report:
    """What baresip printed of the call when it ended."""

    audio_sent_packets: int
    audio_received_packets: int
    video_sent_packets: int
    video_received_packets: int
    received_fps: float
    text: str


@dataclass(slots=True)
class Baresip:
    """One baresip process with one account that answers by itself (`answer`) or not."""

    folder: Path
    video: bool = True
    answer: str = "manual"
    name: str = "station7"
    transport: str = "udp"
    account_parameters: str = ""
    audio_codecs: str = "PCMU/8000/1"
    video_codecs: str = "H264"
    video_size: str = "640x480"
    modules: tuple[str, ...] = ()
    host: str = "127.0.0.1"
    events: list[dict[str, Any]] = field(default_factory=list)
    sip_port: int = 0
    _process: asyncio.subprocess.Process | None = None
    _control: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    _reading: asyncio.Task[None] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sip_port = free_port()
        control_port = free_port()
        self._configure(control_port)
        log = (self.folder / "baresip.log").open("wb")
        self._process = await asyncio.create_subprocess_exec(
            "baresip", "-f", str(self.folder), "-v", stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
        )
        log.close()
        self._control = await self._connect(control_port)
        self._reading = asyncio.create_task(self._read(), name="baresip control")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reading:
            self._reading.cancel()
        if self._control:
            self._control[1].close()
        await self._stop()

    async def _stop(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 5)
            except TimeoutError:
                self._process.kill()
                await self._process.wait()

    @property
    def uri(self) -> str:
        return f"sip:{self.name}@{self._address}"

    @property
    def _address(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.sip_port}"

    def log(self) -> str:
        return (self.folder / "baresip.log").read_text(errors="replace")

    async def command(self, name: str, parameters: str = "") -> None:
        assert self._control is not None
        message = json.dumps({"command": name, "params": parameters, "token": name}).encode()
        self._control[1].write(b"%d:%s," % (len(message), message))
        await self._control[1].drain()

    async def dial(self, uri: str) -> None:
        await self.command("dial", uri)

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def wait_for(self, kind: str, timeout_s: float = 20.0) -> dict[str, Any]:
        """The first event of this type (CALL_RINGING, CALL_ESTABLISHED, CALL_CLOSED, ...), past or to come."""

        async def found() -> dict[str, Any]:
            while True:
                for event in self.events:
                    if event.get("type") == kind:
                        return event
                self._changed.clear()
                await self._changed.wait()

        try:
            return await asyncio.wait_for(found(), timeout_s)
        except TimeoutError:
            seen = [event.get("type") for event in self.events if event.get("type") != "CALL_RTCP"]
            raise AssertionError(f"baresip never reported {kind}; it reported {seen}\n{self.log()[-3000:]}") from None

    async def snapshot(self, name: str = "received.png") -> Path:
        """A PNG of the picture this terminal has just received and decoded."""
        path = self.folder / name
        await self.command("snapshot_recv", str(path))

        async def written() -> bool:
            return path.exists() and path.read_bytes().endswith(b"IEND\xaeB`\x82")

        await until(written, f"the snapshot {name}")
        return path

    async def finish(self) -> Report:
        """Waits until the call is over, stops baresip (that flushes its output) and reads its statistics."""
        await self.wait_for("CALL_CLOSED")
        await self._stop()
        return read_report(self.log())

    async def _connect(self, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(200):
            with contextlib.suppress(ConnectionRefusedError):
                return await asyncio.open_connection("127.0.0.1", port)
            await asyncio.sleep(0.05)  # until the process listens
        raise AssertionError(f"baresip did not start:\n{self.log()[-3000:]}")

    async def _read(self) -> None:
        assert self._control is not None
        reader = self._control[0]
        while True:
            try:
                size = int((await reader.readuntil(b":"))[:-1])
                message = json.loads(await reader.readexactly(size))
                await reader.readexactly(1)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if message.get("event"):
                self.events.append(message)
                self._changed.set()

    def _configure(self, control_port: int) -> None:
        low = free_port(span=20)
        modules = ["g711", "aufile", "sndfile", *self.modules]
        if self.video:
            modules += ["avcodec", "vp8", "fakevideo", "avformat", "snapshot"]
        lines = [
            f"sip_listen {self._address}",
            "call_local_timeout 120",
            f"audio_player aufile,{self.folder}/heard.wav",
            f"audio_source aufile,{tone(self.folder)}",
            "ausrc_srate 8000",
            "auplay_srate 8000",
            f"video_size {self.video_size}",
            "video_bitrate 600000",
            "video_fps 30",
            f"rtp_ports {low}-{low + 20}",
            "rtp_stats yes",
            f"net_interface {self.host}",
            f"prefer_ipv6 {'yes' if ':' in self.host else 'no'}",
            f"module_path {MODULES}",
            *(f"module {each}.so" for each in modules),
            "module_tmp uuid.so",
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            f"ctrl_tcp_listen 127.0.0.1:{control_port}",
            f"snd_path {self.folder}",
        ]
        if self.video:
            lines += [
                f"video_source avformat,{moving_picture(self.folder, self.video_size)}",
                "video_display fakevideo,nil",
            ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        video_codecs = self.video_codecs if self.video else ""
        (self.folder / "accounts").write_text(
            f"<sip:{self.name}@{self._address};transport={self.transport}>;regint=0;"
            f"audio_codecs={self.audio_codecs};video_codecs={video_codecs};answermode={self.answer}"
            f"{self.account_parameters}\n"
        )


def read_report(text: str) -> Report:
    """The tables of packets and the last `efps=sent/received` of baresip's standard output."""
    tables = {"audio": (0, 0), "video": (0, 0)}
    for kind, sent, received in re.findall(r"(audio|video) +Transmit: +Receive:\s+packets: +(\d+) +(\d+)", text):
        tables[kind] = (int(sent), int(received))
    rates = [float(each) for each in re.findall(r"efps=[\d.]+/([\d.]+)", text)]
    return Report(*tables["audio"], *tables["video"], max(rates, default=0.0), text)


def free_port(span: int = 1) -> int:
    """An even port below the range from which the system itself chooses; free, with `span` free UDP ports after it.

    Two test runs on one machine start at different places, no port is given out twice by one run, and the workers of
    one run have a part of the range each.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    part = 18000 // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) // 32 * 32
    for _ in range(1000):
        start = 12000 + worker * part + next(_steps) * 32 % part
        if all(_is_free(port) for port in range(start, start + span)):
            for _ in range(span // 32):
                next(_steps)
            return start
    raise AssertionError("no free ports")


_steps = itertools.count(os.getpid() * 7)


def _is_free(port: int) -> bool:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


@lru_cache
def _media(folder: Path, name: str, arguments: tuple[str, ...]) -> Path:
    path = folder / name
    if not path.exists():
        assert shutil.which("ffmpeg"), "ffmpeg is needed to make the test picture; `make setup` installs it"
        subprocess.run(["ffmpeg", "-loglevel", "error", "-y", *arguments, str(path)], check=True, timeout=60)
    return path


def tone(folder: Path) -> Path:
    """A minute of 440 Hz, 8 kHz mono, as a phone would hear it."""
    return _media(folder.parent, "tone.wav", ("-f", "lavfi", "-i", "sine=f=440:r=8000", "-t", "60", "-ac", "1"))


def moving_picture(folder: Path, size: str = "640x480") -> Path:
    """A minute at 30 frames/s in which something always moves."""
    source = ("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=30", "-t", "60")
    codec = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    return _media(folder.parent, f"moving-{size}.mp4", (*source, *codec))
