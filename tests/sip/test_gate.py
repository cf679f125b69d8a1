"""Whose requests go on to the stack, as a table; and the buckets that keep a rate."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip.gate import DROP, FORBIDDEN, PASS, UNAVAILABLE, Bucket, Gate, Why
from sip.trust import Trust
from sip.types import SipSettings, Strangers, Trunk

JAIL, CARRIER, STRANGER = "10.20.0.5", "198.51.100.10", "203.0.113.66"
TRUNKS = (
    Trunk("jail", sources=("10.20.0.0/24",), invites_per_s=2),
    Trunk("carrier", sources=(CARRIER,), invites_per_s=100),
)
SETTINGS = SipSettings(trunks=TRUNKS, source_requests_per_s=10)
SILENT = replace(SETTINGS, strangers=Strangers.SILENT)


def request(method: str = "INVITE", *, tag: str = "", call_id: str = "c1", agent: str = "Phone 1.0") -> bytes:
    return (
        f"{method} sip:1001@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK1\r\n"
        f"From: <sip:a@b>;tag=from\r\nTo: <sip:1001@b>{tag}\r\nCall-ID: {call_id}\r\nCSeq: 1 {method}\r\n"
        f"User-Agent: {agent}\r\nContent-Length: 0\r\n\r\n"
    ).encode()


def gate(settings: SipSettings = SETTINGS, *ours: str) -> Gate:
    return Gate(settings, Trust(settings.trunks), lambda call_id: call_id in ours, 0.0)


@pytest.mark.parametrize(
    ("settings", "host", "text", "verdict"),
    [
        (SETTINGS, JAIL, request(), PASS),
        (SETTINGS, "::ffff:10.20.0.5", request(), PASS),
        (SETTINGS, JAIL, request("OPTIONS"), PASS),
        (SETTINGS, JAIL, request("REGISTER"), PASS),  # the stack says 405
        (SETTINGS, STRANGER, request(), FORBIDDEN),
        (SETTINGS, STRANGER, request("OPTIONS"), FORBIDDEN),
        (SETTINGS, STRANGER, request("REGISTER"), FORBIDDEN),
        (SETTINGS, STRANGER, request("BYE", tag=";tag=guessed"), FORBIDDEN),
        (SETTINGS, STRANGER, request("ACK"), DROP),
        (SILENT, STRANGER, request(), DROP),
        (SILENT, STRANGER, request("OPTIONS"), DROP),
        (SILENT, STRANGER, b"", DROP),
        (SILENT, STRANGER, b"\xff\xfe nonsense", DROP),
        (SETTINGS, JAIL, request(agent="friendly-scanner"), FORBIDDEN),
        (SILENT, CARRIER, request("REGISTER", agent="SIPVicious/0.3"), DROP),
        (SETTINGS, JAIL, request("ACK", call_id="gone"), PASS),  # of an answer that the stack gave by itself
        (SILENT, "no address", request(), DROP),
    ],
)
def test_who_is_let_through(settings: SipSettings, host: str, text: bytes, verdict: int) -> None:
    assert gate(settings).judge(host, text, 0.0) == verdict


def test_requests_of_a_running_call_may_come_from_another_address() -> None:
    held = gate(SILENT, "abc@10.20.0.5")
    assert held.judge(STRANGER, request("BYE", tag=";tag=1", call_id="abc@10.20.0.5"), 0.0) == PASS
    assert held.judge(STRANGER, request("BYE", tag=";tag=1", call_id="other"), 0.0) == DROP
    assert held.judge(JAIL, request("INFO", call_id="abc@10.20.0.5", agent="sipcli"), 0.0) == PASS


def test_more_calls_than_a_trunk_may_make_get_503() -> None:
    """Two a second, four at once; then one for each half second. The other trunk does not notice."""
    busy = gate(SETTINGS, "live")
    assert [busy.judge(JAIL, request(), 0.0) for _ in range(6)] == [PASS] * 4 + [UNAVAILABLE] * 2
    assert busy.judge(JAIL, request("INVITE", tag=";tag=1", call_id="live"), 0.0) == PASS, "a re-INVITE is no new call"
    assert busy.judge(CARRIER, request(), 0.0) == PASS
    assert [busy.judge(JAIL, request(), 0.6) for _ in range(2)] == [PASS, UNAVAILABLE]
    assert busy.refused == {(Why.TRUNK_RATE, "INVITE", "jail"): 3}


def test_one_address_of_a_trunk_cannot_use_up_the_stack() -> None:
    busy = gate(SETTINGS, "live")
    verdicts = [busy.judge(JAIL, request("OPTIONS"), 0.0) for _ in range(30)]
    assert verdicts == [PASS] * 20 + [UNAVAILABLE] * 10
    assert busy.judge("10.20.0.6", request("OPTIONS"), 0.0) == PASS
    assert busy.judge(JAIL, request("BYE", tag=";tag=1", call_id="live"), 0.0) == PASS, "calls can always end"


def test_a_forged_source_is_not_flooded_by_our_answers() -> None:
    open_gate = gate()
    verdicts = [open_gate.judge(STRANGER, request(), 0.0) for _ in range(1000)]
    assert verdicts.count(FORBIDDEN) == 40
    assert verdicts.count(DROP) == 960
    assert open_gate.take_counts() == {(Why.STRANGER, "INVITE", ""): 1000}
    assert open_gate.take_counts() == {}


def test_methods_that_nobody_knows_are_counted_as_one() -> None:
    quiet = gate(SILENT)
    for number in range(50):
        quiet.judge(STRANGER, request(f"X{number}"), 0.0)
    assert quiet.refused == {(Why.STRANGER, "OTHER", ""): 50}


def test_any_number_of_sources_takes_little_memory() -> None:
    wide = replace(SETTINGS, trunks=(Trunk("wide", sources=("10.0.0.0/8",), invites_per_s=10_000),))
    crowded = gate(wide)
    for number in range(10_000):
        crowded.judge(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", request("OPTIONS"), 0.0)
    assert len(crowded._sources) <= 4096
    assert len(crowded._known) <= 4096


@given(st.binary(max_size=200), st.text(max_size=20))
def test_no_request_breaks_it(text: bytes, host: str) -> None:
    assert gate(SILENT).judge(host, text, 0.0) in {PASS, DROP}


@given(st.lists(st.floats(min_value=0, max_value=0.5), max_size=200))
def test_a_bucket_never_gives_more_than_its_rate_and_its_burst(pauses: list[float]) -> None:
    bucket, now_s, taken = Bucket(5, 0.0), 0.0, 0
    for pause_s in pauses:
        now_s += pause_s
        taken += bucket.take(now_s)
    assert taken <= 10 + 5 * now_s + 1e-6
