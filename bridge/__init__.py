"""The media plane: two legs, the pipelines between them, and the negotiation that chooses these.

    async with MediaPlane(settings) as plane:
        bridge = plane.bridge()
        joined = await bridge.join(sip_offer, web_offer)
        async for event in bridge.events(): ...

`Bridge` and `MediaPlane` load when first asked for: they bring aiortc and PyAV, which take most of a second, and a
doctor must be able to run where one of them is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.bridge import Joined, Media
from bridge.collector import keep_pauses_short
from bridge.errors import (
    AudioMissing,
    BridgeClosed,
    BridgeError,
    BridgeSealed,
    CodecMissing,
    NegotiationError,
    PortsExhausted,
    SdpError,
    WebLegFailed,
)
from bridge.events import (
    BridgeEvent,
    CameBack,
    DtmfKey,
    FirstMedia,
    KeyframeByInfo,
    LimitByDescription,
    MediaFlowing,
    MediaStopped,
    PictureMissing,
    PromptEnded,
    SideDead,
    WebConnected,
    WebLost,
    WentSilent,
)
from bridge.governor import Load, Pressure, Verdict
from bridge.legs.leg import SenderReport
from bridge.links.tap import Listener, Tapping
from bridge.negotiate import offers_video
from bridge.own import Prompt, Slate, Spoken, SpokenDigits, SpokenMinutes, SpokenMoney
from bridge.types import BridgeStats, Codec, Flow, FlowStats, Kind, MediaSettings, Path, Route, Side

if TYPE_CHECKING:
    from bridge.live import Bridge
    from bridge.plane import MediaPlane

__all__ = [
    "MediaPlane",
    "Bridge",
    "Media",
    "Listener",
    "Tapping",
    "SenderReport",
    "Joined",
    "Prompt",
    "Slate",
    "Spoken",
    "SpokenDigits",
    "SpokenMinutes",
    "SpokenMoney",
    "offers_video",
    "keep_pauses_short",
    "MediaSettings",
    "Pressure",
    "Load",
    "Verdict",
    "BridgeStats",
    "FlowStats",
    "Kind",
    "Side",
    "Path",
    "Flow",
    "Codec",
    "Route",
    "BridgeEvent",
    "WebConnected",
    "WebLost",
    "FirstMedia",
    "MediaFlowing",
    "MediaStopped",
    "WentSilent",
    "CameBack",
    "PictureMissing",
    "PromptEnded",
    "SideDead",
    "DtmfKey",
    "KeyframeByInfo",
    "LimitByDescription",
    "BridgeError",
    "SdpError",
    "NegotiationError",
    "AudioMissing",
    "PortsExhausted",
    "CodecMissing",
    "WebLegFailed",
    "BridgeClosed",
    "BridgeSealed",
]


def __getattr__(name: str) -> object:
    """PEP 562."""
    if name == "MediaPlane":
        from bridge.plane import MediaPlane  # noqa: PLC0415 - see above

        return MediaPlane
    if name == "Bridge":
        from bridge.live import Bridge  # noqa: PLC0415 - see above

        return Bridge
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
