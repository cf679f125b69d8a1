"""The demonstration's verdict: every way in which a visit can go wrong is said, and none is made up."""

from __future__ import annotations

from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.billing.rating import Tariff
from gateway.billing.tariff import load_tariffs
from gateway.demo.facility import DIALPLANS, Pair, Price
from gateway.demo.peer import Event, Seen
from gateway.demo.report import Course, is_good, report_visit

PAIR = Pair("terminal-1", "family-1", "family-1", "5552368001")
SECONDS = 22
ALL_WELL = Seen(
    video_sent=660, video_decoded=640, audio_sent=1100, audio_decoded=1090, audio_loudest=4000.0, mark_seen=40
)


def course(family: Seen = ALL_WELL, terminal: Seen = ALL_WELL, **family_events: float) -> Course:
    events = {"clock": 1.0, "first_picture": 1.2, "warned": 15.0, "over": 23.1} | family_events
    found = Course(PAIR)
    found.terminal = {
        "calling": Event("calling", 0.0, {}),
        "answered": Event("answered", 0.4, {}),
        "seen": seen(terminal),
    }
    found.family = {kind: Event(kind, at_s, {}) for kind, at_s in events.items()} | {"seen": seen(family)}
    return found


def seen(values: Seen) -> Event:
    return Event("seen", 24.0, asdict(values))


class Record:
    """The part of a CDR that the verdict reads; a whole one needs a database (tests/demo/test_demo.py)."""

    def __init__(self, **changes: Any) -> None:
        price = Price.read()
        self.reason = "balance_exhausted"
        self.billable_s = SECONDS
        self.charged = price.of(SECONDS)
        self.flows = tuple(Way(kind, source) for kind in ("audio", "video") for source in ("sip", "web"))
        self.__dict__.update(changes)


class Way:
    def __init__(self, kind: str, source: str, path: str = "relay") -> None:
        self.kind, self.source, self.path = kind, source, path


def problems(told: Course, record: Any) -> str:
    return "; ".join(report_visit(told, record, Price.read(), SECONDS, "relay").problems)


def test_a_visit_as_it_should_be() -> None:
    report = report_visit(course(), Record(), Price.read(), SECONDS, "relay")  # type: ignore[arg-type]
    assert report.problems == ()
    assert is_good([report])
    assert (report.setup_ms, report.first_frame_ms) == (400, 1200)
    assert (report.charged, report.currency) == ("0.058666", "USD")


@pytest.mark.parametrize(
    ("told", "complaint"),
    [
        (course(family=replace(ALL_WELL, video_decoded=0)), "the family decoded 0 of 660 pictures"),
        (course(terminal=replace(ALL_WELL, video_decoded=100)), "the terminal decoded 100 of 660 pictures"),
        (course(family=replace(ALL_WELL, mark_seen=0)), "the family never recognised"),
        (course(terminal=replace(ALL_WELL, audio_decoded=9)), "the terminal decoded 9 of 1100 blocks of sound"),
        (course(family=replace(ALL_WELL, audio_loudest=8.0)), "the family heard nothing but silence"),
        (course(over=40.0), "by the family's clock it took 39.0 s"),
    ],
)
def test_what_people_saw_and_heard(told: Course, complaint: str) -> None:
    assert complaint in problems(told, Record())


@pytest.mark.parametrize(
    ("record", "complaint"),
    [
        (None, "left no CDR"),
        (Record(reason="family_left"), "ended by family_left"),
        (Record(billable_s=21), "21 s were billed; the balance paid for 22 s"),
        (Record(charged=Price.read().of(23)), "0.061333 USD was charged; the tariff times 22 s is 0.058666 USD"),
        (Record(flows=(Way("video", "sip", "transcode"),)), "video from sip went by transcode, not relay"),
        (Record(flows=()), "tells of 0 flows"),
    ],
)
def test_what_was_recorded(record: Any, complaint: str) -> None:
    assert complaint in problems(course(), record)


def test_a_family_that_was_gone_before_the_end_tells_nothing_and_that_is_a_problem() -> None:
    told = course()
    told.family = {}
    report = report_visit(told, Record(), Price.read(), SECONDS, "relay")  # type: ignore[arg-type]
    assert not is_good([report])
    assert report.first_frame_ms is None


def test_no_visit_is_not_good() -> None:
    assert not is_good([])


def test_the_price_read_apart_agrees_with_the_tariff() -> None:
    """Two readings of one document: Fraction by hand here, the billing's own there."""
    tariff = load_tariffs([DIALPLANS / "tariffs" / "demo.yaml"]).in_force("demo-video", datetime.now(UTC))
    assert isinstance(tariff, Tariff)
    price = Price.read()
    assert price.of(60) == tariff.per_minute
    balance = price.paying_for(SECONDS)
    assert price.of(SECONDS).micros <= balance.micros < price.of(SECONDS + 1).micros
