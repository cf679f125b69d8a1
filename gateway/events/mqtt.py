"""Facts to MQTT. The one room of aiomqtt.

    bus -> Subscription (bounded, the newest stay) -> Publisher -> broker

QoS 1: a fact is taken from the queue, and let go only when the broker has acknowledged it; after a lost connection it
is sent again. Connections are tried for ever, with growing pauses. `<root>/<node>/status` says `online`, and `offline`
by our own word or by the last will.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

import aiomqtt

from gateway.call.facts import Fact
from gateway.errors import MqttUrlError
from gateway.events.bus import Subscription
from gateway.events.topics import OFFLINE, ONLINE, encode, status_topic, topic

_log = logging.getLogger(__name__)
_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    host: str
    port: int
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False


@dataclass(frozen=True, slots=True)
class Backoff:
    """Pauses between tries: the first, then twice as long each time up to the longest, each shortened by chance."""

    first_s: float = 0.5
    longest_s: float = 30.0

    def pause_s(self, failures: int) -> float:
        full = min(self.longest_s, self.first_s * 2.0 ** min(failures, 16))
        return full * random.uniform(0.5, 1.0)  # noqa: S311 - keeps nodes apart, hides nothing


def parse_url(url: str) -> BrokerAddress:
    """`mqtt://[user:password@]host[:port]` or `mqtts://...`. Raises MqttUrlError."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1
    if parts.scheme not in _PORTS or not parts.hostname or port == -1 or parts.path not in ("", "/"):
        raise MqttUrlError("mqtt.url is no broker's address; write mqtt://host:1883 or mqtts://user:password@host:8883")
    return BrokerAddress(
        host=parts.hostname,
        port=port or _PORTS[parts.scheme],
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        tls=parts.scheme == "mqtts",
    )


class Publisher:
    """Runs until its subscription is closed and what was queued is out, or until it is cancelled."""

    def __init__(
        self,
        facts: Subscription,
        address: BrokerAddress,
        root: str,
        node: str,
        *,
        backoff: Backoff | None = None,
        timeout_s: float = 10.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.published = 0
        self.unwritable = 0
        self.connections = 0
        self.connected = asyncio.Event()
        self._facts = facts
        self._address = address
        self._root = root
        self._node = node
        self._backoff = backoff or Backoff()
        self._timeout_s = timeout_s
        self._sleep = sleep
        self._in_hand: Fact | None = None

    @property
    def dropped(self) -> int:
        return self._facts.dropped

    async def run(self) -> None:
        failures = 0
        while True:
            try:
                async with self._client() as client:
                    failures = 0
                    await self._online(client)
                    return
            except (aiomqtt.MqttError, OSError) as error:  # OSError: the name does not resolve, TLS fails
                self._lost(error, failures)
            if self._facts.closed:
                return  # we are being stopped, and nobody listens
            await self._sleep(self._backoff.pause_s(failures))
            failures += 1

    def _client(self) -> aiomqtt.Client:
        address = self._address
        return aiomqtt.Client(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            tls_context=ssl.create_default_context() if address.tls else None,
            identifier=f"{self._root}-{self._node}",
            will=aiomqtt.Will(status_topic(self._root, self._node), OFFLINE, qos=1, retain=True),
            timeout=self._timeout_s,
            keepalive=20,
        )

    async def _online(self, client: aiomqtt.Client) -> None:
        """One connection's life: ends when the facts end; raises MqttError when the connection is lost."""
        status = status_topic(self._root, self._node)
        await client.publish(status, ONLINE, qos=1, retain=True)
        self.connections += 1
        self.connected.set()
        _log.info("MQTT: connected")
        pump = asyncio.create_task(self._pump(client), name="mqtt-pump")
        watch = asyncio.create_task(_until_lost(client), name="mqtt-watch")
        try:
            await asyncio.wait((pump, watch), return_when=asyncio.FIRST_COMPLETED)
            for each in (pump, watch):
                if each.done():
                    await each
        finally:
            self.connected.clear()
            await _cancel(pump, watch)
            with contextlib.suppress(aiomqtt.MqttError):  # it is lost already, and the last will speaks for us
                await client.publish(status, OFFLINE, qos=1, retain=True, timeout=2)

    async def _pump(self, client: aiomqtt.Client) -> None:
        while True:
            if self._in_hand is None:
                self._in_hand = await anext(self._facts, None)
            if self._in_hand is None:
                return
            await self._send(client, self._in_hand)
            self._in_hand = None

    async def _send(self, client: aiomqtt.Client, fact: Fact) -> None:
        try:
            message = encode(fact)
        except (TypeError, ValueError):  # a detail that is no JSON value: one fact is lost, the loop goes on
            self.unwritable += 1
            _log.error("MQTT: a %s fact cannot be written", fact.kind)
            return
        await client.publish(topic(self._root, fact), message, qos=1)
        self.published += 1

    def _lost(self, error: Exception, failures: int) -> None:
        if failures == 0 and not self._facts.closed:
            _log.warning("MQTT: no connection (%s); trying again, facts wait", type(error).__name__)


async def run_publisher(facts: Subscription, url: str, root: str, node: str) -> None:
    """`Publisher(...).run()` for a broker's URL. Raises MqttUrlError at once."""
    await Publisher(facts, parse_url(url), root, node).run()


async def _until_lost(client: aiomqtt.Client) -> None:
    """We subscribe to nothing, so this iteration can only end by the connection's loss: the sole sign while idle."""
    async for _ in client.messages:
        pass


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
