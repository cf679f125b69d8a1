"""A call with a picture, by a rule that has a rate for sound alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gateway.policy.decide import decide, explain
from gateway.policy.decision import Allowed, Medium, Refusal, Refused, VisitRequest
from tests.policy.test_dialplan_mistakes import SOUND, read

SOUND_ALONE = SOUND.replace("{video: visit}", "{audio: call}")
FALLBACK = SOUND_ALONE.replace("max_minutes: 20", "max_minutes: 20, video_fallback: true")
CALL = VisitRequest("pbx", "cell-1", "5552368001", Medium.VIDEO, datetime(2026, 1, 5, 17, tzinfo=UTC))


def test_it_is_refused() -> None:
    decision = decide(read(SOUND_ALONE), CALL)
    assert isinstance(decision, Refused)
    assert decision.refusal is Refusal.MEDIUM


@pytest.mark.parametrize("medium", list(Medium))
@pytest.mark.parametrize("medium_known", [True, False])
def test_with_a_fallback_it_goes_on_as_sound_at_the_rate_of_sound(medium: Medium, medium_known: bool) -> None:
    decision = decide(read(FALLBACK), replace(CALL, medium=medium, medium_known=medium_known))
    assert isinstance(decision, Allowed)
    assert (decision.terms.medium, decision.terms.tariff) == (Medium.AUDIO, "call")


def test_the_explanation_says_so() -> None:
    assert explain(read(FALLBACK), CALL).path[-2:] == ("video goes on as audio: PASS", "medium audio: PASS")
