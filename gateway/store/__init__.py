"""The database room: the only one that knows SQLAlchemy and Alembic. Functions go in, values come out."""

from gateway.store.access import ApiKey, StaffAccount, StaffSession, Tries
from gateway.store.bookings import Booking, BookingState
from gateway.store.database import Store
from gateway.store.deliveries import Delivery, DeliveryState
from gateway.store.drops import Drop
from gateway.store.family import FamilySession, FamilySignIn
from gateway.store.figures import NAMES as FIGURES
from gateway.store.figures import FigurePage
from gateway.store.joins import JoinLink
from gateway.store.latest import Page, Place
from gateway.store.people import By, PeopleChange, PinState
from gateway.store.records import FIRST_HASH, RawRecord, Selection
from gateway.store.rows import (
    UNDECIDED,
    Access,
    Account,
    AccountKind,
    CdrRow,
    ChainEnd,
    Grant,
    Hold,
    LedgerEntry,
    Movement,
    MovementKind,
    Recording,
    RecordingState,
    Visit,
    Watching,
    from_ms,
    to_ms,
)
from gateway.store.work import Work

__all__ = [
    "ApiKey",
    "StaffAccount",
    "StaffSession",
    "Tries",
    "FamilySession",
    "FamilySignIn",
    "Booking",
    "BookingState",
    "By",
    "PeopleChange",
    "PinState",
    "Store",
    "Work",
    "Account",
    "AccountKind",
    "Hold",
    "Movement",
    "MovementKind",
    "LedgerEntry",
    "FIGURES",
    "FigurePage",
    "Grant",
    "UNDECIDED",
    "Visit",
    "CdrRow",
    "RawRecord",
    "Drop",
    "Delivery",
    "DeliveryState",
    "JoinLink",
    "Selection",
    "Page",
    "Place",
    "Recording",
    "RecordingState",
    "Access",
    "Watching",
    "ChainEnd",
    "FIRST_HASH",
    "from_ms",
    "to_ms",
]
