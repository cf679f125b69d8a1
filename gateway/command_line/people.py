"""`kinbridge people ...`: residents, their contacts, blocked numbers and PINs, as docs/people.md tells of them."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, counted, who_is
from gateway.errors import PeopleError

if TYPE_CHECKING:
    from gateway.people import PeopleDesk
    from gateway.policy.plan import Dialplan
    from gateway.store import Store

people_app = typer.Typer(help="Residents, whom they may reach, blocked numbers, PINs.", no_args_is_help=True)
T = TypeVar("T")
By = Annotated[str, typer.Option(help="Who does it; the user of this process is kept beside it.")]
Facility = Annotated[str, typer.Argument(help="The facility's id in the dialplan.")]
Resident = Annotated[str, typer.Argument(help="The resident's id, as keyed in by hand.")]
_ALL = 100_000


class FileKind(StrEnum):
    """As gateway.people.Kind, which takes a while to load."""

    RESIDENTS = "residents"
    CONTACTS = "contacts"
    LISTS = "lists"
    NUMBERS = "numbers"


class Standing(StrEnum):
    """As gateway.policy.people.Standing, and `none`."""

    PENDING = "pending"
    APPROVED = "approved"
    PRIVILEGED = "privileged"
    BANNED = "banned"
    NONE = "none"


@people_app.command("import")
def people_import(
    kind: Annotated[FileKind, typer.Argument(help="What the file holds.")],
    file: Annotated[Path, typer.Argument(help="CSV with a header; docs/people.md lists the columns.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything and change nothing.")] = False,
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Bring a file of people into the store: all of it, or with a mistake nothing. Again changes nothing."""
    from gateway.people import Kind, bring_in
    from gateway.people.importing import most_contacts

    async def imported(desk: PeopleDesk, plan: Dialplan) -> str:
        outcome = await bring_in(desk, Kind(kind.value), file, most_contacts(plan), who=who_is(by), dry_run=dry_run)
        verb = "would be" if dry_run else "was" if outcome.added == 1 else "were"
        return f"{outcome.added} {verb} added, {outcome.changed} changed, {outcome.unchanged} already as the file says"

    print(f"{file}: {_with_desk(config, imported)}")


@people_app.command("list")
def people_list(facility: Facility, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Show the residents of a facility, by id."""

    async def listed(store: Store) -> list[str]:
        found = await store.read(lambda work: work.people.residents(facility, limit=_ALL))
        return [f"{each.id}  {each.name}{'' if each.active else '  (not active)'}" for each in found]

    lines = _with_store(config, listed)
    if not lines:
        _check_facility(config, facility)
    for line in lines:
        print(line)
    print(counted(len(lines), "resident"))


def _check_facility(config: Path, facility: str) -> None:
    """Raises PeopleError for one that the dialplan does not name."""
    from gateway.config import load_config
    from gateway.desk import load_policy

    plan, _ = load_policy(load_config(config))
    known = sorted({each.id for each in plan.facilities.values()})
    if facility not in known:
        raise PeopleError(f"the dialplan has no facility {facility!r}; known here: {', '.join(known) or 'none'}")


@people_app.command("show")
def people_show(facility: Facility, resident: Resident, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Show a resident and the list of contacts."""

    async def shown(store: Store) -> list[str]:
        found = await store.read(lambda work: work.people.resident(facility, resident))
        if found is None:
            raise PeopleError(f"there is no resident {resident!r} in facility {facility!r}")
        listed = await store.read(lambda work: work.people.standings(facility, resident))
        state = await store.read(lambda work: work.people.pin(facility, resident))
        facts = {
            "name": found.name,
            "unit": found.unit or "-",
            "active": "yes" if found.active else "no",
            "PIN": "set" if state is not None and state.hash else "none",
            "account": found.account or "-",
        }
        lines = [f"{name}: {value}" for name, value in facts.items()]
        return lines + [f"{standing}: {contact.id}, {contact.name}" for contact, standing in listed]

    for line in _with_store(config, shown):
        print(line)


@people_app.command("standing")
def people_standing(
    facility: Facility,
    resident: Resident,
    contact: Annotated[str, typer.Argument(help="The contact's id.")],
    standing: Annotated[Standing, typer.Argument(help="`none` takes the contact from the list.")],
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Say how a contact stands to a resident."""
    from gateway.people.importing import most_contacts, set_standing
    from gateway.people.rows import ListRow

    row = ListRow(facility=facility, resident=resident, contact=contact, standing=standing.value)

    async def put(desk: PeopleDesk, plan: Dialplan) -> bool | None:
        most = most_contacts(plan)
        return await desk.change(lambda people, hand: set_standing(people, row, most.get(facility), hand), who_is(by))

    changed = _with_desk(config, put)
    print(f"{contact}: {standing.value}{'' if changed is not None else ', as before'}")


@people_app.command("pin")
def people_pin(
    facility: Facility,
    resident: Resident,
    remove: Annotated[bool, typer.Option("--remove", help="Take the PIN away: nobody gets in by this id.")] = False,
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Set a resident's PIN, read from the terminal or the standard input; a lock-out ends."""
    pin = ""
    if not remove:
        typed = typer.prompt("PIN", hide_input=True, confirmation_prompt=True) if sys.stdin.isatty() else input()
        pin = str(typed).strip()
        if not pin:
            raise PeopleError("no PIN was given; --remove takes one away")

    async def put(desk: PeopleDesk, _: Dialplan) -> None:
        await desk.set_pin(facility, resident, pin, who_is(by))

    _with_desk(config, put)
    print(f"{resident}: {'no PIN any more' if remove else 'the PIN is set'}")


@people_app.command("history")
def people_history(
    subject: Annotated[str, typer.Argument(help="Such as north/4711, ann, or north/4711/ann; without: all.")] = "",
    since: Annotated[int, typer.Option(help="Only what comes after this number.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=_ALL)] = 1000,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Show who changed what, when, before and after: one JSON object a line."""

    async def lines(store: Store) -> list[str]:
        found = await store.read(lambda work: work.people.changes(since, limit, subject))
        return [
            json.dumps(
                {
                    "number": each.number,
                    "at": each.at.isoformat(),
                    "who": each.who,
                    "kind": each.kind,
                    "subject": each.subject,
                    "before": each.before,
                    "after": each.after,
                },
                ensure_ascii=False,
            )
            for each in found
        ]

    for line in _with_store(config, lines):
        print(line)


def _with_desk(config: Path, work: Callable[[PeopleDesk, Dialplan], Awaitable[T]]) -> T:
    from gateway.clock import SystemClock
    from gateway.config import load_config
    from gateway.desk import load_policy
    from gateway.people import PeopleDesk, PinRules
    from gateway.store import Store

    async def opened() -> T:
        loaded = load_config(config)
        plan, _ = load_policy(loaded)
        async with Store(loaded.store.url) as store:
            return await work(PeopleDesk(store, SystemClock(), PinRules.of(loaded.people)), plan)

    return asyncio.run(opened())


def _with_store(config: Path, work: Callable[[Store], Awaitable[T]]) -> T:
    from gateway.config import load_config
    from gateway.store import Store

    async def opened() -> T:
        async with Store(load_config(config).store.url) as store:
            return await work(store)

    return asyncio.run(opened())
