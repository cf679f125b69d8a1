"""Listening to a visit: each side as it sent it, nothing while nobody does, and never in a privileged one."""

from __future__ import annotations

import ast
import asyncio
import inspect
from collections.abc import Callable

import pytest

import bridge.wiring
from bridge.errors import BridgeClosed, BridgeSealed
from bridge.legs.leg import SenderReport
from bridge.rtp import rtcp
from bridge.tapping import TappableWiring
from bridge.types import Codec, Kind, Side
from bridge.wiring import Wiring
from tests.support import raw_peer
from tests.support.bridge_stage import IDR, Stage
from tests.support.raw_peer import AUDIO_SSRC, VIDEO_SSRC

ALL = {(kind, side) for kind in Kind for side in Side}


class Ear:
    """A `Listener` that keeps all. `name` is what the pipeline's text says."""

    def __init__(self, name: str = "recording") -> None:
        self.name = name
        self.codecs: dict[tuple[Kind, Side], str | None] = {}
        self.packets: list[tuple[Kind, Side, bytes]] = []
        self.reports: list[tuple[Kind, Side, SenderReport]] = []
        self._news = asyncio.Event()

    def line_changed(self, kind: Kind, source: Side, codec: Codec | None) -> None:
        self.codecs[kind, source] = codec.name if codec else None

    def sink(self, kind: Kind, source: Side) -> Callable[[bytes], None]:
        return lambda packet: self.packet(kind, source, packet)

    def packet(self, kind: Kind, source: Side, packet: bytes) -> None:
        self.packets.append((kind, source, packet))
        self._news.set()

    def report(self, kind: Kind, source: Side, report: SenderReport) -> None:
        self.reports.append((kind, source, report))
        self._news.set()

    def __str__(self) -> str:
        return self.name

    async def until(self, satisfied: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not satisfied():
                self._news.clear()
                await self._news.wait()

    def heard(self, kind: Kind, source: Side) -> list[bytes]:
        return [each[2] for each in self.packets if each[:2] == (kind, source)]


class Deaf(Ear):
    """Fails at the first packet."""

    def packet(self, kind: Kind, source: Side, packet: bytes) -> None:
        super().packet(kind, source, packet)
        raise ValueError("a listener's bug")


async def test_both_sides_are_heard_as_they_sent_it() -> None:
    async with Stage() as stage:
        await stage.join()
        ear = Ear()
        stage.bridge.tap(ear)
        assert ear.codecs == dict(zip(sorted(ALL), ["PCMU", "PCMU", "H264", "H264"], strict=True))
        sound = stage.terminal.sound.say(b"from the terminal")
        picture = stage.terminal.picture.say(IDR)
        stage.from_browser(b"from the family", raw_peer.PCMU, AUDIO_SSRC)
        stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
        await ear.until(lambda: {each[:2] for each in ear.packets} == ALL)
        assert ear.heard(Kind.AUDIO, Side.SIP) == [sound]
        assert ear.heard(Kind.VIDEO, Side.SIP) == [picture]
        (family,) = ear.heard(Kind.AUDIO, Side.WEB)
        assert family[12:] == b"from the family"
        assert (await stage.terminal.sound.heard())[12:] == b"from the family"


async def test_sender_reports_are_heard_and_still_reach_the_far_side() -> None:
    async with Stage() as stage:
        await stage.join()
        ear = Ear()
        stage.bridge.tap(ear)
        stage.terminal.sound.say(b"sound")
        info = rtcp.SenderInfo(0x50, 7 << 32, 160, 1, 5)
        stage.terminal.sound.report(rtcp.sender_report(info) + rtcp.source_description(0x50, "station"))
        await ear.until(lambda: bool(ear.reports))
        assert ear.reports[0] == (Kind.AUDIO, Side.SIP, SenderReport(7 << 32, 160))
        await stage.browser.until(lambda: bool(stage.browser.heard(rtcp.SenderInfo)))


async def test_the_text_shows_who_listens_and_only_while_they_do() -> None:
    async with Stage() as stage:
        await stage.join()
        before = stage.bridge.describe()
        assert "Tap" not in before
        recording, watching = stage.bridge.tap(Ear()), stage.bridge.tap(Ear("watching"))
        assert stage.bridge.describe().splitlines()[2:] == [
            "video sip->web: H264 -> Tap(recording, watching) -> Rewrite(PT 102, SSRC) -> WebLeg",
            "video web->sip: H264 -> Tap(recording, watching) -> Reorder(400 ms) -> Rewrite(PT 96, SSRC) -> SipLeg",
        ]
        recording.close()
        recording.close()
        watching.close()
        assert stage.bridge.describe() == before


async def test_nothing_stands_in_the_way_while_nobody_listens() -> None:
    async with Stage() as stage:
        await stage.join()
        line = stage.bridge._station.leg.line(Kind.AUDIO)
        assert line is not None
        stage.terminal.sound.say()
        await stage.browser.until(lambda: len(stage.browser.packets) == 1)
        bare = line._sink
        tapping = stage.bridge.tap(Ear())
        assert line._sink != bare
        tapping.close()
        assert line._sink == bare
        assert type(bare.__self__).__module__ == "bridge.links.rewrite"  # type: ignore[attr-defined]


async def test_a_line_that_goes_and_comes_is_told() -> None:
    async with Stage() as stage:
        await stage.join()
        ear = Ear()
        stage.bridge.tap(ear)
        await stage.bridge.change(stage.terminal.describe(video=False))
        assert ear.codecs == {(kind, side): "PCMU" if kind is Kind.AUDIO else None for kind, side in ALL}
        await stage.bridge.change(stage.terminal.describe())
        assert ear.codecs[Kind.VIDEO, Side.SIP] == ear.codecs[Kind.VIDEO, Side.WEB] == "H264"
        await stage.bridge.close()
        assert set(ear.codecs.values()) == {None}


async def test_whoever_listens_may_ask_for_a_keyframe() -> None:
    async with Stage() as stage:
        await stage.join()
        stage.from_browser(IDR, raw_peer.H264, VIDEO_SSRC)
        await stage.terminal.picture.heard()
        asked = len(stage.browser.heard(rtcp.KeyframeRequest))
        stage.bridge.tap(Ear()).want_picture(Side.WEB)
        await stage.browser.until(lambda: len(stage.browser.heard(rtcp.KeyframeRequest)) > asked)


async def test_a_listener_that_fails_is_taken_away_and_the_visit_goes_on() -> None:
    async with Stage() as stage:
        await stage.join()
        deaf, ear = Deaf(), Ear("watching")
        stage.bridge.tap(deaf)
        stage.bridge.tap(ear)
        for _ in range(3):
            stage.terminal.sound.say()
        await stage.browser.until(lambda: len(stage.browser.packets) == 3)
        assert len(deaf.packets) == 1
        assert len(ear.packets) == 3
        assert "audio sip->web: PCMU -> Tap(watching) ->" in stage.bridge.describe()


async def test_a_closed_bridge_takes_no_listener() -> None:
    async with Stage() as stage:
        await stage.join()
        tapping = stage.bridge.tap(Ear())
        await stage.bridge.close()
        tapping.close()
        with pytest.raises(BridgeClosed):
            stage.bridge.tap(Ear())


async def test_a_privileged_visit_cannot_be_listened_to() -> None:
    async with Stage() as stage:
        stage.bridge = stage.plane.bridge(sealed=True)
        joined = await stage.bridge.join(stage.terminal.describe(), await stage.browser.offer())
        assert joined.web_sdp is not None
        stage.browser.accept(joined.web_sdp)
        await stage.browser.connected.wait()
        stage.terminal.aim(joined.sip_sdp)
        ear = Ear()
        with pytest.raises(BridgeSealed):
            stage.bridge.tap(ear)
        stage.terminal.sound.say(b"to my attorney")
        await stage.browser.until(lambda: bool(stage.browser.packets))
        assert ear.packets == []
        assert ear.codecs == {}
        assert "Tap" not in stage.bridge.describe()
        assert stage.bridge.describe().count("\n") == 3
        assert type(stage.bridge._wiring) is Wiring


def test_the_sealed_wiring_has_no_word_for_a_tap() -> None:
    """Neither a method nor an attribute, and its module imports nothing that could listen."""
    assert not [name for name in dir(Wiring) if "tap" in name.lower() or "listen" in name.lower()]
    assert issubclass(TappableWiring, Wiring)
    assert hasattr(TappableWiring, "tap")
    tree = ast.parse(inspect.getsource(bridge.wiring))
    modules = {each.module for each in ast.walk(tree) if isinstance(each, ast.ImportFrom)}
    modules |= {name.name for each in ast.walk(tree) if isinstance(each, ast.Import) for name in each.names}
    assert not [each for each in modules if each and ("tap" in each.split(".")[-1] or "record" in each)]
    named = {each.id for each in ast.walk(tree) if isinstance(each, ast.Name)}
    assert not named & {"Tap", "TapPoint", "Tapping", "Listener"}
