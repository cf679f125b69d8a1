"""From an INVITE to the question that policy is asked, and to the intent that the records keep."""

from __future__ import annotations

import re
from datetime import datetime
from urllib.parse import unquote

from bridge import SdpError, offers_video
from gateway.call.summary import VisitIntent
from gateway.policy.decision import Allowed, Asks, Decision, Medium, Refused, VisitRequest
from sip.types import Invite

_USER = re.compile(r"sips?:([^@<>\s]*)@|tel:([^;>?\s]*)", re.IGNORECASE)
_SEPARATORS = str.maketrans("", "", "-.()")


def user_part(uri: str) -> str:
    """`mary` of `"Mary" <sip:mary;tag=1@jail.example;user=phone>`; "" when there is none. A bare user part is itself.

    The visual separators of a telephone number (RFC 3966 section 5.1.1) are taken out.
    """
    found = _USER.search(uri)
    if not found:
        return "" if ":" in uri or "@" in uri else uri
    user = unquote((found.group(1) or found.group(2) or "").partition(";")[0])
    digits = user.translate(_SEPARATORS)
    return digits if digits.removeprefix("+").isdigit() else user


def request_of(invite: Invite, at: datetime) -> tuple[VisitRequest, bool]:
    """The question, and whether the INVITE's description can be understood.

    The station is who the trunk asserts it is (RFC 3325), else who it says it is.
    """
    try:
        video = True if invite.sdp is None else offers_video(invite.sdp)
        understood = True
    except SdpError:
        video = understood = False
    request = VisitRequest(
        trunk=invite.trunk,
        station=user_part(invite.asserted_identity) or invite.from_user,
        dialled=user_part(invite.request_uri) or invite.to_user,
        medium=Medium.VIDEO if video else Medium.AUDIO,
        at=at,
        medium_known=invite.sdp is not None,
    )
    return request, understood


def intent_of(
    visit_id: str, node: str, invite: Invite, request: VisitRequest, decision: Decision | None = None
) -> VisitIntent:
    """What is known before anything rings. decision None: policy has not spoken (yet, or because of a bug)."""
    terms = decision.terms if isinstance(decision, Allowed) else None
    facility, timezone, rule = "", "", ""
    if terms:
        facility, timezone, rule = terms.facility, terms.timezone, terms.rule
    elif isinstance(decision, Refused):
        facility, timezone, rule = decision.facility, decision.timezone, decision.rule
    elif isinstance(decision, Asks):
        facility, timezone = decision.facility, decision.timezone
    return VisitIntent(
        visit_id=visit_id,
        node=node,
        facility=facility,
        timezone=timezone,
        station=request.station,
        dialled=request.dialled,
        contact=terms.contact if terms else "",
        account=terms.account if terms else "",
        tariff=terms.tariff if terms else "",
        rule=rule,
        medium=terms.medium if terms else request.medium,
        max_seconds=terms.max_seconds if terms else 0,
        trunk=request.trunk,
        sip_call_id=invite.sip_call_id,
        setup_at=request.at,
        privileged=terms.privileged if terms else False,
        payers=terms.payers if terms else (),
        resident=decision.resident if isinstance(decision, Refused) else terms.resident if terms else request.resident,
    )
