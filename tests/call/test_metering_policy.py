"""What time counts is policy; as shipped, only that in which sound and pictures go both ways."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.call.meter import ONLY_BOTH_WAYS, Metering, Mode
from gateway.call.visit import Marks, State, Timeouts, VisitState

TALKING = VisitState(Timeouts(), 0.0, state=State.TALKING, marks=Marks(media_start_at_s=1.0), flowing=True)
FROZEN = replace(TALKING, flowing=False)
AWAY = replace(FROZEN, state=State.RECONNECTING)
HELD = replace(TALKING, state=State.HELD, held=True)
HELD_AND_AWAY = replace(AWAY, held=True)


@pytest.mark.parametrize(
    ("metering", "modes"),
    [
        (ONLY_BOTH_WAYS, (Mode.USABLE, Mode.BROKEN, Mode.BROKEN, Mode.HELD, Mode.HELD)),
        (Metering(interrupted=True), (Mode.USABLE, Mode.USABLE, Mode.BROKEN, Mode.HELD, Mode.HELD)),
        (Metering(reconnecting=True), (Mode.USABLE, Mode.BROKEN, Mode.USABLE, Mode.HELD, Mode.HELD)),
        (Metering(held=True), (Mode.USABLE, Mode.BROKEN, Mode.BROKEN, Mode.USABLE, Mode.USABLE)),
    ],
)
def test_what_counts(metering: Metering, modes: tuple[Mode, ...]) -> None:
    visits = (TALKING, FROZEN, AWAY, HELD, HELD_AND_AWAY)
    assert tuple(replace(each, metering=metering).meter_mode() for each in visits) == modes


@pytest.mark.parametrize("metering", [ONLY_BOTH_WAYS, Metering(held=True, reconnecting=True, interrupted=True)])
def test_nothing_counts_before_media_and_after_the_end(metering: Metering) -> None:
    before = replace(TALKING, marks=Marks(), metering=metering)
    after = replace(TALKING, state=State.ENDING, metering=metering)
    assert (before.meter_mode(), after.meter_mode()) == (Mode.IDLE, Mode.IDLE)
