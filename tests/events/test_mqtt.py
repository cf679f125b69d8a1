"""Facts reach a broker, Debian's mosquitto as well as the one in this process; losing it loses nothing that fits."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import aiomqtt
import pytest

from gateway.call.facts import Fact, FactKind
from gateway.errors import MqttUrlError
from gateway.events.broker import EmbeddedBroker
from gateway.events.bus import Bus, Subscription
from gateway.events.mqtt import Backoff, BrokerAddress, Publisher, parse_url
from tests.events.facts import fact
from tests.support.mosquitto import Mosquitto
from tests.support.waiting import until

QUICK = Backoff(first_s=0.05, longest_s=0.2)


@pytest.fixture(params=["embedded", "mosquitto"])
async def broker(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EmbeddedBroker | Mosquitto]:
    async with EmbeddedBroker() if request.param == "embedded" else Mosquitto(tmp_path) as running:
        yield running


@contextlib.asynccontextmanager
async def listener(url: str, pattern: str = "kinbridge/#") -> AsyncIterator[AsyncIterator[aiomqtt.Message]]:
    address = parse_url(url)
    async with aiomqtt.Client(address.host, address.port) as client:
        await client.subscribe(pattern, qos=1)
        yield aiter(client.messages)


@contextlib.asynccontextmanager
async def running(publisher: Publisher) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(publisher.run(), name="publisher")
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def publisher_of(facts: Subscription, url: str) -> Publisher:
    return Publisher(facts, parse_url(url), "kinbridge", "node1", backoff=QUICK)


async def settled(check: Callable[[], bool], what: str) -> None:
    async def asked() -> bool:
        return check()

    await until(asked, what)


async def test_facts_arrive_in_order_on_their_topics(broker: EmbeddedBroker | Mosquitto) -> None:
    bus = Bus()
    facts = bus.subscribe("mqtt")
    async with listener(broker.url, "kinbridge/+/visits/#") as messages, running(publisher_of(facts, broker.url)):
        bus.publish(fact(FactKind.RINGING, "v1"))
        bus.publish(fact(FactKind.WARNED, "v1", seconds_left=60, reason="time_limit"))
        first, second = await anext(messages), await anext(messages)
    assert str(first.topic) == "kinbridge/node1/visits/v1/ringing"
    assert str(second.topic) == "kinbridge/node1/visits/v1/warned"
    assert json.loads(bytes(second.payload))["detail"] == {"seconds_left": 60, "reason": "time_limit"}
    assert second.qos == 1


async def test_a_node_says_that_it_is_there_and_that_it_goes(broker: EmbeddedBroker | Mosquitto) -> None:
    bus = Bus()
    facts = bus.subscribe("mqtt")
    async with (
        listener(broker.url, "kinbridge/node1/status") as messages,
        running(publisher_of(facts, broker.url)) as task,
    ):
        assert (await anext(messages)).payload == b"online"
        bus.close()
        await task
        assert (await anext(messages)).payload == b"offline"
    async with listener(broker.url, "kinbridge/node1/status") as late:
        message = await anext(late)
        assert (message.payload, message.retain) == (b"offline", True)


async def test_the_broker_says_offline_for_a_node_that_is_gone(broker: EmbeddedBroker | Mosquitto) -> None:
    """A proxy between node and broker is cut: for the broker the node has vanished without DISCONNECT."""
    address = parse_url(broker.url)
    async with Wire(address.port) as wire, listener(broker.url, "kinbridge/node1/status") as messages:
        publisher = publisher_of(Bus().subscribe("mqtt"), f"mqtt://127.0.0.1:{wire.port}")
        async with running(publisher):
            assert (await anext(messages)).payload == b"online"
            await wire.cut()
            assert (await anext(messages)).payload == b"offline"


async def test_what_happens_while_the_broker_is_away_arrives_when_it_is_back(tmp_path: Path) -> None:
    mosquitto = Mosquitto(tmp_path)
    await mosquitto.start()
    bus = Bus()
    publisher = publisher_of(bus.subscribe("mqtt"), mosquitto.url)
    async with running(publisher):
        await publisher.connected.wait()
        await mosquitto.stop()
        await settled(lambda: not publisher.connected.is_set(), "the loss of the connection")
        for number in range(3):
            bus.publish(fact(visit_id=f"v{number}"))
        await mosquitto.start()
        async with listener(mosquitto.url, "kinbridge/node1/visits/#"):
            await publisher.connected.wait()
            await settled(lambda: publisher.published == 3, "three acknowledgements")
    assert publisher.connections == 2
    assert publisher.dropped == 0
    await mosquitto.stop()


async def test_an_outbox_without_a_broker_is_bounded_and_counts() -> None:
    bus = Bus()
    paused = asyncio.Event()

    async def pause(_: float) -> None:
        paused.set()
        await asyncio.Event().wait()

    with bus.subscribe("mqtt", limit=5) as facts:
        address = BrokerAddress("127.0.0.1", 9)  # the discard port: nobody listens
        async with running(Publisher(facts, address, "kinbridge", "node1", sleep=pause)) as task:
            await paused.wait()
            for number in range(8):
                bus.publish(fact(visit_id=f"v{number}"))
            assert not task.done()
        assert (facts.dropped, len(facts)) == (3, 5)


async def test_a_fact_that_is_no_json_does_not_stop_those_after_it() -> None:
    bus = Bus()
    async with EmbeddedBroker() as broker:
        publisher = publisher_of(bus.subscribe("mqtt"), broker.url)
        async with listener(broker.url, "kinbridge/node1/visits/#") as messages, running(publisher):
            broken: Fact = fact(visit_id="broken", odd={1, 2})  # type: ignore[arg-type]  # what the test is about
            bus.publish(broken)
            bus.publish(fact(visit_id="fine"))
            assert "fine" in str((await anext(messages)).topic)
    assert publisher.unwritable == 1


def test_pauses_grow_to_the_longest_and_never_vanish() -> None:
    backoff = Backoff(first_s=1, longest_s=8)
    for failures, full in ((0, 1), (1, 2), (2, 4), (3, 8), (50, 8)):
        assert full / 2 <= backoff.pause_s(failures) <= full


def test_a_broker_url_is_read_or_refused_in_words() -> None:
    assert parse_url("mqtt://broker") == BrokerAddress("broker", 1883)
    assert parse_url("mqtts://ada:p%40ss@broker:9999") == BrokerAddress("broker", 9999, "ada", "p@ss", tls=True)
    for wrong in ("broker:1883", "http://broker", "mqtt://", "mqtt://broker:port", "mqtt://broker/topic"):
        with pytest.raises(MqttUrlError, match="mqtt://host:1883"):
            parse_url(wrong)


class Wire:
    """A TCP proxy that can be cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Wire:
        self._server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.cut()

    async def cut(self) -> None:
        self._server.close()
        for each in self._writers:
            each.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        self._writers += [writer, far_writer]
        self._tasks += [
            asyncio.create_task(_copy(reader, far_writer)),
            asyncio.create_task(_copy(far_reader, writer)),
        ]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(4096):
        writer.write(data)
