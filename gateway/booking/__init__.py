"""Visits that are booked for a time: slots, states, who may book what, and the start."""

from gateway.booking.calling import Calling
from gateway.booking.desk import BookingDesk, Hand, new_booking_id, new_visit_id, rules_of
from gateway.booking.offers import Offer, Wanted
from gateway.booking.ports import CallStation, Reminder, Scheduled
from gateway.booking.scheduler import Scheduler
from gateway.booking.slots import Slot
from gateway.booking.states import Attendance, BookingRules

__all__ = [
    "BookingDesk",
    "Hand",
    "rules_of",
    "new_booking_id",
    "new_visit_id",
    "CallStation",
    "Calling",
    "Reminder",
    "Scheduled",
    "Scheduler",
    "Offer",
    "Wanted",
    "Slot",
    "Attendance",
    "BookingRules",
]
