"""Processes that decode and encode, off the loop.

    loop                                     worker process (one for all jobs of a chain)
    chain.submit(item)  ------------------>  machine.turn(item) -> value
    done(value) or failed(error)  <--------

A chain (the codecs of one pipeline) stays on one worker, so its results keep their order. When a worker cannot keep up,
its chains are refused. Sound has workers of its own, so pictures go first.

Processes, not threads (ADR 0020): a codec that crashes takes the frames in its worker and no visit, one that hangs can
be killed, and the loop never waits for an encoder to give up the interpreter.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from bridge.codecs import post
from bridge.codecs.machine import Recipe
from bridge.codecs.nursery import Nursery
from bridge.errors import BridgeError

_log = logging.getLogger(__name__)

Item = TypeVar("Item")
Value = TypeVar("Value")

VIDEO_PENDING = 6  # a fifth of a second at 30/s: more would only be late
AUDIO_PENDING = 50  # a second
STARTING_PENDING = 45  # pictures that may wait for a worker that is still starting: 1.5 s
LOOK_S = 0.5  # how often `Workers.look` is to be called
_STRIKES = 6  # so many looks without a result, with work in hand: it hangs
_START_STRIKES = 40
_SOUND_GATHERS_S = 0.01  # blocks of several visits share a wake-up; far below the 20 ms of a block
_READ_BYTES = 1 << 18
_QUICK_DEATH_S = 5.0
_RETRY_FIRST_S, _RETRY_MOST_S = 0.2, 5.0


class WorkerDied(BridgeError):
    """The worker that had this frame died or hung; another one goes on with the next."""


class JobBroke(BridgeError):
    """A fault of ours in a machine; the worker's traceback is in the log."""


class Chain(Generic[Item, Value]):
    """The jobs of one pipeline, in order. Belongs to the loop's thread."""

    def __init__(
        self,
        worker: Worker,
        number: int,
        recipe: Recipe[Item, Value],
        *,
        urgent: bool,
        done: Callable[[Value], None],
        failed: Callable[[Exception], None],
    ) -> None:
        self.recipe = recipe
        self.urgent = urgent
        self.number = number
        self.pending = 0
        self._worker = worker
        self._done = done
        self._failed = failed
        self._closed = False

    def submit(self, item: Item) -> bool:
        """Whether there was room. `done(value)` or `failed(error)` follows on the loop, unless closed before."""
        worker = self._worker
        if self._closed or self.pending >= worker.most(urgent=self.urgent):
            return False
        self.pending += 1
        worker.put((post.TURN, self.number, item, time.monotonic()), urgent=self.urgent)
        return True

    def order(self, order: object) -> None:
        """For `Machine.obey`. A worker that died and came back does not remember it."""
        if not self._closed:
            self._worker.put((post.OBEY, self.number, order), urgent=True)

    def close(self) -> None:
        """Results on their way are dropped. Idempotent."""
        if not self._closed:
            self._closed = True
            self._worker.drop(self)

    def came(self, what: int, value: Any) -> None:
        """An outcome of the worker."""
        self.pending = max(0, self.pending - 1)
        if self._closed:
            return
        try:
            if what == post.WON:
                self._done(value)
            elif what == post.LOST:
                self._failed(value)
            else:
                _log.error("a codec job broke in its worker:\n%s", value)
                self._failed(JobBroke("a codec job broke"))
        except Exception:  # noqa: BLE001 - results of other visits wait behind this one
            _log.exception("a codec's result could not be taken")

    def lost_all(self) -> None:
        """The worker is gone with all that waited there."""
        lost, self.pending = self.pending, 0
        for _ in range(lost):
            self.came(post.LOST, WorkerDied("the codec worker died"))


@dataclass(slots=True)
class WorkerCounters:
    """deaths: of themselves or killed. hangs: killed because nothing came back. lost: jobs that went with them."""

    deaths: int = 0
    hangs: int = 0
    lost: int = 0
    jobs: int = 0


class Worker:
    """One worker process after another, for the same chains."""

    def __init__(self, nursery: Nursery, counters: WorkerCounters, *, urgent: bool) -> None:
        self.urgent = urgent
        self.chains: dict[int, Chain[Any, Any]] = {}
        self.counters = counters
        self.process_id = 0  # 0: not there yet
        self.worst_wait_s = {True: 0.0, False: 0.0}  # of urgent jobs and of the others, since last asked
        self._cpu_s = self._cpu_before_s = 0.0  # of this process; of those before it
        self._nursery = nursery
        self._loop = asyncio.get_running_loop()
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

    def add(self, chain: Chain[Any, Any]) -> None:
        self.chains[chain.number] = chain
        self.put((post.MAKE, chain.number, chain.recipe), urgent=False)

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
        self._loop.add_reader(self._connection, self._readable, self._connection)
        made: list[post.Order] = [(post.MAKE, each.number, each.recipe) for each in self.chains.values()]
        self._letters[:0] = made
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
            self._loop.remove_reader(connection)
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

    def _readable(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(_READ_BYTES)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            _log.error("codec worker %d died with %d jobs in hand", self.process_id, self.pending)
            self._die()
            return
        for message in self._reader.feed(data):
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
                self.worst_wait_s[chain.urgent] = max(self.worst_wait_s[chain.urgent], wait_s)
                chain.came(what, value)


class Workers:
    """`count` processes for pictures and one for each four of them for sound, started with their first chains.

    Sound has processes of its own: no block waits behind a picture, and one wake-up serves the blocks of many visits.
    Those of pictures run at a lower priority than all else. Belongs to one loop. look() is to be called every LOOK_S:
    it notices workers that hang.
    """

    def __init__(self, count: int) -> None:
        pictures = max(1, count)
        self._most = {False: pictures, True: max(1, pictures // 4)}
        self._nursery = Nursery()
        self._workers: dict[bool, list[Worker]] = {False: [], True: []}
        self._numbers = 0
        self._closed = False
        self.counters = WorkerCounters()

    def chain(
        self,
        recipe: Recipe[Item, Value],
        *,
        urgent: bool,
        done: Callable[[Value], None],
        failed: Callable[[Exception], None],
    ) -> Chain[Item, Value]:
        """A chain on the worker that has the fewest; results come to the running loop. urgent: sound."""
        if self._closed:
            raise RuntimeError("the codec workers are closed")
        workers = self._workers[urgent]
        if len(workers) < self._most[urgent]:
            workers.append(Worker(self._nursery, self.counters, urgent=urgent))
        worker = min(workers, key=lambda each: len(each.chains))
        self._numbers += 1
        made = Chain(worker, self._numbers, recipe, urgent=urgent, done=done, failed=failed)
        worker.add(made)
        return made

    def look(self) -> None:
        for each in self._all():
            each.look()

    @property
    def load(self) -> tuple[int, ...]:
        """Chains on each worker: those of pictures, then those of sound."""
        return tuple(len(each.chains) for each in self._all())

    @property
    def cpu_s(self) -> float:
        """Of all workers, those that died included."""
        return sum(each.cpu_s for each in self._all())

    def close(self) -> None:
        self._closed = True
        for each in self._all():
            each.close()
        for workers in self._workers.values():
            workers.clear()
        self._nursery.close()

    def _all(self) -> list[Worker]:
        return [*self._workers[False], *self._workers[True]]
