"""Families are called while others are still talking, and each does something else: every line is let go in the end."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from bridge import Side
from gateway.call.facts import FactKind
from sip.fake import FarSide
from tests.call.phones import PHONE_ANSWER, phoning
from tests.call.stage import Node

BECOMES = {
    "talks": "family_left",
    "hangs up": "not_accepted",
    "is busy": "busy",
    "declines": "rejected",
    "is unknown": "unreachable",
    "is far": "trunk_error",
    "is given up": "inmate_hung_up",
}


async def test_every_line_is_let_go(tmp_path: Path) -> None:
    async with phoning(tmp_path, deposit="100.00") as first:
        node, talking = first.node, list[FarSide]()
        await first.phone()
        first.station.cancel()
        await node.record()
        room = node.endpoint.free_calls()
        for does in (*BECOMES, *BECOMES):
            station = node.station_calls()
            phone = await node.endpoint.called()
            if does == "talks":
                await talk(node, phone)
                talking.append(phone)
            else:
                await end(does, node, station, phone)
        live = [each for each in node.visits.live() if each.state == "talking"]
        assert len(live) == 2, "those who talk were not disturbed"
        await node.clock.advance(60)
        for each in talking:
            each.bye()
        expected = Counter(dict.fromkeys(BECOMES.values(), 2)) + Counter({"inmate_hung_up": 1})
        await node.fact(FactKind.RECORDED, expected.total())
        cdrs = await node.accounting.cdrs()
        assert Counter(each.reason for each in cdrs) == expected
        assert [each.reason for each in cdrs if each.total != "0.00"] == ["family_left", "family_left"]
        assert node.endpoint.free_calls() == room
        assert (await node.accounting.account("family-1")).held.micros == 0


async def talk(node: Node, phone: FarSide) -> None:
    media, before = node.media, node.recorder.kinds().count(FactKind.CONNECTED)
    phone.answer(PHONE_ANSWER)
    await node.happenings.until(lambda: any("accept" in each for each in media.own), "it is asked")
    media.press("1", Side.WEB)
    await node.happenings.until(lambda: "connect telephone" in media.asked, "they are joined")
    media.flow()
    await node.fact(FactKind.CONNECTED, before + 1)


async def end(does: str, node: Node, station: FarSide, phone: FarSide) -> None:
    media, before = node.media, node.recorder.kinds().count(FactKind.RECORDED)
    match does:
        case "hangs up":
            phone.answer(PHONE_ANSWER)
            await node.happenings.until(lambda: any("accept" in each for each in media.own), "it is asked")
            phone.bye()
        case "is busy":
            phone.reject(486)
        case "declines":
            phone.reject(603)
        case "is unknown":
            phone.reject(404)
        case "is far":
            phone.reject(503)
            (await node.endpoint.called()).reject(503)
        case "is given up":
            station.cancel()
    await node.fact(FactKind.RECORDED, before + 1)
