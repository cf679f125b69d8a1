"""python -m tests.bench [--visits 1,10,40] [--seconds 8] [--out bench-out]

CPU is counted of the bridge's process alone (getrusage); stations and browsers live in another process. The floor is
the same packets at the same pace through as many sockets: receive, SRTP, send, and nothing else. Added latency is from
the sender's stamp to the kernel's time of arrival.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
from pathlib import Path

from tests.bench.relay import Cost, measure_all

BACK_TO_BACK = "relay.back_to_back_us_per_packet"


def table(pairs: list[tuple[Cost, Cost]]) -> str:
    lines = [
        "visits  packets/s  CPU us/packet   floor  ratio   CPU ms/s a visit   added p50 ms  p99 ms   lost",
    ]
    for relay, floor in pairs:
        per_s = 220 * relay.visits
        lines.append(
            f"{relay.visits:6d}  {per_s:9d}  {relay.us_per_packet:13.1f}  {floor.us_per_packet:6.1f}"
            f"  {relay.us_per_packet / max(0.1, floor.us_per_packet):5.2f}  {relay.us_per_packet * 0.22:17.2f}"
            f"  {relay.added_ms_p50:13.3f}  {relay.added_ms_p99:6.3f}  {relay.lost:5d}"
        )
    return "\n".join(lines)


def setup_numbers() -> dict[str, float]:
    """`setup.*`: from INVITE to the first picture, through a whole gateway, by tests/bench/setup.py when it is there.

    It has `measure() -> dict[str, float]` with whole names, and prints what it likes.
    """
    if importlib.util.find_spec("tests.bench.setup") is None:
        return {}
    found: dict[str, float] = importlib.import_module("tests.bench.setup").measure()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--visits", default="1,10,40")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    parser.add_argument("--without-setup", action="store_true", help="relay only, no whole gateway")
    options = parser.parse_args()
    sizes = tuple(int(each) for each in options.visits.split(","))
    pairs, numbers = measure_all(sizes, options.seconds)
    print(table(pairs))
    print(f"one packet received, sealed and sent back to back, without waiting: {numbers[BACK_TO_BACK]:.1f} us")
    if not options.without_setup:
        numbers |= setup_numbers()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
