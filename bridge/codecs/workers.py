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

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from bridge.codecs.chain import Chain
from bridge.codecs.machine import Recipe
from bridge.codecs.nursery import Nursery
from bridge.codecs.process import Worker, WorkerCounters

Item = TypeVar("Item")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Seen:
    """What the workers were at. *_wait_s: from submission until a worker took it, on average.

    codec_cpu: of the worker for pictures that has most to spare, 1.0 for all of a core.
    """

    picture_wait_s: float = 0.0
    sound_wait_s: float = 0.0
    codec_cpu: float = 0.0


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
        self.standing: object | None = None

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
        idle = any(not each.chains for each in workers)
        if len(workers) < self._most[urgent] and not idle:
            self._engage(urgent=urgent)
        worker = min(workers, key=lambda each: len(each.chains))
        self._numbers += 1
        made = Chain(worker, self._numbers, recipe, urgent=urgent, done=done, failed=failed)
        worker.add(made)
        return made

    def warm(self) -> None:
        """Starts one worker for pictures and one for sound now: the first visit that needs them finds them ready."""
        for urgent, workers in self._workers.items():
            if not workers:
                self._engage(urgent=urgent)

    def look(self) -> None:
        for each in self._all():
            each.look()

    def stand(self, order: object) -> None:
        """A standing order for all machines of pictures, those to come too. A machine ignores what it does not know."""
        self.standing = order
        for each in self._workers[False]:
            each.stand(order)

    def seen(self, passed_s: float) -> Seen:
        """Since this was asked last, which was `passed_s` ago."""
        waits = {kind: [each.waits() for each in workers] for kind, workers in self._workers.items()}
        means = {
            kind: sum(each.total_s for each in found) / max(1, sum(each.count for each in found))
            for kind, found in waits.items()
        }
        used = [each.cpu_since() / passed_s for each in self._workers[False]]
        idle = len(used) < self._most[False]
        return Seen(means[False], means[True], 0.0 if idle else min(used, default=0.0))

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

    def _engage(self, *, urgent: bool) -> None:
        worker = Worker(self._nursery, self.counters, urgent=urgent)
        if self.standing is not None and not urgent:
            worker.stand(self.standing)
        self._workers[urgent].append(worker)

    def _all(self) -> list[Worker]:
        return [*self._workers[False], *self._workers[True]]
