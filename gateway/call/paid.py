"""What of a description was allowed and paid for. Pure.

Policy may allow sound to a station that offers a picture: the family has a telephone, or the rule falls back to sound.
Then its picture is declined, at first and whenever it offers again. One that came for sound may not add a picture.
"""

from __future__ import annotations

import re

from bridge import NegotiationError, offers_video
from gateway.policy.decision import Medium, Terms

_PICTURE = re.compile(r"^(m=video) \d+", re.MULTILINE)


def as_paid(sdp: str | None, terms: Terms | None, invited_with: str | None) -> str | None:
    """The description without what was not paid for. invited_with: the offer of the INVITE; None: there was none.

    Raises NegotiationError for a picture that was added, SdpError.
    """
    if sdp is None or terms is None or terms.medium is Medium.VIDEO or not offers_video(sdp):
        return sdp
    if bool(terms.telephone) if invited_with is None else offers_video(invited_with):
        return without_picture(sdp)
    raise NegotiationError("this visit was allowed and paid for as sound")


def without_picture(sdp: str) -> str:
    """The same with the picture's lines at port 0: not wanted (RFC 3264 sections 5.1 and 8.2)."""
    return _PICTURE.sub(r"\1 0", sdp)
