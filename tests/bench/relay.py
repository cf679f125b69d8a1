"""Relay cost and added latency at several sizes, each beside the floor for the same packets."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench.worker import Worker

_WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Cost:
    """us_per_packet: CPU of the measured process alone, user and system, all threads."""

    visits: int
    us_per_packet: float
    packets: int
    added_ms_p50: float
    added_ms_p99: float
    lost: int


def measure(visits: int, seconds: float, *, bare: bool = False) -> Cost:
    """One run: a measured process, and a load in another one. `bare`: the floor instead of the media plane."""
    with Worker("tests.bench.load") as load, Worker("tests.bench.bare" if bare else "tests.bench.relaying") as measured:
        suffix = "_bare" if bare else ""
        offers = load.ask("offer" + suffix, visits=visits)["offers"]
        answers = measured.ask("join", offers=offers)["answers"]
        load.ask("connect" + suffix, answers=answers)
        time.sleep(min(_WARM_UP_S, seconds))
        first, sent = measured.ask("count"), load.ask("begin")
        time.sleep(seconds)
        last, seen = measured.ask("count"), load.ask("end")
        packets = last["packets"] - first["packets"]
        return Cost(
            visits=visits,
            us_per_packet=1e6 * (last["cpu_s"] - first["cpu_s"]) / max(1, packets),
            packets=packets,
            added_ms_p50=seen["p50_ms"],
            added_ms_p99=seen["p99_ms"],
            lost=max(0, seen["sent"] - sent["sent"] - seen["arrived"]),
        )


def back_to_back_us() -> float:
    with Worker("tests.bench.bare") as bare:
        us: float = bare.ask("back_to_back")["us_per_packet"]
        return us


def measure_all(sizes: tuple[int, ...], seconds: float) -> tuple[list[tuple[Cost, Cost]], dict[str, float]]:
    """Pairs of (relay, floor) and the flat numbers of bench.json."""
    pairs: list[tuple[Cost, Cost]] = []
    numbers: dict[str, float] = {"relay.back_to_back_us_per_packet": round(back_to_back_us(), 2)}
    for visits in sizes:
        relay, floor = measure(visits, seconds), measure(visits, seconds, bare=True)
        pairs.append((relay, floor))
        prefix = f"relay.visits_{visits}"
        numbers[f"{prefix}.us_per_packet"] = round(relay.us_per_packet, 2)
        numbers[f"{prefix}.floor_us_per_packet"] = round(floor.us_per_packet, 2)
        numbers[f"{prefix}.added_ms_p50"] = round(relay.added_ms_p50, 3)
        numbers[f"{prefix}.added_ms_p99"] = round(relay.added_ms_p99, 3)
        numbers[f"{prefix}.floor_added_ms_p99"] = round(floor.added_ms_p99, 3)
        numbers[f"{prefix}.packets"] = relay.packets
        numbers[f"{prefix}.lost_packets"] = relay.lost
    return pairs, numbers
