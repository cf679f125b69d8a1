"""A station whose callers are asked first: who they are, whom they want, whether they accept."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.call.facts import FactKind
from gateway.call.notices import Over
from gateway.errors import NothingToWatch, StoreUnavailable
from gateway.ivr.values import PinLocked, PinRight, PinWrong
from gateway.policy.ivr import IvrRules
from gateway.store import AccountKind
from sip.fake import FarSide
from tests.call.stage import FAMILY, HOLD_OFFER, VIDEO_OFFER, Node, stage

ATTORNEY = "5552369000"
RULES = IvrRules(consent=True)


class Desk:
    """Resident 10042 with the PIN 2468; three wrong ones lock the resident out."""

    def __init__(self) -> None:
        self.wrong = 0
        self.away = False

    async def __call__(self, facility: str, resident: str, pin: str) -> PinRight | PinWrong | PinLocked:
        if self.away:
            raise StoreUnavailable("the test cut the line")
        if self.wrong >= 3:
            return PinLocked()
        if (facility, resident, pin) == ("demo-jail", "10042", "2468"):
            return PinRight()
        self.wrong += 1
        return PinWrong()


class Call:
    def __init__(self, node: Node, far: FarSide, desk: Desk) -> None:
        self.node = node
        self.far = far
        self.desk = desk

    async def hears(self, words: str, times: int = 1) -> None:
        said = lambda: sum(words in each for each in self.node.media.own)  # noqa: E731 - asked again and again
        await self.node.happenings.until(lambda: said() >= times, f"{words} is said ({times})")

    def keys(self, digits: str) -> None:
        self.node.media.press(digits)

    async def identifies(self) -> None:
        await self.hears("enter-id")
        self.keys("10042#")
        await self.hears("enter-pin")
        self.keys("2468#")
        await self.hears("accept")


@contextlib.asynccontextmanager
async def calls(
    tmp_path: Path, rules: IvrRules = RULES, dialled: str = FAMILY, deposit: str = "5.00", sdp: str | None = VIDEO_OFFER
) -> AsyncIterator[Call]:
    desk = Desk()
    async with stage(tmp_path, deposit=deposit, ivr=rules, check_pin=desk) as node:
        far = node.station_calls(dialled=dialled, sdp=sdp)
        assert (await far.final()).code == 200
        yield Call(node, far, desk)


async def test_identified_told_and_accepted_they_talk(tmp_path: Path) -> None:
    async with calls(tmp_path, deposit="1.00") as call:
        node = call.node
        await call.identifies()
        assert node.media.own[-1] == (
            "say to sip in en: your-balance SpokenMoney time-allowed SpokenMinutes notice-monitored accept"
        )
        assert node.visits.view("v1").state == "announcement"
        assert node.recorder.rings == [], "nobody is rung before it is accepted"
        with pytest.raises(NothingToWatch):
            node.visits.watchable("v1")
        call.keys("1")
        ring = await node.rung()
        assert "show please-wait to sip, saying please-wait" in node.media.own
        await node.accepts(ring)
        assert node.media.asked == ["greet", "bring"]
        assert node.visits.watchable("v1") is node.media
        node.media.connect()
        node.media.flow()
        await node.fact(FactKind.CONNECTED)
        await node.clock.advance(90)
        call.far.bye()
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.contact, cdr.rule) == ("inmate_hung_up", 90, "family-1", "family")
        assert cdr.total == "0.24"
        kinds = node.recorder.kinds()
        assert kinds[:4] == [FactKind.REQUESTED, FactKind.IDENTIFYING, FactKind.ANNOUNCING, FactKind.RINGING]
        assert FactKind.DTMF not in kinds, "not even how many keys a PIN has is told"


async def test_a_privileged_visit_is_brought_into_sealed_media(tmp_path: Path) -> None:
    async with calls(tmp_path, dialled=ATTORNEY) as call:
        await call.node.accounting.open_account("county", "USD", kind=AccountKind.FACILITY)
        await call.identifies()
        assert "notice-privileged" in call.node.media.own[-1]
        call.keys("1")
        await call.node.accepts(await call.node.rung())
        assert call.node.media.asked[-1] == "bring sealed"
        assert call.node.media.sealed


@pytest.mark.parametrize("keyed", ["10042#1111#", "99999#2468#"], ids=["PIN", "id"])
async def test_wrong_three_times(tmp_path: Path, keyed: str) -> None:
    async with calls(tmp_path) as call:
        for times in (1, 2, 3):
            await call.hears("enter-id", times)
            call.keys(keyed)
            if times < 3:
                await call.hears("wrong", times)
        await call.hears("refused-pin goodbye")
        call.node.media.said()
        assert (await call.far.request("BYE")).method == "BYE"
        cdr = await call.node.record()
        assert (cdr.reason, cdr.sip_code, cdr.contact, cdr.total) == ("refused_pin", 0, "", "0.00")


async def test_a_resident_who_is_locked_out(tmp_path: Path) -> None:
    async with calls(tmp_path) as call:
        call.desk.wrong = 3
        await call.hears("enter-id")
        call.keys("10042#2468#")
        await call.hears("refused-locked goodbye")
        call.node.media.said()
        assert (await call.node.record()).reason == "refused_locked_out"


async def test_a_caller_who_says_nothing(tmp_path: Path) -> None:
    async with calls(tmp_path) as call:
        for times in (1, 2, 3):
            await call.hears("enter-id", times)
            call.node.media.said()
            await call.node.clock.advance(RULES.answer_s)
        await call.hears("nothing-heard goodbye")
        await call.node.clock.advance(RULES.prompt_s)
        assert (await call.node.record()).reason == "refused_no_input"


STEPS = ["enter-id", "enter-pin", "accept"]


@pytest.mark.parametrize("step", STEPS)
async def test_a_caller_who_hangs_up(tmp_path: Path, step: str) -> None:
    async with calls(tmp_path) as call:
        for each, keyed in zip(STEPS, ("10042#", "2468#", ""), strict=True):
            await call.hears(each)
            if each == step:
                break
            call.keys(keyed)
        call.far.bye()
        cdr = await call.node.record()
        assert (cdr.reason, cdr.billable_s, cdr.total) == ("inmate_hung_up", 0, "0.00")
        assert cdr.answer_at is not None, "the carrier saw it answered"
        assert (await call.node.accounting.account("family-1")).held.micros == 0
        assert call.node.recorder.rings == []


@pytest.mark.parametrize(
    ("dialled", "words", "reason"),
    [
        ("5552368009", "refused-number", "refused_unknown_number"),
        ("5552368100", "refused-hours", "refused_hours"),
        ("911", "refused-number", "refused_blocked"),
    ],
)
async def test_what_policy_refuses_is_said_in_words(tmp_path: Path, dialled: str, words: str, reason: str) -> None:
    async with calls(tmp_path, IvrRules(pin=False), dialled=dialled) as call:
        await call.hears(f"{words} goodbye")
        call.node.media.said()
        await call.far.request("BYE")
        cdr = await call.node.record()
        assert (cdr.reason, cdr.dialled) == (reason, dialled)


async def test_no_money_is_said_in_words(tmp_path: Path) -> None:
    async with calls(tmp_path, IvrRules(pin=False), deposit="0.000001") as call:
        await call.hears("refused-balance goodbye")
        call.node.media.said()
        assert (await call.node.record()).reason == "refused_balance"


async def test_a_notice_that_is_refused_costs_nothing(tmp_path: Path) -> None:
    async with calls(tmp_path) as call:
        await call.identifies()
        assert (await call.node.accounting.account("family-1")).held.micros > 0
        call.keys("2")
        await call.hears("refused-consent goodbye")
        call.node.media.said()
        cdr = await call.node.record()
        assert (cdr.reason, cdr.total, cdr.contact) == ("refused_consent", "0.00", "family-1")
        assert (await call.node.accounting.account("family-1")).held.micros == 0


async def test_a_number_is_keyed_in(tmp_path: Path) -> None:
    async with calls(tmp_path, IvrRules(pin=False, number=True), dialled="visits") as call:
        await call.hears("enter-number")
        call.keys(FAMILY + "#")
        await call.hears("please-wait")
        call.node.media.said()
        assert (await call.node.rung()).contact == "family-1"
        call.far.bye()
        assert (await call.node.record()).dialled == FAMILY


async def test_the_family_does_not_answer_or_declines(tmp_path: Path) -> None:
    async with calls(tmp_path, IvrRules(pin=False)) as call:
        await call.hears("please-wait")
        call.node.media.said()
        ring = await call.node.rung()
        await call.node.visits.decline(ring.visit_id, ring.contact)
        await call.far.request("BYE")
        assert (await call.node.record()).reason == "rejected"
        assert [each.reason for each in call.node.recorder.told(Over)] == ["rejected"]


async def test_a_station_that_holds_and_resumes_while_it_is_asked(tmp_path: Path) -> None:
    async with calls(tmp_path) as call:
        await call.hears("enter-id")
        call.far.reinvite(HOLD_OFFER)
        await call.node.happenings.until(lambda: "change" in call.node.media.asked, "the hold is answered")
        call.far.reinvite(VIDEO_OFFER)
        await call.identifies()
        call.keys("1")
        await call.node.accepts(await call.node.rung())


async def test_a_delayed_offer_is_completed_while_it_is_asked(tmp_path: Path) -> None:
    async with stage(tmp_path, ivr=IvrRules(pin=False)) as node:
        far = node.station_calls(sdp=None, acks=False)
        assert (await far.final()).code == 200
        far.ack(VIDEO_OFFER)
        await node.happenings.until(lambda: "complete" in node.media.asked, "the answer is taken")
        far.bye()
        assert (await node.record()).reason == "inmate_hung_up"


async def test_the_database_is_away_before_and_while_somebody_is_asked(tmp_path: Path) -> None:
    desk = Desk()
    async with stage(tmp_path, ivr=RULES, check_pin=desk) as node:
        node.line.away = True
        assert (await node.station_calls().final()).code == 503, "nothing is answered that cannot be written down"
        node.line.away = False
        far = node.station_calls()
        assert (await far.final()).code == 200
        call = Call(node, far, desk)
        await call.hears("enter-id")
        desk.away = True
        call.keys("10042#2468#")
        await call.hears("refused-unavailable goodbye")
        node.media.said()
        await node.fact(FactKind.RECORDED)
        await node.clock.advance(60)
        await node.fact(FactKind.RECORDED, 2)
        assert {each.reason for each in await node.accounting.cdrs()} == {"refused_unavailable"}


async def test_a_node_that_dies_while_somebody_is_asked_leaves_a_record(tmp_path: Path) -> None:
    async with calls(tmp_path) as call:
        await call.identifies()
        receipts = await call.node.accounting.recover("node1", call.node.clock.now())
        assert [(each.visit_id, each.reason) for each in receipts] == [("v1", "node_crash")]
        (cdr,) = await call.node.accounting.cdrs()
        assert (cdr.contact, cdr.total) == ("family-1", "0.00")


async def test_without_anybody_who_knows_pins_nobody_gets_in_by_one(tmp_path: Path) -> None:
    async with stage(tmp_path, ivr=RULES) as node:
        call = Call(node, node.station_calls(), Desk())
        await call.far.final()
        await call.hears("enter-id")
        call.keys("10042#2468#")
        await call.hears("refused-unavailable goodbye")


async def test_no_key_is_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with calls(tmp_path) as call:
        await call.identifies()
        call.far.bye()
        await call.node.record()
    assert "10042" not in caplog.text
    assert "2468" not in caplog.text
