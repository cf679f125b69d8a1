"""Money in any order: visits, accounts, corrections and the clock of two nodes on one database, as hypothesis has it.

What each step should have done is known here by simpler means than the gateway's (`books_checks` has the rest).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from gateway.billing.accounting import Accounting
from gateway.billing.caps import CapsInForce, load_caps
from gateway.billing.cdr import Cdr
from gateway.billing.rerating import Asked, Rerating, Verdict
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import Tariffs, load_tariffs
from gateway.call.summary import HoldGranted, ProofOfLife, Receipt, VisitSummary
from gateway.clock import ManualClock
from gateway.errors import BillingError, KeyUsed
from gateway.money import Money
from gateway.policy.decision import Payer
from gateway.store import Account, AccountKind, Store
from tests.billing.books_checks import Snapshot, check, check_end, spent
from tests.billing.stage import intent, summary
from tests.billing.test_rate_caps import GOOD as CAPS

T = TypeVar("T")
NODES = ("node1", "node2")
PEOPLE = {"family": AccountKind.PREPAID, "inside": AccountKind.DEBIT, "county": AccountKind.FACILITY}
ZONES = {"north": "America/Chicago", "south": "Asia/Beirut"}  # in Beirut the clock is put forward at midnight
WHO_PAYS = (
    (Payer("family", 100),),
    (Payer("inside", 50), Payer("family", 50)),
    (Payer("family", 34), Payer("inside", 33), Payer("county", 33)),
    (Payer("county", 100),),
)
BEGINNINGS = (  # after midnight of an ordinary Monday, and before nights on which clocks change
    datetime(2026, 1, 5, 6, 5, tzinfo=UTC),
    datetime(2026, 3, 8, 5, 50, tzinfo=UTC),
    datetime(2026, 3, 28, 21, 50, tzinfo=UTC),
    datetime(2026, 11, 1, 4, 50, tzinfo=UTC),
)
TARIFFS = """\
tariffs:
  - {id: plain, version: 1, currency: USD, medium: video, per_minute: "0.16", valid_from: 2026-01-01,
     rounding: {mode: down, to: "0.01"}}
  - {id: daily, version: 1, currency: USD, medium: video, per_minute: "0.21", valid_from: 2026-01-01, increment_s: 6,
     free: {minutes: 1, per: day}, facility_share: {label: County, percent: "10"}, connection_fee: "0.0500",
     taxes: [{label: State, percent: "7.25"}], rounding: {mode: half_even, to: "0.0001"}}
  - {id: weekly, version: 1, currency: USD, medium: video, per_minute: "0.25", valid_from: 2026-01-01, minimum_s: 60,
     increment_s: 60, free: {minutes: 2, per: week}, rounding: {mode: up, to: "0.01"}}
  - {id: visit, version: 1, currency: USD, medium: video, per_visit: "2.40", valid_from: 2026-01-01, included_s: 15,
     taxes: [{label: State, percent: "10"}], rounding: {mode: half_up, to: "0.000001"}}
"""
FREE = {"daily": (60, "day"), "weekly": (120, "week")}
MENDED = ("0.16", "0.21", "0.25", "2.40"), ("0.159999", "0.2", "0.19", "1.00"), ("0.30", "0.24", "0.26", "2.41")
AMOUNTS = st.integers(1, 1_000_000).map(lambda micros: Money(micros, "USD"))
LIMITS = st.sampled_from([None, None, 50_000, 120_000, 250_000, 900_000]).map(
    lambda micros: None if micros is None else Money(micros, "USD")
)
USED = st.sampled_from([200, 61, 60, 59, 33, 7, 1, 0]) | st.integers(0, 320)
CALLS: dict[str, st.SearchStrategy[Any]] = {
    "node": st.sampled_from(NODES),
    "facility": st.sampled_from(sorted(ZONES)),
    "tariff": st.sampled_from(["daily", "plain", "weekly", "daily", "visit"]),
    "payers": st.sampled_from(WHO_PAYS),
    "limit_s": st.sampled_from([300, 180, 120, 60, 20, 1]),
}
KEYS = st.sampled_from(["k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8"])
RULES = AccountRules(slice_s=30, least_slice_s=5, low_balance="0.50")


def priced(folder: Path, prices: tuple[str, ...]) -> Tariffs:
    text = TARIFFS
    for before, after in zip(MENDED[0], prices, strict=True):
        text = text.replace(f'"{before}"', f'"{after}"')
    (folder / "t.yaml").write_text(text)
    (folder / "c.yaml").write_text(CAPS.replace("2026-04-06", "2026-01-01"))
    caps = CapsInForce(load_caps([folder / "c.yaml"]), {"north": ("land", "small")})
    return load_tariffs([folder / "t.yaml"]).bound_by(caps)


class Town(RuleBasedStateMachine):
    """new_database: the URL of an empty one. has: what each visit knows it may talk; proven: what is sure of it."""

    visits: Bundle[str] = Bundle("visits")
    over: Bundle[str] = Bundle("over")

    def __init__(self, folder: Path, new_database: Callable[[], str], drop: Callable[[str], None]) -> None:
        super().__init__()
        self.folder, self.drop = folder, drop
        self.url = new_database()
        self.runner = asyncio.Runner()
        self.stores: list[Store] = []
        self.has: dict[str, int] = {}
        self.proven: dict[str, int] = {}
        self.cash = 0
        self.keys: dict[tuple[str, str], tuple[str, Money]] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize(begin=st.sampled_from(BEGINNINGS))
    def open(self, begin: datetime) -> None:
        self.clock = ManualClock(begin)
        self.tariffs = [priced(self.folder, each) for each in MENDED]
        self.books: dict[str, Accounting] = {}
        for node in NODES:
            store = Store(self.url)
            self.run(store.open())
            self.stores.append(store)
            self.books[node] = Accounting(store, self.tariffs[0], node=node, clock=self.clock, rules=RULES)
        self.one = self.books["node1"]
        for name, kind in PEOPLE.items():
            self.run(self.one.open_account(name, "USD", kind))
            self.run(self.one.deposit(name, Money(3_000_000, "USD"), f"first {name}"))
            self.cash += 3_000_000

    def account(self, name: str) -> Account:
        return self.run(self.one.account(name))

    def latest(self, visit_id: str) -> Cdr:
        return self.run(self.one.records_of(visit_id))[-1]

    # accounts

    def used_otherwise(self, kind: str, key: str, said: tuple[str, Money], again: Callable[[], object]) -> bool:
        """Whether the key was there before; then it must be answered as before, or refused."""
        before = self.keys.setdefault((kind, key), said)
        if before is said:
            return False
        if before == said:
            balance = self.account(said[0]).balance
            again()
            assert self.account(said[0]).balance == balance, "the same key moves nothing"
        else:
            with pytest.raises(KeyUsed, match=key):
                again()
        return True

    @rule(who=st.sampled_from(sorted(PEOPLE)), amount=AMOUNTS, key=KEYS, node=st.sampled_from(NODES))
    def deposits(self, who: str, amount: Money, key: str, node: str) -> None:
        def deposit() -> Account:
            return self.run(self.books[node].deposit(who, amount, key))

        if self.used_otherwise("deposit", key, (who, amount), deposit):
            return
        if self.account(who).closed_at is not None:
            del self.keys["deposit", key]
            with pytest.raises(BillingError, match="is closed"):
                deposit()
            return
        deposit()
        self.cash += amount.micros

    @rule(who=st.sampled_from(["family", "inside"]), amount=AMOUNTS, key=KEYS)
    def withdraws(self, who: str, amount: Money, key: str) -> None:
        def withdraw() -> Account:
            return self.run(self.one.withdraw(who, amount, key))

        available = self.account(who).available
        if self.used_otherwise("withdrawal", key, (who, amount), withdraw):
            return
        if available < amount:
            del self.keys["withdrawal", key]
            with pytest.raises(BillingError, match="to give"):
                withdraw()
            return
        withdraw()
        self.cash -= amount.micros

    @rule(who=st.sampled_from(sorted(PEOPLE)), day=LIMITS, week=LIMITS, low=LIMITS)
    def limits(self, who: str, day: Money | None, week: Money | None, low: Money | None) -> None:
        self.run(self.one.set_limits(who, day, week, low))

    @rule(refund=st.booleans())
    def closes_an_account(self, refund: bool) -> None:
        """It authorises nothing from then on; what runs and what is corrected still moves money on it."""
        who = "inside"
        before = self.account(who)
        if refund and before.held.micros:
            with pytest.raises(BillingError, match="when they are over"):
                self.run(self.one.close_account(who, refund=True))
            assert self.account(who) == before
            return
        after = self.run(self.one.close_account(who, refund=refund))
        if refund:
            self.cash -= before.balance.micros
            assert after.balance.micros == 0

    # visits

    @rule(target=over, used_s=USED, slices=st.integers(0, 4), minutes=st.sampled_from([0, 0, 7, 90]), **CALLS)
    def has_a_visit(self, used_s: int, slices: int, minutes: int, **call: Any) -> str:
        """From beginning to end, with so many slices."""
        visit_id = self.calls(**call)
        for _ in range(slices):
            self.asks_for_more(visit_id, stale=False)
        if minutes:
            self.lives(visit_id, more_s=used_s)
            self.time_passes(minutes)
        return self.ends(visit_id, used_s, unusable_s=0)

    @rule(target=visits, **CALLS)
    def begins_a_visit(self, **call: Any) -> str:
        return self.calls(**call)

    def calls(self, node: str, facility: str, tariff: str, payers: tuple[Payer, ...], limit_s: int) -> str:
        visit_id = f"v{len(self.has) + 1}"
        wanted = intent(
            visit_id,
            node=node,
            facility=facility,
            timezone=ZONES[facility],
            tariff=tariff,
            account=payers[0].account,
            payers=payers if len(payers) > 1 else (),
            max_seconds=limit_s,
            setup_at=self.clock.now(),
        )
        self.has[visit_id] = self.proven[visit_id] = 0
        answer = self.grants(facility, payers, lambda: self.run(self.books[node].authorise(wanted)), 0)
        self.has[visit_id] = answer.seconds if isinstance(answer, HoldGranted) else 0
        self.intents = {**getattr(self, "intents", {}), visit_id: wanted}
        return visit_id

    def grants(self, facility: str, payers: tuple[Payer, ...], ask: Callable[[], Any], has_s: int) -> Any:
        """Whatever is granted, no closed account and no limit pays for it."""
        held = {each.account: self.account(each.account).held for each in payers}
        answer = ask()
        for each in payers:
            account = self.account(each.account)
            if isinstance(answer, HoldGranted) and answer.seconds > has_s:
                assert account.closed_at is None
            if not held[each.account] < account.held:
                continue
            zone, now = ZoneInfo(ZONES[facility]), self.clock.now()
            ledger = self.run(self.one.ledger(each.account, limit=10_000))
            for limit, period in ((account.day_limit, "day"), (account.week_limit, "week")):
                if limit is not None:
                    assert account.held.micros + spent(ledger, period, now, zone) <= limit.micros
        return answer

    @rule(visit_id=visits, stale=st.booleans(), more_s=st.integers(1, 90))
    def goes_on(self, visit_id: str, stale: bool, more_s: int) -> None:
        self.asks_for_more(visit_id, stale)
        self.lives(visit_id, more_s)

    def asks_for_more(self, visit_id: str, stale: bool) -> None:
        """stale: the answer to the last question was lost."""
        if not self.has[visit_id]:
            return
        wanted = self.intents[visit_id]
        knows_s = max(0, self.has[visit_id] - 1) if stale else self.has[visit_id]
        books = self.books[wanted.node]
        answer = self.grants(
            wanted.facility,
            wanted.shares,
            lambda: self.run(books.extend(visit_id, knows_s)),
            self.has[visit_id],
        )
        if isinstance(answer, HoldGranted):
            assert answer.seconds >= self.has[visit_id]
            assert answer.seconds == self.has[visit_id] or not stale, "it is given again, not twice"
            self.has[visit_id] = answer.seconds

    def lives(self, visit_id: str, more_s: int) -> None:
        self.proven[visit_id] += more_s
        now, used_s = self.clock.now(), self.proven[visit_id]
        proof = ProofOfLife(visit_id, now, now, now, now, used_s, 0)
        self.run(self.books[self.intents[visit_id].node].alive((proof,)))

    def summed_up(self, visit_id: str, used_s: int, unusable_s: int) -> VisitSummary:
        now = self.clock.now()
        times = {"ended_at": now, "ring_at": now, "answer_at": now, "media_start_at": now, "media_end_at": now}
        return summary(visit_id, used_s, unusable_s=unusable_s, **times)

    @rule(target=over, visit_id=consumes(visits), used_s=USED, unusable_s=st.sampled_from([0, 0, 0, 100]))
    def is_over(self, visit_id: str, used_s: int, unusable_s: int) -> str:
        return self.ends(visit_id, used_s, unusable_s)

    def ends(self, visit_id: str, used_s: int, unusable_s: int) -> str:
        books, over = self.books[self.intents[visit_id].node], self.summed_up(visit_id, used_s, unusable_s)
        told = {name: self.account(name).low_told for name in PEOPLE}
        before = self.run(books.records_of(visit_id))
        receipt = self.run(books.close(over))
        assert self.run(books.close(replace(over, billable_s=used_s + 50))) == receipt
        if before:
            assert receipt.cdr_id == before[0].cdr_id, "it was closed already, for want of a sign of life"
            return visit_id
        self.is_charged(receipt, used_s)
        if receipt.charged.micros:
            low = {name for name in PEOPLE if self.is_low(name) and self.pays(visit_id, name) and not told[name]}
            assert {each.account for each in receipt.low} == low
        return visit_id

    def pays(self, visit_id: str, name: str) -> bool:
        return any(each.account == name for each in self.intents[visit_id].shares)

    def is_low(self, name: str) -> bool:
        account = self.account(name)
        return not account.by_invoice and account.balance < (account.low_balance or RULES.low_mark("USD"))

    def is_charged(self, receipt: Receipt, used_s: int) -> None:
        assert receipt.billable_s <= min(used_s, self.has[receipt.visit_id])
        assert receipt.sequence == self.run(self.one.last_sequence(self.intents[receipt.visit_id].node))

    @rule(target=over, visit_id=consumes(visits))
    def crashes(self, visit_id: str) -> str:
        """Its whole node does; what was sure of its visits is charged, no second more."""
        for receipt in self.run(self.books["node1"].recover("node1", self.clock.now())):
            assert receipt.billable_s <= min(self.proven[receipt.visit_id], self.has[receipt.visit_id])
        if self.intents[visit_id].node != "node1":
            self.run(self.books["node2"].close(self.summed_up(visit_id, 0, 0)))
        return visit_id

    @rule(visit_id=visits, node=st.sampled_from(NODES), silent_h=st.integers(0, 3))
    def is_looked_through(self, visit_id: str, node: str, silent_h: int) -> None:
        """Visits without a sign of life are closed; their own node's closing comes too late, and changes nothing."""
        for receipt in self.run(self.books[node].expire(silent_h * 3600 + 1, ())):
            name = receipt.visit_id
            assert receipt.billable_s == min(self.proven[name], self.has[name]) or not receipt.charged.micros
            late = self.run(self.books[self.intents[name].node].close(self.summed_up(name, 300, 0)))
            assert (late.cdr_id, late.charged) == (receipt.cdr_id, receipt.charged)

    # corrections

    @rule(
        visit_id=over,
        percent=st.sampled_from([100, 50, 33, 101]) | st.integers(1, 120),
        key=KEYS,
        node=st.sampled_from(NODES),
        later=st.booleans(),
    )
    def gives_back(self, visit_id: str, percent: int, key: str, node: str, later: bool) -> None:
        """So much of what is left of the charge; of nothing, a micro-unit."""
        records = self.run(self.one.records_of(visit_id))
        named, left = records[-1 if later else 0].cdr_id, records[-1].charged
        amount = Money(max(1, left.micros * percent // 100), "USD")
        done = next((each for each in records if each.cdr_id == f"{records[0].cdr_id}:{key}"), None)

        def credit() -> Cdr:
            return self.run(self.books[node].credit(named, amount, "test", key))

        if done is not None:
            before = next(each for each in records if each.cdr_id == done.corrects)
            if done.movement_id.startswith("credit:") and before.charged - done.charged == amount:
                assert credit() == done
            else:
                with pytest.raises(KeyUsed, match=key):
                    credit()
        elif left < amount:
            with pytest.raises(BillingError):
                credit()
        else:
            assert credit().charged == left - amount

    @rule(price=st.integers(0, 2), key=KEYS, node=st.sampled_from(NODES), dearer_too=st.booleans())
    def rates_again(self, price: int, key: str, node: str, dearer_too: bool) -> None:
        """All visits, up or down, however much was given back before, whoever closed or emptied an account since."""
        store, tariffs = self.stores[NODES.index(node)], self.tariffs[price]
        rerating = Rerating(store, tariffs, node=node, clock=self.clock, rules=RULES)
        asked = Asked(BEGINNINGS[0] - timedelta(days=1), self.clock.now() + timedelta(days=1), dearer_too=dearer_too)

        async def run() -> list[Any]:
            return [each async for each in rerating.corrected(asked, key, "test", "me")]

        for each in self.run(run()):
            last = self.latest(each.cdr.visit_id)
            charge = last.charged + Money.parse(last.credited, "USD")
            if each.corrected:
                assert charge == each.after
            else:
                assert charge == each.before
                assert each.verdict is not Verdict.CHEAPER, "what became cheaper is given back"
                assert dearer_too or each.verdict is not Verdict.UNPAID

    # time, and what is always so

    @rule(minutes=st.sampled_from([1, 9, 30, 65, 24 * 60 + 5, 5 * 24 * 60]))
    def waits(self, minutes: int) -> None:
        self.time_passes(minutes)

    def time_passes(self, minutes: int) -> None:
        self.run(self.clock.advance(minutes * 60))

    @invariant()
    def adds_up(self) -> None:
        if self.stores:
            check(self.snapshot(), self.cash, FREE)

    def snapshot(self) -> Snapshot:
        accounts = self.run(self.one.accounts())
        return Snapshot(
            accounts={each.account_id: each for each in accounts},
            ledgers={each.account_id: self.run(self.one.ledger(each.account_id, limit=10_000)) for each in accounts},
            records={node: self.run(self.one.cdrs(limit=10_000, node=node)) for node in NODES},
            problems=self.run(self.one.verify_books()),
            low_marks={each.account_id: each.low_balance or RULES.low_mark("USD") for each in accounts},
            has=self.has,
        )

    def teardown(self) -> None:
        try:
            if self.stores:
                self.end()
        finally:
            for store in self.stores:
                self.run(store.close())
            self.runner.close()
            self.drop(self.url)

    def end(self) -> None:
        for node in NODES:
            self.run(self.books[node].recover(node, self.clock.now()))
        self.adds_up()
        self.run(check_end(self.stores[0], self.snapshot(), self.clock.now()))
