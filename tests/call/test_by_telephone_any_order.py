"""Whatever a telephone, its trunks and a station do, in any order: no key, no visit; nobody is left on the line."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.deadlines import next_due
from gateway.call.machine import allows, step
from gateway.call.phone import Wire
from gateway.call.visit import State, VisitState
from gateway.ivr.values import Outcome
from tests.call.scenes import BY_PHONE, RECEIPT, TALK_BY_PHONE, fresh

OF_TRUNKS: tuple[e.Event, ...] = (
    e.PhoneProgress(1, rings=False),
    e.PhoneProgress(2, rings=True),
    *(e.PhoneAnswered(attempt, "answer") for attempt in (1, 2)),
    *(e.PhoneEnded(code, attempt, hung_up=True) for code in (503, 486, 487) for attempt in (1, 2)),
    e.PhoneEnded(0, 2),
)
OF_PEOPLE: tuple[e.Event, ...] = (
    *(e.KeyPressed(side, digit) for side in ("sip", "web") for digit in "129"),
    *(e.PromptEnded(turn, "web") for turn in (1, 2, 3)),
    e.PhoneOffered("offer"),
    e.PhoneHeld(),
    e.PhoneResumed(),
    e.StationHeld(),
    e.StationResumed(),
    e.StationConfirmed("answer"),
    e.StationHungUp(),
    e.ThreeWayTried("web", "flash"),
)
OF_THE_HOUSE: tuple[e.Event, ...] = (
    e.Greeted(),
    e.PhoneReady(),
    e.PhoneJoined(picture=False),
    e.MediaRefused(),
    e.MediaFlows(0.0),
    e.MediaStops(0.0),
    e.WebDown(),
    e.StationSilent(),
    e.DrainBegan(),
    e.OfficerEnded(),
    e.Recorded(RECEIPT),
)
MOSTLY_FORWARD = st.one_of(
    st.sampled_from(TALK_BY_PHONE[1:]),
    st.sampled_from(OF_TRUNKS),
    st.sampled_from(OF_PEOPLE),
    st.sampled_from(OF_THE_HOUSE),
)
HAPPENINGS = st.lists(st.tuples(MOSTLY_FORWARD, st.floats(0, 15)), max_size=40)


class Line:
    """What the commands do to the call with the telephone."""

    def __init__(self) -> None:
        self.up = False
        self.calls = 0
        self.connected = False

    def obey(self, wanted: tuple[c.Command, ...], visit: VisitState) -> None:
        for each in wanted:
            match each:
                case c.CallPhone(trunk, attempt):
                    self.calls += 1
                    assert attempt == self.calls
                    assert trunk == BY_PHONE.phone.trunks[attempt - 1] if BY_PHONE.phone else False
                    self.up = True
                case c.HangUpPhone():
                    assert self.up, "nobody hangs up twice"
                    self.up = False
                case c.ConnectPhone():
                    acceptance = visit.phone.acceptance if visit.phone else None
                    assert acceptance is not None
                    assert acceptance.outcome is Outcome.ACCEPTED, "only the key joins them"
                    self.connected = True
                case c.JoinMedia() | c.RingFamily():
                    raise AssertionError("there is no page")


@settings(max_examples=400, deadline=None)
@given(HAPPENINGS)
@example([(each, 0.0) for each in TALK_BY_PHONE[1:]])
def test_no_key_no_visit_and_nobody_is_left_on_the_line(happenings: list[tuple[e.Event, float]]) -> None:
    line = Line()
    visit, wanted = step(fresh(), BY_PHONE, 0.0)
    line.obey(wanted, visit)
    now_s = 0.0
    for happening, wait_s in happenings:
        now_s += wait_s
        while (due := next_due(visit)) and due.at_s <= now_s:
            visit, wanted = step(visit, due.event, due.at_s)
            line.obey(wanted, visit)
        if not allows(visit, happening):
            continue
        event = type(happening)(now_s) if isinstance(happening, e.MediaFlows | e.MediaStops) else happening
        if isinstance(event, e.MediaFlows) and not line.connected:
            continue  # the bridge has nothing that could flow
        if isinstance(event, e.PhoneEnded) and visit.phone and event.attempt == visit.phone.attempt:
            line.up = False
        visit, wanted = step(visit, event, now_s)
        line.obey(wanted, visit)
        if visit.meter.billable_s(now_s + 100) > 0:
            assert line.connected, "who did not press the key is not charged for"
    if visit.is_over:
        assert not line.up
        assert visit.phone is not None
        assert visit.phone.wire is Wire.GONE
    assert line.calls <= 2
    assert visit.state is not State.ENDED or next_due(visit) is None
