"""What the sessions of a node work with: handed in once, by the registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.call.meter import ONLY_BOTH_WAYS, Metering
from gateway.call.ports import Accounting, Decide, Doorbell, Facts, MakeMedia, PinDesk, PlaceCall, Recordings
from gateway.call.trunks import Trunks
from gateway.call.visit import Timeouts
from gateway.clock import Clock


@dataclass(frozen=True, slots=True)
class Tools:
    """What the sessions of a node work with. recordings: None where nothing can be recorded.

    three_way: keys that are a sign of a third party, `!` for a hook flash. place: calls a family's telephone; trunks:
    how its trunks do. codecs: those that each trunk may use; one that is not named may use all.
    """

    node: str
    media: MakeMedia
    accounting: Accounting
    decide: Decide
    facts: Facts
    doorbell: Doorbell
    clock: Clock
    timeouts: Timeouts
    recordings: Recordings | None = None
    metering: Metering = ONLY_BOTH_WAYS
    check_pin: PinDesk | None = None
    three_way: tuple[str, ...] = ("!",)
    place: PlaceCall | None = None
    trunks: Trunks = field(default_factory=Trunks)
    codecs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
