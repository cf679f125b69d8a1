"""One visit's media: two legs, and for each kind and direction the pipeline that negotiation chose."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from bridge.events import BridgeEvent
from bridge.links.tap import Listener, Tapping
from bridge.own import Prompt, Slate, Spoken
from bridge.types import BridgeStats, Route, Side


@dataclass(frozen=True, slots=True)
class Joined:
    """What joining gave. sip_sdp: the answer for the station (or our offer, when it had none).

    web_sdp: the answer for the browser; None until `complete()` when the station's description is still to come.
    """

    sip_sdp: str
    web_sdp: str | None
    routes: tuple[Route, ...]


class Media(Protocol):
    """What call control needs of a bridge; `Bridge` is it, and tests may stand something else here.

    Offer and answer (each text is SDP):

        INVITE with SDP:     join(sip_offer, web_offer) -> both answers
        INVITE without SDP:  join(None, web_offer)      -> our offer for the 200; then
                             complete(answer of the ACK) -> web answer
        we call the station: the same as without SDP
        the station first:   greet(sip_offer or None) in place of join, then bring(web_offer)
        re-INVITE / UPDATE:  change(sip_offer) -> answer; hold, resume, add and drop video, new address

    The family by telephone; each step may come before or after the station is greeted, but the last:

        we call it:          offer_telephone() -> our offer; complete_telephone(answer of its 200), not of a 183
        prompts and keys:    say(Side.WEB, ...), DtmfKey(Side.WEB); nobody hears the other
        it does not accept:  drop_telephone(); another may be called, or a browser brought
        it accepts:          connect_telephone(sealed=...): they hear each other
        its re-INVITE:       change_telephone(offer) -> answer; ours: change_telephone(None), complete_telephone(answer)
    """

    async def greet(self, sip_offer: str | None) -> Joined:
        """The station alone, which hears and sees what is said and shown to it. Raises what join() raises."""
        ...

    async def bring(self, web_offer: str, *, sealed: bool) -> str:
        """The browser comes to a station that was greeted; the answer for it. Until then nothing could be tapped.

        sealed: the visit is privileged, and nothing ever can be.
        """
        ...

    async def join(self, sip_offer: str | None, web_offer: str) -> Joined:
        """Raises SdpError, AudioMissing, NegotiationError, PortsExhausted."""
        ...

    async def complete(self, sip_answer: str) -> Joined: ...

    async def offer_telephone(self, *, video: bool = True) -> str:
        """Our offer for a telephone that is called. video: offer a picture too, when the station has one.

        Raises NegotiationError where a browser or another telephone is there, PortsExhausted.
        """
        ...

    async def complete_telephone(self, answer: str) -> None:
        """What the telephone answered. What it sent before (ringing tones, keys) is forgotten.

        Raises SdpError, AudioMissing, NegotiationError; the telephone is to be hung up and dropped then.
        """
        ...

    async def change_telephone(self, offer: str | None) -> str:
        """The answer to a new offer of the telephone (None: our own current description as an offer)."""
        ...

    async def connect_telephone(self, *, sealed: bool) -> tuple[Route, ...]:
        """They hear each other from now on, as soon as what is ours is cleared. sealed: as in bring()."""
        ...

    async def drop_telephone(self) -> None:
        """The telephone that was called, but not connected, is forgotten with all that was meant for it."""
        ...

    async def change(self, sip_offer: str | None) -> str:
        """The answer to a new offer of the station (None: our own current description as an offer)."""
        ...

    async def describe_limit(self) -> str:
        """Our description with another `b=` of the picture, as an offer: after LimitByDescription."""
        ...

    async def rejoin(self, web_offer: str) -> str:
        """The browser comes back with a new PeerConnection: a new web leg, the same SIP leg. Returns the web answer."""
        ...

    def play(self, side: Side, prompt: Prompt) -> None:
        """Says a prompt to this side, in place of the far side's sound."""
        ...

    def say(self, side: Side, spoken: Sequence[Spoken], language: str, turn: int) -> None:
        """Once, in place of what is being said; PromptEnded(side, turn) when it has been said to its end."""
        ...

    def hush(self, side: Side) -> None:
        """What is said once is said no further, and its end is not told."""
        ...

    def show(
        self, side: Side, slate: Slate, prompt: Prompt | None = None, *, about: str = "", until_picture: bool = False
    ) -> None:
        """A slate in place of the far side's picture, and a prompt with quiet in place of its sound, until `clear`.

        about: stands in place of the slate's title. until_picture: the slate gives way to the picture by itself.
        """
        ...

    def clear(self, side: Side) -> None:
        """The far side's sound at once, its picture with the next keyframe."""
        ...

    def want_picture(self, side: Side = Side.SIP) -> None:
        """This side asked for a keyframe by SIP INFO: pass the wish on to where its video comes from."""
        ...

    def events(self) -> AsyncIterator[BridgeEvent]: ...

    def held(self, side: Side = Side.SIP) -> bool:
        """The station, or the telephone, put us on hold."""
        ...

    def stats(self) -> BridgeStats: ...

    def routes(self) -> tuple[Route, ...]: ...

    def tap(self, listener: Listener) -> Tapping:
        """`listener` hears both sides as they sent it. Raises BridgeSealed where the visit is privileged."""
        ...

    def describe(self) -> str:
        """The pipelines as text, a line each, sorted: what an auditor reads."""
        ...

    async def close(self) -> None: ...
