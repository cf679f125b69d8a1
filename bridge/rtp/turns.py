"""One wake-up for all media sockets of a loop.

A wake-up of the event loop for each packet costs as much as the packet's own work. So the media sockets sit in an epoll
of their own, of which the loop watches the one descriptor, and are served together:

    loop --readable--> turn: read [socket, socket, ...]; handle [packet, packet, ...]; again, until nothing waits
                             ends: what was gathered goes out at once

Reading, handling and sending each stay together, since the system's code and ours drive one another out of the
processor's caches.

When the next packet comes sooner than the rest after the last turn, packets come faster than turns are worth: then the
loop is not woken by them, but looks again after the rest, as network drivers do under load. That delays a packet by at
most `REST_S`, a tenth of what a packet of sound lasts; when a rest brought nothing, packets wake the loop again.
"""

from __future__ import annotations

import asyncio
import logging
import select
import weakref
from collections.abc import Callable
from typing import Any, Protocol

_log = logging.getLogger(__name__)

REST_S = 0.002
_MOST_EVENTS = 128
_MOST_ROUNDS = 8  # looks in one turn: timers and everything else have theirs

_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = weakref.WeakKeyDictionary()


class Taker(Protocol):
    """Who put a packet into `arrivals`."""

    take: Callable[[bytes, Any], None]

    def failed(self) -> None: ...


class Turns:
    """The media sockets of one event loop. It holds no descriptor while no socket is watched.

    What a callback raises is logged once and counted. It may take less than all that waits: it is called again in the
    same turn. What it reads it handles itself, or puts into `arrivals`.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, rest_s: float = REST_S) -> None:
        self._loop_of = weakref.ref(loop)  # the loop is the key under which this object is found
        self._rest_s = rest_s
        self._epoll: select.epoll | None = None
        self._readable: dict[int, Callable[[], None]] = {}
        self._ends: list[Callable[[], None]] = []
        self.arrivals: list[tuple[Taker, bytes, Any]] = []
        self._under_way = False
        self._listening = False
        self._resting: asyncio.TimerHandle | None = None
        self._ended_s = 0.0
        self.turns = 0
        self.failures = 0

    @classmethod
    def of_running_loop(cls) -> Turns:
        loop = asyncio.get_running_loop()
        found = _turns.get(loop)
        if found is None:
            found = _turns[loop] = cls(loop)
        return found

    def __len__(self) -> int:
        """How many sockets are watched."""
        return len(self._readable)

    def watch(self, descriptor: int, readable: Callable[[], None]) -> None:
        """Call `readable` in every turn in which the socket has something."""
        if self._epoll is None:
            self._epoll = select.epoll()
            self._listen(self._epoll)
        self._readable[descriptor] = readable
        self._epoll.register(descriptor, select.EPOLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Before the socket is closed. Idempotent."""
        if self._readable.pop(descriptor, None) is None or self._epoll is None:
            return
        self._epoll.unregister(descriptor)
        if not self._readable:
            self._stop()

    def at_end(self, call: Callable[[], None]) -> None:
        """Once, at the end of the turn that is under way, or as soon as the loop comes to it."""
        self._ends.append(call)
        if not self._under_way and len(self._ends) == 1:
            self._loop.call_soon(self._end)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        loop = self._loop_of()
        if loop is None:
            raise RuntimeError("the event loop of these sockets is gone")
        return loop

    def _stop(self) -> None:
        epoll, self._epoll = self._epoll, None
        if epoll is None:
            return
        self._stop_listening(epoll)
        if self._resting is not None:
            self._resting.cancel()
            self._resting = None
        epoll.close()

    def _listen(self, epoll: select.epoll) -> None:
        if not self._listening:
            self._listening = True
            self._loop.add_reader(epoll.fileno(), self._wake)

    def _stop_listening(self, epoll: select.epoll) -> None:
        if self._listening:
            self._listening = False
            self._loop.remove_reader(epoll.fileno())

    def _wake(self) -> None:
        """Packets wake the loop."""
        loop = self._loop
        sooner = loop.time() - self._ended_s < self._rest_s
        self._turn()
        self._ended_s = loop.time()
        if sooner and self._epoll is not None and self._resting is None:
            self._stop_listening(self._epoll)
            self._resting = loop.call_later(self._rest_s, self._look)

    def _look(self) -> None:
        """After a rest."""
        loop = self._loop
        self._resting = None
        busy = self._turn()
        self._ended_s = loop.time()
        if self._epoll is None:
            return
        if busy and not self._listening:  # else the sockets changed in this very turn: packets wake the loop again
            self._resting = loop.call_later(self._rest_s, self._look)
        else:
            self._listen(self._epoll)

    def _turn(self) -> bool:
        """Whether there was anything."""
        self.turns += 1
        self._under_way = True
        readable, busy = self._readable, False
        for _ in range(_MOST_ROUNDS):
            epoll = self._epoll
            ready = epoll.poll(0, _MOST_EVENTS) if epoll is not None else ()
            if not ready:
                break
            busy = True
            for descriptor, _event in ready:
                call = readable.get(descriptor)
                if call is None:  # it was closed in this very turn
                    continue
                try:
                    call()
                except Exception:  # noqa: BLE001 - whoever fails, the others must be served, and the next turn come
                    self._failed()
            if self.arrivals:
                self._handle()
        self._under_way = False
        if self._ends:
            self._end()
        return busy

    def _handle(self) -> None:
        for taker, packet, source in self.arrivals:
            try:
                taker.take(packet, source)
            except Exception:  # noqa: BLE001 - whatever a packet provokes, the next one must be handled
                taker.failed()
        self.arrivals.clear()  # readers hold on to the list itself

    def _end(self) -> None:
        calls, self._ends = self._ends, []
        for call in calls:
            try:
                call()
            except Exception:  # noqa: BLE001 - the others gathered something too
                self._failed()

    def _failed(self) -> None:
        """Within an except clause."""
        self.failures += 1
        if self.failures == 1:
            _log.exception("a media socket could not be served; later failures are only counted")
