"""The rules that visits go by: what they would decide and why, and how others are put in force while visits run."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, Field

from gateway.api.auth import Given, administrator, rules_reader
from gateway.api.problems import documented
from gateway.api.ruling import Candidate, Rules
from gateway.api.services import Services
from gateway.policy.cases import instant, verdict_of
from gateway.policy.decision import Allowed, Decision, Medium, VisitRequest

router = APIRouter(prefix="/api/v1/rules", tags=["rules"])
CandidateId = Annotated[str, Path(pattern=r"^rules-[0-9a-f]{16}$", examples=["rules-7f3a9c0011223344"])]
Text = Annotated[str, Field(min_length=1, max_length=200)]


class RulesInForce(BaseModel):
    """since: when they were taken, or the gateway started."""

    since: datetime
    facilities: int
    rules: int
    contacts: Annotated[int, Field(description="that the dialplan itself names")]


class Read(BaseModel):
    """Sound rules that wait to be taken. differences: from those in force; empty: there is none."""

    candidate: str
    differences: Annotated[list[str], Field(examples=[["rule families: max_minutes 20 -> 30"]])]

    @classmethod
    def of(cls, candidate: Candidate) -> Read:
        return cls(candidate=candidate.id, differences=list(candidate.differences))


class Question(BaseModel):
    """at: without a zone it is the facility's wall clock; absent: now. medium absent: the call does not say.

    trunk may be left out where the dialplan has one. resident: who calls, where residents are known.
    """

    station: Annotated[Text, Field(examples=["terminal-1"])]
    dialled: Annotated[Text, Field(examples=["5552368001"])]
    trunk: Annotated[str, Field(max_length=200)] = ""
    at: datetime | None = None
    medium: Medium | None = None
    resident: Annotated[str, Field(max_length=200)] = ""


class Explained(BaseModel):
    """verdict: `allowed`, or the refusal's word. path: each condition that was looked at, in order."""

    verdict: Annotated[str, Field(examples=["hours"])]
    path: Annotated[list[str], Field(examples=[["trunk: PASS", "station: PASS", "rule family: PASS", "hours: FAIL"]])]
    facility: str
    rule: str
    contact: str = ""
    medium: str = ""
    max_seconds: int = 0
    tariff: str = ""
    privileged: bool = False
    monitored: bool = False
    recorded: bool = False

    @classmethod
    def of(cls, decision: Decision) -> Explained:
        common = {"verdict": verdict_of(decision), "path": list(decision.path)}
        if isinstance(decision, Allowed):
            terms = decision.terms
            return cls(
                **common,
                facility=terms.facility,
                rule=terms.rule,
                contact=terms.contact,
                medium=str(terms.medium),
                max_seconds=terms.max_seconds,
                tariff=terms.tariff,
                privileged=terms.privileged,
                monitored=terms.monitored,
                recorded=terms.recorded,
            )
        return cls(**common, facility=decision.facility, rule=getattr(decision, "rule", ""))


def rules_of(given: Services) -> Rules:
    if given.rules is None:
        raise LookupError("services without rules")
    return given.rules


@router.get("", summary="The rules in force", responses=documented(401), dependencies=[Depends(rules_reader)])
async def in_force(given: Given) -> RulesInForce:
    rules = rules_of(given)
    plan = rules.plan
    return RulesInForce(
        since=rules.since,
        facilities=len({each.id for each in plan.facilities.values()}),
        rules=sum(map(len, plan.rules.values())),
        contacts=len(plan.numbers),
    )


@router.post(
    "/explain",
    summary="What would be decided, and why",
    responses=documented(401, 403, 422, 503),
    dependencies=[Depends(administrator)],
)
async def explained(given: Given, question: Question) -> Explained:
    """As `kinbridge dialplan explain`, with people and limits as they are now. Nobody is rung, nothing is counted."""
    rules = rules_of(given)
    trunks = sorted(rules.plan.facilities)
    trunk = question.trunk or (trunks[0] if len(trunks) == 1 else "")
    at = instant(rules.plan, trunk, question.at or datetime.now(UTC))
    request = VisitRequest(
        trunk,
        question.station,
        question.dialled,
        question.medium or Medium.VIDEO,
        at,
        medium_known=question.medium is not None,
        resident=question.resident,
        asked=True,
    )
    return Explained.of(await rules.explain(request))


@router.post(
    "/candidates",
    summary="Read the files again and show what would change",
    responses=documented(401, 403, 422),
    dependencies=[Depends(administrator)],
)
async def read(given: Given) -> Read:
    """Nothing changes yet. Files with a mistake: 422 `rules-refused`, with file, line and remedy of each mistake."""
    return Read.of(await rules_of(given).read())


@router.post(
    "/candidates/{candidate}/take",
    summary="Put in force what was shown",
    responses=documented(401, 403, 409, 422),
    dependencies=[Depends(administrator)],
)
async def take(given: Given, candidate: CandidateId) -> Read:
    """At once and as a whole; visits that run keep what they began with. 409 when others were read meanwhile."""
    return Read.of(rules_of(given).adopt(candidate))
