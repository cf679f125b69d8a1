"""The store's thread at work: one database, one connection at a time, one transaction after the other.

    sqlite       a writer has the file from its first statement on; whoever comes second waits busy_timeout_s
    postgresql   writers run beside each other and the server finds who saw what another one changed (SERIALIZABLE):
                 that one is run again, now in turn with all others that lost. After a loss the next writes take
                 turns from the start: where there are many writers to one account, they form a queue, as on SQLite

Why so: docs/adr/0027.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import URL, Engine

from gateway.errors import StoreUnavailable
from gateway.store.claim import claims_on
from gateway.store.engine import LONGEST_ANSWER_S, is_in_memory, is_postgresql, make_engine, transaction
from gateway.store.faults import Conflict, ConnectionLost, Duplicate, Silence, translated
from gateway.store.migrate import migrate
from gateway.store.postgresql import check_server, turn
from gateway.store.silence import unhurried
from gateway.store.work import Work

T = TypeVar("T")
_ATTEMPTS = 25  # each but the first in turn: only those that have not lost yet can come between
_CROWDED_WRITES = 50  # so many writes take turns from the start after one has lost


class Session:
    """Used from the store's thread only, but for its making."""

    def __init__(self, url: URL, name: str, busy_timeout_s: float, answer_within_s: float = LONGEST_ANSWER_S) -> None:
        self._url = url
        self._name = name
        self._busy_timeout_s = busy_timeout_s
        self._answer_within_s = answer_within_s
        self._claims = claims_on(url)
        self._engine: Engine | None = None
        self._crowded = 0  # writes that will take turns from the start
        self.silences = 0  # how often the server did not answer in its time

    def start(self) -> None:
        """Connects and brings the schema up to date."""
        with translated(self._name):
            self._engine = make_engine(self._url, self._busy_timeout_s, self._answer_within_s)
            with self._engine.connect() as connection:
                if is_postgresql(self._url):
                    check_server(connection)
                with unhurried(connection):
                    migrate(connection)

    def end(self) -> None:
        self._claims.drop()
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def claim(self, node: str) -> None:
        with translated(self._name):
            self._claims.take(node, self._opened())

    def read(self, function: Callable[[Work], T]) -> T:
        return self._reconnecting(function, writing=False, in_turn=False)

    def write(self, function: Callable[[Work], T]) -> T:
        if not is_postgresql(self._url):
            return self._reconnecting(function, writing=True, in_turn=False)
        duplicates = 0
        for attempt in range(_ATTEMPTS):
            in_turn = attempt > 0 or self._crowded > 0
            self._crowded = max(0, self._crowded - 1)
            try:
                return self._reconnecting(function, writing=True, in_turn=in_turn)
            except Conflict:
                self._crowded = _CROWDED_WRITES
            except Duplicate:  # lost a race for a key, or a mistake: the second run knows
                if duplicates:
                    raise
                duplicates = 1
        raise StoreUnavailable(f"the database {self._name} is too busy with other writers; nothing was written")

    def _reconnecting(self, function: Callable[[Work], T], *, writing: bool, in_turn: bool) -> T:
        """A connection that died while nobody used it is no trouble of the caller's. One that fell silent is."""
        try:
            return self._once(function, writing=writing, in_turn=in_turn)
        except _InDoubt as error:
            raise StoreUnavailable(str(error)) from None
        except Silence:
            raise
        except ConnectionLost:
            return self._once(function, writing=writing, in_turn=in_turn)

    def _once(self, function: Callable[[Work], T], *, writing: bool, in_turn: bool) -> T:
        engine = self._opened()
        committing = False
        try:
            with (
                translated(self._name),
                engine.connect() as plain,
                turn(plain) if in_turn else contextlib.nullcontext(),
                transaction(plain, writing=writing) as connection,
                connection.begin(),
            ):
                result = function(Work(connection))
                committing = writing
        except ConnectionLost as error:
            engine.dispose()
            self.silences += isinstance(error, Silence)
            if committing:
                raise _InDoubt(f"the database {self._name} went away while it committed; repeat it") from None
            raise
        except StoreUnavailable:
            if not is_postgresql(self._url) and not is_in_memory(self._url):
                engine.dispose()  # the next try begins with a new connection: the trouble may be over by then
            raise
        return result

    def _opened(self) -> Engine:
        if self._engine is None:
            raise StoreUnavailable(f"the database {self._name} is closed")
        return self._engine


class _InDoubt(ConnectionLost):
    """The connection was lost between the commit and its answer."""
