"""Fields that tariffs and rate caps write alike: amounts, percentages, instants, labels."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema

from gateway.documents import Document
from gateway.money import Money

ANY_CURRENCY = "XXX"  # ISO 4217: no currency; here only to check that an amount is one
_PPM_PER_PERCENT = 10_000
_DEAREST_MICROS = 10**9 * 10**6  # a thousand million a minute: 24 hours, share and taxes are within 64 bits
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


def _exact(value: Any) -> Any:
    """YAML reads 0.16 as a binary float, which is not 0.16; as text every digit is what was written."""
    if isinstance(value, float):
        raise ValueError(f'write the amount as text, "{value}", so that not a digit is lost')  # noqa: TRY004 - pydantic turns only ValueError into a problem
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value


def _amount(text: str) -> str:
    micros = Money.parse(text, ANY_CURRENCY).micros
    if micros < 0:
        raise ValueError(f"{text} is negative; a tariff gives no money away")
    if micros > _DEAREST_MICROS:
        raise ValueError(f"{text} is too dear for a price; a day of it must fit the database's integers")
    return text


def _percent(text: str) -> str:
    ppm_of(text)
    return text


def ppm_of(percent: str) -> int:
    """Parts per million of a percentage in decimal text. Raises ValueError."""
    try:
        ppm = Decimal(percent) * _PPM_PER_PERCENT
    except InvalidOperation:
        ppm = Decimal("NaN")
    if not ppm.is_finite() or not 0 <= ppm <= 100 * _PPM_PER_PERCENT or ppm != ppm.to_integral_value():
        raise ValueError(f'{percent!r} is no percentage from 0 to 100 with at most four decimals, such as "6.25"')
    return int(ppm)


def percent_of(ppm: int) -> str:
    """The inverse of `ppm_of`: `6.25`."""
    return f"{Decimal(ppm) / _PPM_PER_PERCENT:f}"


def _moment(value: Any) -> Any:
    """A plain date means its midnight on the facility's wall clock: a datetime without a zone (see moments)."""
    if isinstance(value, str):
        try:
            value = date.fromisoformat(value) if _DATE.fullmatch(value) else datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"{value!r} is no time; write 2026-01-01, or an instant: 2026-01-01T05:00:00Z") from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("has no zone; write 2026-01-01T00:00:00Z, or the date alone for its midnight on the wall")
        return value.astimezone(UTC)
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day)  # noqa: DTZ001 - the wall clock itself
    return value


class ToldDocument(Document):
    """A document whose JSON Schema says of each field what stands under it, for editors."""

    model_config = ConfigDict(use_attribute_docstrings=True)


Amount = Annotated[str, BeforeValidator(_exact), AfterValidator(_amount)]
Percent = Annotated[str, BeforeValidator(_exact), AfterValidator(_percent)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "date"}, {"format": "date-time"}]}),
]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
DocumentId = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
Label = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 .,()/&'-]{0,59}$")]  # no colon: it names accounts
