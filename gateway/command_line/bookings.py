"""`kinbridge booking ...`: scheduled visits, as docs/scheduled-visits.md tells of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar
from zoneinfo import ZoneInfo

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, counted, who_is

if TYPE_CHECKING:
    from gateway.booking import BookingDesk
    from gateway.store import Booking

booking_app = typer.Typer(help="Visits that are booked for a time.", no_args_is_help=True)
T = TypeVar("T")
By = Annotated[str, typer.Option(help="Who does it; the user of this process is kept beside it.")]
Facility = Annotated[str, typer.Argument(help="The facility's id in the dialplan.")]
Contact = Annotated[str, typer.Argument(help="The contact's id.")]
Resident = Annotated[str, typer.Option(help="The resident's id, where residents are known.")]
Start = Annotated[
    datetime, typer.Argument(help="Such as 2026-03-08T10:30, on the facility's clock; an earlier one if shown twice.")
]
BookingId = Annotated[str, typer.Argument(help="As `kinbridge booking list` shows it.")]
_ALL = 1000


@booking_app.command("slots")
def booking_slots(
    facility: Facility,
    contact: Contact,
    resident: Resident = "",
    days: Annotated[int, typer.Option(min=1, max=90, help="From now on.")] = 7,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Show when this contact could visit, on the facility's clock."""
    from gateway.booking import Wanted

    async def shown(desk: BookingDesk) -> list[str]:
        now, zone = datetime.now(UTC), desk.zone(facility)
        found = await desk.slots(Wanted(facility, contact, resident), now, now + timedelta(days=days), staff=True)
        return [f"{_wall(each.slot.starts_at, zone)}  {counted(len(each.stations), 'station')}" for each in found]

    lines = _with_desk(config, shown)
    print("\n".join(lines) if lines else "no slot is free")


@booking_app.command("book")
def booking_book(
    facility: Facility,
    contact: Contact,
    start: Start,
    resident: Resident = "",
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Book a visit as staff: approved at once."""
    from gateway.booking import Hand, Wanted

    _print(
        config,
        lambda desk: desk.book(
            Wanted(facility, contact, resident), _instant(start, desk.zone(facility)), Hand(who_is(by), staff=True)
        ),
    )


@booking_app.command("approve")
def booking_approve(booking: BookingId, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Approve what a family has asked for."""
    _print(config, lambda desk: desk.approve(booking))


@booking_app.command("refuse")
def booking_refuse(
    booking: BookingId,
    reason: Annotated[str, typer.Option(help="Why; the family reads it.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Refuse it; its slot is free again."""
    _print(config, lambda desk: desk.refuse(booking, reason))


@booking_app.command("cancel")
def booking_cancel(
    booking: BookingId,
    reason: Annotated[str, typer.Option(help="Why; the family reads it.")] = "",
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Cancel a booking as staff: its fee is given back."""
    from gateway.booking import Hand

    _print(config, lambda desk: desk.cancel(booking, Hand(who_is(by), staff=True), reason))


@booking_app.command("move")
def booking_move(booking: BookingId, start: Start, by: By = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Move a booking to another time, free of charge."""
    from gateway.booking import Hand

    async def moved(desk: BookingDesk) -> Booking:
        zone = desk.zone((await desk.booking(booking)).facility)
        return await desk.move(booking, _instant(start, zone), Hand(who_is(by), staff=True))

    _print(config, moved)


@booking_app.command("list")
def booking_list(
    facility: Annotated[str, typer.Option(help="Only this facility's.")] = "",
    past: Annotated[bool, typer.Option("--past", help="Also those that are over.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Show bookings: id, start, state, station and contact."""

    async def listed(desk: BookingDesk) -> list[str]:
        found: list[Booking] = []
        while page := await desk.listed(
            facility=facility,
            since=None if past else datetime.now(UTC),
            after=found[-1].booking_id if found else "",
            limit=_ALL,
        ):
            found.extend(page)
        return [_line(desk, each) for each in sorted(found, key=lambda each: (each.starts_at, each.booking_id))]

    lines = _with_desk(config, listed)
    print("\n".join([*lines, counted(len(lines), "booking")]))


@booking_app.command("ics")
def booking_ics(
    booking: BookingId,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A file; none: the standard output.")] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Write a booking as an iCalendar file, which calendars import."""
    from gateway.booking.calendar import calendar_of

    async def made(desk: BookingDesk) -> bytes:
        found = await desk.booking(booking)
        return calendar_of(found, desk.facility_name(found.facility))

    content = _with_desk(config, made)
    if output is None:
        sys.stdout.buffer.write(content)
    else:
        output.write_bytes(content)


def _print(config: Path, act: Callable[[BookingDesk], Awaitable[Booking]]) -> None:
    async def done(desk: BookingDesk) -> str:
        return _line(desk, await act(desk))

    print(_with_desk(config, done))


def _line(desk: BookingDesk, booking: Booking) -> str:
    start = _wall(booking.starts_at, desk.zone(booking.facility))
    fee = f"  fee {booking.owed}" if booking.owed.micros else ""
    state = booking.state.replace("_", " ")
    return f"{booking.booking_id}  {start}  {state}  {booking.facility}/{booking.station}  {booking.contact}{fee}"


def _wall(at: datetime, zone: ZoneInfo) -> str:
    """With the offset: on one day of the year two slots show the same time."""
    return at.astimezone(zone).strftime("%a %Y-%m-%d %H:%M %z")


def _instant(start: datetime, zone: ZoneInfo) -> datetime:
    return (start if start.tzinfo else start.replace(tzinfo=zone)).astimezone(UTC)


def _with_desk(config: Path, work: Callable[[BookingDesk], Awaitable[T]]) -> T:
    from gateway.booking import BookingDesk, new_booking_id, new_visit_id, rules_of
    from gateway.clock import SystemClock
    from gateway.config import load_config
    from gateway.desk import account_rules, load_policy
    from gateway.people import PeopleDesk
    from gateway.store import Store

    async def opened() -> T:
        loaded = load_config(config)
        plan, _ = load_policy(loaded)
        async with Store(loaded.store.url) as store:
            desk = BookingDesk(
                store=store,
                clock=SystemClock(),
                rules=rules_of(loaded.booking),
                plan=lambda: plan,
                people=PeopleDesk(store, SystemClock()).snapshot,
                new_booking_id=new_booking_id,
                new_visit_id=new_visit_id,
                account_rules=account_rules(loaded),
            )
            return await work(desk)

    return asyncio.run(opened())
