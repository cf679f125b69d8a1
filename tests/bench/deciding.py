"""Decisions per second, and the time to load, of a plan of 10,000 rules and as many contacts, and 100,000 residents.

A state's prisons together: each rule a number of its own, a group, or a class of numbers, spread over ten facilities.
Residents are known by their PIN; each has three contacts of the store on the list, and limits count.
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
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, People, Resident, Standing
from gateway.policy.plan import Contact, Dialplan
from gateway.policy.usage import Usage

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
        known = "ivr: {}, region: US, limits: {visits_per_day: 3, gap_minutes: 30, velocity: {attempts: 9, minutes: 5}}"
        yield f"  - {{id: f{place}, name: Facility {place}, timezone: America/Chicago, trunks: [t{place}], {known}}}"
    yield "contacts:"
    for index in range(rules):
        yield f'  - {{id: c{index}, name: Contact {index}, number: "{number(index)}", account: c{index}}}'
    yield "rules:"
    for place in range(FACILITIES):
        yield f'  - {{name: own{place}, facility: f{place}, dialled: "_777NXXXXXX", {HOURS}, {TERMS}}}'
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


def inside(residents: int) -> tuple[People, float]:
    """Everybody, and the CPU seconds that indexing them took. Every third contact is one of the store."""
    begin_s = time.process_time()
    people = People.of(
        (Resident(str(each), f"f{each % FACILITIES}", f"Resident {each}") for each in range(residents)),
        (Contact(f"s{each}", f"Contact {each}", theirs(each), f"s{each}") for each in range(residents)),
        {
            (f"f{each % FACILITIES}", str(each), f"s{(each + far) % residents}"): Standing.APPROVED
            for each in range(residents)
            for far in range(3)
        },
        (Barrier("", Pattern.parse(f"555{9_000_000 + each}")) for each in range(1_000)),
    )
    return people, time.process_time() - begin_s


def theirs(index: int) -> str:
    return f"777{2_000_000 + index:07}"


def measure(count: int, rules: int = 10_000, residents: int = 100_000) -> dict[str, float]:
    """CPU time of this process, so that a busy machine does not count."""
    plan, load_s = loaded(rules)
    people, index_s = inside(residents)
    usage = Usage(visits_today=1, visits_this_week=2, last_ended_at=BEGIN - timedelta(hours=1), attempts=2)
    requests = [
        VisitRequest(
            f"t{index % FACILITIES}",
            "s1",
            theirs((each * 10 + index % FACILITIES) % residents) if each % 2 else number(index),
            Medium.VIDEO,
            BEGIN + timedelta(seconds=each % 36_000),
            resident=str(each * 10 % residents + index % FACILITIES),
            asked=True,
        )
        for each in range(count)
        for index in [each * 7919 % rules]
    ]
    begin_s = time.process_time()
    allowed = sum(isinstance(decide(plan, each, people, usage), Allowed) for each in requests)
    took_s = time.process_time() - begin_s
    if not 0.8 < allowed / count < 0.95:
        raise AssertionError("nine of ten calls reach a contact of the store, or a number that has a rule")
    return {"decide.per_s": round(count / took_s), "decide.load_s": round(load_s + index_s, 3)}
