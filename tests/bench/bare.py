"""The floor: the same packets at the same pace on as many sockets, and nothing done but receive, SRTP and send.

No RTP is looked at, nothing is counted, repaired or rewritten; keys are given, and who gets what is known beforehand.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import Any

from bridge.rtp.packet import build
from bridge.rtp.ports import Ports
from bridge.rtp.srtp import Opener, Profile, Sealer
from tests.bench.worker import cpu_s, obey, reply

PROFILE = Profile.AEAD_AES_256_GCM  # what DTLS agrees on with Chromium


class Visit:
    """One socket towards the browser, one towards the station for each kind."""

    def __init__(self, ports: Ports, browser: tuple[str, int], stations: list[tuple[str, int]], key: bytes) -> None:
        self._sealer, self._opener = Sealer.with_key(PROFILE, key), Opener.with_key(PROFILE, key)
        self.web = ports.single()
        self.kinds = [ports.single() for _ in stations]
        self._browser = browser
        self._by_type = {
            station[0]: (sock, station[1]) for sock, station in zip(self.kinds, _typed(stations), strict=True)
        }
        self.passed = 0
        loop = asyncio.get_running_loop()
        loop.add_reader(self.web, self._from_browser)
        for sock in self.kinds:
            loop.add_reader(sock, self._from_station, sock)

    def _from_browser(self) -> None:
        opener = self._opener
        size = self.web.recv_into(opener.view)
        packet = opener.rtp(size)
        assert packet is not None
        sock, station = self._by_type[packet[1] & 0x7F]
        sock.sendto(packet, station)
        self.passed += 1

    def _from_station(self, sock: socket.socket) -> None:
        sealed = self._sealer.rtp(sock.recv(4096))
        assert sealed is not None
        self.web.sendto(sealed, self._browser)
        self.passed += 1


def _typed(stations: list[tuple[str, int]]) -> list[tuple[int, tuple[str, int]]]:
    return [(payload_type, (host, port)) for payload_type, (host, port) in zip((0, 102), stations, strict=False)]


def back_to_back_us(packets: int = 20_000) -> float:
    """The same three steps with nothing to wait for: no wake-ups, all caches warm. No process that waits reaches it."""
    key = bytes(PROFILE.key_bytes)
    sealer, opener = Sealer.with_key(PROFILE, key), Opener.with_key(PROFILE, key)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as two,
    ):
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        there = two.getsockname()
        made = [build(bytes(size), payload_type=0, sequence=0, timestamp=0, ssrc=1) for size in (160, 1250)]
        began_s = cpu_s()
        for number in range(packets):
            packet = made[number % 11 > 4]
            sealed = sealer.rtp(packet[:2] + (number & 0xFFFF).to_bytes(2, "big") + packet[4:])
            assert sealed is not None
            one.sendto(sealed, there)
            two.recv_into(opener.view)
        return 1e6 * (cpu_s() - began_s) / packets


async def serve(next_request: Callable[[], Awaitable[dict[str, Any] | None]]) -> None:
    ports = Ports("127.0.0.1", (0, 0))
    visits: list[Visit] = []
    while (request := await next_request()) is not None:
        if request["what"] == "join":
            for each in request["offers"]:
                stations = [(host, port) for host, port in each["stations"]]
                visits.append(Visit(ports, tuple(each["browser"]), stations, bytes.fromhex(each["key"])))
            answers = [
                {"web": visit.web.getsockname(), "stations": [sock.getsockname() for sock in visit.kinds]}
                for visit in visits
            ]
            reply(answers=answers)
        elif request["what"] == "back_to_back":
            reply(us_per_packet=back_to_back_us())
        else:
            reply(cpu_s=cpu_s(), packets=sum(visit.passed for visit in visits))


if __name__ == "__main__":
    obey(serve)
