"""For staff and billing systems: live visits, the live feed, call-detail records."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Response, WebSocket
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from gateway.api.auth import Given, Member, check_staff, discreet, from_own_page, socket_token, staff
from gateway.api.messages import FactMessage, SnapshotMessage, Visit
from gateway.api.problems import Unauthorised, documented
from gateway.api.services import FactStream, Services
from gateway.api.sockets import FOREIGN_PAGE, GOING_AWAY, TOO_SLOW, serve_socket
from gateway.call.view import VisitView
from gateway.errors import VisitGone

router = APIRouter(prefix="/api/v1", dependencies=[Depends(staff)])
feed = APIRouter(prefix="/api/v1")
VisitId = Annotated[str, Path(pattern=r"^[\w.:-]{1,80}$", examples=["v-7f3a9c"])]
_CSV: dict[int | str, dict[str, Any]] = {
    200: {"description": "RFC 4180, UTF-8, with header", "content": {"text/csv": {}}}
}
_JSONL: dict[int | str, dict[str, Any]] = {
    200: {"description": "one record a line, UTF-8, LF", "content": {"application/x-ndjson": {}}}
}
Since = Annotated[
    int, Query(ge=0, le=2**63 - 1, description="cursor: only records with a `sequence` above it", examples=[0])
]
"""At most what a database can count to."""


class Visits(BaseModel):
    items: list[Visit]


class Cdr(BaseModel):
    """A call-detail record. The fields that every importer needs; docs/cdr.md lists all of them."""

    model_config = ConfigDict(extra="allow")

    sequence: Annotated[int, Field(description="without a gap on each node", examples=[1042])]
    cdr_id: Annotated[str, Field(description="idempotency key for whoever imports")]
    visit_id: str
    node: str
    facility: str
    setup_at: datetime
    end_at: datetime
    billable_s: Annotated[int, Field(examples=[37])]
    reason: Annotated[str, Field(examples=["balance_exhausted"])]
    total: Annotated[str, Field(description="decimal text", examples=["0.10"])]
    currency: Annotated[str, Field(examples=["USD"])]


class Cdrs(BaseModel):
    """next_since: the cursor for the next call; the same as `since` when there was nothing new."""

    items: list[Cdr]
    next_since: int


@router.get("/visits", tags=["visits"], summary="Live visits", responses=documented(401))
async def visits(given: Given, member: Member) -> Visits:
    """Every visit of this node that is not over, the oldest first."""
    live = sorted(given.visits.live(), key=lambda each: each.setup_at)
    return Visits(items=[Visit.of(each, discreet=discreet(member)) for each in live])


@router.get("/visits/{visit_id}", tags=["visits"], summary="One live visit", responses=documented(401, 404, 422))
async def visit(visit_id: VisitId, given: Given, member: Member) -> Visit:
    """`pipelines` says how each kind travels, link by link."""
    return Visit.of(given.visits.view(visit_id), discreet=discreet(member))


@router.post(
    "/visits/{visit_id}/end",
    status_code=204,
    tags=["visits"],
    summary="End a visit (officer)",
    responses=documented(401, 404, 422),
)
async def end(visit_id: VisitId, member: Member, given: Given) -> Response:
    """The visit ends at once on both sides; its record says `officer_terminated`, the audit who did it."""
    await given.visits.end(visit_id)
    await given.monitoring.ended_visit(member.name, visit_id)
    return Response(status_code=204)


@router.get("/cdrs", tags=["records"], summary="Call-detail records", responses=documented(401, 422, 503))
async def cdrs(
    given: Given, since: Since = 0, limit: Annotated[int, Query(ge=1, le=1000, description="at most so many")] = 100
) -> Cdrs:
    """By cursor: ask again with `next_since` and nothing is skipped or repeated. Records never change."""
    found = [Cdr.model_validate(each) for each in await given.cdrs.page(since, limit)]
    return Cdrs(items=found, next_since=found[-1].sequence if found else since)


@router.get(
    "/cdrs.csv",
    tags=["records"],
    summary="Call-detail records as CSV",
    response_class=StreamingResponse,
    responses=_CSV | documented(401, 422, 503),
)
async def cdrs_csv(given: Given, since: Since = 0) -> StreamingResponse:
    """All records above the cursor. Cells that a spreadsheet would take for a formula are defused."""
    chunks = given.cdrs.csv(since)
    first = await anext(chunks, "")  # a database that is away is an error of this request, not a broken download
    return StreamingResponse(
        _chain(first, chunks),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="cdrs-{given.node}-since-{since}.csv"'},
    )


@router.get(
    "/cdrs.jsonl",
    tags=["records"],
    summary="Call-detail records as JSON Lines",
    response_class=StreamingResponse,
    responses=_JSONL | documented(401, 422, 503),
)
async def cdrs_jsonl(given: Given, since: Since = 0) -> StreamingResponse:
    """All records above the cursor, as they were signed: a download that broke goes on from its last `sequence`."""
    chunks = given.cdrs.jsonl(since)
    first = await anext(chunks, "")
    return StreamingResponse(
        _chain(first, chunks),
        media_type="application/x-ndjson",
        headers={"Content-Disposition": f'attachment; filename="cdrs-{given.node}-since-{since}.jsonl"'},
    )


async def _chain(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    yield first
    async for chunk in rest:
        yield chunk


@feed.websocket("/live")
async def live(socket: WebSocket) -> None:
    """The staff's live feed: a snapshot, then every fact; docs/api.md tells more."""
    given: Services = socket.app.state.services
    if not from_own_page(socket, given.public_url):
        await socket.close(FOREIGN_PAGE)
        return
    try:
        member = check_staff(given, socket_token(socket))
    except Unauthorised:
        await socket.close(FOREIGN_PAGE)
        return
    await socket.accept()
    with given.facts() as facts:
        await serve_socket(socket, lambda: _feed(socket, given, facts, discreet(member)))


async def _feed(socket: WebSocket, given: Services, facts: FactStream, hidden: bool) -> int:
    live = given.visits.live()
    snapshot = SnapshotMessage(visits=tuple(Visit.of(each, discreet=hidden) for each in live))
    await socket.send_text(snapshot.model_dump_json())
    async for fact in facts:
        message = FactMessage.of(fact, _view(given, fact.visit_id), discreet=hidden)
        await socket.send_text(message.model_dump_json())
    return TOO_SLOW if facts.overflowed else GOING_AWAY


def _view(given: Services, visit_id: str) -> VisitView | None:
    try:
        return given.visits.view(visit_id)
    except VisitGone:
        return None
