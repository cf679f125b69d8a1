"""Tariffs from YAML documents: versioned, dated, every mistake with file and line.

    tariffs = load_tariffs(["dialplans/tariffs/demo.yaml"])
    tariff = tariffs.agreed("demo-video", at, facility="demo-jail", timezone="America/Chicago")

Versions of one tariff follow each other in time without overlap or gap; each (id, version) stands once over all files.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.billing.caps import CapsInForce
from gateway.billing.document_fields import ANY_CURRENCY
from gateway.billing.freezing import freeze, thaw
from gateway.billing.moments import rank, told
from gateway.billing.rating import Tariff, agreed
from gateway.billing.tariff_document import TariffDocument, tariff_of, unsound
from gateway.documents import DocumentError, Problem, Source, load_with_source
from gateway.policy.decision import Medium

__all__ = ["ANY_CURRENCY", "PlacedTariff", "Tariffs", "freeze", "load_tariffs", "thaw"]


@dataclass(frozen=True, slots=True)
class PlacedTariff:
    """A tariff and the place it was read from."""

    tariff: Tariff
    source: Source
    index: int

    def problem(self, message: str, *field: str | int) -> Problem:
        return self.source.problem(message, "tariffs", self.index, *field)

    @property
    def place(self) -> str:
        return f"{self.source.path}:{self.source.line('tariffs', self.index)}"


class Tariffs(Collection[str]):
    """All versions of all tariffs. As a collection it holds the ids. caps: what binds which facility."""

    def __init__(
        self, tariffs: Iterable[Tariff], placed: Iterable[PlacedTariff] = (), caps: CapsInForce | None = None
    ) -> None:
        self._versions: dict[str, tuple[Tariff, ...]] = {}
        self._placed = tuple(placed)
        self._caps = caps or CapsInForce()
        ordered = sorted(tariffs, key=lambda each: (each.tariff_id, rank(each.valid_from)))
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

    def in_force(self, tariff_id: str, at: datetime, zone: tzinfo = UTC) -> Tariff | None:
        """zone: the facility's; it tells when a day begins."""
        return next((each for each in self.versions(tariff_id) if each.in_force(at, zone)), None)

    def agreed(
        self, tariff_id: str, at: datetime, *, facility: str, timezone: str, privileged: bool = False
    ) -> Tariff | None:
        """The prices that hold for a visit which begins at `at`, with the cap that binds it.

        None: no version is in force, or the one that is does not serve this facility.
        """
        zone = ZoneInfo(timezone) if timezone else UTC
        version = self.in_force(tariff_id, at, zone)
        if version is None or not version.serves(facility):
            return None
        cap = self._caps.of(facility, version.medium, at, zone)
        return agreed(version, at.astimezone(zone), cap, privileged=privileged)

    def bound_by(self, caps: CapsInForce) -> Tariffs:
        """The same tariffs under these caps; whether they keep them is for `cap_check` to say."""
        every = itertools.chain.from_iterable(self._versions.values())
        return Tariffs(every, self._placed, caps)

    @property
    def placed(self) -> tuple[PlacedTariff, ...]:
        """Every version that came from a file, with its place."""
        return self._placed

    def media(self) -> Mapping[str, Medium]:
        """What each tariff is for."""
        return {tariff_id: versions[0].medium for tariff_id, versions in self._versions.items()}

    def serves(self, tariff_id: str, facility: str) -> bool:
        """Whether any version of it is for this facility."""
        return any(each.serves(facility) for each in self.versions(tariff_id))


def load_tariffs(paths: Iterable[Path | str]) -> Tariffs:
    """Every tariff of the files at `paths`. Raises DocumentError with all problems of all files."""
    problems: list[Problem] = []
    placed: list[PlacedTariff] = []
    incomplete: set[str] = set()
    for path in paths:
        try:
            document, source = load_with_source(Path(path), TariffDocument)
        except DocumentError as error:
            problems += error.problems
            continue
        for index, entry in enumerate(document.tariffs):
            found = list(unsound(entry, source, index))
            problems += found
            if found:
                incomplete.add(entry.id)
            else:
                placed.append(PlacedTariff(tariff_of(entry), source, index))
    problems += _clashes(each for each in placed if each.tariff.tariff_id not in incomplete)
    if problems:
        raise DocumentError(problems)
    return Tariffs((each.tariff for each in placed), placed)


def _clashes(placed: Iterable[PlacedTariff]) -> Iterator[Problem]:
    """Duplicates, changes of currency or medium, overlaps and gaps between the versions of one tariff."""
    ordered = sorted(placed, key=lambda each: (each.tariff.tariff_id, each.tariff.version))
    for _, group in itertools.groupby(ordered, key=lambda each: each.tariff.tariff_id):
        for before, after in itertools.pairwise(group):
            yield from _clash(before, after)


def _clash(before: PlacedTariff, after: PlacedTariff) -> Iterator[Problem]:
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
        what = "overlaps" if rank(two.valid_from) < rank(one.valid_to) else "leaves a gap after"
        ends = told(one.valid_to)
        message = f"{what} version {one.version}, which ends {ends} ({before.place}); write {ends}"
        yield after.problem(message, "valid_from")
