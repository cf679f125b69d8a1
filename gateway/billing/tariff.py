"""Tariffs from YAML documents: versioned, dated, every mistake with file and line.

    tariffs = load_tariffs(["dialplans/tariffs/demo.yaml"])
    tariff = tariffs.in_force("demo-video", at)

Versions of one tariff follow each other in time without overlap or gap; each (id, version) stands once over all files.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, ValidationError

from gateway.billing.rating import Rounding, RoundingMode, Tariff
from gateway.documents import Document, DocumentError, Problem, Source, load_with_source
from gateway.errors import BillingError
from gateway.money import Money
from gateway.policy.decision import Medium

ANY_CURRENCY = "XXX"  # ISO 4217: no currency; here only to check that an amount is one


def _exact(value: Any) -> Any:
    """YAML reads 0.16 as a binary float, which is not 0.16; as text every digit is what was written."""
    if isinstance(value, float):
        raise ValueError(f'write the amount as text, "{value}", so that not a digit is lost')  # noqa: TRY004 - pydantic turns only ValueError into a problem
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _amount(text: str) -> str:
    if Money.parse(text, ANY_CURRENCY).micros < 0:
        raise ValueError(f"{text} is negative; a tariff gives no money away")
    return text


def _instant(value: Any) -> Any:
    """A plain date means its midnight in UTC."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("has no zone; write 2026-01-01T00:00:00Z, or the date alone for midnight UTC")
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime.combine(value, time.min, UTC)
    return value


Amount = Annotated[str, BeforeValidator(_exact), AfterValidator(_amount)]
Instant = Annotated[AwareDatetime, BeforeValidator(_instant)]


class RoundingDocument(Document):
    """`to` is the smallest step of a usage charge: "0.01" for cents."""

    mode: RoundingMode
    to: Amount


class TariffEntry(Document):
    """See rating.Tariff for the meaning of each field."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
    version: Annotated[int, Field(ge=1)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
    medium: Medium
    per_minute: Amount
    connection_fee: Amount = "0"
    increment_s: Annotated[int, Field(ge=1, le=3600)] = 1
    minimum_s: Annotated[int, Field(ge=0, le=3600)] = 0
    rounding: RoundingDocument
    valid_from: Instant
    valid_to: Instant | None = None


class TariffDocument(Document):
    """One file."""

    tariffs: Annotated[tuple[TariffEntry, ...], Field(min_length=1)]


class Tariffs(Collection[str]):
    """All versions of all tariffs. As a collection it holds the ids."""

    def __init__(self, tariffs: Iterable[Tariff]) -> None:
        self._versions: dict[str, tuple[Tariff, ...]] = {}
        ordered = sorted(tariffs, key=lambda each: (each.tariff_id, each.valid_from))
        for tariff_id, group in itertools.groupby(ordered, key=lambda each: each.tariff_id):
            self._versions[tariff_id] = tuple(group)

    def __contains__(self, tariff_id: object) -> bool:
        return tariff_id in self._versions

    def __iter__(self) -> Iterator[str]:
        return iter(self._versions)

    def __len__(self) -> int:
        return len(self._versions)

    def versions(self, tariff_id: str) -> tuple[Tariff, ...]:
        """In order of time; empty for an unknown id."""
        return self._versions.get(tariff_id, ())

    def in_force(self, tariff_id: str, at: datetime) -> Tariff | None:
        return next((each for each in self.versions(tariff_id) if each.in_force(at)), None)

    def media(self) -> Mapping[str, Medium]:
        """What each tariff is for."""
        return {tariff_id: versions[0].medium for tariff_id, versions in self._versions.items()}


@dataclass(frozen=True, slots=True)
class _Found:
    """A tariff and the place it was read from."""

    tariff: Tariff
    source: Source
    index: int

    def problem(self, message: str, field: str) -> Problem:
        return self.source.problem(message, "tariffs", self.index, field)

    @property
    def place(self) -> str:
        return f"{self.source.path}:{self.source.line('tariffs', self.index)}"


def load_tariffs(paths: Iterable[Path | str]) -> Tariffs:
    """Every tariff of the files at `paths`. Raises DocumentError with all problems of all files."""
    problems: list[Problem] = []
    found: list[_Found] = []
    for path in paths:
        try:
            document, source = load_with_source(Path(path), TariffDocument)
        except DocumentError as error:
            problems += error.problems
            continue
        for index, entry in enumerate(document.tariffs):
            problems += _unsound(entry, source, index)
            found.append(_Found(_tariff(entry), source, index))
    problems += _clashes(found)
    if problems:
        raise DocumentError(problems)
    return Tariffs(each.tariff for each in found)


def _tariff(entry: TariffEntry) -> Tariff:
    return Tariff(
        tariff_id=entry.id,
        version=entry.version,
        medium=entry.medium,
        per_minute=Money.parse(entry.per_minute, entry.currency),
        connection_fee=Money.parse(entry.connection_fee, entry.currency),
        increment_s=entry.increment_s,
        minimum_s=entry.minimum_s,
        rounding=Rounding(entry.rounding.mode, Money.parse(entry.rounding.to, entry.currency).micros),
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
    )


def _unsound(entry: TariffEntry, source: Source, index: int) -> Iterator[Problem]:
    here = ("tariffs", index)
    step = Decimal(entry.rounding.to)
    if step == 0:
        yield source.problem('must be above zero, such as "0.01"', *here, "rounding", "to")
    elif Decimal(entry.connection_fee) % step:
        message = f"{entry.connection_fee} is no multiple of the rounding step {entry.rounding.to}"
        yield source.problem(message, *here, "connection_fee")
    if entry.valid_to is not None and entry.valid_to <= entry.valid_from:
        yield source.problem("is not after valid_from", *here, "valid_to")


def _clashes(found: list[_Found]) -> Iterator[Problem]:
    """Duplicates, changes of currency or medium, overlaps and gaps between the versions of one tariff."""
    ordered = sorted(found, key=lambda each: (each.tariff.tariff_id, each.tariff.version))
    for _, group in itertools.groupby(ordered, key=lambda each: each.tariff.tariff_id):
        for before, after in itertools.pairwise(group):
            yield from _clash(before, after)


def _clash(before: _Found, after: _Found) -> Iterator[Problem]:
    one, two = before.tariff, after.tariff
    if one.version == two.version:
        yield after.problem(f"{two.tariff_id} version {two.version} stands at {before.place} too", "id")
        return
    if one.currency != two.currency:
        yield after.problem(f"version {one.version} ({before.place}) is in {one.currency}; use a new id", "currency")
    if one.medium != two.medium:
        yield after.problem(f"version {one.version} ({before.place}) is for {one.medium}; use a new id", "medium")
    if one.valid_to is None:
        yield before.problem(f"is needed, because version {two.version} follows ({after.place})", "valid_to")
    elif two.valid_from != one.valid_to:
        what = "overlaps" if two.valid_from < one.valid_to else "leaves a gap after"
        message = f"{what} version {one.version}, which ends {one.valid_to:%Y-%m-%dT%H:%M:%SZ} ({before.place})"
        yield after.problem(message, "valid_from")


def freeze(tariff: Tariff) -> str:
    """The tariff as JSON: kept with each visit, so that what was agreed is what is charged, whatever changes later."""
    return json.dumps(
        {
            "id": tariff.tariff_id,
            "version": tariff.version,
            "currency": tariff.currency,
            "medium": tariff.medium,
            "per_minute": tariff.per_minute.amount,
            "connection_fee": tariff.connection_fee.amount,
            "increment_s": tariff.increment_s,
            "minimum_s": tariff.minimum_s,
            "rounding": {
                "mode": tariff.rounding.mode,
                "to": Money(tariff.rounding.step_micros, tariff.currency).amount,
            },
            "valid_from": tariff.valid_from.isoformat(),
            "valid_to": None if tariff.valid_to is None else tariff.valid_to.isoformat(),
        }
    )


def thaw(text: str) -> Tariff:
    """The inverse of `freeze`. Raises BillingError for a text that is no tariff."""
    try:
        return _tariff(TariffEntry.model_validate_json(text))
    except ValidationError as error:
        raise BillingError(
            f"the tariff kept with a visit cannot be read: {error.error_count()} fields are wrong"
        ) from None
