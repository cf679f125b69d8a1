"""From INVITE to the first picture at the family, through a whole gateway: the demonstration, again and again.

Each run is a gateway, a terminal and a headless family in processes of their own; the family accepts as soon as it
rings, so that the figure is signalling, ICE, DTLS and the wait for a keyframe, and nobody's hesitation.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 9


def measure(runs: int = RUNS) -> dict[str, float]:
    """`setup.first_picture_ms_p50` and `_p95`, in milliseconds."""
    found = sorted(first_picture_ms() for _ in range(runs))
    p95 = found[-1] if len(found) < 2 else statistics.quantiles(found, n=20, method="inclusive")[-1]
    numbers = {"setup.first_picture_ms_p50": statistics.median(found), "setup.first_picture_ms_p95": p95}
    print(f"INVITE to first picture, {runs} visits: p50 {statistics.median(found):.0f} ms, p95 {p95:.0f} ms")
    return numbers


def first_picture_ms() -> float:
    """One visit of three seconds. Raises CalledProcessError, and prints the story, when it was not as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "gateway", "demo", "--seconds", "3", "--output", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=90)
        if done.returncode != 0:
            print(done.stdout, done.stderr)
            done.check_returncode()
        report = json.loads((Path(folder) / "report.json").read_text())
        return float(report["first_frame_ms"])
