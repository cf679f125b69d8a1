"""Dialplans from YAML documents: who may be visited from where, when, for how long and at what rate.

    plan = load(Path("dialplans/demo.yaml"), tariffs)

Raises DocumentError with every problem found, each with file, line and remedy. docs/dialplan.md is the user's page.
What may be written is in `dialplan_entries`; each section is read by a module of its own beside this one.
"""

from __future__ import annotations

from pathlib import Path

from gateway.documents import DocumentError, Source, collector_paused
from gateway.policy.dialplan_contacts import contacts_of
from gateway.policy.dialplan_entries import DialplanDocument
from gateway.policy.dialplan_facilities import Facilities, KnownCaps, stations_of
from gateway.policy.dialplan_files import load_files
from gateway.policy.dialplan_notes import Notes
from gateway.policy.dialplan_numbers import note_numbers
from gateway.policy.dialplan_rules import KnownTariffs, Rules
from gateway.policy.plan import Dialplan


def load(path: Path | str, tariffs: KnownTariffs, caps: KnownCaps | None = None) -> Dialplan:
    """The dialplan at `path`, checked against the tariffs and rate caps it may name. Raises DocumentError.

    caps None: what facilities say of caps is not looked at.
    """
    with collector_paused():
        document, source = load_files(Path(path))
        return build(document, source, tariffs, caps)


def build(document: DialplanDocument, source: Source, tariffs: KnownTariffs, caps: KnownCaps | None = None) -> Dialplan:
    """A plan of a document that has the right shape. Raises DocumentError with everything that does not fit."""
    notes = Notes(source)
    for section, example in (("facilities", "- {id: jail, ...}"), ("rules", "- {name: families, ...}")):
        if not getattr(document, section):
            notes.problem(f"has no `{section}`; without one nobody may call; write for instance {example}")
    facilities = Facilities(notes, caps).read(document.facilities)
    contacts = contacts_of(document.contacts, notes)
    note_numbers(document.contacts, facilities, notes)
    rules = Rules(document, tariffs, notes).read(facilities, contacts)
    stations = stations_of(document.stations, facilities, notes)
    plan = Dialplan(
        facilities={trunk: each for each in facilities.values() for trunk in each.trunks},
        stations=stations,
        numbers={each.number: each for each in contacts.values()},
        rules=rules,
    )
    if notes.problems:
        raise DocumentError(sorted(notes.problems, key=lambda each: (each.file, each.line)))
    return plan
