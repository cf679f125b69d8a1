"""A browser made of packets: real ICE, DTLS and SRTP, and RTP that the test writes itself.

async with RawPeer() as peer:
    answer = await leg.answer(await peer.offer(), ...)
    peer.accept(answer)
    await peer.connected.wait()
    peer.send(a_packet)
"""

from __future__ import annotations

import asyncio
import copy
import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from aioice.ice import CandidatePair

from bridge.legs._aiortc import WebTransport
from bridge.legs.leg import SenderReport
from bridge.legs.web_sdp import LocalTransport, Offer, read_offer
from bridge.rtp import rtcp
from bridge.rtp.ports import Ports
from bridge.types import MediaSettings

PCMU, OPUS, VP8, VP8_RTX, H264, H264_RTX, H264_MODE0 = 0, 111, 96, 97, 102, 103, 104
AUDIO_SSRC, VIDEO_SSRC, VIDEO_RTX_SSRC = 1001, 2002, 3003

_HEAD = """v=0
o=- 4611731400430051336 2 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0 1
a=msid-semantic: WMS
"""
_AUDIO = """m=audio 9 UDP/TLS/RTP/SAVPF 111 0
c=IN IP4 0.0.0.0
{transport}a=mid:0
a={audio_flow}
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:111 opus/48000/2
a=rtcp-fb:111 transport-cc
a=fmtp:111 minptime=10;useinbandfec=1
a=rtpmap:0 PCMU/8000
a=ssrc:1001 cname:raw
"""
_FEEDBACK = "\n".join(
    f"a=rtcp-fb:{number} {what}"
    for number in (VP8, H264, H264_MODE0)
    for what in ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
)
_VIDEO = """m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 104
c=IN IP4 0.0.0.0
{transport}a=mid:1
a={video_flow}
a=rtcp-mux
a=rtcp-rsize
a=rtpmap:96 VP8/90000
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:104 H264/90000
a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f
{feedback}
a=ssrc-group:FID 2002 3003
a=ssrc:2002 cname:raw
a=ssrc:3003 cname:raw
"""


def _transport(local: LocalTransport) -> str:
    lines = [f"a=candidate:{each}" for each in local.candidates]
    lines += [f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    lines += [f"a=fingerprint:{name} {value}" for name, value in local.fingerprints]
    return "\n".join([*lines, "a=setup:actpass", ""])


def offer_text(
    local: LocalTransport, *, video: bool = True, audio_flow: str = "sendrecv", video_flow: str = "sendrecv"
) -> str:
    """An offer in the shape of Chromium's, with less of everything."""
    text = _HEAD if video else _HEAD.replace("BUNDLE 0 1", "BUNDLE 0")
    text += _AUDIO.format(transport=_transport(local), audio_flow=audio_flow)
    if video:
        text += _VIDEO.format(transport=_transport(local), video_flow=video_flow, feedback=_FEEDBACK)
    return text.replace("\n", "\r\n")


class Deaf:
    """Feedback that nobody needs."""

    def keyframe_wanted(self) -> None: ...

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None: ...


class RawPeer:
    """What arrives is kept in `packets` and `messages`, unless `on_rtp` takes it."""

    def __init__(self, settings: MediaSettings | None = None, ports: Ports | None = None) -> None:
        self._settings = settings or MediaSettings()
        ports = ports or Ports(self._settings.host, (0, 0))
        self._transport = WebTransport(self._settings, ports, self, self._connected, self._lost, controlling=True)
        self.connected = asyncio.Event()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.packets: list[bytes] = []
        self.messages: list[rtcp.Message] = []
        self.changed = asyncio.Event()
        self.on_rtp: Callable[[bytes], None] | None = None
        self.answer: Offer | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def offer(self, *, video: bool = True, audio_flow: str = "sendrecv", video_flow: str = "sendrecv") -> str:
        nobody = Offer((), "none", "none", (("sha-256", "none"),), setup="passive")
        local = await self._transport.gather(nobody)
        return offer_text(local, video=video, audio_flow=audio_flow, video_flow=video_flow)

    def accept(self, answer: str) -> None:
        self.answer = read_offer(answer)
        self._transport.start(self.answer)

    def send(self, packet: bytes) -> bool:
        return self._transport.send_rtp(packet)

    def seal(self, packet: bytes) -> bytes:
        """As it would go over the wire."""
        sealer = self._transport._sealer
        assert sealer is not None
        sealed = sealer.rtp(packet)
        assert sealed is not None
        return bytes(sealed)

    def send_rtcp(self, packet: bytes) -> None:
        self._transport.send_rtcp(packet)

    @property
    def address(self) -> tuple[str, int]:
        """Where it speaks from."""
        host, port = self._transport._connection._nominated[1].protocol.transport.get_extra_info("sockname")[:2]
        return host, port

    async def move(self) -> None:
        """Another address, as after a change of network: a check with nomination from there, the old one is gone."""
        ice = self._transport._connection
        before = ice._nominated[1]
        here = ice._open()
        here.local_candidate = copy.copy(before.local_candidate)
        here.local_candidate.port = here.transport.get_extra_info("sockname")[1]
        there = CandidatePair(here, before.remote_candidate)
        ice._check_list.append(there)
        _abandon(before.protocol.transport)
        await ice.check_start(there)
        assert ice._nominated[1] is there

    def vanish(self) -> None:
        """The battery is empty: nothing is said and nothing heard any more."""
        ice = self._transport._connection
        for protocol in ice._protocols:
            _abandon(protocol.transport)
        ice._query_consent_task.cancel()

    async def until(self, satisfied: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait until what has arrived satisfies; TimeoutError when it does not."""
        async with asyncio.timeout(seconds):
            while not satisfied():
                self.changed.clear()
                await self.changed.wait()

    def heard(self, kind: type[rtcp.Message]) -> list[rtcp.Message]:
        return [each for each in self.messages if isinstance(each, kind)]

    async def close(self) -> None:
        await self._transport.close()

    def rtp_arrived(self, packet: bytes) -> None:
        if self.on_rtp is not None:
            self.on_rtp(packet)
            return
        self.packets.append(packet)
        self.changed.set()

    def rtcp_arrived(self, packet: bytes) -> None:
        self.messages += rtcp.parse(packet)
        self.changed.set()

    def _connected(self) -> None:
        self.connected.set()

    def _lost(self, reason: str) -> None:
        if not self.lost.done():
            self.lost.set_result(reason)


def _abandon(transport: Any) -> None:
    """The socket goes as when its network goes: nobody is told. The transport can still be closed."""
    transport._turns.unwatch(transport._udp.fileno())
    transport._udp.close()
    transport._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
