"""Whatever happens in whatever order: one end, one farewell, one record, no second charged that was not paid for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.deadlines import next_due
from gateway.call.machine import allows, step
from gateway.call.visit import State
from tests.call.scenes import ONE_OF_EACH, fresh

HAPPENINGS = st.lists(st.tuples(st.sampled_from(ONE_OF_EACH), st.floats(0, 40)), max_size=60)
FAREWELL = c.RejectStation | c.HangUpStation
TIMED = (
    e.LimitReached,
    e.RingTimedOut,
    e.TrunkDue,
    e.PhoneDue,
    e.ConnectTimedOut,
    e.ReconnectTimedOut,
    e.WarningDue,
    e.ClockDue,
)


@settings(max_examples=300, deadline=None)
@given(HAPPENINGS)
def test_any_order(happenings: list[tuple[e.Event, float]]) -> None:
    visit, now_s, wanted, ends = fresh(), 0.0, list[c.Command](), 0
    for happening, wait_s in happenings:
        now_s += wait_s
        while (due := next_due(visit)) and due.at_s <= now_s:
            visit, commands = step(visit, due.event, max(due.at_s, 0.0))
            wanted += commands
        if isinstance(happening, TIMED) or not allows(visit, happening):
            continue
        seen_late = isinstance(happening, e.MediaFlows | e.MediaStops)
        event = type(happening)(now_s - 0.3) if seen_late else happening
        before = visit
        visit, commands = step(visit, event, now_s)
        ends += visit.is_over and not before.is_over
        if isinstance(event, e.Crashed) and before.is_over:
            continue  # it does everything again on purpose: each act is idempotent
        wanted += commands
        if visit.allowance:
            assert visit.meter.billable_s(now_s + 1000) <= visit.allowance.paid_s

    assert sum(isinstance(each, FAREWELL) for each in wanted) <= 1
    assert wanted.count(c.CloseBooks()) == wanted.count(c.CloseMedia()) == (1 if visit.is_over else 0)
    assert sum(isinstance(each, c.TellWarning) for each in wanted) <= 1
    assert ends <= 1
    assert (visit.termination is not None) == visit.is_over
    if visit.state is State.ENDED:
        assert next_due(visit) is None
