"""Headless Chromium as a family's browser, with a camera and a microphone of its own making.

async with Chromium() as chromium:
    page = await chromium.page()
    answer = await leg.answer(await page.offer(), ...)
    await page.accept(answer)
    seen = await page.until(lambda now: now.frames_decoded > 30)
    assert seen.freezes == 0
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser, Page, Playwright, Route, async_playwright

EXECUTABLE = "/usr/bin/chromium"
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)
# a camera is given to secure origins only, and localhost is one; nothing listens there, the page is made up on the way
_ADDRESS = "http://localhost/visit"
_HTML = """<!doctype html><title>visit</title><video id="far" autoplay playsinline></video>
<script>
let connection;
async function offer(wanted) {
  connection = new RTCPeerConnection({iceServers: []});
  const far = new MediaStream();
  document.getElementById("far").srcObject = far;
  connection.ontrack = event => far.addTrack(event.track);
  const size = {width: wanted.width, height: wanted.height, frameRate: wanted.rate};
  const own = await navigator.mediaDevices.getUserMedia({audio: wanted.audio, video: wanted.video && size});
  for (const track of own.getTracks()) connection.addTrack(track, own);
  for (const kind of wanted.receiveOnly) connection.addTransceiver(kind, {direction: "recvonly"});
  await connection.setLocalDescription();
  if (connection.iceGatheringState !== "complete") {
    await new Promise(done => connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState === "complete") done();
    });
  }
  return connection.localDescription.sdp;
}
async function accept(sdp) { await connection.setRemoteDescription({type: "answer", sdp}); }
async function stats() {
  const all = [];
  (await connection.getStats()).forEach(each => all.push(each));
  return {state: connection.connectionState, all};
}
</script>"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What the browser saw and heard, from its getStats(). Zero where it has no such stream."""

    state: str
    frames_decoded: int = 0
    frames_per_second: float = 0.0
    frames_sent: int = 0
    freezes: int = 0
    key_frames_decoded: int = 0
    audio_energy: float = 0.0
    audio_packets: int = 0
    video_codec: str = ""
    audio_codec: str = ""
    video_packets_lost: int = 0
    plis_received: int = 0
    nacks_received: int = 0
    retransmitted_packets: int = 0
    remote_rtt_s: float = 0.0
    srtp_cipher: str = ""
    available_outgoing_bps: float = 0.0


def _summary(report: Mapping[str, Any]) -> Seen:
    by_kind: dict[tuple[str, str], dict[str, Any]] = {}
    names: dict[str, str] = {}
    for each in report["all"]:
        names[each["id"]] = each.get("mimeType", "")
        by_kind.setdefault((each["type"], each.get("kind", "")), each)
    video, audio = by_kind.get(("inbound-rtp", "video"), {}), by_kind.get(("inbound-rtp", "audio"), {})
    sent = by_kind.get(("outbound-rtp", "video"), {})
    reported = by_kind.get(("remote-inbound-rtp", "video"), {})
    pair = next((each for each in report["all"] if each["type"] == "candidate-pair" and each.get("nominated")), {})
    return Seen(
        state=report["state"],
        frames_decoded=video.get("framesDecoded", 0),
        frames_per_second=video.get("framesPerSecond", 0.0),
        frames_sent=sent.get("framesSent", 0),
        freezes=video.get("freezeCount", 0),
        key_frames_decoded=video.get("keyFramesDecoded", 0),
        audio_energy=audio.get("totalAudioEnergy", 0.0),
        audio_packets=audio.get("packetsReceived", 0),
        video_codec=names.get(video.get("codecId", ""), ""),
        audio_codec=names.get(audio.get("codecId", ""), ""),
        video_packets_lost=video.get("packetsLost", 0),
        plis_received=sent.get("pliCount", 0) + sent.get("firCount", 0),
        nacks_received=sent.get("nackCount", 0),
        retransmitted_packets=sent.get("retransmittedPacketsSent", 0),
        remote_rtt_s=reported.get("roundTripTime", 0.0),
        srtp_cipher=by_kind.get(("transport", ""), {}).get("srtpCipher", ""),
        available_outgoing_bps=pair.get("availableOutgoingBitrate", 0.0),
    )


class VisitPage:
    """One page with one RTCPeerConnection."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def offer(
        self,
        *,
        audio: bool = True,
        video: bool = True,
        receive_only: tuple[str, ...] = (),
        size: tuple[int, int] = (640, 480),
        rate: int = 20,
    ) -> str:
        """A new RTCPeerConnection's offer, candidates gathered. `receive_only`: kinds to get without giving."""
        wanted = {
            "audio": audio,
            "video": video,
            "receiveOnly": list(receive_only),
            "width": size[0],
            "height": size[1],
            "rate": rate,
        }
        text: str = await self.page.evaluate("wanted => offer(wanted)", wanted)
        return text

    async def accept(self, answer: str) -> None:
        await self.page.evaluate("sdp => accept(sdp)", answer)

    async def seen(self) -> Seen:
        return _summary(await self.page.evaluate("stats()"))

    async def until(self, satisfied: Callable[[Seen], bool], seconds: float = 30.0) -> Seen:
        """Poll the statistics until they satisfy; TimeoutError, with the last of them, when they do not."""
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            now = await self.seen()
            if satisfied(now):
                return now
            if asyncio.get_running_loop().time() > deadline:
                raise TimeoutError(f"the browser never saw it; at the end: {now}")
            await asyncio.sleep(0.1)

    async def steady(self, frames: int = 60, seconds: float = 40.0) -> Seen:
        """Wait for so many pictures without a freeze among them: a busy machine causes one, a faulty bridge many."""
        start = await self.seen()

        def flowing(now: Seen) -> bool:
            nonlocal start
            if now.freezes > start.freezes:
                start = now
            return now.frames_decoded >= start.frames_decoded + frames

        return await self.until(flowing, seconds)

    async def hang_up(self) -> None:
        await self.page.evaluate("connection.close()")


class Chromium:
    """The browser. Pages are closed with it. command: what starts it instead; secure: an origin to take for safe."""

    def __init__(self, command: str = EXECUTABLE, secure: str = "") -> None:
        self._command = command
        self._more = [f"--unsafely-treat-insecure-origin-as-secure={secure}"] if secure else []
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    @staticmethod
    def installed() -> bool:
        return shutil.which(EXECUTABLE) is not None

    async def __aenter__(self) -> Self:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=self._command, args=[*ARGUMENTS, *self._more]
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._browser is not None:
            await self._browser.close()
        if self._playwright is not None:
            await self._playwright.stop()

    async def page(self) -> VisitPage:
        assert self._browser is not None, "enter the browser first"
        page = await self._browser.new_page()

        async def made_up(route: Route) -> None:
            await route.fulfill(content_type="text/html", body=_HTML)

        await page.route(_ADDRESS, made_up)
        await page.goto(_ADDRESS)
        return VisitPage(page)
