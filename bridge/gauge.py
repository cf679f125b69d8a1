"""Measures a node's load and has the governor's verdicts obeyed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from bridge.codecs import Workers
from bridge.codecs.process import LOOK_S
from bridge.governor import Governor, Load, Pressure, Verdict
from bridge.links.picture import LimitPace
from bridge.rtp.timer import TICK_S, Timer

_log = logging.getLogger(__name__)


class Gauge:
    """Begins with `start`, and ends with the timer.

    sheds: whether anything follows from what is measured. clock, cpu_s: of this process, for tests to put in their own.
    """

    def __init__(
        self,
        workers: Workers,
        *,
        sheds: bool = True,
        clock: Callable[[], float] = time.monotonic,
        cpu_s: Callable[[], float] = time.process_time,
    ) -> None:
        self._workers = workers
        self._judge: Callable[[Load], Verdict] = Governor().judge if sheds else _bear
        self._verdict = Verdict()
        self._clock = clock
        self._cpu_s = cpu_s
        self._lags_s: list[float] = []
        self._ticked_s = self._looked_s = clock()
        self._used_s = cpu_s()
        self._load = Load()

    @property
    def pressure(self) -> Pressure:
        counters = self._workers.counters
        return Pressure(self._load, self._verdict, counters.deaths, counters.hangs, counters.lost)

    def start(self, timer: Timer) -> None:
        timer.every(0, self.tick)
        timer.every(LOOK_S, self.look)

    def tick(self) -> None:
        now_s = self._clock()
        self._lags_s.append(max(0.0, now_s - self._ticked_s - TICK_S))
        self._ticked_s = now_s

    def look(self) -> None:
        self._workers.look()
        self._load = self._measured()
        before, verdict = self._verdict, self._judge(self._load)
        self._verdict = verdict
        if verdict.step != before.step:
            self._workers.stand(LimitPace(verdict.fps))
        if verdict != before:
            say = _log.info if verdict.welcome else _log.warning
            say("load: %s, was %s (%s)", verdict, before, _words(self._load))

    def _measured(self) -> Load:
        now_s, used_s = self._clock(), self._cpu_s()
        passed_s = max(1e-3, now_s - self._looked_s)
        lags, self._lags_s = sorted(self._lags_s), []
        seen = self._workers.seen(passed_s)
        load = Load(
            loop_lag_s=lags[len(lags) * 3 // 4] if lags else 0.0,
            picture_wait_s=seen.picture_wait_s,
            sound_wait_s=seen.sound_wait_s,
            loop_cpu=(used_s - self._used_s) / passed_s,
            codec_cpu=seen.codec_cpu,
        )
        self._looked_s, self._used_s = now_s, used_s
        return load


def _bear(_load: Load) -> Verdict:
    return Verdict()


def _words(load: Load) -> str:
    return (
        f"loop {1000 * load.loop_lag_s:.0f} ms late and {load.loop_cpu:.0%} busy, pictures wait "
        f"{1000 * load.picture_wait_s:.0f} ms, sound {1000 * load.sound_wait_s:.0f} ms, "
        f"codecs {load.codec_cpu:.0%} busy"
    )
