"""The audit, for those who look after it: who signed in, changed accounts and keys, played recordings, ended visits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from gateway.api.auth import Given, TrailReader
from gateway.api.problems import documented
from gateway.api.routes.records import Since
from gateway.store import Access

router = APIRouter(prefix="/api/v1/audit", tags=["records"])
_Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many")]
_Word = Annotated[str, Query(max_length=200)]


class AccessLine(BaseModel):
    """Somebody did something. number: the cursor; it grows, with gaps. subject: an id of what it was done with."""

    number: int
    at: datetime
    who: Annotated[str, Field(examples=["badge-1138"])]
    act: Annotated[str, Field(examples=["staff.signed_in"])]
    subject: Annotated[str, Field(examples=["badge-1138"])]
    reason: str
    detail: str

    @classmethod
    def of(cls, number: int, line: Access) -> AccessLine:
        return cls(
            number=number,
            at=line.at,
            who=line.who,
            act=line.act,
            subject=line.subject,
            reason=line.reason,
            detail=line.detail,
        )


class AccessLines(BaseModel):
    """next_since: the cursor for the next call; the same as `since` when there was nothing new."""

    items: list[AccessLine]
    next_since: int


@router.get("/accesses", summary="Who did what (auditor, investigator)", responses=documented(401, 403, 422, 503))
async def accesses(
    given: Given,
    _reader: TrailReader,
    *,
    since: Since = 0,
    limit: _Limit = 100,
    who: _Word = "",
    act: _Word = "",
    subject: _Word = "",
) -> AccessLines:
    """Oldest first; ask again with `next_since`. Lines are never changed or deleted, not even by us."""
    if given.access is None:
        return AccessLines(items=[], next_since=since)
    found = await given.access.trail(since, limit, who=who, act=act, subject=subject)
    items = [AccessLine.of(number, line) for number, line in found]
    return AccessLines(items=items, next_since=items[-1].number if items else since)
