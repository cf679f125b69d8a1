"""A family member and a station made of packets, against a whole gateway: signalling, ICE, DTLS and SRTP are real.

async with Talk(gateway) as talk:
    await talk.goes_on()
"""

from __future__ import annotations

import asyncio

import httpx

from bridge.rtp import packet
from tests.support.gateway_process import GatewayProcess
from tests.support.raw_caller import RawCaller, description
from tests.support.raw_peer import AUDIO_SSRC, PCMU, RawPeer
from tests.support.rtp_station import RtpStation
from tests.support.waiting import until


class Page:
    """A contact's page, as far as HTTP goes."""

    def __init__(self, gateway: GatewayProcess, token: str) -> None:
        self.gateway = gateway
        self.events = gateway.base.replace("http", "ws") + f"/api/v1/family/events?token={token}"
        self.client = httpx.AsyncClient(base_url=gateway.base, headers={"Authorization": f"Bearer {token}"}, timeout=30)

    @classmethod
    async def of(cls, gateway: GatewayProcess) -> Page:
        return cls(gateway, (await gateway.link()).rsplit("/", 1)[1])

    async def ringing(self) -> str:
        async def rings() -> str:
            return next((each["visit_id"] for each in await self.gateway.visits() if each["state"] == "ringing"), "")

        return await until(rings, "a ring", 8)

    async def wish(self, visit: str, what: str, offer: str | None = None) -> int:
        body = None if offer is None else {"type": "offer", "sdp": offer}
        return (await self.client.post(f"/api/v1/family/visits/{visit}/{what}", json=body)).status_code

    async def accept(self, visit: str, peer: RawPeer) -> None:
        offer = {"type": "offer", "sdp": await peer.offer(video=False)}
        answer = await self.client.post(f"/api/v1/family/visits/{visit}/accept", json=offer)
        assert answer.status_code == 200, answer.text
        peer.accept(answer.json()["sdp"])


class Talk:
    """A station, a family member, and their visit with sound both ways. `port`: where the station's RTP goes."""

    def __init__(self, gateway: GatewayProcess, *, agent: int = 0) -> None:
        self.gateway = gateway
        self.caller = RawCaller(gateway.sip_port + 2 * agent)
        self.station = RtpStation()
        self.peer = RawPeer()
        self.visit = ""
        self.port = 0
        self._singing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Talk:
        page = await Page.of(self.gateway)
        async with page.client:
            await self.caller.call(description(self.station.port))
            self.visit = await page.ringing()
            await page.accept(self.visit, self.peer)
        answer = await self.caller.answer()
        await self.caller.acknowledge(answer)
        self.port = int(answer.body.partition("m=audio ")[2].split()[0])
        self.station.aim(self.port)
        await asyncio.wait_for(self.peer.connected.wait(), 10)
        self._singing = asyncio.create_task(self._sing(), name="sound both ways")
        await self.peer.until(lambda: len(self.peer.packets) > 20)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._singing:
            self._singing.cancel()
        await self.peer.close()
        self.station.close()
        self.caller.__exit__()

    async def goes_on(self) -> None:
        """Thirty packets more of the station's own voice."""
        soon = len(self.peer.packets) + 30
        await self.peer.until(lambda: len(self.peer.packets) > soon)
        assert self.visit in [each["visit_id"] for each in await self.gateway.visits()]

    async def hang_up(self) -> None:
        """The station ends it, as a phone does."""
        await self.caller.hang_up()

    async def _sing(self) -> None:
        number = 0
        while True:
            number += 1
            self.station.say()
            sound = packet.build(
                b"\x11" * 160, payload_type=PCMU, sequence=number & 0xFFFF, timestamp=number * 160, ssrc=AUDIO_SSRC,
                marker=False,
            )  # fmt: skip
            self.peer.send(sound)
            await asyncio.sleep(0.02)
