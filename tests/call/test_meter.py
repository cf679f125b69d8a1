"""The meter runs while media is usable, to the exact second, and never beyond what is paid for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.call.meter import Meter, Mode


def test_counts_whole_seconds_that_are_over() -> None:
    meter = Meter(limit_s=100).switch(Mode.USABLE, 3.2)
    assert [meter.billable_s(at) for at in (3.2, 4.1, 4.2, 40.1, 40.2)] == [0, 0, 1, 36, 37]


def test_stops_at_the_limit() -> None:
    meter = Meter(limit_s=37).switch(Mode.USABLE, 3.2)
    assert meter.runs_out_at_s() == 40.2
    assert not meter.is_used_up(40.199)
    assert meter.is_used_up(40.2)
    assert meter.billable_s(99) == 37
    assert meter.switch(Mode.IDLE, 99).billable_s(200) == 37
    assert meter.left_s(99) == 0


def test_a_hold_counts_as_nothing_and_a_break_as_unusable() -> None:
    meter = Meter(limit_s=100).switch(Mode.USABLE, 0).switch(Mode.HELD, 10).switch(Mode.USABLE, 25)
    meter = meter.switch(Mode.BROKEN, 30).switch(Mode.USABLE, 34).switch(Mode.IDLE, 40)
    assert (meter.billable_s(99), meter.unusable_s(99)) == (21, 4)


def test_a_break_is_known_late_and_counts_from_its_beginning() -> None:
    meter = Meter(limit_s=100).switch(Mode.USABLE, 0)
    assert meter.billable_s(12.0) == 12
    assert meter.switch(Mode.BROKEN, 10.0).billable_s(12.0) == 10


def test_a_break_from_before_the_last_switch_takes_nothing_back() -> None:
    meter = Meter(limit_s=100).switch(Mode.USABLE, 0).switch(Mode.HELD, 10).switch(Mode.USABLE, 20)
    assert meter.switch(Mode.BROKEN, 5).billable_s(30) == 10


def test_parts_of_seconds_add_up_over_pauses() -> None:
    meter = Meter(limit_s=100)
    for start in range(10):
        meter = meter.switch(Mode.USABLE, start + 0.1).switch(Mode.HELD, start + 0.7)
    assert meter.billable_s(99) == 6


STEPS = st.lists(st.tuples(st.sampled_from(Mode), st.floats(0, 50, allow_nan=False)), max_size=20)


@settings(deadline=None)
@given(st.integers(0, 60), STEPS)
def test_never_above_the_limit_and_never_more_than_passed(limit_s: int, steps: list[tuple[Mode, float]]) -> None:
    meter, now_s = Meter(limit_s=limit_s), 0.0
    for mode, wait_s in steps:
        meter = meter.switch(mode, now_s)
        now_s += wait_s
        assert 0 <= meter.billable_s(now_s) <= limit_s
        assert meter.billable_s(now_s) + meter.unusable_s(now_s) <= now_s + 1e-5
