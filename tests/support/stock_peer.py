"""A stock aiortc peer in a process of its own: offers, takes the answer, counts what it can decode.

One line in (the answer, as JSON), lines out: the offer, then {"video": frames, "audio": frames} each half second.
"""

from __future__ import annotations

import asyncio
import json
import sys

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack


async def main() -> None:
    connection = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    counts = {"video": 0, "audio": 0}
    counting: set[asyncio.Task[None]] = set()

    @connection.on("track")
    def on_track(track: MediaStreamTrack) -> None:
        async def count() -> None:
            while True:
                await track.recv()
                counts[track.kind] += 1

        counting.add(asyncio.create_task(count(), name=f"count-{track.kind}"))

    connection.addTrack(AudioStreamTrack())
    connection.addTrack(VideoStreamTrack())
    await connection.setLocalDescription(await connection.createOffer())
    print(json.dumps(connection.localDescription.sdp), flush=True)
    answer = json.loads(await asyncio.to_thread(sys.stdin.readline))
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    while True:
        await asyncio.sleep(0.5)
        print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
