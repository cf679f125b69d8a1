"""A line of a station or of a telephone: RTP and RTCP over UDP, plain or sealed (SRTP), a socket pair for each m= line.

    socket -> [Vault] -> version, source (latch), payload type -> reception -> sink
                                                  telephone-event -> KeyReader -> on_key
    send() -> [Vault] -> socket of the RTP port, so that a NAT's way back stays open

Per packet nothing is created but its bytes; what a packet is compared with was worked out when the SDP came.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from functools import partial

from bridge.legs.leg import Feedback, LineCounters, SenderReport
from bridge.legs.silent import SILENT, nowhere
from bridge.legs.station_rtcp import StationClock, StationRtcp
from bridge.legs.station_srtp import Vault
from bridge.negotiate import StationLine
from bridge.rtp.dtmf import KeyReader
from bridge.rtp.latch import Latch, reachable
from bridge.rtp.packet import HEADER, HEADER_BYTES, VERSION_BITS, is_rtcp, parse
from bridge.rtp.ports import SocketPair
from bridge.rtp.timer import Timer
from bridge.rtp.udp import Address, Reader
from bridge.sdes import Sdes
from bridge.types import Codec, Flow, Kind, Peer, Side

_TICKS_S = {Kind.AUDIO: 0.1, Kind.VIDEO: 0.04}  # what is lost of a picture is asked for again soon
_TURNS_AFTER_PACKETS, _TURNS_EVERY_S = 3, 1.0  # of another format than the present one, and no more than so often
_COMFORT_NOISE = 13  # RFC 3389 section 4
_NO_TYPE = -1  # no payload type has this number
SENDS = (Flow.SENDRECV, Flow.SENDONLY)


class SipLine:
    """One m= line of the station; a `MediaLine`.

    counters.discarded_packets: strays, unknown payload types, what is no RTP. unsent_packets: the socket's buffer was
    full, or there is no way there. wanted_bps: what the far side of the bridge can take, 0 when it did not say.
    heard: the format that comes now, another than `codec` when the station took several of our offer.
    """

    def __init__(
        self,
        line: StationLine,
        sockets: SocketPair,
        timer: Timer,
        *,
        on_key: Callable[[str, int], None],
        by_info: Callable[[], None],
        station_clock: StationClock,
        on_codec: Callable[[Kind, Codec], None] = lambda _kind, _codec: None,
        peer: Peer = Peer.STATION,
        follow_after_s: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """follow_after_s: see `Latch`. on_codec: the station sends another of the formats that it may."""
        self.kind: Kind = line.kind
        self.flow: Flow = line.flow
        self.peer: Peer = peer
        self.side: Side = peer.side
        self.send_ssrc: int = random.getrandbits(32) or 1  # RFC 3550 asks for chance, not secrecy
        self.counters = LineCounters()
        self.unsent_packets = self.wanted_bps = 0
        self._clock = clock
        self._sockets = sockets
        self._send_to: Callable[[bytes, Address], int] = sockets.rtp.sendto
        self._on_key = on_key
        self._on_codec = on_codec
        self._strange_packets, self._turned_s = 0, -_TURNS_EVERY_S
        self._sink: Callable[[bytes], None] = nowhere
        self._source: Address | None = None
        self._target: Address | None = None
        self._control_target: Address | None = None
        self._control_host = ""
        self._latch = Latch(follow_after_s)
        self._last_sent = b""
        self._store: Callable[[bytes], None] | None = None
        self._dtmf: Codec | None = None
        self._keys: KeyReader | None = None
        self._rtcp = StationRtcp(
            ssrc=self.send_ssrc,
            clock=station_clock,
            clock_hz=line.codec.clock_hz,
            counters=self.counters,
            write=self._write_rtcp,
            by_info=by_info,
            now_s=clock(),
        )
        self._vault: Vault | None = None
        self._readers = (Reader(sockets.rtp, self._take), Reader(sockets.rtcp, self._take_rtcp))
        self.aim(line)
        self._tick = timer.every(_TICKS_S[line.kind], self.tick)

    @property
    def port(self) -> int:
        return self._sockets.port

    def aim(self, line: StationLine) -> None:
        """What a new description of the station changes: keys, codec, direction, address."""
        self._secure(line.sdes)
        self.codec: Codec = line.codec
        self.heard: Codec = line.codec
        if line.flow is Flow.SENDRECV and self.flow is not Flow.SENDRECV:  # a hold is over
            self._latch.resumed(self.counters.received_packets)
        self.flow = line.flow
        self.send_payload_type: int = line.codec.payload_type
        self._receive_type = line.codec.payload_type
        self._others = {each.payload_type: each for each in line.others}
        if self._others:
            self._others[line.codec.payload_type] = line.codec
        if line.dtmf != self._dtmf:  # else a press may be under way
            self._dtmf = line.dtmf
            self._keys = KeyReader(line.dtmf.clock_hz, self._on_key) if line.dtmf else None
        self._dtmf_type = line.dtmf.payload_type if line.dtmf else _NO_TYPE
        self._mux = line.media.rtcp_mux
        self._rtcp.feedback = line.codec.feedback
        if line.kind is Kind.VIDEO:
            self._rtcp.described_limit(line.media.bandwidth_bps or 0)
            self._store = self._rtcp.agree_repair(self._send_again)
        media = line.media
        self._latch.aim(reachable(media.address, media.port))
        self._announced_control = reachable(
            media.rtcp_address or media.address, media.rtcp_port if media.rtcp_port is not None else media.port + 1
        )
        self._follow_latch()

    def _secure(self, keys: Sdes | None) -> None:
        """Chooses, once for each description, whether packets pass the vault. Raises NegotiationError."""
        if keys is not None and self._vault is not None:
            self._vault.rekey(keys, self.counters.sent_packets)
            return
        self._vault = None if keys is None else Vault(keys, self.counters.sent_packets)
        rtp, rtcp = self._readers
        if self._vault is None:
            self._send_to = self._sockets.rtp.sendto
            rtp.hand_to(self._take)
            rtcp.hand_to(self._take_rtcp)
        else:
            self._send_to = partial(self._seal, self._vault)
            rtp.hand_to(partial(self._open, self._vault))
            rtcp.hand_to(partial(self._open_rtcp, self._vault))

    @property
    def key_is_worn(self) -> bool:
        """Whether a new description of the station should get a new key of ours; see `Vault`."""
        return self._vault is not None and self._vault.is_worn(self.counters.sent_packets)

    def attach(self, sink: Callable[[bytes], None], feedback_of_sink: Feedback) -> None:
        self._sink = sink
        self._rtcp.reports = feedback_of_sink

    def listen(self, feedback: Feedback) -> None:
        self._rtcp.listen(feedback)

    def send(self, packet: bytes) -> None:
        target = self._target
        if target is None:
            return
        try:
            self._send_to(packet, target)
        except OSError:
            self.unsent_packets += 1
            return
        counters = self.counters
        counters.sent_packets += 1
        counters.sent_bytes += len(packet) - HEADER_BYTES
        self._last_sent = packet
        if self._store is not None:
            self._store(packet)

    def _send_again(self, packet: bytes) -> bool:
        return self._target is not None and self._send_to(packet, self._target) > 0

    def send_report(self, report: SenderReport) -> None:
        self._rtcp.send_report(report, self._clock())

    def request_keyframe(self) -> None:
        """By PLI or FIR where negotiated, else by SIP INFO; repeated until one comes."""
        if self.kind is Kind.VIDEO:
            self._rtcp.request_keyframe(self._clock())

    def limit_bitrate(self, bps: int) -> None:
        """The far side of the bridge can take no more than this from the station."""
        self.wanted_bps = bps
        self._rtcp.limit_bitrate(bps, self._clock())

    def tick(self) -> None:
        now_s = self._clock()
        self._rtcp.tick(now_s, self._last_sent)
        if self._keys is not None:
            self._keys.tick(now_s)
        self.freshen()

    def freshen(self) -> None:
        """Brings loss and jitter in `counters` up to now."""
        self.counters.lost_packets = self._rtcp.lost
        self.counters.jitter_ms = self._rtcp.reception.jitter_ms

    def close(self) -> None:
        self._tick.cancel()
        self.freshen()
        self._rtcp.farewell()
        self._sink = nowhere
        self.listen(SILENT)
        for reader in self._readers:
            reader.close()

    def _open(self, vault: Vault, packet: bytes, source: Address) -> None:
        if self._mux and is_rtcp(packet):
            self._open_rtcp(vault, packet, source)
        elif (clear := vault.open_rtp(packet)) is not None:
            self._take(clear, source)
        else:
            self.counters.discarded_packets += 1

    def _open_rtcp(self, vault: Vault, packet: bytes, source: Address) -> None:
        clear = vault.open_rtcp(packet)
        if clear is None:
            self.counters.discarded_packets += 1
        else:
            self._hear(clear, source)

    def _seal(self, vault: Vault, packet: bytes, target: Address) -> int:
        sealed = vault.seal_rtp(packet)
        if sealed is None:
            raise OSError("libsrtp refused the packet")
        return self._sockets.rtp.sendto(sealed, target)

    def _take(self, packet: bytes, source: Address) -> None:
        counters = self.counters
        if len(packet) < HEADER_BYTES or packet[0] >> 6 != 2:
            counters.discarded_packets += 1
            return
        payload_type = packet[1] & 0x7F
        if payload_type != self._receive_type and not self._turns_to(payload_type, source):
            self._take_other(packet, source, payload_type)
            return
        now_s = self._clock()
        if source != self._source and not self._admit(packet, source, now_s):
            counters.discarded_packets += 1
            return
        _, _, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
        if ssrc != self._rtcp.remote_ssrc:
            self._rtcp.begin_stream(ssrc)
        if self._rtcp.repair is not None:
            self._rtcp.repair.arrived(sequence, now_s, now_s - counters.last_received_s)
        counters.received_packets += 1
        counters.received_bytes += len(packet) - HEADER_BYTES
        counters.last_received_s = now_s
        self._rtcp.reception.arrived(sequence, timestamp, now_s)
        if self._rtcp.wants_picture:
            self._rtcp.saw(self.heard.name, packet)
        self._sink(packet)

    def _turns_to(self, payload_type: int, source: Address) -> bool:
        """Whether the station changed to another format that it may send, which is then the present one."""
        codec = self._others.get(payload_type)
        if codec is None or self._source not in (None, source):
            return False
        self._strange_packets += 1
        now_s = self._clock()
        if self._strange_packets < _TURNS_AFTER_PACKETS or now_s < self._turned_s + _TURNS_EVERY_S:
            return False
        self._strange_packets, self._turned_s = 0, now_s
        self.heard, self._receive_type = codec, payload_type
        self._on_codec(self.kind, codec)
        return True

    def _take_other(self, packet: bytes, source: Address, payload_type: int) -> None:
        """What is not our codec: multiplexed RTCP, keys, comfort noise, what was not agreed on."""
        if self._mux and is_rtcp(packet):
            self._take_rtcp(packet, source)
            return
        now_s, counters, is_key = self._clock(), self.counters, payload_type == self._dtmf_type
        if source != self._source and not (is_key and self._admit(packet, source, now_s)):
            counters.discarded_packets += 1
            return
        if is_key:
            counters.received_packets += 1
            counters.received_bytes += len(packet) - HEADER_BYTES
            self._read_key(packet, now_s)
        else:
            counters.discarded_packets += 1
        if is_key or (payload_type == _COMFORT_NOISE and self.kind is Kind.AUDIO):
            counters.last_received_s = now_s  # somebody who says nothing on a line that works
        else:
            counters.last_heard_s = now_s  # nobody hears it, so nobody is charged for it
        self._pass_number(packet, now_s)

    def _pass_number(self, packet: bytes, now_s: float) -> None:
        """Its number in the stream was used: passed on empty, so that nobody takes it for a loss."""
        _, _, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
        if ssrc == self._rtcp.remote_ssrc:  # some gateways send keys as a stream of their own
            reception = self._rtcp.reception
            reception.arrived(sequence, reception.on_time(now_s), now_s)
            self._sink(HEADER.pack(VERSION_BITS, self._receive_type, sequence, timestamp, ssrc))

    def _read_key(self, packet: bytes, now_s: float) -> None:
        header = parse(packet)
        if header is not None and self._keys is not None:
            self._keys.packet(header.timestamp, packet[header.payload_start : header.payload_end], now_s)

    def _admit(self, packet: bytes, source: Address, now_s: float) -> bool:
        counters = self.counters
        _, _, sequence, _, ssrc = HEADER.unpack_from(packet)
        same = self._vault is not None or (ssrc == self._rtcp.remote_ssrc and self._rtcp.reception.continues(sequence))
        silent_s = now_s - counters.last_received_s
        if not self._latch.admits(source, counters.received_packets, silent_s, same_stream=same):
            return False
        self._follow_latch()
        return True

    def _follow_latch(self) -> None:
        """Works out once where packets go, so that `send` need not ask."""
        latch = self._latch
        self._source = latch.source
        self._target = latch.target if self.flow in SENDS else None
        moved = latch.source is not None and latch.source[:2] != latch.announced
        if self._mux:
            self._control_target = latch.target
        elif moved and latch.source is not None:
            self._control_target = (latch.source[0], latch.source[1] + 1, *latch.source[2:])
        else:
            self._control_target = self._announced_control
        self._control_host = latch.target[0] if latch.target else ""

    def _take_rtcp(self, packet: bytes, source: Address) -> None:
        announced = self._announced_control
        if source[0] != self._control_host and (announced is None or source[0] != announced[0]):
            self.counters.discarded_packets += 1
            return
        self._hear(packet, source)

    def _hear(self, packet: bytes, source: Address) -> None:
        """RTCP that is believed: the host is right, or the seal is."""
        if not self._mux:
            self._control_target = source
        self._rtcp.take(packet, self._clock())

    def _write_rtcp(self, packet: bytes) -> None:
        target = self._control_target
        if target is None:
            return
        sock = self._sockets.rtp if self._mux else self._sockets.rtcp
        sealed = packet if self._vault is None else self._vault.seal_rtcp(packet)
        if sealed is None:
            self.unsent_packets += 1
            return
        try:
            sock.sendto(sealed, target)
        except OSError:
            self.unsent_packets += 1
