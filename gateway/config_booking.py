"""The configuration's `booking:`: where visits can be booked, and by which rules; docs/scheduled-visits.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator

from gateway.documents import Document, Problem, Source
from gateway.money import Money


class BookingFacilityConfig(Document):
    """One facility of the dialplan, whose stations are listed there.

    fee: decimal text. rules: the version of the house rules that are to be accepted; empty: none.
    approval: staff say yes to what families ask for. call_station false: it calls us at the time by itself.
    The other fields: gateway.booking.BookingRules.
    """

    facility: Annotated[str, Field(min_length=1, max_length=200)]
    slot_minutes: Annotated[int, Field(ge=5, le=240)] = 30
    ahead_days: Annotated[int, Field(ge=1, le=90)] = 14
    notice_minutes: Annotated[int, Field(ge=0, le=14 * 24 * 60)] = 120
    approval: bool = False
    rules: Annotated[str, Field(max_length=60)] = ""
    remind_minutes: Annotated[int, Field(ge=0, le=14 * 24 * 60)] = 60
    fee: str = "0"
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "USD"
    free_until_hours: Annotated[float, Field(ge=0, le=14 * 24)] = 24.0
    late_refund_percent: Annotated[int, Field(ge=0, le=100)] = 0
    no_show_percent: Annotated[int, Field(ge=0, le=100)] = 100
    medium: Literal["audio", "video"] = "video"
    call_station: bool = True

    @field_validator("fee")
    @classmethod
    def _amount(cls, fee: str) -> str:
        Money.parse(fee, "USD")
        if Decimal(fee) < 0:
            raise ValueError("a fee is not negative; write 0 for none")
        return fee


class BookingConfig(Document):
    """No facilities: nothing can be booked."""

    facilities: tuple[BookingFacilityConfig, ...] = ()

    def problems(self, source: Source) -> list[Problem]:
        names = [each.facility for each in self.facilities]
        return [
            source.problem(f"the facility {name!r} stands above", "booking", "facilities", index, "facility")
            for index, name in enumerate(names)
            if name in names[:index]
        ]
