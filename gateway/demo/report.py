"""What the demonstration proves: each visit's figures, and what of them is not as it should be."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from gateway.billing.cdr import Cdr
from gateway.demo.facility import Pair, Price
from gateway.demo.peer import Event, Seen
from gateway.money import Money

_SHARE = 0.6  # of what the other side sent must have been decoded; the rest is start-up and a busy machine
_AUDIBLE = 1000.0  # RMS: far above silence and coding noise
_CLOCK_SLACK_S = 2.0


@dataclass(slots=True)
class Course:
    """One visit as its two people told it: the first event of each kind, and what each saw of the other."""

    pair: Pair
    terminal: dict[str, Event] = field(default_factory=dict)
    family: dict[str, Event] = field(default_factory=dict)

    @property
    def over(self) -> bool:
        return "gone" in self.terminal and "gone" in self.family

    def after_ms(self, event: Event | None) -> int | None:
        """Since the INVITE."""
        start = self.terminal.get("calling")
        return None if start is None or event is None else round((event.at_s - start.at_s) * 1000)

    def seen_by(self, side: dict[str, Event]) -> Seen:
        return side["seen"].seen if "seen" in side else Seen()


@dataclass(frozen=True, slots=True)
class VisitReport:
    """One visit in figures.

    setup_ms: INVITE to answer. first_frame_ms: INVITE to the family's first decoded picture. paths: by kind and side.
    """

    station: str
    contact: str
    reason: str
    setup_ms: int | None
    first_frame_ms: int | None
    frames_decoded_by_family: int
    frames_decoded_by_terminal: int
    paths: dict[str, str]
    billable_s: int
    charged: str
    expected_charge: str
    currency: str
    problems: tuple[str, ...]


def report_visit(course: Course, cdr: Cdr | None, price: Price, seconds: int, path: str) -> VisitReport:
    """path: `relay` or `transcode`, what every direction should have gone."""
    charged = cdr.charged if cdr else Money(0, price.currency)
    billable_s = cdr.billable_s if cdr else 0
    return VisitReport(
        station=course.pair.station,
        contact=course.pair.contact,
        reason=cdr.reason if cdr else "",
        setup_ms=course.after_ms(course.terminal.get("answered")),
        first_frame_ms=course.after_ms(course.family.get("first_picture")),
        frames_decoded_by_family=course.seen_by(course.family).video_decoded,
        frames_decoded_by_terminal=course.seen_by(course.terminal).video_decoded,
        paths={f"{each.kind}_from_{each.source}": each.path for each in cdr.flows} if cdr else {},
        billable_s=billable_s,
        charged=str(charged.decimal()),
        expected_charge=str(price.of(billable_s).decimal()),
        currency=charged.currency,
        problems=tuple(_problems(course, cdr, price, seconds, path)),
    )


def write_report(reports: Sequence[VisitReport], path: Path) -> None:
    """The first visit's figures at the top, every visit's below."""
    document = {"ok": is_good(reports), **asdict(reports[0]), "visits": [asdict(each) for each in reports]}
    path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def is_good(reports: Sequence[VisitReport]) -> bool:
    return bool(reports) and not any(each.problems for each in reports)


def _problems(course: Course, cdr: Cdr | None, price: Price, seconds: int, path: str) -> Iterator[str]:
    family, terminal = course.seen_by(course.family), course.seen_by(course.terminal)
    yield from _senses("the family", family, terminal)
    yield from _senses("the terminal", terminal, family)
    if "warned" not in course.family:
        yield "the family was not warned before the end"
    if cdr is None:
        yield "the visit left no CDR"
        return
    if cdr.reason != "balance_exhausted":
        yield f"the visit ended by {cdr.reason}, not because its balance was used up"
    if cdr.billable_s != seconds:
        yield f"{cdr.billable_s} s were billed; the balance paid for {seconds} s"
    if cdr.charged != price.of(cdr.billable_s):
        yield f"{cdr.charged} was charged; the tariff times {cdr.billable_s} s is {price.of(cdr.billable_s)}"
    for flow in cdr.flows:
        if flow.path != path:
            yield f"{flow.kind} from {flow.source} went by {flow.path}, not {path}"
    if len(cdr.flows) != 4:
        yield f"the CDR tells of {len(cdr.flows)} flows, not of sound and picture in two directions"
    yield from _clock(course, cdr)


def _senses(who: str, seen: Seen, other: Seen) -> Iterator[str]:
    if seen.video_decoded < max(1, _SHARE * other.video_sent):
        yield f"{who} decoded {seen.video_decoded} of {other.video_sent} pictures"
    if seen.mark_seen == 0:
        yield f"{who} never recognised the other side's picture"
    if seen.audio_decoded < max(1, _SHARE * other.audio_sent):
        yield f"{who} decoded {seen.audio_decoded} of {other.audio_sent} blocks of sound"
    if seen.audio_loudest < _AUDIBLE:
        yield f"{who} heard nothing but silence"


def _clock(course: Course, cdr: Cdr) -> Iterator[str]:
    """The family's own clock against the bill."""
    start, end = course.family.get("clock"), course.family.get("over")
    if start is None or end is None:
        yield "the family was not told when the visit began or ended"
    elif abs((end.at_s - start.at_s) - cdr.billable_s) > _CLOCK_SLACK_S:
        yield f"by the family's clock it took {end.at_s - start.at_s:.1f} s; {cdr.billable_s} s were billed"
