"""What was agreed with a visit, as JSON: kept with the visit, so that it is what is charged, whatever changes later."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gateway.billing.document_fields import Amount, percent_of
from gateway.billing.moments import told
from gateway.billing.rating import Band, Cap, Tariff
from gateway.billing.tariff_document import TariffEntry, tariff_of
from gateway.documents import Document
from gateway.errors import BillingError
from gateway.money import Money
from gateway.policy.schedule import WEEKDAYS

_TEXTS_REMEMBERED = 512  # visits of one tariff, band and cap have the same text


class FrozenCap(Document):
    id: str
    tier: str
    per_minute: Amount


class FrozenTariff(TariffEntry):
    """An entry as it was agreed: with one band chosen and the cap that binds. Older texts have fewer keys."""

    band: str = ""
    cap: FrozenCap | None = None


def freeze(tariff: Tariff) -> str:
    """The inverse of `thaw`. What says nothing is left out: a plain tariff has the text it always had."""
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
            "valid_from": _moment(tariff.valid_from),
            "valid_to": None if tariff.valid_to is None else _moment(tariff.valid_to),
            **_beyond(tariff),
        }
    )


def _moment(moment: datetime) -> str:
    return moment.isoformat() if moment.tzinfo else told(moment)


def _beyond(tariff: Tariff) -> dict[str, Any]:
    share, free, cap = tariff.facility_share, tariff.free, tariff.cap
    values = {
        "per_visit": tariff.per_visit.amount if tariff.per_visit else None,
        "first_minute": tariff.first_minute.amount if tariff.first_minute else None,
        "included_s": tariff.included_s,
        "facilities": sorted(tariff.facilities),
        "privileged_free": tariff.privileged_free,
        "free": {"minutes": free.seconds // 60, "per": free.period} if free else None,
        "facility_share": (
            {"label": share.label, "per_minute": share.per_minute.amount, "percent": percent_of(share.ppm)}
            if share
            else None
        ),
        "taxes": [{"label": each.label, "percent": percent_of(each.ppm)} for each in tariff.taxes],
        "bands": [_frozen_band(each) for each in tariff.bands],
        "band": tariff.band,
        "cap": {"id": cap.cap_id, "tier": cap.tier, "per_minute": cap.per_minute.amount} if cap else None,
    }
    return {name: value for name, value in values.items() if value}


def _frozen_band(band: Band) -> dict[str, Any]:
    values = {
        "name": band.name,
        "hours": {day: [str(each) for each in band.week[number]] for number, day in enumerate(WEEKDAYS)},
        "per_minute": band.per_minute.amount,
        "connection_fee": band.connection_fee.amount,
        "per_visit": band.per_visit.amount if band.per_visit else None,
        "first_minute": band.first_minute.amount if band.first_minute else None,
    }
    return {name: value for name, value in values.items() if value is not None}


@functools.lru_cache(_TEXTS_REMEMBERED)
def thaw(text: str) -> Tariff:
    """The inverse of `freeze`. Raises BillingError for a text that is no tariff."""
    try:
        frozen = FrozenTariff.model_validate_json(text)
    except ValidationError as error:
        raise BillingError(
            f"the tariff kept with a visit cannot be read: {error.error_count()} fields are wrong"
        ) from None
    cap = frozen.cap
    found = Cap(cap.id, cap.tier, Money.parse(cap.per_minute, frozen.currency)) if cap else None
    return replace(tariff_of(frozen), band=frozen.band, cap=found)
