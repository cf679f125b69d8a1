"""Quality as numbers: the E-model against published values, and the patience of who waits for a picture or a word."""

from __future__ import annotations

import pytest

from bridge.quality import Moment, Patience, judged, mos, rating
from bridge.types import BridgeStats, FlowStats, Kind, Path, Side


@pytest.mark.parametrize(
    ("loss", "delay_ms", "robustness", "r"),
    [
        (0.0, 0.0, 25.1, 93.2),  # G.107's default connection without delay
        (0.0, 100.0, 25.1, 90.8),  # Cole and Rosenbluth: 0.024 for each ms below 177.3
        (0.0, 200.0, 25.1, 85.9),  # and 0.11 more above
        (0.01, 0.0, 4.3, 75.3),  # 95 x 1 / (1 + 4.3)
        (0.01, 0.0, 25.1, 89.6),
        (0.05, 0.0, 25.1, 77.4),
        (1.0, 4000.0, 4.3, 0.0),
        (-0.5, 0.0, 4.3, 93.2),
    ],
)
def test_rating_by_loss_and_delay(loss: float, delay_ms: float, robustness: float, r: float) -> None:
    assert rating(loss=loss, delay_ms=delay_ms, loss_robustness=robustness) == pytest.approx(r, abs=0.06)


@pytest.mark.parametrize(
    ("r", "score"),
    [(93.2, 4.41), (90, 4.34), (80, 4.02), (70, 3.60), (60, 3.10), (50, 2.58), (0, 1.0), (-5, 1.0)],  # G.107 table B.1
)
def test_score_of_a_rating(r: float, score: float) -> None:
    assert mos(r) == pytest.approx(score, abs=0.01)


class Visit:
    """Two sounds and two pictures, looked at ten times a second. A flow in `silent` sends nothing."""

    def __init__(self) -> None:
        self.patience = Patience()
        self.now_s = 100.0
        self.sent = dict.fromkeys(((kind, side) for kind in Kind for side in Side), 0)

    def goes_on(self, seconds: float, *, silent: tuple[tuple[Kind, Side], ...] = (), due: bool = True) -> None:
        for _ in range(round(seconds * 10)):
            self.now_s += 0.1
            for key in self.sent:
                self.sent[key] += key not in silent
            self.patience.look(self.now_s, tuple(Moment(*key, count, due) for key, count in self.sent.items()))


FROM_STATION = (Kind.VIDEO, Side.SIP)
VOICES = ((Kind.AUDIO, Side.SIP), (Kind.AUDIO, Side.WEB))


def test_a_picture_that_stands_is_counted_from_its_last_packet() -> None:
    visit = Visit()
    visit.goes_on(3)
    visit.goes_on(2, silent=(FROM_STATION,))
    visit.goes_on(3)
    assert visit.patience.frozen_s(*FROM_STATION) == pytest.approx(2.0, abs=0.11)
    assert visit.patience.frozen_s(Kind.VIDEO, Side.WEB) == 0
    assert visit.patience.one_way_s == 0


def test_a_short_stop_is_no_freeze() -> None:
    visit = Visit()
    for _ in range(5):
        visit.goes_on(1)
        visit.goes_on(0.4, silent=(FROM_STATION,))
    visit.goes_on(1)
    assert visit.patience.frozen_s(*FROM_STATION) == 0


def test_sound_that_comes_from_one_side_only() -> None:
    visit = Visit()
    visit.goes_on(3)
    visit.goes_on(5, silent=VOICES[:1])
    visit.goes_on(1)
    assert visit.patience.one_way_s == pytest.approx(5 - 2, abs=0.11)  # a pause for breath is nobody's fault
    assert visit.patience.frozen_s(*VOICES[0]) == pytest.approx(5.0, abs=0.11)
    assert visit.patience.frozen_s(*VOICES[1]) == 0


def test_who_never_spoke_is_one_way_but_not_frozen() -> None:
    visit = Visit()
    visit.goes_on(4, silent=VOICES[1:])
    assert visit.patience.one_way_s == pytest.approx(3.9, abs=0.11)
    assert visit.patience.frozen_s(*VOICES[1]) == 0


def test_a_hold_is_nobody_s_fault() -> None:
    visit = Visit()
    visit.goes_on(3)
    visit.goes_on(60, silent=tuple(visit.sent), due=False)
    visit.goes_on(3)
    assert [visit.patience.frozen_s(*key) for key in visit.sent] == [0, 0, 0, 0]
    assert visit.patience.one_way_s == 0


def flow(source: Side, **more: object) -> FlowStats:
    return FlowStats(Kind.AUDIO, source, Path.RELAY, "PCMU", "PCMU", sent_packets=1000, **more)  # type: ignore[arg-type]


def scores(*flows: FlowStats) -> list[float | None]:
    return [each.mos for each in judged(BridgeStats(flows), Patience()).flows]


def test_the_station_s_network_is_heard_by_the_family_and_the_other_way_round() -> None:
    lossy = flow(Side.SIP, received_packets=950, lost_packets=50, far_lost_packets=50)
    towards_web, towards_sip = scores(lossy, flow(Side.WEB, received_packets=1000))
    assert towards_web == pytest.approx(3.90, abs=0.03)  # 5 % lost, concealed: R 77.4 less 0.5 of delay
    assert towards_sip == pytest.approx(4.40, abs=0.02)


def test_a_relay_s_loss_is_not_counted_twice_and_a_transcoder_s_halves_are_both() -> None:
    both = {"received_packets": 950, "lost_packets": 50, "far_lost_packets": 50, "sent_packets": 1000}
    relayed = FlowStats(Kind.AUDIO, Side.SIP, Path.RELAY, "PCMU", "PCMU", **both)
    transcoded = FlowStats(Kind.AUDIO, Side.SIP, Path.TRANSCODE, "PCMU", "OPUS", **both)
    first, second = scores(relayed, transcoded)
    assert first is not None
    assert second is not None
    assert second < first - 0.3


def test_delay_of_both_halves_counts() -> None:
    near = scores(flow(Side.SIP, rtt_ms=20.0), flow(Side.WEB, rtt_ms=20.0))[0]
    far = scores(flow(Side.SIP, rtt_ms=600.0), flow(Side.WEB, rtt_ms=20.0))[0]
    assert near is not None
    assert far is not None
    assert far < near - 0.5


def test_what_was_never_heard_has_no_score() -> None:
    silent = FlowStats(Kind.AUDIO, Side.SIP, Path.RELAY, "PCMU", "PCMU")
    picture = FlowStats(Kind.VIDEO, Side.SIP, Path.RELAY, "H264", "H264", sent_packets=10)
    assert scores(silent, picture) == [None, None]


def test_a_prompt_of_our_own_is_no_beginning_of_the_family_s_sound() -> None:
    """It is played while the sound that it stands in for is parked, so that is not due; some of it falls after that."""
    visit = Visit()
    microphone = (Kind.AUDIO, Side.WEB)
    visit.goes_on(3, due=False)
    visit.sent[microphone] += 5
    visit.goes_on(10, silent=(microphone,))
    assert visit.patience.frozen_s(*microphone) == 0.0
    assert visit.patience.one_way_s == pytest.approx(10, abs=0.15)


def test_nobody_knows_whether_a_telephone_conceals_so_it_is_not_flattered() -> None:
    lossy = BridgeStats((flow(Side.SIP, received_packets=950, lost_packets=50),))
    browser, telephone = (judged(lossy, Patience(), family_conceals=each).flows[0].mos for each in (True, False))
    assert browser is not None
    assert telephone is not None
    assert telephone < browser - 0.5
