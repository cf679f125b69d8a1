"""The browser of an officer who watches: a PeerConnection that only receives, with two pictures and one sound.

It has what `WebLeg` has (one transport, RTCP, repair), and a line for each m-line of the offer instead of one a kind.
What the browser sends, apart from RTCP, is counted and dropped: nothing of an officer goes into a visit.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Iterator, Sequence

from bridge.errors import BridgeClosed
from bridge.legs._aiortc import BrowserPorts, WebTransport
from bridge.legs.web_line import WebLine
from bridge.legs.web_sdp import LinePlan, Offer, write_answer
from bridge.rtp import rtcp
from bridge.rtp.timer import Handle, Timer
from bridge.types import MediaSettings, Side

_log = logging.getLogger(__name__)

_REPORT_S = 1.0
_SLOW_LOSS = 0.25  # of a report: more than that is no picture any more
_SLOW_REPORTS = 8  # in a row; a browser sends about one a second for each line


class WatchLeg:
    """One PeerConnection of an officer's browser.

        leg = WatchLeg(settings, ports, timer)
        leg.on_connected, leg.on_lost = ..., ...
        answer = await leg.answer(offer, plans)      # one plan for each m-line, None for what is not carried
        leg.lines[0].send(packet)

    on_lost hears the closed words of `WebTransport`, or `slow` when the browser loses too much for too long.
    """

    side = Side.WEB

    def __init__(self, settings: MediaSettings, ports: BrowserPorts, timer: Timer) -> None:
        self.on_connected: Callable[[], None] = _nothing
        self.on_lost: Callable[[str], None] = _no_reason
        self.connected = False
        self.unwanted_packets = 0
        self.lines: tuple[WebLine | None, ...] = ()
        self._settings = settings
        self._timer = timer
        self._transport = WebTransport(settings, ports, self, self._connected, self._lost)
        self._cname = secrets.token_hex(8)
        self._carried: tuple[WebLine, ...] = ()
        self._handles: list[Handle] = []
        self._bad_reports = 0
        self._answered = False
        self._closed = False
        self._closing: asyncio.Task[None] | None = None

    async def answer(self, offer: Offer, plans: Sequence[LinePlan | None]) -> str:
        """The answer to the only offer; ICE and DTLS begin. Raises PortsExhausted, BridgeClosed."""
        if self._closed or self._answered:
            raise BridgeClosed("a watching leg answers one offer; make another one for the next")
        self._answered = True
        local = await self._transport.gather(offer)
        self.lines = tuple(None if plan is None else self._line(plan) for plan in plans)
        self._carried = tuple(each for each in self.lines if each is not None)
        self._handles.append(self._timer.every(_REPORT_S, self._report))
        self._transport.start(offer)
        return write_answer(offer, tuple(plans), local, self._cname)

    def _line(self, plan: LinePlan) -> WebLine:
        return WebLine(plan, self._transport, self._cname, self._settings.video_max_bps)

    async def close(self) -> None:
        """Idempotent, and goes on to its end when the caller is cancelled."""
        self._closed = True
        self.connected = False
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        if self._closing is None:
            self._closing = asyncio.create_task(self._transport.close(), name="watch-leg-close")
        await asyncio.shield(self._closing)

    def __str__(self) -> str:
        return "WatchLeg"

    # -- from the transport

    def rtp_arrived(self, _packet: bytes) -> None:
        self.unwanted_packets += 1

    def rtcp_arrived(self, packet: bytes) -> None:
        now_s = time.monotonic()
        for message in rtcp.parse(packet):
            if isinstance(message, rtcp.SenderInfo | rtcp.ReceiverInfo):
                self._judge(message.reports)
            for line in self._carried:
                line.heard(message, now_s)

    def _judge(self, blocks: tuple[rtcp.ReportBlock, ...]) -> None:
        """A browser that hardly gets anything is let go: what it asks for again and again costs the node."""
        if not blocks:
            return
        if max(each.fraction_lost for each in blocks) < _SLOW_LOSS * 256:
            self._bad_reports = 0
            return
        self._bad_reports += 1
        if self._bad_reports == _SLOW_REPORTS:
            self._lost("slow")

    def _connected(self) -> None:
        self.connected = True
        now_s = time.monotonic()
        for line in self._carried:
            line.opened(now_s)
        _log.info("watch leg connected")
        self.on_connected()

    def _lost(self, reason: str) -> None:
        self.connected = False
        if not self._closed:
            _log.info("watch leg lost: %s", reason)
            self.on_lost(reason)

    def _report(self) -> None:
        if self.connected:
            now_s = time.monotonic()
            for line in self._carried:
                line.report(now_s)


def fresh_ssrcs() -> Iterator[int]:
    """Random and distinct, never 0 (RFC 3550 section 8)."""
    seen = {0}
    while True:
        ssrc = secrets.randbits(32)
        if ssrc not in seen:
            seen.add(ssrc)
            yield ssrc


def _nothing() -> None: ...


def _no_reason(_reason: str) -> None: ...
