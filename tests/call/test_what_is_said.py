"""What a visit says and shows by itself: to whom, when, and when no more."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import Prompt, Side, Slate
from bridge.errors import NegotiationError
from bridge.events import CameBack, PictureMissing, WentSilent
from gateway.call import commands as c
from gateway.call import events as e
from gateway.call.deadlines import next_due
from gateway.call.facts import FactKind
from gateway.call.machine import step
from gateway.call.translate import from_media
from gateway.call.visit import State, Timeouts
from gateway.store import AccountKind
from tests.call.scenes import AUTHORISED, TALK, after, fresh, play
from tests.call.stage import HOLD_OFFER, VIDEO_OFFER, stage

OWN = c.Play | c.Show | c.Clear


def own(commands: list[c.Command]) -> list[c.Command]:
    return [each for each in commands if isinstance(each, OWN)]


def said_on(*happened: e.Event, before: tuple[e.Event, ...] = TALK) -> list[c.Command]:
    return own(play(*happened, visit=after(*before))[1])


def test_both_see_a_slate_until_they_see_each_other() -> None:
    assert own(play(*TALK[:3])[1]) == [
        c.Show(Side.SIP, Slate.PLEASE_WAIT, until_picture=True),
        c.Show(Side.WEB, Slate.CALLING, until_picture=True),
    ]


def test_the_station_is_told_that_the_family_comes_back_and_then_hears_it() -> None:
    waiting = c.Show(Side.SIP, Slate.RECONNECTING, Prompt.RECONNECTING)
    assert said_on(e.WebDown(), e.WebDown(), e.FamilyRejoined("offer")) == [waiting]
    assert said_on(e.WebDown(), e.WebUp(), e.MediaFlows(1.0)) == [waiting, c.Clear(Side.SIP)]
    assert said_on(e.WebDown(), e.MediaFlows(1.0)) == [waiting, c.Clear(Side.SIP)], "the old path came back"


def test_the_family_waits_while_the_station_holds() -> None:
    assert said_on(e.StationHeld(), e.StationResumed()) == [
        c.Show(Side.WEB, Slate.HELD, Prompt.HELD),
        c.Clear(Side.WEB),
    ]


def test_a_hold_while_the_family_is_away_waits_for_it() -> None:
    assert said_on(e.WebDown(), e.StationHeld(), e.WebUp(), e.StationResumed()) == [
        c.Show(Side.SIP, Slate.RECONNECTING, Prompt.RECONNECTING),
        c.Show(Side.WEB, Slate.HELD, Prompt.HELD),
        c.Clear(Side.SIP),
        c.Clear(Side.WEB),
    ]


def test_who_has_no_camera_is_heard_behind_a_slate() -> None:
    assert said_on(e.PictureMissing("web")) == [c.Show(Side.SIP, Slate.SOUND_ONLY, until_picture=True)]
    assert said_on(e.PictureMissing("sip")) == [c.Show(Side.WEB, Slate.SOUND_ONLY, until_picture=True)]
    assert said_on(e.StationHeld(), e.PictureMissing("sip"))[1:] == [], "the hold's own slate stays"
    assert said_on(e.StationHeld(), e.PictureMissing("web"))[1:] == said_on(e.PictureMissing("web"))


def test_a_rejoin_changes_nothing_before_it_is_there() -> None:
    visit, commands = step(after(*TALK), e.FamilyRejoined("offer"), 5.0)
    assert (visit.state, commands) == (State.TALKING, (c.RejoinMedia("offer"),))
    assert visit.meter.billable_s(9.0) == 9


def test_both_hear_the_warning_and_that_the_time_is_over_before_it_is() -> None:
    paid = after(AUTHORISED, *TALK[1:], visit=fresh(Timeouts(clock_every_s=1e9)))
    told: list[tuple[float, c.Command]] = []
    while due := next_due(paid):
        paid, commands = step(paid, due.event, due.at_s)
        told += [(due.at_s, each) for each in own(list(commands))]
        if paid.is_over:
            break
    assert told == [
        (at_s, c.Play(side, prompt))
        for at_s, prompt in ((40.0, Prompt.ONE_MINUTE), (97.0, Prompt.TIME_OVER))
        for side in Side
    ]


def test_a_warning_that_is_not_a_minute_before_says_no_minute() -> None:
    visit = after(AUTHORISED, *TALK[1:], visit=fresh(Timeouts(warning_s=30)))
    _, commands = step(visit, e.WarningDue(), 70.0)
    assert own(list(commands)) == [c.Play(side, Prompt.ENDING_SOON) for side in Side]


def test_what_the_media_tells_of_presence() -> None:
    assert from_media(WentSilent(Side.WEB)) == e.WebDown()
    assert from_media(CameBack(Side.WEB)) == e.WebUp()
    assert from_media(PictureMissing(Side.SIP)) == e.PictureMissing("sip")


async def test_it_reaches_the_media(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        far, _ = await node.talks()
        media = node.media
        far.reinvite(HOLD_OFFER)
        await node.fact(FactKind.HELD)
        far.reinvite(VIDEO_OFFER)
        await node.fact(FactKind.RESUMED)
        media.lose_browser()
        await node.happenings.until(lambda: node.visits.live()[0].state == "reconnecting", "the browser is missed")
        media.connect()
        await node.happenings.until(lambda: node.visits.live()[0].state == "talking", "it is back")
        assert media.own == [
            "play notice-monitored to sip",
            "show please-wait to sip, until its picture comes",
            "show calling to web, about Pod A terminal 1, until its picture comes",
            "show held to web, saying held",
            "clear web",
            "show reconnecting to sip, saying reconnecting",
            "clear sip",
        ]


async def test_a_resident_who_may_be_watched_hears_so_and_a_privileged_visit_hears_nothing(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        await node.accounting.open_account("county", "USD", kind=AccountKind.FACILITY)
        await node.talks()
        assert "play notice-monitored to sip" in node.media.own
        await node.talks(dialled="5552369000", station="terminal-2")
        assert not [each for each in node.media.own if each.startswith("play")]


async def test_a_bad_rejoin_leaves_the_visit_as_it_was(tmp_path: Path) -> None:
    async with stage(tmp_path) as node:
        _, ring = await node.talks()
        node.media.fails = NegotiationError("no such codec")
        with pytest.raises(NegotiationError, match="no such codec"):
            await node.visits.rejoin(ring.visit_id, ring.contact, "v=0 a bad offer")
        assert node.visits.live()[0].state == "talking"
        await node.clock.advance(40)
        assert node.visits.live()[0].state == "talking"
