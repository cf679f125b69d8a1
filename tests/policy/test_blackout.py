"""Days without visits: on the facility's calendar, once or every year; a visit ends where one begins."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from gateway.billing.tariff import load_tariffs
from gateway.documents import DocumentError, parse_document
from gateway.policy.blackout import Blackout
from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Decision, Medium, Refusal, Refused, VisitRequest
from gateway.policy.dialplan import build
from gateway.policy.dialplan_entries import DialplanDocument
from gateway.policy.plan import Dialplan

FOLDER = Path(__file__).parents[2] / "dialplans"
TARIFFS = load_tariffs([FOLDER / "tariffs" / "demo.yaml"])
CHICAGO = ZoneInfo("America/Chicago")


def plan(days: str) -> Dialplan:
    text = (FOLDER / "demo.yaml").read_text("utf-8").replace("    adp: 80", f"    blackouts: [{days}]\n    adp: 80")
    document, source = parse_document(text, "demo.yaml", DialplanDocument)
    return build(document, source, TARIFFS)


def asked(plan: Dialplan, *at: int) -> Decision:
    when = datetime(*at, tzinfo=CHICAGO).astimezone(UTC)  # type: ignore[misc, arg-type]
    return decide(plan, VisitRequest("demo", "terminal-1", "5552368001", Medium.VIDEO, when))


@pytest.mark.parametrize(
    ("days", "inside", "outside"),
    [
        ("2026-12-25", ["2026-12-25"], ["2026-12-24", "2026-12-26", "2027-12-25"]),
        ("2026-07-01..2026-07-04", ["2026-07-01", "2026-07-04"], ["2026-06-30", "2026-07-05", "2027-07-02"]),
        ("12-25", ["2026-12-25", "2031-12-25"], ["2026-12-24"]),
        ("12-24..01-01", ["2026-12-24", "2026-12-31", "2027-01-01"], ["2026-12-23", "2027-01-02"]),
        ("02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
    ],
)
def test_days(days: str, inside: list[str], outside: list[str]) -> None:
    blackout = Blackout.parse(days)
    assert [each for each in inside + outside if blackout.covers(date.fromisoformat(each))] == inside


def test_the_day_is_the_facilitys() -> None:
    christmas = plan("2026-12-25")
    before, first, last, after = (
        asked(christmas, *at)
        for at in ((2026, 12, 24, 23, 0), (2026, 12, 25, 0, 0), (2026, 12, 25, 23, 59), (2026, 12, 26, 0, 0))
    )
    assert isinstance(before, Allowed)
    assert isinstance(after, Allowed)
    for each in (first, last):
        assert isinstance(each, Refused)
        assert each.refusal is Refusal.BLACKOUT
        assert each.path[-1] == "no blackout: FAIL"


def test_a_visit_ends_where_the_day_begins() -> None:
    late = asked(plan("12-25"), 2026, 12, 24, 23, 50)
    assert isinstance(late, Allowed)
    assert late.terms.max_seconds == 600
    assert late.terms.closes_at == datetime(2026, 12, 25, 6, tzinfo=UTC)


def test_a_plan_without_such_days_decides_as_before() -> None:
    free, other = asked(plan(""), 2026, 12, 24, 23, 50), asked(plan("2030-01-01"), 2026, 12, 24, 23, 50)
    assert replace(other, path=()) == replace(free, path=())
    assert "no blackout: PASS" not in free.path


@pytest.mark.parametrize(
    ("days", "remedy"),
    [
        ("christmas", "write for instance 2026-12-25"),
        ("2026-02-30", "the calendar has no such day"),
        ("2026-07-04..2026-07-01", "write 2026-07-01..2026-07-04"),
        ("2026-07-04..07-08", "are no days"),
    ],
)
def test_what_are_no_days_is_told_with_its_line(days: str, remedy: str) -> None:
    with pytest.raises(DocumentError) as told:
        plan(f'"{days}"')
    (problem,) = told.value.problems
    assert (problem.line, problem.field) == (11, "facilities[0].blackouts[0]")
    assert remedy in problem.message
