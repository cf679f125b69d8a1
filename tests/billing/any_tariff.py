"""Tariff documents of every shape, as hypothesis draws them, and what they load as."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hypothesis import strategies as st

from gateway.billing.rating import Cap, RoundingMode, Tariff, agreed
from gateway.billing.tariff_document import TariffDocument, tariff_of, unsound
from gateway.documents import parse_document
from gateway.money import Money
from gateway.policy.decision import Medium

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_LABELS = ("County commission", "State sales tax", "Universal service")
_STEPS = (1, 100, 5_000, 10_000, 50_000, 1_000_000)


def amounts(most: int, step: int = 1) -> st.SearchStrategy[str]:
    return st.integers(0, most // step).map(lambda units: Money(units * step, "USD").amount)


def percents() -> st.SearchStrategy[str]:
    return st.integers(0, 300_000).map(lambda ppm: f"{ppm // 10_000}.{ppm % 10_000:04d}")


@st.composite
def prices(draw: st.DrawFn, step: int) -> dict[str, Any]:
    whole = amounts(5_000_000, step)
    return {
        "per_minute": draw(amounts(1_000_000)),
        **draw(
            st.fixed_dictionaries({}, optional=dict.fromkeys(("per_visit", "first_minute", "connection_fee"), whole))
        ),
    }


@st.composite
def weeks(draw: st.DrawFn, step: int) -> list[dict[str, Any]]:
    """Two bands that share every day of the week at some minute of it."""
    minutes = [draw(st.integers(1, 24 * 60 - 1)) for _ in DAYS]
    clock = [f"{each // 60:02d}:{each % 60:02d}" for each in minutes]
    first = {day: [f"00:00-{text}"] for day, text in zip(DAYS, clock, strict=True)}
    second = {day: [f"{text}-24:00"] for day, text in zip(DAYS, clock, strict=True)}
    return [
        {"name": "early", "hours": first, **draw(prices(step))},
        {"name": "late", "hours": second, **draw(prices(step))},
    ]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """One tariff file with one tariff, as JSON, which is YAML too."""
    step = draw(st.sampled_from(_STEPS))
    entry = {
        "id": "any",
        "version": draw(st.integers(1, 99)),
        "currency": "USD",
        "medium": draw(st.sampled_from(Medium)),
        **draw(prices(step)),
        "included_s": draw(st.sampled_from([0, 0, 1, 300, 1200])),
        "increment_s": draw(st.sampled_from([1, 6, 7, 15, 30, 60])),
        "minimum_s": draw(st.sampled_from([0, 1, 20, 60, 61, 180])),
        "rounding": {"mode": draw(st.sampled_from(RoundingMode)), "to": Money(step, "USD").amount},
        "privileged_free": draw(st.booleans()),
        "valid_from": "2026-01-01T00:00:00Z",
    }
    if draw(st.booleans()):
        share = {"label": _LABELS[0], "per_minute": draw(amounts(200_000)), "percent": draw(percents())}
        if float(share["per_minute"]) or float(share["percent"]):
            entry["facility_share"] = share
    taxed = draw(st.lists(st.sampled_from(_LABELS[1:]), unique=True))
    entry["taxes"] = [{"label": label, "percent": draw(percents())} for label in taxed]
    if draw(st.booleans()):
        entry["free"] = {"minutes": draw(st.integers(1, 600)), "per": draw(st.sampled_from(["day", "week", "month"]))}
    if draw(st.booleans()):
        entry["bands"] = draw(weeks(step))
    if draw(st.booleans()):
        entry["facilities"] = ["north"]
    return json.dumps({"tariffs": [entry]})


def loaded(document: str) -> Tariff:
    parsed, source = parse_document(document, "any.yaml", TariffDocument)
    assert list(unsound(parsed.tariffs[0], source, 0)) == []
    return tariff_of(parsed.tariffs[0])


@st.composite
def agreed_tariffs(draw: st.DrawFn, *, capped: bool | None = None) -> Tariff:
    """A tariff as it is agreed with a visit: a band chosen, mostly a cap."""
    tariff = loaded(draw(documents()))
    local = draw(st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)))  # noqa: DTZ001 - the wall clock itself
    cap = Cap("land/2026-04-06/small-jail/audio", "small-jail", Money(draw(st.integers(1, 500_000)), "USD"))
    bound = draw(st.sampled_from([True, True, False])) if capped is None else capped
    return agreed(tariff, local, cap if bound else None)
