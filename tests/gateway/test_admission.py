"""Limits are counted by what is in the store, on every node, and by what is about to be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from gateway.admission import Admission
from gateway.billing.accounting import Accounting
from gateway.call.summary import VisitIntent, VisitSummary
from gateway.call.termination import Fault, Reason, Termination
from gateway.clock import ManualClock
from gateway.policy.decision import Allowed, Decision, Medium, Refusal, Refused, VisitRequest
from gateway.policy.people import People, Resident, Standing
from gateway.policy.plan import Contact
from gateway.store import Store
from tests.billing.stage import demo_tariffs
from tests.policy.test_dialplan_mistakes import SOUND, read

MONDAY = datetime(2026, 1, 5, 17, tzinfo=UTC)
CALL = VisitRequest("pbx", "cell-1", "5552368001", Medium.VIDEO, MONDAY)
PEOPLE = People.of(
    [Resident("4711", "jail", "Sam", visits_per_day=1), Resident("4712", "jail", "Kim")],
    [Contact("ann", "Ann", "5553330001", "ann"), Contact("eve", "Eve", "5553330002", "eve", visits_per_day=1)],
    {(("jail", who, whom)): Standing.APPROVED for who in ("4711", "4712") for whom in ("ann", "eve")},
)


async def present() -> People:
    return PEOPLE


class House:
    """One node's admission, and visits that come and go by it."""

    def __init__(self, store: Store, limits: str, known: str = "") -> None:
        self.clock = ManualClock(MONDAY)
        self.store = store
        self.accounting = Accounting(store, demo_tariffs(), node="n1", clock=self.clock)
        self.plan = read(SOUND.replace("trunks: [pbx]", f"trunks: [pbx]{known}, limits: {limits}"))
        self.admission = self.node()

    def node(self) -> Admission:
        return Admission(self.plan, self.store, self.clock, present)

    async def asks(self, visit_id: str, **changes: object) -> str:
        """`allowed`, or the refusal's word."""
        request = replace(CALL, at=self.clock.now(), **changes)  # type: ignore[arg-type]  # fields by name
        return word(await self.admission(request, visit_id))

    async def begins(
        self,
        visit_id: str,
        station: str = "cell-1",
        resident: str = "",
        privileged: bool = False,
        contact: str = "mary",
    ) -> None:
        """Written down, as a visit that pays nothing."""
        intent = VisitIntent(
            visit_id, "n1", "jail", "America/Chicago", station, "5552368001", contact, "", "demo-video", "family",
            Medium.VIDEO, 1200, "pbx", f"call-{visit_id}", self.clock.now(), privileged=privileged, resident=resident,
        )  # fmt: skip
        await self.accounting.authorise(intent)

    async def ends(self, visit_id: str, *, talked: bool = True) -> None:
        now = self.clock.now()
        began = now - timedelta(minutes=5) if talked else None
        await self.accounting.close(
            VisitSummary(
                visit_id=visit_id, ended_at=now, ring_at=began, answer_at=began, media_start_at=began,
                media_end_at=now if talked else None, billable_s=300 if talked else 0, unusable_s=0,
                termination=Termination(Reason.COMPLETED if talked else Reason.NO_ANSWER, Fault.STATION),
            )
        )  # fmt: skip


def word(decision: Decision) -> str:
    if isinstance(decision, Refused):
        return str(decision.refusal)
    assert isinstance(decision, Allowed)
    return "allowed"


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    async with Store(database_url) as store:
        yield store


async def test_a_day_has_so_many_visits_and_attempts_do_not_count(store: Store) -> None:
    house = House(store, "{visits_per_day: 1}")
    await house.begins("v1")
    await house.ends("v1", talked=False)
    await house.clock.advance(60)
    assert await house.asks("v2") == "allowed"
    await house.begins("v2")
    await house.clock.advance(300)
    await house.ends("v2")
    assert await house.asks("v3") == Refusal.VISITS_PER_DAY
    assert await house.asks("v3", station="cell-2") == "allowed", "each station for itself"
    await house.clock.advance(24 * 3600)
    assert await house.asks("v4") == "allowed"


async def test_two_that_call_at_once_do_not_both_have_the_last_visit(store: Store) -> None:
    house = House(store, "{visits_per_day: 1}")
    answers = await asyncio.gather(*(house.asks(f"v{number}") for number in range(8)))
    assert sorted(answers) == ["allowed"] + [Refusal.VISITS_PER_DAY] * 7


async def test_a_visit_is_not_counted_against_itself(store: Store) -> None:
    house = House(store, "{visits_per_day: 1, concurrent: 1, velocity: {attempts: 1, minutes: 5}}")
    assert await house.asks("v1") == "allowed"
    assert await house.asks("v1", asked=True) == "allowed"
    await house.begins("v1")
    assert await house.asks("v1", asked=True) == "allowed"
    assert await house.asks("v2") == Refusal.VELOCITY


async def test_what_was_allowed_and_never_written_is_forgotten(store: Store) -> None:
    house = House(store, "{concurrent: 1}")
    assert await house.asks("v1") == "allowed"
    assert await house.asks("v2") == Refusal.CONCURRENT
    await house.clock.advance(61)
    assert await house.asks("v2") == "allowed"


async def test_a_facility_is_full_on_every_node_and_free_again_at_once(store: Store) -> None:
    house = House(store, "{concurrent: 1}")
    assert await house.asks("v1") == "allowed"
    await house.begins("v1")
    other = house.node()
    assert word(await other(replace(CALL, at=house.clock.now(), station="cell-2"), "w1")) == Refusal.CONCURRENT
    await house.ends("v1")
    assert await house.asks("v2") == "allowed"


async def test_between_visits_there_is_a_gap(store: Store) -> None:
    house = House(store, "{gap_minutes: 30}")
    await house.begins("v1")
    assert await house.asks("v2") == Refusal.GAP, "one is live"
    await house.ends("v1")
    await house.clock.advance(29 * 60)
    assert await house.asks("v2") == Refusal.GAP
    await house.clock.advance(60)
    assert await house.asks("v2") == "allowed"


async def test_a_resident_counts_at_whichever_station(store: Store) -> None:
    house = House(store, "{visits_per_week: 5}", ", identify: pin, ivr: {}")
    whose = {"resident": "4711", "asked": True, "dialled": "5553330001"}
    assert await house.asks("v1", **whose) == "allowed"
    await house.begins("v1", station="cell-1", resident="4711")
    await house.ends("v1")
    assert await house.asks("v2", station="cell-9", **whose) == Refusal.VISITS_PER_DAY, "the resident's own limit"
    assert await house.asks("v2", station="cell-1", **{**whose, "resident": "4712"}) == "allowed"


async def test_a_contact_counts_whoever_calls(store: Store) -> None:
    house = House(store, "{visits_per_week: 5}", ", identify: pin, ivr: {}")
    eve = {"asked": True, "dialled": "5553330002"}
    answers = await asyncio.gather(*(house.asks(f"v{each}", resident=each, **eve) for each in ("4711", "4712")))
    assert sorted(answers) == ["allowed", Refusal.VISITS_PER_DAY], "the last one is given once"
    await house.clock.advance(61)
    await house.begins("v1", resident="4711", contact="eve")
    await house.ends("v1", talked=False)
    assert await house.asks("v2", resident="4712", **eve) == "allowed", "an attempt is no visit"
    await house.clock.advance(61)
    await house.begins("v3", resident="4711", contact="eve")
    await house.ends("v3")
    assert await house.asks("v4", resident="4712", **eve) == Refusal.VISITS_PER_DAY
    assert await house.asks("v4", resident="4712", **{**eve, "dialled": "5553330001"}) == "allowed"
    call = replace(CALL, at=house.clock.now(), resident="4712", asked=True, dialled="5553330002")
    assert (await house.admission.explain(call)).path[-1] == "limit visits_per_day of the contact: FAIL"


async def test_privileged_visits_are_not_counted(store: Store) -> None:
    house = House(store, "{visits_per_day: 1, gap_minutes: 60}")
    await house.begins("v1", privileged=True)
    await house.ends("v1")
    assert await house.asks("v2") == "allowed"


async def test_an_explanation_counts_too_and_takes_nothing(store: Store) -> None:
    house = House(store, "{visits_per_day: 1}")
    for _ in range(3):
        assert (await house.admission.explain(CALL)).path[-1] == "limit visits_per_day: PASS"
    await house.begins("v1")
    await house.ends("v1")
    assert (await house.admission.explain(CALL)).path[-1] == "limit visits_per_day: FAIL"
