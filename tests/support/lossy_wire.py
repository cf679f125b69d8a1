"""A UDP wire that drops, delays, reorders and duplicates, by a seed; and can be cut.

    A  <-->  at_a | wire | at_b  <-->  B          A takes the address `at_a` for B's, B takes `at_b` for A's

It stands between a station and the gateway (`LossyPair`, RTP and RTCP), or between a browser and the gateway
(`BrowserWire`, which rewrites the candidates of offer and answer).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
from dataclasses import dataclass, field

from bridge.rtp.ports import Ports

Address = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Weather:
    """loss, duplicates: shares of packets. Each packet takes delay_ms and up to jitter_ms more, so they swap."""

    loss: float = 0.0
    delay_ms: float = 0.0
    jitter_ms: float = 0.0
    duplicates: float = 0.0


CALM = Weather()


@dataclass(slots=True)
class Way:
    """One direction. Its fate is a function of the seed and of how many packets came before."""

    chance: random.Random
    weather: Weather = CALM
    cut: bool = False
    passed: int = 0
    dropped: int = 0
    duplicated: int = 0

    def delays_s(self) -> list[float]:
        """When the copies of the next packet arrive; none for a lost one."""
        weather, chance = self.weather, self.chance
        lost, twice = chance.random() < weather.loss, chance.random() < weather.duplicates
        delays = [(weather.delay_ms + chance.random() * weather.jitter_ms) / 1000 for _ in range(2)]
        if self.cut or lost:
            self.dropped += 1
            return []
        self.passed += 1
        self.duplicated += twice
        return delays if twice else delays[:1]


@dataclass(slots=True)
class _End:
    """A socket and whom it faces: known from the start, or from what came last."""

    udp: socket.socket
    facing: Address | None = None


class LossyWire:
    """Needs a running loop. `a_to_b` and `b_to_a` have the counts and may be told apart."""

    def __init__(
        self,
        at_a: socket.socket,
        at_b: socket.socket,
        *,
        seed: int,
        a: Address | None = None,
        b: Address | None = None,
    ) -> None:
        self._ends = (_End(at_a, a), _End(at_b, b))
        self.a_to_b = Way(random.Random(2 * seed))
        self.b_to_a = Way(random.Random(2 * seed + 1))
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._loop.add_reader(at_a, self._take, self._ends[0], self._ends[1], self.a_to_b)
        self._loop.add_reader(at_b, self._take, self._ends[1], self._ends[0], self.b_to_a)

    @property
    def ways(self) -> tuple[Way, Way]:
        return self.a_to_b, self.b_to_a

    @property
    def at_a(self) -> Address:
        """What A is to take for B."""
        found: Address = self._ends[0].udp.getsockname()
        return found

    @property
    def at_b(self) -> Address:
        """What B is to take for A."""
        found: Address = self._ends[1].udp.getsockname()
        return found

    def blow(self, weather: Weather) -> None:
        """From now on, both ways."""
        for way in self.ways:
            way.weather = weather

    def face(self, *, a: Address | None = None, b: Address | None = None) -> None:
        for end, address in zip(self._ends, (a, b), strict=True):
            end.facing = address or end.facing

    def cut(self) -> None:
        for way in self.ways:
            way.cut = True

    def mend(self) -> None:
        for way in self.ways:
            way.cut = False

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for end in self._ends:
            self._loop.remove_reader(end.udp)
            end.udp.close()

    def _take(self, arrival: _End, departure: _End, way: Way) -> None:
        for _ in range(32):
            try:
                packet, source = arrival.udp.recvfrom(65536)
            except OSError:
                return
            arrival.facing = source
            for delay_s in way.delays_s():
                if delay_s:
                    self._loop.call_later(delay_s, self._deliver, departure, way, packet)
                else:
                    self._deliver(departure, way, packet)

    def _deliver(self, departure: _End, way: Way, packet: bytes) -> None:
        if self._closed or way.cut or departure.facing is None:
            return
        with contextlib.suppress(OSError):  # full, or nobody listens there any more: lost, as on any wire
            departure.udp.sendto(packet, departure.facing)


@dataclass(slots=True)
class LossyPair:
    """RTP and RTCP of one m= line. `port_for_gateway` goes into the station's description."""

    seed: int
    host: str = "127.0.0.1"
    rtp: LossyWire = field(init=False)
    rtcp: LossyWire = field(init=False)

    def __post_init__(self) -> None:
        ports = Ports(self.host, (0, 0))
        at_station, at_gateway = ports.pair(), ports.pair()
        self.rtp = LossyWire(at_station.rtp, at_gateway.rtp, seed=self.seed)
        self.rtcp = LossyWire(at_station.rtcp, at_gateway.rtcp, seed=self.seed + 1000)

    @property
    def port_for_station(self) -> int:
        return self.rtp.at_a[1]

    @property
    def port_for_gateway(self) -> int:
        return self.rtp.at_b[1]

    @property
    def wires(self) -> tuple[LossyWire, LossyWire]:
        return self.rtp, self.rtcp

    def join(self, station_port: int, gateway_port: int) -> None:
        for step, wire in enumerate(self.wires):
            wire.face(a=(self.host, station_port + step), b=(self.host, gateway_port + step))

    def close(self) -> None:
        for wire in self.wires:
            wire.close()


_CANDIDATE = re.compile(r"^(a=candidate:\S+ \d+ udp \d+) (\S+) (\d+) (typ host.*)$", re.MULTILINE | re.IGNORECASE)


class BrowserWire:
    """Between a browser and the gateway: everything of the visit over the one address that each sees."""

    def __init__(self, seed: int, host: str = "127.0.0.1") -> None:
        ports = Ports(host, (0, 0))
        self.wire = LossyWire(ports.single(), ports.single(), seed=seed)

    def offer(self, sdp: str) -> str:
        """The browser's offer as the gateway is to get it."""
        return self._rewritten(sdp, self.wire.at_b)

    def answer(self, sdp: str) -> str:
        """The gateway's answer as the browser is to get it."""
        found = _CANDIDATE.search(sdp)
        assert found is not None, "the answer names no host candidate"
        self.wire.face(b=(found[2], int(found[3])))
        return self._rewritten(sdp, self.wire.at_a)

    def close(self) -> None:
        self.wire.close()

    def _rewritten(self, sdp: str, address: Address) -> str:
        """One candidate a line suffices: the first is rewritten, where there were more they are left out."""
        lines, section = [], 0
        for line in sdp.split("\r\n"):
            if line.startswith("m="):
                section = 0
            if line.startswith("a=candidate:"):
                section += 1
                if section > 1:
                    continue
                line = f"a=candidate:1 1 udp 2130706431 {address[0]} {address[1]} typ host"  # noqa: PLW2901
            lines.append(line)
        return "\r\n".join(lines)
