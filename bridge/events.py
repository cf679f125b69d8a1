"""What a bridge reports. Times are seconds of the monotonic clock the bridge was given."""

from __future__ import annotations

from dataclasses import dataclass

from bridge.types import Kind, Side


@dataclass(frozen=True, slots=True)
class WebConnected:
    """ICE and DTLS with the browser are up."""


@dataclass(frozen=True, slots=True)
class WebLost:
    """The browser's transport closed or went silent beyond the time limit."""

    reason: str


@dataclass(frozen=True, slots=True)
class FirstMedia:
    """The first usable packet (audio) or the first keyframe (video) of a kind from `source` was passed on."""

    kind: Kind
    source: Side
    at_s: float


@dataclass(frozen=True, slots=True)
class MediaFlowing:
    """Audio has gone both ways since the start or since the last MediaStopped: the meter may run."""

    at_s: float


@dataclass(frozen=True, slots=True)
class MediaStopped:
    """Audio no longer goes both ways. at_s: when the last packet of the failing side came."""

    source: Side
    at_s: float


@dataclass(frozen=True, slots=True)
class WentSilent:
    """The browser, which was sending sound, sends nothing at all for some seconds: its network is gone, or it is."""

    source: Side


@dataclass(frozen=True, slots=True)
class CameBack:
    """Something comes again from the side that went silent, by the same path."""

    source: Side


@dataclass(frozen=True, slots=True)
class PictureMissing:
    """Sound comes from `source`, and no picture, although the far side could see one: no camera, or it is off."""

    source: Side


@dataclass(frozen=True, slots=True)
class SideDead:
    """Nothing came from a side that is not held for `rtp_timeout_s`."""

    source: Side


@dataclass(frozen=True, slots=True)
class DtmfKey:
    """One key press by RFC 4733, once however often the sender repeats it."""

    source: Side
    digit: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class PromptEnded:
    """What was to be said to `side` as this `turn` has been said to its end."""

    side: Side
    turn: int


@dataclass(frozen=True, slots=True)
class KeyframeByInfo:
    """This side negotiated no feedback: ask it for a picture by SIP INFO (RFC 5168)."""

    source: Side = Side.SIP


@dataclass(frozen=True, slots=True)
class LimitByDescription:
    """The station sends more than the browser can take and negotiated no TMMBR (or may send more again): tell it by
    the `b=` of a new offer."""


BridgeEvent = (
    WebConnected
    | WebLost
    | FirstMedia
    | MediaFlowing
    | MediaStopped
    | WentSilent
    | CameBack
    | PictureMissing
    | PromptEnded
    | SideDead
    | DtmfKey
    | KeyframeByInfo
    | LimitByDescription
)
