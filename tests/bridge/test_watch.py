"""Flowing, stopped, dead: what the meter of a visit hangs on, second by second."""

from __future__ import annotations

from bridge.events import BridgeEvent, CameBack, MediaFlowing, MediaStopped, PictureMissing, SideDead, WentSilent
from bridge.types import Side
from bridge.watch import Glimpse, Watch


class Scene:
    """Both sides send sound every 20 ms as long as they are said to; the watch looks every 100 ms."""

    def __init__(self) -> None:
        self.now_ms = 50_000
        self.watch = Watch(timeout_s=20.0)
        self.pauses = False  # the family has a telephone
        self.sounding = {Side.SIP: False, Side.WEB: False}
        self.picture = {Side.SIP: False, Side.WEB: False}
        self.due = {Side.SIP: True, Side.WEB: True}
        self.seen = {Side.SIP: False, Side.WEB: False}
        self.last_picture = {Side.SIP: 0.0, Side.WEB: 0.0}
        self.last = {Side.SIP: 0.0, Side.WEB: 0.0}
        self.last_any = {Side.SIP: 0.0, Side.WEB: 0.0}
        self.watch.begin(Side.SIP, self.now_s)
        self.watch.begin(Side.WEB, self.now_s)

    @property
    def now_s(self) -> float:
        return self.now_ms / 1000

    def play(self, seconds: float, **sounding: bool) -> list[BridgeEvent]:
        for name, on in sounding.items():
            self.sounding[Side(name)] = on
        found: list[BridgeEvent] = []
        for _ in range(round(seconds * 50)):
            self.now_ms += 20
            for side in Side:
                if self.sounding[side]:
                    self.last[side] = self.now_s
                if self.picture[side]:
                    self.last_picture[side] = self.now_s
                if self.sounding[side] or self.picture[side]:
                    self.last_any[side] = self.now_s
            if self.now_ms % 100 == 0:
                found += self.watch.look(self.now_s, self._glimpse(Side.SIP), self._glimpse(Side.WEB))
        return found

    def _glimpse(self, side: Side) -> Glimpse:
        last_s, any_s, picture_s = self.last[side], self.last_any[side], self.last_picture[side]
        return Glimpse(last_s, any_s, self.due[side], picture_s, self.seen[side], pauses=self.pauses)


def test_sound_flows_once_both_sides_are_heard() -> None:
    scene = Scene()
    assert scene.play(1.0, sip=True) == []
    (event,) = scene.play(1.0, web=True)
    assert isinstance(event, MediaFlowing)
    assert 51.0 < event.at_s <= 51.1


def test_sound_stops_when_one_side_falls_silent_and_the_time_is_of_its_last_packet() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    assert scene.play(2.5, web=False) == [MediaStopped(Side.WEB, 52.0)]


def test_sound_flows_again_from_the_first_new_packet() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.play(2.5, web=False)
    (event,) = scene.play(1.0, web=True)
    assert isinstance(event, MediaFlowing)
    assert 54.5 < event.at_s <= 54.6


def test_a_browser_that_talked_and_sends_nothing_more_is_missed_after_three_seconds_and_comes_back() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    assert scene.play(2.9, web=False) == [MediaStopped(Side.WEB, 52.0)]
    assert scene.play(10.0) == [WentSilent(Side.WEB)]
    assert [type(each) for each in scene.play(0.1, web=True)] == [MediaFlowing, CameBack]
    assert WentSilent(Side.WEB) in scene.play(5.0, web=False), "and again"


def test_a_browser_that_comes_back_with_its_picture_alone_is_back() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.play(5.0, web=False)
    scene.picture[Side.WEB] = True
    assert scene.play(1.0) == [CameBack(Side.WEB)]
    scene.picture[Side.WEB] = False
    assert scene.play(10.0) == [], "what has no microphone may say nothing for longer than three seconds"


def test_a_telephone_may_pause_as_a_station_may() -> None:
    scene = Scene()
    scene.pauses = True
    scene.play(3.0, sip=True, web=True)
    (stopped,) = scene.play(9.0, web=False)
    assert isinstance(stopped, MediaStopped), "the meter stands, and nobody is told that it is gone"


def test_a_station_that_says_nothing_is_only_silent() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    assert scene.play(10.0, sip=False) == [MediaStopped(Side.SIP, 52.0)]


def test_a_short_gap_is_no_stop() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    assert scene.play(1.9, web=False) == []
    assert scene.play(1.0, web=True) == []


def test_one_packet_from_each_is_no_negative_time() -> None:
    scene = Scene()
    scene.play(0.02, sip=True)
    (flowing,) = scene.play(0.1, sip=False, web=True)
    (stopped, *_) = scene.play(5.0, web=False)
    assert isinstance(flowing, MediaFlowing)
    assert stopped == MediaStopped(Side.SIP, flowing.at_s)


def test_when_both_fall_silent_the_first_one_is_named() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.play(1.0, sip=False)
    (event,) = scene.play(2.9, web=False)
    assert event == MediaStopped(Side.SIP, 52.0)


def test_a_hold_stops_the_sound_at_once_and_never_ends_the_side() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.due[Side.SIP] = False
    (event,) = scene.play(300.0, sip=False)
    assert event == MediaStopped(Side.SIP, 52.0)
    scene.due[Side.SIP] = True
    scene.watch.begin(Side.SIP, scene.now_s)
    assert scene.play(1.0) == [], "the wait begins anew after a hold"
    assert [type(each) for each in scene.play(1.0, sip=True)] == [MediaFlowing]


def test_music_on_hold_is_no_visit() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.due[Side.SIP] = False
    assert [type(each) for each in scene.play(10.0)] == [MediaStopped]


def test_a_silent_side_is_dead_once() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    events = scene.play(60.0, sip=False)
    assert events == [MediaStopped(Side.SIP, 52.0), SideDead(Side.SIP)]


def test_a_side_that_never_spoke_is_dead_after_the_same_time() -> None:
    scene = Scene()
    assert scene.play(19.8, sip=True) == []
    assert scene.play(1.0) == [SideDead(Side.WEB)]


def test_a_side_whose_picture_still_comes_is_alive() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.picture[Side.WEB] = True
    assert scene.play(60.0, web=False) == [MediaStopped(Side.WEB, 52.0)]


def test_a_side_that_comes_back_can_die_again() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.play(60.0, sip=False)
    scene.play(1.0, sip=True)
    assert SideDead(Side.SIP) in scene.play(60.0, sip=False)


def test_a_browser_that_comes_back_at_once_has_stopped_with_its_last_packet() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.play(1.0, web=False)
    scene.last[Side.WEB] = scene.last_any[Side.WEB] = 0.0  # a new leg has heard nothing
    scene.watch.begin(Side.WEB, scene.now_s)
    assert scene.play(1.0) == [MediaStopped(Side.WEB, 52.0)]


def test_a_browser_that_comes_back_between_two_looks_has_stopped_and_flows_again() -> None:
    scene = Scene()
    scene.play(2.0, sip=True, web=True)
    scene.watch.begin(Side.WEB, scene.now_s)
    stopped, flowing = scene.play(0.1)
    assert stopped == MediaStopped(Side.WEB, 52.0)
    assert isinstance(flowing, MediaFlowing)
    assert 52.0 < flowing.at_s <= 52.1


def test_sound_without_a_picture_is_told_once_and_again_when_the_camera_was_on_in_between() -> None:
    scene = Scene()
    scene.seen[Side.WEB] = True
    assert PictureMissing(Side.WEB) not in scene.play(2.9, sip=True, web=True)
    assert scene.play(30.0) == [PictureMissing(Side.WEB)]
    scene.picture[Side.WEB] = True
    assert scene.play(5.0) == []
    scene.picture[Side.WEB] = False
    assert scene.play(30.0) == [PictureMissing(Side.WEB)]


def test_a_camera_that_stays_off_is_missed_again_after_a_hold() -> None:
    scene = Scene()
    scene.seen[Side.SIP] = True
    scene.play(5.0, sip=True, web=True)
    scene.due[Side.SIP] = False
    scene.play(5.0, sip=False)
    scene.due[Side.SIP] = True
    scene.watch.begin(Side.SIP, scene.now_s)
    assert PictureMissing(Side.SIP) in scene.play(5.0, sip=True)


def test_nobody_misses_a_picture_that_could_not_be_seen_or_of_somebody_who_is_gone() -> None:
    scene = Scene()
    assert PictureMissing(Side.SIP) not in scene.play(30.0, sip=True, web=True)
    scene.seen[Side.WEB] = True
    scene.picture[Side.WEB] = True
    scene.play(5.0)
    scene.picture[Side.WEB] = False
    assert PictureMissing(Side.WEB) not in scene.play(30.0, web=False)


def test_before_anyone_joined_nothing_is_said() -> None:
    assert Watch(timeout_s=1.0).look(99.0, Glimpse(0, 0, due=True), Glimpse(0, 0, due=True)) == []
