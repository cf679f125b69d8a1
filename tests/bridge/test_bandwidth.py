"""How much a path carries: a bottleneck in numbers alone, and what the estimate makes of it."""

from __future__ import annotations

from bridge.legs.leg import SenderReport
from bridge.legs.web_line import WebLine
from bridge.legs.web_sdp import LinePlan
from bridge.rtp import rtcp
from bridge.rtp.bandwidth import LEAST_BPS, LossLimit, ReceiveEstimate, Shedding
from bridge.rtp.packet import build
from bridge.types import Codec, Flow, Kind

MOST_BPS = 1_500_000


class Bottleneck:
    """A path of so many bit/s with a queue in front of it, and a camera that sends as much as it is allowed."""

    def __init__(self, capacity_bps: int) -> None:
        self.capacity_bps = capacity_bps
        self.queue_bits = 0.0
        self.estimate = ReceiveEstimate(MOST_BPS)

    def seconds(self, count: int, *, wanted_bps: int = 10 * MOST_BPS, lost_share: float = 0.0) -> int:
        for _ in range(count):
            arrived = 0.0
            for _ in range(50):
                self.queue_bits += min(wanted_bps, self.estimate.bps) / 50
                passed = min(self.queue_bits, self.capacity_bps / 50)
                self.queue_bits -= passed
                arrived += passed
                self.estimate.travelled(7.0 + self.queue_bits / self.capacity_bps)
            self.estimate.look(arrived, lost_share)
        return self.estimate.bps


def test_a_wide_path_is_left_alone() -> None:
    assert Bottleneck(10_000_000).seconds(10) == MOST_BPS


def test_a_narrow_path_is_found_and_its_queue_drains() -> None:
    path = Bottleneck(500_000)
    path.seconds(20)
    assert path.queue_bits / path.capacity_bps < 0.5
    lowest, highest = MOST_BPS, 0
    for _ in range(30):
        bps = path.seconds(1)
        lowest, highest = min(lowest, bps), max(highest, bps)
    assert 250_000 < lowest <= highest < 700_000


def test_a_path_that_widens_is_used_again() -> None:
    path = Bottleneck(300_000)
    path.seconds(20)
    path.capacity_bps = 5_000_000
    assert path.seconds(40) == MOST_BPS


def test_loss_without_a_queue_is_no_reason_to_stop() -> None:
    path = Bottleneck(10_000_000)
    assert path.seconds(20, lost_share=0.05) == MOST_BPS
    assert 150_000 <= path.seconds(60, lost_share=0.2) < MOST_BPS


def test_who_sends_little_does_not_earn_more() -> None:
    path = Bottleneck(300_000)
    before = path.seconds(20)
    assert path.seconds(20, wanted_bps=50_000) <= before * 1.2


def test_another_clock_is_no_queue() -> None:
    path = Bottleneck(10_000_000)
    path.seconds(5)
    for zero_s in (-47_721.0, 900.0):
        path.estimate.travelled(zero_s)
        assert path.estimate.look(1_000_000, 0.0) == MOST_BPS


def test_a_camera_whose_clock_is_slow_is_not_strangled() -> None:
    """Pictures promised at 15 a second that come at 12: the delay seems to grow for ever."""
    path = Bottleneck(10_000_000)
    seen = []
    for second in range(120):
        path.estimate.travelled(0.2 * second)
        seen.append(path.estimate.look(400_000, 0.0))
    assert sum(bps < 200_000 for bps in seen) < 0.5 * len(seen)
    assert all(max(seen[begin : begin + 4]) > 200_000 for begin in range(len(seen) - 4)), "never long enough to pause"


class TestWhatMayBeSent:
    def setup_method(self) -> None:
        self.told: list[int] = []
        self.limit = LossLimit(MOST_BPS, self.told.append)

    def test_the_far_sides_word_counts_at_once(self) -> None:
        for bps in (400_000, 410_000, 410_000):
            self.limit.limited(bps)
        assert self.told == [400_000, 410_000]

    def test_loss_lowers_it_and_its_end_raises_it(self) -> None:
        for _ in range(5):
            self.limit.reported(0.3)
        assert 500_000 < self.told[-1] < 700_000
        for _ in range(40):
            self.limit.reported(0.0)
        assert self.told[-1] > 1_400_000

    def test_there_is_a_least(self) -> None:
        self.limit.limited(1)
        for _ in range(50):
            self.limit.reported(0.9)
        assert self.told[-1] == LEAST_BPS

    def test_the_loss_that_repair_bears_changes_nothing(self) -> None:
        for _ in range(20):
            self.limit.reported(0.08)
        assert self.told == []


class TestPicturesThatNobodyMakesSmaller:
    def test_they_are_left_out_for_a_while_and_longer_each_time(self) -> None:
        shedding = Shedding()
        sent = [shedding.look(800_000, 200_000, float(now_s)) for now_s in range(60)]
        assert sent[:3] == [True] * 3
        pauses = "".join("x" if each else "." for each in sent).strip("x").split("x")
        assert [len(each) for each in pauses if each][:3] == [5, 10, 20]

    def test_what_an_encoder_needs_to_obey_is_allowed(self) -> None:
        shedding = Shedding()
        assert all(shedding.look(800_000 if now_s < 3 else 190_000, 200_000, float(now_s)) for now_s in range(60))

    def test_the_line_stops_and_begins_again_with_a_whole_picture(self) -> None:
        sent: list[bytes] = []
        line = _line(sent)
        wishes = _Wishes()
        line.listen(wishes)
        line.heard(rtcp.BitrateLimit(1, 100_000, (line.send_ssrc,)), 0.0)
        assert wishes.limits == [100_000]
        seconds = [_second(line, sent, float(now_s)) for now_s in range(1, 20)]
        assert seconds[:3] == [50] * 3, "an encoder would have time to obey"
        assert seconds.count(0) >= 5
        assert wishes.keyframes == 1
        assert seconds[seconds.index(0) + 6] == 50


class _Wishes:
    def __init__(self) -> None:
        self.limits: list[int] = []
        self.keyframes = 0

    def keyframe_wanted(self) -> None:
        self.keyframes += 1

    def report_received(self, report: SenderReport) -> None: ...

    def bitrate_limited(self, bps: int) -> None:
        self.limits.append(bps)


def _line(sent: list[bytes]) -> WebLine:
    class Wire:
        def send_rtp(self, packet: bytes) -> bool:
            sent.append(packet)
            return True

        def send_rtcp(self, packet: bytes) -> None: ...

    codec = Codec("H264", 102, 90_000, feedback=("nack", "nack pli", "goog-remb"))
    return WebLine(LinePlan(Kind.VIDEO, codec, Flow.SENDRECV, 7, 8, None, 9), Wire(), "x", MOST_BPS)


def _second(line: WebLine, sent: list[bytes], now_s: float) -> int:
    """How many of 50 packets of a kilobyte went out."""
    before = len(sent)
    for number in range(50):
        line.send(build(bytes(1000), payload_type=102, sequence=number, timestamp=0, ssrc=7))
    line.report(now_s)
    return len(sent) - before
