"""The numbers of a dialplan: of its contacts, in every spelling, and what must not be among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache

from gateway.policy.dialplan_entries import ContactEntry
from gateway.policy.dialplan_notes import Notes
from gateway.policy.numbers import is_emergency, spellings, telephone
from gateway.policy.pattern import Pattern
from gateway.policy.plan import Contact, Facility


class ContactNumbers:
    """What is dialled for the contacts of a plan."""

    def __init__(self, contacts: Mapping[str, Contact]) -> None:
        self._contacts = tuple(contacts.values())
        self._spelt = cache(self._spellings)
        self._telephones = tuple(each for each in self._contacts if each.telephone)

    def reached(self, pattern: Pattern, region: str) -> bool:
        """Whether anybody's number is like it."""
        known = self._spelt(region)
        return pattern.text in known if pattern.is_literal else any(map(pattern.matches, known))

    def by_telephone(self, pattern: Pattern, region: str) -> Contact | None:
        """The first whose number is like it, and who has a telephone instead of a page."""
        for each in self._telephones:
            if any(map(pattern.matches, spellings(each.number, region))):
                return each
        return None

    def _spellings(self, region: str) -> Mapping[str, Contact]:
        if not region:
            return {each.number: each for each in self._contacts}
        return {text: each for each in self._contacts for text in spellings(each.number, region)}


def note_numbers(entries: Sequence[ContactEntry], facilities: Mapping[str, Facility], notes: Notes) -> None:
    """By each country of the plan: nobody has an emergency number, and no two have one number in two spellings."""
    for region in sorted({each.region for each in facilities.values() if each.region}):
        seen: dict[str, ContactEntry] = {}
        for index, entry in enumerate(entries):
            if is_emergency(entry.number, region):
                message = f"calls the emergency services in {region}; give this contact another number"
                notes.problem(message, "contacts", index, "number")
            full = next((each for each in spellings(entry.number, region) if each.startswith("+")), "")
            other = seen.setdefault(full, entry) if full else entry
            if other.number != entry.number:
                message = f"is the number of {other.id!r} in another spelling; each may stand once"
                notes.problem(message, "contacts", index, "number")


def telephone_of(entry: ContactEntry, index: int, notes: Notes) -> str:
    """In E.164; empty: there is none."""
    if not entry.telephone:
        return ""
    try:
        return telephone(entry.telephone)
    except ValueError as error:
        notes.problem(str(error), "contacts", index, "telephone")
        return ""
