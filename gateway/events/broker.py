"""The in-process MQTT broker: what a node uses when no broker is configured. The one room of amqtt.

    async with EmbeddedBroker("127.0.0.1", 0) as broker:
        ...  # broker.url

It lets everyone in who can reach it, so it listens on the loopback unless told otherwise. Nothing is kept on disk.
"""

from __future__ import annotations

import socket
from types import TracebackType
from typing import Any, Self

from amqtt.broker import Broker
from amqtt.errors import AMQTTError

from gateway.errors import PortTaken


class EmbeddedBroker:
    """port 0: the system chooses; `port` says which one it became. Entering raises PortTaken."""

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._broker: Any = None

    @property
    def url(self) -> str:
        return f"mqtt://{self.host}:{self.port}"

    async def __aenter__(self) -> Self:
        self._check_port()
        broker = Broker(
            {
                "listeners": {"default": {"type": "tcp", "bind": f"{self.host}:{self.port}"}},
                "plugins": {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}},
            }
        )
        try:
            await broker.start()
        except (AMQTTError, OSError):
            raise self._taken() from None
        self._broker = broker
        self.port = _listening_port(broker)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._broker.shutdown()

    def _check_port(self) -> None:
        """amqtt reports a taken port only after it has started half of itself, so the port is tried beforehand."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host, self.port))
                probe.listen(1)
            except OSError:
                raise self._taken() from None

    def _taken(self) -> PortTaken:
        return PortTaken(
            f"the in-process MQTT broker cannot listen on {self.host}:{self.port}; stop what listens there, "
            "set mqtt.embedded_port to a free port (0: the system chooses), or name your broker in mqtt.url"
        )


def _listening_port(broker: Any) -> int:
    """amqtt has no public word for the port that the system chose."""
    server = broker._servers["default"].instance
    return int(server.sockets[0].getsockname()[1])
