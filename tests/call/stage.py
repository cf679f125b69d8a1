"""A node without network: the real policy, sessions, money and records; a station and a family that the test plays.

async with stage(tmp_path, deposit="5.00") as node:
    far = node.station_calls()
    ring = await node.rung()
    answer = await node.accepts(ring)
    node.media.flow()
    ...
    cdr = await node.record()
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.errors import BridgeError
from gateway.admission import Admission
from gateway.billing.accounting import Accounting
from gateway.billing.cdr import Cdr
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import load_tariffs
from gateway.call.facts import Fact, FactKind
from gateway.call.notices import Notice, Ring
from gateway.call.ports import Decide, PinDesk
from gateway.call.registry import Visits
from gateway.call.summary import HoldGranted, HoldRefused, ProofOfLife, Receipt, VisitIntent, VisitSummary
from gateway.clock import ManualClock
from gateway.config import LimitsConfig
from gateway.errors import StoreUnavailable
from gateway.money import Money
from gateway.policy.decision import Asks, Decision, VisitRequest
from gateway.policy.dialplan import load
from gateway.policy.ivr import IvrRules
from gateway.store import Store
from sip.fake import FakeSipEndpoint, FarSide
from sip.types import SipSettings, Trunk
from tests.support.happenings import Happenings
from tests.support.media import ScriptedMedia

FOLDER = Path(__file__).parents[2] / "dialplans"
FAMILY = "5552368001"
CARRIERS = tuple(Trunk(each, server=f"{each}.invalid") for each in ("carrier-a", "carrier-b"))
MONDAY_MORNING = datetime(2026, 1, 5, 15, 0, tzinfo=UTC)  # nine o'clock at the demo jail

VIDEO_OFFER = "\r\n".join(
    (
        "v=0", "o=station 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
        "m=audio 40000 RTP/AVP 0", "a=rtpmap:0 PCMU/8000",
        "m=video 40002 RTP/AVP 96", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f",
        "",
    )
)  # fmt: skip
AUDIO_OFFER = VIDEO_OFFER.partition("m=video")[0]
HOLD_OFFER = VIDEO_OFFER + "a=sendonly\r\n"


class Recorder:
    """Facts, notices and rings as they come out."""

    def __init__(self, happenings: Happenings) -> None:
        self._happenings = happenings
        self.facts: list[Fact] = []
        self.rings: list[Ring] = []
        self.notices: list[tuple[str, Notice]] = []

    def publish(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._happenings.note()

    def ring(self, ring: Ring) -> None:
        self.rings.append(ring)
        self._happenings.note()

    def tell(self, contact: str, notice: Notice) -> None:
        self.notices.append((contact, notice))
        self._happenings.note()

    def kinds(self, visit_id: str = "") -> list[FactKind]:
        return [each.kind for each in self.facts if not visit_id or each.visit_id == visit_id]

    def told(self, kind: type[Any]) -> list[Any]:
        return [notice for _, notice in self.notices if isinstance(notice, kind)]


# the first slice is all of the visit, and nobody is told of a low balance
WHOLE_VISITS = AccountRules(slice_s=86_400, least_slice_s=86_400, low_balance="0")


class Outage:
    """The accounting behind a line that the test can cut: while `away`, every call raises StoreUnavailable."""

    def __init__(self, accounting: Accounting, happenings: Happenings) -> None:
        self._accounting = accounting
        self._happenings = happenings
        self.away = False
        self.bugs: list[Exception] = []
        self.refused: list[str] = []
        self.proofs: list[ProofOfLife] = []
        self.asked = self.answered = 0  # slices

    async def authorise(self, intent: VisitIntent) -> HoldGranted | HoldRefused:
        self._pass("authorise")
        return await self._accounting.authorise(intent)

    async def extend(self, visit_id: str, has_s: int) -> HoldGranted | HoldRefused:
        self.asked += 1
        try:
            self._pass("extend")
            return await self._accounting.extend(visit_id, has_s)
        finally:
            self.answered += 1
            self._happenings.note()

    async def receive(self, intent: VisitIntent) -> None:
        self._pass("receive")
        await self._accounting.receive(intent)

    async def attempt(self, intent: VisitIntent) -> None:
        self._pass("attempt")
        await self._accounting.attempt(intent)

    async def alive(self, proofs: tuple[ProofOfLife, ...]) -> None:
        self._pass("alive")
        await self._accounting.alive(proofs)
        self.proofs += proofs
        self._happenings.note()

    async def close(self, summary: VisitSummary) -> Receipt:
        self._pass("close")
        return await self._accounting.close(summary)

    def _pass(self, what: str) -> None:
        if self.away:
            self.refused.append(what)
            self._happenings.note()
            raise StoreUnavailable("the test cut the line")
        if self.bugs and what != "alive":
            self._happenings.note()
            raise self.bugs.pop()


@dataclass
class Node:
    """The node and its people."""

    clock: ManualClock
    endpoint: FakeSipEndpoint
    accounting: Accounting
    line: Outage
    recorder: Recorder
    happenings: Happenings
    visits: Visits
    bridges: list[ScriptedMedia]
    next_join_fails: list[BridgeError]
    admission: Admission

    @property
    def media(self) -> ScriptedMedia:
        """Of the latest visit that was accepted."""
        return self.bridges[-1]

    def station_calls(
        self, dialled: str = FAMILY, sdp: str | None = VIDEO_OFFER, station: str = "terminal-1", **more: Any
    ) -> FarSide:
        return self.endpoint.call(sdp=sdp, trunk="demo", from_user=station, to_user=dialled, **more)

    async def rung(self, times: int = 1) -> Ring:
        await self.happenings.until(lambda: len(self.recorder.rings) >= times, f"the family is rung ({times})")
        return self.recorder.rings[times - 1]

    async def accepts(self, ring: Ring) -> str:
        return await self.visits.accept(ring.visit_id, ring.contact, "v=0 the browser's offer")

    async def fact(self, kind: FactKind, times: int = 1) -> Fact:
        await self.happenings.until(lambda: self.recorder.kinds().count(kind) >= times, f"{kind} is told")
        found = [each for each in self.recorder.facts if each.kind is kind]
        return found[times - 1]

    async def talks(self, **how: Any) -> tuple[FarSide, Ring]:
        """A call that was accepted and whose media goes both ways since this instant."""
        talking = self.recorder.kinds().count(FactKind.CONNECTED)
        far = self.station_calls(**how)
        ring = await self.rung(len(self.recorder.rings) + 1)
        await self.accepts(ring)
        self.media.connect()
        self.media.flow()
        await self.fact(FactKind.CONNECTED, talking + 1)
        return far, ring

    async def proved(self, times: int) -> None:
        await self.happenings.until(lambda: len(self.line.proofs) >= times, f"{times} proofs of life are written")

    async def record(self, number: int = 1) -> Cdr:
        """The node's CDR with this sequence, when it is told that it is written."""
        await self.fact(FactKind.RECORDED, number)
        return (await self.accounting.cdrs())[number - 1]


def asking_first(deciding: Decide, ivr: IvrRules | None) -> Decide:
    async def decided(request: VisitRequest, visit_id: str) -> Decision:
        if ivr is not None and not request.asked:
            return Asks(ivr, "demo-jail", "America/Chicago", ("trunk: PASS", "station: PASS"))
        return await deciding(request, visit_id)

    return decided


@contextlib.asynccontextmanager
async def stage(
    tmp_path: Path,
    deposit: str = "5.00",
    start: datetime = MONDAY_MORNING,
    bearing: Callable[[], bool] = lambda: True,
    rules: AccountRules = WHOLE_VISITS,
    ivr: IvrRules | None = None,
    check_pin: PinDesk | None = None,
    plan: Path = FOLDER / "demo.yaml",
    lines: tuple[Trunk, ...] = CARRIERS,
    url: str = "",
    answer_within_s: float = 10.0,
    **limits: Any,
) -> AsyncIterator[Node]:
    """deposit: what family-1 has paid in. bearing: has the node power to spare? rules: of the accounts.

    ivr: what the house's own voice asks first; None: nobody is asked. url: of the database; a file in tmp_path unless
    named; answer_within_s: of its server. limits: LimitsConfig's fields.
    """
    clock, happenings = ManualClock(start), Happenings()
    tariffs = load_tariffs([FOLDER / "tariffs" / "demo.yaml"])
    recorder, numbers = Recorder(happenings), itertools.count(1)
    bridges, failures = list[ScriptedMedia](), list[BridgeError]()

    def bridge(*, sealed: bool) -> ScriptedMedia:
        bridges.append(ScriptedMedia(clock, happenings.note, failures.pop() if failures else None, sealed=sealed))
        return bridges[-1]

    async with (
        Store(url or f"sqlite:///{tmp_path}/node.db", answer_within_s=answer_within_s) as store,
        FakeSipEndpoint(SipSettings(agents=10, trunks=lines)) as endpoint,
    ):
        accounting = Accounting(store, tariffs, clock=clock, rules=rules)
        await accounting.open_account("family-1", "USD")
        await accounting.deposit("family-1", Money.parse(deposit, "USD"), "first")
        line = Outage(accounting, happenings)
        admission = Admission(load(plan, tariffs), store, clock)
        visits = Visits(
            endpoint=endpoint,
            media=bridge,
            accounting=line,
            decide=asking_first(admission, ivr),
            facts=recorder,
            doorbell=recorder,
            clock=clock,
            node="node1",
            limits=LimitsConfig(**limits),
            trunks=lines,
            new_id=lambda: f"v{next(numbers)}",
            bearing=bearing,
            check_pin=check_pin,
        )
        running = asyncio.create_task(visits.run(), name="visits")
        try:
            yield Node(clock, endpoint, accounting, line, recorder, happenings, visits, bridges, failures, admission)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
