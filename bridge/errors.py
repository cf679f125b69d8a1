"""What can go wrong in media.

    BridgeError
    ├── SdpError             a description that cannot be understood; names the line and what would be right
    ├── NegotiationError     two understood descriptions with no path between them
    │   └── AudioMissing     an offer without a usable audio line (every visit has sound)
    ├── PortsExhausted       no free RTP port pair in the configured range
    ├── CodecMissing         the installed media library lacks a codec; names it and the remedy
    ├── CodecFailed          the media library refused one frame; the next may do
    ├── WebLegFailed         ICE or DTLS with the browser did not come up in time
    ├── BridgeClosed         the bridge was closed; the call came too late
    └── BridgeSealed         a tap was wanted in a privileged visit

Exceptions of PyAV are translated in `bridge/codecs/_av.py`, those of aiortc in `bridge/legs/_aiortc.py`.
"""

from __future__ import annotations


class BridgeError(Exception):
    """The root: catch this to catch all of the package."""


class SdpError(BridgeError):
    """A description that cannot be understood. `line` is 1-based, 0 for the whole text."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(f"SDP line {line}: {message}" if line else f"SDP: {message}")
        self.line = line


class NegotiationError(BridgeError):
    """No path joins the two sides."""


class AudioMissing(NegotiationError):
    """An offer without a usable audio line."""


class PortsExhausted(BridgeError):
    """No free RTP port pair in the configured range."""


class CodecMissing(BridgeError):
    """The media library lacks a codec."""


class CodecFailed(BridgeError):
    """The media library refused to decode or encode one frame."""


class WebLegFailed(BridgeError):
    """ICE or DTLS did not come up in time."""


class BridgeClosed(BridgeError):
    """The bridge was closed."""


class BridgeSealed(BridgeError):
    """A privileged visit: its wiring has no place for a tap."""
