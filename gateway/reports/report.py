"""What a tally says, as tables: values with their units, for a page, a CSV or JSON to show as each can. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from gateway.money import Money
from gateway.reports.period import Period
from gateway.reports.tally import FREEZE_EDGES, LOSS_EDGES, MOS_STEP, Sums, Tally
from gateway.reports.words import Words

_ORDER = ("revenue", "facility_share", "tax", "credit")
Cell = str | int | Money | None
Row = tuple[Cell, ...]


class Unit(StrEnum):
    """Of a column."""

    TEXT = "text"  # as it is
    WORD = "word"  # a closed word: `Column.words` is where its meaning stands
    DAY = "day"  # an ISO date
    COUNT = "count"
    SECONDS = "seconds"
    PERMILLE = "permille"
    MONEY = "money"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    unit: Unit = Unit.COUNT
    words: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """keys: how many of the columns name a row; the others are its figures."""

    name: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    keys: int = 1


class Kind(StrEnum):
    FACILITY = "facility"
    CARRIER = "carrier"


@dataclass(frozen=True, slots=True)
class Report:
    """subject: the facility, or the trunk, or empty for all trunks."""

    kind: Kind
    subject: str
    period: Period
    made_at: datetime
    tally: Tally

    def tables(self) -> tuple[Table, ...]:
        tally = self.tally
        found = [summary(tally), money(tally), refusals(tally), reasons(tally), _groups("media", "medium", tally.media)]
        if self.kind is Kind.CARRIER:
            found.append(_groups("facilities", "facility", tally.facilities))
        found += [_groups("trunks", "trunk", tally.trunks), _groups("out_trunks", "trunk", tally.out_trunks)]
        found += [*distributions(tally), paths(tally), days(tally)]
        return (*found, hours(tally))


def summary(tally: Tally) -> Table:
    """One figure a row: seconds, counts or money, each with its own unit in the name of its column."""
    every = tally.all
    columns = (
        Column("attempts"),
        Column("visits"),
        Column("answered", Unit.PERMILLE),
        Column("used", Unit.SECONDS),
        Column("unusable", Unit.SECONDS),
        Column("mean", Unit.SECONDS),
        Column("corrected"),
    )
    row = (
        every.attempts,
        every.answered,
        _permille(every.answered, every.attempts),
        every.used_s,
        every.unusable_s,
        _mean(every),
        tally.corrected,
    )
    return Table("summary", columns, (row,), keys=0)


def money(tally: Tally) -> Table:
    """What visits were charged, by what it is for; `total` is the sum of the lines before it."""
    rows: list[tuple[Cell, ...]] = []
    for currency in tally.currencies:
        split = tally.split(currency)
        for part, micros in sorted(split.items(), key=lambda each: (_ORDER.index(each[0].partition(":")[0]), each)):
            kind, _, label = part.partition(":")
            rows.append((kind, label, Money(micros, currency)))
        rows.append(("total", "", Money(sum(split.values()), currency)))
    columns = (Column("part", Unit.WORD, "part"), Column("label", Unit.TEXT), Column("amount", Unit.MONEY))
    return Table("money", columns, tuple(rows), keys=2)


def refusals(tally: Tally) -> Table:
    return _counted("refusals", Column("rule", Unit.WORD, "rule"), tally.refusals)


def reasons(tally: Tally) -> Table:
    """Of everything that was not refused; the refused are one line."""
    found = tally.reasons.copy()
    if tally.refusals:
        found["refused"] = tally.refusals.total()
    return _counted("reasons", Column("reason", Unit.WORD, "ended"), found)


def _counted(name: str, column: Column, counter: Counter[str]) -> Table:
    rows = tuple((word, count) for word, count in sorted(counter.items(), key=lambda each: (-each[1], each[0])))
    return Table(name, (column, Column("count")), rows)


def days(tally: Tally) -> Table:
    columns = (
        Column("day", Unit.DAY),
        Column("attempts"),
        Column("visits"),
        Column("seconds", Unit.SECONDS),
        Column("charged", Unit.MONEY),
    )
    rows = (
        row
        for day, each in tally.days.items()
        for row in _by_currency((day.isoformat(), each.attempts, each.answered, each.used_s), each.totals)
    )
    return Table("days", columns, tuple(rows))


def hours(tally: Tally) -> Table:
    """Monday is 1. Only hours in which somebody visited."""
    rows = tuple(
        (weekday + 1, hour, count)
        for weekday, row in enumerate(tally.by_hour)
        for hour, count in enumerate(row)
        if count
    )
    return Table("hours", (Column("weekday"), Column("hour"), Column("visits")), rows, keys=2)


def _groups(name: str, key: str, groups: dict[str, Sums]) -> Table:
    """Busiest first."""
    columns = (
        Column(key, Unit.WORD, "media") if key == "medium" else Column(key, Unit.TEXT),
        Column("attempts"),
        Column("visits"),
        Column("answered", Unit.PERMILLE),
        Column("seconds", Unit.SECONDS),
        Column("mean", Unit.SECONDS),
        Column("charged", Unit.MONEY),
        Column("share", Unit.MONEY),
    )
    rows = (
        row
        for group, each in sorted(groups.items(), key=lambda item: (-item[1].used_s, -item[1].attempts, item[0]))
        for row in _by_currency(
            (
                group,
                each.attempts,
                each.answered,
                _permille(each.answered, each.attempts),
                each.used_s,
                _mean(each),
            ),
            each.totals,
            each.shares,
        )
    )
    return Table(name, columns, tuple(rows))


def paths(tally: Tally) -> Table:
    columns = (
        Column("kind", Unit.WORD, "kind"),
        Column("from", Unit.WORD, "source"),
        Column("path", Unit.WORD, "path"),
        Column("codec_in", Unit.TEXT),
        Column("codec_out", Unit.TEXT),
        Column("count"),
    )
    rows = sorted(tally.paths.items(), key=lambda each: (-each[1], each[0]))
    return Table("paths", columns, tuple((*key, count) for key, count in rows), keys=5)


def distributions(tally: Tally) -> tuple[Table, ...]:
    """mos: of each direction of sound; loss: of each stream; freeze: of each visit, its longest-frozen stream."""
    mos = range(min(tally.mos, default=100), max(tally.mos, default=75) + MOS_STEP, MOS_STEP)
    column = Column("range", Unit.TEXT)
    return tuple(
        Table(name, (column, Column("count")), tuple(rows))
        for name, rows in (
            ("mos", [(f"{each / 100:.2f}–{(each + MOS_STEP) / 100:.2f}", tally.mos[each]) for each in mos]),  # noqa: RUF001 - a dash between figures
            ("loss", _ranges(LOSS_EDGES, tally.loss, 10, " %")),
            ("freeze", _ranges(FREEZE_EDGES, tally.freeze, 1000, " s")),
        )
    )


def _ranges(edges: tuple[int, ...], counter: Counter[int], per_unit: int, unit: str) -> Iterable[tuple[str, int]]:
    """`0 %`, `≤ 0.5 %`, ..., `> 10 %`: each range begins above the one before."""
    if not counter:
        return
    for place, edge in enumerate(edges):
        yield f"{'≤ ' if edge else ''}{edge / per_unit:g}{unit}", counter[place]
    yield f"> {edges[-1] / per_unit:g}{unit}", counter[len(edges)]


def _by_currency(counts: Row, *amounts: Counter[str]) -> Iterable[Row]:
    """A row for each currency. The counts stand in the first alone, so that a column can be added up.

    counts: the row's name, then its figures. amounts: the columns of money behind them, micro-units by currency.
    """
    if not amounts[0]:
        yield (*counts, *(None for _ in amounts))
    for place, currency in enumerate(sorted(amounts[0])):
        told = counts if place == 0 else (counts[0], *(None for _ in counts[1:]))
        yield (*told, *(Money(each[currency], currency) for each in amounts))


def _permille(part: int, whole: int) -> int:
    return (1000 * part + whole // 2) // whole if whole else 0


def _mean(sums: Sums) -> int:
    return sums.used_s // sums.answered if sums.answered else 0


def shown(w: Words, column: Column, cell: Cell) -> str:
    """A cell as a person reads it."""
    if cell is None:
        return ""
    if isinstance(cell, Money):
        return w.money(cell)
    if isinstance(cell, str):
        return w.say(f"{column.words}.{cell}") if column.unit is Unit.WORD else cell
    if column.unit is Unit.SECONDS:
        return w.span(cell)
    if column.unit is Unit.PERMILLE:
        return f"{cell / 10:.1f} %"
    return w.count(cell)
