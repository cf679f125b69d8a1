"""What the billing tests play with: an accounting on a real database, and visits on paper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.billing.accounting import Accounting
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import Tariffs, load_tariffs
from gateway.call.summary import FlowSummary, HoldGranted, ProofOfLife, VisitIntent, VisitSummary
from gateway.call.termination import Fault, Reason, Termination
from gateway.clock import ManualClock
from gateway.money import Money
from gateway.policy.decision import Medium
from gateway.store import Store

TARIFF_FOLDER = Path(__file__).parents[2] / "dialplans" / "tariffs"
START = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)
# the first slice is all of the visit, and nobody is told of a low balance
WHOLE_VISITS = AccountRules(slice_s=86_400, least_slice_s=86_400, low_balance="0")
FAMILY_LEFT = Termination(Reason.FAMILY_LEFT, Fault.FAMILY)


def usd(text: str) -> Money:
    return Money.parse(text, "USD")


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def new_database() -> str:
    """In memory, unless the fixture `each_database` says where."""
    return "sqlite:///:memory:"


def demo_tariffs() -> Tariffs:
    return load_tariffs([TARIFF_FOLDER / "demo.yaml", TARIFF_FOLDER / "per-visit.yaml"])


@asynccontextmanager
async def accounting_on(url: str, node: str = "node1", rules: AccountRules = WHOLE_VISITS) -> AsyncIterator[Accounting]:
    async with Store(url) as store:
        yield Accounting(store, demo_tariffs(), node=node, clock=ManualClock(START), rules=rules)


@asynccontextmanager
async def accounting_with(balance: str, account: str = "family-1") -> AsyncIterator[Accounting]:
    """On a new database, with one prepaid account."""
    async with accounting_on(new_database()) as accounting:
        await accounting.open_account(account)
        if usd(balance).micros:
            await accounting.deposit(account, usd(balance), key="first")
        yield accounting


def intent(visit_id: str, **changes: object) -> VisitIntent:
    values: dict[str, object] = {
        "visit_id": visit_id,
        "node": "node1",
        "facility": "north",
        "timezone": "America/Chicago",
        "station": "3101",
        "dialled": "5552368001",
        "contact": "family-1",
        "account": "family-1",
        "tariff": "demo-video",
        "rule": "family",
        "medium": Medium.VIDEO,
        "max_seconds": 1200,
        "trunk": "pbx",
        "sip_call_id": f"{visit_id}@pbx",
        "setup_at": START,
    }
    return VisitIntent(**{**values, **changes})  # type: ignore[arg-type]


def summary(visit_id: str, billable_s: int, **changes: object) -> VisitSummary:
    """A visit that rang at 1 s, was answered at 4 s, had media from 5 s on, and ended `billable_s` later."""
    values: dict[str, object] = {
        "visit_id": visit_id,
        "ended_at": at(5 + billable_s),
        "ring_at": at(1),
        "answer_at": at(4),
        "media_start_at": at(5),
        "media_end_at": at(5 + billable_s),
        "billable_s": billable_s,
        "unusable_s": 0,
        "termination": FAMILY_LEFT,
        "one_way_s": 2.6,
        "flows": (
            FlowSummary(
                "audio",
                "sip",
                "relay",
                "PCMU",
                "PCMU",
                50 * billable_s,
                2,
                3.25,
                far_lost=7,
                rtt_ms=41.5,
                frozen_s=2.5,
                mos=4.376,
            ),
            FlowSummary("video", "web", "transcode", "VP8", "H264", 30 * billable_s, 0, 1.5, 30 * billable_s),
        ),
    }
    return VisitSummary(**{**values, **changes})  # type: ignore[arg-type]


def proof(visit_id: str, billable_s: int) -> ProofOfLife:
    return ProofOfLife(visit_id, at(5 + billable_s), at(1), at(4), at(5), billable_s, 0)


async def granted(accounting: Accounting, visit_id: str, **changes: object) -> HoldGranted:
    answer = await accounting.authorise(intent(visit_id, **changes))
    assert isinstance(answer, HoldGranted), answer
    return answer


async def assert_books_and_chain_sound(accounting: Accounting) -> None:
    assert await accounting.verify_books() == ()
    report = await accounting.verify_chain()
    assert report.sound, report.problems
