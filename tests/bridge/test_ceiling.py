"""A station that hears of limits by `b=` only: when a new description is worth it, and when it is not."""

from __future__ import annotations

import pytest

from bridge import sdp
from bridge.ceiling import Ceiling
from bridge.events import LimitByDescription, MediaFlowing
from bridge.types import Kind
from tests.support.bridge_stage import IDR, Stage


class Scene:
    """A second passes at each look."""

    def __init__(self, most_bps: int = 1_500_000) -> None:
        self.now_s = 100.0
        self._bytes = 0
        self.ceiling = Ceiling(most_bps, self.now_s)
        self.told: list[tuple[float, int]] = []

    def play(self, seconds: int, sent_bps: int, wanted_bps: int) -> None:
        for _ in range(seconds):
            self.now_s += 1.0
            self._bytes += sent_bps // 8
            if self.ceiling.look(self.now_s, wanted_bps, self._bytes):
                self.told.append((self.now_s - 100.0, self.ceiling.described_bps))


def test_a_limit_that_stands_and_is_exceeded_is_told_once() -> None:
    scene = Scene()
    scene.play(10, sent_bps=1_000_000, wanted_bps=0)
    assert scene.told == []
    scene.play(9, sent_bps=1_000_000, wanted_bps=300_000)
    assert scene.told == [(14.0, 300_000)]


def test_a_limit_that_is_kept_or_passes_is_not_worth_it() -> None:
    scene = Scene()
    scene.play(60, sent_bps=280_000, wanted_bps=300_000)
    for _ in range(10):
        scene.play(2, sent_bps=1_000_000, wanted_bps=300_000)
        scene.play(2, sent_bps=1_000_000, wanted_bps=1_500_000)
    assert scene.told == []


def test_a_station_that_does_not_obey_is_not_told_again_for_the_same() -> None:
    scene = Scene()
    scene.play(300, sent_bps=1_000_000, wanted_bps=300_000)
    assert len(scene.told) == 1


def test_room_that_stands_is_told_too_but_later() -> None:
    scene = Scene()
    scene.play(6, sent_bps=1_000_000, wanted_bps=300_000)
    scene.play(60, sent_bps=290_000, wanted_bps=1_200_000)
    assert [bps for _, bps in scene.told] == [300_000, 1_200_000]
    assert scene.told[1][0] - scene.told[0][0] >= 30.0


def test_there_is_always_some_picture_and_never_more_than_the_house_allows() -> None:
    scene = Scene(most_bps=800_000)
    scene.play(6, sent_bps=900_000, wanted_bps=5_000)
    scene.play(60, sent_bps=64_000, wanted_bps=9_000_000)
    assert [bps for _, bps in scene.told] == [64_000, 800_000]


@pytest.mark.parametrize("tmmbr", [False, True])
async def test_the_browsers_limit_becomes_an_offer_with_another_bandwidth(tmmbr: bool) -> None:
    async with Stage() as stage:
        offer = stage.terminal.describe().replace("nack pli", "ccm tmmbr" if tmmbr else "nack pli")
        joined = await stage.bridge.join(offer, await stage.browser.offer())
        assert joined.web_sdp is not None
        stage.browser.accept(joined.web_sdp)
        await stage.browser.connected.wait()
        stage.terminal.aim(joined.sip_sdp)
        stage.talk()
        await stage.until(MediaFlowing)
        stage.terminal.picture.say(IDR)
        await stage.browser.until(lambda: any(len(each) > 60 for each in stage.browser.packets))
        line = stage.bridge._station.leg.line(Kind.VIDEO)
        assert line is not None
        line.limit_bitrate(200_000)
        ceiling = stage.bridge._ceiling
        now_s = ceiling._looked_s
        for second in range(1, 8):
            line.counters.received_bytes += 100_000
            if ceiling.look_at(line, now_s + second):
                stage.bridge._tell(LimitByDescription())
        assert (ceiling.described_bps == 200_000) is not tmmbr
        if tmmbr:
            return
        await stage.until(LimitByDescription)
        again = sdp.parse(await stage.bridge.describe_limit())
        assert again.media[1].bandwidth_bps == 200_000
        assert [each.flow for each in again.media] == [each.flow for each in sdp.parse(joined.sip_sdp).media]
        await stage.bridge.complete(offer)
        stage.terminal.picture.say(IDR)
        assert sdp.parse(await stage.bridge.change(offer)).media[1].bandwidth_bps == 200_000
