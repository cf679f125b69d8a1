"""How often may somebody fail? Pure: no clock, no store.

A try is counted before it is compared, so that many at once are no more than as many one after the other; one that
turns out right is given back. Counting begins anew when nothing was tried for as long as a lock-out lasts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from gateway.store import Tries

FREE = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Limit:
    """tries: that may fail within `lockout`; the last of them locks out for as long."""

    tries: int
    lockout: timedelta


def wait(tries: Tries | None, now: datetime) -> timedelta:
    """How long until the next try is allowed; zero: now."""
    return timedelta(0) if tries is None else max(tries.locked_until - now, timedelta(0))


def counted(tries: Tries | None, now: datetime, limit: Limit) -> Tries:
    """With one more, which is allowed now."""
    if tries is None or tries.count >= limit.tries or now - tries.since >= limit.lockout:
        tries = Tries(0, now, FREE)
    count = tries.count + 1
    return Tries(count, tries.since, now + limit.lockout if count >= limit.tries else FREE)


def given_back(tries: Tries | None) -> Tries | None:
    """Without the last one, which was right. None: nothing is left to remember."""
    if tries is None or tries.count <= 1:
        return None
    return replace(tries, count=tries.count - 1, locked_until=FREE)
