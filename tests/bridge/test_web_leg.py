"""The web leg against a browser made of packets: what comes through, what is repaired, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop

from bridge.errors import BridgeClosed, NegotiationError, PortsExhausted, SdpError
from bridge.legs.leg import SenderReport
from bridge.legs.web import WebLeg
from bridge.legs.web_line import WebLine
from bridge.rtp import rtcp
from bridge.rtp.history import RtxWrapper
from bridge.rtp.packet import build, parse
from bridge.rtp.ports import Ports
from bridge.rtp.timer import Timer
from bridge.types import Codec, Flow, Kind, MediaSettings
from tests.support import raw_peer
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_RTX_SSRC, VIDEO_SSRC, RawPeer

PCMU = Codec("PCMU", 0, 8000)
H264 = Codec(
    "H264",
    raw_peer.H264,
    90000,
    fmtp=(("level-asymmetry-allowed", "1"), ("packetization-mode", "1"), ("profile-level-id", "42e01f")),
)
BOTH_WAYS = {Kind.AUDIO: Flow.SENDRECV, Kind.VIDEO: Flow.SENDRECV}


class Ear:
    """Takes what a line hands on, and hears its feedback."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.reports: list[SenderReport] = []
        self.limits: list[int] = []
        self.keyframes_wanted = 0
        self.changed = asyncio.Event()

    def take(self, packet: bytes) -> None:
        self.packets.append(packet)
        self.changed.set()

    def keyframe_wanted(self) -> None:
        self.keyframes_wanted += 1
        self.changed.set()

    def report_received(self, report: SenderReport) -> None:
        self.reports.append(report)
        self.changed.set()

    def bitrate_limited(self, bps: int) -> None:
        self.limits.append(bps)
        self.changed.set()

    async def until(self, satisfied: Callable[[Ear], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not satisfied(self):
                self.changed.clear()
                await self.changed.wait()

    def sequences(self) -> list[int]:
        return [header.sequence for packet in self.packets if (header := parse(packet)) is not None]


class Stage:
    """One leg and one browser, connected."""

    def __init__(self, leg: WebLeg, peer: RawPeer, timer: Timer) -> None:
        self.leg, self.peer, self.timer = leg, peer, timer
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.up = asyncio.Event()
        self.ears: dict[Kind, Ear] = {}

    def line(self, kind: Kind) -> WebLine:
        line = self.leg.line(kind)
        assert line is not None
        return line

    def listen(self) -> None:
        for kind in (Kind.AUDIO, Kind.VIDEO):
            line = self.leg.line(kind)
            if line is not None:
                self.ears[kind] = ear = Ear()
                line.attach(ear.take, ear)
                line.listen(ear)


@contextlib.asynccontextmanager
async def stage(
    codecs: dict[Kind, Codec | None] | None = None,
    flows: dict[Kind, Flow] | None = None,
    settings: MediaSettings | None = None,
    video_flow: str = "sendrecv",
) -> AsyncIterator[Stage]:
    settings = settings or MediaSettings()
    async with Timer() as timer, RawPeer() as peer:
        leg = WebLeg(settings, Ports(settings.host, settings.web_ports), timer)
        made = Stage(leg, peer, timer)
        leg.on_lost = lambda reason: made.lost.done() or made.lost.set_result(reason)
        leg.on_connected = made.up.set
        try:
            offer = await peer.offer(video_flow=video_flow)
            peer.accept(await leg.answer(offer, codecs or {Kind.AUDIO: PCMU, Kind.VIDEO: H264}, flows or BOTH_WAYS))
            made.listen()
            async with asyncio.timeout(10):
                await made.up.wait()
                await peer.connected.wait()
            yield made
        finally:
            await leg.close()


def video(sequence: int, payload: bytes = b"\x41" + bytes(40), **other: int) -> bytes:
    return build(payload, payload_type=raw_peer.H264, sequence=sequence, timestamp=sequence * 3000, ssrc=VIDEO_SSRC)


def audio(sequence: int, payload: bytes = bytes(160)) -> bytes:
    return build(payload, payload_type=0, sequence=sequence, timestamp=sequence * 160, ssrc=AUDIO_SSRC)


async def test_audio_and_video_pass_both_ways() -> None:
    async with stage() as on:
        for number in range(10):
            on.peer.send(audio(number))
            on.peer.send(video(number))
        await on.ears[Kind.AUDIO].until(lambda ear: len(ear.packets) == 10)
        await on.ears[Kind.VIDEO].until(lambda ear: len(ear.packets) == 10)
        assert on.ears[Kind.AUDIO].packets[3] == audio(3)
        line = on.line(Kind.VIDEO)
        sent = build(b"\x65abc", payload_type=line.send_payload_type, sequence=7, timestamp=9, ssrc=line.send_ssrc)
        line.send(sent)
        await on.peer.until(lambda: sent in on.peer.packets)
        assert on.line(Kind.AUDIO).counters.received_packets == 10
        assert line.counters.sent_packets == 1


@pytest.mark.parametrize("size", [1356, 1472, 3900])
async def test_packets_longer_than_the_librarys_own_limit_pass_both_ways(size: int) -> None:
    payload = random.Random(size).randbytes(size - 12)
    async with stage() as on:
        on.peer.send(video(1, b"\x41" + payload[1:]))
        await on.ears[Kind.VIDEO].until(lambda ear: len(ear.packets) == 1)
        assert len(on.ears[Kind.VIDEO].packets[0]) == size
        line = on.line(Kind.VIDEO)
        line.send(build(payload, payload_type=line.send_payload_type, sequence=1, timestamp=1, ssrc=line.send_ssrc))
        await on.peer.until(lambda: any(packet.endswith(payload) for packet in on.peer.packets))


async def test_the_browser_sees_our_ssrcs_and_a_server_role() -> None:
    async with stage() as on:
        assert on.peer.answer is not None
        described = {line.media.kind: line for line in on.peer.answer.lines}
        assert described["video"].ssrc == on.line(Kind.VIDEO).send_ssrc
        assert described["video"].rtx_ssrc is not None
        assert on.peer.answer.setup == "passive"


async def test_a_lost_packet_is_asked_for_and_comes_by_retransmission() -> None:
    async with stage() as on:
        rtx = RtxWrapper(raw_peer.H264_RTX, VIDEO_RTX_SSRC, 500)
        on.peer.send(video(10))
        on.peer.send(video(12))
        await on.peer.until(lambda: bool(on.peer.heard(rtcp.Nack)))
        (asked, *_) = on.peer.heard(rtcp.Nack)
        assert isinstance(asked, rtcp.Nack)
        assert (asked.media_ssrc, asked.sequences) == (VIDEO_SSRC, (11,))
        on.peer.send(rtx.wrap(video(11)))
        on.peer.send(rtx.wrap(video(11)))
        on.peer.send(video(13))
        await on.ears[Kind.VIDEO].until(lambda ear: len(ear.packets) >= 4)
        assert on.ears[Kind.VIDEO].sequences() == [10, 12, 11, 13], "each once, the repeated repair is dropped"
        assert on.ears[Kind.VIDEO].packets[2] == video(11)


async def test_a_request_is_repeated_and_then_a_new_picture_is_asked_for() -> None:
    async with stage() as on:
        on.peer.send(video(10))
        on.peer.send(video(12))
        await on.peer.until(lambda: bool(on.peer.heard(rtcp.KeyframeRequest)))
        assert 3 <= len(on.peer.heard(rtcp.Nack)) <= 12
        assert on.line(Kind.VIDEO).counters.keyframe_requests >= 1


async def test_probes_of_the_browser_go_no_further() -> None:
    async with stage() as on:
        on.peer.send(video(1))
        probe = build(b"", payload_type=raw_peer.H264_RTX, sequence=9, timestamp=1, ssrc=VIDEO_RTX_SSRC)
        padded = bytes([probe[0] | 0x20]) + probe[1:] + bytes(199) + bytes([200])
        on.peer.send(padded)
        main = build(b"", payload_type=raw_peer.H264, sequence=2, timestamp=1, ssrc=VIDEO_SSRC)
        on.peer.send(bytes([main[0] | 0x20]) + main[1:] + bytes(3) + bytes([4]))
        on.peer.send(RtxWrapper(raw_peer.H264_RTX, VIDEO_RTX_SSRC, 10).wrap(video(1)))
        on.peer.send(video(3))
        await on.ears[Kind.VIDEO].until(lambda ear: 3 in ear.sequences())
        assert on.ears[Kind.VIDEO].sequences() == [1, 3]
        assert on.line(Kind.VIDEO).counters.nacks == 0


async def test_the_browsers_nack_is_answered_from_the_history_by_rtx() -> None:
    async with stage() as on:
        line = on.line(Kind.VIDEO)
        for number in range(2000):
            line.send(
                build(b"\x41ab", payload_type=raw_peer.H264, sequence=number, timestamp=number, ssrc=line.send_ssrc)
            )
            await asyncio.sleep(0)
        on.peer.send_rtcp(rtcp.nack(VIDEO_SSRC, line.send_ssrc, [1, 1990, 1991]))
        await on.peer.until(lambda: sum(packet[1] & 0x7F == raw_peer.H264_RTX for packet in on.peer.packets) == 2)
        again = [packet for packet in on.peer.packets if packet[1] & 0x7F == raw_peer.H264_RTX]
        assert [packet[12] << 8 | packet[13] for packet in again] == [1990, 1991], "1 is out of the history"
        assert on.peer.answer is not None
        assert {int.from_bytes(packet[8:12], "big") for packet in again} == {on.peer.answer.lines[1].rtx_ssrc}
        assert line.counters.retransmitted == 2


async def test_wishes_and_reports_of_the_browser_reach_the_pipeline() -> None:
    async with stage() as on:
        line, ear = on.line(Kind.VIDEO), on.ears[Kind.VIDEO]
        on.peer.send(video(1))
        on.peer.send_rtcp(rtcp.picture_loss(VIDEO_SSRC, line.send_ssrc))
        on.peer.send_rtcp(rtcp.full_intra_request(VIDEO_SSRC, line.send_ssrc, 1))
        on.peer.send_rtcp(rtcp.remb(VIDEO_SSRC, 400_000, [line.send_ssrc]))
        on.peer.send_rtcp(rtcp.sender_report(rtcp.SenderInfo(VIDEO_SSRC, 5 << 40, 777, 1, 1)))
        await ear.until(lambda ear: bool(ear.reports))
        assert ear.keyframes_wanted == 2
        assert [abs(limit - 400_000) < 400 for limit in ear.limits] == [True]
        assert ear.reports == [SenderReport(5 << 40, 777)]
        assert on.ears[Kind.AUDIO].keyframes_wanted == 0


async def test_reports_go_out_with_remb_and_give_the_round_trip_time() -> None:
    async with stage() as on:
        line = on.line(Kind.VIDEO)
        on.peer.send(video(1))
        on.peer.send(video(2))
        on.peer.send_rtcp(rtcp.sender_report(rtcp.SenderInfo(VIDEO_SSRC, 0x1234_5678_9ABC_DEF0, 777, 1, 1)))
        line.send(build(b"\x41", payload_type=raw_peer.H264, sequence=1, timestamp=1, ssrc=line.send_ssrc))
        line.send_report(SenderReport(0xABCD_1111_2222_3333, 99))
        await on.peer.until(lambda: any(info.ntp == 0xABCD_1111_2222_3333 for info in infos(on.peer)))
        assert infos(on.peer)[0].packets == 1
        echo = rtcp.ReportBlock(line.send_ssrc, 0, 0, 1, 0, 0x1111_2222, 0)
        on.peer.send_rtcp(rtcp.receiver_report(rtcp.ReceiverInfo(VIDEO_SSRC, (echo,))))
        await on.peer.until(lambda: any(block.last_sr for block in blocks(on.peer, VIDEO_SSRC)))
        block = [each for each in blocks(on.peer, VIDEO_SSRC) if each.last_sr][-1]
        assert block.last_sr == 0x5678_9ABC
        assert block.highest_sequence == 2
        limits = [each for each in on.peer.heard(rtcp.BitrateLimit) if isinstance(each, rtcp.BitrateLimit)]
        assert abs(limits[-1].bps - MediaSettings().video_max_bps) < 10_000
        assert limits[-1].ssrcs == (VIDEO_SSRC,)
        assert line.counters.rtt_ms is not None


def infos(peer: RawPeer) -> list[rtcp.SenderInfo]:
    return [each for each in peer.messages if isinstance(each, rtcp.SenderInfo)]


def blocks(peer: RawPeer, ssrc: int) -> list[rtcp.ReportBlock]:
    found = [block for each in peer.messages if isinstance(each, rtcp.ReceiverInfo) for block in each.reports]
    return [block for block in found if block.ssrc == ssrc]


async def test_a_keyframe_is_asked_for_until_it_comes() -> None:
    async with stage() as on:
        on.line(Kind.VIDEO).request_keyframe()
        on.line(Kind.VIDEO).request_keyframe()
        await on.peer.until(lambda: len(on.peer.heard(rtcp.KeyframeRequest)) >= 2)
        on.peer.send(video(1, b"\x41" + bytes(30)))
        await on.peer.until(lambda: len(on.peer.heard(rtcp.KeyframeRequest)) >= 3)
        on.peer.send(video(2, b"\x65" + bytes(30)))
        await on.ears[Kind.VIDEO].until(lambda ear: len(ear.packets) == 2)
        before = len(on.peer.heard(rtcp.KeyframeRequest))
        on.peer.messages.clear()
        await on.peer.until(lambda: len(blocks(on.peer, VIDEO_SSRC)) >= 3)
        assert not on.peer.heard(rtcp.KeyframeRequest), f"{before} requests were enough"


async def test_a_keyframe_wished_before_the_connection_is_asked_for_when_it_is_up() -> None:
    async with Timer() as timer, RawPeer() as peer:
        leg = WebLeg(MediaSettings(), Ports("127.0.0.1", (0, 0)), timer)
        answer = await leg.answer(await peer.offer(), {Kind.AUDIO: PCMU, Kind.VIDEO: H264}, BOTH_WAYS)
        line = leg.line(Kind.VIDEO)
        assert line is not None
        line.request_keyframe()
        peer.accept(answer)
        await peer.until(lambda: bool(peer.heard(rtcp.KeyframeRequest)))
        await leg.close()


async def test_a_stream_the_offer_did_not_name_is_found_by_its_payload_type() -> None:
    async with stage() as on:
        strange = build(b"\x41abc", payload_type=raw_peer.H264, sequence=5, timestamp=1, ssrc=0xDEAD)
        on.peer.send(strange)
        await on.ears[Kind.VIDEO].until(lambda ear: ear.packets == [strange])
        on.line(Kind.VIDEO).request_keyframe()
        await on.peer.until(lambda: bool(on.peer.heard(rtcp.KeyframeRequest)))
        (asked, *_) = on.peer.heard(rtcp.KeyframeRequest)
        assert isinstance(asked, rtcp.KeyframeRequest)
        assert asked.media_ssrc == 0xDEAD


async def test_broken_and_forged_packets_harm_nothing() -> None:
    chance = random.Random(7)
    async with stage() as on:
        address = on.leg._transport._connection.path
        target = on.leg._transport._gatherer.getLocalCandidates()[0]
        assert address is not None
        raw = on.peer._transport._connection._nominated[1].protocol.transport
        for _ in range(300):
            raw.sendto(chance.randbytes(chance.randrange(1, 200)), (target.ip, target.port))
        for first in (0x80, 0x90, 0xB0, 0xBF):
            extension = bytes([first, raw_peer.H264]) + video(3)[2:12] + chance.randbytes(9)
            on.peer.send(extension)
        for _ in range(50):
            on.peer.send_rtcp(b"\x81\xce\x00\x01" + VIDEO_SSRC.to_bytes(4, "big") + chance.randbytes(8))
        on.peer.send(video(4))
        await on.ears[Kind.VIDEO].until(lambda ear: 4 in ear.sequences())
        assert on.leg._transport.rejected_packets > 0
        assert not on.lost.done()


async def test_a_sink_that_raises_does_not_end_the_leg(caplog: pytest.LogCaptureFixture) -> None:
    async with stage() as on:

        def broken(_packet: bytes) -> None:
            raise LookupError

        on.line(Kind.VIDEO).attach(broken, on.ears[Kind.VIDEO])
        for number in range(20):
            on.peer.send(video(number))
        on.peer.send(audio(1))
        await on.ears[Kind.AUDIO].until(lambda ear: len(ear.packets) == 1)
        assert not on.lost.done()
        assert 1 <= caplog.text.count("packets of a browser that failed") <= 6


async def test_the_browsers_close_is_seen_at_once() -> None:
    async with stage() as on:
        await on.peer.close()
        assert await asyncio.wait_for(on.lost, 5) == "closed"


async def test_our_close_is_seen_by_the_browser_and_not_reported_to_us() -> None:
    async with stage() as on:
        await on.leg.close()
        assert await asyncio.wait_for(on.peer.lost, 5) == "closed"
        assert not on.lost.done()


async def test_a_silent_browser_loses_consent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aioice.ice.CONSENT_INTERVAL", 0.1)
    monkeypatch.setattr("aioice.ice.CONSENT_FAILURES", 2)
    async with stage() as on:
        for protocol in on.peer._transport._connection._protocols:
            protocol.transport._turns.unwatch(protocol.transport._udp.fileno())
        on.peer._transport._connection._query_consent_task.cancel()
        assert await asyncio.wait_for(on.lost, 20) == "consent_expired"


async def test_a_browser_that_never_comes_times_out() -> None:
    settings = MediaSettings(web_connect_timeout_s=0.3)
    async with Timer() as timer, RawPeer() as peer:
        leg = WebLeg(settings, Ports("127.0.0.1", (0, 0)), timer)
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        leg.on_lost = lost.set_result
        await leg.answer(await peer.offer(), {Kind.AUDIO: PCMU, Kind.VIDEO: None}, BOTH_WAYS)
        assert await asyncio.wait_for(lost, 5) == "connect_timeout"
        await leg.close()


@pytest.mark.parametrize("after_s", [0.0, 0.01, 0.1])
async def test_a_leg_closed_while_it_connects_leaves_no_task(after_s: float) -> None:
    async with Timer() as timer, RawPeer() as peer:
        leg = WebLeg(MediaSettings(), Ports("127.0.0.1", (0, 0)), timer)
        peer.accept(await leg.answer(await peer.offer(), {Kind.AUDIO: PCMU, Kind.VIDEO: H264}, BOTH_WAYS))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(peer.connected.wait(), after_s)
        await leg.close()
        await leg.close()
        assert len(timer) == 0
    assert {task.get_name() for task in asyncio.all_tasks()} == {asyncio.current_task().get_name()}


async def test_an_inactive_line_carries_nothing_and_refuses_nothing() -> None:
    async with stage(codecs={Kind.AUDIO: PCMU, Kind.VIDEO: None}) as on:
        assert on.leg.line(Kind.VIDEO) is None
        assert on.peer.answer is not None
        assert on.peer.answer.lines[1].media.flow is Flow.INACTIVE
        assert not on.peer.answer.lines[1].media.rejected
        on.peer.send(video(1))
        on.peer.send(audio(1))
        await on.ears[Kind.AUDIO].until(lambda ear: len(ear.packets) == 1)
        assert on.leg.unrouted_packets == 1


async def test_a_browser_without_a_camera_gets_a_sendonly_line() -> None:
    async with stage(video_flow="recvonly") as on:
        line = on.line(Kind.VIDEO)
        assert line.flow is Flow.SENDONLY
        line.request_keyframe()
        assert line.counters.keyframe_requests == 0


async def test_a_line_that_does_not_send_sends_nothing() -> None:
    async with stage(flows={Kind.AUDIO: Flow.SENDRECV, Kind.VIDEO: Flow.RECVONLY}) as on:
        line = on.line(Kind.VIDEO)
        line.send(build(b"\x41", payload_type=raw_peer.H264, sequence=1, timestamp=1, ssrc=line.send_ssrc))
        assert line.counters.sent_packets == 0
        assert on.peer.answer is not None
        assert on.peer.answer.lines[1].ssrc is None


async def test_packetization_mode_0_is_answered_with_mode_0() -> None:
    plain = Codec("H264", raw_peer.H264_MODE0, 90000, fmtp=(("profile-level-id", "42e01f"),))
    async with stage(codecs={Kind.AUDIO: PCMU, Kind.VIDEO: plain}) as on:
        assert on.line(Kind.VIDEO).send_payload_type == raw_peer.H264_MODE0
        assert on.peer.answer is not None
        assert [codec.payload_type for codec in on.peer.answer.lines[1].media.codecs] == [raw_peer.H264_MODE0]


async def test_ports_come_from_the_range_and_the_advertised_address_is_named() -> None:
    ports = Ports("127.0.0.1", (0, 0))
    probe = ports.single()
    free = probe.getsockname()[1]
    probe.close()
    async with Timer() as timer, RawPeer() as peer:
        settings = MediaSettings(advertised="192.0.2.7")
        one = WebLeg(settings, Ports("127.0.0.1", (free, free), "media.web_ports"), timer)
        answer = await one.answer(await peer.offer(), {Kind.AUDIO: PCMU}, BOTH_WAYS)
        assert f"192.0.2.7 {free} typ host" in answer
        two = WebLeg(settings, Ports("127.0.0.1", (free, free), "media.web_ports"), timer)
        with pytest.raises(PortsExhausted, match="web_ports"):
            await two.answer(await peer.offer(), {Kind.AUDIO: PCMU}, BOTH_WAYS)
        await one.close()
        await two.close()
        three = WebLeg(settings, Ports("127.0.0.1", (free, free)), timer)
        await three.answer(await peer.offer(), {Kind.AUDIO: PCMU}, BOTH_WAYS)
        await three.close()


async def test_what_can_not_be_answered_is_refused_with_words() -> None:
    async with Timer() as timer, RawPeer() as peer:
        offer = await peer.offer()

        async def answer(text: str, codec: Codec = PCMU) -> str:
            leg = WebLeg(MediaSettings(), Ports("127.0.0.1", (0, 0)), timer)
            try:
                return await leg.answer(text, {Kind.AUDIO: codec}, BOTH_WAYS)
            finally:
                await leg.close()

        with pytest.raises(SdpError):
            await answer("nonsense")
        with pytest.raises(SdpError, match="fingerprint"):
            await answer("\r\n".join(line for line in offer.splitlines() if "fingerprint" not in line))
        with pytest.raises(SdpError, match="BUNDLE"):
            await answer(offer.replace("a=group:BUNDLE 0 1\r\n", ""))
        with pytest.raises(NegotiationError, match="G722"):
            await answer(offer, Codec("G722", 9, 8000))
        leg = WebLeg(MediaSettings(), Ports("127.0.0.1", (0, 0)), timer)
        await leg.close()
        with pytest.raises(BridgeClosed):
            await leg.answer(offer, {Kind.AUDIO: PCMU}, BOTH_WAYS)
        assert len(timer) == 0


def _open_files() -> int:
    return len(list(Path(f"/proc/{os.getpid()}/fd").iterdir()))


@pytest.mark.parametrize("runner", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_fifty_visits_leave_nothing_behind(runner: Callable[..., object]) -> None:
    async def visit(timer: Timer) -> None:
        async with RawPeer() as peer:
            leg = WebLeg(MediaSettings(), Ports("127.0.0.1", (0, 0)), timer)
            peer.accept(await leg.answer(await peer.offer(), {Kind.AUDIO: PCMU, Kind.VIDEO: H264}, BOTH_WAYS))
            async with asyncio.timeout(20):
                await peer.connected.wait()
            await leg.close()

    async def scenario() -> None:
        async with Timer() as timer:
            await visit(timer)
            gc.collect()
            files, tasks = _open_files(), len(asyncio.all_tasks())
            for _ in range(5):
                await asyncio.gather(*(visit(timer) for _ in range(10)))
            await asyncio.sleep(0)
            gc.collect()
            legs = [each for each in gc.get_objects() if isinstance(each, WebLeg)]
            assert _open_files() <= files
            assert len(asyncio.all_tasks()) <= tasks
            assert len(timer) == 0
            assert len(legs) <= 1

    runner(scenario())


async def test_many_legs_share_one_loop() -> None:
    async with contextlib.AsyncExitStack() as stack:
        stages = [await stack.enter_async_context(stage()) for _ in range(8)]
        for number in range(20):
            for on in stages:
                on.peer.send(video(number))
        for on in stages:
            await on.ears[Kind.VIDEO].until(lambda ear: len(ear.packets) == 20)
