"""What may become of a booking, and what the family owes for it then: pure.

requested -> approved, refused, cancelled       approved -> starting, cancelled (moved: the same booking, another time)
starting  -> started, no_show_family, no_show_station, interrupted       started -> kept

The fee is owed from the approval on. It is given back by the rule: cancelled by staff or in time, all of it; later, a
share. Where the house's side is missing nothing is owed; where the family is, a share.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gateway.errors import BookingError
from gateway.money import Money
from gateway.policy.decision import Medium
from gateway.store import Booking, BookingState

_FREE = 0
_ALL = 100


@dataclass(frozen=True, slots=True)
class BookingRules:
    """Of one facility.

    slot: length of a visit. ahead, notice: booked at most, and at least, so long before. approval: staff say yes first.
    rules: the version of the rules that have to be accepted; empty: none. remind: so long before, reminders go out.
    fee: of a booking, beside what the visit costs. free_until: so long before the start it is cancelled and moved
    freely; after that late_refund_percent is given back, and only staff may move it.
    no_show_percent: of the fee, owed when the family does not come. calls: we call the station; else it calls us.
    """

    facility: str
    fee: Money
    slot: timedelta = timedelta(minutes=30)
    ahead: timedelta = timedelta(days=14)
    notice: timedelta = timedelta(hours=2)
    approval: bool = False
    rules: str = ""
    remind: timedelta = timedelta(hours=1)
    free_until: timedelta = timedelta(hours=24)
    late_refund_percent: int = 0
    no_show_percent: int = 100
    medium: Medium = Medium.VIDEO
    calls: bool = True


@dataclass(frozen=True, slots=True)
class Attendance:
    """Who came: station True: it was answered, family True: they joined, within the time of the booking."""

    station: bool
    family: bool


def first_state(rules: BookingRules, *, staff: bool) -> BookingState:
    """What staff book needs nobody's approval."""
    return BookingState.REQUESTED if rules.approval and not staff else BookingState.APPROVED


def fee_of(state: BookingState, rules: BookingRules) -> Money:
    """What a booking owes that has just been made or moved."""
    return rules.fee if state is BookingState.APPROVED else Money(0, rules.fee.currency)


def approved(booking: Booking, rules: BookingRules, now: datetime) -> Booking:
    _must_be(booking, "approved", BookingState.REQUESTED)
    if now >= booking.starts_at:
        raise BookingError("its time has come already: it cannot be approved any more")
    return _next(booking, BookingState.APPROVED, now, _share(booking, rules, _ALL))


def refused(booking: Booking, now: datetime, reason: str) -> Booking:
    _must_be(booking, "refused", BookingState.REQUESTED)
    return _next(booking, BookingState.REFUSED, now, Money(0, booking.owed.currency), reason)


def cancelled(booking: Booking, rules: BookingRules, now: datetime, *, staff: bool, reason: str = "") -> Booking:
    _must_be(booking, "cancelled", BookingState.REQUESTED, BookingState.APPROVED)
    kept_percent = _FREE
    if booking.state is BookingState.APPROVED and not staff and not _is_early(booking, rules, now):
        kept_percent = _ALL - rules.late_refund_percent
    return _next(booking, BookingState.CANCELLED, now, _share(booking, rules, kept_percent), reason)


def moved(booking: Booking, to: Booking, rules: BookingRules, now: datetime, *, staff: bool) -> Booking:
    """to: the same booking with its new times and station."""
    _must_be(booking, "moved", BookingState.REQUESTED, BookingState.APPROVED)
    if not staff and not _is_early(booking, rules, now):
        hours = rules.free_until / timedelta(hours=1)
        raise BookingError(f"it is too late to move it: that has to be {hours:g} hours before; it can be cancelled")
    state = first_state(rules, staff=staff)
    return replace(_next(to, state, now, fee_of(state, rules)), reminded_at=None)


def starting(booking: Booking, node: str, now: datetime) -> Booking:
    """Claimed: from here on nobody else starts it, whatever becomes of the node."""
    _must_be(booking, "started", BookingState.APPROVED)
    return replace(booking, state=BookingState.STARTING, node=node, claimed_at=now, changed_at=now)


def overdue(booking: Booking, now: datetime) -> Booking | None:
    """What it is, when its time has come and it cannot be started: nobody approved it, or its end has passed too."""
    free = Money(0, booking.owed.currency)
    if booking.state is BookingState.REQUESTED and now >= booking.starts_at:
        return _next(booking, BookingState.REFUSED, now, free, "nobody approved it in time")
    if booking.state is BookingState.APPROVED and now >= booking.ends_at:
        return _next(booking, BookingState.NO_SHOW_STATION, now, free, "the gateway was away")
    return None


def passed(booking: Booking, now: datetime) -> Booking:
    """Over, where the station calls by itself: nobody looked who came, so nobody is said to have been missing."""
    _must_be(booking, "passed", BookingState.APPROVED)
    return _next(booking, BookingState.KEPT, now, booking.owed, "not observed")


def ended(booking: Booking, attendance: Attendance, rules: BookingRules, now: datetime) -> Booking:
    """The station first: where it was not answered, the family cannot have missed anything."""
    _must_be(booking, "ended", BookingState.STARTING, BookingState.STARTED)
    if not attendance.station:
        return _next(booking, BookingState.NO_SHOW_STATION, now, _share(booking, rules, _FREE))
    if not attendance.family:
        return _next(booking, BookingState.NO_SHOW_FAMILY, now, _share(booking, rules, rules.no_show_percent))
    return _next(booking, BookingState.KEPT, now, booking.owed)


def started(booking: Booking, now: datetime) -> Booking:
    """Both are there."""
    _must_be(booking, "started", BookingState.STARTING)
    return replace(booking, state=BookingState.STARTED, changed_at=now)


def recovered(booking: Booking, now: datetime) -> Booking:
    """Its gateway ended in the midst of it. It is not called again; only where both had come is a fee owed."""
    _must_be(booking, "recovered", BookingState.STARTING, BookingState.STARTED)
    if booking.state is BookingState.STARTED:
        return _next(booking, BookingState.KEPT, now, booking.owed)
    return _next(booking, BookingState.INTERRUPTED, now, Money(0, booking.owed.currency), "the gateway ended")


def _is_early(booking: Booking, rules: BookingRules, now: datetime) -> bool:
    return booking.starts_at - now >= rules.free_until


def _share(booking: Booking, rules: BookingRules, percent: int) -> Money:
    """Of the fee that was agreed; of today's where nothing was agreed yet. Parts of a micro-unit are the family's."""
    fee = rules.fee if booking.state is BookingState.REQUESTED else booking.owed
    return Money(fee.micros * percent // 100, fee.currency)


def _next(booking: Booking, state: BookingState, now: datetime, owed: Money, reason: str = "") -> Booking:
    return replace(booking, state=state, changed_at=now, owed=owed, reason=reason, sequence=booking.sequence + 1)


def _must_be(booking: Booking, verb: str, *states: BookingState) -> None:
    if booking.state not in states:
        raise BookingError(f"a booking that is {booking.state.replace('_', ' ')} cannot be {verb}")
