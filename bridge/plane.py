"""What all visits of a process share: the ports, the one timer, the codec workers."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from bridge.codecs import Workers
from bridge.errors import BridgeError
from bridge.gauge import Gauge
from bridge.governor import Pressure
from bridge.legs.sip import SipLeg
from bridge.legs.watch_leg import WatchLeg
from bridge.legs.web import WebLeg
from bridge.legs.web_port import WebPort
from bridge.live import Bridge
from bridge.own.studio import Studio
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.tapping import TappableWiring
from bridge.types import Kind, MediaSettings, Side
from bridge.watching import Galleries, Watcher
from bridge.watching.gallery import Tappable
from bridge.wiring import Wiring


class MediaPlane:
    """One per process.

        async with MediaPlane(settings) as plane:
            bridge = plane.bridge()
            joined = await bridge.join(sip_offer, web_offer)

    Leaving closes every bridge that is still open. Raises BridgeError for settings that can never work, on entering
    PortsExhausted when the port of all browsers is taken.
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
        self._gauge = Gauge(self._workers, sheds=settings.sheds_load)
        self._studio = Studio(settings.languages, settings.prompts)
        self._sip_ports = Ports(settings.host, settings.sip_ports)
        self._web_ports: Ports | WebPort = Ports(settings.host, settings.web_ports, name="media.web_ports")
        self._bridges: set[Bridge] = set()
        self._galleries = Galleries(self._watch_leg, self._workers, self._timer, clock)

    def bridge(self, *, sealed: bool = False) -> Bridge:
        """For one visit. It is to be closed by whoever asked for it. sealed: nothing can ever listen (privileged)."""
        wired = self._sealed if sealed else self._tappable
        made = Bridge(
            self._settings,
            self._timer,
            sip_leg=lambda peer, on_key, by_info: SipLeg(
                self._sip_ports,
                self._timer,
                on_key=on_key,
                by_info=by_info,
                peer=peer,
                follow_after_s=self._settings.follow_after_s,
                clock=self._clock,
            ),
            web_leg=lambda: WebLeg(self._settings, self._web_ports, self._timer),
            wiring=wired,
            rewire=lambda sealed, passed: self._sealed(passed) if sealed else self._tappable(passed),
            studio=self._studio,
            clock=self._clock,
            closed=self._bridge_closed,
        )
        self._bridges.add(made)
        return made

    def _sealed(self, passed: Callable[[Kind, Side], None]) -> Wiring:
        return Wiring(self._workers, passed, most_bps=self._settings.video_max_bps)

    def _tappable(self, passed: Callable[[Kind, Side], None]) -> Wiring:
        return TappableWiring(self._workers, passed, most_bps=self._settings.video_max_bps)

    @property
    def codec_cpu_s(self) -> float:
        """CPU seconds of the codec workers, which `time.process_time` does not count."""
        return self._workers.cpu_s

    def warm(self) -> None:
        """Starts codec workers before a visit needs them; else they start with the first that does. In a loop only."""
        self._workers.warm()

    @property
    def pressure(self) -> Pressure:
        """How loaded the node is, and whether it is to be given visits."""
        return self._gauge.pressure

    async def watch(self, bridge: Tappable, web_offer: str, ended: Callable[[str], None]) -> tuple[Watcher, str]:
        """An officer's browser at this visit, receiving only, and the answer for it; `ended(reason)` is told once.

        Raises BridgeSealed for a privileged visit, BridgeClosed, SdpError, NegotiationError, PortsExhausted.
        """
        return await self._galleries.watch(bridge, web_offer, ended)

    def _watch_leg(self) -> WatchLeg:
        return WatchLeg(self._settings, self._web_ports, self._timer)

    def _bridge_closed(self, bridge: Bridge) -> None:
        self._bridges.discard(bridge)
        self._galleries.visit_ended(bridge)

    def __len__(self) -> int:
        """How many bridges are open."""
        return len(self._bridges)

    async def __aenter__(self) -> Self:
        self._timer.start()
        self._gauge.start(self._timer)
        if self._settings.web_port is not None:
            self._web_ports = WebPort(_shared(self._settings))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for each in tuple(self._bridges):
            await each.close()
        if isinstance(self._web_ports, WebPort):
            self._web_ports.close()
        await self._timer.close()
        self._workers.close()
        self._studio.close()


def _shared(settings: MediaSettings) -> Ports:
    """Where the one port of all browsers comes from."""
    if settings.web_port:
        return Ports(settings.host, (settings.web_port, settings.web_port), name="media.web_port")
    return Ports(settings.host, settings.web_ports, name="media.web_ports")
