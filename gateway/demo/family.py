"""The simulated family: a stock aiortc peer in a process of its own, without a line of the gateway's media code.

    events of the gateway (WebSocket) -> ring -> offer -> POST accept -> answer -> ICE, DTLS, pictures and sound

It decodes what it gets with PyAV as a browser would, counts, and keeps the last picture. `blind: true` makes it
accept without ever taking a picture, to prove that the demonstration notices.
"""

from __future__ import annotations

import asyncio
import contextlib
import fractions
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aioice.ice
import httpx
import numpy as np
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame
from websockets.asyncio.client import connect

from gateway.demo.peer import Seen, orders, tell, tell_seen
from gateway.demo.scene import Mark, Pace, Scene, Voice, Yuv, loudness, save_png, shows

WIDTH, HEIGHT, FPS = 480, 360, 15
_RATE_HZ = 8000
_BLOCK = _RATE_HZ // 50
_VIDEO_CLOCK = fractions.Fraction(1, 90_000)


class Camera(MediaStreamTrack):
    """A moving picture at FPS pictures a second."""

    kind = "video"

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self._scene = Scene(Mark.FAMILY, WIDTH, HEIGHT)
        self._pace = Pace(1 / FPS)

    async def recv(self) -> VideoFrame:
        number = await self._pace.next()
        frame = VideoFrame.from_ndarray(self._scene.frame(number), format="yuv420p")
        frame.pts, frame.time_base = number * 90_000 // FPS, _VIDEO_CLOCK
        self.sent += 1
        return frame


class Microphone(MediaStreamTrack):
    """Speech-like sound in blocks of 20 ms."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self._voice = Voice(_RATE_HZ, pitch_hz=210)
        self._pace = Pace(0.02)

    async def recv(self) -> AudioFrame:
        number = await self._pace.next()
        frame = AudioFrame.from_ndarray(self._voice.next(_BLOCK).reshape(1, -1), format="s16", layout="mono")
        self.sent += 1
        frame.sample_rate, frame.time_base, frame.pts = _RATE_HZ, fractions.Fraction(1, _RATE_HZ), number * _BLOCK
        return frame


class Family:
    """One browser: it waits for a ring, accepts it, and stays until the visit is over."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._origin: str = given["origin"]
        self._token: str = given["token"]
        self._picture = Path(given["picture"])
        self._blind: bool = given.get("blind", False)
        self._seen = Seen()
        self._last: VideoFrame | None = None
        self._camera = Camera()
        self._microphone = Microphone()
        self._tasks: list[asyncio.Task[None]] = []
        self._connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))

    async def run(self) -> None:
        events = f"{self._origin.replace('http', 'ws', 1)}/api/v1/family/events?token={self._token}"
        async with connect(events) as socket:
            tell("waiting")
            async for message in socket:
                if await self._notice(json.loads(message)):
                    break
        await self.close()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._connection.close()
        if self._last is not None:
            save_png(_yuv(self._last), self._picture)
        tell_seen(replace(self._seen, video_sent=self._camera.sent, audio_sent=self._microphone.sent))

    async def _notice(self, notice: dict[str, Any]) -> bool:
        """One message of the gateway; true when the visit is over."""
        kind = notice.pop("type")
        if kind == "ring":
            tell("ring", **notice)
            await self._accept(notice["visit_id"])
        elif kind in ("warned", "clock", "hold", "over"):
            tell(kind, **notice)
        return bool(kind == "over")

    async def _accept(self, visit_id: str) -> None:
        connection = self._connection
        connection.addTrack(self._microphone)
        connection.addTrack(self._camera)
        connection.on("track", self._take)
        connection.on("connectionstatechange", lambda: tell("transport", state=connection.connectionState))
        await connection.setLocalDescription(await connection.createOffer())
        async with httpx.AsyncClient(base_url=self._origin, headers={"Authorization": f"Bearer {self._token}"}) as http:
            answer = await http.post(
                f"/api/v1/family/visits/{visit_id}/accept",
                json={"type": "offer", "sdp": connection.localDescription.sdp},
                timeout=20,
            )
        if answer.is_error:
            tell("refused", status=answer.status_code, title=answer.json().get("title", ""))
            return
        tell("accepted")
        await connection.setRemoteDescription(RTCSessionDescription(answer.json()["sdp"], "answer"))

    def _take(self, track: MediaStreamTrack) -> None:
        if self._blind:
            return
        if track.kind == "video":
            self._tasks.append(asyncio.create_task(self._watch(track), name="watch"))
        else:
            self._tasks.append(asyncio.create_task(self._listen(track), name="listen"))

    async def _watch(self, track: MediaStreamTrack) -> None:
        async for frame in _frames(track):
            if not isinstance(frame, VideoFrame):
                continue
            if self._seen.video_decoded == 0:
                tell("first_picture", width=frame.width, height=frame.height)
            self._last = frame
            seen = self._seen
            recognised = seen.video_decoded % FPS == 0 and shows(_yuv(frame), Mark.TERMINAL)
            self._seen = replace(seen, video_decoded=seen.video_decoded + 1, mark_seen=seen.mark_seen + recognised)

    async def _listen(self, track: MediaStreamTrack) -> None:
        async for frame in _frames(track):
            if not isinstance(frame, AudioFrame):
                continue
            loudest = max(self._seen.audio_loudest, loudness(np.asarray(frame.to_ndarray(), np.int16)))
            self._seen = replace(self._seen, audio_decoded=self._seen.audio_decoded + 1, audio_loudest=loudest)


def _yuv(frame: VideoFrame) -> Yuv:
    return np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8)


async def _frames(track: MediaStreamTrack) -> AsyncIterator[Any]:
    with contextlib.suppress(MediaStreamError):  # how a track says that it is over
        while True:
            yield await track.recv()


async def main() -> None:
    given, gone = await orders()
    # aioice leaves loopback out; this family lives on the same machine, and nothing of it should leave that
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]  # noqa: ARG005
    family = Family(given)
    run = asyncio.create_task(family.run(), name="family")
    await asyncio.wait([run, gone], return_when=asyncio.FIRST_COMPLETED)
    if not run.done():
        run.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await run
        await family.close()
    else:
        run.result()
    gone.cancel()


if __name__ == "__main__":
    asyncio.run(main())
