"""What a transcoding visit costs beside its bare codecs, what it does to a relayed neighbour, and visits per core."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.load import AUDIO_PER_S, VIDEO_PER_S
from tests.bench.worker import Worker

PACKETS_PER_S = 2 * (AUDIO_PER_S + VIDEO_PER_S)
_WARM_UP_S = 3.0
_MOST_LEFT_OUT = 0.02


@dataclass(frozen=True, slots=True)
class TranscodeCost:
    """cpu_ms_per_s: of gateway and codec workers together, for one transcoded visit, the relayed one taken off.

    loop_ms_per_s: of the gateway's own process. beside_ms: what a relayed visit's packets take through it.
    """

    kind: str
    visits: int
    seconds: float
    cpu_ms_per_s: float
    loop_ms_per_s: float
    frames_per_s: float
    dropped: int
    thinned: int
    beside_ms_p50: float
    beside_ms_p99: float


def measure(kind: str, visits: int, seconds: float, relay_ms_per_s: float = 0.0, *, threads: int = 0) -> TranscodeCost:
    """One run. relay_ms_per_s: what the relayed visit costs alone. threads: so many instead of worker processes."""
    with Worker("tests.bench.transcode_load") as load, Worker("tests.bench.transcoding") as measured:
        if threads:
            measured.ask("use_threads", count=threads)
        offers = load.ask("offer", visits=visits, kind=kind)["offers"]
        answers = measured.ask("join", offers=offers)["answers"]
        load.ask("connect", answers=answers)
        time.sleep(min(_WARM_UP_S, 2 * seconds))
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
        seconds=passed_s,
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


def alone_ms_per_s(seconds: float) -> float:
    """CPU of a gateway with nothing but the relayed visit, which all other runs have beside."""
    return measure("video_audio", 0, seconds).cpu_ms_per_s


def measure_all(sizes: tuple[int, ...], seconds: float, relay_us_per_packet: float) -> dict[str, float]:
    """Prints the tables; returns the flat numbers of bench.json, of a visit among as many as the largest size.

    relay_us_per_packet: of `relay` in the same run, at its largest size.
    """
    relayed = alone_ms_per_s(seconds)
    numbers: dict[str, float] = {}
    print("transcoding         visits  CPU ms/s  of it loop  codecs alone  ratio  frames/s  lost  beside p50, p99 ms")
    for visits in sizes:
        alone = codecs_alone(visits, seconds)
        bare = sum(alone.values())
        cost = measure("video_audio", visits, seconds, relayed)
        print(_line(cost, bare))
        prefix = f"transcode.visits_{visits}"
        numbers[f"{prefix}.cpu_ms_per_s"] = round(cost.cpu_ms_per_s, 2)
        numbers[f"{prefix}.codecs_ms_per_s"] = round(bare, 2)
        numbers[f"{prefix}.beside_ms_p99"] = round(cost.beside_ms_p99, 3)
    numbers["transcode.visits"] = sizes[-1]
    numbers["transcode.video_audio.cpu_ms_per_s"] = round(cost.cpu_ms_per_s, 2)
    numbers["transcode.video_audio.codecs_ms_per_s"] = round(bare, 2)
    for name, value in alone.items():
        numbers[f"transcode.codecs.{name.lower().replace(' ', '_')}_ms_per_s"] = round(value, 2)
    audio = measure("audio", sizes[-1], seconds, relayed)
    print(_line(audio, alone["PCMU to OPUS"] + alone["OPUS to PCMU"]))
    numbers["transcode.audio.cpu_ms_per_s"] = round(audio.cpu_ms_per_s, 2)
    relay_ms = relay_us_per_packet * PACKETS_PER_S / 1000
    costs = {"relay": relay_ms, "audio_transcode": audio.cpu_ms_per_s, "full_transcode": cost.cpu_ms_per_s}
    print("visits per core     CPU ms/s  visits")
    for name, ms_per_s in costs.items():
        visits_per_core = round(1000 / max(0.1, ms_per_s), 1)
        numbers[f"capacity.{name}.visits_per_core"] = visits_per_core
        print(f"{name:18}  {ms_per_s:8.1f}  {visits_per_core:6.1f}")
    return numbers


def compare_threads(sizes: tuple[int, ...], seconds: float) -> None:
    """The measurement of ADR 0020."""
    relayed = alone_ms_per_s(seconds)
    for visits in sizes:
        for name, threads in (("processes", 0), ("threads", 2)):
            cost = measure("video_audio", visits, seconds, relayed, threads=threads)
            print(f"{name:9} {_line(cost, 0.0)}")


def _line(cost: TranscodeCost, bare: float) -> str:
    """No ratio when pictures were lost or thinned: that work was not done."""
    left_out = cost.dropped + cost.thinned
    whole = left_out < _MOST_LEFT_OUT * cost.frames_per_s * cost.visits * cost.seconds
    ratio = f"{cost.cpu_ms_per_s / bare:5.2f}" if bare and whole else "    -"
    return (
        f"{cost.kind:18}  {cost.visits:6}  {cost.cpu_ms_per_s:8.1f}  {cost.loop_ms_per_s:10.1f}  {bare:12.1f}  {ratio}"
        f"  {cost.frames_per_s:8.1f}  {left_out:4}  {cost.beside_ms_p50:.2f}, {cost.beside_ms_p99:.2f}"
    )
