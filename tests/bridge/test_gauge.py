"""A node's load as it is measured, and pictures thinned evenly in real workers when it is too much."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

import pytest

from bridge.codecs import Workers
from bridge.codecs.process import LOOK_S
from bridge.gauge import Gauge
from bridge.governor import DOWN_LOOKS, UP_LOOKS
from bridge.links.picture import LimitPace, Thin
from bridge.rtp.timer import TICK_S
from tests.bridge.test_transcode import Camera, Viewer, film, joined, until
from tests.support.lines import H264, VP8

TICKS_A_LOOK = round(LOOK_S / TICK_S)


class Day:
    """A process whose loop is `lag_s` late at each tick and which uses `cpu` of a core."""

    def __init__(self, workers: Workers, *, sheds: bool = True) -> None:
        self.now_s = self.used_s = self.lag_s = self.cpu = 0.0
        self.gauge = Gauge(workers, sheds=sheds, clock=lambda: self.now_s, cpu_s=lambda: self.used_s)

    def passes(self, looks: int) -> str:
        for _ in range(looks):
            for _ in range(TICKS_A_LOOK):
                self.now_s += TICK_S + self.lag_s
                self.used_s += (TICK_S + self.lag_s) * self.cpu
                self.gauge.tick()
            self.gauge.look()
        return str(self.gauge.pressure.verdict)


@pytest.fixture
async def workers() -> AsyncIterator[Workers]:
    processes = Workers(1)
    yield processes
    processes.close()


async def test_a_busy_process_is_full_and_a_late_one_thins(workers: Workers) -> None:
    day = Day(workers)
    day.cpu = 0.95
    assert day.passes(DOWN_LOOKS) == "full"
    assert day.gauge.pressure.load.loop_cpu == pytest.approx(0.95)
    day.cpu, day.lag_s = 0.2, 0.15
    assert day.passes(DOWN_LOOKS) == "thinning to 20/s"
    assert day.gauge.pressure.load.loop_lag_s == pytest.approx(0.15)
    assert workers.standing == LimitPace(20.0)
    day.lag_s = 0.0
    assert day.passes(2 * UP_LOOKS) == "welcome"
    assert workers.standing == LimitPace(None)


async def test_a_node_that_bears_it_all_still_measures(workers: Workers) -> None:
    day = Day(workers, sheds=False)
    day.cpu, day.lag_s = 0.95, 0.15
    assert day.passes(2 * DOWN_LOOKS) == "welcome"
    assert day.gauge.pressure.load.loop_lag_s == pytest.approx(0.15)
    assert workers.standing is None


async def test_one_long_pause_is_no_load(workers: Workers) -> None:
    """Somebody stops the process for ten seconds, as a debugger or a backup of the machine does."""
    day = Day(workers)
    day.passes(2)
    day.now_s += 10
    assert day.passes(DOWN_LOOKS) == "welcome"


async def test_a_worker_that_cannot_keep_up_is_load(workers: Workers) -> None:
    source, _, pipeline = joined(workers, H264, VP8)
    camera = Camera(source, 640, 480)
    await film(camera, pipeline, 1)
    day = Day(workers)
    workers.seen(1.0)
    for _ in range(6):
        camera.shoot()  # all at once: the last waits for five others
    await until(lambda: pipeline.counters.frames_encoded == 7)
    day.passes(1)
    load = day.gauge.pressure.load
    assert load.picture_wait_s > 0.001
    assert load.sound_wait_s == 0
    assert load.codec_cpu > 0


async def test_pictures_are_thinned_evenly_and_come_back(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera, viewer = Camera(source), Viewer(target)
    await film(camera, pipeline, 6)
    workers.stand(LimitPace(10.0))
    assert "Decode -> Thin(10/s) -> Scale(640x480)" in str(pipeline)
    await shoot(camera, pipeline, 30)
    workers.stand(LimitPace(None))
    assert "Thin" not in str(pipeline)
    await shoot(camera, pipeline, 6)
    viewer.look()
    stamps = [each.rtp_timestamp for each in viewer.frames]
    steps = [(b - a) // 3000 for a, b in itertools.pairwise(stamps)]
    thinned = [each for each in steps if each > 1]
    assert set(thinned) == {3}, "a third of thirty, each as far from the next"
    assert 9 <= len(thinned) <= 10
    assert pipeline.counters.frames_thinned == 2 * len(thinned)
    assert pipeline.counters.frames_dropped == 0


async def test_a_pace_outlives_its_worker_and_holds_for_newcomers(workers: Workers) -> None:
    workers.stand(LimitPace(10.0))
    source, _, pipeline = joined(workers, H264, VP8)
    camera = Camera(source)
    await shoot(camera, pipeline, 9)
    assert pipeline.counters.frames_thinned == 6


async def test_a_keyframe_is_not_thinned_away(workers: Workers) -> None:
    source, target, pipeline = joined(workers, H264, VP8)
    camera, viewer = Camera(source), Viewer(target)
    workers.stand(LimitPace(5.0))
    await shoot(camera, pipeline, 13)  # the last one passed, so the next five are left out
    target.hears_wishes.keyframe_wanted()
    await shoot(camera, pipeline, 1)
    viewer.look()
    assert viewer.frames[-1].keyframe


async def shoot(camera: Camera, pipeline, pictures: int) -> None:
    for _ in range(pictures):
        before = pipeline.counters.frames_decoded
        camera.shoot()
        await until(lambda before=before: pipeline.counters.frames_decoded > before)


@pytest.mark.parametrize(
    ("camera_fps", "limit_fps", "passing"),
    [(30, 15, 30), (30, 20, 40), (30, 10, 20), (30, 7.5, 15), (15, 20, 30), (15, 10, 20), (25, 15, 30), (30, 60, 60)],
)
def test_so_many_of_two_seconds_pass(camera_fps: int, limit_fps: float, passing: int) -> None:
    thin = Thin()
    step = 90_000 // camera_fps
    passed = [number for number in range(2 * camera_fps) if thin.passes(number * step, limit_fps)]
    assert abs(len(passed) - min(passing, 2 * camera_fps)) <= 1
    gaps = {b - a for a, b in itertools.pairwise(passed)}
    assert max(gaps) - min(gaps) <= 1, "evenly"


def test_a_source_that_jumps_is_not_thinned_for_ever() -> None:
    thin = Thin()
    assert thin.passes(0xFFFFF000, 10)
    assert thin.passes(500_000, 10)
    assert thin.passes(100, 10)
