"""A visit in the field: a terminal and a browser that really encode and decode, each at the end of a lossy wire.

    Camera -> terminal's RTP -> LossyPair -> gateway -> BrowserWire -> browser's WebLine -> Screen     and back

Time is counted in pictures and blocks that the sender made until then: on a machine that stands still for a moment
cameras stand still too, and nothing froze.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from types import TracebackType
from typing import Protocol, Self

import numpy as np

from bridge import sdp
from bridge.codecs import AudioDecoder, AudioEncoder, VideoDecoder, VideoEncoder, Workers
from bridge.errors import CodecFailed
from bridge.legs.leg import SenderReport
from bridge.legs.web_line import WebLine
from bridge.legs.web_sdp import LinePlan, OfferedLine
from bridge.links.counters import PipelineCounters
from bridge.links.depacketize import Depacketize
from bridge.links.link import EncodedFrame
from bridge.links.packetize import Packetize
from bridge.links.reorder import Patience, Reorder
from bridge.links.rewrite import Numbering
from bridge.links.timeline import Timeline
from bridge.plane import MediaPlane
from bridge.rtp import rtcp
from bridge.rtp.history import SendHistory
from bridge.rtp.keyframe import DETECTORS
from bridge.rtp.nack import NackGenerator
from bridge.rtp.packet import HEADER, build, parse
from bridge.rtp.ports import Ports
from bridge.rtp.udp import Reader
from bridge.types import Codec, Flow, Kind, MediaSettings
from tests.support.lossy_wire import BrowserWire, LossyPair, Weather
from tests.support.moving import Samples, Yuv, bars, tone
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_RTX_SSRC, VIDEO_SSRC, RawPeer

FPS = 15
SIZE = (320, 240)
PCMU = Codec("PCMU", 0, 8000)
H264 = Codec("H264", 96, 90_000, fmtp=(("packetization-mode", "1"),))
_BLOCK_S = 0.02
_PACKETS_A_BURST = 2  # then the loop has its turn, as a browser's pacer has it


async def paced(period_s: float, step: Callable[[], Awaitable[None]]) -> None:
    """Calls step about every period. What a busy machine did not allow is left out, not made up for."""
    due_s = time.monotonic()
    while True:
        await step()
        due_s = max(due_s + period_s, time.monotonic() - period_s)
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))


class Pulse:
    """How long this process and its codec workers ran: a machine that let them wait has frozen nothing.

    Without it the tests would judge who else uses the machine.
    """

    _BEAT_S, _LATE_S = 0.01, 0.02

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._since_s = time.monotonic()
        self._stalls: list[tuple[float, float]] = []

    async def beat(self) -> None:
        while True:
            before_s = time.monotonic()
            await asyncio.sleep(self._BEAT_S)
            now_s = time.monotonic()
            if now_s - before_s - self._BEAT_S > self._LATE_S:
                self._stalls.append((before_s + self._BEAT_S, now_s))
            waited_s = self._workers.seen(now_s - before_s).picture_wait_s
            if waited_s > self._LATE_S:
                self._stalls.append((now_s - waited_s, now_s))

    def share(self) -> float:
        """Of the time so far that was ours."""
        now_s = time.monotonic()
        return self.ran_s(self._since_s, now_s) / (now_s - self._since_s)

    def ran_s(self, begin_s: float, end_s: float) -> float:
        """Of the time between the two, without any stall; stalls may overlap."""
        ran_s, at_s = 0.0, begin_s
        for from_s, to_s in sorted(self._stalls):
            if to_s > at_s and from_s < end_s:
                ran_s += max(0.0, from_s - at_s)
                at_s = to_s
        return ran_s + max(0.0, end_s - at_s)


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture that was decoded: how many the camera had shot by then, its timestamp, the time."""

    shot: int
    rtp_timestamp: int
    at_s: float


class Camera:
    """Pictures through an encoder into RTP packets. `shot` counts them; `picture(number)` may be another's."""

    def __init__(
        self, codec: Codec, ssrc: int, send: Callable[[bytes], object], picture: Callable[[int], Yuv] | None = None
    ) -> None:
        self.shot = 0
        self.picture = picture or (lambda number: bars(*SIZE, number))
        self.keyframes_wanted = 0
        self._keyframe = True
        self._packets: list[bytes] = []
        self._send = send
        self._encoder = VideoEncoder(codec.name, *SIZE, FPS, 400_000)
        numbering = Numbering()
        self._first = numbering.timestamp
        self.timeline = Timeline(90_000, 90_000, numbering)
        self._pay = Packetize(
            codec,
            Kind.VIDEO,
            self._packets.append,
            payload_type=codec.payload_type,
            ssrc=ssrc,
            numbering=numbering,
            timeline=self.timeline,
            most_bytes=700,
        )

    def want_keyframe(self) -> None:
        self.keyframes_wanted += 1
        self._keyframe = True

    def timestamp(self, number: int) -> int:
        return number * 90_000 // FPS

    async def shoot(self) -> None:
        keyframe, self._keyframe = self._keyframe, False
        for frame in self._encoder.encode(self.picture(self.shot), self.timestamp(self.shot), keyframe):
            self._pay.push(frame)
        self.shot += 1
        packets = self._packets[:]
        self._packets.clear()
        for index, packet in enumerate(packets):
            self._send(packet)
            if index % _PACKETS_A_BURST:
                await asyncio.sleep(0.001)


class Counted(Protocol):
    """Whoever shoots pictures."""

    @property
    def shot(self) -> int: ...


class Screen:
    """What a far side shows."""

    def __init__(
        self, codec: Codec, camera: Counted, pulse: Pulse, ask: Callable[[], None], patience: Patience
    ) -> None:
        self.seen: list[Shown] = []
        self._pulse = pulse
        self.on_picture: Callable[[Yuv, int], None] | None = None
        self.counters = PipelineCounters()
        self._camera = camera
        self._decoder = VideoDecoder(codec.name)
        self._depay = Depacketize(codec, self._show, ask, self.counters)
        begins = DETECTORS[codec.name]
        self.push = Reorder(self._depay.push, patience, counters=self.counters, begins=begins).push

    def _show(self, frame: EncodedFrame) -> None:
        try:
            pictures = self._decoder.decode(frame)
        except CodecFailed:
            self._depay.wait_for_keyframe()
            return
        for picture in pictures:
            self.seen.append(Shown(self._camera.shot, picture.rtp_timestamp, time.monotonic()))
            if self.on_picture is not None:
                self.on_picture(picture.yuv, picture.rtp_timestamp)

    def freezes_s(self, since: int) -> list[float]:
        """Times without a new picture since the camera's picture `since`, until now, the longest five first."""
        seen = [each for each in self.seen if each.shot >= since]
        marks = [*seen, Shown(self._camera.shot, 0, time.monotonic())]
        return sorted((self._still_s(one, other) for one, other in pairwise(marks)), reverse=True)[:5]

    def back_after_s(self, returned: Shown) -> float:
        """From then to the first picture shown."""
        return next((self._still_s(returned, each) for each in self.seen if each.at_s > returned.at_s), 1000.0)

    def _still_s(self, one: Shown, other: Shown) -> float:
        """By the camera's count or by the clock without the loop's stalls, whichever says less."""
        return min((other.shot - one.shot) / FPS, self._pulse.ran_s(one.at_s, other.at_s))


class Microphone:
    """A steady tone, or what `sound(number)` gives, in blocks of 20 ms."""

    def __init__(self, codec: Codec, ssrc: int, send: Callable[[bytes], object]) -> None:
        self._codec, self._ssrc, self._send = codec, ssrc, send
        self._encoder = AudioEncoder(codec.name)
        whole = tone(self._encoder.rate_hz, 400, 1.0)
        size = self._encoder.block
        self.sound: Callable[[int], Samples] = lambda number: whole[number % 50 * size : (number % 50 + 1) * size]
        self.said = 0

    @property
    def rate_hz(self) -> int:
        return self._encoder.rate_hz

    @property
    def clock_hz(self) -> int:
        return self._codec.clock_hz

    def timestamp(self, number: int) -> int:
        return number * self._codec.clock_hz // 50

    async def speak(self) -> None:
        timestamp = self.timestamp(self.said)
        for frame in self._encoder.encode(self.sound(self.said), timestamp):
            self._send(
                build(
                    frame.data,
                    payload_type=self._codec.payload_type,
                    sequence=self.said & 0xFFFF,
                    timestamp=timestamp,
                    ssrc=self._ssrc,
                )
            )
        self.said += 1


class Ear:
    """Keeps packets; `blocks` decodes them where their timestamps put them."""

    def __init__(self, codec: Codec) -> None:
        self.codec = codec
        self.packets: list[bytes] = []

    def push(self, packet: bytes) -> None:
        if packet[1] & 0x7F == self.codec.payload_type:
            self.packets.append(packet)

    def blocks(self) -> dict[int, Samples]:
        """Sound by timestamp, in order; gaps are missing keys."""
        decoder = AudioDecoder(self.codec.name)
        headers = [(each, parse(each)) for each in self.packets]
        base = min((h.timestamp for _, h in headers if h is not None), default=0)
        found = sorted(((h.timestamp - base) & 0xFFFFFFFF, p, h) for p, h in headers if h is not None)
        return {at: decoder.decode(EncodedFrame(p[h.payload_start : h.payload_end], at)) for at, p, h in found}


class StationMedia:
    """One m= line of a terminal behind its own wire. repair: it asks for lost packets and answers such requests."""

    def __init__(self, kind: Kind, codec: Codec, ssrc: int, seed: int, *, repair: bool = False) -> None:
        self.kind, self.codec, self.ssrc = kind, codec, ssrc
        self.sockets = Ports("127.0.0.1", (0, 0)).pair()
        self.wire = LossyPair(seed)
        self.sink: Callable[[bytes], object] = lambda packet: None
        self.wants: Callable[[], None] = lambda: None
        self.reports: list[rtcp.SenderInfo] = []
        self.limits: list[int] = []
        self._remote_ssrc = 0
        self.repair = repair
        self._history = SendHistory() if repair else None
        self._nack = NackGenerator() if repair else None
        self._readers = (Reader(self.sockets.rtp, self._take), Reader(self.sockets.rtcp, self._take_rtcp))

    def send(self, packet: bytes) -> None:
        if self._history is not None:
            self._history.store(packet)
        with contextlib.suppress(OSError):
            self.sockets.rtp.sendto(packet, self.wire.rtp.at_a)

    def send_rtcp(self, *parts: bytes) -> None:
        head = rtcp.receiver_report(rtcp.ReceiverInfo(self.ssrc)) + rtcp.source_description(self.ssrc, "field")
        with contextlib.suppress(OSError):
            self.sockets.rtcp.sendto(b"".join((head, *parts)), self.wire.rtcp.at_a)

    def report(self, ntp: int, timestamp: int) -> None:
        self.send_rtcp(rtcp.sender_report(rtcp.SenderInfo(self.ssrc, ntp, timestamp, 1, 1)))

    def ask_for_picture(self) -> None:
        if self._remote_ssrc:
            self.send_rtcp(rtcp.picture_loss(self.ssrc, self._remote_ssrc))

    def tick(self) -> None:
        gap = self._nack.due(time.monotonic()) if self._nack else None
        if gap is not None and gap.sequences:
            self.send_rtcp(rtcp.nack(self.ssrc, self._remote_ssrc, gap.sequences))

    def _take(self, packet: bytes, _source: object) -> None:
        _, _, sequence, _, self._remote_ssrc = HEADER.unpack_from(packet)
        if self._nack is not None:
            self._nack.arrived(sequence, time.monotonic())
        self.sink(packet)

    def _take_rtcp(self, packet: bytes, _source: object) -> None:
        for message in rtcp.parse(packet):
            if isinstance(message, rtcp.KeyframeRequest):
                self.wants()
            elif isinstance(message, rtcp.SenderInfo):
                self.reports.append(message)
            elif isinstance(message, rtcp.BitrateLimit):
                self.limits.append(message.bps)
            elif isinstance(message, rtcp.Nack) and self._history is not None:
                for sequence in message.sequences:
                    lost = self._history.find(sequence)
                    if lost is not None:
                        self.sockets.rtp.sendto(lost, self.wire.rtp.at_a)

    def close(self) -> None:
        for reader in self._readers:
            reader.close()
        self.wire.close()


def describe(sound: StationMedia, picture: StationMedia) -> str:
    """The terminal's description: its media are where its wires begin."""
    wish = "a=rtcp-fb:96 nack\r\n" if picture.repair else ""
    return (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {sound.wire.port_for_gateway} RTP/AVP 0\r\n"
        f"m=video {picture.wire.port_for_gateway} RTP/AVPF 96\r\na=rtpmap:96 H264/90000\r\n"
        f"a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtcp-fb:96 nack pli\r\n{wish}"
        "a=rtcp-fb:96 ccm tmmbr\r\n"
    )


def connect(answer: str, *ends: StationMedia) -> None:
    """The wires lead to what the gateway answered."""
    for media, end in zip(sdp.parse(answer).media, ends, strict=True):
        end.wire.join(end.sockets.port, media.port)


class _Hears:
    """Feedback of the browser's own lines."""

    def __init__(self) -> None:
        self.wants: Callable[[], None] = lambda: None
        self.reports: list[SenderReport] = []
        self.limits: list[int] = []

    def keyframe_wanted(self) -> None:
        self.wants()

    def report_received(self, report: SenderReport) -> None:
        self.reports.append(report)

    def bitrate_limited(self, bps: int) -> None:
        self.limits.append(bps)


class _NeverAway:
    """In place of our line's own way to notice who comes back."""

    def over(self, _last_received_s: float, _now_s: float) -> bool:
        return False


class FieldBrowser(RawPeer):
    """Asks, answers and reports as browsers do: the lines are ours, turned round."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self.wire = BrowserWire(seed)
        self.lines: dict[Kind, WebLine] = {}
        self.hears: dict[Kind, _Hears] = {kind: _Hears() for kind in Kind}
        self._takers: dict[int, Callable[[bytes, int, int, int, float], None]] = {}

    def meet(self, answer: str, settings: MediaSettings) -> None:
        self.accept(self.wire.answer(answer))
        assert self.answer is not None
        for line in self.answer.lines:
            kind = Kind(line.media.kind)
            ours = WebLine(_turned(line, kind), self._transport, "field", settings.video_max_bps)
            ours._absence = _NeverAway()  # type: ignore[assignment]  # browsers do not notice, they are asked
            ours._sending = None  # nor do they leave out pictures
            self.lines[kind] = ours
            ours.listen(self.hears[kind])
            for ssrc, take in ((line.ssrc, ours.media_arrived), (line.rtx_ssrc, ours.retransmission_arrived)):
                if ssrc is not None:
                    self._takers[ssrc] = take

    def rtp_arrived(self, packet: bytes) -> None:
        _, second, sequence, timestamp, ssrc = HEADER.unpack_from(packet)
        take = self._takers.get(ssrc)
        if take is not None:
            take(packet, second, sequence, timestamp, time.monotonic())

    def rtcp_arrived(self, packet: bytes) -> None:
        super().rtcp_arrived(packet)
        for message in rtcp.parse(packet):
            for line in self.lines.values():
                line.heard(message, time.monotonic())

    async def tick(self) -> None:
        for line in self.lines.values():
            line.tick(time.monotonic())

    async def report(self) -> None:
        for line in self.lines.values():
            line.report(time.monotonic())

    async def close(self) -> None:
        await super().close()
        self.wire.close()


def _turned(line: OfferedLine, kind: Kind) -> LinePlan:
    codecs = line.media.codecs
    rtx = next((each.payload_type for each in codecs if each.name == "RTX"), None)
    video = kind is Kind.VIDEO
    return LinePlan(
        kind,
        codecs[0],
        Flow.SENDRECV,
        VIDEO_SSRC if video else AUDIO_SSRC,
        VIDEO_RTX_SSRC,
        rtx,
        line.ssrc,
        line.rtx_ssrc,
    )


@dataclass
class End:
    """One person's devices."""

    camera: Camera
    microphone: Microphone
    ear: Ear
    screen: Screen | None = None


@dataclass
class Field:
    """One visit. station_repair: the terminal knows NACK."""

    settings: MediaSettings
    seed: int
    station_repair: bool = False
    running: list[asyncio.Task[None]] = field(default_factory=list)

    async def __aenter__(self) -> Self:
        self.plane = MediaPlane(self.settings)
        # networks are judged here: a busy machine must not thin the pictures out besides
        self.plane._gauge.look = self.plane._workers.look  # type: ignore[method-assign]
        self.pulse = Pulse(self.plane._workers)
        await self.plane.__aenter__()
        self.bridge = self.plane.bridge()
        self.sound = StationMedia(Kind.AUDIO, PCMU, 0x50, self.seed)
        self.picture = StationMedia(Kind.VIDEO, H264, 0x96, self.seed + 1, repair=self.station_repair)
        self.browser = FieldBrowser(self.seed + 2)
        await self._join()
        self._set_up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self.running:
            task.cancel()
        await asyncio.gather(*self.running, return_exceptions=True)
        await self.plane.__aexit__(None, None, None)
        await self.browser.close()
        self.sound.close()
        self.picture.close()

    def weather(self, browser: Weather, station: Weather | None = None) -> None:
        self.browser.wire.wire.blow(browser)
        if station is not None:
            for wire in (*self.sound.wire.wires, *self.picture.wire.wires):
                wire.blow(station)

    async def seconds(self, count: float) -> None:
        """Until the terminal's camera has shot so many seconds of pictures."""
        until = self.station.camera.shot + count * FPS
        while self.station.camera.shot < until:  # noqa: ASYNC110 - the camera is the clock
            await asyncio.sleep(1 / FPS)

    def now(self, camera: Camera) -> Shown:
        return Shown(camera.shot, 0, time.monotonic())

    def screens(self) -> Iterator[tuple[str, Screen, Camera]]:
        """Whose picture, where it is shown, who shot it."""
        assert self.person.screen is not None
        assert self.station.screen is not None
        yield "the terminal's", self.person.screen, self.station.camera
        yield "the family's", self.station.screen, self.person.camera

    async def _join(self) -> None:
        offer = self.browser.wire.offer(await self.browser.offer())
        joined = await self.bridge.join(describe(self.sound, self.picture), offer)
        assert joined.web_sdp is not None
        connect(joined.sip_sdp, self.sound, self.picture)
        self.browser.meet(joined.web_sdp, self.settings)
        async with asyncio.timeout(20):
            await self.browser.connected.wait()

    def _set_up(self) -> None:
        browser = self.browser
        video, audio = browser.lines[Kind.VIDEO], browser.lines[Kind.AUDIO]
        self.station = End(
            Camera(self.picture.codec, self.picture.ssrc, self.picture.send),
            Microphone(self.sound.codec, self.sound.ssrc, self.sound.send),
            Ear(self.sound.codec),
        )
        self.person = End(
            Camera(video.codec, VIDEO_SSRC, video.send),
            Microphone(audio.codec, AUDIO_SSRC, audio.send),
            Ear(audio.codec),
        )
        self.picture.wants = self.station.camera.want_keyframe
        browser.hears[Kind.VIDEO].wants = self.person.camera.want_keyframe
        self.person.screen = Screen(
            video.codec, self.station.camera, self.pulse, video.request_keyframe, Patience(400, 500, 600)
        )
        patience = Patience(400, 500, 600) if self.station_repair else Patience(20, 50, 80)
        self.station.screen = Screen(
            self.picture.codec, self.person.camera, self.pulse, self.picture.ask_for_picture, patience
        )
        self.picture.sink, self.sound.sink = self.station.screen.push, self.station.ear.push
        video.attach(self.person.screen.push, browser.hears[Kind.VIDEO])
        audio.attach(self.person.ear.push, browser.hears[Kind.AUDIO])
        self.running.append(asyncio.create_task(self.pulse.beat(), name="pulse"))
        for name, period_s, step in (
            ("camera-station", 1 / FPS, self.station.camera.shoot),
            ("camera-browser", 1 / FPS, self.person.camera.shoot),
            ("microphone-station", _BLOCK_S, self.station.microphone.speak),
            ("microphone-browser", _BLOCK_S, self.person.microphone.speak),
            ("browser-tick", _BLOCK_S, browser.tick),
            ("browser-report", 1.0, browser.report),
            ("station-tick", _BLOCK_S, self._station_tick),
        ):
            self.running.append(asyncio.create_task(paced(period_s, step), name=name))

    async def _station_tick(self) -> None:
        self.picture.tick()


def loudness(block: Samples) -> float:
    return float(np.sqrt(np.mean(block.astype(float) ** 2))) if len(block) else 0.0


class _Clockwork:
    """Stands for a camera of another program, whose pictures nobody here counts."""

    def __init__(self) -> None:
        self._since_s = time.monotonic()

    @property
    def shot(self) -> int:
        return int((time.monotonic() - self._since_s) * FPS)


class FieldTerminal:
    """The gateway with the terminal alone: the browser is another program's, at its own wire."""

    def __init__(self, settings: MediaSettings, seed: int) -> None:
        self._settings, self._seed = settings, seed
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.plane = MediaPlane(self._settings)
        self.pulse = Pulse(self.plane._workers)
        await self.plane.__aenter__()
        self.bridge = self.plane.bridge()
        self.sound = StationMedia(Kind.AUDIO, PCMU, 0x50, self._seed)
        self.picture = StationMedia(Kind.VIDEO, H264, 0x96, self._seed + 1)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self.plane.__aexit__(None, None, None)
        self.sound.close()
        self.picture.close()

    async def join(self, offer: str) -> str:
        """The answer for the browser; the terminal speaks and shows from then on."""
        joined = await self.bridge.join(describe(self.sound, self.picture), offer)
        assert joined.web_sdp is not None
        connect(joined.sip_sdp, self.sound, self.picture)
        camera = Camera(H264, self.picture.ssrc, self.picture.send)
        microphone = Microphone(PCMU, self.sound.ssrc, self.sound.send)
        self._other = _Clockwork()
        self.screen = Screen(H264, self._other, self.pulse, self.picture.ask_for_picture, Patience(20, 50, 80))
        self.picture.sink, self.picture.wants = self.screen.push, camera.want_keyframe
        for period_s, step in ((1 / FPS, camera.shoot), (_BLOCK_S, microphone.speak)):
            self._running.append(asyncio.create_task(paced(period_s, step), name="terminal"))
        self._running.append(asyncio.create_task(self.pulse.beat(), name="pulse"))
        return joined.web_sdp

    def now(self) -> Shown:
        return Shown(self._other.shot, 0, time.monotonic())
