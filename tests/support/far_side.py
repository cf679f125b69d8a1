"""A stock aiortc peer that answers a browser's offer with a moving picture and speech-like sound."""

from __future__ import annotations

import fractions
import re

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame, VideoFrame

from gateway.demo.family import Pace
from gateway.demo.scene import Mark, Scene, Voice

_FPS = 15
_RATE_HZ = 8000
_NOT_FOR_AIOICE = re.compile(r"a=(candidate:.*\.local .*|end-of-candidates)\r?\n")  # it would wait for a name for ever


class Picture(MediaStreamTrack):
    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self._scene = Scene(Mark.TERMINAL, 640, 480)
        self._pace = Pace(1 / _FPS)

    async def recv(self) -> VideoFrame:
        number = await self._pace.next()
        frame = VideoFrame.from_ndarray(self._scene.frame(number), format="yuv420p")
        frame.pts, frame.time_base = number * 90_000 // _FPS, fractions.Fraction(1, 90_000)
        return frame


class Sound(MediaStreamTrack):
    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._voice = Voice(_RATE_HZ)
        self._pace = Pace(0.02)

    async def recv(self) -> AudioFrame:
        number = await self._pace.next()
        frame = AudioFrame.from_ndarray(self._voice.next(160).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = _RATE_HZ, fractions.Fraction(1, _RATE_HZ), number * 160
        return frame


class FarSide:
    """One PeerConnection."""

    def __init__(self, *, video: bool) -> None:
        self.offer = ""
        self._video = video
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def answer(self, offer: str) -> str:
        self.offer = offer
        connection = self._connection
        await connection.setRemoteDescription(RTCSessionDescription(_NOT_FOR_AIOICE.sub("", offer), "offer"))
        for each in connection.getTransceivers():
            if each.kind == "audio":
                each.sender.replaceTrack(Sound())
                each.direction = "sendrecv"
            elif self._video:
                each.sender.replaceTrack(Picture())
                each.direction = "sendrecv"
            else:
                each.direction = "inactive"
        await connection.setLocalDescription(await connection.createAnswer())
        return str(connection.localDescription.sdp)

    async def close(self) -> None:
        await self._connection.close()
