"""May this visit begin, for how long, and what is reserved for it. Runs inside one transaction.

who pays             hold                                       seconds
nobody (empty)       none: the visit is free                    max_seconds
a facility account   cost of max_seconds, by invoice            max_seconds
a prepaid account    min(available, cost of max_seconds)        the most that the hold pays
"""

from __future__ import annotations

from gateway.billing.rating import Tariff, affordable_seconds, charge
from gateway.billing.tariff import ANY_CURRENCY, freeze, thaw
from gateway.call.summary import HoldGranted, HoldRefused, VisitIntent
from gateway.errors import BillingError
from gateway.money import Money
from gateway.policy.decision import Refusal
from gateway.store import Account, AccountKind, Grant, Hold, Visit, Work

Answer = HoldGranted | HoldRefused


def authorise(work: Work, intent: VisitIntent, tariff: Tariff | None) -> Answer:
    """`tariff`: the version in force, None when there is none. Asked again for a visit, it answers as before."""
    before = work.visits.get(intent.visit_id)
    if before is not None:
        return _answer_again(work, before)
    answer = _answer(work, intent, tariff)
    work.visits.add(intent, _grant(answer, tariff))
    if isinstance(answer, HoldGranted) and answer.hold_id:
        _reserve(work, intent, answer)
    return answer


def attempt(work: Work, intent: VisitIntent) -> None:
    """A visit that policy refused: nothing is granted, and `close` will leave its record."""
    if work.visits.get(intent.visit_id) is None:
        work.visits.add(intent, Grant())


def _answer(work: Work, intent: VisitIntent, tariff: Tariff | None) -> Answer:
    if not intent.account:
        return _free(intent.max_seconds, tariff)
    if tariff is None:
        return HoldRefused(Refusal.TARIFF, f"no version of tariff {intent.tariff!r} is in force")
    account = work.books.account(intent.account)
    if account is None:
        return HoldRefused(Refusal.BALANCE, f"there is no account {intent.account!r}")
    if account.closed_at is not None:
        return HoldRefused(Refusal.ACCOUNT_CLOSED, f"account {intent.account} is closed")
    if account.currency != tariff.currency:
        return HoldRefused(Refusal.BALANCE, f"account {intent.account} is not in {tariff.currency}")
    return _paid(intent, tariff, account)


def _paid(intent: VisitIntent, tariff: Tariff, account: Account) -> Answer:
    cost = charge(tariff, intent.max_seconds).total
    amount, seconds = cost, intent.max_seconds
    if account.kind is not AccountKind.FACILITY:
        amount = min(account.available, cost)
        seconds = affordable_seconds(tariff, amount, at_most=intent.max_seconds)
    if seconds == 0 or amount.micros <= 0 < cost.micros:  # a rounding that gives seconds away needs a balance too
        return HoldRefused(Refusal.BALANCE, f"account {intent.account} cannot pay one second of {tariff.tariff_id}")
    return HoldGranted(
        hold_id=f"hold:{intent.visit_id}",
        amount=amount,
        seconds=seconds,
        limited_by_balance=seconds < intent.max_seconds,
        rate_per_minute=tariff.per_minute,
    )


def _free(seconds: int, tariff: Tariff | None) -> HoldGranted:
    nothing = Money(0, tariff.currency if tariff else ANY_CURRENCY)
    return HoldGranted(hold_id="", amount=nothing, seconds=seconds, limited_by_balance=False, rate_per_minute=nothing)


def _grant(answer: Answer, tariff: Tariff | None) -> Grant:
    tariff_json = freeze(tariff) if tariff else ""
    if isinstance(answer, HoldRefused):
        return Grant(tariff_json, 0, str(answer.refusal), answer.message)
    return Grant(tariff_json, answer.seconds)


def _reserve(work: Work, intent: VisitIntent, granted: HoldGranted) -> None:
    hold = Hold(
        hold_id=granted.hold_id,
        visit_id=intent.visit_id,
        account_id=intent.account,
        amount=granted.amount,
        limited_by_balance=granted.limited_by_balance,
        taken_at=intent.setup_at,
    )
    if not work.books.take_hold(hold):
        raise BillingError(f"visit {intent.visit_id}: its money was taken between the look and the hold")


def _answer_again(work: Work, visit: Visit) -> Answer:
    if visit.grant.refusal:
        return HoldRefused(visit.grant.refusal, visit.grant.refusal_message)
    tariff = thaw(visit.grant.tariff_json) if visit.grant.tariff_json else None
    hold = work.books.hold(visit.intent.visit_id)
    if hold is None and not visit.intent.account:
        return _free(visit.grant.granted_s, tariff)
    if hold is None or tariff is None:
        raise BillingError(f"visit {visit.intent.visit_id} was refused by policy; it cannot be authorised")
    return HoldGranted(
        hold_id=hold.hold_id,
        amount=hold.amount,
        seconds=visit.grant.granted_s,
        limited_by_balance=hold.limited_by_balance,
        rate_per_minute=tariff.per_minute,
    )
