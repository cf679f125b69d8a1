"""Every event in every state: where it leads, written down a second time and by hand."""

from __future__ import annotations

import typing

import pytest

from gateway.call import events as e
from gateway.call.machine import allows, step
from gateway.call.visit import State
from gateway.errors import MachineError
from tests.call.scenes import ONE_OF_EACH, WAY_TO, after

SHORT = {
    "req": State.REQUESTED,
    "iden": State.IDENTIFYING,
    "anno": State.ANNOUNCING,
    "ring": State.RINGING,
    "acce": State.ACCEPTING,
    "conn": State.CONNECTING,
    "talk": State.TALKING,
    "held": State.HELD,
    "reco": State.RECONNECTING,
    "ending": State.ENDING,
    "ended": State.ENDED,
}

# A dot: no rule. The station of `conn` is not answered yet; media of `held` and `reco` had gone both ways before.
# The family has a telephone in `acce` alone: elsewhere what one says is not meant.
EXPECTED = """
                    req     iden    anno    ring    acce    conn    talk    held    reco    ending  ended
Authorised          ring    anno    .       .       .       .       .       .       .       .       .
Refused             ending  iden    .       .       .       .       .       .       .       .       .
IvrNeeded           iden    .       .       .       .       .       .       .       .       .       .
Greeted             .       iden    .       ring    .       .       .       .       .       .       .
PromptEnded         .       iden    anno    ring    acce    conn    talk    held    reco    ending  .
PinChecked          .       iden    .       .       .       .       .       .       .       .       .
IvrDue              .       iden    ring    .       .       .       .       .       .       .       .
FamilyAccepted      .       .       .       conn    .       .       .       .       .       .       .
FamilyRejoined      .       .       .       .       .       conn    talk    held    reco    .       .
FamilyDeclined      .       .       .       ending  .       .       .       .       .       .       .
FamilyLeft          .       .       .       ending  .       ending  ending  ending  ending  .       .
StationConfirmed    .       iden    anno    ring    acce    conn    talk    held    reco    ending  .
StationOffered      req     iden    anno    ring    acce    conn    talk    held    reco    ending  .
StationHeld         .       iden    anno    ring    acce    held    held    held    reco    ending  .
StationResumed      .       iden    anno    ring    acce    conn    .       talk    reco    ending  .
StationHungUp       ending  ending  ending  ending  ending  ending  ending  ending  ending  ending  .
StationLost         ending  ending  ending  ending  ending  ending  ending  ending  ending  ending  .
TransferTried       req     iden    anno    ring    acce    conn    talk    held    reco    ending  .
ThreeWayTried       req     iden    anno    ring    acce    conn    talk    held    reco    ending  .
KeyPressed          req     iden    anno    ring    conn    conn    talk    held    reco    ending  .
StationWantsPicture req     iden    anno    ring    acce    conn    talk    held    reco    ending  .
PhoneProgress       .       .       .       ring    acce    conn    talk    held    reco    ending  .
PhoneAnswered       .       .       .       ring    acce    conn    talk    held    reco    ending  .
PhoneReady          .       .       .       .       acce    .       .       .       .       ending  .
PhoneJoined         .       .       .       .       .       conn    .       held    .       ending  .
PhoneEnded          .       .       .       ring    ending  conn    talk    held    reco    ending  .
PhoneOffered        .       .       .       ring    acce    conn    talk    held    reco    ending  .
PhoneHeld           .       .       .       .       acce    conn    talk    held    reco    ending  .
PhoneResumed        .       .       .       .       acce    conn    talk    held    reco    ending  .
PhoneWantsPicture   .       .       .       ring    acce    conn    talk    held    reco    ending  .
MediaJoined         .       .       .       .       .       conn    .       .       .       ending  .
MediaRefused        .       ending  .       ending  ending  ending  .       .       .       ending  .
WebUp               .       .       .       .       .       conn    talk    held    talk    ending  .
WebDown             .       .       .       .       .       conn    reco    reco    reco    ending  .
StationSilent       .       ending  ending  ring    acce    ending  ending  ending  ending  ending  .
MediaFlows          .       .       .       .       .       talk    talk    held    talk    ending  .
MediaStops          .       .       .       .       .       conn    talk    held    reco    ending  .
PictureSeen         .       iden    anno    ring    acce    conn    talk    held    reco    ending  .
PictureMissing      .       iden    anno    ring    acce    conn    talk    held    reco    ending  .
PictureWanted       .       iden    anno    ring    acce    conn    talk    held    reco    ending  .
LimitChanged        .       iden    anno    ring    acce    conn    talk    held    reco    ending  .
RecordingFailed     .       .       .       .       .       conn    talk    held    reco    ending  .
RingTimedOut        .       .       .       ending  .       .       .       .       .       .       .
TrunkDue            .       .       .       ring  .       .       .       .       .       .       .
PhoneDue            .       .       .       .       acce    .       .       .       .       .       .
ConnectTimedOut     .       .       .       .       .       ending  .       .       .       .       .
ReconnectTimedOut   .       .       .       .       .       .       .       .       ending  .       .
SliceDue            .       .       .       .       .       conn    talk    held    reco    .       .
WarningDue          .       .       .       .       .       .       talk    held    reco    .       .
FarewellDue         .       .       .       .       .       .       talk    held    reco    .       .
ClockDue            .       .       .       .       .       .       talk    .       .       .       .
LimitReached        .       .       .       .       .       ending  ending  ending  ending  .       .
OfficerEnded        ending  ending  ending  ending  ending  ending  ending  ending  ending  .       .
DrainBegan          ending  ending  ending  ending  ending  conn    talk    held    reco    ending  .
DrainEnded          ending  ending  ending  ending  ending  ending  ending  ending  ending  ending  .
Crashed             ending  ending  ending  ending  ending  ending  ending  ending  ending  ending  .
HoldGrown           .       .       .       .       .       conn    talk    held    reco    ending  .
HoldUnknown         .       .       .       .       .       conn    talk    held    reco    ending  .
Recorded            .       .       .       .       .       .       .       .       .       ended   .
"""

_HEAD, *_LINES = [line.split() for line in EXPECTED.strip().splitlines()]
CELLS = [
    pytest.param(line[0], state, cell, id=f"{line[0]}-{state}")
    for line in _LINES
    for state, cell in zip(_HEAD, line[1:], strict=True)
]
BY_NAME = {type(event).__name__: event for event in ONE_OF_EACH}


def test_no_event_is_forgotten() -> None:
    union = {each.__name__ for each in typing.get_args(e.Event)}
    assert union == set(BY_NAME) == {line[0] for line in _LINES}


@pytest.mark.parametrize(("name", "state", "expected"), CELLS)
def test_leads_to(name: str, state: str, expected: str) -> None:
    visit, event = after(*WAY_TO[SHORT[state]]), BY_NAME[name]
    assert visit.state is SHORT[state]
    assert allows(visit, event) is (expected != ".")
    if expected == ".":
        with pytest.raises(MachineError, match=f"no rule for {name} while {visit.state.name}"):
            step(visit, event, 1.0)
    else:
        assert step(visit, event, 1.0)[0].state is SHORT[expected]
