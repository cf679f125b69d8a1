"""Booking visits: what families and staff ask for, decided here and written in one transaction each.

    slots = await desk.slots(Wanted("north", "ann", "4711"), since, until)
    booking = await desk.book(Wanted("north", "ann", "4711"), slots[0].slot.starts_at, Hand("ann"), accepts="2026-01")

Two who want the last station at one time: one has it, the other is told SlotTaken. Every method raises BookingError,
with the reason in words, and StoreError when the store does not answer.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from gateway.billing import accounts
from gateway.billing.rules import AccountRules
from gateway.booking import states
from gateway.booking.offers import BothLimits, Offer, Wanted, both_limits, contact_of, facility_of, offers, still_free
from gateway.booking.slots import Slot, day_of, week_of
from gateway.booking.states import BookingRules
from gateway.clock import Clock
from gateway.config_booking import BookingConfig, BookingFacilityConfig
from gateway.errors import BillingError, BookingError, BookingUnknown, SlotTaken
from gateway.money import Money
from gateway.policy.decision import Medium
from gateway.policy.limits import Limits
from gateway.policy.people import People
from gateway.policy.plan import Dialplan
from gateway.store import Booking, Store, Work

T = TypeVar("T")
_INSTANT = timedelta(seconds=1)
_SHORT_OF_MONEY = "the account cannot pay the fee of a booking; pay in first"


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts. staff False: a contact, who has to accept the rules, and is bound by notice and refund rule."""

    who: str = field(repr=False)
    staff: bool = False


def new_booking_id() -> str:
    """Random: it stands in addresses, and tells nothing of another one."""
    return f"b-{secrets.token_hex(8)}"


def new_visit_id() -> str:
    """As every visit's."""
    return f"v-{secrets.token_hex(8)}"


def rules_of(config: BookingConfig) -> dict[str, BookingRules]:
    """By facility."""
    return {each.facility: _rules(each) for each in config.facilities}


class BookingDesk:
    """plan: the one in force. people: the present ones. new_booking_id, new_visit_id: unique for ever.

    cancelled: is told of each visit that will not be at its time any more, so that its join links end.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        rules: Mapping[str, BookingRules],
        plan: Callable[[], Dialplan],
        people: Callable[[], Awaitable[People]],
        new_booking_id: Callable[[], str],
        new_visit_id: Callable[[], str],
        cancelled: Callable[[str], None] = lambda _visit_id: None,
        account_rules: AccountRules = AccountRules(),  # noqa: B008 - a frozen value
    ) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._plan = plan
        self._people = people
        self._new_booking_id = new_booking_id
        self._new_visit_id = new_visit_id
        self._cancelled = cancelled
        self._account_rules = account_rules

    # ---- what there is ----

    def facilities(self) -> frozenset[str]:
        """That take bookings."""
        return frozenset(self._rules)

    def rules(self, facility: str) -> BookingRules:
        found = self._rules.get(facility)
        if found is None:
            raise BookingError(f"facility {facility!r} takes no bookings: it is not in the configuration's booking:")
        return found

    async def slots(
        self, wanted: Wanted, since: datetime, until: datetime, *, staff: bool = False
    ) -> tuple[Offer, ...]:
        """Free ones that begin between the two, as far as bookings are taken now."""
        rules, now = self.rules(wanted.facility), self._clock.now()
        since = max(since, now if staff else now + rules.notice)
        until = min(until, now + rules.ahead)
        offered = await self._offers(rules, wanted, Slot(since, until))
        held = await self._store.read(lambda work: work.bookings.held(wanted.facility, since, until + rules.slot))
        return still_free(offered, held, wanted)

    def rules_for(self, booking: Booking) -> BookingRules:
        """Also where the facility takes no more bookings: what was agreed comes to its end without a fee."""
        found = self._rules.get(booking.facility)
        return found if found is not None else BookingRules(booking.facility, Money(0, booking.owed.currency))

    async def way_to(self, booking: Booking) -> tuple[str, str]:
        """The trunk of its facility, and the number of its contact, both as of now."""
        facility, people = facility_of(self._plan(), booking.facility), await self._people()
        return facility.trunks[0], contact_of(self._plan(), people, booking.contact).number

    def zone(self, facility: str) -> ZoneInfo:
        return facility_of(self._plan(), facility).zone

    def facility_name(self, facility: str) -> str:
        return facility_of(self._plan(), facility).name

    async def booking(self, booking_id: str, contact: str = "") -> Booking:
        """contact: only if it is this contact's."""
        return await self._store.read(lambda work: _known(work, booking_id, contact))

    async def listed(
        self, *, facility: str = "", contact: str = "", since: datetime | None = None, after: str = "", limit: int = 100
    ) -> tuple[Booking, ...]:
        return await self._store.read(
            lambda work: work.bookings.listed(facility=facility, contact=contact, since=since, after=after, limit=limit)
        )

    async def residents_of(self, facility: str, contact: str) -> tuple[str, ...]:
        """Whom the contact may visit there, by id; those whose list it is on."""
        people = await self._people()
        reachable = ("approved", "privileged")
        return tuple(
            sorted(
                resident
                for (where, resident, whom), standing in people.standings.items()
                if where == facility and whom == contact and standing in reachable
            )
        )

    # ---- what is done ----

    async def book(self, wanted: Wanted, starts_at: datetime, by: Hand, *, accepts: str = "") -> Booking:
        """accepts: the version of the rules that the family has read. Raises SlotTaken when somebody was faster."""
        rules, now = self.rules(wanted.facility), self._clock.now()
        if rules.rules and accepts != rules.rules and not by.staff:
            raise BookingError(f"the rules of visits have to be accepted first, in their version {rules.rules!r}")
        offer = await self._offer(rules, wanted, starts_at, by)
        limits = both_limits(self._plan(), await self._people(), wanted)
        state = states.first_state(rules, staff=by.staff)
        booking = Booking(
            booking_id=self._new_booking_id(),
            visit_id=self._new_visit_id(),
            facility=wanted.facility,
            station="",
            contact=wanted.contact,
            resident=next(iter(offer.terms.values())).resident,
            starts_at=offer.slot.starts_at,
            ends_at=offer.slot.ends_at,
            state=state,
            made_at=now,
            made_by=by.who,
            rules=accepts,
            rules_at=now if accepts else None,
            owed=states.fee_of(state, rules),
            paid=Money(0, rules.fee.currency),
        )
        return await self._store.write(lambda work: self._place(work, None, booking, offer, limits))

    async def move(self, booking_id: str, starts_at: datetime, by: Hand) -> Booking:
        """Keeps its id and its visit. Raises SlotTaken, and nothing has changed."""
        before = await self.booking(booking_id, _own(by))
        rules, now = self.rules(before.facility), self._clock.now()
        wanted = Wanted(before.facility, before.contact, before.resident)
        states.moved(before, before, rules, now, staff=by.staff)  # before anything else: whether it may be moved
        offer = await self._offer(rules, wanted, starts_at, by)
        limits = both_limits(self._plan(), await self._people(), wanted)
        to = replace(before, starts_at=offer.slot.starts_at, ends_at=offer.slot.ends_at)
        after = states.moved(before, to, rules, now, staff=by.staff)
        done = await self._store.write(lambda work: self._place(work, before, after, offer, limits))
        self._cancelled(done.visit_id)  # links that were sent are for the time before
        return done

    async def approve(self, booking_id: str) -> Booking:
        return await self._change(booking_id, "", states.approved)

    async def refuse(self, booking_id: str, reason: str = "") -> Booking:
        return await self._change(booking_id, "", lambda each, _rules, now: states.refused(each, now, reason))

    async def cancel(self, booking_id: str, by: Hand, reason: str = "") -> Booking:
        done = await self._change(
            booking_id,
            _own(by),
            lambda each, rules, now: states.cancelled(each, rules, now, staff=by.staff, reason=reason),
        )
        self._cancelled(done.visit_id)
        return done

    async def settle(self, before: Booking, after: Booking) -> bool:
        """Writes what has become of it, with its money. False when it has changed since `before` was read."""

        def write(work: Work) -> bool:
            if not work.bookings.put(before, after):
                return False
            self._settled(work, replace(after, version=before.version + 1))
            return True

        return await self._store.write(write)

    # ---- how ----

    async def _offers(self, rules: BookingRules, wanted: Wanted, span: Slot) -> tuple[Offer, ...]:
        """Off the loop: weeks of many stations take a while."""
        plan, people = self._plan(), await self._people()
        return await asyncio.to_thread(offers, plan, people, rules, wanted, span)

    async def is_private(self, booking: Booking) -> bool:
        """Whether the visit will be privileged, by the rules of now; also where they would not allow it any more."""
        wanted = Wanted(booking.facility, booking.contact, booking.resident)
        span = Slot(booking.starts_at, booking.starts_at + _INSTANT)
        try:
            found = await self._offers(self.rules_for(booking), wanted, span)
        except BookingError:  # facility or contact are gone
            return True
        return all(terms.privileged for offer in found for terms in offer.terms.values())

    async def _offer(self, rules: BookingRules, wanted: Wanted, starts_at: datetime, by: Hand) -> Offer:
        now = self._clock.now()
        if starts_at <= now or (not by.staff and starts_at < now + rules.notice):
            minutes = rules.notice / timedelta(minutes=1)
            raise BookingError(f"that is too soon: a visit is booked {minutes:g} minutes before it begins")
        if starts_at >= now + rules.ahead:
            raise BookingError(f"that is too far ahead: bookings are taken for {rules.ahead.days} days")
        found = await self._offers(rules, wanted, Slot(starts_at, starts_at + _INSTANT))
        if not found:
            raise BookingError("no visit can begin then; ask for the free slots and take one of their starts")
        return found[0]

    def _place(self, work: Work, before: Booking | None, wanted: Booking, offer: Offer, limits: BothLimits) -> Booking:
        """On the first station that is free."""
        if not any(each.privileged for each in offer.terms.values()):  # those are counted by nobody
            self._check_limits(work, wanted, limits.of_caller)
            self._check_limits(work, replace(wanted, resident=""), limits.of_contact)
        for station, terms in offer.terms.items():
            booking = replace(wanted, station=station, account=terms.account)
            if before is None and work.bookings.add(booking):
                return self._settled(work, booking)
            if before is not None and work.bookings.shift(before, booking):
                return self._settled(work, replace(booking, version=before.version + 1))
        raise SlotTaken("somebody else has that time now; take another one")

    def _check_limits(self, work: Work, booking: Booking, limits: Limits) -> None:
        zone = facility_of(self._plan(), booking.facility).zone
        for most, around, word in (
            (limits.visits_per_day, day_of, "day"),
            (limits.visits_per_week, week_of, "week"),
        ):
            if most is None:
                continue
            span = around(zone, booking.starts_at)
            if work.bookings.count(booking, span.starts_at, span.ends_at) >= most:
                raise BookingError(f"that {word} has as many visits as it may have ({most}); take another {word}")

    async def _change(
        self, booking_id: str, contact: str, act: Callable[[Booking, BookingRules, datetime], Booking]
    ) -> Booking:
        now = self._clock.now()

        def change(work: Work) -> Booking:
            before = _known(work, booking_id, contact)
            after = act(before, self.rules(before.facility), now)
            if not work.bookings.put(before, after):
                raise BookingError("somebody else has changed this booking at the same time; look at it again")
            return self._settled(work, replace(after, version=before.version + 1))

        return await self._store.write(change)

    def _settled(self, work: Work, booking: Booking) -> Booking:
        return settled(work, booking, self._clock.now(), self._account_rules)


def settled(work: Work, booking: Booking, now: datetime, rules: AccountRules) -> Booking:
    """Moves what is between owed and paid, in the transaction that changed it: both are written, or neither.

    A fee that cannot be paid undoes the whole; what cannot be given back (a closed account) stays owed to the family,
    and `Bookings.unsettled` lists it.
    """
    due = booking.owed - booking.paid
    if not due.micros:
        return booking
    key = f"{booking.booking_id}:{booking.version}"
    if due.micros > 0:
        try:
            accounts.withdraw(work, booking.account, due, key, at=now, reason="fee of a booking", who="booking")
        except BillingError:
            raise BookingError(_SHORT_OF_MONEY) from None
    else:
        try:
            accounts.deposit(work, booking.account, -due, key, at=now, rules=rules, who="booking")
        except BillingError:
            return booking
    paid = replace(booking, paid=booking.owed)
    work.bookings.put(booking, paid)
    return replace(paid, version=booking.version + 1)


def _known(work: Work, booking_id: str, contact: str) -> Booking:
    found = work.bookings.booking(booking_id)
    if found is None or (contact and found.contact != contact):
        raise BookingUnknown("there is no such booking")
    return found


def _own(by: Hand) -> str:
    """Of whom alone it may be; staff may change any."""
    return "" if by.staff else by.who


def _rules(config: BookingFacilityConfig) -> BookingRules:
    return BookingRules(
        facility=config.facility,
        fee=Money.parse(config.fee, config.currency),
        slot=timedelta(minutes=config.slot_minutes),
        ahead=timedelta(days=config.ahead_days),
        notice=timedelta(minutes=config.notice_minutes),
        approval=config.approval,
        rules=config.rules,
        remind=timedelta(minutes=config.remind_minutes),
        free_until=timedelta(hours=config.free_until_hours),
        late_refund_percent=config.late_refund_percent,
        no_show_percent=config.no_show_percent,
        medium=Medium(config.medium),
        calls=config.call_station,
    )
