"""A bridge that a test plays: it joins what it is given, and reports what the test lets happen. No network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from bridge.bridge import Joined
from bridge.errors import BridgeError, BridgeSealed
from bridge.events import (
    BridgeEvent,
    DtmfKey,
    FirstMedia,
    KeyframeByInfo,
    LimitByDescription,
    MediaFlowing,
    MediaStopped,
    PromptEnded,
    SideDead,
    WebConnected,
    WebLost,
)
from bridge.links.tap import Listener, Tapping
from bridge.own import Prompt, Slate, Spoken
from bridge.types import BridgeStats, FlowStats, Kind, Path, Route, Side
from gateway.clock import Clock

STATION_ANSWER = "v=0 the answer for the station"
OUR_OFFER = "v=0 our offer to the station"
WEB_ANSWER = "v=0 the answer for the browser"
TELEPHONE_OFFER = "v=0 our offer to the telephone"
TELEPHONE_ANSWER = "v=0 the answer for the telephone"


class ScriptedMedia:
    """Implements bridge.bridge.Media. `asked` keeps what call control wanted, in order; `own` what it was to say.

    fails: what the next call raises. hangs: acts that never end. note: called after each call, so that a test can
    wait for it.
    """

    hangs: frozenset[str] = frozenset()

    def __init__(
        self, clock: Clock, note: Callable[[], None], fails: BridgeError | None = None, *, sealed: bool = False
    ) -> None:
        self._clock = clock
        self._note = note
        self.fails = fails
        self.sealed = sealed
        self.listeners: list[Listener] = []
        self._told: asyncio.Queue[BridgeEvent] = asyncio.Queue()
        self._held: set[Side] = set()
        self.heard: list[str] = []  # descriptions of station and telephone
        self.asked: list[str] = []
        self.own: list[str] = []  # what it was to say and show itself
        self.closed = False
        self.turn = 0  # of what was said last

    # what call control asks

    async def join(self, sip_offer: str | None, web_offer: str) -> Joined:
        self._ask("join")
        await self._may_hang("join")
        if sip_offer is None:
            return Joined(OUR_OFFER, None, self.routes())
        self._hear(sip_offer)
        return Joined(STATION_ANSWER, WEB_ANSWER, self.routes())

    async def greet(self, sip_offer: str | None) -> Joined:
        self._ask("greet")
        await self._may_hang("greet")
        if sip_offer is None:
            return Joined(OUR_OFFER, None, self.routes())
        self._hear(sip_offer)
        return Joined(STATION_ANSWER, None, self.routes())

    async def bring(self, web_offer: str, *, sealed: bool) -> str:
        self.sealed = sealed
        self._ask("bring sealed" if sealed else "bring")
        return WEB_ANSWER

    async def offer_telephone(self, *, video: bool = True) -> str:
        self._ask("offer telephone with video" if video else "offer telephone")
        await self._may_hang("offer telephone")
        return TELEPHONE_OFFER

    async def complete_telephone(self, answer: str) -> None:
        self._ask("complete telephone")
        self._hear(answer, Side.WEB)

    async def change_telephone(self, offer: str | None) -> str:
        self._ask("change telephone")
        if offer is None:
            return TELEPHONE_OFFER
        self._hear(offer, Side.WEB)
        return TELEPHONE_ANSWER

    async def connect_telephone(self, *, sealed: bool) -> tuple[Route, ...]:
        self.sealed = sealed
        self._ask("connect telephone sealed" if sealed else "connect telephone")
        return self.routes()

    async def drop_telephone(self) -> None:
        self._ask("drop telephone")

    async def complete(self, sip_answer: str) -> Joined:
        self._ask("complete")
        self._hear(sip_answer)
        return Joined(OUR_OFFER, WEB_ANSWER, self.routes())

    async def describe_limit(self) -> str:
        self._ask("describe_limit")
        return OUR_OFFER

    async def change(self, sip_offer: str | None) -> str:
        self._ask("change")
        if sip_offer is None:
            return OUR_OFFER
        self._hear(sip_offer)
        return STATION_ANSWER

    async def rejoin(self, web_offer: str) -> str:
        self._ask("rejoin")
        await self._may_hang("rejoin")
        return WEB_ANSWER

    def play(self, side: Side, prompt: Prompt) -> None:
        self._does(f"play {prompt} to {side}")

    def say(self, side: Side, spoken: Sequence[Spoken], language: str, turn: int) -> None:
        self.turn = turn
        words = " ".join(type(each).__name__ if not isinstance(each, Prompt) else str(each) for each in spoken)
        self._does(f"say to {side} in {language}: {words}")

    def hush(self, side: Side) -> None:
        self._does(f"hush {side}")

    def show(
        self, side: Side, slate: Slate, prompt: Prompt | None = None, *, about: str = "", until_picture: bool = False
    ) -> None:
        words = [f"show {slate} to {side}"]
        words += [f"saying {prompt}"] if prompt else []
        words += [f"about {about}"] if about else []
        words += ["until its picture comes"] if until_picture else []
        self._does(", ".join(words))

    def clear(self, side: Side) -> None:
        self._does(f"clear {side}")

    def want_picture(self, side: Side = Side.SIP) -> None:
        self._ask("want_picture" if side is Side.SIP else "want_picture of the station")

    async def events(self) -> AsyncIterator[BridgeEvent]:
        while True:
            yield await self._told.get()

    def held(self, side: Side = Side.SIP) -> bool:
        return side in self._held

    def stats(self) -> BridgeStats:
        return BridgeStats((FlowStats(Kind.VIDEO, Side.SIP, Path.RELAY, "H264", "H264", received_packets=900),))

    def routes(self) -> tuple[Route, ...]:
        return (Route(Kind.VIDEO, Side.SIP, Path.NONE, None, None),)

    def tap(self, listener: Listener) -> Tapping:
        if self.sealed:
            raise BridgeSealed("this visit is privileged")
        self.listeners.append(listener)
        return _Tapping(self, listener)

    def describe(self) -> str:
        return "nothing real"

    async def close(self) -> None:
        self._ask("close")
        await self._may_hang("close")
        self.closed = True

    async def _may_hang(self, what: str) -> None:
        if what in self.hangs:
            await asyncio.Event().wait()

    def _hear(self, sdp: str, side: Side = Side.SIP) -> None:
        self.heard.append(sdp)
        (self._held.add if "a=sendonly" in sdp or "a=inactive" in sdp else self._held.discard)(side)

    def _does(self, what: str) -> None:
        self.own.append(what)
        self._note()

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        self._note()
        if self.fails:
            error, self.fails = self.fails, None
            raise error

    # what the test lets happen

    def said(self, side: Side = Side.SIP) -> None:
        """What is being said has been said."""
        self._told.put_nowait(PromptEnded(side, self.turn))

    def press(self, digits: str, side: Side = Side.SIP) -> None:
        for each in digits:
            self._told.put_nowait(DtmfKey(side, each, 100))

    def connect(self) -> None:
        self._told.put_nowait(WebConnected())

    def flow(self) -> None:
        self._told.put_nowait(MediaFlowing(self._clock.monotonic()))

    def stop(self, ago_s: float = 0.0) -> None:
        self._told.put_nowait(MediaStopped(Side.WEB, self._clock.monotonic() - ago_s))

    def picture(self, source: Side) -> None:
        self._told.put_nowait(FirstMedia(Kind.VIDEO, source, self._clock.monotonic()))

    def lose_browser(self) -> None:
        self._told.put_nowait(WebLost("the browser closed"))

    def silence(self, side: Side) -> None:
        self._told.put_nowait(SideDead(side))

    def want_other_limit(self) -> None:
        self._told.put_nowait(LimitByDescription())

    def want_picture_by_info(self, source: Side = Side.SIP) -> None:
        self._told.put_nowait(KeyframeByInfo(source))


class _Tapping:
    def __init__(self, media: ScriptedMedia, listener: Listener) -> None:
        self._media = media
        self._listener = listener

    def want_picture(self, source: Side) -> None: ...

    def close(self) -> None:
        if self._listener in self._media.listeners:
            self._media.listeners.remove(self._listener)
