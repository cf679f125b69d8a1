"""A video terminal made of two ffmpeg processes and two pairs of ports: real encoders and decoders, no code of ours.

    async with FfmpegTerminal(folder) as terminal:
        terminal.aim(answer)           # the sender starts: a moving picture in H.264 and a tone in PCMU
        await terminal.until(lambda seen: seen.pictures > 60)

ffmpeg sends from one port and receives on another; a terminal has one port for both, so a forwarder stands between.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from bridge import sdp
from bridge.rtp.ports import Ports, SocketPair

_RECEIVED = """v=0
o=- 1 1 IN IP4 127.0.0.1
s=received
c=IN IP4 127.0.0.1
t=0 0
m=audio {audio} RTP/AVP 0
m=video {video} RTP/AVP 96
a=rtpmap:96 H264/90000
a=fmtp:96 packetization-mode=1
"""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What ffmpeg has decoded so far. different_pictures: by checksum; a frozen picture counts once."""

    pictures: int = 0
    different_pictures: int = 0
    sounds: int = 0


class FfmpegTerminal:
    def __init__(self, folder: Path, *, mode: int = 1, fps: int = 30) -> None:
        self._folder = folder
        self._mode = mode
        self._fps = fps
        self._outside = {kind: Ports("127.0.0.1", (0, 0)).pair() for kind in ("audio", "video")}
        self._inside = {kind: Ports("127.0.0.1", (0, 0)).pair() for kind in ("audio", "video")}
        self._receive_ports = {kind: _free_pair_port() for kind in ("audio", "video")}
        self._towards: dict[str, int] = {}
        self._processes: list[asyncio.subprocess.Process] = []
        self._reading: asyncio.Task[None] | None = None
        self._checksums: set[str] = set()
        self._pictures = 0
        self._sounds = 0
        self._changed = asyncio.Event()

    @staticmethod
    def installed() -> bool:
        return shutil.which("ffmpeg") is not None

    @property
    def description(self) -> str:
        return "\r\n".join(
            [
                "v=0",
                "o=- 1 1 IN IP4 127.0.0.1",
                "s=-",
                "c=IN IP4 127.0.0.1",
                "t=0 0",
                f"m=audio {self._outside['audio'].port} RTP/AVP 0",
                f"m=video {self._outside['video'].port} RTP/AVP 96",
                "a=rtpmap:96 H264/90000",
                f"a=fmtp:96 profile-level-id=42c01f;packetization-mode={self._mode}",
                "",
            ]
        )

    @property
    def decoded(self) -> Decoded:
        return Decoded(self._pictures, len(self._checksums), self._sounds)

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for kind in ("audio", "video"):
            for rtp_or_rtcp in (0, 1):
                self._forward(loop, kind, rtp_or_rtcp)
        description = self._folder / "received.sdp"
        description.write_text(_RECEIVED.format(**self._receive_ports))
        receiver = await self._start(
            "-protocol_whitelist", "file,udp,rtp", "-analyzeduration", "2000000", "-i", str(description),
            "-map", "0:a", "-map", "0:v", "-fps_mode", "passthrough", "-flush_packets", "1", "-f", "framecrc", "pipe:1",
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read(receiver), name="ffmpeg terminal")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()
        if self._reading is not None:
            self._reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading
        loop = asyncio.get_running_loop()
        for pair in (*self._outside.values(), *self._inside.values()):
            loop.remove_reader(pair.rtp)
            loop.remove_reader(pair.rtcp)
            pair.close()

    async def aim(self, answer: str) -> None:
        """Where the gateway wants our media; begin to send."""
        for media in sdp.parse(answer).media:
            self._towards[media.kind] = media.port
        await self._start(
            "-re", "-f", "lavfi", "-i", f"testsrc2=size=640x480:rate={self._fps}",
            "-re", "-f", "lavfi", "-i", "sine=f=440:r=8000",
            "-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p",
            "-g", str(self._fps), "-b:v", "600k", "-payload_type", "96", "-f", "rtp",
            f"rtp://127.0.0.1:{self._inside['video'].port}?pkt_size=1200",
            "-map", "1:a", "-c:a", "pcm_mulaw", "-ar", "8000", "-ac", "1", "-f", "rtp",
            f"rtp://127.0.0.1:{self._inside['audio'].port}?pkt_size=172",
        )  # fmt: skip

    async def until(self, satisfied: Callable[[Decoded], bool], seconds: float = 30.0) -> Decoded:
        try:
            async with asyncio.timeout(seconds):
                while not satisfied(self.decoded):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            log = (self._folder / "ffmpeg.log").read_text(errors="replace")[-2000:]
            raise AssertionError(f"the terminal only decoded {self.decoded}\n{log}") from None
        return self.decoded

    def _forward(self, loop: asyncio.AbstractEventLoop, kind: str, which: int) -> None:
        outside, inside = _sockets(self._outside[kind])[which], _sockets(self._inside[kind])[which]

        def out() -> None:
            packet = inside.recv(4096)
            if kind in self._towards:
                outside.sendto(packet, ("127.0.0.1", self._towards[kind] + which))

        def back() -> None:
            inside.sendto(outside.recv(4096), ("127.0.0.1", self._receive_ports[kind] + which))

        loop.add_reader(inside, out)
        loop.add_reader(outside, back)

    async def _start(self, *arguments: str) -> asyncio.subprocess.Process:
        with (self._folder / "ffmpeg.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                "ffmpeg", "-hide_banner", "-loglevel", "warning", "-nostdin", *arguments,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        self._processes.append(process)
        return process

    async def _read(self, receiver: asyncio.subprocess.Process) -> None:
        """framecrc: `stream, dts, pts, duration, size, checksum`, a line a frame."""
        assert receiver.stdout is not None
        async for line in receiver.stdout:
            words = line.decode().split(",")
            if words[0].strip() == "1":
                self._pictures += 1
                self._checksums.add(words[-1].strip())
            elif words[0].strip() == "0":
                self._sounds += 1
            self._changed.set()


def _sockets(pair: SocketPair) -> tuple[socket.socket, socket.socket]:
    return pair.rtp, pair.rtcp


def _free_pair_port() -> int:
    pair = Ports("127.0.0.1", (0, 0)).pair()
    port = pair.port
    pair.close()
    return port
