"""Nothing personal or secret in a finished log line, whoever wrote it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from gateway.observe import LogFormat, set_up_logging
from gateway.privacy import scrub

SDP = "v=0\r\no=alice 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 RTP/AVP 0\r\na=ice-pwd:hush\r\n"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    handler = set_up_logging("DEBUG", LogFormat.TEXT, stream)
    yield stream
    root.removeHandler(handler)
    root.handlers[:], root.level = before
    for room in ("gateway", "sip", "bridge"):
        logging.getLogger(room).setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("4711", "INVITE from <sip:4711@pbx.example> refused"),
        ("192.0.2.7", "no answer of 192.0.2.7:5060"),
        ("2001:db8::7", "no answer of 2001:db8::7"),
        ("5550100", "dialled +1 (212) 555-0100".replace("555-0100", "5550100")),
        ("+12125550100", "dialled +12125550100"),
        ("s3cr3t", "header Authorization: Bearer s3cr3t"),
        ("s3cr3t", "GET /api/v1/family/events?token=s3cr3t"),
        ("Ing1.abc", "GET /family/Ing1.abc"),
        ("Zk3-x_9Qw", "GET /join/Zk3-x_9Qw"),
        ("Zk3-x_9Qw", "events?join=Zk3-x_9Qw"),
        ("Zk3xw9Qw", "Authorization: Join Zk3xw9Qw"),
        ("bmV3bmV3", "secret whsec_bmV3bmV3"),
        ("9911", "pin=9911"),
        ("ann@example.org", "mail to ann@example.org"),
        ("hush", f"cannot parse {SDP}"),
        ("hush", f"cannot parse {SDP!r}"),
        ("192.0.2.9", "candidate a=candidate:1 1 udp 1 192.0.2.9 4000 typ host"),
    ],
)
def test_what_looks_personal_is_struck_out(secret: str, text: str) -> None:
    assert secret in text
    assert secret not in scrub(text)


@pytest.mark.parametrize(
    "text",
    [
        "visit 01J9ZK3V7Q: ringing",
        "visit 8c2f7e4a-93b1-4d0e-8f11-5a4b7c3d2e1f ended: balance_exhausted after 22 s",
        "agent 0 restarted (exit code -6), 2 dialogs lost",
        "kinbridge 0.1.0, pjsua2 2.15.1",
        "POST /api/v1/family/visits/{visit_id}/accept 200 in 23 ms",
        "GET /family/{token} 200 in 12345 ms",
        "relay H264 -> H264, 640x480, 1500000 bps".replace("1500000", "150000"),
    ],
)
def test_ids_and_closed_words_stay(text: str) -> None:
    assert scrub(text) == text


def test_the_message_of_an_exception_is_struck_too(log: io.StringIO) -> None:
    try:
        int("sip:4711@192.0.2.7")
    except ValueError:
        logging.getLogger("gateway.call").exception("visit v1: refused")
    assert "ValueError: invalid literal for int() with base 10: '[uri]'" in log.getvalue()
    assert "4711" not in log.getvalue()


def test_libraries_are_silent_below_warning_even_at_debug(log: io.StringIO) -> None:
    logging.getLogger("aioice.ice").info("candidate of the family")
    logging.getLogger("gateway.call").debug("visit v1: state ringing")
    assert log.getvalue().endswith("Z DEBUG gateway.call: visit v1: state ringing\n")
    assert "candidate" not in log.getvalue()


def test_json_lines(log: io.StringIO) -> None:
    stream = io.StringIO()
    set_up_logging("INFO", LogFormat.JSON, stream)
    logging.getLogger("sip").info("agent %d listens for sip:4711@x", 0)
    line = json.loads(stream.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {"level": "INFO", "logger": "sip", "message": "agent 0 listens for [uri]"}
    logging.getLogger().removeHandler(logging.getLogger().handlers[0])
