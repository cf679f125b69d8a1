"""A family's telephone that declines, holds or dies; a station that leaves; and the house, which ends it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge import NegotiationError, Side
from gateway.call.facts import FactKind
from gateway.errors import VisitGone
from gateway.ivr.values import PinRight
from gateway.policy.ivr import IvrRules
from gateway.store import AccountKind
from sip.events import ConferenceSeen
from tests.call.phones import PHONE_ANSWER, PHONE_HOLDS, PHONE_RESUMES, TELEPHONE, phoning
from tests.call.stage import AUDIO_OFFER, HOLD_OFFER, VIDEO_OFFER
from tests.support.media import TELEPHONE_ANSWER, TELEPHONE_OFFER

# ---- the key ----


async def test_key_2_declines(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.answered()
        call.presses("2")
        await call.said("goodbye")
        call.node.media.said(Side.WEB)
        await phone.request("BYE")
        assert (await call.station.final()).code == 603
        cdr = await call.node.record()
        assert (cdr.reason, cdr.total) == ("rejected", "0.00")
        assert "connect telephone" not in call.node.media.asked


async def test_a_hang_up_without_a_key(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.answered()
        phone.bye()
        assert (await call.station.final()).code == 603
        assert (await call.node.record()).reason == "not_accepted"


async def test_a_key_by_info_and_in_rtp_is_one_key(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.answered()
        phone.dtmf("9")
        call.presses("9")
        await call.said("wrong facility notice-monitored accept")
        phone.dtmf("1")
        call.presses("1")
        assert (await call.station.final()).code == 200
        assert call.node.recorder.kinds().count(FactKind.DTMF) == 0


async def test_the_key_of_the_station_accepts_nothing(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        await call.answered()
        call.station.dtmf("1")
        call.node.media.press("1", Side.SIP)
        call.presses("2")
        await call.said("goodbye")
        assert "connect telephone" not in call.node.media.asked


# ---- the station ----


@pytest.mark.parametrize("asked", [False, True], ids=["while it rings", "while it is asked"])
async def test_the_caller_gives_up(tmp_path: Path, asked: bool) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.answered() if asked else await call.phone()
        call.station.cancel()
        await phone.request("BYE" if asked else "CANCEL")
        cdr = await call.node.record()
        assert (cdr.reason, cdr.total) == ("inmate_hung_up", "0.00")


async def test_a_station_without_an_offer_is_joined_when_it_has_described_itself(tmp_path: Path) -> None:
    async with phoning(tmp_path, sdp=None, acks=False) as call:
        await call.answered()
        call.presses("1")
        assert (await call.station.final()).code == 200
        await call.node.fact(FactKind.ACCEPTED)
        assert "connect telephone" not in call.node.media.asked
        call.station.ack(VIDEO_OFFER)
        await call.wants("connect telephone")
        assert call.node.media.asked[-2:] == ["complete", "connect telephone"]


async def test_a_station_that_the_voice_has_answered(tmp_path: Path) -> None:
    async def knows(facility: str, resident: str, pin: str) -> PinRight:
        return PinRight()

    async with phoning(tmp_path, ivr=IvrRules(consent=True), check_pin=knows) as call:
        assert (await call.station.final()).code == 200
        heard = call.node.happenings.until
        for words, keys in (("enter-id", "10042#"), ("enter-pin", "2468#"), ("accept", "1")):
            await heard(lambda words=words: any(words in each for each in call.node.media.own), words)
            call.node.media.press(keys)
        await call.answered()
        assert "show please-wait to sip, saying please-wait" in call.node.media.own
        call.presses("1")
        await call.wants("connect telephone")
        assert call.node.media.asked.count("greet") == 1
        call.node.media.flow()
        await call.node.fact(FactKind.CONNECTED)
        assert "clear sip" in call.node.media.own
        await call.node.clock.advance(60)
        call.station.bye()
        assert (await call.node.record()).billable_s == 60


async def test_what_a_station_that_was_not_asked_hears_of_recording_and_watching(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        await call.talks()
        assert "play notice-monitored to sip" in call.node.media.own


async def test_a_private_visit_is_sealed(tmp_path: Path) -> None:
    async with phoning(tmp_path, dialled="5552369000") as call:
        await call.node.accounting.open_account("county", "USD", kind=AccountKind.FACILITY)
        phone = await call.phone()
        phone.answer(PHONE_ANSWER)
        await call.said("facility notice-privileged accept")
        call.presses("1")
        await call.wants("connect telephone sealed")
        assert call.node.media.sealed


async def test_sound_that_is_paid_for_as_sound_asks_for_no_picture(tmp_path: Path) -> None:
    async with phoning(tmp_path, sdp=AUDIO_OFFER) as call:
        phone = await call.talks()
        assert "offer telephone" in call.node.media.asked
        phone.reinvite(VIDEO_OFFER)
        assert (await phone.final()).code == 488


# ---- while they talk ----


async def test_the_phone_holds_and_comes_back_and_nobody_pays_for_it(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        node, phone = call.node, await call.talks()
        await node.clock.advance(10)
        phone.reinvite(PHONE_HOLDS)
        answer = await phone.final()
        assert (answer.code, answer.sdp) == (200, TELEPHONE_ANSWER)
        await node.fact(FactKind.HELD)
        assert "show held to sip, saying held" in node.media.own
        view = node.visits.view("v1")
        assert (view.state, view.held) == ("held", True)
        await node.clock.advance(60)
        call.station.reinvite(HOLD_OFFER)
        await node.fact(FactKind.HELD, 2)
        phone.update(PHONE_RESUMES)
        await node.fact(FactKind.RESUMED)
        assert node.visits.view("v1").state == "held", "the station holds still"
        call.station.reinvite(VIDEO_OFFER)
        await node.fact(FactKind.RESUMED, 2)
        node.media.flow()
        await node.happenings.until(lambda: node.visits.view("v1").state == "talking", "they talk")
        await node.clock.advance(20)
        phone.bye()
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.unusable_s) == ("family_left", 30, 0)


async def test_a_phone_that_holds_before_it_accepts_is_joined_when_it_is_back(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        node, phone = call.node, await call.answered()
        phone.reinvite(PHONE_HOLDS)
        assert (await phone.final()).code == 200
        call.presses("1")
        await call.wants("connect telephone")
        phone.reinvite(PHONE_RESUMES)
        assert (await phone.final()).code == 200
        node.media.flow()
        await node.happenings.until(lambda: node.visits.view("v1").state == "talking", "they talk")
        await node.clock.advance(15)
        phone.bye()
        assert (await node.record()).billable_s == 15


async def test_an_offer_without_a_description_is_answered_with_ours(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.talks()
        phone.reinvite(None)
        assert (await phone.final()).sdp == TELEPHONE_OFFER


async def test_an_offer_that_does_not_fit_changes_nothing(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.talks()
        call.node.media.fails = NegotiationError("nothing in common")
        phone.reinvite(VIDEO_OFFER)
        assert (await phone.final()).code == 488
        assert call.node.visits.view("v1").state == "talking"


async def test_the_money_ends_and_both_hear_of_it(tmp_path: Path) -> None:
    async with phoning(tmp_path, deposit="0.09") as call:
        phone = await call.talks()
        await call.node.fact(FactKind.CONNECTED)
        await call.node.clock.advance(30)
        await call.node.fact(FactKind.WARNED)
        await call.node.clock.advance(57)
        own = call.node.media.own
        await call.node.happenings.until(lambda: "play time-over to web" in own, "the farewell")
        assert "play one-minute to web" in own
        await call.node.clock.advance(3)
        await phone.request("BYE")
        await call.station.request("BYE")
        cdr = await call.node.record()
        assert (cdr.reason, cdr.billable_s, cdr.total) == ("balance_exhausted", 90, "0.09")


async def test_signs_of_a_third_party_are_told_of_the_phone(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.talks()
        phone.dtmf("!")
        phone._dialog.came(ConferenceSeen())
        phone.refer("sip:someone@far.invalid")
        await call.node.fact(FactKind.TRANSFER_REFUSED)
        told = [each.detail for each in call.node.recorder.facts if each.kind is FactKind.THREE_WAY]
        assert told == [{"source": "web", "sign": "flash"}, {"source": "web", "sign": "focus"}]
        assert call.node.visits.view("v1").state == "talking"


async def test_the_phones_line_dies(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.talks()
        await call.node.clock.advance(5)
        phone.session_lost()
        await call.station.request("BYE")
        assert (await call.node.record()).reason == "trunk_error"


async def test_a_phone_that_falls_silent_is_waited_for(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        node, phone = call.node, await call.talks()
        await node.clock.advance(10)
        node.media.stop()
        node.media.silence(Side.WEB)
        await node.happenings.until(lambda: node.visits.view("v1").state == "reconnecting", "it is waited for")
        await node.clock.advance(30)
        await phone.request("BYE")
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s) == ("family_left", 10)


async def test_the_phone_asks_for_a_picture_and_is_asked_for_one(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.talks()
        phone.info("application/media_control+xml", "<picture_fast_update/>")
        await call.wants("want_picture of the station")
        call.node.media.want_picture_by_info(Side.WEB)
        assert "picture_fast_update" in (await phone.request("INFO")).body


# ---- the house ----


async def test_an_officer_and_a_drain_end_it_wherever_it_is(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.answered()
        await call.node.visits.end("v1")
        await phone.request("BYE")
        assert (await call.station.final()).code == 403
        assert (await call.node.record()).reason == "officer_terminated"
        again = call.node.station_calls()
        second = await call.phone()
        await call.node.visits.drain(0)
        await second.request("CANCEL")
        assert (await again.final()).code == 503


@pytest.mark.parametrize("talking", [False, True], ids=["while it is asked", "while they talk"])
async def test_the_agent_of_both_lines_dies(tmp_path: Path, talking: bool) -> None:
    async with phoning(tmp_path) as call:
        await (call.talks() if talking else call.answered())
        call.node.endpoint.kill_agent()
        cdr = await call.node.record()
        assert (cdr.reason, cdr.billable_s) == ("trunk_error", 0)
        assert call.node.media.closed
        assert await call.held() == 0


async def test_a_database_that_goes_away_does_not_keep_the_phone_on_the_line(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.answered()
        call.node.line.away = True
        call.station.cancel()
        await phone.request("BYE")
        call.node.line.away = False
        await call.node.clock.advance(60)
        assert (await call.node.record()).reason == "inmate_hung_up"


async def test_no_page_can_take_or_end_what_rings_at_a_telephone(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        await call.answered()
        visits = call.node.visits
        assert visits.rings_for("family-1") == ()
        for wish in (
            visits.accept("v1", "family-1", "v=0 the browser's offer"),
            visits.rejoin("v1", "family-1", "v=0 the browser's offer"),
            visits.decline("v1", "family-1"),
            visits.leave("v1", "family-1"),
            visits.message("v1", "hello"),
        ):
            with pytest.raises(VisitGone):
                await wish
        assert call.node.recorder.notices == []


async def test_media_that_does_not_come_about(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.phone()
        call.node.media.fails = NegotiationError("nothing in common")
        phone.answer(PHONE_ANSWER)
        await phone.request("BYE")
        assert (await call.station.final()).code == 488
        assert (await call.node.record()).reason == "media_failed"


async def test_a_station_that_cannot_be_greeted_rings_nobody(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        call.node.next_join_fails.append(NegotiationError("nothing in common"))
        assert (await call.station.final()).code == 488
        assert (await call.node.record()).reason == "media_failed"


async def test_a_node_that_dies_while_it_is_asked_charges_nobody(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        await call.answered()
        (receipt,) = await call.node.accounting.recover("node1", call.node.clock.now())
        assert (receipt.reason, receipt.charged.micros) == ("node_crash", 0)


async def test_no_number_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with phoning(tmp_path, trunks="[unheard-of, carrier-a]") as call:
        phone = await call.talks()
        phone.bye()
        await call.node.record()
    assert TELEPHONE[2:] not in caplog.text
