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
    # the gateway's own voice, which answers a station
    WELCOME = "welcome"
    CHOOSE_LANGUAGE = "choose-language"
    ENTER_ID = "enter-id"
    ENTER_PIN = "enter-pin"
    WRONG = "wrong"
    NOTHING_HEARD = "nothing-heard"
    ENTER_NUMBER = "enter-number"
    PRESS = "press"  # a digit follows
    FOR_NUMBER_ENDING = "for-number-ending"  # digits follow
    YOUR_BALANCE = "your-balance"  # money follows
    TIME_ALLOWED = "time-allowed"  # minutes follow
    NOTICE_RECORDED = "notice-recorded"
    NOTICE_MONITORED = "notice-monitored"
    NOTICE_PRIVILEGED = "notice-privileged"
    ACCEPT = "accept"  # press 1 to accept, 2 to refuse
    GOODBYE = "goodbye"
    RESIDENT_NUMBER = "resident-number"  # digits follow; to a telephone
    REFUSED_NUMBER = "refused-number"
    REFUSED_NOT_APPROVED = "refused-not-approved"
    REFUSED_HOURS = "refused-hours"
    REFUSED_TOO_MANY = "refused-too-many"
    REFUSED_WAIT = "refused-wait"
    REFUSED_BUSY = "refused-busy"
    REFUSED_BALANCE = "refused-balance"
    REFUSED_LOCKED = "refused-locked"
    REFUSED_PIN = "refused-pin"
    REFUSED_CONSENT = "refused-consent"
    REFUSED_UNAVAILABLE = "refused-unavailable"


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
