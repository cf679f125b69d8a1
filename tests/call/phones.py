"""A family that is reached by telephone: the node's plan, and the phone that a test plays.

async with phoning(tmp_path) as call:
    phone = await call.phone()
    phone.answer(PHONE_ANSWER)
    await call.asked()
    call.presses("1")
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge import Side
from gateway.call.facts import FactKind
from sip.fake import FarSide
from tests.call.stage import AUDIO_OFFER, FAMILY, FOLDER, VIDEO_OFFER, Node, stage

TELEPHONE = "+15552368001"
PHONE_ANSWER = "v=0 the phone's answer"
PHONE_RESUMES = AUDIO_OFFER
PHONE_HOLDS = AUDIO_OFFER + "a=sendonly\r\n"


@dataclass
class PhoneCall:
    node: Node
    station: FarSide

    async def phone(self) -> FarSide:
        """The telephone that is called now."""
        return await self.node.endpoint.called()

    async def asked(self, times: int = 1) -> None:
        """Who calls has been told, and a key is waited for."""
        await self.said("accept", times)

    async def said(self, words: str, times: int = 1) -> None:
        heard = lambda: sum("say to web" in each and words in each for each in self.node.media.own)  # noqa: E731 - asked again and again
        await self.node.happenings.until(lambda: heard() >= times, f"the phone hears {words} ({times})")

    async def wants(self, what: str, times: int = 1) -> None:
        """The media is asked for this."""
        await self.node.happenings.until(lambda: self.node.media.asked.count(what) >= times, f"{what} ({times})")

    def presses(self, digits: str) -> None:
        self.node.media.press(digits, Side.WEB)

    async def answered(self) -> FarSide:
        """It rings, is answered, and is asked."""
        phone = await self.phone()
        phone.ring()
        phone.answer(PHONE_ANSWER)
        await self.asked()
        return phone

    async def talks(self) -> FarSide:
        phone = await self.answered()
        self.presses("1")
        assert (await self.station.final()).code == 200
        self.node.media.flow()
        await self.node.fact(FactKind.CONNECTED)
        return phone

    async def held(self) -> int:
        """Of the family's money, in millionths."""
        return (await self.node.accounting.account("family-1")).held.micros


def plan(folder: Path, trunks: str = "[carrier-a, carrier-b]") -> Path:
    """The demo's, with a telephone for family-1 and for the attorney."""
    text = (FOLDER / "demo.yaml").read_text()
    for number, telephone in ((FAMILY, TELEPHONE), ("5552369000", "+15552369000")):
        text = text.replace(f'number: "{number}"', f'number: "{number}", telephone: "{telephone}"', 1)
    text = text.replace("trunks: [demo]", f"trunks: [demo]\n    out_trunks: {trunks}", 1)
    path = folder / "telephone.yaml"
    path.write_text(text)
    return path


@contextlib.asynccontextmanager
async def phoning(
    tmp_path: Path,
    *,
    trunks: str = "[carrier-a, carrier-b]",
    dialled: str = FAMILY,
    sdp: str | None = VIDEO_OFFER,
    acks: bool = True,
    **of_the_node: Any,
) -> AsyncIterator[PhoneCall]:
    """A station calls a family that has a telephone."""
    async with stage(tmp_path, plan=plan(tmp_path, trunks), **of_the_node) as node:
        yield PhoneCall(node, node.station_calls(dialled=dialled, sdp=sdp, acks=acks))
