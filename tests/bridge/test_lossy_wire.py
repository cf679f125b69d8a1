"""The instrument itself: a wire whose weather is known must do what it says, and the same again for the same seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable

import pytest

from bridge.rtp.ports import Ports
from tests.support.lossy_wire import BrowserWire, LossyPair, LossyWire, Way, Weather


def fates(weather: Weather, seed: int, count: int = 20_000) -> tuple[Way, list[list[float]]]:
    way = Way(random.Random(seed), weather)
    return way, [way.delays_s() for _ in range(count)]


def test_one_seed_is_one_fate() -> None:
    weather = Weather(loss=0.05, delay_ms=10, jitter_ms=30, duplicates=0.01)
    assert fates(weather, 7)[1] == fates(weather, 7)[1]
    assert fates(weather, 7)[1] != fates(weather, 8)[1]


def test_it_loses_delays_and_doubles_as_it_is_told() -> None:
    way, delays = fates(Weather(loss=0.05, delay_ms=10, jitter_ms=30, duplicates=0.01), 1)
    assert 0.045 < way.dropped / len(delays) < 0.055
    assert 0.007 < way.duplicated / len(delays) < 0.013
    seen = [each for copies in delays for each in copies]
    assert 0.010 <= min(seen) < 0.011
    assert 0.039 < max(seen) <= 0.040


class Two:
    """A and B with a wire between them."""

    def __init__(self, seed: int = 1) -> None:
        ports = Ports("127.0.0.1", (0, 0))
        self.a, self.b = ports.single(), ports.single()
        self.wire = LossyWire(ports.single(), ports.single(), seed=seed, b=self.b.getsockname())
        self.at_b: list[bytes] = []
        asyncio.get_running_loop().add_reader(self.b, self._read)

    def _read(self) -> None:
        self.at_b.append(self.b.recv(2048))

    def send(self, number: int) -> None:
        self.a.sendto(number.to_bytes(2, "big"), self.wire.at_a)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self.b)
        self.wire.close()
        self.a.close()
        self.b.close()


@pytest.fixture
async def two() -> AsyncIterator[Two]:
    made = Two()
    yield made
    made.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - sockets deliver as the loop turns; nothing else tells when
            await asyncio.sleep(0.001)


async def test_in_calm_weather_everything_passes_both_ways(two: Two) -> None:
    for number in range(50):
        two.send(number)
    await until(lambda: len(two.at_b) == 50)
    assert two.at_b == [number.to_bytes(2, "big") for number in range(50)]
    two.b.sendto(b"back", two.wire.at_b)
    assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(two.a, 100), 10) == b"back"


async def test_jitter_swaps_packets_and_loses_none(two: Two) -> None:
    two.wire.blow(Weather(jitter_ms=20))
    for number in range(100):
        two.send(number)
    await until(lambda: len(two.at_b) == 100)
    assert sorted(two.at_b) == [number.to_bytes(2, "big") for number in range(100)]
    assert two.at_b != sorted(two.at_b)


async def test_a_cut_loses_what_is_under_way_too(two: Two) -> None:
    two.wire.blow(Weather(delay_ms=30))
    two.send(1)
    await until(lambda: two.wire.a_to_b.passed == 1)
    two.wire.cut()
    two.send(2)
    await until(lambda: two.wire.a_to_b.dropped == 1)
    await asyncio.sleep(0.05)  # the first one's time of arrival passes
    two.wire.mend()
    two.send(3)
    await until(lambda: len(two.at_b) > 0)
    assert two.at_b == [(3).to_bytes(2, "big")]


async def test_a_pair_has_its_reports_on_the_next_port() -> None:
    pair = LossyPair(seed=1)
    for wire, step in zip(pair.wires, (0, 1), strict=True):
        assert wire.at_a[1] == pair.port_for_station + step
        assert wire.at_b[1] == pair.port_for_gateway + step
    assert pair.port_for_station % 2 == pair.port_for_gateway % 2 == 0
    pair.close()


async def test_a_browser_and_the_gateway_see_the_wire_alone() -> None:
    wire = BrowserWire(seed=1)
    candidate = "a=candidate:{} 1 udp 5 10.0.0.{} 4000 typ host"
    lines = ["v=0", "m=audio 9 x 0", candidate.format(1, 7), candidate.format(2, 8), "m=video 9 x 96"]
    sdp = "\r\n".join([*lines, candidate.format(1, 7), ""])
    for text, (host, port) in ((wire.offer(sdp), wire.wire.at_b), (wire.answer(sdp), wire.wire.at_a)):
        assert text.count(f" {host} {port} typ host") == 2
        assert "10.0.0" not in text
    wire.close()
