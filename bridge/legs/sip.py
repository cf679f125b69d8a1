"""The leg of a station or of a telephone: a line (`bridge.legs.sip_line`) for each m= line that is used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from bridge.legs.sip_line import SENDS, SipLine
from bridge.legs.station_rtcp import StationClock
from bridge.negotiate import StationLine
from bridge.rtp.ports import Ports, SocketPair
from bridge.rtp.timer import Timer
from bridge.types import Codec, Flow, Kind, Peer, Side


class SipLeg:
    """A station or a telephone: ports first (they stand in our SDP), lines when its description is known."""

    def __init__(
        self,
        ports: Ports,
        timer: Timer,
        *,
        on_key: Callable[[str, int], None],
        by_info: Callable[[], None],
        peer: Peer = Peer.STATION,
        follow_after_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.peer = peer
        self.side: Side = peer.side
        self.on_codec: Callable[[Kind, Codec], None] = lambda _kind, _codec: None
        self._ports = ports
        self._follow_after_s = follow_after_s
        self._timer = timer
        self._on_key = on_key
        self._by_info = by_info
        self._clock = clock
        self._station_clock = StationClock(clock())
        self._reserved: dict[Kind, SocketPair] = {}
        self._lines: dict[Kind, SipLine] = {}

    def reserve(self, kinds: Iterable[Kind]) -> Mapping[Kind, int]:
        """The RTP port of each kind, taken now if it was not before. Raises PortsExhausted."""
        found = {}
        for kind in kinds:
            if kind in self._lines:
                found[kind] = self._lines[kind].port
            else:
                if kind not in self._reserved:
                    self._reserved[kind] = self._ports.pair()
                found[kind] = self._reserved[kind].port
        return found

    def forget_early(self) -> None:
        """What came to reserved ports so far: the network's ringing tones, and keys that nobody was asked for."""
        for pair in self._reserved.values():
            pair.drain()

    def apply(self, lines: Iterable[StationLine]) -> None:
        """Opens, turns or closes lines so that there are exactly these; ports of others are given back."""
        wanted = {each.kind: each for each in lines}
        self.reserve(wanted)
        for kind, line in wanted.items():
            if kind in self._lines:
                self._lines[kind].aim(line)
            else:
                self._lines[kind] = SipLine(
                    line,
                    self._reserved.pop(kind),
                    self._timer,
                    on_key=self._on_key,
                    by_info=self._by_info,
                    on_codec=self.on_codec,
                    peer=self.peer,
                    station_clock=self._station_clock,
                    follow_after_s=self._follow_after_s,
                    clock=self._clock,
                )
        for kind in self._lines.keys() - wanted.keys():
            self._lines.pop(kind).close()
        self._give_back()

    def line(self, kind: Kind) -> SipLine | None:
        return self._lines.get(kind)

    def lines(self) -> tuple[SipLine, ...]:
        return tuple(self._lines.values())

    @property
    def held(self) -> bool:
        """The station put us on hold: it does not want our sound (RFC 3264 section 8.4)."""
        audio = self._lines.get(Kind.AUDIO)
        return audio is not None and audio.flow not in SENDS

    @property
    def speaks(self) -> bool:
        """Whether sound is due from the station, so that silence means something."""
        audio = self._lines.get(Kind.AUDIO)
        return audio is not None and audio.flow is Flow.SENDRECV

    def last_received_s(self) -> float:
        return max((each.counters.last_received_s for each in self._lines.values()), default=0.0)

    def __str__(self) -> str:
        return str(self.peer)

    async def close(self) -> None:
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self._give_back()

    def _give_back(self) -> None:
        for pair in self._reserved.values():
            pair.close()
        self._reserved.clear()
