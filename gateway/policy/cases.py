"""Tables of expected decisions, `*.decisions.yaml`: what a dialplan should decide, written by hand, checked by machine.

    for mistake in checked(plan, load_cases(Path("dialplans/demo.decisions.yaml"))):
        print(mistake)

A case asks one question, and names what the decision has to be; of its terms, what it mentions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field

from gateway.documents import Document, DocumentError, Problem, Source, load_with_source
from gateway.policy.cases_people import GivenPeople, GivenUsage
from gateway.policy.decide import explain
from gateway.policy.decision import Allowed, Asks, Decision, Medium, Refusal, VisitRequest
from gateway.policy.people import People
from gateway.policy.plan import Dialplan

ALLOWED = "allowed"
_OF_REFUSALS = frozenset({"rule"})
_OF_TERMS = ("rule", "contact", "account", "tariff", "max_seconds", "privileged", "monitored", "recorded")


class Case(Document):
    """at: with a zone, or without one on the wall clock of the trunk's facility.

    medium_known False: the call does not say whether it brings a picture. What is None is not looked at.
    resident: who calls, where residents are known by PIN. usage: what the caller has had.
    """

    case: Annotated[str, Field(min_length=1)]
    trunk: str
    station: str
    dialled: str
    at: datetime
    medium: Medium = Medium.VIDEO
    medium_known: bool = True
    resident: str = ""
    usage: GivenUsage = GivenUsage()
    expect: Literal["allowed"] | Refusal
    rule: str | None = None
    contact: str | None = None
    account: str | None = None
    tariff: str | None = None
    max_seconds: Annotated[int, Field(ge=1)] | None = None
    privileged: bool | None = None
    monitored: bool | None = None
    recorded: bool | None = None


class Cases(Document):
    """The whole document. people: who is there."""

    people: GivenPeople = GivenPeople()
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Table:
    """The cases of one file, the people they are about, and where each stands."""

    cases: tuple[Case, ...]
    people: People
    source: Source


def load_cases(path: Path) -> Table:
    """Raises DocumentError, also for cases of one name and for terms that a refusal does not have."""
    document, source = load_with_source(path, Cases)
    problems = list(_mistakes(document, source))
    if problems:
        raise DocumentError(problems)
    return Table(document.cases, document.people.people(), source)


def _mistakes(document: Cases, source: Source) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, case in enumerate(document.cases):
        if case.case in seen:
            yield source.problem(f"{case.case!r} stands above already", "cases", index, "case")
        seen.add(case.case)
        if case.expect == ALLOWED:
            continue
        for key in sorted(_expected(case).keys() - _OF_REFUSALS):
            yield source.problem("a refusal has no such thing; take it away", "cases", index, key)


def checked(plan: Dialplan, table: Table) -> tuple[Problem, ...]:
    """Where the plan decides otherwise than the table says; empty when all is as it should be."""
    return tuple(
        table.source.problem(f"{case.case}: {message}", "cases", index)
        for index, case in enumerate(table.cases)
        for message in differences(case, decided(plan, table.people, case))
    )


def decided(plan: Dialplan, people: People, case: Case) -> Decision:
    request = question(plan, case)
    return explain(plan, request, people, case.usage.usage(request.at))


def question(plan: Dialplan, case: Case) -> VisitRequest:
    """What the case asks. Callers whom the facility's voice asks first count as asked."""
    at = instant(plan, case.trunk, case.at)
    return VisitRequest(
        case.trunk,
        case.station,
        case.dialled,
        case.medium,
        at,
        medium_known=case.medium_known,
        resident=case.resident,
        asked=True,
    )


def instant(plan: Dialplan, trunk: str, at: datetime) -> datetime:
    """`at` in UTC; without a zone it is read off the wall clock of the trunk's facility, UTC where it has none."""
    facility = plan.facilities.get(trunk)
    zone = facility.zone if facility else ZoneInfo("UTC")
    return at.replace(tzinfo=at.tzinfo or zone).astimezone(UTC)


def differences(case: Case, decision: Decision) -> Iterator[str]:
    """Each point in which the decision is not what was expected."""
    verdict = verdict_of(decision)
    if verdict != str(case.expect):
        yield f"expected {case.expect}, decided {verdict} ({decision.path[-1]})"
        return
    subject = decision.terms if isinstance(decision, Allowed) else decision
    for key, expected in _expected(case).items():
        found = getattr(subject, key)
        if found != expected:
            yield f"expected {key} {expected!r}, decided {found!r}"


def verdict_of(decision: Decision) -> str:
    """`allowed`, the refusal's word, or `asks` where the facility's voice comes first."""
    if isinstance(decision, Allowed):
        return ALLOWED
    return "asks" if isinstance(decision, Asks) else decision.refusal.value


def _expected(case: Case) -> dict[str, object]:
    return {key: value for key in _OF_TERMS if (value := getattr(case, key)) is not None}
