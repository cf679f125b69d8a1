"""What recording costs: the CPU of relayed visits that are all recorded, against the same visits unrecorded.

One run: the same process, the same streams; without, with, and without again, so that a machine whose speed changes
meanwhile changes both. Everything counts: tap, frames, Matroska, encryption, hash and the writing to the disk. Each
packet of the load is a picture of its own, which is the dearest that a stream can be for its recorder.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass

from tests.bench.worker import Worker

_WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Recorded:
    """CPU of the media plane's process, milliseconds a second of a visit. bytes_per_s: written for each visit."""

    visits: int
    alone_ms_per_s: float
    recorded_ms_per_s: float
    bytes_per_s: float

    @property
    def ratio(self) -> float:
        return self.recorded_ms_per_s / self.alone_ms_per_s


def measure(visits: int, seconds: float, rounds: int = 2) -> Recorded:
    with (
        tempfile.TemporaryDirectory() as folder,
        Worker("tests.bench.load") as load,
        Worker("tests.bench.relaying") as measured,
    ):
        offers = load.ask("offer", visits=visits)["offers"]
        load.ask("connect", answers=measured.ask("join", offers=offers)["answers"])
        time.sleep(min(_WARM_UP_S, seconds))
        alone, recorded, written, wrote_s = [_cpu_share(measured, seconds)], [], 0, 0.0
        for _ in range(rounds):
            measured.ask("record", folder=folder)
            began_s = time.monotonic()
            time.sleep(min(_WARM_UP_S, seconds))
            recorded.append(_cpu_share(measured, seconds))
            wrote_s += time.monotonic() - began_s
            written += measured.ask("unrecord")["bytes"]
            alone.append(_cpu_share(measured, seconds))
        load.ask("end")
    return Recorded(
        visits=visits,
        alone_ms_per_s=sum(alone) / len(alone) * 1000 / visits,
        recorded_ms_per_s=sum(recorded) / len(recorded) * 1000 / visits,
        bytes_per_s=written / wrote_s / visits,
    )


def numbers(visits: int, seconds: float) -> dict[str, float]:
    """`recording.overhead_ratio` and what it is made of."""
    found = measure(visits, seconds)
    print(
        f"{visits} relayed visits: {found.alone_ms_per_s:.2f} ms/s each, recorded {found.recorded_ms_per_s:.2f} "
        f"({found.ratio:.2f} x), {found.bytes_per_s / 1000:.0f} kB/s each to the disk"
    )
    return {
        "recording.overhead_ratio": round(found.ratio, 3),
        "recording.alone_ms_per_s": round(found.alone_ms_per_s, 3),
        "recording.recorded_ms_per_s": round(found.recorded_ms_per_s, 3),
        "recording.bytes_per_s": round(found.bytes_per_s, 1),
    }


def _cpu_share(measured: Worker, seconds: float) -> float:
    """CPU seconds a second."""
    first, began_s = measured.ask("count")["cpu_s"], time.monotonic()
    time.sleep(seconds)
    last: float = measured.ask("count")["cpu_s"]
    return (last - first) / (time.monotonic() - began_s)


if __name__ == "__main__":
    numbers(20, 8.0)
