"""A server that is there and answers nothing: its process is stopped, or its disk hangs.

Neither end of such a connection ever hears of it, and no limit that the server itself keeps runs out. So each wait for
an answer has a deadline here; who misses it has its connection closed, and is a database that is away.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import Connection, Engine, event

RV = TypeVar("RV")


class ServerSilent(psycopg.OperationalError):
    """The server did not answer within its time. The connection is closed."""


class ImpatientConnection(psycopg.Connection[Any]):
    """answer_within_s: the longest wait for the answer to one statement; None: no limit."""

    answer_within_s: float | None = None

    def wait(self, gen: PQGen[RV], *more: Any, **how: Any) -> RV:
        if self.answer_within_s is not None:
            gen = self._watched(gen, time.monotonic() + self.answer_within_s)
        return super().wait(gen, *more, **how)

    def _watched(self, gen: PQGen[RV], deadline_s: float) -> Generator[Any, Any, RV]:
        """gen asks for the socket to be readable or writable, and is told every tenth of a second that it is not."""
        with contextlib.closing(gen):
            try:
                wanted = next(gen)
                while True:
                    ready = yield wanted
                    if not ready and time.monotonic() > deadline_s:
                        self.close()
                        raise ServerSilent(f"no answer within {self.answer_within_s:g} s")
                    wanted = gen.send(ready)
            except StopIteration as done:
                answer: RV = done.value
                return answer


def answers_within(engine: Engine, limit_s: float) -> None:
    """From its next connection on. Call it after all else that listens to `do_connect`."""

    def connect(_dialect: object, _record: object, arguments: Any, options: dict[str, Any]) -> ImpatientConnection:
        connection = ImpatientConnection.connect(*arguments, **options)
        connection.answer_within_s = limit_s
        return connection

    event.listen(engine, "do_connect", connect)


@contextlib.contextmanager
def unhurried(connection: Connection) -> Iterator[None]:
    """For what takes as long as it takes: bringing a big table up to date."""
    raw = connection.connection.driver_connection
    if not isinstance(raw, ImpatientConnection):
        yield
        return
    limit_s, raw.answer_within_s = raw.answer_within_s, None
    try:
        yield
    finally:
        raw.answer_within_s = limit_s
