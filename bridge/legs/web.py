"""The browser's side of a visit.

    browser --SRTP--> WebTransport --> WebLeg (by SSRC, else by payload type) --> WebLine --> sink of the pipeline
    browser <--SRTP-- WebTransport <---------------------------------------------- WebLine <-- pipeline

The leg does what a relay can not do for the browser: it asks again for lost packets, answers the browser's own
requests, reports, limits its bitrate, and asks for pictures.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Mapping

from bridge.errors import BridgeClosed
from bridge.legs._aiortc import BrowserPorts, WebTransport
from bridge.legs.web_line import WebLine
from bridge.legs.web_sdp import LinePlan, plan_lines, read_offer, write_answer
from bridge.rtp import rtcp
from bridge.rtp.packet import HEADER
from bridge.rtp.timer import Handle, Timer
from bridge.types import Codec, Flow, Kind, MediaSettings, Side

_log = logging.getLogger(__name__)

_Taker = Callable[[bytes, int, int, int, float], None]  # packet; its second byte, sequence, timestamp; arrival

_unpack = HEADER.unpack_from
_REPORT_S = 1.0
_MOST_SSRCS = 64  # a browser uses four; a flood of new ones is not remembered


def _nothing() -> None: ...


def _no_reason(_reason: str) -> None: ...


class WebLeg:
    """One PeerConnection of the family's browser. A page that comes back makes a new one.

        leg = WebLeg(settings, ports, timer)
        leg.on_connected, leg.on_lost = ..., ...
        answer = await leg.answer(offer, {Kind.AUDIO: pcmu, Kind.VIDEO: None}, {Kind.AUDIO: Flow.SENDRECV})
        leg.line(Kind.AUDIO).attach(...)

    on_lost hears the closed words of `WebTransport`, once.
    """

    side = Side.WEB

    def __init__(self, settings: MediaSettings, ports: BrowserPorts, timer: Timer) -> None:
        self.on_connected: Callable[[], None] = _nothing
        self.on_lost: Callable[[str], None] = _no_reason
        self.connected = False
        self.unrouted_packets = 0
        self._settings = settings
        self._timer = timer
        self._transport = WebTransport(settings, ports, self, self._connected, self._lost)
        self._cname = secrets.token_hex(8)
        self._lines: dict[Kind, WebLine] = {}
        self._ticking: list[WebLine] = []  # with something to repair, or a picture to wait for
        self._by_ssrc: dict[int, _Taker] = {}
        self._handles: list[Handle] = []
        self._answered = False
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def answer(self, offer_sdp: str, codecs: Mapping[Kind, Codec | None], flows: Mapping[Kind, Flow]) -> str:
        """The answer to the browser's only offer; ICE and DTLS begin. A codec None, or no codec: an inactive line.

        Raises SdpError, NegotiationError (the browser does not offer such a codec), PortsExhausted, BridgeClosed.
        """
        if self._closed or self._answered:
            raise BridgeClosed("a web leg answers one offer; make another one for the next")
        self._answered = True
        offer = read_offer(offer_sdp)
        plans = plan_lines(offer, codecs, flows, _fresh_ssrcs())
        local = await self._transport.gather(offer)
        for plan in plans:
            if plan is not None:
                self._add(plan)
        self._handles.append(self._timer.every(0.0, self._tick))
        self._handles.append(self._timer.every(_REPORT_S, self._report))
        self._transport.start(offer)
        return write_answer(offer, plans, local, self._cname)

    def _add(self, plan: LinePlan) -> None:
        line = WebLine(plan, self._transport, self._cname, self._settings.video_max_bps)
        self._lines[plan.kind] = line
        if plan.kind is Kind.VIDEO or "nack" in plan.codec.feedback:
            self._ticking.append(line)
        if plan.remote_ssrc is not None:
            self._by_ssrc[plan.remote_ssrc] = line.media_arrived
        if plan.remote_rtx_ssrc is not None:
            self._by_ssrc[plan.remote_rtx_ssrc] = line.retransmission_arrived

    def line(self, kind: Kind) -> WebLine | None:
        """None when the kind is not carried, or before the answer."""
        return self._lines.get(kind)

    def __str__(self) -> str:
        return "WebLeg"

    async def close(self) -> None:
        """Idempotent. The browser sees the close at once; socket, tasks and periodic work are given back.

        Also when the caller is cancelled: what has begun to close goes on to its end.
        """
        self._closed = True
        self.connected = False
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        self._by_ssrc.clear()
        if self._closing is None:
            self._closing = asyncio.create_task(self._transport.close(), name="web-leg-close")
        await asyncio.shield(self._closing)

    def rtp_arrived(self, packet: bytes) -> None:
        """From the transport: a packet in the clear."""
        _, second, sequence, timestamp, ssrc = _unpack(packet)
        take = self._by_ssrc.get(ssrc)
        if take is None:
            take = self._learn(ssrc, second & 0x7F)
            if take is None:
                self.unrouted_packets += 1
                return
        take(packet, second, sequence, timestamp, time.monotonic())

    def _learn(self, ssrc: int, payload_type: int) -> _Taker | None:
        """A stream that the offer did not name: the payload type tells whose it is (RFC 9143 section 9.2)."""
        take: _Taker
        for line in self._lines.values():
            if payload_type == line.codec.payload_type:
                line.source_changed(ssrc)
                take = line.media_arrived
                self._by_ssrc = {each: taker for each, taker in self._by_ssrc.items() if taker != take}
            elif payload_type == line.rtx_payload_type:
                take = line.retransmission_arrived
            else:
                continue
            if len(self._by_ssrc) > _MOST_SSRCS:
                return None
            self._by_ssrc[ssrc] = take
            return take
        return None

    def rtcp_arrived(self, packet: bytes) -> None:
        """From the transport: a compound packet in the clear."""
        now_s = time.monotonic()
        for message in rtcp.parse(packet):
            for line in self._lines.values():
                line.heard(message, now_s)

    def _connected(self) -> None:
        self.connected = True
        now_s = time.monotonic()
        for line in self._lines.values():
            line.opened(now_s)
        _log.info("web leg connected")
        self.on_connected()

    def _lost(self, reason: str) -> None:
        self.connected = False
        _log.info("web leg lost: %s", reason)
        self.on_lost(reason)

    def _tick(self) -> None:
        now_s = time.monotonic()
        for line in self._ticking:
            line.tick(now_s)

    def _report(self) -> None:
        if not self.connected:
            return
        now_s = time.monotonic()
        for line in self._lines.values():
            line.report(now_s)


def _fresh_ssrcs() -> Iterator[int]:
    """Random and distinct, never 0 (RFC 3550 section 8)."""
    seen = {0}
    while True:
        ssrc = secrets.randbits(32)
        if ssrc not in seen:
            seen.add(ssrc)
            yield ssrc
