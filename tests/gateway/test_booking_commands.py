"""`kinbridge booking ...`, as staff type it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from icalendar import Calendar
from typer.testing import CliRunner

from gateway.cli import app
from gateway.documents import DocumentError
from gateway.errors import BookingError
from tests.gateway.test_cli import config as config  # noqa: PLC0414 - a fixture, re-exported


@pytest.fixture
def booked(config: Path) -> Path:
    document = yaml.safe_load(config.read_text())
    document["booking"] = {"facilities": [{"facility": "demo-jail", "slot_minutes": 15, "medium": "audio"}]}
    config.write_text(yaml.safe_dump(document))
    return config


def said(config: Path, *words: str) -> str:
    done = CliRunner().invoke(app, ["booking", *words, "--config", str(config)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def start_of(line: str) -> str:
    """`Tue 2026-01-06 09:00 -0600  4 stations` as it is typed."""
    _, day, time, _, *_ = line.split()
    return f"{day}T{time}:00"


def test_from_a_free_slot_to_the_calendar_file(booked: Path, tmp_path: Path) -> None:
    # days ahead: a slot must not pass while this test runs
    free = said(booked, "slots", "demo-jail", "family-1", "--days", "3").splitlines()
    first, second = start_of(free[-4]), start_of(free[-3])
    stations = int(free[-4].split()[-2])
    line = said(booked, "book", "demo-jail", "family-1", first)
    booking = line.split()[0]
    assert " approved  demo-jail/" in line
    now = said(booked, "slots", "demo-jail", "family-2", "--days", "3").splitlines()
    assert int(next(each for each in now if start_of(each) == first).split()[-2]) == stations - 1
    with pytest.raises(BookingError, match="take another one"):
        said(booked, "book", "demo-jail", "family-1", first)
    assert second.replace("T", " ")[:16] in said(booked, "move", booking, second)
    assert said(booked, "list").splitlines()[-1] == "1 booking"
    assert " cancelled " in said(booked, "cancel", booking, "--reason", "lockdown")
    said(booked, "ics", booking, "--output", str(tmp_path / "visit.ics"))
    calendar = Calendar.from_ical((tmp_path / "visit.ics").read_bytes())
    assert (str(calendar["METHOD"]), str(calendar.walk("VEVENT")[0]["SEQUENCE"])) == ("CANCEL", "2")


def test_what_cannot_be_booked_is_said(booked: Path) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S")
    for words, says in (
        (("demo-jail", "nobody", tomorrow), "no contact with this id"),
        (("elsewhere", "family-1", tomorrow), "no facility 'elsewhere'"),
        (("demo-jail", "family-1", "2020-01-01T09:00:00"), "too soon"),
    ):
        with pytest.raises(BookingError, match=says):
            said(booked, "book", *words)


def test_a_facility_twice_in_the_configuration(booked: Path) -> None:
    document = yaml.safe_load(booked.read_text())
    document["booking"]["facilities"] *= 2
    booked.write_text(yaml.safe_dump(document))
    with pytest.raises(
        DocumentError, match=r"booking\.facilities\[1\]\.facility: the facility 'demo-jail' stands above"
    ):
        said(booked, "list")
