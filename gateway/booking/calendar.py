"""A booking as an iCalendar file (RFC 5545): one event whose UID stays while its SEQUENCE grows.

A calendar that has imported it before replaces the event, or with METHOD:CANCEL takes it away. It names the facility
and nobody: calendars are shared.
"""

from __future__ import annotations

from icalendar import Calendar, Event, vCalAddress, vText

from gateway.store import Booking, BookingState

_GONE = (BookingState.CANCELLED, BookingState.REFUSED)
_STATUS = {BookingState.REQUESTED: "TENTATIVE", BookingState.CANCELLED: "CANCELLED", BookingState.REFUSED: "CANCELLED"}
_NOBODYS_MAIL = "invalid:nomail"  # RFC 5546 wants an organizer; no mail is read here


def calendar_of(booking: Booking, facility_name: str, page_url: str = "") -> bytes:
    """page_url: where the family waits for its visit; never a link with a token in it."""
    event = Event()
    event.add("uid", f"{booking.booking_id}@kinbridge")
    event.add("sequence", booking.sequence)
    event.add("dtstamp", booking.changed_at or booking.made_at)
    event.add("dtstart", booking.starts_at)
    event.add("dtend", booking.ends_at)
    event.add("summary", f"Visit: {facility_name}")
    event.add("status", _STATUS.get(booking.state, "CONFIRMED"))
    event.add("class", "PRIVATE")
    if page_url:
        event.add("url", page_url)
    organizer = vCalAddress(_NOBODYS_MAIL)
    organizer.params["CN"] = vText(facility_name)
    event["organizer"] = organizer
    calendar = Calendar()
    calendar.add("prodid", "-//Kinbridge//Scheduled visits//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "CANCEL" if booking.state in _GONE else "PUBLISH")
    calendar.add_component(event)
    return bytes(calendar.to_ical())
