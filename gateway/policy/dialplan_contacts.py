"""Contacts out of their entries."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.policy.dialplan_entries import ContactEntry
from gateway.policy.dialplan_notes import Notes
from gateway.policy.dialplan_numbers import telephone_of
from gateway.policy.payers import PayerEntry, mistakes
from gateway.policy.plan import Contact


def contacts_of(entries: Sequence[ContactEntry], notes: Notes) -> dict[str, Contact]:
    """By id."""
    notes.unique("contacts", "id", [each.id for each in entries])
    notes.unique("contacts", "number", [each.number for each in entries])
    known = {each.id for each in entries}
    for index, entry in enumerate(entries):
        for position, name in enumerate(entry.also):
            notes.known("contact", name, known, "contacts", index, "also", position)
            if name == entry.id:
                notes.problem("is this contact itself", "contacts", index, "also", position)
    return {each.id: _contact(notes, index, each) for index, each in enumerate(entries)}


def _contact(notes: Notes, index: int, entry: ContactEntry) -> Contact:
    if (entry.account is None) == (not entry.payers):
        notes.problem("write either `account` or `payers`: who pays the visits", "contacts", index)
    note_payers(notes, entry.payers, "contacts", index)
    for position, each in enumerate(entry.payers):
        if each.of is not None:
            notes.problem("has a meaning in rules only; name an `account`", "contacts", index, "payers", position)
    return Contact(
        id=entry.id,
        name=entry.name,
        number=entry.number,
        account=entry.account or (entry.payers[0].account or "" if entry.payers else ""),
        monitored=entry.monitored,
        recorded=entry.recorded,
        payers=tuple(each.part() for each in entry.payers),
        also=tuple(dict.fromkeys(entry.also)),
        telephone=telephone_of(entry, index, notes),
        language=entry.language,
        max_minutes=entry.max_minutes,
        visits_per_day=entry.visits_per_day,
        visits_per_week=entry.visits_per_week,
    )


def note_payers(notes: Notes, entries: tuple[PayerEntry, ...], *location: str | int) -> None:
    for each in mistakes(entries) if entries else ():
        notes.problem(each, *location, "payers")
