"""What we say and show ourselves: closed words, and the sentences that stand on slates.

What prompts say stands in `tools/make-prompts`, which speaks it into `bridge/own/sounds/<language>/<prompt>.ogg`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Prompt(StrEnum):
    """A sound of our own. The value is the file's name."""

    RECORDED = "recorded"  # this call is from a correctional facility, it is recorded and may be monitored
    FACILITY = "facility"  # this call is from a correctional facility
    PLEASE_WAIT = "please-wait"
    HELD = "held"
    RECONNECTING = "reconnecting"
    ONE_MINUTE = "one-minute"  # a tone, and that a minute is left
    ENDING_SOON = "ending-soon"  # a tone, and that the visit ends soon
    TIME_OVER = "time-over"


class Slate(StrEnum):
    """A picture of our own."""

    CALLING = "calling"
    PLEASE_WAIT = "please-wait"
    HELD = "held"
    RECONNECTING = "reconnecting"
    SOUND_ONLY = "sound-only"


LANGUAGES = ("en", "es")

_EN = {
    Slate.CALLING: ("Connecting", "The picture comes in a moment."),
    Slate.PLEASE_WAIT: ("Please wait", "We are bringing you together."),
    Slate.HELD: ("On hold", "Please stay. This time is not charged."),
    Slate.RECONNECTING: ("Reconnecting", "The other side lost the connection. Please wait."),
    Slate.SOUND_ONLY: ("Sound only", "No picture comes. You can talk."),
}
_ES = {
    Slate.CALLING: ("Conectando", "La imagen llega en un momento."),
    Slate.PLEASE_WAIT: ("Espere, por favor", "Les estamos conectando."),
    Slate.HELD: ("En espera", "No cuelgue. Este tiempo no se cobra."),
    Slate.RECONNECTING: ("Reconectando", "Se perdió la conexión del otro lado. Espere, por favor."),
    Slate.SOUND_ONLY: ("Solo sonido", "No llega imagen. Pueden hablar."),
}
SENTENCES: Mapping[str, Mapping[Slate, tuple[str, str]]] = MappingProxyType({"en": _EN, "es": _ES})
"""A title and one sentence, by language."""
