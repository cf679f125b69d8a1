"""May this visit begin, for how long, and what is reserved for it; then slice by slice, may it go on. One transaction.

who pays                    hold                                        seconds
nobody (empty)              none: the visit is free                     max_seconds
facility accounts alone     cost of max_seconds, by invoice             max_seconds
others among the payers     a slice at a time (gateway.billing.slices)  what the slices pay
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.billing.allowance import Period, period_start
from gateway.billing.rating import Price, Tariff
from gateway.billing.rules import AccountRules
from gateway.billing.slices import Purse, Slice, lacking, next_slice
from gateway.billing.tariff import ANY_CURRENCY, freeze, thaw
from gateway.call.summary import HoldGranted, HoldRefused, VisitIntent
from gateway.errors import BillingError
from gateway.money import Money
from gateway.policy.decision import Refusal
from gateway.store import UNDECIDED, Account, Grant, Hold, Visit, Work

Answer = HoldGranted | HoldRefused


def authorise(work: Work, intent: VisitIntent, tariff: Tariff | None, rules: AccountRules) -> Answer:
    """`tariff`: the version in force, None when there is none. Asked again for a visit, it answers as before."""
    before = work.visits.get(intent.visit_id)
    if before is not None and not _is_open(before):
        return _answer_again(work, before, rules)
    put = work.visits.add if before is None else work.visits.decide
    if not intent.shares:
        answer: Answer = _free(intent.max_seconds, tariff)
        put(intent, _grant(answer, tariff, 0))
        return answer
    accounts = work.books.locked(each.account for each in intent.shares)
    refused = _unfit(intent, tariff, accounts)
    if refused or tariff is None:
        put(intent, _grant(refused or _no_tariff(intent), tariff, 0))
        return refused or _no_tariff(intent)
    free_s = _allowance_left(work, intent, tariff)
    purses = _purses(work, intent, accounts, (), intent.setup_at)
    found = next_slice(tariff, purses, has_s=0, limit_s=intent.max_seconds, free_s=free_s, rules=rules)
    if found.seconds == 0:
        short = _short(tariff, purses, intent, has_s=0, free_s=free_s)
        put(intent, _grant(short, tariff, 0))
        return short
    answer = _granted(intent, tariff, found, free_s)
    put(intent, _grant(answer, tariff, free_s))
    _reserve(work, intent, purses, found, tariff.currency)
    return answer


def attempt(work: Work, intent: VisitIntent) -> None:
    """A visit that policy refused: nothing is granted, and `close` will leave its record."""
    _put_open(work, intent, Grant())


def receive(work: Work, intent: VisitIntent) -> None:
    """A call that the gateway's own voice is about to answer: `authorise` or `attempt` will say what became of it."""
    _put_open(work, intent, Grant(refusal=UNDECIDED))


def _put_open(work: Work, intent: VisitIntent, grant: Grant) -> None:
    before = work.visits.get(intent.visit_id)
    if before is None:
        work.visits.add(intent, grant)
    elif _is_open(before):
        work.visits.decide(intent, grant)


def _is_open(visit: Visit) -> bool:
    return visit.cdr_id is None and visit.grant.refusal == UNDECIDED


def extend(work: Work, visit_id: str, has_s: int, now: datetime, rules: AccountRules) -> Answer:
    """Reserves the next slice for a visit that knows of `has_s` seconds.

    When it has more than it knows of, an answer was lost on the way: it is given again, and nothing is reserved. A
    refusal changes nothing either: the visit has what it has.
    """
    visit = work.visits.get(visit_id)
    if visit is None:
        raise BillingError(f"visit {visit_id} was never authorised")
    holds = work.books.holds(visit_id)
    if visit.cdr_id is not None or not holds or visit.grant.granted_s >= visit.intent.max_seconds:
        return _answer_again(work, visit, rules)
    intent, tariff = visit.intent, thaw(visit.grant.tariff_json)
    accounts = work.books.locked(each.account_id for each in holds)
    refused = _unfit(intent, tariff, accounts)
    if refused:
        return refused
    granted_s, free_s = visit.grant.granted_s, visit.grant.free_s
    purses = _purses(work, intent, accounts, holds, now)
    found = next_slice(tariff, purses, has_s=granted_s, limit_s=intent.max_seconds, free_s=free_s, rules=rules)
    if granted_s > has_s:
        return _as_it_is(visit, tariff, holds, found)
    if found.seconds == granted_s:
        return _short(tariff, purses, intent, has_s=granted_s, free_s=free_s)
    limited = found.reach_s < intent.max_seconds
    for hold, amount in zip(holds, found.holds, strict=True):
        more = Money(amount - hold.amount.micros, hold.amount.currency)
        if not work.books.extend_hold(hold, more, limited, now):
            raise BillingError(f"visit {visit_id}: its money was taken between the look and the hold")
    work.visits.set_granted(visit_id, found.seconds)
    return _granted(intent, tariff, found, free_s)


# ---- the accounts as the visit sees them ----


def _unfit(intent: VisitIntent, tariff: Tariff | None, accounts: Mapping[str, Account]) -> HoldRefused | None:
    """The first thing that keeps an account from paying at all."""
    if tariff is None:
        return _no_tariff(intent)
    for payer in intent.shares:
        account = accounts.get(payer.account)
        if account is None:
            return HoldRefused(Refusal.BALANCE, f"there is no account {payer.account!r}")
        if account.closed_at is not None:
            return HoldRefused(Refusal.ACCOUNT_CLOSED, f"account {payer.account} is closed")
        if account.currency != tariff.currency:
            return HoldRefused(Refusal.BALANCE, f"account {payer.account} is not in {tariff.currency}")
    return None


def _purses(
    work: Work, intent: VisitIntent, accounts: Mapping[str, Account], holds: tuple[Hold, ...], now: datetime
) -> tuple[Purse, ...]:
    held = {each.account_id: each.amount.micros for each in holds if each.released_at is None}
    purses: list[Purse] = []
    for payer in intent.shares:
        account = accounts[payer.account]
        left = _left_of_limits(work, account, intent, now)
        room = None if account.by_invoice else max(0, account.available.micros)
        by_limit = left is not None and (room is None or left < room)
        if left is not None and by_limit:
            room = left
        visits = work.books.open_holds(account.account_id) + (payer.account not in held)
        purses.append(Purse(payer.account, payer.percent, held.get(payer.account, 0), room, visits, by_limit))
    return tuple(purses)


def _left_of_limits(work: Work, account: Account, intent: VisitIntent, now: datetime) -> int | None:
    """What the account's own limits leave for the day and the week, on the facility's calendar. None: no limit.

    What is held counts as spent; a charge counts on the day on which it was made.
    """
    zone = ZoneInfo(intent.timezone or "UTC")
    left: list[int] = []
    for limit, period in ((account.day_limit, Period.DAY), (account.week_limit, Period.WEEK)):
        if limit is not None:
            spent = work.books.spent_since(account.account_id, period_start(period, now, zone))
            left.append(limit.micros - account.held.micros - (spent.micros if spent else 0))
    return max(0, min(left)) if left else None


def _allowance_left(work: Work, intent: VisitIntent, tariff: Tariff) -> int:
    """Seconds of the free allowance that are not used and not set aside for other visits of the account."""
    if tariff.free is None:
        return 0
    since = period_start(tariff.free.period, intent.setup_at, ZoneInfo(intent.timezone or "UTC"))
    used_s = work.visits.free_used(intent.account, intent.tariff, since)
    return max(0, min(intent.max_seconds, tariff.free.seconds - used_s))


# ---- what is said and written ----


def _no_tariff(intent: VisitIntent) -> HoldRefused:
    return HoldRefused(Refusal.TARIFF, f"no version of tariff {intent.tariff!r} is in force")


def _short(tariff: Tariff, purses: tuple[Purse, ...], intent: VisitIntent, *, has_s: int, free_s: int) -> HoldRefused:
    purse = lacking(tariff, purses, has_s=has_s, limit_s=intent.max_seconds, free_s=free_s) or purses[0]
    if purse.by_limit:
        return HoldRefused(Refusal.SPENDING_LIMIT, f"account {purse.account_id} has reached its spending limit")
    more = "one second more" if has_s else "one second"
    return HoldRefused(Refusal.BALANCE, f"account {purse.account_id} cannot pay {more} of {tariff.tariff_id}")


def _granted(intent: VisitIntent, tariff: Tariff, found: Slice, free_s: int) -> HoldGranted:
    return HoldGranted(
        hold_id=_hold_id(intent, 0),
        amount=Money(sum(found.holds), tariff.currency),
        seconds=found.seconds,
        limited_by_balance=found.reach_s < intent.max_seconds,
        rate_per_minute=tariff.shown_per_minute,
        reach_s=found.reach_s,
        reach=Money(found.reach, tariff.currency),
        price=Price(tariff, free_s),
    )


def _free(seconds: int, tariff: Tariff | None) -> HoldGranted:
    nothing = Money(0, tariff.currency if tariff else ANY_CURRENCY)
    return HoldGranted("", nothing, seconds, False, nothing, seconds, nothing, lambda _: nothing)


def _grant(answer: Answer, tariff: Tariff | None, free_s: int) -> Grant:
    tariff_json = freeze(tariff) if tariff else ""
    if isinstance(answer, HoldRefused):
        return Grant(tariff_json, 0, str(answer.refusal), answer.message)
    return Grant(tariff_json, answer.seconds, free_s=free_s)


def _hold_id(intent: VisitIntent, position: int) -> str:
    return f"hold:{intent.visit_id}" if position == 0 else f"hold:{intent.visit_id}:{position + 1}"


def _reserve(work: Work, intent: VisitIntent, purses: tuple[Purse, ...], found: Slice, currency: str) -> None:
    for position, (purse, amount) in enumerate(zip(purses, found.holds, strict=True)):
        hold = Hold(
            hold_id=_hold_id(intent, position),
            visit_id=intent.visit_id,
            account_id=purse.account_id,
            amount=Money(amount, currency),
            limited_by_balance=found.reach_s < intent.max_seconds,
            taken_at=intent.setup_at,
            position=position,
            percent=purse.percent,
        )
        if not work.books.take_hold(hold):
            raise BillingError(f"visit {intent.visit_id}: its money was taken between the look and the hold")


def _answer_again(work: Work, visit: Visit, rules: AccountRules) -> Answer:
    if visit.grant.refusal and visit.grant.refusal != UNDECIDED:
        return HoldRefused(visit.grant.refusal, visit.grant.refusal_message)
    tariff = thaw(visit.grant.tariff_json) if visit.grant.tariff_json else None
    holds = work.books.holds(visit.intent.visit_id)
    if not holds and not visit.intent.shares:
        return _free(visit.grant.granted_s, tariff)
    if not holds or tariff is None:
        raise BillingError(f"visit {visit.intent.visit_id} was refused by policy; it cannot be authorised")
    found: Slice | None = None
    if visit.cdr_id is None:
        accounts = work.books.locked(each.account_id for each in holds)
        purses = _purses(work, visit.intent, accounts, holds, visit.intent.setup_at)
        grant, limit_s = visit.grant, visit.intent.max_seconds
        found = next_slice(tariff, purses, has_s=grant.granted_s, limit_s=limit_s, free_s=grant.free_s, rules=rules)
    return _as_it_is(visit, tariff, holds, found)


def _as_it_is(visit: Visit, tariff: Tariff, holds: tuple[Hold, ...], found: Slice | None) -> HoldGranted:
    """What the visit has, beside what it could come to (`found`; None: nothing more, it is over)."""
    amount = sum((each.amount for each in holds), Money(0, tariff.currency))
    reach_s = max(found.reach_s, visit.grant.granted_s) if found else visit.grant.granted_s
    return HoldGranted(
        hold_id=holds[0].hold_id,
        amount=amount,
        seconds=visit.grant.granted_s,
        limited_by_balance=reach_s < visit.intent.max_seconds,
        rate_per_minute=tariff.shown_per_minute,
        reach_s=reach_s,
        reach=Money(max(found.reach, amount.micros), tariff.currency) if found else amount,
        price=Price(tariff, visit.grant.free_s),
    )
