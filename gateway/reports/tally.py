"""Adds records up as they stream by: what it keeps grows with days, trunks and words, never with records. Pure.

It takes a record as JSON values, the latest of its visit. Amounts are whole micro-units throughout. Words that come
from outside (codecs, trunks, facilities) are counted by name up to a bound and then as `other`, so that nobody fills
the memory with names.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from gateway.money import Money
from gateway.reports.period import Period, zone_of

MOST_NAMES = 200
OTHER = "other"
REFUSED = "refused_"
MOS_STEP = 25  # hundredths
LOSS_EDGES = (0, 5, 10, 20, 50, 100)  # up to so many thousandths of what was sent; beyond them one more range
FREEZE_EDGES = (0, 1000, 5000, 15_000, 30_000, 60_000)  # up to so many milliseconds of a visit; likewise


@dataclass(slots=True)
class Sums:
    """Of some visits: attempts, of which `answered` were accepted; seconds; micro-units by currency, taxes in them.

    shares: of them, what is the facilities'.
    """

    attempts: int = 0
    answered: int = 0
    duration_s: int = 0
    used_s: int = 0
    unusable_s: int = 0
    totals: Counter[str] = field(default_factory=Counter)
    shares: Counter[str] = field(default_factory=Counter)

    def add(self, record: Mapping[str, Any], micros: int, share: int) -> None:
        self.attempts += 1
        self.answered += record["answer_at"] is not None
        self.duration_s += record["duration_ms"] // 1000
        self.used_s += record["billable_s"]
        self.unusable_s += record["unusable_s"]
        if micros:
            self.totals[record["currency"]] += micros
        if share:
            self.shares[record["currency"]] += share


class Tally:
    """One period. `by_hour`: [weekday from Monday][hour], answered visits by the facility's wall clock."""

    def __init__(self, period: Period) -> None:
        self.period = period
        self.all = Sums()
        self.days: dict[date, Sums] = {each: Sums() for each in period.days}
        self.by_hour = [[0] * 24 for _ in range(7)]
        self.refusals: Counter[str] = Counter()
        self.reasons: Counter[str] = Counter()
        self.money: dict[tuple[str, str, str], int] = {}  # currency, kind of line, label
        self.trunks: dict[str, Sums] = {}
        self.out_trunks: dict[str, Sums] = {}  # by which families' telephones were called
        self.facilities: dict[str, Sums] = {}
        self.media: dict[str, Sums] = {}
        self.paths: Counter[tuple[str, str, str, str, str]] = Counter()  # kind, from, path, codec in, codec out
        self.mos: Counter[int] = Counter()  # by the lower edge, in hundredths; of sound, each direction
        self.loss: Counter[int] = Counter()  # by the place of the range; of each direction and kind
        self.freeze: Counter[int] = Counter()  # by the place of the range; of each answered visit
        self.corrected = 0
        self._zones: dict[str, ZoneInfo] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        micros = Money.parse(record["total"], record["currency"]).micros
        share = self._lines(record)
        for sums in (
            self.all,
            _named(self.trunks, record["trunk"]),
            _named(self.facilities, record["facility"]),
            _named(self.media, record["medium"]),
        ):
            sums.add(record, micros, share)
        if out := record.get("out_trunk"):
            _named(self.out_trunks, out).add(record, micros, share)
        day = self.days.get(_local(record["end_at"], self.period.zone).date())
        if day is not None:
            day.add(record, micros, share)
        self.corrected += bool(record["corrects"])
        self._outcome(record)
        if record["answer_at"] is not None:
            self._answered(record)

    def _outcome(self, record: Mapping[str, Any]) -> None:
        reason = record["reason"]
        if reason.startswith(REFUSED):
            self.refusals[reason.removeprefix(REFUSED)] += 1
        else:
            self.reasons[reason] += 1

    def _lines(self, record: Mapping[str, Any]) -> int:
        """Micro-units of the facility's share."""
        currency = record["currency"]
        share = 0
        for line in record["lines"]:
            label = line.get("label", "") if line["kind"] in ("tax", "facility_share") else ""
            key = (currency, line["kind"], label)
            if key not in self.money and len(self.money) >= MOST_NAMES:
                key = (currency, line["kind"], OTHER)
            micros = Money.parse(line["amount"], currency).micros
            self.money[key] = self.money.get(key, 0) + micros
            share += micros if line["kind"] == "facility_share" else 0
        return share

    def _answered(self, record: Mapping[str, Any]) -> None:
        wall = _local(record["answer_at"], self._zone(record["timezone"]))
        self.by_hour[wall.weekday()][wall.hour] += 1
        frozen_ms = 0
        for flow in record["flows"]:
            frozen_ms = max(frozen_ms, flow.get("frozen_ms", 0))
            self._flow(flow)
        self.freeze[bisect_left(FREEZE_EDGES, frozen_ms)] += 1

    def _flow(self, flow: Mapping[str, Any]) -> None:
        mos = flow.get("mos_hundredths", 0)
        if mos:
            self.mos[mos // MOS_STEP * MOS_STEP] += 1
        sent = flow["packets"] + flow["lost"]
        if sent > 0:
            self.loss[bisect_left(LOSS_EDGES, -(-1000 * flow["lost"] // sent))] += 1
        key = (flow["kind"], flow["source"], flow["path"], flow["source_codec"], flow["target_codec"])
        if key not in self.paths and len(self.paths) >= MOST_NAMES:
            key = (flow["kind"], flow["source"], flow["path"], OTHER, OTHER)
        self.paths[key] += 1

    def _zone(self, name: str) -> ZoneInfo:
        found = self._zones.get(name)
        if found is None:
            found = self._zones[name] = zone_of(name or "UTC")
        return found

    @property
    def currencies(self) -> tuple[str, ...]:
        """Those in which anything was charged."""
        return tuple(sorted({currency for currency, _, _ in self.money}))

    def split(self, currency: str) -> dict[str, int]:
        """Micro-units by what they are, credits below zero: they add up to the total of the records."""
        found: dict[str, int] = {}
        for (of, kind, label), micros in sorted(self.money.items()):
            if of == currency:
                part = f"tax:{label}" if kind == "tax" else kind if kind in ("facility_share", "credit") else "revenue"
                found[part] = found.get(part, 0) + micros
        return found


def _named(sums: dict[str, Sums], name: str) -> Sums:
    if name not in sums and len(sums) >= MOST_NAMES:
        name = OTHER
    return sums.setdefault(name, Sums())


def _local(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).astimezone(zone)
