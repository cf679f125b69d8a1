"""What a carrier's columns mean beside a record's fields, and how far two figures may be apart: a YAML document.

    key: {ours: sip_call_id, theirs: Call-ID}
    compare:
      - {ours: duration_s, theirs: billsec, tolerance: "2"}
      - {ours: answer_at, theirs: answer, format: "%Y-%m-%d %H:%M:%S", timezone: America/Chicago, tolerance: "3"}
      - {ours: total, theirs: charge, tolerance: "0.01"}
    near: {number: dst, time: answer, ours: answer_at, window_s: "5"}    # for what no key finds
    numbers: {last_digits: 10}
    only: {disposition: [ANSWERED]}

Numbers and times become whole micro-units and microseconds, so that nothing is compared in floating point.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from gateway.billing.document_fields import Amount
from gateway.documents import Document, load_document

DIGITS = 6
MICRO = Decimal(10**DIGITS)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
Compared = Literal["duration_s", "billable_s", "total", "setup_at", "answer_at", "end_at", "dialled"]
Value = int | str | None


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}; write an IANA name such as America/Chicago") from None
    return name


class KeyEntry(Document):
    """What names a call on both sides."""

    ours: Literal["sip_call_id", "out_sip_call_id", "visit_id", "cdr_id"] = "sip_call_id"
    theirs: Annotated[str, Field(min_length=1)]


class CompareEntry(Document):
    """tolerance: seconds, or units of the currency. format: of a time, as in strptime; empty: ISO 8601.

    timezone: of times that name none. unit: of a duration in their column.
    """

    ours: Compared
    theirs: Annotated[str, Field(min_length=1)]
    tolerance: Amount = "0"
    unit: Literal["s", "ms", "min", "h:m:s"] = "s"
    format: str = ""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"


class NearEntry(Document):
    """For what no key finds: the same number dialled, at about the same time. number, time: columns of theirs."""

    number: Annotated[str, Field(min_length=1)]
    time: Annotated[str, Field(min_length=1)]
    ours: Literal["setup_at", "answer_at", "end_at"] = "answer_at"
    window_s: Amount = "5"
    format: str = ""
    timezone: Annotated[str, AfterValidator(_zone)] = "UTC"


class NumbersEntry(Document):
    """Both sides' numbers are cut to their last digits: `+1 (555) 236-8001`, `0015552368001`, `sip:5552368001@x`."""

    last_digits: Annotated[int, Field(ge=4, le=20)]


class MappingDocument(Document):
    """key, near: one of them, or both. only: rows of theirs that count, by column and values.

    answered: of ours, only visits that were answered.
    """

    key: KeyEntry | None = None
    near: NearEntry | None = None
    numbers: NumbersEntry | None = None
    compare: Annotated[tuple[CompareEntry, ...], Field(min_length=1)]
    only: Annotated[dict[str, tuple[str, ...]], Field(default_factory=dict)]
    answered: bool = True
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Literal["utf-8", "utf-8-sig", "latin-1", "cp1252"] = "utf-8-sig"

    @model_validator(mode="after")
    def _finds_something(self) -> MappingDocument:
        if self.key is None and self.near is None:
            raise ValueError("give key, near or both: nothing says which row is which visit")
        return self


@dataclass(frozen=True, slots=True)
class Column:
    """One comparison. source: field of our record; ours, theirs: make a value of what stands there, micro-units and
    microseconds; theirs raises ValueError for what is none. tolerance: as they are.
    """

    name: str
    header: str
    source: str
    ours: Callable[[Any], Value] | None
    theirs: Callable[[str], Value]
    tolerance: int

    @property
    def adds_up(self) -> bool:
        """Times and numbers dialled do not."""
        return not self.name.endswith("_at") and self.name != "dialled"


@dataclass(frozen=True, slots=True)
class Nearness:
    """number: makes two writings of a number one. source: our time; theirs: reads theirs. window: microseconds."""

    number: Callable[[str], str]
    source: str
    theirs: Callable[[str], int]
    window: int


def load_mapping(path: Path) -> MappingDocument:
    """Raises DocumentError."""
    return load_document(path, MappingDocument)


def columns_of(mapping: MappingDocument) -> tuple[Column, ...]:
    number = _number_reader(mapping.numbers)
    return tuple(_column(each, number) for each in mapping.compare)


def nearness(mapping: MappingDocument) -> Nearness | None:
    near = mapping.near
    if near is None:
        return None
    return Nearness(
        _number_reader(mapping.numbers),
        near.ours,
        _time_reader(near.format, near.timezone),
        micros(near.window_s),
    )


def _column(entry: CompareEntry, number: Callable[[str], str]) -> Column:
    name = entry.ours
    tolerance = micros(entry.tolerance)
    if name == "dialled":
        return Column(name, entry.theirs, name, number, number, 0)
    if name.endswith("_at"):
        return Column(name, entry.theirs, name, None, _time_reader(entry.format, entry.timezone), tolerance)
    if name == "total":
        return Column(name, entry.theirs, name, None, micros, tolerance)
    source, unit = ("duration_ms", 1000) if name == "duration_s" else (name, 1_000_000)
    return Column(name, entry.theirs, source, lambda figure: figure * unit, _DURATIONS[entry.unit], tolerance)


def _number_reader(entry: NumbersEntry | None) -> Callable[[str], str]:
    if entry is None:
        return str.strip
    last = entry.last_digits

    def cut(text: str) -> str:
        user = _SCHEME.sub("", text.strip()).partition("@")[0].partition(";")[0]
        return "".join(each for each in user if "0" <= each <= "9")[-last:]

    return cut


def _clock_time(text: str) -> int:
    """`1:02:05`, `02:05` or `5`: microseconds."""
    seconds = 0
    for part in text.strip().split(":"):
        seconds = seconds * 60 + micros(part)
    return seconds


def micros(text: str) -> int:
    """Raises ValueError for what is no number, or finer than a millionth."""
    whole, _, rest = text.partition(".")
    if text.isascii() and whole.isdigit() and (rest.isdigit() or not rest) and len(rest) <= DIGITS:
        return int(whole + rest.ljust(DIGITS, "0"))  # nearly all of them, at a third of the time
    try:
        scaled = Decimal(text.strip()) * MICRO
    except InvalidOperation:
        scaled = Decimal("NaN")
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise ValueError(f"{text!r} is no number")
    return int(scaled)


_SCHEME = re.compile(r"^(sips?|tel):", re.IGNORECASE)
_DURATIONS: dict[str, Callable[[str], int]] = {
    "s": micros,
    "ms": lambda text: micros(text) // 1000,
    "min": lambda text: micros(text) * 60,
    "h:m:s": _clock_time,
}


def _time_reader(form: str, timezone: str) -> Callable[[str], int]:
    zone = ZoneInfo(timezone)

    def read(text: str) -> int:
        at = datetime.strptime(text, form) if form else datetime.fromisoformat(text)  # noqa: DTZ007 - the zone follows
        return _microseconds(at if at.tzinfo else at.replace(tzinfo=zone))

    return read


def _microseconds(at: datetime) -> int:
    return (at - EPOCH) // MICROSECOND


def shown(value: Value, name: str) -> str:
    """A value as people write it."""
    if value is None or isinstance(value, str):
        return value or ""
    if name.endswith("_at"):
        at = datetime.fromtimestamp(value // 1_000_000, UTC)
        return f"{at:%Y-%m-%dT%H:%M:%S}.{value % 1_000_000 // 1000:03d}Z"
    return f"{Decimal(value) / MICRO:f}"
