"""What a flow was worth to the one who hears or sees it: a MOS estimate, and the time in which nothing new came.

    arrival counts, ten times a second -> Patience -> frozen_s of each flow, one_way_s of the visit
    loss, delay, codec                 -> mos()

Pure: no clock, no packet. Nothing here is asked for each packet.

The estimate is the E-model of ITU-T G.107 with the simplification of R. G. Cole and J. H. Rosenbluth, "Voice over IP
performance monitoring" (ACM SIGCOMM CCR 31, 2001), for delay, and the equipment values of ITU-T G.113 appendix I for
loss. It judges sound alone, and on the scale of a narrowband telephone: 4.4 is the most that G.711 can reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bridge.types import BridgeStats, FlowStats, Kind, Path, Side

_R0 = 93.2  # G.107: all other defaults, no delay, no loss
_FRAME_MS = 20.0  # a packet can not leave before its last sample was spoken
_TRANSCODE_MS = 20.0  # it waits for its turn between two codecs
_BROWSER_BPL = 25.1  # G.113 table I.4, G.711 with concealment: every browser conceals
_STATION_BPL = 4.3  # the same without: what a phone does is not known
_PATIENCE_S = {Kind.AUDIO: 2.0, Kind.VIDEO: 0.5}  # sound may pause for breath; a picture that stands so long is frozen


def rating(*, loss: float, delay_ms: float, loss_robustness: float = _BROWSER_BPL) -> float:
    """The R value, 0 to 93.2. loss: 0 to 1, random. delay_ms: mouth to ear. loss_robustness: Bpl of G.113.

    Ie is 0: G.711. G.722 and Opus have no value on this scale; they are taken for G.711, which never flatters them.
    """
    percent = 100 * min(1.0, max(0.0, loss))
    equipment = 95 * percent / (percent + loss_robustness)
    delay = 0.024 * delay_ms + 0.11 * max(0.0, delay_ms - 177.3)
    return max(0.0, _R0 - delay - equipment)


def mos(r: float) -> float:
    """Mean opinion score of an R value (G.107 annex B): 1.0, bad, to 4.5, excellent."""
    if r <= 0:
        return 1.0
    return max(1.0, 1 + 0.035 * r + r * (r - 60) * (100 - r) * 7e-6)


@dataclass(frozen=True, slots=True)
class Moment:
    """One flow at one look. sent: packets that went out to the far side. due: whether silence means something.

    A picture that arrives but can not be decoded there counts as one that moves: nobody here can know.
    """

    kind: Kind
    source: Side
    sent: int
    due: bool


@dataclass(slots=True)
class _Flow:
    sent: int = 0
    moved_at_s: float = 0.0
    due: bool = True
    began: bool = False
    stands: bool = False
    frozen_s: float = 0.0


@dataclass(slots=True)
class Patience:
    """Counts, from looks, how long nothing new reached a far side that waited for it. A flow counts once it began."""

    one_way_s: float = 0.0
    _looked_at_s: float | None = None
    _flows: dict[tuple[Kind, Side], _Flow] = field(default_factory=dict)

    def look(self, now_s: float, moments: tuple[Moment, ...]) -> None:
        passed_s = 0.0 if self._looked_at_s is None else max(0.0, now_s - self._looked_at_s)
        self._looked_at_s = now_s
        for each in moments:
            self._judge(each, now_s, passed_s)
        sound = [self._flows[each.kind, each.source] for each in moments if each.kind is Kind.AUDIO and each.due]
        if len(sound) == len(Side) and sum(each.began and not each.stands for each in sound) == 1:
            self.one_way_s += passed_s

    def frozen_s(self, kind: Kind, source: Side) -> float:
        found = self._flows.get((kind, source))
        return found.frozen_s if found else 0.0

    def _judge(self, moment: Moment, now_s: float, passed_s: float) -> None:
        flow = self._flows.setdefault((moment.kind, moment.source), _Flow())
        moved, was_due = moment.sent != flow.sent, flow.due
        flow.sent, flow.due = moment.sent, moment.due
        if not (moment.due and was_due):  # what went out may be a prompt or a slate of our own: no beginning of a flow
            flow.moved_at_s = now_s  # what was not due is not missed; patience begins anew
            flow.stands = False
            return
        if moved:
            flow.began = True
            flow.moved_at_s = now_s
            flow.stands = False
        if not flow.began:
            return
        waited_s = now_s - flow.moved_at_s
        if flow.stands:
            flow.frozen_s += passed_s
        elif waited_s > _PATIENCE_S[moment.kind]:
            flow.stands = True
            flow.frozen_s += waited_s  # the patience itself was spent before a picture that stood


def judged(stats: BridgeStats, patience: Patience, *, family_conceals: bool = True) -> BridgeStats:
    """The same figures with frozen_s of each flow, mos of sound, and one_way_s. family_conceals: it is a browser."""
    family = _BROWSER_BPL if family_conceals else _STATION_BPL
    flows = tuple(_judged(each, stats, patience, family) for each in stats.flows)
    return replace(stats, flows=flows, one_way_s=patience.one_way_s)


def _judged(flow: FlowStats, stats: BridgeStats, patience: Patience, family_bpl: float) -> FlowStats:
    score = _score(flow, stats, family_bpl) if flow.kind is Kind.AUDIO and flow.sent_packets else None
    return replace(flow, frozen_s=patience.frozen_s(flow.kind, flow.source), mos=score)


def _score(flow: FlowStats, stats: BridgeStats, family_bpl: float) -> float:
    """rtt_ms of a flow is its outgoing half's; that of its incoming half stands with the flow of the other way."""
    far = Side.WEB if flow.source is Side.SIP else Side.SIP
    back = stats.flow(flow.kind, far)
    ways = [each.rtt_ms / 2 for each in (flow, back) if each is not None and each.rtt_ms is not None]
    delay_ms = sum(ways) + 2 * flow.jitter_ms + _FRAME_MS + (_TRANSCODE_MS if flow.path is Path.TRANSCODE else 0.0)
    robustness = family_bpl if far is Side.WEB else _STATION_BPL
    return mos(rating(loss=_loss(flow), delay_ms=delay_ms, loss_robustness=robustness))


def _loss(flow: FlowStats) -> float:
    """End to end. A relay leaves gaps as gaps, so what the far side misses has the first half's losses in it."""
    first = _part(flow.lost_packets, flow.received_packets + flow.lost_packets)
    second = _part(flow.far_lost_packets, flow.sent_packets)
    if flow.path is Path.RELAY:
        return max(first, second)
    return 1 - (1 - first) * (1 - second)


def _part(lost: int, whole: int) -> float:
    return min(1.0, max(0, lost) / whole) if whole else 0.0
