"""The shape of a tariff file, and what one entry alone can be wrong about. docs/tariffs.md is the user's page."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from gateway.billing.allowance import FreeAllowance, Period
from gateway.billing.document_fields import (
    Amount,
    Currency,
    DocumentId,
    Label,
    Moment,
    Percent,
    ToldDocument,
    ppm_of,
)
from gateway.billing.moments import rank
from gateway.billing.rating import Band, FacilityShare, Rounding, RoundingMode, Tariff, Tax
from gateway.documents import Problem, Source
from gateway.money import Money
from gateway.policy.decision import Medium
from gateway.policy.schedule import MINUTES_PER_DAY, WEEKDAYS, Interval, overlaps

DayKey = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "daily"]
Hours = dict[DayKey, tuple[str, ...]]
Week = tuple[tuple[Interval, ...], ...]


class RoundingDocument(ToldDocument):
    """Each line of a charge is rounded once, by this rule."""

    mode: RoundingMode
    """down, up, half_up or half_even."""
    to: Amount
    """The smallest step of a line: "0.01" for cents, "0.000001" for the finest there is."""


class BandEntry(ToldDocument):
    """Prices for some hours of the week. A price that is left out is the tariff's own."""

    name: DocumentId
    hours: Hours
    """For each day, or daily, the hours on the facility's wall clock: daily: ["08:00-20:00"]."""
    per_minute: Amount | None = None
    per_visit: Amount | None = None
    first_minute: Amount | None = None
    connection_fee: Amount | None = None


class FreeEntry(ToldDocument):
    """What an account has free in each period."""

    minutes: Annotated[int, Field(ge=1, le=44_640)]
    per: Period
    """day, week (from Monday) or month, on the facility's wall clock."""


class ShareEntry(ToldDocument):
    """What the facility gets, on top of the prices, as a line of its own."""

    label: Label
    per_minute: Amount = "0"
    """For each billed minute."""
    percent: Percent = "0"
    """Of the tariff's own prices."""


class TaxEntry(ToldDocument):
    label: Label
    percent: Percent
    """Of everything but taxes, after the cap."""


class TariffEntry(ToldDocument):
    """One version of a tariff."""

    id: DocumentId
    """What the dialplan's rules name."""
    version: Annotated[int, Field(ge=1)]
    currency: Currency
    medium: Medium
    facilities: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The facilities that may use it; left out: any."""
    per_minute: Amount | None = None
    """Price of a minute; seconds cost their part of it."""
    per_visit: Amount | None = None
    """Once for the visit, with its first paid second."""
    first_minute: Amount | None = None
    """Price of the first billed minute, used or not; left out: it costs what the others do."""
    connection_fee: Amount = "0"
    """Once, with the first paid second. Rate caps forbid it unless they say otherwise."""
    included_s: Annotated[int, Field(ge=0, le=86_400)] = 0
    """So many first seconds of a visit are in its price: only later ones are billed."""
    increment_s: Annotated[int, Field(ge=1, le=3600)] = 1
    """Time is billed in steps of so many seconds."""
    minimum_s: Annotated[int, Field(ge=0, le=3600)] = 0
    """A visit with any second to bill is billed for at least so many."""
    bands: Annotated[tuple[BandEntry, ...], Field(min_length=1)] | None = None
    """Other prices at other hours; every minute of the week is in exactly one."""
    free: FreeEntry | None = None
    privileged_free: bool = False
    """Whether privileged visits cost nothing."""
    facility_share: ShareEntry | None = None
    taxes: tuple[TaxEntry, ...] = ()
    rounding: RoundingDocument
    valid_from: Moment
    """The first instant; a date is its midnight on the facility's wall clock."""
    valid_to: Moment | None = None
    """Not included any more; left out: no end."""


class TariffDocument(ToldDocument):
    """One file."""

    tariffs: Annotated[tuple[TariffEntry, ...], Field(min_length=1)]


def tariff_of(entry: TariffEntry) -> Tariff:
    """The value of a sound entry."""
    share = entry.facility_share
    bands = tuple(_band(each, entry) for each in entry.bands or ())
    own = entry.per_minute
    dearest = max((each.per_minute.micros for each in bands), default=0)
    return Tariff(
        tariff_id=entry.id,
        version=entry.version,
        medium=entry.medium,
        per_minute=Money(dearest, entry.currency) if own is None else Money.parse(own, entry.currency),
        connection_fee=Money.parse(entry.connection_fee, entry.currency),
        increment_s=entry.increment_s,
        minimum_s=entry.minimum_s,
        rounding=Rounding(entry.rounding.mode, Money.parse(entry.rounding.to, entry.currency).micros),
        valid_from=entry.valid_from,
        valid_to=entry.valid_to,
        per_visit=_maybe(entry.per_visit, entry.currency),
        first_minute=_maybe(entry.first_minute, entry.currency),
        included_s=entry.included_s,
        facilities=frozenset(entry.facilities or ()),
        privileged_free=entry.privileged_free,
        free=FreeAllowance(entry.free.minutes * 60, entry.free.per) if entry.free else None,
        facility_share=(
            FacilityShare(share.label, Money.parse(share.per_minute, entry.currency), ppm_of(share.percent))
            if share
            else None
        ),
        taxes=tuple(Tax(each.label, ppm_of(each.percent)) for each in entry.taxes),
        bands=bands,
    )


def _maybe(text: str | None, currency: str) -> Money | None:
    return None if text is None else Money.parse(text, currency)


def _band(band: BandEntry, entry: TariffEntry) -> Band:
    per_minute = band.per_minute or entry.per_minute or "0"
    fee = band.connection_fee or entry.connection_fee
    return Band(
        name=band.name,
        week=_week(band.hours),
        per_minute=Money.parse(per_minute, entry.currency),
        connection_fee=Money.parse(fee, entry.currency),
        per_visit=_maybe(band.per_visit or entry.per_visit, entry.currency),
        first_minute=_maybe(band.first_minute or entry.first_minute, entry.currency),
    )


def _week(hours: Hours) -> Week:
    days: dict[str, list[Interval]] = {day: [] for day in WEEKDAYS}
    for key, texts in hours.items():
        for day in WEEKDAYS if key == "daily" else (key,):
            days[day] += [Interval.parse(each) for each in texts]
    return tuple(tuple(sorted(days[day])) for day in WEEKDAYS)


def unsound(entry: TariffEntry, source: Source, index: int) -> Iterator[Problem]:
    """What is wrong with one entry, beyond its shape."""
    here = ("tariffs", index)
    step = Decimal(entry.rounding.to)
    if step == 0:
        yield source.problem('must be above zero, such as "0.01"', *here, "rounding", "to")
    else:
        yield from _uneven(entry, step, source, index)
    if entry.valid_to is not None and rank(entry.valid_to) <= rank(entry.valid_from):
        yield source.problem("is not after valid_from", *here, "valid_to")
    if entry.per_minute is None and entry.per_visit is None and not entry.bands:
        yield source.problem('has no price; write per_minute: "0.10", per_visit: "2.50", or "0" for free', *here)
    share = entry.facility_share
    if share and not Decimal(share.per_minute) and not ppm_of(share.percent):
        yield source.problem('shares nothing; write per_minute: "0.02" or percent: "10"', *here, "facility_share")
    yield from _twice([each.label for each in entry.taxes], source, (*here, "taxes"), "label")
    if entry.bands:
        yield from _bad_bands(entry, source, index)


def _uneven(entry: TariffEntry, step: Decimal, source: Source, index: int) -> Iterator[Problem]:
    """Prices that are charged whole must be whole steps."""
    for field, text in _whole_prices(entry):
        if Decimal(text) % step:
            message = f"{text} is no multiple of the rounding step {entry.rounding.to}"
            yield source.problem(message, "tariffs", index, *field)


def _whole_prices(entry: TariffEntry) -> Iterator[tuple[tuple[str | int, ...], str]]:
    prices: list[tuple[tuple[str | int, ...], TariffEntry | BandEntry]] = [((), entry)]
    prices += [(("bands", position), band) for position, band in enumerate(entry.bands or ())]
    for where, each in prices:
        for name in ("connection_fee", "per_visit", "first_minute"):
            text = getattr(each, name)
            if text is not None:
                yield (*where, name), text


def _bad_bands(entry: TariffEntry, source: Source, index: int) -> Iterator[Problem]:
    """Every minute of the week belongs to exactly one band."""
    bands = entry.bands or ()
    here = ("tariffs", index, "bands")
    yield from _twice([each.name for each in bands], source, here, "name")
    taken: dict[str, list[tuple[Interval, str]]] = {day: [] for day in WEEKDAYS}
    sound = True
    for position, band in enumerate(bands):
        if band.per_minute is None and band.per_visit is None and entry.per_minute is None and entry.per_visit is None:
            yield source.problem('has no price; write per_minute: "0.10"', *here, position)
        for problem in _taken(band, position, taken, source, here):
            sound = False
            yield problem
    if sound:
        yield from _gaps(taken, source, here)


def _taken(
    band: BandEntry,
    position: int,
    taken: dict[str, list[tuple[Interval, str]]],
    source: Source,
    here: tuple[str | int, ...],
) -> Iterator[Problem]:
    """Notes the band's hours in `taken`, and yields those that are no hours or somebody else's."""
    for key, texts in band.hours.items():
        for number, text in enumerate(texts):
            place = (*here, position, "hours", key, number)
            try:
                interval = Interval.parse(text)
            except ValueError as error:
                yield source.problem(str(error), *place)
                continue
            for day in WEEKDAYS if key == "daily" else (key,):
                clash = next((name for other, name in taken[day] if overlaps([other, interval])), None)
                if clash is not None:
                    yield source.problem(f"overlaps hours of band {clash!r} on {day}; part them", *place)
                    break
                taken[day].append((interval, band.name))


def _gaps(
    taken: dict[str, list[tuple[Interval, str]]], source: Source, here: tuple[str | int, ...]
) -> Iterator[Problem]:
    missing: dict[str, list[str]] = {}
    for day in WEEKDAYS:
        begin = 0
        for interval, _ in sorted(taken[day]):
            if interval.start_min > begin:
                missing.setdefault(str(Interval(begin, interval.start_min)), []).append(day)
            begin = interval.end_min
        if begin < MINUTES_PER_DAY:
            missing.setdefault(str(Interval(begin, MINUTES_PER_DAY)), []).append(day)
    for hours, days in missing.items():
        which = "daily" if len(days) == len(WEEKDAYS) else ", ".join(days)
        yield source.problem(f"no band has {hours} ({which}); give these hours to one", *here)


def _twice(values: list[str], source: Source, here: tuple[str | int, ...], field: str) -> Iterator[Problem]:
    for position, value in enumerate(values):
        if value in values[:position]:
            yield source.problem(f"{value!r} stands above already", *here, position, field)
