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
    """CPU of the media plane's process, milliseconds a second of a visit. packets_per_s: what each officer got."""

    visits: int
    alone_ms_per_s: float
    watched_ms_per_s: float
    packets_per_s: float

    @property
    def ratio(self) -> float:
        return self.watched_ms_per_s / self.alone_ms_per_s


def measure(visits: int, seconds: float) -> Watched:
    with (
        Worker("tests.bench.load") as load,
        Worker("tests.bench.watch_load") as officers,
        Worker("tests.bench.relaying") as measured,
    ):
        offers = load.ask("offer", visits=visits)["offers"]
        load.ask("connect", answers=measured.ask("join", offers=offers)["answers"])
        time.sleep(min(_WARM_UP_S, seconds))
        before = _cpu_share(measured, seconds)
        offers = officers.ask("offer", visits=visits)["offers"]
        officers.ask("connect", answers=measured.ask("watch", offers=offers)["answers"])
        time.sleep(min(_WARM_UP_S, seconds))
        first = officers.ask("count")["arrived"]
        watched = _cpu_share(measured, seconds)
        arrived = officers.ask("count")["arrived"] - first
        measured.ask("unwatch")
        after = _cpu_share(measured, seconds)
        load.ask("end")
    return Watched(
        visits=visits,
        alone_ms_per_s=(before + after) / 2 * 1000 / visits,
        watched_ms_per_s=watched * 1000 / visits,
        packets_per_s=arrived / seconds / visits,
    )


def numbers(visits: int, seconds: float) -> dict[str, float]:
    """`watching.overhead_ratio` and what it is made of."""
    found = measure(visits, seconds)
    print(
        f"{visits} relayed visits: {found.alone_ms_per_s:.2f} ms/s each, with an officer at each "
        f"{found.watched_ms_per_s:.2f} ({found.ratio:.2f} x), who gets {found.packets_per_s:.0f} packets a second"
    )
    return {
        "watching.overhead_ratio": round(found.ratio, 3),
        "watching.alone_ms_per_s": round(found.alone_ms_per_s, 3),
        "watching.watched_ms_per_s": round(found.watched_ms_per_s, 3),
        "watching.packets_per_s": round(found.packets_per_s, 1),
    }


def _cpu_share(measured: Worker, seconds: float) -> float:
    """CPU seconds a second."""
    first, began_s = measured.ask("count")["cpu_s"], time.monotonic()
    time.sleep(seconds)
    last: float = measured.ask("count")["cpu_s"]
    return (last - first) / (time.monotonic() - began_s)


if __name__ == "__main__":
    numbers(20, 8.0)
