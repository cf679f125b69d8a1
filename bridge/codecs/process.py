"""The gateway's end of one codec worker: its process, its socket, what is in hand there."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections import deque
from dataclasses import dataclass
from typing import Any

from bridge.codecs import post
from bridge.codecs.chain import Chain
from bridge.codecs.nursery import Nursery
from bridge.rtp.turns import Turns

_log = logging.getLogger(__name__)

VIDEO_PENDING = 6  # a fifth of a second at 30/s: more would only be late
AUDIO_PENDING = 50  # a second
STARTING_PENDING = 45  # pictures that may wait for a worker that is still starting: 1.5 s
LOOK_S = 0.5  # how often `Worker.look` is to be called
_STRIKES = 8  # so many looks without a result, with work in hand: it hangs
_START_STRIKES = 40
_SOUND_GATHERS_S = 0.02  # blocks of both directions and of several visits share a wake-up; as long as a block lasts
_QUICK_DEATH_S = 5.0
_RETRY_FIRST_S, _RETRY_MOST_S = 0.2, 5.0


@dataclass(slots=True)
class WorkerCounters:
    """deaths: of themselves or killed. hangs: killed because nothing came back. lost: jobs that went with them."""

    deaths: int = 0
    hangs: int = 0
    lost: int = 0
    jobs: int = 0


@dataclass(slots=True)
class Waits:
    count: int = 0
    total_s: float = 0.0

    def add(self, wait_s: float) -> None:
        self.count += 1
        self.total_s += wait_s


class Worker:
    """One worker process after another, for the same chains."""

    def __init__(self, nursery: Nursery, counters: WorkerCounters, *, urgent: bool) -> None:
        self.urgent = urgent
        self.chains: dict[int, Chain[Any, Any]] = {}
        self.counters = counters
        self.process_id = 0  # 0: not there yet
        self._waits = Waits()
        self._cpu_seen_s = 0.0
        self._cpu_s = self._cpu_before_s = 0.0  # of this process; of those before it
        self._standing: object | None = None
        self._nursery = nursery
        self._loop = asyncio.get_running_loop()
        self._turns = Turns.of_running_loop()  # results come in the same wake-ups as packets
        self._letters: list[post.Order] = []
        self._flush: asyncio.Handle | None = None
        self._flush_soon = False
        self._unsent: deque[bytes] = deque()
        self._writing = False
        self._strikes = 0
        self._retry_s = 0.0
        self._began_s = 0.0
        self._restart: asyncio.Handle | None = None
        self._connection: socket.socket | None = None
        self._reader = post.Reader()
        self._start()

    @property
    def cpu_s(self) -> float:
        return self._cpu_before_s + self._cpu_s

    @property
    def pending(self) -> int:
        return sum(each.pending for each in self.chains.values())

    def most(self, *, urgent: bool) -> int:
        if urgent:
            return AUDIO_PENDING
        return VIDEO_PENDING if self.process_id else STARTING_PENDING

    def waits(self) -> Waits:
        """Since this was asked last. A picture at which the worker sits all the while waits too."""
        waits, self._waits = self._waits, Waits()
        if not waits.count and self._strikes and self.pending:
            waits.add(self._strikes * LOOK_S)
        return waits

    def cpu_since(self) -> float:
        """CPU seconds since this was asked last."""
        used_s, self._cpu_seen_s = self.cpu_s - self._cpu_seen_s, self.cpu_s
        return used_s

    def add(self, chain: Chain[Any, Any]) -> None:
        self.chains[chain.number] = chain
        for letter in self._beginning(chain):
            self.put(letter, urgent=False)

    def stand(self, order: object) -> None:
        """For all chains, those to come and those made anew included."""
        self._standing = order
        for number in self.chains:
            self.put((post.OBEY, number, order), urgent=False)

    def _beginning(self, chain: Chain[Any, Any]) -> list[post.Order]:
        letters: list[post.Order] = [(post.MAKE, chain.number, chain.recipe)]
        if self._standing is not None:
            letters.append((post.OBEY, chain.number, self._standing))
        return letters

    def drop(self, chain: Chain[Any, Any]) -> None:
        if self.chains.pop(chain.number, None) is not None:
            self.put((post.DROP, chain.number), urgent=True)

    def put(self, letter: post.Order, *, urgent: bool) -> None:
        """Written at the end of the loop's turn; sound alone may wait for more of it."""
        self._letters.append(letter)
        if self._flush is None:
            self._flush_soon = not urgent
            if urgent:
                self._flush = self._loop.call_later(_SOUND_GATHERS_S, self._write)
            else:
                self._flush = self._loop.call_soon(self._write)
        elif not urgent and not self._flush_soon:
            self._flush.cancel()
            self._flush_soon = True
            self._flush = self._loop.call_soon(self._write)

    def look(self) -> None:
        """Every LOOK_S. Looks are counted, not seconds: a gateway that was stopped itself must not blame workers."""
        if self._connection is None or not (self.pending or not self.process_id):
            self._strikes = 0
            return
        self._strikes += 1
        if self._strikes > (_STRIKES if self.process_id else _START_STRIKES):
            self.counters.hangs += 1
            _log.error("codec worker %d hangs; it is killed", self.process_id)
            if self.process_id:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(self.process_id, signal.SIGKILL)  # its socket is open, so the number is still its own
            self._die()

    def close(self) -> None:
        self._close_connection()
        for handle in (self._flush, self._restart):
            if handle is not None:
                handle.cancel()
        self.chains.clear()

    # ---- its life ----

    def _start(self) -> None:
        self._restart = None
        self._began_s = time.monotonic()
        self._connection = self._nursery.fork(post.SOUND if self.urgent else post.PICTURES)
        self._connection.setblocking(False)
        self._reader = post.Reader()
        self._turns.watch(self._connection.fileno(), self._readable)
        self._letters[:0] = [letter for chain in self.chains.values() for letter in self._beginning(chain)]
        self._write()

    def _die(self) -> None:
        """Whatever was in hand is lost; the chains go on with the next process."""
        self.process_id = 0
        self._cpu_before_s, self._cpu_s = self.cpu_s, 0.0
        self._close_connection()
        self.counters.deaths += 1
        self.counters.lost += self.pending
        quick = time.monotonic() - self._began_s < _QUICK_DEATH_S
        self._retry_s = min(max(_RETRY_FIRST_S, self._retry_s * 2), _RETRY_MOST_S) if quick else 0.0
        self._letters.clear()
        self._restart = self._loop.call_later(self._retry_s, self._start)
        for chain in tuple(self.chains.values()):
            chain.lost_all()

    def _close_connection(self) -> None:
        connection, self._connection = self._connection, None
        self._unsent.clear()
        self._strikes = 0
        if connection is not None:
            self._turns.unwatch(connection.fileno())
            if self._writing:
                self._loop.remove_writer(connection)
                self._writing = False
            connection.close()

    # ---- its socket ----

    def _write(self) -> None:
        self._flush = None
        if self._connection is None:
            return  # what was submitted since the last one died waits for the next
        letters, self._letters = self._letters, []
        if letters:
            self._unsent.append(post.frame(letters))
            if not self._writing:
                self._send(self._connection)

    def _send(self, connection: socket.socket) -> None:
        while self._unsent:
            data = self._unsent[0]
            try:
                sent = connection.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                self._die()
                return
            if sent < len(data):
                self._unsent[0] = data[sent:]
                if not self._writing:
                    self._writing = True
                    self._loop.add_writer(connection, self._send, connection)
                return
            self._unsent.popleft()
        if self._writing:
            self._writing = False
            self._loop.remove_writer(connection)

    def _readable(self) -> None:
        connection = self._connection
        if connection is None:
            return
        try:
            messages = self._reader.read(connection)
        except BlockingIOError:
            return
        except OSError:
            messages = None
        if messages is None:
            _log.error("codec worker %d died with %d jobs in hand", self.process_id, self.pending)
            self._die()
            return
        for message in messages:
            if message[0] == post.HELLO:
                self.process_id, self._strikes = message[1], 0
            else:
                self._report(message[1], message[2])

    def _report(self, outcomes: list[post.Outcome], cpu_s: float) -> None:
        self._strikes = 0
        self._cpu_s = cpu_s
        self.counters.jobs += len(outcomes)
        for what, number, value, wait_s in outcomes:
            chain = self.chains.get(number)
            if chain is not None:
                self._waits.add(wait_s)
                chain.came(what, value)
