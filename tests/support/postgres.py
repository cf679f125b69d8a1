"""A real PostgreSQL server for tests: in a folder of its own, on a free port and a socket there, gone afterwards.

    with PostgresServer() as server:
        url = server.new_database()      # with the tables of this version, copied from a template: some 50 ms
        server.kill(); server.start()    # kill -9 of the whole server, and its return
        server.freeze(); server.thaw()   # it is there and answers nothing; it goes on as if nothing had been

It loses what it has when the machine loses power (fsync is off) unless `durable`: a killed process loses nothing
either way, as what it wrote is in the kernel's hands.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import psycopg

from gateway.store.engine import display_name, parse_url
from gateway.store.session import Session
from tests.support.baresip import free_port

_QUICK = ("fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0")
LOCKED = "locked"  # a role of this name, once there is one, needs its password; all others come in without
_TEMPLATE = "kinbridge_template"


class PostgresServer:
    """durable: fsync as in production. settings: more of postgresql.conf, as `name=value`."""

    def __init__(self, *, durable: bool = False, settings: tuple[str, ...] = ()) -> None:
        self.port = 0
        self._settings = (() if durable else _QUICK) + settings
        self._folder = Path(tempfile.mkdtemp(prefix="kinbridge-pg-"))
        self._numbers = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._frozen = False

    # databases

    def url(self, database: str = "postgres", user: str = "kinbridge") -> str:
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"

    def new_database(self, *, empty: bool = False) -> str:
        """The URL of one with all tables and nothing in them; empty: without tables."""
        name = f"kinbridge_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {'template0' if empty else _TEMPLATE}")
        return self.url(name)

    def drop(self, url: str) -> None:
        """With whoever is still in it."""
        self.execute(f"DROP DATABASE {url.rpartition('/')[2]} WITH (FORCE)")

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """As the administrator, outside of any transaction."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(cast("Any", sql))
            return cursor.fetchall() if cursor.description else []

    # the server

    def start(self) -> None:
        """Waits until it answers; after `kill` that may take until the last of its old processes is gone."""
        deadline = time.monotonic() + 60
        while not self._answers():
            if self._process is None or self._process.poll() is not None:
                self._process = self._run()
            if time.monotonic() > deadline:
                raise AssertionError(f"PostgreSQL did not start:\n{(self._folder / 'log').read_text()[-2000:]}")
            time.sleep(0.05)

    def kill(self) -> None:
        """kill -9: no checkpoint, no farewell to its clients."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """The administrator's fast shutdown: sessions are told and ended."""
        self._signal(signal.SIGINT)

    def freeze(self) -> None:
        """Every process of the server is stopped where it stands: connections stay, nothing is answered."""
        self._frozen = True
        self._signal_all(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal_all(signal.SIGCONT)
        self._frozen = False

    def _signal_all(self, number: signal.Signals) -> None:
        """The postmaster first: a stopped one makes no more children."""
        assert self._process is not None
        os.kill(self._process.pid, number)
        for child in _children(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, number)

    def __enter__(self) -> Self:
        try:
            self._prepare()
            self.start()
            self._make_template()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._signal(signal.SIGQUIT)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self) -> None:
        if os.geteuid() == 0:
            os.chown(self._folder, _account().pw_uid, _account().pw_gid)
        self.port = free_port()
        # sorts text as people do, so that a query which relies on the order of bytes is found out
        people = ("--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")
        command = [str(_programs() / "initdb"), "--no-sync", "--auth=trust", "--username=kinbridge", *people]
        done = subprocess.run(
            [*command, "-D", str(self._folder / "data")],
            **_as_user(),
            cwd=self._folder,
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        rules = self._folder / "data" / "pg_hba.conf"
        rules.write_text(f"host all {LOCKED} all scram-sha-256\n{rules.read_text()}")

    def _run(self) -> subprocess.Popen[bytes]:
        command = [str(_programs() / "postgres"), "-D", str(self._folder / "data"), "-k", str(self._folder)]
        settings = ("listen_addresses=127.0.0.1", f"port={self.port}", *self._settings)
        with (self._folder / "log").open("ab") as log:
            return subprocess.Popen(
                [*command, *(word for each in settings for word in ("-c", each))],
                **_as_user(),
                cwd=self._folder,
                stdout=log,
                stderr=log,
            )

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            return False
        return True

    def _make_template(self) -> None:
        self.execute(f"CREATE DATABASE {_TEMPLATE} TEMPLATE template0")
        url = parse_url(self.url(_TEMPLATE))
        session = Session(url, display_name(url), 5.0)
        session.start()
        session.end()

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is not None:
            if self._frozen:
                self.thaw()  # a stopped process hears of nothing else
            self._process = None
            process.send_signal(number)
            process.wait(30)


def _programs() -> Path:
    """Debian keeps each version's server programs in a folder of its own; the newest is taken."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: int(each.parts[4]))
    initdb = str(found[-1]) if found else shutil.which("initdb")
    assert initdb, "PostgreSQL's server is not installed: apt-get install postgresql"
    return Path(initdb).parent


def _children(parent: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{parent}/task/{parent}/children").read_text().split()]


def _account() -> pwd.struct_passwd:
    """The server refuses to run as root."""
    names: tuple[str, ...] = ("postgres", "nobody")
    look_up: Callable[[str], pwd.struct_passwd] = pwd.getpwnam
    for name in names:
        try:
            return look_up(name)
        except KeyError:
            continue
    raise AssertionError("there is no user postgres or nobody for the server to run as")


def _as_user() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": _account().pw_uid, "group": _account().pw_gid, "extra_groups": []}
