"""What a transcoding visit costs beside its bare codecs, what it does to a relayed neighbour, and visits per core."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.worker import Worker

_WARM_UP_S = 3.0


@dataclass(frozen=True, slots=True)
class TranscodeCost:
    """cpu_ms_per_s: of gateway and codec workers together, for one transcoded visit, the relayed one taken off.

    loop_ms_per_s: of the gateway's own process. beside_ms: what a relayed visit's packets take through it.
    """

    kind: str
    visits: int
    cpu_ms_per_s: float
    loop_ms_per_s: float
    frames_per_s: float
    dropped: int
    thinned: int
    beside_ms_p50: float
    beside_ms_p99: float


def measure(kind: str, visits: int, seconds: float, relay_ms_per_s: float = 0.0) -> TranscodeCost:
    with Worker("tests.bench.transcode_load") as load, Worker("tests.bench.transcoding") as measured:
        offers = load.ask("offer", visits=visits, kind=kind)["offers"]
        answers = measured.ask("join", offers=offers)["answers"]
        load.ask("connect", answers=answers)
        time.sleep(_WARM_UP_S)
        load.ask("begin")
        first, began_s = measured.ask("count"), time.monotonic()
        time.sleep(seconds)
        last, passed_s = measured.ask("count"), time.monotonic() - began_s
        seen = load.ask("end")

    def rate(name: str) -> float:
        return float(last[name] - first[name]) / passed_s

    return TranscodeCost(
        kind=kind,
        visits=visits,
        cpu_ms_per_s=(1000 * rate("cpu_s") - relay_ms_per_s) / max(1, visits),
        loop_ms_per_s=(1000 * rate("loop_cpu_s") - relay_ms_per_s) / max(1, visits),
        frames_per_s=rate("encoded") / max(1, visits),
        dropped=last["dropped"] - first["dropped"],
        thinned=last["thinned"] - first["thinned"],
        beside_ms_p50=seen["p50_ms"],
        beside_ms_p99=seen["p99_ms"],
    )


def codecs_alone(visits: int, seconds: float) -> dict[str, float]:
    """Milliseconds of CPU a second and visit of each way, while the same load plays to nobody."""
    with Worker("tests.bench.transcode_load") as load, Worker("tests.bench.codecs_alone") as worker:
        load.ask("play_to_nobody", visits=visits, kind="video_audio")
        return worker.ask("measure", visits=visits, seconds=seconds)
