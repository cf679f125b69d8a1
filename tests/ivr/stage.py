"""A caller and the voice, without sound: keys in, sentences out, time by hand."""

from __future__ import annotations

from collections.abc import Sequence

from gateway.ivr import values as v
from gateway.ivr.machine import Ivr, Stage, fresh, step
from gateway.policy.ivr import IvrRules

RIGHT_PIN = "2468"


class Caller:
    """now_s: the clock. said: of the last sentence. wanted: everything but speech, in order."""

    def __init__(self, rules: IvrRules, dialled: str = "5552368001", resident: str = "") -> None:
        self.now_s = 100.0
        self.said: tuple[v.Phrase, ...] = ()
        self.language = ""
        self.spoken: list[tuple[v.Phrase, ...]] = []
        self.wanted: list[v.Wanted] = []
        self.ivr = fresh(rules, dialled, self.now_s, resident)
        self.hears(v.Ready())

    def hears(self, heard: v.Heard) -> Sequence[v.Wanted]:
        return self._take(step(self.ivr, heard, self.now_s))

    def keys(self, digits: str) -> Sequence[v.Wanted]:
        last: Sequence[v.Wanted] = ()
        for each in digits:
            self.now_s += 0.5
            last = self.hears(v.Key(each))
        return last

    def listens(self) -> Sequence[v.Wanted]:
        """To the end of what is being said."""
        self.now_s += 3
        return self.hears(v.SaidAll(self.ivr.turn))

    def waits(self) -> Sequence[v.Wanted]:
        """Until something is due."""
        assert self.ivr.deadline_at_s is not None, f"nothing is ever due while {self.ivr.stage}"
        self.now_s = max(self.now_s, self.ivr.deadline_at_s)
        return self.hears(v.Due())

    @property
    def stage(self) -> Stage:
        return self.ivr.stage

    def _take(self, result: tuple[Ivr, tuple[v.Wanted, ...]]) -> Sequence[v.Wanted]:
        self.ivr, wanted = result
        for each in wanted:
            if isinstance(each, v.Say):
                self.said, self.language = each.phrases, each.language
                self.spoken.append(each.phrases)
            elif not isinstance(each, v.Hush):
                self.wanted.append(each)
        return wanted
