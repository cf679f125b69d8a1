"""python -m tests.bench [--visits 1,10,40,100] [--transcoded 1,2,4] [--seconds 8] [--out bench-out]

CPU is counted of the bridge's process alone (getrusage); stations and browsers live in another process. The floor is
the same packets at the same pace through as many sockets: receive, SRTP, send, and nothing else. Added latency is from
the sender's stamp to the kernel's time of arrival; the floor's own p99 shows what the machine adds when it is busy.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tests.bench.closing import measure as measure_closing
from tests.bench.deciding import measure as measure_deciding
from tests.bench.exporting import measure as measure_exporting
from tests.bench.load import AUDIO_PER_S, VIDEO_PER_S
from tests.bench.quoting import measure as measure_quoting
from tests.bench.reconciling import measure as measure_reconciling
from tests.bench.recording import numbers as measure_recording
from tests.bench.relay import Cost, measure_all
from tests.bench.setup import measure as measure_setup
from tests.bench.transcode import measure_all as measure_transcoding
from tests.bench.watching import numbers as measure_watching

PACKETS_PER_S = 2 * (AUDIO_PER_S + VIDEO_PER_S)
BACK_TO_BACK = "relay.back_to_back_us_per_packet"


def table(pairs: list[tuple[Cost, Cost]]) -> str:
    heads = (
        "visits",
        "packets/s",
        "us/packet",
        "floor us",
        "ratio",
        "ms/s a visit",
        "p50 ms",
        "p99 ms",
        "floor p99",
        "lost",
    )
    lines = ["  ".join(heads)]
    for relay, floor in pairs:
        values = (
            f"{relay.visits}",
            f"{PACKETS_PER_S * relay.visits}",
            f"{relay.us_per_packet:.1f}",
            f"{floor.us_per_packet:.1f}",
            f"{relay.us_per_packet / max(0.1, floor.us_per_packet):.2f}",
            f"{relay.us_per_packet * PACKETS_PER_S / 1000:.2f}",
            f"{relay.added_ms_p50:.3f}",
            f"{relay.added_ms_p99:.3f}",
            f"{floor.added_ms_p99:.3f}",
            f"{relay.lost}",
        )
        lines.append("  ".join(value.rjust(len(head)) for head, value in zip(heads, values, strict=True)))
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--visits", default="1,10,40,100")
    parser.add_argument("--transcoded", default="1,2,4", help="so many transcoded visits at once; empty: none")
    parser.add_argument("--watched", type=int, default=20, help="so many visits with an officer at each; 0: none")
    parser.add_argument("--recorded", type=int, default=20, help="so many recorded visits at once; 0: none")
    parser.add_argument("--reconciled", type=int, default=333_000, help="so many records beside a carrier's; 0: none")
    parser.add_argument("--quotes", type=int, default=100_000, help="so many charges reckoned; 0: none")
    parser.add_argument("--decisions", type=int, default=50_000, help="so many decisions of a large plan; 0: none")
    parser.add_argument("--closed", type=int, default=2_000, help="so many visits closed on each database; 0: none")
    parser.add_argument("--records", type=int, default=200_000, help="so many CDRs exported (a year: 4000000); 0: none")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--out", type=Path, default=Path("bench-out"))
    parser.add_argument("--without-setup", action="store_true", help="relay only, no whole gateway")
    options = parser.parse_args()
    sizes = tuple(int(each) for each in options.visits.split(","))
    pairs, numbers = measure_all(sizes, options.seconds)
    print(table(pairs))
    print(f"one packet received, sealed and sent back to back, without waiting: {numbers[BACK_TO_BACK]:.1f} us")
    if options.transcoded:
        transcoded = tuple(int(each) for each in options.transcoded.split(","))
        numbers |= measure_transcoding(transcoded, options.seconds, pairs[-1][0].us_per_packet)
    if options.watched:
        numbers |= measure_watching(options.watched, options.seconds)
    if options.recorded:
        numbers |= measure_recording(options.recorded, options.seconds)
    if options.reconciled:
        numbers |= measure_reconciling(options.reconciled)
    if options.quotes:
        numbers |= measure_quoting(options.quotes)
    if options.decisions:
        numbers |= measure_deciding(options.decisions)
    if options.closed:
        numbers |= measure_closing(options.closed)
    if options.records:
        numbers |= measure_exporting(options.records)
    if not options.without_setup:
        numbers |= measure_setup()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "bench.json").write_text(json.dumps(numbers, indent=2) + "\n")


if __name__ == "__main__":
    main()
