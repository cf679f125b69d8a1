"""A live visit as others may see it: the staff's list and feed, and the family's page when it comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from gateway.call.summary import MediaSummary
from gateway.money import Money
from gateway.policy.decision import Medium


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
