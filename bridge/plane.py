"""What all visits of a process share: the ports, the one timer, the codec workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bridge.codecs import Workers
from bridge.codecs.workers import LOOK_S
from bridge.errors import BridgeError
from bridge.legs.sip import SipLeg
from bridge.legs.web import WebLeg
from bridge.live import Bridge
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.types import Kind, MediaSettings, Side
from bridge.tapping import TappableWiring
from bridge.wiring import Wiring


class MediaPlane:
    """One per process.

        async with MediaPlane(settings) as plane:
            bridge = plane.bridge()
            joined = await bridge.join(sip_offer, web_offer)

    Leaving closes every bridge that is still open. Raises BridgeError for settings that can never work.
    """

    def __init__(self, settings: MediaSettings, clock: Callable[[], float] = time.monotonic) -> None:
        if settings.host in ("0.0.0.0", "::") and not settings.advertised:  # noqa: S104 - refused here, not bound
            raise BridgeError(
                f"{settings.host} in a description means hold; set media.advertised to the address that stations reach"
            )
        self._settings = settings
        self._clock = clock
        self._timer = Timer(clock)
        self._workers = Workers(settings.codec_workers)
        self._sip_ports = Ports(settings.host, settings.sip_ports)
        self._web_ports = Ports(settings.host, settings.web_ports, name="media.web_ports")
        self._bridges: set[Bridge] = set()

    def bridge(self, *, sealed: bool = False) -> Bridge:
        """For one visit. It is to be closed by whoever asked for it. sealed: nothing can ever listen (privileged)."""
        wired = self._sealed if sealed else self._tappable
        made = Bridge(
            self._settings,
            self._timer,
            sip_leg=lambda on_key, by_info: SipLeg(
                self._sip_ports,
                self._timer,
                on_key=on_key,
                by_info=by_info,
                follow_after_s=self._settings.follow_after_s,
                clock=self._clock,
            ),
            web_leg=lambda: WebLeg(self._settings, self._web_ports, self._timer),
            wiring=wired,
            clock=self._clock,
            closed=self._bridges.discard,
        )
        self._bridges.add(made)
        return made

    def __len__(self) -> int:
        """How many bridges are open."""
        return len(self._bridges)

    def _sealed(self, passed: Callable[[Kind, Side], None]) -> Wiring:
        return Wiring(self._workers, passed, most_bps=self._settings.video_max_bps)

    def _tappable(self, passed: Callable[[Kind, Side], None]) -> Wiring:
        return TappableWiring(self._workers, passed, self._clock, most_bps=self._settings.video_max_bps)

    async def __aenter__(self) -> Self:
        self._timer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
        self._timer.every(LOOK_S, self._workers.look)
    ) -> None:
        for each in tuple(self._bridges):
            await each.close()
        await self._timer.close()
        self._workers.close()
