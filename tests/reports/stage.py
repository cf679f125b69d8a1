"""What the tests of statements and reports play with: real books on a real database, and months of visits on paper."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from gateway.billing import corrections
from gateway.billing.accounting import Accounting
from gateway.billing.cdr import Cdr
from gateway.billing.corrections import Hand
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import Tariffs, load_tariffs
from gateway.call.summary import NO_LEGS, FlowSummary, HoldGranted, Legs, VisitIntent, VisitSummary
from gateway.call.termination import Fault, Reason, Termination
from gateway.clock import ManualClock
from gateway.policy.decision import Medium, Payer
from gateway.reports.reading import read_statement
from gateway.reports.statement import Statement
from gateway.store import AccountKind, Store
from tests.billing.stage import TARIFF_FOLDER, WHOLE_VISITS, usd

CHICAGO = ZoneInfo("America/Chicago")
OCTOBER = datetime(2026, 10, 1, 12, 0, tzinfo=CHICAGO)
AFTERWARDS = datetime(2026, 12, 15, 12, 0, tzinfo=UTC)
FAMILY_LEFT = Termination(Reason.FAMILY_LEFT, Fault.FAMILY)


def all_tariffs() -> Tariffs:
    return load_tariffs(sorted(TARIFF_FOLDER.glob("*.yaml")))


def local(day: int, hour: int = 18, minute: int = 0, month: int = 10) -> datetime:
    """2026, on the wall in Chicago."""
    return datetime(2026, month, day, hour, minute, tzinfo=CHICAGO)


class Books:
    """A store, its accounting, and a clock that follows the visits."""

    def __init__(self, store: Store, clock: ManualClock, accounting: Accounting, node: str = "node1") -> None:
        self.store = store
        self.accounting = accounting
        self.node = node
        self._clock = clock
        self._count = 0

    async def _at(self, when: datetime) -> None:
        seconds = (when.astimezone(UTC) - self._clock.now()).total_seconds()
        assert seconds >= 0, f"{when} is before what was played last"
        await self._clock.advance(seconds)

    async def open(self, account: str = "family-1", kind: AccountKind = AccountKind.PREPAID) -> None:
        await self.accounting.open_account(account, kind=kind)

    async def deposit(self, when: datetime, amount: str, account: str = "family-1") -> None:
        await self._at(when)
        self._count += 1
        await self.accounting.deposit(account, usd(amount), key=f"card-{self._count}")

    async def withdraw(self, when: datetime, amount: str, account: str = "family-1", reason: str = "") -> None:
        await self._at(when)
        self._count += 1
        await self.accounting.withdraw(account, usd(amount), key=f"out-{self._count}", reason=reason)

    async def visit(
        self,
        answered: datetime,
        used_s: int,
        *,
        account: str = "family-1",
        unusable_s: int = 0,
        termination: Termination = FAMILY_LEFT,
        flows: tuple[FlowSummary, ...] = (),
        legs: Legs = NO_LEGS,
        **changes: object,
    ) -> str:
        """A visit that was answered then, waited 3 s for its media, and was charged for used_s. Its id."""
        self._count += 1
        visit_id = f"v{self._count}"
        answered = answered.astimezone(UTC)
        setup = answered - timedelta(seconds=8)
        await self._at(setup)
        values: dict[str, object] = {
            "visit_id": visit_id,
            "node": self.node,
            "facility": "north",
            "timezone": "America/Chicago",
            "station": "3101",
            "dialled": "5552368001",
            "contact": account,
            "account": account,
            "tariff": "demo-video",
            "rule": "family",
            "medium": Medium.VIDEO,
            "max_seconds": 1200,
            "trunk": "pbx",
            "sip_call_id": f"{visit_id}@pbx",
            "setup_at": setup,
        }
        answer = await self.accounting.authorise(VisitIntent(**{**values, **changes}))  # type: ignore[arg-type]
        assert isinstance(answer, HoldGranted), answer
        media = answered + timedelta(seconds=3)
        end = media + timedelta(seconds=used_s + unusable_s)
        await self._at(end)
        times = (end, setup, answered, media, end, used_s, unusable_s)
        sound = flows or self.flows(used_s)
        await self.accounting.close(VisitSummary(visit_id, *times, termination, sound, legs=legs))
        return visit_id

    async def attempt(self, when: datetime, termination: Termination, **changes: object) -> str:
        """An attempt that policy refused, or that nobody answered."""
        self._count += 1
        visit_id = f"v{self._count}"
        when = when.astimezone(UTC)
        await self._at(when)
        values: dict[str, object] = {
            "visit_id": visit_id, "node": self.node, "facility": "north", "timezone": "America/Chicago",
            "station": "3101", "dialled": "5552368001", "contact": "family-1", "account": "", "tariff": "",
            "rule": "family", "medium": Medium.VIDEO, "max_seconds": 0, "trunk": "pbx",
            "sip_call_id": f"{visit_id}@pbx", "setup_at": when,
        }  # fmt: skip
        await self.accounting.attempt(VisitIntent(**{**values, **changes}))  # type: ignore[arg-type]
        end = when + timedelta(seconds=1)
        await self.accounting.close(VisitSummary(visit_id, end, None, None, None, None, 0, 0, termination))
        return visit_id

    async def credit(self, when: datetime, visit_id: str, amount: str, reason: str = "mostly_unusable") -> Cdr:
        await self._at(when)
        self._count += 1
        hand, now = Hand(f"c{self._count}", reason, "badge-7", self.node), self._clock.now()
        return await self.store.write(
            lambda work: corrections.credit(work, f"cdr:{visit_id}", usd(amount), hand, now=now, rules=AccountRules())
        )

    async def statement(self, month: str = "2026-10", account: str = "family-1") -> Statement:
        return await read_statement(self.store, account, month, zone=None, made_at=AFTERWARDS)

    @staticmethod
    def flows(used_s: int, mos: float = 4.2, lost: int = 3, frozen_s: float = 0.5) -> tuple[FlowSummary, ...]:
        packets = 50 * used_s
        return (
            FlowSummary("audio", "sip", "relay", "PCMU", "PCMU", packets, lost, 3.2, mos=mos),
            FlowSummary("audio", "web", "relay", "PCMU", "PCMU", packets, lost, 4.1, mos=mos - 0.1),
            FlowSummary("video", "web", "transcode", "VP8", "H264", packets, lost, 1.5, 900, frozen_s=frozen_s),
        )


@asynccontextmanager
async def books_on(url: str = "sqlite:///:memory:", node: str = "node1") -> AsyncIterator[Books]:
    clock = ManualClock(OCTOBER.astimezone(UTC) - timedelta(days=90))
    async with Store(url) as store:
        accounting = Accounting(store, all_tariffs(), node=node, clock=clock, rules=WHOLE_VISITS)
        yield Books(store, clock, accounting, node)


__all__ = ["AFTERWARDS", "CHICAGO", "Books", "Payer", "books_on", "local"]
