"""RTCP: RFC 3550 section 6 (SR, RR, SDES, BYE), RFC 4585 (NACK, PLI), RFC 5104 (FIR, TMMBR), REMB (draft-alvestrand).

`parse` reads a compound packet into values and passes over what it does not know; the functions below write one packet
each, to be joined with `b"".join`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

SR, RR, SDES, BYE, APP, RTPFB, PSFB = 200, 201, 202, 203, 204, 205, 206
_NACK, _TMMBR, _TMMBN = 1, 3, 4
_PLI, _FIR, _AFB = 1, 4, 15

_HEAD = struct.Struct("!BBH")
_U32 = struct.Struct("!I")
_SENDER = struct.Struct("!QIII")
_BLOCK = struct.Struct("!IIIIII")
_ENTRY = struct.Struct("!II")
_MOST_BPS = (1 << 64) - 1  # what a limit says may be read beyond what its six bits of exponent let us write again


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What a receiver saw of `ssrc`. fraction_lost is in 1/256; last_sr and delay are in 1/65536 s."""

    ssrc: int
    fraction_lost: int
    packets_lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay_since_last_sr: int


@dataclass(frozen=True, slots=True)
class SenderInfo:
    ssrc: int
    ntp: int
    rtp: int
    packets: int
    octets: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverInfo:
    ssrc: int
    reports: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class Nack:
    """Sequence numbers that `sender_ssrc` misses of `media_ssrc`."""

    sender_ssrc: int
    media_ssrc: int
    sequences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """PLI or FIR."""

    sender_ssrc: int
    media_ssrc: int
    fir_sequence: int | None = None


@dataclass(frozen=True, slots=True)
class BitrateLimit:
    """REMB or TMMBR: the most that the far side wants to receive."""

    sender_ssrc: int
    bps: int
    ssrcs: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class LimitAccepted:
    """TMMBN: `sender_ssrc` keeps to the limits of these. Without it a TMMBR has to be sent again."""

    sender_ssrc: int
    owner_ssrcs: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Bye:
    ssrcs: tuple[int, ...]


Message = SenderInfo | ReceiverInfo | Nack | KeyframeRequest | BitrateLimit | LimitAccepted | Bye


def parse(data: bytes) -> list[Message]:
    """The known messages of a compound packet. A packet whose length lies ends the reading; what came before stands."""
    found: list[Message] = []
    offset = 0
    while offset + 4 <= len(data):
        first, kind, words = _HEAD.unpack_from(data, offset)
        end = offset + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data):
            break
        body = data[offset + 4 : end]
        if first & 0x20 and body and body[-1] <= len(body):
            body = body[: len(body) - body[-1]]
        try:
            message = _parse_one(first & 0x1F, kind, body)
        except struct.error:  # shorter than its own counts say
            message = None
        if message is not None:
            found.append(message)
        offset = end
    return found


def _parse_one(count: int, kind: int, body: bytes) -> Message | None:
    if kind == SR:
        (ssrc,) = _U32.unpack_from(body, 0)
        ntp, rtp, packets, octets = _SENDER.unpack_from(body, 4)
        return SenderInfo(ssrc, ntp, rtp, packets, octets, _blocks(body, 24, count))
    if kind == RR:
        (ssrc,) = _U32.unpack_from(body, 0)
        return ReceiverInfo(ssrc, _blocks(body, 4, count))
    if kind == BYE:
        return Bye(struct.unpack_from(f"!{count}I", body, 0))
    if kind in (RTPFB, PSFB):
        return _parse_feedback(count, kind, body)
    return None


def _blocks(body: bytes, offset: int, count: int) -> tuple[ReportBlock, ...]:
    blocks = []
    for index in range(count):
        ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, offset + 24 * index)
        lost = loss & 0xFFFFFF
        lost -= (lost & 0x800000) << 1  # 24-bit two's complement: duplicates can make it negative
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay))
    return tuple(blocks)


def _parse_feedback(form: int, kind: int, body: bytes) -> Message | None:
    sender, media = struct.unpack_from("!II", body, 0)
    if kind == RTPFB:
        return _parse_transport_feedback(form, sender, media, body)
    if form == _PLI:
        return KeyframeRequest(sender, media)
    if form == _FIR:
        ssrc, sequence = struct.unpack_from("!IB", body, 8)
        return KeyframeRequest(sender, ssrc, sequence)
    if form == _AFB and body[8:12] == b"REMB":
        (value,) = _U32.unpack_from(body, 12)
        ssrcs = struct.unpack_from(f"!{value >> 24}I", body, 16)
        return BitrateLimit(sender, (value & 0x3FFFF) << ((value >> 18) & 0x3F), ssrcs)
    return None


def _parse_transport_feedback(form: int, sender: int, media: int, body: bytes) -> Message | None:
    if form == _NACK:
        return Nack(sender, media, tuple(_nack_sequences(body[8:])))
    if form == _TMMBR:
        ssrc, value = _ENTRY.unpack_from(body, 8)
        return BitrateLimit(sender, ((value >> 9) & 0x1FFFF) << (value >> 26), (ssrc,))
    if form == _TMMBN:
        return LimitAccepted(sender, tuple(owner for owner, _ in _ENTRY.iter_unpack(body[8 : len(body) // 8 * 8])))
    return None


def _nack_sequences(body: bytes) -> Iterable[int]:
    for first, mask in struct.iter_unpack("!HH", body[: len(body) // 4 * 4]):
        yield first
        for bit in range(16):
            if mask >> bit & 1:
                yield (first + bit + 1) & 0xFFFF


def _packet(count: int, kind: int, body: bytes) -> bytes:
    return _HEAD.pack(0x80 | count, kind, len(body) // 4) + body


def _pack_blocks(reports: Sequence[ReportBlock]) -> bytes:
    return b"".join(
        _BLOCK.pack(
            each.ssrc,
            (each.fraction_lost & 0xFF) << 24 | (each.packets_lost & 0xFFFFFF),
            each.highest_sequence & 0xFFFFFFFF,
            each.jitter & 0xFFFFFFFF,
            each.last_sr,
            each.delay_since_last_sr,
        )
        for each in reports
    )


def sender_report(info: SenderInfo) -> bytes:
    body = _U32.pack(info.ssrc) + _SENDER.pack(
        info.ntp, info.rtp & 0xFFFFFFFF, info.packets & 0xFFFFFFFF, info.octets & 0xFFFFFFFF
    )
    return _packet(len(info.reports), SR, body + _pack_blocks(info.reports))


def receiver_report(info: ReceiverInfo) -> bytes:
    return _packet(len(info.reports), RR, _U32.pack(info.ssrc) + _pack_blocks(info.reports))


def source_description(ssrc: int, cname: str) -> bytes:
    """SDES with the one item that RFC 3550 demands in every compound packet. cname must name no person."""
    text = cname.encode("ascii")[:255]
    chunk = _U32.pack(ssrc) + bytes((1, len(text))) + text
    return _packet(1, SDES, chunk + bytes(4 - len(chunk) % 4))


def bye(ssrc: int) -> bytes:
    return _packet(1, BYE, _U32.pack(ssrc))


def nack(sender_ssrc: int, media_ssrc: int, sequences: Sequence[int]) -> bytes:
    """Generic NACK; neighbours within 16 share one entry. `sequences` in sending order, not empty."""
    entries: list[tuple[int, int]] = []
    for sequence in sequences:
        if entries:
            first, mask = entries[-1]
            step = (sequence - first) & 0xFFFF
            if 1 <= step <= 16:
                entries[-1] = (first, mask | 1 << (step - 1))
                continue
        entries.append((sequence & 0xFFFF, 0))
    body = struct.pack("!II", sender_ssrc, media_ssrc) + b"".join(struct.pack("!HH", *each) for each in entries)
    return _packet(_NACK, RTPFB, body)


def picture_loss(sender_ssrc: int, media_ssrc: int) -> bytes:
    return _packet(_PLI, PSFB, struct.pack("!II", sender_ssrc, media_ssrc))


def full_intra_request(sender_ssrc: int, media_ssrc: int, sequence: int) -> bytes:
    """FIR (RFC 5104 section 4.3.1): the media SSRC of the header is 0, the target stands in the entry."""
    return _packet(_FIR, PSFB, struct.pack("!IIIB3x", sender_ssrc, 0, media_ssrc, sequence & 0xFF))


def remb(sender_ssrc: int, bps: int, ssrcs: Sequence[int]) -> bytes:
    bps = min(bps, _MOST_BPS)
    exponent = max(0, bps.bit_length() - 18)
    value = len(ssrcs) << 24 | exponent << 18 | bps >> exponent
    body = struct.pack("!II4sI", sender_ssrc, 0, b"REMB", value) + struct.pack(f"!{len(ssrcs)}I", *ssrcs)
    return _packet(_AFB, PSFB, body)


def limit_request(sender_ssrc: int, media_ssrc: int, bps: int) -> bytes:
    """TMMBR (RFC 5104 section 4.2.1): `media_ssrc` is to send no more than `bps`."""
    return _packet(_TMMBR, RTPFB, _limit(sender_ssrc, media_ssrc, bps))


def limit_accepted(sender_ssrc: int, owner_ssrc: int, bps: int) -> bytes:
    """TMMBN (RFC 5104 section 4.2.2): a TMMBR must be answered, else it comes again. owner_ssrc sent it."""
    return _packet(_TMMBN, RTPFB, _limit(sender_ssrc, owner_ssrc, bps))


def _limit(sender_ssrc: int, named_ssrc: int, bps: int) -> bytes:
    bps = min(bps, _MOST_BPS)
    exponent = max(0, bps.bit_length() - 17)
    return struct.pack("!IIII", sender_ssrc, 0, named_ssrc, exponent << 26 | (bps >> exponent) << 9)
