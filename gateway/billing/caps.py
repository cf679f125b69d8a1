"""Rate caps: what a minute may cost at most, by kind and size of facility, medium and day. Dated data, never constants.

caps = load_caps(["dialplans/caps/us-fcc.yaml"])
caps.tier("us-fcc", FacilityType.JAIL, 420)                  -> "medium-jail"
caps.in_force("us-fcc", "medium-jail", Medium.AUDIO, at)     -> Cap, or None before the first row and after the last
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway.billing.document_fields import ANY_CURRENCY, Amount, Currency, DocumentId, Moment, ToldDocument
from gateway.billing.moments import holds, rank
from gateway.billing.rating import Cap
from gateway.documents import DocumentError, Problem, Source, load_with_source
from gateway.money import Money
from gateway.policy.decision import Medium
from gateway.policy.plan import FacilityType


class TierEntry(ToldDocument):
    """Which facilities a tier is for: those of a type, by their average daily population (ADP)."""

    id: DocumentId
    type: FacilityType
    adp_from: Annotated[int, Field(ge=0)] = 0
    adp_to: Annotated[int, Field(ge=0)] | None = None
    """Included; left out: no end."""


class RowEntry(ToldDocument):
    """What a minute may cost in a tier and a medium, from one day on."""

    tier: str
    medium: Medium
    per_minute: Amount
    """The whole cap, taxes apart."""
    additive: Amount | None = None
    """The part of it that is meant for the facility's own costs: a facility_share above it is refused."""
    valid_from: Moment
    valid_to: Moment | None = None
    """Not included any more; left out: no end."""
    source: str
    """A key of `sources`: where the figure was read."""


class CapDocument(ToldDocument):
    """One file: one table."""

    id: DocumentId
    """What the dialplan's facilities name."""
    name: str
    note: str
    currency: Currency
    ancillary_fees: bool = False
    """Whether a connection fee is allowed at all where a cap binds. It counts within the cap."""
    sources: Annotated[dict[str, str], Field(min_length=1)]
    tiers: Annotated[tuple[TierEntry, ...], Field(min_length=1)]
    rows: Annotated[tuple[RowEntry, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class CapRow:
    """One row. additive: the part of it that is meant for the facility's own costs; None: nothing is said of that.

    place: `file:line`. source: the document that the figure was read from.
    """

    cap: Cap
    medium: Medium
    additive: Money | None
    valid_from: datetime
    valid_to: datetime | None
    source: str
    place: str

    def in_force(self, at: datetime, zone: tzinfo) -> bool:
        """zone: the facility's; it tells when a day begins."""
        return holds(self.valid_from, self.valid_to, at, zone)


@dataclass(frozen=True, slots=True)
class CapTable:
    """ancillary_fees: whether a fee beside the price of the minutes is allowed at all; it counts within the cap."""

    table_id: str
    name: str
    note: str
    currency: str
    ancillary_fees: bool
    tiers: tuple[TierEntry, ...]
    rows: Mapping[tuple[str, Medium], tuple[CapRow, ...]]  # by tier and medium, in order of time


class Caps:
    """All tables."""

    def __init__(self, tables: Iterable[CapTable] = ()) -> None:
        self._tables = {each.table_id: each for each in tables}

    def tables(self) -> tuple[str, ...]:
        return tuple(self._tables)

    def table(self, table_id: str) -> CapTable:
        return self._tables[table_id]

    def tier(self, table_id: str, kind: FacilityType, adp: int | None) -> str:
        """The tier of a facility. Raises ValueError when it takes the population to tell, and nobody said it."""
        of_kind = [each for each in self._tables[table_id].tiers if each.type is kind]
        if adp is None and len(of_kind) > 1:
            raise ValueError(f"has no `adp`: {table_id} caps a {kind} by its average daily population; write adp: 420")
        return next(each.id for each in of_kind if each.adp_from <= (adp or 0) <= _top(each))

    def rows(self, table_id: str, tier: str, medium: Medium) -> tuple[CapRow, ...]:
        """In order of time."""
        return self._tables[table_id].rows.get((tier, medium), ())

    def in_force(self, table_id: str, tier: str, medium: Medium, at: datetime, zone: tzinfo = UTC) -> Cap | None:
        return next((each.cap for each in self.rows(table_id, tier, medium) if each.in_force(at, zone)), None)


@dataclass(frozen=True, slots=True)
class CapsInForce:
    """Which table and tier bind each facility; a facility that is not listed is bound by none."""

    caps: Caps = field(default_factory=Caps)
    tiers: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def of(self, facility: str, medium: Medium, at: datetime, zone: tzinfo) -> Cap | None:
        bound = self.tiers.get(facility)
        return self.caps.in_force(*bound, medium, at, zone) if bound else None


def load_caps(paths: Iterable[Path | str]) -> Caps:
    """Every table of the files at `paths`. Raises DocumentError with all problems of all files."""
    problems: list[Problem] = []
    tables: dict[str, CapTable] = {}
    for path in paths:
        try:
            document, source = load_with_source(Path(path), CapDocument)
        except DocumentError as error:
            problems += error.problems
            continue
        found = [*_unsound_tiers(document, source), *_unsound_rows(document, source)]
        if document.id in tables:
            found.append(source.problem(f"another file has a table {document.id!r} too", "id"))
        problems += found
        if not found:
            tables[document.id] = _table(document, source)
    if problems:
        raise DocumentError(problems)
    return Caps(tables.values())


def _table(document: CapDocument, source: Source) -> CapTable:
    rows: dict[tuple[str, Medium], list[CapRow]] = defaultdict(list)
    for index, entry in enumerate(document.rows):
        cap_id = f"{document.id}/{entry.valid_from:%Y-%m-%d}/{entry.tier}/{entry.medium}"
        row = CapRow(
            cap=Cap(cap_id, entry.tier, Money.parse(entry.per_minute, document.currency)),
            medium=entry.medium,
            additive=None if entry.additive is None else Money.parse(entry.additive, document.currency),
            valid_from=entry.valid_from,
            valid_to=entry.valid_to,
            source=document.sources[entry.source],
            place=f"{source.path}:{source.line('rows', index)}",
        )
        rows[entry.tier, entry.medium].append(row)
    ordered = {key: tuple(sorted(each, key=lambda row: rank(row.valid_from))) for key, each in rows.items()}
    return CapTable(
        document.id,
        document.name,
        document.note,
        document.currency,
        document.ancillary_fees,
        document.tiers,
        ordered,
    )


def _top(tier: TierEntry) -> float:
    return float("inf") if tier.adp_to is None else tier.adp_to


def _unsound_tiers(document: CapDocument, source: Source) -> Iterator[Problem]:
    """Every facility, of whatever size, has exactly one tier."""
    ids = [each.id for each in document.tiers]
    for index, tier_id in enumerate(ids):
        if tier_id in ids[:index]:
            yield source.problem(f"{tier_id!r} stands above already", "tiers", index, "id")
    for kind in FacilityType:
        ordered = sorted(
            ((index, each) for index, each in enumerate(document.tiers) if each.type is kind),
            key=lambda pair: pair[1].adp_from,
        )
        if not ordered:
            yield source.problem(f"has no tier for a {kind}", "tiers")
            continue
        expected: float = 0
        for index, tier in ordered:
            if expected == float("inf"):
                yield source.problem(f"an earlier tier of a {kind} has no adp_to; give it one", "tiers", index)
            elif tier.adp_from != expected:
                message = f"begins at {tier.adp_from}, and the tiers of a {kind} below it end before {expected:.0f}"
                yield source.problem(f"{message}; write {expected:.0f}", "tiers", index, "adp_from")
            expected = _top(tier) + 1
        if expected != float("inf"):
            last = ordered[-1][0]
            yield source.problem("leaves larger facilities without a tier; leave it out", "tiers", last, "adp_to")


def _unsound_rows(document: CapDocument, source: Source) -> Iterator[Problem]:
    """Known tiers and sources, and for each tier and medium no overlap or gap between the first row and the last."""
    by_key: dict[tuple[str, Medium], list[int]] = defaultdict(list)
    tiers = {each.id for each in document.tiers}
    for index, row in enumerate(document.rows):
        by_key[row.tier, row.medium].append(index)
        if row.tier not in tiers:
            known = ", ".join(sorted(tiers))
            yield source.problem(f"there is no tier {row.tier!r}; known here: {known}", "rows", index, "tier")
        if row.source not in document.sources:
            known = ", ".join(sorted(document.sources))
            yield source.problem(f"there is no source {row.source!r}; known here: {known}", "rows", index, "source")
        if row.valid_to is not None and rank(row.valid_to) <= rank(row.valid_from):
            yield source.problem("is not after valid_from", "rows", index, "valid_to")
        if row.additive is not None and _micros(row.additive) > _micros(row.per_minute):
            yield source.problem("is above the cap that it is a part of", "rows", index, "additive")
    for tier, medium in itertools.product(sorted(tiers), Medium):
        indexes = sorted(by_key[tier, medium], key=lambda index: rank(document.rows[index].valid_from))
        if not indexes:
            yield source.problem(f"no row for {tier} and {medium}", "rows")
        for before, after in itertools.pairwise(indexes):
            yield from _between(document.rows[before], document.rows[after], source, before, after)


def _between(one: RowEntry, two: RowEntry, source: Source, before: int, after: int) -> Iterator[Problem]:
    if one.valid_to == two.valid_from:
        return
    line = source.line("rows", before)
    what = "overlaps" if one.valid_to is None or rank(one.valid_to) > rank(two.valid_from) else "leaves a gap after"
    message = f"{what} the row for {one.tier} and {one.medium} in line {line}; that row's valid_to must be the same"
    yield source.problem(message, "rows", after, "valid_from")


def _micros(amount: str) -> int:
    return Money.parse(amount, ANY_CURRENCY).micros
