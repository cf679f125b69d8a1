"""How much a path carries: a bottleneck in numbers alone, and what the estimate makes of it."""

from __future__ import annotations

from bridge.rtp.bandwidth import LEAST_BPS, LossLimit, ReceiveEstimate

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
