"""The in-process broker: on a free port, or a clear word why not."""

from __future__ import annotations

import socket

import aiomqtt
import pytest

from gateway.errors import PortTaken
from gateway.events.broker import EmbeddedBroker


async def test_it_says_which_port_the_system_chose_and_carries_messages() -> None:
    async with EmbeddedBroker(port=0) as broker:
        assert broker.port > 0
        async with aiomqtt.Client(broker.host, broker.port) as client:
            await client.subscribe("room/#", qos=1)
            await client.publish("room/door", b"open", qos=1)
            message = await anext(aiter(client.messages))
            assert (str(message.topic), message.payload) == ("room/door", b"open")


async def test_a_taken_port_is_named_with_the_remedy() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"127\.0\.0\.1:{port}.*mqtt\.embedded_port"):
            await EmbeddedBroker(port=port).__aenter__()


async def test_it_can_start_again_on_the_same_port() -> None:
    async with EmbeddedBroker(port=0) as broker:
        port = broker.port
    async with EmbeddedBroker(port=port) as again:
        assert again.port == port
