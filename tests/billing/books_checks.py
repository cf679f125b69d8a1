"""What must be so of accounts, ledger and records after each step, reckoned by simpler means than the gateway's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from gateway.billing.audit import verify_chain
from gateway.billing.cdr import Cdr
from gateway.billing.credits import MOSTLY_UNUSABLE
from gateway.money import Money
from gateway.reports.reading import read_statement
from gateway.store import Account, AccountKind, LedgerEntry, MovementKind, Store


@dataclass(frozen=True)
class Snapshot:
    """records: by node. problems: what the gateway itself finds. has: seconds that each visit was granted."""

    accounts: Mapping[str, Account]
    ledgers: Mapping[str, Sequence[LedgerEntry]]
    records: Mapping[str, Sequence[Cdr]]
    problems: tuple[str, ...]
    low_marks: Mapping[str, Money]
    has: Mapping[str, int]

    @property
    def people(self) -> list[Account]:
        return [each for each in self.accounts.values() if each.kind is not AccountKind.HOUSE]

    @property
    def cdrs(self) -> list[Cdr]:
        return [each for records in self.records.values() for each in records]

    @property
    def latest(self) -> dict[str, Cdr]:
        """By visit: the one that no other corrects."""
        corrected = {each.corrects for each in self.cdrs}
        found = [each for each in self.cdrs if each.cdr_id not in corrected]
        assert len({each.visit_id for each in found}) == len(found), "one record is the latest of its visit"
        return {each.visit_id: each for each in found}


def check(found: Snapshot, cash: int, allowances: Mapping[str, tuple[int, str]]) -> None:
    """cash: micro-units that were paid in, less what was paid out. allowances: by tariff: seconds in each period."""
    assert found.problems == ()
    movements: Counter[str] = Counter()
    for account_id, ledger in found.ledgers.items():
        assert sum(each.amount.micros for each in ledger) == found.accounts[account_id].balance.micros
        for entry in ledger:
            movements[entry.movement.movement_id] += entry.amount.micros
    assert not any(movements.values()), "every movement sums to zero"
    if "house:cash:USD" in found.accounts:
        assert found.accounts["house:cash:USD"].balance.micros == -cash
    for account in found.people:
        assert account.held.micros >= 0
        if not account.by_invoice:
            assert account.held <= account.balance, "nobody owes who may not"
        assert not (account.low_told and not account.balance < found.low_marks[account.account_id])
    for records in found.records.values():
        assert [each.sequence for each in records] == list(range(1, len(records) + 1))
    for cdr in found.cdrs:
        _check_record(cdr, found.has[cdr.visit_id])
    for cdr in found.latest.values():
        _check_paid(cdr, found)
    _check_allowances(found, allowances)


def _check_record(cdr: Cdr, has_s: int) -> None:
    assert sum(_micros(each.amount) for each in cdr.lines) == cdr.charged.micros >= 0
    assert sum(_micros(each.amount) for each in cdr.payers) == cdr.charged.micros
    assert cdr.billable_s <= has_s
    if not cdr.corrects:
        assert cdr.charged.micros <= _micros(cdr.hold_amount)
        assert all(_micros(each.amount) <= _micros(each.hold_amount) for each in cdr.payers)
    if cdr.cap_per_minute:
        untaxed = sum(_micros(each.amount) for each in cdr.lines if each.kind not in ("tax", "credit"))
        assert untaxed <= Fraction(_micros(cdr.cap_per_minute) * (cdr.billable_s - cdr.free_s), 60)


def _check_paid(cdr: Cdr, found: Snapshot) -> None:
    """The latest record says what each payer has paid, and the house what it got."""
    paid: Counter[str] = Counter()
    for account_id, ledger in found.ledgers.items():
        paid[account_id] -= sum(each.amount.micros for each in ledger if each.movement.visit_id == cdr.visit_id)
    people = {each.account_id for each in found.people}
    assert {name: paid[name] for name in people if paid[name]} == {
        each.account: _micros(each.amount) for each in cdr.payers if _micros(each.amount)
    }
    assert all(micros >= 0 for name, micros in paid.items() if name in people), "nobody earns by a visit"
    if cdr.credit_reason != MOSTLY_UNUSABLE:
        given_back = sum(
            each.amount.micros
            for name in people
            for each in found.ledgers[name]
            if each.movement.visit_id == cdr.visit_id and each.movement.kind is MovementKind.CREDIT
        )
        charge = cdr.charged.micros + _micros(cdr.credited)
        assert _micros(cdr.credited) == min(given_back, charge), "what was credited stays so"
    assert -sum(micros for name, micros in paid.items() if name not in people) == cdr.charged.micros
    assert all(micros <= 0 for name, micros in paid.items() if name not in people), "the house pays for none"


def _check_allowances(found: Snapshot, allowances: Mapping[str, tuple[int, str]]) -> None:
    used: Counter[tuple[str, str, object]] = Counter()
    for cdr in found.latest.values():
        if cdr.tariff_id in allowances:
            _, period = allowances[cdr.tariff_id]
            local = cdr.setup_at.astimezone(ZoneInfo(cdr.timezone))
            used[cdr.account, cdr.tariff_id, (cdr.timezone, _period(local, period))] += cdr.free_s
    for (_, tariff_id, _), seconds in used.items():
        assert seconds <= allowances[tariff_id][0], "no more is free than is allowed"


def spent(ledger: Sequence[LedgerEntry], period: str, now: datetime, zone: ZoneInfo) -> int:
    """What visits have cost in the day or week that it is now on the wall, micro-units."""
    today = _period(now.astimezone(zone), period)
    return -sum(
        each.amount.micros
        for each in ledger
        if each.movement.kind is MovementKind.VISIT and _period(each.movement.at.astimezone(zone), period) == today
    )


def _period(local: datetime, period: str) -> object:
    return local.date() if period == "day" else local.isocalendar()[:2]


async def check_end(store: Store, found: Snapshot, now: datetime) -> None:
    """When every visit is over: nothing is held, each left one first record, chains verify, statements lead through."""
    assert all(each.held.micros == 0 for each in found.people), "every hold is released"
    assert sorted(each.visit_id for each in found.cdrs if not each.corrects) == sorted(found.has)
    for node in found.records:
        report = await verify_chain(store, node)
        assert report.sound, report.problems
    for account in found.people:
        await _check_statements(store, found, account, now)


async def _check_statements(store: Store, found: Snapshot, account: Account, now: datetime) -> None:
    """Month after month, in the zone of one facility, leads to the balance, by the ledger's own entries."""
    zone = ZoneInfo("America/Chicago")
    moment, end = account.opened_at.astimezone(zone), now.astimezone(zone)
    balance, numbers = 0, []
    while (moment.year, moment.month) <= (end.year, end.month):
        text = f"{moment.year}-{moment.month:02d}"
        statement = await read_statement(store, account.account_id, text, zone=zone, made_at=now)
        assert statement.opening.micros == balance
        balance = statement.closing.micros
        numbers += [each.number for each in statement.entries]
        parts = (statement.deposits, statement.charges, statement.given_back, statement.paid_out)
        assert balance == statement.opening.micros + sum(each.micros for each in parts)
        moment = (moment.replace(day=1) + timedelta(days=32)).replace(day=1)
    assert balance == account.balance.micros
    assert numbers == [each.number for each in found.ledgers[account.account_id]]


def _micros(text: str) -> int:
    return Money.parse(text, "USD").micros
