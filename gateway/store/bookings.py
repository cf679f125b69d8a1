"""SQL of booked visits. The row is the truth: who holds a station at a time, and whether a visit was started.

A station, a contact and a resident each have one visit at a time. `add` and `shift` look and write in one writing
transaction: SQLite has one writer, PostgreSQL runs it SERIALIZABLE; a unique index on station and start stands behind.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, or_, select, update

from gateway.money import Money
from gateway.store.bookings_tables import bookings
from gateway.store.rows import from_ms, maybe_time, to_ms


class BookingState(StrEnum):
    REQUESTED = "requested"  # staff have to approve it; it holds its slot
    APPROVED = "approved"
    REFUSED = "refused"  # by staff
    CANCELLED = "cancelled"
    STARTING = "starting"  # claimed by a node, which calls the station
    STARTED = "started"  # both are there
    KEPT = "kept"
    NO_SHOW_FAMILY = "no_show_family"
    NO_SHOW_STATION = "no_show_station"
    INTERRUPTED = "interrupted"  # a gateway ended in the midst of it


HOLDING = (BookingState.REQUESTED, BookingState.APPROVED, BookingState.STARTING, BookingState.STARTED)
"""States in which nobody else can have the slot."""
_COUNTED = (*HOLDING, BookingState.KEPT, BookingState.NO_SHOW_FAMILY)
_WAITING = (BookingState.REQUESTED, BookingState.APPROVED)


@dataclass(frozen=True, slots=True)
class Booking:
    """visit_id: of the visit that it becomes. resident: "" where residents are not known.

    rules, rules_at: the version of the rules that were accepted, and when. sequence: grows with each change that a
    calendar has to know. owed: what the family is to pay for the booking in all; paid: what was moved of it.
    node, claimed_at: who started it, and when. ended_at: when its last state was decided.
    """

    booking_id: str
    visit_id: str
    facility: str
    station: str
    contact: str
    resident: str = field(repr=False)
    starts_at: datetime
    ends_at: datetime
    state: BookingState
    made_at: datetime
    made_by: str = field(repr=False)
    rules: str
    rules_at: datetime | None
    owed: Money
    paid: Money
    account: str = field(default="", repr=False)
    sequence: int = 0
    version: int = 0
    changed_at: datetime | None = None
    reminded_at: datetime | None = None
    node: str = ""
    claimed_at: datetime | None = None
    reason: str = ""


class Bookings:
    """Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ---- who has a slot ----

    def add(self, booking: Booking) -> bool:
        """False, and nothing is written, when station, contact or resident has another visit at that time."""
        if self.clashes(booking):
            return False
        self._connection.execute(insert(bookings).values(**_values(booking)))
        return True

    def shift(self, before: Booking, after: Booking) -> bool:
        """To another time or station: as `add`; also False when the booking has changed since `before` was read."""
        return not self.clashes(after) and self.put(before, after)

    def put(self, before: Booking, after: Booking) -> bool:
        """False, and nothing is written, when it has changed since `before` was read."""
        same = (bookings.c.booking_id == before.booking_id, bookings.c.version == before.version)
        values = _values(replace(after, version=before.version + 1))
        return self._connection.execute(update(bookings).where(*same).values(**values)).rowcount == 1

    def clashes(self, booking: Booking) -> bool:
        someone = [
            and_(bookings.c.facility == booking.facility, bookings.c.station == booking.station),
            bookings.c.contact == booking.contact,
        ]
        if booking.resident:
            someone.append(and_(bookings.c.facility == booking.facility, bookings.c.resident == booking.resident))
        found = select(bookings.c.booking_id).where(
            bookings.c.state.in_(HOLDING),
            bookings.c.starts_at_ms < to_ms(booking.ends_at),
            bookings.c.ends_at_ms > to_ms(booking.starts_at),
            bookings.c.booking_id != booking.booking_id,
            or_(*someone),
        )
        return self._connection.execute(found.limit(1)).first() is not None

    def held(self, facility: str, since: datetime, until: datetime) -> tuple[Booking, ...]:
        """What holds slots of the facility between the two."""
        statement = select(bookings).where(
            bookings.c.facility == facility,
            bookings.c.state.in_(HOLDING),
            bookings.c.starts_at_ms < to_ms(until),
            bookings.c.ends_at_ms > to_ms(since),
        )
        return self._all(statement)

    def count(self, caller: Booking, since: datetime, until: datetime) -> int:
        """Bookings beside this one that begin then and count for its resident, or for its contact where none is known.

        What was cancelled or refused does not count, nor what the house's side missed.
        """
        who = bookings.c.resident == caller.resident if caller.resident else bookings.c.contact == caller.contact
        statement = select(func.count()).where(
            who,
            bookings.c.facility == caller.facility,
            bookings.c.state.in_(_COUNTED),
            bookings.c.starts_at_ms >= to_ms(since),
            bookings.c.starts_at_ms < to_ms(until),
            bookings.c.booking_id != caller.booking_id,
        )
        return int(self._connection.execute(statement).scalar_one())

    # ---- reading ----

    def booking(self, booking_id: str) -> Booking | None:
        row = self._connection.execute(select(bookings).where(bookings.c.booking_id == booking_id)).first()
        return None if row is None else _booking(row)

    def listed(
        self, *, facility: str = "", contact: str = "", since: datetime | None = None, after: str = "", limit: int = 100
    ) -> tuple[Booking, ...]:
        """By id behind `after`. since: only those that end after it."""
        statement = select(bookings).where(bookings.c.booking_id > after)
        if facility:
            statement = statement.where(bookings.c.facility == facility)
        if contact:
            statement = statement.where(bookings.c.contact == contact)
        if since is not None:
            statement = statement.where(bookings.c.ends_at_ms > to_ms(since))
        return self._all(statement.order_by(bookings.c.booking_id).limit(limit))

    # ---- the start ----

    def due(self, now: datetime, limit: int) -> tuple[Booking, ...]:
        """Approved or requested ones whose time has come, the earliest first."""
        statement = select(bookings).where(bookings.c.state.in_(_WAITING), bookings.c.starts_at_ms <= to_ms(now))
        return self._all(statement.order_by(bookings.c.starts_at_ms, bookings.c.booking_id).limit(limit))

    def to_remind(self, now: datetime, until: datetime, limit: int) -> tuple[Booking, ...]:
        statement = select(bookings).where(
            bookings.c.state == BookingState.APPROVED,
            bookings.c.reminded_at_ms.is_(None),
            bookings.c.starts_at_ms > to_ms(now),
            bookings.c.starts_at_ms <= to_ms(until),
        )
        return self._all(statement.order_by(bookings.c.starts_at_ms, bookings.c.booking_id).limit(limit))

    def unfinished(self, node: str) -> tuple[Booking, ...]:
        """What the node started and never ended."""
        running = (BookingState.STARTING, BookingState.STARTED)
        return self._all(select(bookings).where(bookings.c.node == node, bookings.c.state.in_(running)))

    def unsettled(self, limit: int) -> tuple[Booking, ...]:
        """Whose money is still to be moved."""
        statement = select(bookings).where(bookings.c.owed_micros != bookings.c.paid_micros)
        return self._all(statement.order_by(bookings.c.booking_id).limit(limit))

    def _all(self, statement: Any) -> tuple[Booking, ...]:
        return tuple(_booking(row) for row in self._connection.execute(statement))


def _values(booking: Booking) -> dict[str, Any]:
    return {
        "booking_id": booking.booking_id,
        "visit_id": booking.visit_id,
        "facility": booking.facility,
        "station": booking.station,
        "contact": booking.contact,
        "resident": booking.resident,
        "starts_at_ms": to_ms(booking.starts_at),
        "ends_at_ms": to_ms(booking.ends_at),
        "state": booking.state,
        "made_at_ms": to_ms(booking.made_at),
        "made_by": booking.made_by,
        "rules": booking.rules,
        "rules_at_ms": _maybe_ms(booking.rules_at),
        "owed_micros": booking.owed.micros,
        "paid_micros": booking.paid.micros,
        "currency": booking.owed.currency,
        "account_id": booking.account,
        "sequence": booking.sequence,
        "version": booking.version,
        "changed_at_ms": _maybe_ms(booking.changed_at),
        "reminded_at_ms": _maybe_ms(booking.reminded_at),
        "node": booking.node,
        "claimed_at_ms": _maybe_ms(booking.claimed_at),
        "reason": booking.reason,
    }


def _booking(row: Row[Any]) -> Booking:
    return Booking(
        booking_id=row.booking_id,
        visit_id=row.visit_id,
        facility=row.facility,
        station=row.station,
        contact=row.contact,
        resident=row.resident,
        starts_at=from_ms(row.starts_at_ms),
        ends_at=from_ms(row.ends_at_ms),
        state=BookingState(row.state),
        made_at=from_ms(row.made_at_ms),
        made_by=row.made_by,
        rules=row.rules,
        rules_at=maybe_time(row.rules_at_ms),
        owed=Money(row.owed_micros, row.currency),
        paid=Money(row.paid_micros, row.currency),
        account=row.account_id,
        sequence=row.sequence,
        version=row.version,
        changed_at=maybe_time(row.changed_at_ms),
        reminded_at=maybe_time(row.reminded_at_ms),
        node=row.node,
        claimed_at=maybe_time(row.claimed_at_ms),
        reason=row.reason,
    )


def _maybe_ms(at: datetime | None) -> int | None:
    return None if at is None else to_ms(at)
