"""A live visit as others may see it: the staff's list and feed, and the family's page when it comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from bridge import Media
from gateway.call.books import Books, Timeline
from gateway.call.summary import MediaSummary
from gateway.call.translate import from_stats
from gateway.call.visit import VisitState, seconds_left
from gateway.money import Money
from gateway.policy.decision import Medium, Terms


@dataclass(frozen=True, slots=True)
class VisitView:
    """state: the call machine's word. Names and numbers are for staff and the family, never for the log.

    seconds_left: at most, of money, time and hours; the limit while the meter has not started.
    routes: each route as text (`video sip->: relay H264 -> H264`). pipelines: as the bridge describes them, else "".
    media: quality as it stands now. monitored: an officer may watch it. recorded: it is written down.
    """

    visit_id: str
    node: str
    facility: str
    facility_name: str
    state: str
    medium: Medium
    station: str
    caller_name: str
    contact: str
    contact_name: str
    privileged: bool
    held: bool
    setup_at: datetime
    answer_at: datetime | None
    media_start_at: datetime | None
    seconds_left: int
    rate_per_minute: Money
    charged: Money
    money_left: Money
    routes: tuple[str, ...] = ()
    pipelines: str = ""
    media: MediaSummary = field(default=MediaSummary())
    monitored: bool = False
    recorded: bool = False


def view_of(
    visit: VisitState,
    books: Books,
    timeline: Timeline,
    *,
    terms: Terms | None,
    media: Media | None,
    money: tuple[Money, Money],
    now_s: float,
) -> VisitView:
    """money: what it would cost if it ended now, and what could still be had. now_s: monotonic."""
    intent, grant, (charged, money_left) = books.intent, books.grant, money
    return VisitView(
        visit_id=intent.visit_id,
        node=intent.node,
        facility=intent.facility,
        facility_name=terms.facility_name if terms else "",
        state=str(visit.state),
        medium=intent.medium,
        station=intent.station,
        caller_name=terms.caller_name if terms else "",
        contact=intent.contact,
        contact_name=terms.contact_name if terms else "",
        privileged=intent.privileged,
        held=visit.on_hold,
        setup_at=intent.setup_at,
        answer_at=timeline.maybe(visit.marks.answered_at_s),
        media_start_at=timeline.maybe(visit.marks.media_start_at_s),
        seconds_left=seconds_left(visit, now_s),
        rate_per_minute=grant.rate_per_minute if grant else charged,
        charged=charged,
        money_left=money_left,
        routes=tuple(str(each) for each in media.routes()) if media else (),
        pipelines=media.describe() if media else "",
        media=from_stats(media.stats()) if media else MediaSummary(),
        monitored=terms.monitored if terms else False,
        recorded=terms.recorded if terms else False,
    )
