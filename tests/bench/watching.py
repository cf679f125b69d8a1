"""What an officer at every visit costs: the CPU of relayed visits with one watcher each, against the same visits alone.

One run: the same process, the same streams; alone, watched, and alone again, so that a machine whose speed changes
meanwhile changes both.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.worker import Worker

_WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Watched:
    """CPU of the media plane's process for each packet that the visits relay. shown: packets to officers, likewise."""

    visits: int
    alone_us: float
    watched_us: float
    shown: float

    @property
    def ratio(self) -> float:
        return self.watched_us / self.alone_us


def measure(visits: int, seconds: float) -> Watched:
    with (
        Worker("tests.bench.load") as load,
        Worker("tests.bench.watch_load") as officers,
        Worker("tests.bench.relaying") as measured,
    ):
        offers = load.ask("offer", visits=visits)["offers"]
        load.ask("connect", answers=measured.ask("join", offers=offers)["answers"])
        alone = _Phase(measured, seconds)
        offers = officers.ask("offer", visits=visits)["offers"]
        officers.ask("connect", answers=measured.ask("watch", offers=offers)["answers"])
        watched = _Phase(measured, seconds, officers)
        measured.ask("unwatch")
        again = _Phase(measured, seconds)
        load.ask("end")
    return Watched(
        visits=visits,
        alone_us=1e6 * (alone.cpu_s + again.cpu_s) / (alone.packets + again.packets),
        watched_us=1e6 * watched.cpu_s / watched.packets,
        shown=watched.shown / watched.packets,
    )


class _Phase:
    """So many seconds, after a while in which what begins may settle."""

    def __init__(self, measured: Worker, seconds: float, officers: Worker | None = None) -> None:
        time.sleep(min(_WARM_UP_S, seconds))
        first, before = measured.ask("count"), officers.ask("count")["arrived"] if officers else 0
        time.sleep(seconds)
        last, after = measured.ask("count"), officers.ask("count")["arrived"] if officers else 0
        self.shown: int = after - before
        self.cpu_s: float = last["cpu_s"] - first["cpu_s"]
        self.packets: int = max(1, last["packets"] - first["packets"])


def numbers(visits: int, seconds: float) -> dict[str, float]:
    """`watching.overhead_ratio` and what it is made of."""
    found = measure(visits, seconds)
    print(
        f"{visits} relayed visits: {found.alone_us:.1f} us/packet, with an officer at each {found.watched_us:.1f} "
        f"({found.ratio:.2f} x); of 100 packets that are relayed an officer gets {100 * found.shown:.0f}"
    )
    return {
        "watching.overhead_ratio": round(found.ratio, 3),
        "watching.alone_us_per_packet": round(found.alone_us, 2),
        "watching.watched_us_per_packet": round(found.watched_us, 2),
        "watching.shown_per_relayed": round(found.shown, 3),
    }


if __name__ == "__main__":
    numbers(20, 8.0)
