"""A family that is reached by telephone: called, told, asked; and joined by nothing but the key."""

from __future__ import annotations

from pathlib import Path

from bridge import Side
from gateway.call.facts import FactKind
from tests.call.phones import PHONE_ANSWER, TELEPHONE, phoning
from tests.support.media import TELEPHONE_OFFER


async def test_they_talk_after_the_key_and_the_meter_starts_with_them(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        node = call.node
        assert (await call.station.response()).code == 180
        phone = await call.phone()
        assert (phone.target, phone.trunk, phone.sdp) == (TELEPHONE, "carrier-a", TELEPHONE_OFFER)
        phone.ring()
        await node.clock.advance(8)
        phone.answer(PHONE_ANSWER)
        await call.asked()
        assert node.media.own == ["say to web in en: facility notice-monitored accept"]
        assert node.visits.view("v1").state == "accepting"
        assert node.recorder.rings == [], "it rings on no page"
        await node.clock.advance(5)
        call.presses("1")
        assert (await call.station.final()).code == 200, "it is answered when the family is there"
        await call.wants("connect telephone")
        assert node.media.asked == ["greet", "offer telephone", "complete telephone", "connect telephone"]
        assert node.visits.watchable("v1") is node.media
        await node.clock.advance(3)
        node.media.flow()
        await node.fact(FactKind.CONNECTED)
        await node.clock.advance(90)
        phone.bye()
        await call.station.request("BYE")
        cdr = await node.record()
        assert (cdr.reason, cdr.billable_s, cdr.contact, cdr.rule) == ("family_left", 90, "family-1", "family")
        assert (cdr.medium, cdr.tariff_id, cdr.total) == ("audio", "demo-audio", "0.09"), "a telephone has no picture"
        assert node.recorder.kinds()[:5] == [
            FactKind.REQUESTED, FactKind.RINGING, FactKind.ANSWERED, FactKind.ACCEPTED, FactKind.CONNECTED,
        ]  # fmt: skip


async def test_the_station_hangs_up_while_they_talk(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone = await call.talks()
        await call.node.clock.advance(30)
        call.station.bye()
        await phone.request("BYE")
        cdr = await call.node.record()
        assert (cdr.reason, cdr.billable_s) == ("inmate_hung_up", 30)


async def test_without_the_key_nobody_is_connected_and_nobody_is_charged(tmp_path: Path) -> None:
    async with phoning(tmp_path) as call:
        phone, media = await call.answered(), call.node.media
        assert await call.held() > 0
        media.said(Side.WEB)
        await call.node.clock.advance(6)
        await call.asked(2)
        media.said(Side.WEB)
        await call.node.clock.advance(6)
        await call.said("goodbye")
        media.said(Side.WEB)
        await phone.request("BYE")
        assert (await call.station.final()).code == 603
        cdr = await call.node.record()
        assert (cdr.reason, cdr.billable_s, cdr.total, cdr.answer_at) == ("not_accepted", 0, "0.00", None)
        assert "connect telephone" not in media.asked
        assert await call.held() == 0
