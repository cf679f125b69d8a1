"""How a node bears its load: what it gives up, in which order, and when it takes no more visits.

    welcome            new visits may come
    full               new visits are refused (503); those that run have all they need
    thinning, 1 to 5   transcoded pictures are encoded less often, evenly, for all visits alike; sound never is

Pure: it is told what was measured at each look and answers what to do. One bad look means nothing, as any machine
hesitates; a step back takes much longer than a step down, or the node would swing.
"""

from __future__ import annotations

from dataclasses import dataclass

PACES: tuple[float | None, ...] = (None, 20.0, 15.0, 10.0, 7.5, 5.0)
"""Pictures a second of a transcoded line, by step."""

DOWN_LOOKS = 4
UP_LOOKS = 12
_EASY = 0.6  # of each limit: below it the load counts as gone


@dataclass(frozen=True, slots=True)
class Load:
    """What one look found, of the time since the last one.

    loop_lag_s: by how much the loop's ticks were late, all but the worst quarter of them. picture_wait_s, sound_wait_s:
    how long frames waited for their codec worker, on average. loop_cpu: CPU of the gateway's process, codec_cpu: of the
    codec worker for pictures that has most to spare; 1.0 is all that one core gives.
    """

    loop_lag_s: float = 0.0
    picture_wait_s: float = 0.0
    sound_wait_s: float = 0.0
    loop_cpu: float = 0.0
    codec_cpu: float = 0.0

    def over(self, limit: Load) -> float:
        """The worst of the shares of `limit`: 1.0 is at the limit."""
        return max(
            self.loop_lag_s / limit.loop_lag_s,
            self.picture_wait_s / limit.picture_wait_s,
            self.sound_wait_s / limit.sound_wait_s,
            self.loop_cpu / limit.loop_cpu,
            self.codec_cpu / limit.codec_cpu,
        )


FULL = Load(loop_lag_s=0.05, picture_wait_s=0.12, sound_wait_s=0.05, loop_cpu=0.85, codec_cpu=0.9)
"""Beyond it no visit is welcome. Processors are nearly used up before anybody waits: that is the point."""

THIN = Load(loop_lag_s=0.1, picture_wait_s=0.2, sound_wait_s=0.1, loop_cpu=9.0, codec_cpu=9.0)
"""Beyond it those that run suffer. A processor that is used up but makes no one wait is no reason."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """step: index of PACES."""

    welcome: bool = True
    step: int = 0

    @property
    def fps(self) -> float | None:
        return PACES[self.step]

    def __str__(self) -> str:
        if self.step:
            return f"thinning to {self.fps:g}/s"
        return "welcome" if self.welcome else "full"


@dataclass(frozen=True, slots=True)
class Pressure:
    """A node's load for people and programs that watch it. worker_*: of all codec workers since the start."""

    load: Load
    verdict: Verdict
    worker_deaths: int = 0
    worker_hangs: int = 0
    frames_lost_with_workers: int = 0


class Governor:
    """Looks, half a second apart, in; verdicts out."""

    def __init__(self) -> None:
        self.verdict = Verdict()
        self._thin_looks = _Streak()
        self._full_looks = _Streak()

    def judge(self, load: Load) -> Verdict:
        step, thinned = self.verdict.step, self.verdict.step > 0
        turn = self._thin_looks.count(load.over(THIN))
        if turn > 0:
            step = min(step + 1, len(PACES) - 1)
        elif turn < 0:
            step = max(step - 1, 0)
        welcome = self.verdict.welcome
        turn = self._full_looks.count(load.over(FULL))
        if turn:
            welcome = turn < 0 and not thinned  # first those who are there get all their pictures back
        self.verdict = Verdict(welcome and not step, step)
        return self.verdict


class _Streak:
    """Looks in a row that say the same."""

    def __init__(self) -> None:
        self._hard = self._easy = 0

    def count(self, over: float) -> int:
        """1 after DOWN_LOOKS hard looks, -1 after UP_LOOKS easy ones, else 0; then it counts anew."""
        self._hard = self._hard + 1 if over >= 1.0 else 0
        self._easy = self._easy + 1 if over < _EASY else 0
        if self._hard == DOWN_LOOKS:
            self._hard = 0
            return 1
        if self._easy == UP_LOOKS:
            self._easy = 0
            return -1
        return 0
