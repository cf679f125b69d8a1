"""SQL of people: residents, contacts, who may reach whom, barriers, PINs, and the log of every change.

Nothing here is changed without a row in `people_changes`, in the same transaction: `Peoples` writes both or neither.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, Select, Table, delete, insert, select, update

from gateway.errors import PeopleError
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, People, Resident, Standing
from gateway.policy.plan import Contact
from gateway.store.engine import for_update
from gateway.store.family import FamilyBook
from gateway.store.people_tables import barriers, contacts, people_changes, people_version, relationships, residents
from gateway.store.postgresql import in_order
from gateway.store.rows import from_ms, to_ms

K = TypeVar("K")
V = TypeVar("V")
_FEW = 1_000  # changes that are read one by one
RESIDENT, CONTACT, RELATIONSHIP, BARRIER, PIN, EMAIL = (
    "resident", "contact", "relationship", "barrier", "pin", "email",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class PeopleChange:
    """A line of the log. before, after: JSON values, None where there was none or it is gone. Never a PIN."""

    number: int
    at: datetime
    who: str
    kind: str
    subject: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class By:
    """Whose hand a change was, and when."""

    who: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PinState:
    """hash: argon2id as PHC text; empty: no PIN was set. tries: wrong ones since the last right one."""

    hash: str
    tries: int
    locked_until: datetime


class Peoples:
    """People in one transaction. Made by Work; lives as long as its transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    # ---- reading ----

    def version(self) -> int:
        """Another one after every change; 0 before the first."""
        return int(self._connection.execute(select(people_version.c.version)).scalar() or 0)

    def everybody(self) -> People:
        return People.of(
            map(_resident, self._connection.execute(select(residents))),
            map(_contact, self._connection.execute(select(contacts))),
            {
                (row.facility, row.resident_id, row.contact_id): Standing(row.standing)
                for row in self._connection.execute(select(relationships))
            },
            map(_barrier, self._connection.execute(select(barriers))),
        )

    def since(self, version: int, people: People) -> People:
        """`people` as of that version, with what has changed since; everything anew where that is much."""
        statement = select(people_changes.c.kind, people_changes.c.subject).where(people_changes.c.version > version)
        changed = {(row.kind, row.subject) for row in self._connection.execute(statement.limit(_FEW + 1))}
        if not version or len(changed) > _FEW:
            return self.everybody()
        keys = {kind: [subject.split("/") for each, subject in changed if each == kind] for kind, _ in changed}
        changed_residents = {(key[0], key[1]): self.resident(key[0], key[1]) for key in keys.get(RESIDENT, ())}
        changed_contacts = {key[0]: self.contact(key[0]) for key in keys.get(CONTACT, ())}
        changed_standings = {(key[0], key[1], key[2]): self._standing(*key) for key in keys.get(RELATIONSHIP, ())}
        everyone = _with(people.contacts, changed_contacts)
        return replace(
            people,
            residents=_with(people.residents, changed_residents),
            contacts=everyone,
            numbers={each.number: each for each in everyone.values()} if changed_contacts else people.numbers,
            standings=_with(people.standings, changed_standings),
            barriers=self.barriers(),
        )

    def _standing(self, *key: str) -> Standing | None:
        columns = (relationships.c.facility, relationships.c.resident_id, relationships.c.contact_id)
        where = (column == value for column, value in zip(columns, key, strict=True))
        found = self._connection.execute(select(relationships.c.standing).where(*where)).scalar()
        return None if found is None else Standing(found)

    def resident(self, facility: str, resident_id: str) -> Resident | None:
        row = self._connection.execute(_the_resident(facility, resident_id)).first()
        return None if row is None else _resident(row)

    def residents(self, facility: str, after: str = "", limit: int = 100) -> tuple[Resident, ...]:
        """In the order of their ids."""
        statement = select(residents).where(residents.c.facility == facility, residents.c.resident_id > after)
        rows = self._connection.execute(statement.order_by(residents.c.resident_id).limit(limit))
        return tuple(map(_resident, rows))

    def contact(self, contact_id: str) -> Contact | None:
        row = self._connection.execute(select(contacts).where(contacts.c.contact_id == contact_id)).first()
        return None if row is None else _contact(row)

    def standings(self, facility: str, resident_id: str) -> tuple[tuple[Contact, Standing], ...]:
        """Whom the resident has on the list, by the contact's id."""
        statement = (
            select(contacts, relationships.c.standing)
            .join_from(relationships, contacts)
            .where(relationships.c.facility == facility, relationships.c.resident_id == resident_id)
            .order_by(relationships.c.contact_id)
        )
        return tuple((_contact(row), Standing(row.standing)) for row in self._connection.execute(statement))

    def barriers(self) -> tuple[Barrier, ...]:
        return tuple(map(_barrier, self._connection.execute(select(barriers).order_by(*barriers.primary_key))))

    def changes(self, since: int, limit: int, subject: str = "") -> tuple[PeopleChange, ...]:
        """Those with a number above `since`, oldest first. subject: only its own."""
        statement = select(people_changes).where(people_changes.c.number > since)
        if subject:
            statement = statement.where(people_changes.c.subject == subject)
        rows = self._connection.execute(statement.order_by(people_changes.c.number).limit(limit))
        return tuple(_change(row) for row in rows)

    # ---- changing: each writes its line of the log, and raises PeopleError for what does not fit. They return
    # ---- True for something new, False for what has changed, None for what was so already, which is no change

    def put_resident(self, resident: Resident, by: By) -> bool | None:
        """New, or in place of the one with this id. The PIN stays what it is."""
        key = {"facility": resident.facility, "resident_id": resident.id}
        values = asdict(resident)
        row = {**key, "account_id": values.pop("account"), **{name: values[name] for name in _OF_RESIDENT}}
        before = self.resident(resident.facility, resident.id)
        if before == resident:
            return None
        self._put(residents, key, row, is_new=before is None)
        old = None if before is None else asdict(before)
        self._log((RESIDENT, _subject(*key.values())), old, asdict(resident), by)
        return before is None

    def put_contact(self, contact: Contact, by: By) -> bool | None:
        """Raises PeopleError when another contact has the number."""
        statement = select(contacts.c.contact_id).where(contacts.c.number == contact.number)
        owner = self._connection.execute(statement.where(contacts.c.contact_id != contact.id)).scalar()
        if owner is not None:
            raise PeopleError(
                f"the number of contact {contact.id!r} is that of contact {owner!r}; one number, one contact"
            )
        before = self.contact(contact.id)
        if before == contact:
            return None
        row = {
            "contact_id": contact.id,
            "name": contact.name,
            "number": contact.number,
            "account_id": contact.account,
            "telephone": contact.telephone,
            "language": contact.language,
            "monitored": contact.monitored,
            "recorded": contact.recorded,
            "also": json.dumps(contact.also) if contact.also else "",
            **{name: getattr(contact, name) for name in _LIMITS_OF_CONTACT},
        }
        self._put(contacts, {"contact_id": contact.id}, row, is_new=before is None)
        old = None if before is None else _contact_values(before)
        self._log((CONTACT, contact.id), old, _contact_values(contact), by)
        return before is None

    def set_email(self, contact_id: str, email: str, by: By) -> bool:
        """Whether it was another one. The log says only that there is one. Raises PeopleError."""
        families = FamilyBook(self._connection)
        before = families.email_of(contact_id)
        if not families.set_email(contact_id, email):
            return False
        families.end_all(contact_id)  # who had the old address has no say any more
        self._log((EMAIL, contact_id), {"set": bool(before)}, {"set": bool(email)}, by)
        return True

    def set_standing(
        self, facility: str, resident_id: str, contact_id: str, standing: Standing | None, *, by: By
    ) -> bool | None:
        """None: the contact is on the resident's list no more. Raises PeopleError for somebody unknown."""
        if self.resident(facility, resident_id) is None:
            raise PeopleError(f"there is no resident {resident_id!r} in facility {facility!r}")
        if self.contact(contact_id) is None:
            raise PeopleError(f"there is no contact {contact_id!r}")
        key = {"facility": facility, "resident_id": resident_id, "contact_id": contact_id}
        where = [relationships.c[name] == value for name, value in key.items()]
        before = self._connection.execute(select(relationships.c.standing).where(*where)).scalar()
        if before == standing:
            return None
        if standing is None:
            self._connection.execute(delete(relationships).where(*where))
        else:
            self._put(relationships, key, {**key, "standing": str(standing)}, is_new=before is None)
        after = None if standing is None else {"standing": str(standing)}
        old = None if before is None else {"standing": before}
        self._log((RELATIONSHIP, _subject(*key.values())), old, after, by)
        return before is None

    def put_barrier(self, barrier: Barrier, by: By) -> bool | None:
        key = {"facility": barrier.facility, "pattern": barrier.pattern.text, "watched": barrier.watched}
        before = self._connection.execute(_the_barrier(key)).first()
        if before is not None and before.reason == barrier.reason:
            return None
        self._put(barriers, key, {**key, "reason": barrier.reason}, is_new=before is None)
        values = {"watched": barrier.watched, "reason": barrier.reason}
        old = None if before is None else {"watched": bool(before.watched), "reason": before.reason}
        self._log((BARRIER, _subject(barrier.facility, barrier.pattern.text)), old, values, by)
        return before is None

    def take_barrier(self, barrier: Barrier, by: By) -> bool | None:
        key = {"facility": barrier.facility, "pattern": barrier.pattern.text, "watched": barrier.watched}
        before = self._connection.execute(_the_barrier(key)).first()
        if before is None:
            return None
        self._connection.execute(delete(barriers).where(*(barriers.c[name] == value for name, value in key.items())))
        old = {"watched": bool(before.watched), "reason": before.reason}
        self._log((BARRIER, _subject(barrier.facility, barrier.pattern.text)), old, None, by)
        return False

    def set_pin(self, facility: str, resident_id: str, pin_hash: str, by: By) -> None:
        """hash "": there is none any more. A lock-out ends. Raises PeopleError for a resident who is unknown."""
        before = self.pin(facility, resident_id)
        if before is None:
            raise PeopleError(f"there is no resident {resident_id!r} in facility {facility!r}")
        self._write_pin(facility, resident_id, pin_hash=pin_hash, pin_tries=0, pin_locked_until_ms=0)
        self._log((PIN, _subject(facility, resident_id)), {"set": bool(before.hash)}, {"set": bool(pin_hash)}, by)

    # ---- PINs as they are tried: no change of people, and nothing that a snapshot holds ----

    def pin(self, facility: str, resident_id: str) -> PinState | None:
        """In a writing transaction nobody else changes it until the end."""
        row = self._connection.execute(for_update(self._connection, _the_resident(facility, resident_id))).first()
        return None if row is None else PinState(row.pin_hash, row.pin_tries, from_ms(row.pin_locked_until_ms))

    def set_tries(self, facility: str, resident_id: str, tries: int, locked_until: datetime) -> None:
        self._write_pin(facility, resident_id, pin_tries=tries, pin_locked_until_ms=to_ms(locked_until))

    def _write_pin(self, facility: str, resident_id: str, **values: Any) -> None:
        where = (residents.c.facility == facility, residents.c.resident_id == resident_id)
        self._connection.execute(update(residents).where(*where).values(**values))

    # ---- how ----

    def _put(self, table: Table, key: Mapping[str, Any], row: Mapping[str, Any], *, is_new: bool) -> None:
        if is_new:
            self._connection.execute(insert(table).values(**row))
            return
        where = (table.c[name] == value for name, value in key.items())
        self._connection.execute(update(table).where(*where).values(**row))

    def _log(
        self,
        what: tuple[str, str],
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        by: By,
    ) -> None:
        kind, subject = what
        version = self._raise_version()
        in_order(self._connection, "people_changes")
        values = {"at_ms": to_ms(by.at), "who": by.who, "kind": kind, "subject": subject, "version": version}
        self._connection.execute(insert(people_changes).values(**values, before=_json(before), after=_json(after)))

    def _raise_version(self) -> int:
        """From here to the end of the transaction nobody else changes people: versions are seen in their order."""
        raised = update(people_version).values(version=people_version.c.version + 1)
        if self._connection.execute(raised).rowcount == 0:
            self._connection.execute(insert(people_version).values(one=1, version=1))
        return self.version()


_LIMITS_OF_CONTACT = ("max_minutes", "visits_per_day", "visits_per_week")
_OF_RESIDENT = (
    "name", "unit", "language", "active", "max_minutes", "visits_per_day", "visits_per_week", "monitored", "recorded",
)  # fmt: skip


def _the_resident(facility: str, resident_id: str) -> Select[Any]:
    return select(residents).where(residents.c.facility == facility, residents.c.resident_id == resident_id)


def _the_barrier(key: Mapping[str, Any]) -> Select[Any]:
    return select(barriers).where(*(barriers.c[name] == value for name, value in key.items()))


def _with(before: Mapping[K, V], changed: Mapping[K, V | None]) -> Mapping[K, V]:
    """None: it is gone."""
    if not changed:
        return before
    after = dict(before)
    for key, value in changed.items():
        if value is None:
            after.pop(key, None)
        else:
            after[key] = value
    return after


def _subject(*parts: Any) -> str:
    return "/".join(map(str, parts))


def _resident(row: Row[Any]) -> Resident:
    return Resident(
        id=row.resident_id,
        facility=row.facility,
        name=row.name,
        unit=row.unit,
        account=row.account_id,
        language=row.language,
        active=bool(row.active),
        max_minutes=row.max_minutes,
        visits_per_day=row.visits_per_day,
        visits_per_week=row.visits_per_week,
        monitored=bool(row.monitored),
        recorded=bool(row.recorded),
    )


def _contact(row: Row[Any]) -> Contact:
    return Contact(
        id=row.contact_id,
        name=row.name,
        number=row.number,
        account=row.account_id,
        monitored=bool(row.monitored),
        recorded=bool(row.recorded),
        also=tuple(json.loads(row.also)) if row.also else (),
        telephone=row.telephone,
        language=row.language,
        max_minutes=row.max_minutes,
        visits_per_day=row.visits_per_day,
        visits_per_week=row.visits_per_week,
    )


def _contact_values(contact: Contact) -> dict[str, Any]:
    names = ("id", "name", "number", "account", "monitored", "recorded", "telephone", "language", *_LIMITS_OF_CONTACT)
    return {name: getattr(contact, name) for name in names} | {"also": list(contact.also)}


def _barrier(row: Row[Any]) -> Barrier:
    return Barrier(row.facility, Pattern.parse(row.pattern), bool(row.watched), row.reason)


def _change(row: Row[Any]) -> PeopleChange:
    before, after = (json.loads(each) if each else None for each in (row.before, row.after))
    return PeopleChange(row.number, from_ms(row.at_ms), row.who, row.kind, row.subject, before, after)


def _json(values: Mapping[str, Any] | None) -> str:
    return "" if values is None else json.dumps(values, sort_keys=True, ensure_ascii=False)
