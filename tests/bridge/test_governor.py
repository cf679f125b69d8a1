"""What a node gives up under load, and in which order: looks in, verdicts out."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from bridge.governor import DOWN_LOOKS, FULL, PACES, THIN, UP_LOOKS, Governor, Load, Verdict

EASY = Load()
BUSY = replace(EASY, loop_cpu=0.95)  # nobody waits yet, but nothing is left
QUEUED = replace(EASY, picture_wait_s=0.5, codec_cpu=1.0)
BETWEEN = replace(EASY, picture_wait_s=0.8 * THIN.picture_wait_s)  # too much for visits to come, not for those here


def after(governor: Governor, load: Load, looks: int) -> str:
    for _ in range(looks):
        governor.judge(load)
    return str(governor.verdict)


@pytest.mark.parametrize(
    ("load", "verdict"),
    [
        (EASY, "welcome"),
        (replace(EASY, codec_cpu=0.8, loop_cpu=0.7), "welcome"),
        (replace(EASY, picture_wait_s=0.8 * FULL.picture_wait_s), "welcome"),
        (BETWEEN, "full"),
        (BUSY, "full"),
        (replace(EASY, codec_cpu=0.95), "full"),
        (replace(EASY, loop_lag_s=0.06), "full"),
        (replace(EASY, picture_wait_s=0.15), "full"),
        (replace(EASY, sound_wait_s=0.06), "full"),
        (replace(EASY, loop_lag_s=0.12), "thinning to 20/s"),
        (replace(EASY, sound_wait_s=0.12), "thinning to 20/s"),
        (QUEUED, "thinning to 20/s"),
    ],
)
def test_what_a_few_looks_in_a_row_lead_to(load: Load, verdict: str) -> None:
    assert after(Governor(), load, DOWN_LOOKS - 1) == "welcome", "one hesitation means nothing"
    assert after(Governor(), load, DOWN_LOOKS) == verdict


def test_new_visits_are_refused_before_pictures_are_thinned() -> None:
    """Every measure reaches the limit of `full` first; a processor that makes nobody wait never thins."""
    for name in ("loop_lag_s", "picture_wait_s", "sound_wait_s", "loop_cpu", "codec_cpu"):
        assert getattr(FULL, name) < getattr(THIN, name)
    assert after(Governor(), BUSY, 1000) == "full"


def test_it_thins_step_by_step_and_no_further_than_the_last() -> None:
    governor = Governor()
    paces = [governor.judge(QUEUED).fps for _ in range(DOWN_LOOKS * 8)]
    steps = [pace for pace, _ in itertools.groupby(paces)]
    assert steps == list(PACES) == [None, 20.0, 15.0, 10.0, 7.5, 5.0]
    assert paces.index(20.0) == DOWN_LOOKS - 1
    assert paces.index(5.0) == DOWN_LOOKS * 5 - 1


def test_it_recovers_slowly_and_takes_visits_last() -> None:
    governor = Governor()
    after(governor, QUEUED, DOWN_LOOKS * 2)
    assert str(governor.verdict) == "thinning to 15/s"
    assert after(governor, EASY, UP_LOOKS - 1) == "thinning to 15/s"
    assert after(governor, EASY, 1) == "thinning to 20/s"
    assert after(governor, EASY, UP_LOOKS - 1) == "thinning to 20/s"
    assert after(governor, EASY, UP_LOOKS) == "full"
    assert after(governor, EASY, UP_LOOKS) == "welcome"


def test_it_does_not_swing() -> None:
    """A load between the limits leaves things as they are, for ever; one bad look in two does nothing at all."""
    governor = Governor()
    after(governor, QUEUED, DOWN_LOOKS)
    assert after(governor, BETWEEN, 1000) == "thinning to 20/s"
    calm = Governor()
    verdicts = {calm.judge(load) for _ in range(500) for load in (QUEUED, EASY)}
    assert verdicts == {Verdict()}
