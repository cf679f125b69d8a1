"""A browser that can be reached through a TURN server only (coturn): media goes both ways inside its allocation."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge.legs.ice_socket import IceSocket
from bridge.legs.web import WebLeg
from bridge.legs.web_port import WebPort
from bridge.rtp.packet import build
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.types import Codec, Flow, Kind, MediaSettings
from tests.support import raw_peer
from tests.support.raw_peer import RawPeer

pytestmark = [
    pytest.mark.interop,
    pytest.mark.skipif(shutil.which("turnserver") is None, reason="Debian's coturn is not installed"),
]

H264 = Codec("H264", raw_peer.H264, 90000, fmtp=(("packetization-mode", "1"), ("profile-level-id", "42e01f")))


@pytest_asyncio.fixture
async def turn_server(tmp_path: Path) -> AsyncIterator[int]:
    """The port of a coturn that knows one user."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    options = f"-n --no-cli --no-tls --no-dtls --listening-ip 127.0.0.1 --relay-ip 127.0.0.1 --listening-port {port}"
    options += " --lt-cred-mech --user gateway:secret --realm visits.test --allow-loopback-peers --log-file stdout"
    options += f" --simple-log --pidfile {tmp_path / 'turn.pid'} --userdb {tmp_path / 'turn.db'}"
    server = await asyncio.create_subprocess_exec(
        "turnserver", *options.split(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    await asyncio.to_thread(_until_it_answers, port)
    yield port
    server.terminate()
    await server.wait()


def _until_it_answers(port: int) -> None:
    """Sends STUN binding requests (RFC 8489 section 6) until one is answered, for 20 s at most."""
    request = b"\x00\x01\x00\x00\x21\x12\xa4\x42" + b"are you here"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        client.connect(("127.0.0.1", port))
        for _ in range(100):
            with contextlib.suppress(OSError):
                client.send(request)
                if client.recv(512)[8:20] == request[8:20]:
                    return
            time.sleep(0.02)  # a refused port answers at once, by ICMP
    raise TimeoutError("coturn does not answer")


@pytest.mark.parametrize("shared", [True, False], ids=["one port for all", "a port for each"])
async def test_media_passes_through_the_relay(turn_server: int, shared: bool) -> None:
    settings = MediaSettings(ice_servers=(f"turn:gateway:secret@127.0.0.1:{turn_server}?transport=udp",))
    async with Timer() as timer, RawPeer() as peer:
        ports = WebPort(Ports("127.0.0.1", (0, 0))) if shared else Ports("127.0.0.1", (0, 0))
        leg = WebLeg(settings, ports, timer)
        up = asyncio.Event()
        leg.on_connected = up.set
        flows = {Kind.AUDIO: Flow.SENDRECV, Kind.VIDEO: Flow.SENDRECV}
        answer = await leg.answer(await peer.offer(), {Kind.AUDIO: Codec("PCMU", 0, 8000), Kind.VIDEO: H264}, flows)
        assert "typ relay" in answer
        for protocol in leg._transport._connection._protocols:
            if isinstance(protocol.transport, IceSocket):
                protocol.transport.sendto = lambda data, address: None  # a firewall: nothing goes out directly
        if isinstance(ports, WebPort):
            ports.send_now = lambda data, address: False
        peer.accept("\r\n".join(line for line in answer.splitlines() if "typ host" not in line) + "\r\n")
        async with asyncio.timeout(15):
            await peer.connected.wait()
        taken: asyncio.Queue[bytes] = asyncio.Queue()
        line = leg.line(Kind.VIDEO)
        assert line is not None
        line.attach(taken.put_nowait, raw_peer.Deaf())
        sent = build(b"\x41" + bytes(1300), payload_type=raw_peer.H264, sequence=1, timestamp=1, ssrc=2002)
        async with asyncio.timeout(15):
            await up.wait()
            peer.send(sent)
            assert await taken.get() == sent
            back = build(b"\x41hello", payload_type=raw_peer.H264, sequence=1, timestamp=1, ssrc=line.send_ssrc)
            line.send(back)
            await peer.until(lambda: back in peer.packets)
        await leg.close()
        if isinstance(ports, WebPort):
            ports.close()
