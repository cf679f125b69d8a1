"""Does sound go both ways, and is everyone still there? Judged from arrival times alone; no clock, no packet.

    look(now, station, browser) -> events

The meter of a visit hangs on these events, so their times are those of packets, not those of the looking.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from bridge.events import BridgeEvent, CameBack, MediaFlowing, MediaStopped, PictureMissing, SideDead, WentSilent
from bridge.legs.leg import MediaLine
from bridge.types import Kind, Side

_SILENT_AFTER_S = 3.0  # a browser that talks sends fifty packets a second; its reports alone may be five seconds apart
_PICTURE_AFTER_S = 3.0  # a camera is on in one
_REPORTS_S = 1.0  # its sound ended with its last sign of life: it did not just fall silent
_STOPPED_AFTER_S = 2.0  # longer than a handover between two radio cells, shorter than a family's patience


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What is known of one side at this moment.

    sound_s, any_s: when the last audio packet, the last sign of life at all arrived; 0.0 for never.
    due: whether silence means something (neither held nor still connecting).
    picture_s: when the last packet of a picture arrived. seen: whether the far side could see one.
    pauses: a telephone, which may send nothing while nobody speaks.
    """

    sound_s: float
    any_s: float
    due: bool
    picture_s: float = 0.0
    seen: bool = False
    pauses: bool = False


def glimpse_of(lines: Iterable[MediaLine], *, due: bool, seen: bool, pauses: bool = False) -> Glimpse:
    """One side's lines, at this moment."""
    last_s = dict.fromkeys(Kind, 0.0)
    any_s = 0.0
    for line in lines:
        last_s[line.kind] = line.counters.last_received_s
        any_s = max(any_s, line.counters.last_received_s, line.counters.last_heard_s)
    return Glimpse(last_s[Kind.AUDIO], any_s, due, last_s[Kind.VIDEO], seen, pauses)


@dataclass(slots=True)
class _Watched:
    counts_from_s: float  # packets before this belong to what is over
    heard_from_s: float = 0.0  # the first packet since the sound last stopped, 0.0 for none
    last_sound_s: float = 0.0
    silent: bool = False
    pictureless: bool = False
    dead: bool = False


@dataclass(slots=True)
class Watch:
    timeout_s: float
    flowing: bool = False
    _flowing_from_s: float = 0.0
    _sides: dict[Side, _Watched] = field(default_factory=dict)

    def begin(self, side: Side, now_s: float) -> None:
        """The side is new (joined, came back) or no longer held: its silence counts from now."""
        before = self._sides.get(side)
        self._sides[side] = _Watched(now_s, last_sound_s=before.last_sound_s if before else 0.0)

    def look(self, now_s: float, station: Glimpse, browser: Glimpse) -> list[BridgeEvent]:
        found: list[BridgeEvent] = []
        sides = ((Side.SIP, station), (Side.WEB, browser))
        interrupted = self._interrupted()
        stopped = [(self._stopped_at(now_s, side, glimpse), side) for side, glimpse in sides]
        ended = min(((at_s, side) for at_s, side in stopped if at_s is not None), default=None)
        if self.flowing and ended is not None:
            self.flowing = False
            found.append(self._stop(*ended))
        elif self.flowing and interrupted is not None:  # who waits for a side that came back must hear both
            found.append(self._stop(*interrupted))
            self._flowing_from_s = max(self._sides[side].heard_from_s for side, _ in sides)
            found.append(MediaFlowing(self._flowing_from_s))
        elif not self.flowing and ended is None:
            self.flowing = True
            self._flowing_from_s = max(self._sides[side].heard_from_s for side, _ in sides)
            found.append(MediaFlowing(self._flowing_from_s))
        found += self._silence(now_s, browser)
        found += [PictureMissing(side) for side, glimpse in sides if self._lacks_picture(now_s, side, glimpse)]
        found += [SideDead(side) for side, glimpse in sides if self._died(now_s, side, glimpse)]
        return found

    def _stop(self, at_s: float, side: Side) -> MediaStopped:
        return MediaStopped(side, max(at_s, self._flowing_from_s))  # a meter never runs backwards

    def _interrupted(self) -> tuple[float, Side] | None:
        """The last sound, and the side, of who began anew since the last look."""
        anew = ((each.last_sound_s, side) for side, each in self._sides.items() if not each.heard_from_s)
        return min(anew, default=None)

    def _stopped_at(self, now_s: float, side: Side, glimpse: Glimpse) -> float | None:
        """None while sound comes; else the time of its last packet."""
        watched = self._sides.get(side)
        if watched is None:
            return now_s
        watched.last_sound_s = max(watched.last_sound_s, glimpse.sound_s)
        fresh = glimpse.sound_s > watched.counts_from_s and now_s - glimpse.sound_s < _STOPPED_AFTER_S
        if fresh and glimpse.due:
            watched.heard_from_s = watched.heard_from_s or glimpse.sound_s
            return None
        watched.heard_from_s = 0.0
        watched.counts_from_s = max(watched.counts_from_s, glimpse.sound_s)
        return watched.last_sound_s or now_s

    def _silence(self, now_s: float, browser: Glimpse) -> list[BridgeEvent]:
        """Of a browser alone: a telephone may be silent while nobody speaks."""
        watched = self._sides.get(Side.WEB)
        if watched is None or not browser.due or browser.pauses:
            return []
        silent = now_s - browser.any_s >= _SILENT_AFTER_S
        talked = browser.sound_s > 0.0 and browser.any_s - browser.sound_s < _REPORTS_S
        if silent == watched.silent or (silent and not talked):
            return []
        watched.silent = silent
        return [WentSilent(Side.WEB) if silent else CameBack(Side.WEB)]

    def _lacks_picture(self, now_s: float, side: Side, glimpse: Glimpse) -> bool:
        """Its sound comes, and its picture does not although somebody could see it."""
        watched = self._sides.get(side)
        if watched is None:
            return False
        if not glimpse.seen or not watched.heard_from_s:
            watched.pictureless = False
            return False
        before = watched.pictureless
        watched.pictureless = now_s - max(glimpse.picture_s, watched.heard_from_s) >= _PICTURE_AFTER_S
        return watched.pictureless and not before

    def _died(self, now_s: float, side: Side, glimpse: Glimpse) -> bool:
        watched = self._sides.get(side)
        if watched is None:
            return False
        silent_s = now_s - max(glimpse.any_s, watched.counts_from_s)
        if not glimpse.due or silent_s < self.timeout_s:
            watched.dead = False
            return False
        first = not watched.dead
        watched.dead = True
        return first
