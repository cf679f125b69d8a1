"""For staff: live visits and the live feed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response, WebSocket
from pydantic import BaseModel

from gateway.api.auth import Given, Member, MemberSocket, Officer, discreet, until_over
from gateway.api.messages import FactMessage, SnapshotMessage, Visit
from gateway.api.problems import documented
from gateway.api.services import FactStream, Services
from gateway.api.sockets import FOREIGN_PAGE, GOING_AWAY, TOO_SLOW, serve_socket
from gateway.call.view import VisitView
from gateway.errors import VisitGone

router = APIRouter(prefix="/api/v1")
feed = APIRouter(prefix="/api/v1")
VisitId = Annotated[str, Path(pattern=r"^[\w.:-]{1,80}$", examples=["v-7f3a9c"])]


class Visits(BaseModel):
    items: list[Visit]


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
    responses=documented(401, 403, 404, 422),
)
async def end(visit_id: VisitId, member: Officer, given: Given) -> Response:
    """The visit ends at once on both sides; its record says `officer_terminated`, the audit who did it."""
    await given.visits.end(visit_id)
    await given.monitoring.ended_visit(member.name, visit_id)
    return Response(status_code=204)


@feed.websocket("/live")
async def live(socket: WebSocket, member: MemberSocket) -> None:
    """The staff's live feed: a snapshot, then every fact; docs/api.md tells more."""
    given: Services = socket.app.state.services
    if member is None:
        await socket.close(FOREIGN_PAGE)
        return
    await socket.accept()
    with given.facts() as facts:
        over = until_over(socket, member)
        await serve_socket(socket, lambda: _feed(socket, given, facts, discreet(member)), over)


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
