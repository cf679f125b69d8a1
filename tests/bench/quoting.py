"""Quotes per second: the version in force, the band of the hour, the facility's cap, and the charge line by line."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.billing.caps import CapsInForce, load_caps
from gateway.billing.rating import charge
from gateway.billing.tariff import Tariffs, load_tariffs

DIALPLANS = Path(__file__).parents[2] / "dialplans"
TARIFFS = ("county-audio", "county-video", "county-phone", "demo-video")
BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def tariffs() -> Tariffs:
    """The shipped ones under the shipped caps, in a medium jail."""
    found = load_tariffs(DIALPLANS / "tariffs" / name for name in ("county.yaml", "demo.yaml"))
    return found.bound_by(
        CapsInForce(load_caps([DIALPLANS / "caps" / "us-fcc.yaml"]), {"north": ("us-fcc", "medium-jail")})
    )


def measure(count: int) -> dict[str, float]:
    """CPU time of this process, so that a busy machine does not count."""
    known = tariffs()
    lines = 0
    begin_s = time.process_time()
    for number in range(count):
        at = BEGIN + timedelta(minutes=7 * number)
        agreed = known.agreed(TARIFFS[number % len(TARIFFS)], at, facility="north", timezone="America/Chicago")
        if agreed is None:
            raise AssertionError("every one of these tariffs is in force")
        lines += len(charge(agreed, number % 1801).lines)
    took_s = time.process_time() - begin_s
    if lines < count:
        raise AssertionError("quotes without lines are no quotes")
    return {"quote.per_s": round(count / took_s)}
