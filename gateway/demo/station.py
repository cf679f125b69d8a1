"""The simulated terminal's senses: what it shows and says, what it sees and hears.

    Scene -> VideoEncoder(H264) -> H264Packetizer -> RTP        RTP -> H264Depacketizer -> VideoDecoder -> last picture
    Voice -> AudioEncoder(PCMU) -> RTP                          RTP -> AudioDecoder -> loudness

It behaves as terminals in the field do: RTP/AVP, RTCP on a port of its own, a keyframe on PLI, FIR or SIP INFO, and a
PLI of its own every half second until the first picture.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge.codecs import AudioDecoder, AudioEncoder, Picture, VideoDecoder, VideoEncoder
from bridge.errors import BridgeError
from bridge.links import h264
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize
from bridge.links.link import EncodedFrame
from bridge.rtp import packet, rtcp
from bridge.rtp.ports import Ports
from bridge.sdp import Session
from bridge.types import Codec, Kind
from gateway.demo.peer import Seen, tell
from gateway.demo.rtp_stream import Stream
from gateway.demo.scene import Mark, Pace, Scene, Voice, loudness, save_png, shows

WIDTH, HEIGHT, FPS = 640, 480, 30
_BITRATE_BPS = 600_000
_AUDIO_PT, _AUDIO_HZ = 0, 8000
_VIDEO_PT, _VIDEO_HZ = 96, 90_000
_BLOCK = _AUDIO_HZ // 50
_REPORT_S = 0.5
_LOOK_EVERY = 15
_LARGEST_BYTES = 1400  # as terminals in the field: above what some SRTP libraries take


class Station:
    """`offer()` goes out in the INVITE; `start(answer)` lets media flow until the block is left."""

    def __init__(self, host: str) -> None:
        ports = Ports(host, (0, 0))
        self._host = host
        self._audio = Stream(ports.pair(), _AUDIO_PT, marks_ends=False)
        self._video = Stream(ports.pair(), _VIDEO_PT, marks_ends=True)
        self._session_id = random.getrandbits(31)
        self._watcher: Watcher | None = None
        self._listener = Listener()
        self._keyframe = True
        self._sent = self._spoken = 0
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._video.listen(self._picture_packet, self._video_report)
        self._audio.listen(self._sound_packet, lambda _: None)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._audio.close()
        self._video.close()

    def offer(self) -> str:
        host, session = self._host, self._session_id
        lines = (
            "v=0",
            f"o=terminal {session} 1 IN IP4 {host}",
            "s=-",
            f"c=IN IP4 {host}",
            "t=0 0",
            f"m=audio {self._audio.port} RTP/AVP {_AUDIO_PT}",
            f"a=rtpmap:{_AUDIO_PT} PCMU/{_AUDIO_HZ}",
            "a=ptime:20",
            "a=sendrecv",
            f"m=video {self._video.port} RTP/AVP {_VIDEO_PT}",
            f"a=rtpmap:{_VIDEO_PT} H264/{_VIDEO_HZ}",
            f"a=fmtp:{_VIDEO_PT} profile-level-id=42e01f;packetization-mode=1",
            f"a=rtcp-fb:{_VIDEO_PT} nack pli",
            f"a=rtcp-fb:{_VIDEO_PT} ccm fir",
            "a=sendrecv",
        )
        return "".join(f"{line}\r\n" for line in lines)

    def start(self, answer: Session) -> None:
        for media in answer.media:
            stream = self._video if media.kind == Kind.VIDEO else self._audio
            if not media.codecs or media.rejected:
                continue
            stream.payload_type = media.codecs[0].payload_type
            stream.send_to(media, answer.address)
            if media.kind == Kind.VIDEO:
                self._watcher = Watcher(media.codecs[0])
        for work, name in ((self._show(), "show"), (self._speak(), "speak"), (self._report(), "report")):
            self._tasks.append(asyncio.create_task(work, name=name))

    def keyframe_wanted(self) -> None:
        self._keyframe = True

    def seen(self) -> Seen:
        watcher = self._watcher
        return Seen(
            video_sent=self._sent,
            video_decoded=watcher.decoded if watcher else 0,
            mark_seen=watcher.mark_seen if watcher else 0,
            audio_sent=self._spoken,
            audio_decoded=self._listener.blocks,
            audio_loudest=self._listener.loudest,
        )

    def save_picture(self, path: Path) -> None:
        if self._watcher and self._watcher.last:
            save_png(self._watcher.last.yuv, path)

    async def _show(self) -> None:
        scene = Scene(Mark.TERMINAL, WIDTH, HEIGHT)
        encoder = VideoEncoder("H264", WIDTH, HEIGHT, FPS, _BITRATE_BPS)
        pace = Pace(1 / FPS)
        while True:
            number = await pace.next()
            keyframe, self._keyframe = self._keyframe, False
            for frame in encoder.encode(scene.frame(number), number * _VIDEO_HZ // FPS, keyframe):
                self._video.send(h264.payloads(frame.data, _LARGEST_BYTES, mode=1), frame.rtp_timestamp)
            self._sent += 1

    async def _speak(self) -> None:
        voice, encoder, pace = Voice(_AUDIO_HZ), AudioEncoder("PCMU"), Pace(0.02)
        while True:
            number = await pace.next()
            for frame in encoder.encode(voice.next(_BLOCK), number * _BLOCK):
                self._audio.send([frame.data], frame.rtp_timestamp)
            self._spoken += 1

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(_REPORT_S)
            self._video.report(wants_keyframe=self._watcher is not None and self._watcher.wants_keyframe)
            self._audio.report(wants_keyframe=False)

    def _picture_packet(self, data: bytes) -> None:
        header = packet.parse(data)
        if header is not None and self._watcher is not None:
            self._video.their_ssrc = header.ssrc
            self._watcher.push(data)

    def _sound_packet(self, data: bytes) -> None:
        header = packet.parse(data)
        if header is not None and header.payload_type == self._audio.payload_type:
            self._listener.push(EncodedFrame(data[header.payload_start : header.payload_end], header.timestamp))

    def _video_report(self, data: bytes) -> None:
        if any(isinstance(message, rtcp.KeyframeRequest) for message in rtcp.parse(data)):
            self._keyframe = True


class Watcher:
    """What comes in as pictures."""

    def __init__(self, codec: Codec) -> None:
        self.decoded = 0
        self.mark_seen = 0
        self.last: Picture | None = None
        self._decoder = VideoDecoder("H264")
        self._depacketize = Depacketize(codec, self._take, self._depacketize_waits, PipelineCounters())
        self.wants_keyframe = True

    def push(self, data: bytes) -> None:
        self._depacketize.push(data)

    def _depacketize_waits(self) -> None:
        self.wants_keyframe = True

    def _take(self, frame: EncodedFrame) -> None:
        try:
            pictures = self._decoder.decode(frame)
        except BridgeError:
            self.wants_keyframe = True
            return
        for picture in pictures:
            if self.last is None:
                tell("first_picture", width=picture.width, height=picture.height)
            self.wants_keyframe = False
            self.last = picture
            if self.decoded % _LOOK_EVERY == 0:
                self.mark_seen += shows(picture.yuv, Mark.FAMILY)
            self.decoded += 1


class Listener:
    """What comes in as sound."""

    def __init__(self) -> None:
        self.blocks = 0
        self.loudest = 0.0
        self._decoder = AudioDecoder("PCMU")

    def push(self, frame: EncodedFrame) -> None:
        try:
            samples = self._decoder.decode(frame)
        except BridgeError:
            return  # one block that cannot be read is one block not counted
        self.blocks += 1
        self.loudest = max(self.loudest, loudness(samples))
