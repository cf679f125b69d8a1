"""The one room of aiortc and aioice: a browser's offer, ICE and DTLS. Media passes them by.

aiortc's ORTC objects (ice gatherer, ice transport, dtls transport) and its SDP reader are used; its RTCPeerConnection,
senders and receivers are not, since they decode what a bridge only forwards.

    socket --first byte--> 0-3    STUN        aioice
                           20-63  DTLS        aiortc, by the queue of aioice
                           128-191 SRTP/SRTCP here: decrypted where the socket put it, handed to the leg (RFC 7983)

Nothing that a packet brings may raise into aiortc: an exception there would end the DTLS transport and the visit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import aioice.ice
from aioice.candidate import Candidate, candidate_foundation, candidate_priority
from aioice.stun import TransactionError
from aiortc import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCIceGatherer,
    RTCIceParameters,
    RTCIceServer,
    RTCIceTransport,
)
from aiortc.sdp import candidate_from_sdp, candidate_to_sdp

from bridge.errors import PortsExhausted
from bridge.legs.ice_socket import IceSocket
from bridge.legs.web_port import Seat, WebPort
from bridge.legs.web_sdp import LocalTransport, Offer
from bridge.rtp.batch import Key, Outbox, Seal
from bridge.rtp.srtp import Opener, Sealer, Slot
from bridge.types import MediaSettings

_log = logging.getLogger(__name__)
for _talkative in ("aioice", "aiortc"):
    logging.getLogger(_talkative).setLevel(logging.WARNING)  # below it they write the family's addresses and SDP

_MOST_WAITING = 256  # datagrams for DTLS, which takes them one by one; strangers may send what looks like it
_MANY_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound


class SinglePorts(Protocol):
    """Where sockets come from: bound and non-blocking. Raises PortsExhausted."""

    host: str

    def single(self) -> socket.socket: ...


BrowserPorts = SinglePorts | WebPort
"""A socket for each browser, or one for all."""


class MediaReceiver(Protocol):
    """Who takes what was decrypted."""

    def rtp_arrived(self, packet: bytes) -> None: ...

    def rtcp_arrived(self, packet: bytes) -> None: ...


class _Connection(aioice.ice.Connection):
    """An ICE agent on the ports and the address it is told, which hands SRTP to a media receiver."""

    def __init__(self, settings: MediaSettings, ports: BrowserPorts, media: MediaReceiver, **servers: Any) -> None:
        # the library's own four letters could be another browser's at the shared port
        super().__init__(ice_controlling=False, local_username=secrets.token_hex(8), **servers)
        self._settings = settings
        self._ports = ports
        self.rtp_arrived: Callable[[bytes], None] = media.rtp_arrived
        self._rtcp_arrived = media.rtcp_arrived
        self.opener = Opener()
        self.rejected_packets = 0
        self._failures = 0
        self.path: tuple[Outbox, Key] | None = None

    async def get_component_candidates(
        self,
        component: int,
        addresses: list[str],
        timeout: int = 5,  # noqa: ASYNC109 - the signature is aioice's
    ) -> list[Candidate]:
        protocol = self._open()
        candidates = [
            _host_candidate(component, host, protocol.transport.get_extra_info("sockname")[1], preference)
            for preference, host in enumerate(self._hosts(addresses))
        ]
        protocol.local_candidate = candidates[0]
        if self.stun_server is not None:
            # no answer from the STUN server is no reason to refuse the visit: the host candidate stands
            with contextlib.suppress(OSError, TimeoutError, TransactionError):
                async with asyncio.timeout(timeout):
                    candidates.append((await aioice.ice.server_reflexive_candidate(protocol, self.stun_server))[0])
        # without addresses the library only asks the TURN server, if there is one
        return candidates + await super().get_component_candidates(component, [], timeout)

    def _hosts(self, addresses: list[str]) -> list[str]:
        """What to name as ours: one socket, perhaps of several addresses."""
        if self._settings.advertised:
            return [self._settings.advertised]
        if self._ports.host not in _MANY_ADDRESSES:
            return [self._ports.host]
        six = ":" in self._ports.host
        return [each for each in addresses if (":" in each) == six] or ["::1" if six else "127.0.0.1"]

    def _open(self) -> aioice.ice.StunProtocol:
        protocol = aioice.ice.StunProtocol(self)
        if isinstance(self._ports, WebPort):
            self._ports.seat(self.local_username, protocol, self)
        else:
            IceSocket(self._ports.single(), protocol, self)
        self._protocols.append(protocol)
        return protocol

    def media_arrived(self, slot: Slot, size: int) -> None:
        """SRTP or SRTCP stands in the slot. RFC 5761 section 4 tells them apart. Never raises."""
        opener = self.opener
        try:
            if 192 <= slot.view[1] <= 223:
                packet = opener.rtcp(size, slot)
                if packet is not None:
                    return self._rtcp_arrived(packet)
            else:
                packet = opener.rtp(size, slot)
                if packet is not None:
                    return self.rtp_arrived(packet)
        except Exception:  # noqa: BLE001 - whatever one packet does in a pipeline, the next one must be read
            self.packet_failed()
        self.rejected_packets += 1
        return None

    def packet_failed(self) -> None:
        """Within an except clause: log the first failure, then ever fewer; one fault comes 200 times a second."""
        self._failures += 1
        if self._failures & (self._failures - 1) == 0:
            _log.exception("packets of a browser that failed so far: %d", self._failures)

    def data_received(self, data: bytes, component: int) -> None:
        """What aioice takes for application data: DTLS, and through a TURN server SRTP as well."""
        if data and 127 < data[0] < 192 and len(data) <= len(self.opener.view):
            self.opener.view[0 : len(data)] = data
            self.media_arrived(self.opener.slot, len(data))
        elif data and 19 < data[0] < 64 and self._queue.qsize() < _MOST_WAITING:
            super().data_received(data, component)
        else:
            self.rejected_packets += 1

    def check_incoming(self, message: Any, addr: tuple[str, int], protocol: aioice.ice.StunProtocol) -> None:
        """A check whose MESSAGE-INTEGRITY was right: at a shared port this tells whose the address is."""
        transport: Any = protocol.transport
        if isinstance(transport, Seat):
            transport.learn(addr)
        super().check_incoming(message, addr, protocol)

    def check_complete(self, pair: aioice.ice.CandidatePair) -> None:
        """A check ended; the browser may have nominated another pair, even in mid-visit."""
        super().check_complete(pair)
        chosen = self._nominated.get(1)
        if chosen is None:
            return
        transport: Any = chosen.protocol.transport
        if isinstance(transport, Seat):
            self.path = transport.path_to(chosen.remote_addr)
        elif isinstance(transport, IceSocket):
            self.path = (transport.outbox, chosen.remote_addr)
        else:
            self.path = (_TurnOutbox(transport), chosen.remote_addr)


class _TurnOutbox:
    """A TURN allocation, which frames what it sends (RFC 8656 section 11)."""

    def __init__(self, transport: Any) -> None:
        self.unsent_packets = 0
        self._slot = Slot()
        self._transport = transport

    def push(self, seal: Seal, packet: bytes, target: Key) -> None:
        size = seal(self._slot, packet)
        try:
            self._transport.sendto(bytes(self._slot.view[0:size]), target)
        except OSError:
            self.unsent_packets += 1

    def push_all(self, seal: Seal, packets: Sequence[bytes], target: Key) -> None:
        for packet in packets:
            self.push(seal, packet, target)

    def flush(self) -> None:
        """Nothing waits."""


def _host_candidate(component: int, host: str, port: int, preference: int) -> Candidate:
    return Candidate(
        foundation=candidate_foundation("host", "udp", host),
        component=component,
        transport="udp",
        priority=candidate_priority(component, "host", 65535 - preference),
        host=host,
        port=port,
        type="host",
    )


class _Gatherer(RTCIceGatherer):
    """aiortc's gatherer around our ICE agent."""

    def __init__(self, settings: MediaSettings, ports: BrowserPorts, media: MediaReceiver) -> None:
        super().__init__(iceServers=[_ice_server(each) for each in settings.ice_servers])
        made = self._connection
        self._connection = self.connection = _Connection(
            settings,
            ports,
            media,
            stun_server=made.stun_server,
            turn_server=made.turn_server,
            turn_username=made.turn_username,
            turn_password=made.turn_password,
            turn_ssl=made.turn_ssl,
            turn_transport=made.turn_transport,
        )


def _ice_server(text: str) -> RTCIceServer:
    """`stun:host:port` or `turn:user:password@host:port?transport=udp`."""
    credentials, at, place = text.rpartition("@")
    if not at:
        return RTCIceServer(urls=text)
    scheme, _, rest = credentials.partition(":")
    user, _, password = rest.partition(":")
    return RTCIceServer(urls=f"{scheme}:{place}", username=user, credential=password)


class WebTransport:
    """ICE, DTLS and SRTP with one browser, over one socket (BUNDLE, RTCP multiplexed).

    on_lost hears one of: `closed` (the browser closed the PeerConnection), `consent_expired` (it is silent, RFC 7675),
    `connect_timeout`, `ice_failed`, `dtls_failed`. It is called once at most, and never after close().
    """

    def __init__(
        self,
        settings: MediaSettings,
        ports: BrowserPorts,
        media: MediaReceiver,
        on_connected: Callable[[], None],
        on_lost: Callable[[str], None],
        *,
        controlling: bool = False,
    ) -> None:
        """`controlling`: this side makes the offer; from the start, since checks may arrive before the answer."""
        self._timeout_s = settings.web_connect_timeout_s
        self._on_connected = on_connected
        self._on_lost = on_lost
        gatherer = _Gatherer(settings, ports, media)
        self._connection = gatherer.connection
        self._connection.ice_controlling = controlling
        self._gatherer = gatherer
        self._ice = RTCIceTransport(gatherer)
        self._dtls = RTCDtlsTransport(self._ice, [RTCCertificate.generateCertificate()])
        self._dtls.on("statechange", self._dtls_changed)
        self._connecting: asyncio.Task[None] | None = None
        self._closed = False
        self._sealer: Sealer | None = None

    @property
    def rejected_packets(self) -> int:
        """Packets that were no valid SRTP: forged, replayed, or before the keys were there."""
        return self._connection.rejected_packets

    async def gather(self, offer: Offer) -> LocalTransport:
        """Open the socket and describe this end for the answer. Raises PortsExhausted."""
        try:
            await self._gatherer.gather()
        except OSError as error:
            raise PortsExhausted("no address for the browser's media; is media.host one of this machine?") from error
        # as DTLS server we choose the cipher, and AES-GCM is the cheapest
        self._dtls._set_role("client" if offer.setup == "passive" else "server")
        prints = self._dtls.getLocalParameters().fingerprints
        candidates, ice = self._gatherer.getLocalCandidates(), self._gatherer.getLocalParameters()
        return LocalTransport(
            candidates=tuple(candidate_to_sdp(each) for each in candidates),
            address=candidates[0].ip,
            port=candidates[0].port,
            ufrag=ice.usernameFragment or "",
            password=ice.password or "",
            fingerprints=tuple((each.algorithm, each.value) for each in prints if each.algorithm == "sha-256"),
            setup="active" if offer.setup == "passive" else "passive",
        )

    def start(self, remote: Offer) -> None:
        """Begin to connect to what `remote` describes, in a task of its own."""
        if remote.ice_lite:
            self._connection.ice_controlling = True  # the far side only ever answers (RFC 8445 section 6.1.1)
        self._connecting = asyncio.get_running_loop().create_task(self._connect(remote), name="web-leg-connect")

    async def _connect(self, offer: Offer) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._connect_ice(offer)
                if self._ice.state != "completed":
                    self._lost("ice_failed")
                    return
                fingerprints = [RTCDtlsFingerprint(algorithm=name, value=value) for name, value in offer.fingerprints]
                await self._dtls.start(RTCDtlsParameters(fingerprints=fingerprints))
        except TimeoutError:
            self._lost("connect_timeout")
            return
        except (ConnectionError, OSError):
            self._lost("dtls_failed")
            return
        if self._dtls.state != "connected":
            self._lost("dtls_failed")
            return
        self._sealer = Sealer(self._dtls._tx_srtp)
        self._connection.opener.use(self._dtls._rx_srtp)
        if not self._closed:
            self._on_connected()

    async def _connect_ice(self, offer: Offer) -> None:
        """Without end-of-candidates, which is never given, aioice does not give up by itself: the caller times it."""
        for text in offer.candidates:
            with contextlib.suppress(AssertionError, ValueError, IndexError):  # one that can not be read is not used
                await self._ice.addRemoteCandidate(candidate_from_sdp(text))
        await self._ice.start(
            RTCIceParameters(usernameFragment=offer.ufrag, password=offer.password, iceLite=offer.ice_lite)
        )

    def _dtls_changed(self) -> None:
        if self._dtls.state == "closed":
            expired = self._connection._closing and self._connection._query_consent_task is None
            self._lost("consent_expired" if expired else "closed")

    def _lost(self, reason: str) -> None:
        self._sealer = None
        if not self._closed:
            self._closed = True
            self._on_lost(reason)

    def send_rtp(self, packet: bytes) -> bool:
        """False when it can not go: not connected."""
        sealer, path = self._sealer, self._connection.path
        if sealer is None or path is None:
            return False
        path[0].push(sealer.rtp_into, packet, path[1])
        return True

    def send_rtp_all(self, packets: Sequence[bytes]) -> bool:
        """As `send_rtp`, for what goes together anyway."""
        sealer, path = self._sealer, self._connection.path
        if sealer is None or path is None:
            return False
        path[0].push_all(sealer.rtp_into, packets, path[1])
        return True

    def send_rtcp(self, packet: bytes) -> None:
        sealer, path = self._sealer, self._connection.path
        if sealer is None or path is None:
            return
        path[0].push(sealer.rtcp_into, packet, path[1])

    async def close(self) -> None:
        """Tell the browser (DTLS close_notify), give back socket and tasks. Idempotent."""
        self._closed = True
        self._sealer = None
        connecting, self._connecting = self._connecting, None
        if connecting is not None and connecting is not asyncio.current_task():
            connecting.cancel()
            await asyncio.wait([connecting])
        await self._dtls.stop()
        await self._ice.stop()
        self._dtls.remove_all_listeners()
        self._connection.path = None
