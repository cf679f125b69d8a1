"""One transaction, as the functions that run in the store's thread see it."""

from __future__ import annotations

from sqlalchemy import Connection

from gateway.store.access import KeyBook, StaffBook
from gateway.store.accounts import Books
from gateway.store.bookings import Bookings
from gateway.store.deliveries import Deliveries
from gateway.store.drops import Drops
from gateway.store.family import FamilyBook
from gateway.store.figures import Figures
from gateway.store.joins import Joins
from gateway.store.latest import Latest
from gateway.store.people import Peoples
from gateway.store.recordings import Accesses, Recordings
from gateway.store.records import Records
from gateway.store.visits import Intents
from gateway.store.watchings import Watchings


class Work:
    """Everything done through one Work is committed together or not at all. Never keep it past the function's end."""

    def __init__(self, connection: Connection) -> None:
        self.books = Books(connection)
        self.visits = Intents(connection)
        self.records = Records(connection)
        self.latest = Latest(connection)
        self.figures = Figures(connection)
        self.drops = Drops(connection)
        self.recordings = Recordings(connection)
        self.accesses = Accesses(connection)
        self.watchings = Watchings(connection)
        self.deliveries = Deliveries(connection)
        self.joins = Joins(connection)
        self.people = Peoples(connection)
        self.bookings = Bookings(connection)
        self.staff = StaffBook(connection)
        self.keys = KeyBook(connection)
        self.families = FamilyBook(connection)
