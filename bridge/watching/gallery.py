"""Those who watch one visit, and what they are shown."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from bridge.codecs import Workers
from bridge.errors import BridgeClosed
from bridge.legs.leg import SenderReport
from bridge.legs.watch_leg import WatchLeg, fresh_ssrcs
from bridge.legs.web_line import WebLine
from bridge.legs.web_sdp import read_offer
from bridge.links.tap import Listener, Tapping
from bridge.rtp.timer import Handle, Timer
from bridge.types import Codec, Kind, Side
from bridge.watching.pictures import Pictures
from bridge.watching.plan import Seats, seat
from bridge.watching.sound import Ear, Sounds

_TICK_S = 0.06
_MOST_WAITING = 2048  # packets of one source in one tick: a hundred times what a visit sends
_VIDEO = Kind.VIDEO


class Tappable(Protocol):
    """A bridge, as a gallery sees it."""

    def tap(self, listener: Listener) -> Tapping: ...


class Watcher:
    """One officer's browser. ended(reason) is told once, unless `close` came first.

    reason: a word of `WatchLeg.on_lost`, or `visit_ended`.
    """

    def __init__(self, gallery: Gallery, leg: WatchLeg, seats: Seats, ended: Callable[[str], None]) -> None:
        self._gallery = gallery
        self._leg = leg
        self._told = ended
        self._over = False
        self.seats = seats
        self.seated = False
        self.on_connected: Callable[[], None] = _nobody
        leg.on_connected = self._connected
        leg.on_lost = self.lose

    @property
    def connected(self) -> bool:
        return self._leg.connected

    def picture(self, side: Side) -> WebLine | None:
        index = self.seats.pictures[side]
        return None if index is None else self._leg.lines[index]

    def sound(self) -> WebLine | None:
        return None if self.seats.sound is None else self._leg.lines[self.seats.sound]

    def lose(self, reason: str) -> None:
        """It is over, and not because the officer said so. The leg is still to be closed."""
        if not self._over:
            self._over = True
            self._gallery.leave(self)
            self._told(reason)

    def _connected(self) -> None:
        self._gallery.begin(self)
        self.on_connected()

    async def close(self) -> None:
        """Idempotent."""
        self._over = True
        self._gallery.leave(self)
        await self._leg.close()


class Gallery:
    """Listens to one bridge while somebody is in it. A `Listener` of the tap: nothing it does goes back into the visit.

    What comes is only put down when it comes, and handed on at the next tick, some of it together: an officer does not
    notice 60 ms, and a packet costs half as much then.

    What one watcher's line refuses or loses never holds up another, nor the visit: lines drop what cannot go.
    """

    def __init__(self, workers: Workers, timer: Timer, clock: Callable[[], float] = time.monotonic) -> None:
        self._timer = timer
        self._tapping: Tapping | None = None
        self._ticking: Handle | None = None
        self._watchers: list[Watcher] = []
        self._codecs: dict[tuple[Kind, Side], Codec] = {}
        self._waiting: dict[tuple[Kind, Side], deque[bytes]] = {
            (kind, side): deque(maxlen=_MOST_WAITING) for kind in Kind for side in Side
        }
        self.dropped_packets = 0
        self._pictures = {
            side: Pictures(side, workers, lambda side=side: self._want_picture(side), clock)  # type: ignore[misc]  # bound now, on purpose
            for side in Side
        }
        self._sounds = Sounds(workers, clock)
        self._ears: dict[Side, Ear] = {}
        self._closed = False

    def __len__(self) -> int:
        return len(self._watchers)

    def __str__(self) -> str:
        return "watching"

    def describe(self) -> str:
        """What is made for those who watch, a line each, sorted."""
        texts = [text for each in self._pictures.values() for text in each.describe()]
        return "\n".join(sorted([*texts, *self._sounds.describe()]))

    async def admit(
        self, bridge: Tappable, leg: WatchLeg, web_offer: str, ended: Callable[[str], None]
    ) -> tuple[Watcher, str]:
        """A watcher and the answer for its browser.

        Raises BridgeSealed, BridgeClosed, SdpError, NegotiationError, CodecMissing, PortsExhausted; the leg is closed.
        """
        try:
            return await self._admit(bridge, leg, web_offer, ended)
        except BaseException:
            self._rest()
            await leg.close()
            raise

    async def _admit(
        self, bridge: Tappable, leg: WatchLeg, web_offer: str, ended: Callable[[str], None]
    ) -> tuple[Watcher, str]:
        offer = read_offer(web_offer)
        if self._tapping is None:
            self._tapping = bridge.tap(self)
            self._ticking = self._timer.every(_TICK_S, self._tick)
        watcher = Watcher(self, leg, seat(offer, self._codecs, fresh_ssrcs()), ended)
        self._watchers.append(watcher)
        try:
            answer = await leg.answer(offer, watcher.seats.plans)
            self._show(watcher)
        except BaseException:
            self.leave(watcher)
            raise
        return watcher, answer

    def begin(self, watcher: Watcher) -> None:
        """Its browser is connected."""
        for side, pictures in self._pictures.items():
            line = watcher.picture(side)
            if line is not None:
                pictures.begin(line)

    def leave(self, watcher: Watcher) -> None:
        if watcher not in self._watchers:
            return
        self._watchers.remove(watcher)
        for side, pictures in self._pictures.items():
            line = watcher.picture(side) if watcher.seated else None
            if line is not None:
                pictures.hide(line)
        sound = watcher.sound() if watcher.seated else None
        if sound is not None:
            self._sounds.remove(sound)
        self._rest()

    def visit_ended(self) -> None:
        """Whoever still watches is told so; each closes its own leg."""
        self._closed = True
        for each in tuple(self._watchers):
            each.lose("visit_ended")
        self._rest()

    def _show(self, watcher: Watcher) -> None:
        """Raises BridgeClosed when the visit ended while the answer was made."""
        if self._closed:
            raise BridgeClosed("the visit has ended")
        watcher.seated = True
        for side, pictures in self._pictures.items():
            line = watcher.picture(side)
            if line is not None:
                pictures.show(line)
        sound = watcher.sound()
        if sound is not None:
            self._sounds.add(sound)

    def _rest(self) -> None:
        """Nobody is left: the tap goes, and with it all cost."""
        if self._watchers:
            return
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        tapping, self._tapping = self._tapping, None
        if tapping is not None:
            tapping.close()
        self._codecs.clear()
        for waiting in self._waiting.values():
            waiting.clear()
        for pictures in self._pictures.values():
            pictures.close()
        self._sounds.close()

    def _tick(self) -> None:
        for kind, source in self._waiting:
            self._hand_on(kind, source)
        self._sounds.tick()
        for each in self._pictures.values():
            each.tick()

    def _hand_on(self, kind: Kind, source: Side) -> None:
        waiting = self._waiting[kind, source]
        if not waiting:
            return
        if len(waiting) == _MOST_WAITING:
            self.dropped_packets += 1  # at least: the oldest made room
        packets = tuple(waiting)
        waiting.clear()
        if kind is _VIDEO:
            self._pictures[source].push_all(packets)
        else:
            self._ears[source].push_all(packets)

    def _want_picture(self, side: Side) -> None:
        if self._tapping is not None:
            self._tapping.want_picture(side)

    # -- as a Listener

    def line_changed(self, kind: Kind, source: Side, codec: Codec | None) -> None:
        if codec is None:
            return  # it mostly comes back as it was, and whoever joins meanwhile had best expect that
        self._hand_on(kind, source)  # what came until now is of the codec before
        self._codecs[kind, source] = codec
        if kind is Kind.VIDEO:
            self._pictures[source].changed(codec)
        else:
            self._ears[source] = self._sounds.ear(source, codec)

    def sink(self, kind: Kind, source: Side) -> Callable[[bytes], None]:
        return self._waiting[kind, source].append

    def report(self, kind: Kind, source: Side, report: SenderReport) -> None:
        """The pictures and the sound of a watcher play as they come: each side's clock is another."""


def _nobody() -> None:
    """Nobody wants to know."""
