"""Compressed pictures and blocks of sound become RTP packets of the target line."""

from __future__ import annotations

from collections.abc import Callable

from bridge.errors import CodecMissing
from bridge.links import h263, h264, vp8
from bridge.links.link import EncodedFrame
from bridge.links.rewrite import Numbering
from bridge.links.timeline import Timeline
from bridge.rtp.packet import build
from bridge.rtp.sequence import timestamp_distance
from bridge.types import Codec, Kind

MOST_BYTES = 1200  # payload: fits with SRTP, UDP and IP in every path that browsers use

Payloader = Callable[[bytes], list[bytes]]


class Packetize:
    """push(frame) -> send(packet) for each. The marker: end of a picture, or first sound after a silence."""

    def __init__(
        self,
        codec: Codec,
        kind: Kind,
        send: Callable[[bytes], None],
        *,
        payload_type: int,
        ssrc: int,
        numbering: Numbering,
        timeline: Timeline,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._codec = codec
        self._video = kind is Kind.VIDEO
        self._send = send
        self._payload_type = payload_type
        self._ssrc = ssrc
        self._numbering = numbering
        self._timeline = timeline
        self._payloads = payloader(codec, most_bytes) if self._video else _alone
        self._block_ticks = codec.clock_hz // 50
        self._last_timestamp: int | None = None

    def push(self, frame: EncodedFrame) -> None:
        payloads = self._payloads(frame.data)
        if not payloads:
            return
        timestamp = self._timeline.advance(frame.rtp_timestamp)
        begins = not self._video and self._after_silence(timestamp)
        numbering = self._numbering
        last = len(payloads) - 1
        for index, payload in enumerate(payloads):
            numbering.sequence = (numbering.sequence + 1) & 0xFFFF
            self._send(
                build(
                    payload,
                    payload_type=self._payload_type,
                    sequence=numbering.sequence,
                    timestamp=timestamp,
                    ssrc=self._ssrc,
                    marker=begins or (self._video and index == last),
                )
            )

    def close(self) -> None:
        self._send = _nowhere

    def __str__(self) -> str:
        return f"Pay({self._codec.name})"

    def _after_silence(self, timestamp: int) -> bool:
        last, self._last_timestamp = self._last_timestamp, timestamp
        return last is None or timestamp_distance(timestamp, last) > self._block_ticks


def payloader(codec: Codec, most_bytes: int = MOST_BYTES) -> Payloader:
    """What cuts a picture into payloads. Raises CodecMissing."""
    if codec.name == "H264":
        mode = 0 if codec.parameter("packetization-mode", "0") == "0" else 1
        return lambda data: h264.payloads(data, most_bytes, mode)
    if codec.name == "VP8":
        return _NumberedVp8(most_bytes)
    if codec.name in h263.FORMATS:
        cut = h263.payloads_of_1996 if codec.name == "H263" else h263.payloads
        return lambda data: cut(data, most_bytes)
    raise CodecMissing(
        f"there is no payload format for {codec.name}; there are H264, VP8 and {', '.join(h263.FORMATS)}"
    )


class _NumberedVp8:
    """Counts picture ids."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._picture_id = 0

    def __call__(self, data: bytes) -> list[bytes]:
        self._picture_id = (self._picture_id + 1) & 0x7FFF
        return vp8.payloads(data, self._most_bytes, self._picture_id)


def _alone(data: bytes) -> list[bytes]:
    return [data] if data else []


def _nowhere(_packet: bytes) -> None:
    """Where a closed pipeline sends."""
