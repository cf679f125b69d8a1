"""What another dialplan would change, line by line, for whoever has to agree to it.

    rule families: max_minutes 20 -> 30
    contact ann: added

Names and numbers of people are not told, only that they change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from enum import Enum
from typing import Any

from gateway.policy.plan import Dialplan, Rule

_PERSONAL = frozenset({"name", "number", "telephone", "resident"})


def differences(before: Dialplan, after: Dialplan) -> tuple[str, ...]:
    """Empty when both decide alike."""
    return (
        *_between("facility", _facilities(before), _facilities(after)),
        *_between("unit", _units(before), _units(after)),
        *_between("station", _stations(before), _stations(after)),
        *_between("contact", _contacts(before), _contacts(after)),
        *_between("rule", _rules(before), _rules(after)),
        *_orders(before, after),
    )


def _between(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for key in before.keys() - after.keys():
        yield f"{what} {key}: taken away"
    for key, value in after.items():
        if key not in before:
            yield f"{what} {key}: added"
        elif changed := "; ".join(_changes(before[key], value)):
            yield f"{what} {key}: {changed}"


def _changes(before: Any, after: Any) -> Iterator[str]:
    for each in fields(before):
        old, new = getattr(before, each.name), getattr(after, each.name)
        if old != new and each.name != "units":
            told = each.name not in _PERSONAL and _is_plain(old) and _is_plain(new)
            yield f"{each.name} {_text(old)} -> {_text(new)}" if told else f"{each.name} changes"


def _is_plain(value: Any) -> bool:
    return value is None or isinstance(value, bool | int | str | Enum)


def _text(value: Any) -> str:
    if value is None or value == "":
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _facilities(plan: Dialplan) -> dict[str, Any]:
    return {each.id: each for each in plan.facilities.values()}


def _units(plan: Dialplan) -> dict[str, Any]:
    facilities = {each.id: each for each in plan.facilities.values()}
    return {f"{each.id}/{unit.id}": unit for each in facilities.values() for unit in each.units.values()}


def _stations(plan: Dialplan) -> dict[str, Any]:
    return {f"{facility}/{each.id}": each for facility, found in plan.stations.items() for each in found.values()}


def _contacts(plan: Dialplan) -> dict[str, Any]:
    return {each.id: each for each in plan.numbers.values()}


def _rules(plan: Dialplan) -> dict[str, Any]:
    return {each.name: each for found in plan.rules.values() for each in found}


def _orders(before: Dialplan, after: Dialplan) -> Iterator[str]:
    """The first rule that matches decides: another order is another plan."""
    for facility, rules in after.rules.items():
        old, new = _names(before.rules.get(facility, ())), _names(rules)
        stay = set(old) & set(new)
        if [each for each in old if each in stay] != [each for each in new if each in stay]:
            yield f"facility {facility}: its rules come in another order"


def _names(rules: tuple[Rule, ...]) -> list[str]:
    return [each.name for each in rules]
