"""Decisions per second, and the time to load, of a plan of 10,000 rules and as many contacts.

A state's prisons together: each rule a number of its own, a group, or a class of numbers, spread over ten facilities.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.billing.tariff import load_tariffs
from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Medium, VisitRequest
from gateway.policy.dialplan import load
from gateway.policy.plan import Dialplan

DIALPLANS = Path(__file__).parents[2] / "dialplans"
BEGIN = datetime(2026, 5, 1, 16, tzinfo=UTC)
FACILITIES = 10
HOURS = 'hours: {daily: ["07:00-22:00"]}'
TERMS = "tariff: {audio: demo-audio, video: demo-video}, max_minutes: 20"


def number(index: int) -> str:
    return f"555{2_000_000 + index:07}"


def written(rules: int) -> Iterator[str]:
    """The lines of the plan: of each five rules one blocks a class of numbers, the others reach a contact."""
    yield "facilities:"
    for place in range(FACILITIES):
        yield f"  - {{id: f{place}, name: Facility {place}, timezone: America/Chicago, trunks: [t{place}]}}"
    yield "contacts:"
    for index in range(rules):
        yield f'  - {{id: c{index}, name: Contact {index}, number: "{number(index)}", account: c{index}}}'
    yield "rules:"
    for index in range(rules):
        head = f"  - {{name: r{index}, facility: f{index % FACILITIES}"
        if index % 5 == 0:
            yield f'{head}, dialled: "_9{index:05}NXX[1-5].", block: true}}'
        else:
            yield f'{head}, dialled: "{number(index)}", {HOURS}, {TERMS}}}'


def loaded(rules: int) -> tuple[Dialplan, float]:
    """The plan, and the CPU seconds that loading it took."""
    tariffs = load_tariffs([DIALPLANS / "tariffs" / "demo.yaml"])
    with TemporaryDirectory() as folder:
        path = Path(folder) / "plan.yaml"
        path.write_text("\n".join(written(rules)), "utf-8")
        begin_s = time.process_time()
        plan = load(path, tariffs)
        return plan, time.process_time() - begin_s


def measure(count: int, rules: int = 10_000) -> dict[str, float]:
    """CPU time of this process, so that a busy machine does not count."""
    plan, load_s = loaded(rules)
    requests = [
        VisitRequest(
            f"t{index % FACILITIES}",
            "s1",
            number(index),
            Medium.VIDEO,
            BEGIN + timedelta(seconds=each % 36_000),
            asked=True,
        )
        for each in range(count)
        for index in [each * 7919 % rules]
    ]
    begin_s = time.process_time()
    allowed = sum(isinstance(decide(plan, each), Allowed) for each in requests)
    took_s = time.process_time() - begin_s
    if not 0.7 < allowed / count < 0.9:
        raise AssertionError("four of five numbers have a rule that allows them")
    return {"decide.per_s": round(count / took_s), "decide.load_s": round(load_s, 3)}
