"""No two different packets leave under one number, whatever the source does: SRTP would give both away."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from bridge.links.counters import PipelineCounters
from bridge.links.rewrite import Numbering, Rewrite
from bridge.rtp.packet import build
from bridge.types import Codec


class Scene:
    def __init__(self) -> None:
        self.now_s = 10.0
        self.sent: list[bytes] = []
        self.counters = PipelineCounters()
        self.link = Rewrite(
            Codec("PCMU", 0, 8000),
            self.sent.append,
            payload_type=9,
            ssrc=7,
            numbering=Numbering(sequence=500, timestamp=0),
            counters=self.counters,
            clock=lambda: self.now_s,
        )

    def push(self, sequence: int, payload: bytes = b"sound", ssrc: int = 1) -> None:
        self.link.push(build(payload, payload_type=0, sequence=sequence & 0xFFFF, timestamp=160 * sequence, ssrc=ssrc))

    def sequences(self) -> list[int]:
        return [struct.unpack_from("!H", each, 2)[0] for each in self.sent]


def test_a_number_that_comes_again_with_other_content_is_dropped() -> None:
    scene = Scene()
    for sequence in (10, 11, 12):
        scene.push(sequence)
    for sequence in (11, 10, 12):
        scene.push(sequence, b"other")
    assert scene.sequences() == [501, 502, 503]
    assert scene.counters.duplicate_packets == 3


def test_a_late_packet_passes_once() -> None:
    scene = Scene()
    for sequence in (10, 13, 11, 11, 12, 12):
        scene.push(sequence)
    assert scene.sequences() == [501, 504, 502, 503]


def test_a_number_that_was_missing_long_ago_is_not_missing_when_the_numbers_come_round() -> None:
    scene = Scene()
    scene.push(10)
    scene.push(12)
    for sequence in range(13, 0x10000 + 20):
        scene.now_s += 0.001
        scene.push(sequence)
    before = len(scene.sent)
    scene.push(11, b"other")
    assert len(scene.sent) == before


def test_packets_that_are_not_for_the_far_side_leave_no_gap() -> None:
    """Keys and comfort noise take numbers of the stream; the line passes them on empty."""
    scene = Scene()
    for sequence, payload in ((10, b"sound"), (11, b""), (12, b""), (13, b"sound"), (15, b""), (16, b"sound")):
        scene.push(sequence, payload)
    assert scene.sequences() == [501, 502, 504], "14 was really lost"
    scene.push(14)
    assert scene.sequences() == [501, 502, 504, 503]


def test_what_is_inserted_ahead_of_a_late_packet_takes_no_number_of_it() -> None:
    scene = Scene()
    for sequence in (10, 12):
        scene.push(sequence)
    late = build(b"late", payload_type=0, sequence=11, timestamp=1760, ssrc=1)
    scene.link.insert(b"set", late)
    scene.link.push(late)
    assert scene.sequences() == [501, 503, 502]


_STEPS = st.tuples(st.integers(-6, 12), st.binary(min_size=0, max_size=2), st.sampled_from("ppppie"), st.integers(1, 2))


@given(st.lists(_STEPS, max_size=80))
def test_whatever_comes_no_number_is_used_twice(steps: list[tuple[int, bytes, str, int]]) -> None:
    scene = Scene()
    newest = 65_500
    for step, payload, how, ssrc in steps:
        sequence = newest + step
        newest = max(newest, sequence)
        packet = build(
            payload + b"." if how != "e" else b"",
            payload_type=0, sequence=sequence & 0xFFFF, timestamp=160 * sequence, ssrc=ssrc if step == 12 else 1,
        )  # fmt: skip
        if how == "i":
            scene.link.insert(b"set", packet)
        scene.link.push(packet)
    found = scene.sequences()
    assert len(set(found)) == len(found)
