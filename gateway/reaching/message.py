"""What receivers are told: no more than they need to reach somebody. JSON, in the form of Standard Webhooks.

{"type": "visit.ringing", "timestamp": "2026-01-05T15:00:00.000Z",
 "data": {"contact": "family-17", "facility": "County Jail", "link": "https://...", "expires_at": "..."}}
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The message's `type`."""

    RINGING = "visit.ringing"
    REMINDER = "visit.reminder"  # a booked visit is near
    TEST = "webhook.test"  # by `kinbridge webhooks test`


def rfc3339(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def body_of(kind: Kind, at: datetime, data: Mapping[str, Any]) -> str:
    return json.dumps(
        {"type": kind, "timestamp": rfc3339(at), "data": dict(data)}, ensure_ascii=False, separators=(",", ":")
    )


def invitation(contact: str, facility_name: str, links: Sequence[str], expires_at: datetime) -> dict[str, Any]:
    """`data` of a visit. links: one for each device; whoever takes the message sends each to one device only."""
    data: dict[str, Any] = {
        "contact": contact,
        "facility": facility_name,
        "link": links[0],
        "expires_at": rfc3339(expires_at),
    }
    if len(links) > 1:
        data["more_links"] = list(links[1:])
    return data
