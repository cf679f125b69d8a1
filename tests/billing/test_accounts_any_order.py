"""Whatever happens to accounts: the ledger sums to zero, nobody overspends, no charge is above its hold."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from gateway.billing import corrections
from gateway.billing.accounting import Accounting
from gateway.billing.corrections import Hand
from gateway.billing.rating import charge as charge_of
from gateway.billing.rules import AccountRules
from gateway.call.summary import HoldGranted
from gateway.clock import ManualClock
from gateway.errors import BillingError
from gateway.money import Money
from gateway.policy.decision import Payer
from gateway.store import Account, AccountKind, Store
from tests.billing.stage import START, demo_tariffs, intent, proof, summary

PEOPLE = {"family": AccountKind.PREPAID, "inside": AccountKind.DEBIT, "county": AccountKind.FACILITY}
WHO_PAYS = (
    (),
    (Payer("inside", 50), Payer("family", 50)),
    (Payer("family", 34), Payer("inside", 33), Payer("county", 33)),
    (Payer("county", 100),),
)
AMOUNTS = st.integers(1, 1_000_000).map(lambda micros: Money(micros, "USD"))


class Books(RuleBasedStateMachine):
    """Visits are numbered; `has` is what each one knows that it may talk."""

    visits: Bundle[str] = Bundle("visits")
    over: Bundle[str] = Bundle("over")

    @initialize()
    def open(self) -> None:
        self.runner = asyncio.Runner()
        self.store = Store("sqlite:///:memory:")
        self.run(self.store.open())
        self.clock = ManualClock(START)
        rules = AccountRules(slice_s=30, least_slice_s=5, low_balance="0.50")
        self.books = Accounting(self.store, demo_tariffs(), clock=self.clock, rules=rules)
        for name, kind in PEOPLE.items():
            self.run(self.books.open_account(name, "USD", kind))
        self.counted = 0
        self.has: dict[str, int] = {}
        self.cash = 0

    def run(self, work):
        return self.runner.run(work)

    def number(self) -> int:
        self.counted += 1
        return self.counted

    def accounts(self) -> dict[str, Account]:
        return {each.account_id: each for each in self.run(self.books.accounts())}

    @rule(who=st.sampled_from(sorted(PEOPLE)), amount=AMOUNTS, again=st.booleans())
    def deposits(self, who, amount, again):
        key = f"d{self.number()}"
        if self.accounts()[who].closed_at is not None:
            with pytest.raises(BillingError, match="is closed"):
                self.run(self.books.deposit(who, amount, key))
            return
        for _ in range(1 + again):
            self.run(self.books.deposit(who, amount, key))
        self.cash += amount.micros

    @rule(who=st.sampled_from(["family", "inside"]), amount=AMOUNTS)
    def withdraws(self, who, amount):
        available = self.accounts()[who].available
        try:
            self.run(self.books.withdraw(who, amount, f"w{self.number()}"))
            self.cash -= amount.micros
            assert amount <= available
        except BillingError:
            assert available < amount

    @rule(day=st.none() | AMOUNTS, week=st.none() | AMOUNTS)
    def limits(self, day, week):
        self.run(self.books.set_limits("family", day, week, None))

    @rule(target=visits, payers=st.sampled_from(WHO_PAYS), limit_s=st.integers(1, 300))
    def calls(self, payers, limit_s):
        visit_id = f"v{self.number()}"
        account = payers[0].account if payers else "family"
        wanted = intent(visit_id, account=account, payers=payers, max_seconds=limit_s, setup_at=self.clock.now())
        answer = self.run(self.books.authorise(wanted))
        self.has[visit_id] = answer.seconds if isinstance(answer, HoldGranted) else 0
        return visit_id

    @rule(visit_id=visits, stale=st.booleans())
    def asks_for_more(self, visit_id, stale):
        """stale: the answer to the last question was lost."""
        if not self.has[visit_id]:
            return
        knows_s = max(0, self.has[visit_id] - 1) if stale else self.has[visit_id]
        answer = self.run(self.books.extend(visit_id, knows_s))
        if isinstance(answer, HoldGranted):
            assert answer.seconds >= self.has[visit_id]
            assert answer.seconds == self.has[visit_id] or not stale, "it is given again, not twice"
            self.has[visit_id] = answer.seconds

    @rule(target=over, visit_id=consumes(visits), used_s=st.integers(0, 320), crashes=st.booleans())
    def ends(self, visit_id, used_s, crashes):
        if crashes:
            self.run(self.books.alive((proof(visit_id, used_s),)))
            self.run(self.books.recover("node1", self.clock.now()))
        else:
            self.run(self.books.close(summary(visit_id, used_s)))
        return visit_id

    @rule(visit_id=over, amount=AMOUNTS)
    def gives_back(self, visit_id, amount):
        left = self.left_of(visit_id)
        try:
            self.run(self.books.credit(f"cdr:{visit_id}", amount, "test", f"c{self.number()}"))
            assert amount.micros <= left
        except BillingError:
            assert amount.micros > left

    @rule(visit_id=over, tariff=st.sampled_from(["demo-video", "demo-audio"]), seconds=st.integers(0, 300))
    def rates_again(self, visit_id, tariff, seconds):
        """At another price, up or down, however much was given back before, and whoever has closed an account since."""
        (*_, before) = self.run(self.books.records_of(visit_id))
        found = self.books._tariffs.agreed(
            tariff, START, facility="north", timezone="America/Chicago", privileged=False
        )
        charge = charge_of(found, seconds)
        hand = Hand(f"r{self.number()}", "test", "", "node1")
        work = partial(
            corrections.rerate,
            cdr_id=before.cdr_id,
            tariff=found,
            charge=charge,
            hand=hand,
            now=self.clock.now(),
            rules=AccountRules(),
        )
        try:
            once = self.run(self.store.write(work))
        except BillingError:
            assert self.run(self.books.records_of(visit_id))[-1] == before, "nothing half done"
        else:
            assert self.run(self.store.write(work)) == once, "the same correction again is the same record"
            assert once.charged.micros == self.left_of(visit_id)

    @rule(who=st.sampled_from(["family", "inside"]), refund=st.booleans())
    def closes_an_account(self, who, refund):
        """It authorises nothing from then on; what runs and what is corrected still moves money on it."""
        before = self.accounts()[who]
        try:
            after = self.run(self.books.close_account(who, refund=refund))
        except BillingError:
            assert refund
            assert before.held.micros
            return
        if refund:
            self.cash -= before.balance.micros
            assert after.balance.micros == 0

    @rule(visit_id=visits, silent_h=st.integers(0, 3))
    def is_looked_through(self, visit_id, silent_h):
        """Visits without a sign of life are closed; their own node's closing comes too late, and changes nothing."""
        closed = self.run(self.books.expire(silent_h * 3600 + 1, ()))
        if visit_id not in {each.visit_id for each in closed}:
            return
        (first,) = self.run(self.books.records_of(visit_id))
        late = self.run(self.books.close(summary(visit_id, 300)))
        assert (late.cdr_id, late.charged) == (first.cdr_id, first.charged)

    def left_of(self, visit_id: str) -> int:
        entries = self.run(self.store.read(lambda work: work.books.of_record(f"cdr:{visit_id}")))
        return -sum(each.amount.micros for each in entries if not each.account_id.startswith("house:"))

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours):
        self.run(self.clock.advance(timedelta(hours=hours).total_seconds()))

    @invariant()
    def adds_up(self):
        if not hasattr(self, "books"):
            return
        assert self.run(self.books.verify_books()) == ()
        found = self.accounts()
        assert sum(each.balance.micros for each in found.values()) == 0, "the whole ledger sums to zero"
        for name, kind in PEOPLE.items():
            account = found[name]
            assert account.held.micros >= 0
            if kind is not AccountKind.FACILITY:
                assert account.held <= account.balance
        if "house:cash:USD" in found:
            assert found["house:cash:USD"].balance.micros == -self.cash

    def teardown(self) -> None:
        if not hasattr(self, "books"):
            return
        try:
            self.end()
        finally:
            self.run(self.store.close())
            self.runner.close()

    def end(self) -> None:
        self.run(self.books.recover("node1", self.clock.now()))
        self.adds_up()
        for cdr in self.run(self.books.cdrs(limit=1000)):
            if not cdr.corrects:  # a price that was put right may be higher; what was reserved before it is not
                assert cdr.charged.micros <= Money.parse(cdr.hold_amount, "USD").micros
            assert cdr.billable_s <= self.has[cdr.visit_id]
        assert all(each.held.micros == 0 for each in self.accounts().values()), "every hold is released"
        report = self.run(self.books.verify_chain())
        assert report.sound, report.problems


Books.TestCase.settings = settings(max_examples=15, stateful_step_count=25, deadline=None)
TestBooks = Books.TestCase
