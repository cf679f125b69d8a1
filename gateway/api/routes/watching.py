"""For officers: watch a live visit, write to the family; and for auditors, who watched."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response, WebSocket
from pydantic import BaseModel, Field

from gateway.api.auth import Given, Officer, OfficerSocket, TrailReader, until_over
from gateway.api.messages import Message
from gateway.api.problems import documented
from gateway.api.routes.family import Answer, Offer
from gateway.api.routes.records import Since
from gateway.api.routes.staff import VisitId
from gateway.api.services import Seat, Services
from gateway.api.services import Watching as Watched
from gateway.api.sockets import BAD_LINK, FOREIGN_PAGE, serve_socket
from gateway.errors import VisitGone

router = APIRouter(prefix="/api/v1")
WatchingId = Annotated[str, Path(pattern=r"^w-[0-9a-f]{16}$", examples=["w-4c1d2e3f4a5b6c7d"])]
NORMAL = 1000
LONGEST_TEXT = 280


class WatchAnswer(Answer):
    """For setRemoteDescription, and the name of this watching."""

    watching_id: Annotated[str, Field(examples=["w-4c1d2e3f4a5b6c7d"])]


class OfficerText(BaseModel):
    """What the family reads. Shown as text, whatever it looks like."""

    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=LONGEST_TEXT,
            pattern=r"\S",
            examples=["Count in five minutes. The visit goes on afterwards."],
        ),
    ]


class Delivered(BaseModel):
    """pages: how many open pages of the contact were told. 0: the family is away just now, and nothing is kept."""

    pages: int


class WatchingState(Message):
    """How a watching stands. reason: why it ended, a word of docs/watching.md."""

    type: Literal["watching"] = "watching"
    state: Literal["connecting", "watching", "ended"]
    reason: str = ""


class Watching(BaseModel):
    """Who watched what. until null: it goes on, or its node has crashed and not been started since."""

    watching_id: str
    visit_id: str
    node: str
    facility: str
    officer: Annotated[str, Field(description="the name of the `http.staff` entry", examples=["badge-1138"])]
    since: datetime
    until: datetime | None
    reason: Annotated[str | None, Field(examples=["officer_left"])]

    @classmethod
    def of(cls, watched: Watched) -> Watching:
        return cls(
            watching_id=watched.watching_id,
            visit_id=watched.visit_id,
            node=watched.node,
            facility=watched.facility,
            officer=watched.officer,
            since=watched.since,
            until=watched.until,
            reason=watched.reason or None,
        )


class Watchings(BaseModel):
    """next_since: the cursor for the next call; the same as `since` when there was nothing new."""

    items: list[Watching]
    next_since: int


@router.post(
    "/visits/{visit_id}/watch",
    tags=["visits"],
    summary="Watch a visit (officer)",
    responses=documented(401, 403, 404, 409, 413, 422, 503),
)
async def watch(visit_id: VisitId, offer: Offer, officer: Officer, given: Given) -> WatchAnswer:
    """The offer has one audio and two video lines, all `recvonly`: the first picture is the station's, the second the
    family's, the sound is both. It is written down before anything is shown. Nothing of the visit changes.

    Open the WebSocket `/api/v1/visits/{visit_id}/watch/{watching_id}` next: its end ends the watching.
    403 for a privileged visit and for one that the dialplan does not let anybody watch; 409 when nobody has joined yet,
    and when too many watch.
    """
    watching_id, answer = await given.monitoring.begin(visit_id, officer.name, offer.sdp)
    return WatchAnswer(sdp=answer, watching_id=watching_id)


@router.delete(
    "/visits/{visit_id}/watch/{watching_id}",
    status_code=204,
    tags=["visits"],
    summary="Watch no more",
    responses=documented(401, 403, 404, 422),
)
async def unwatch(visit_id: VisitId, watching_id: WatchingId, officer: Officer, given: Given) -> Response:
    _own_seat(given, officer.name, visit_id, watching_id)
    given.monitoring.end(visit_id, watching_id)
    return Response(status_code=204)


@router.post(
    "/visits/{visit_id}/message",
    tags=["visits"],
    summary="Write to the family (officer)",
    responses=documented(401, 403, 404, 422, 503),
)
async def message(visit_id: VisitId, said: OfficerText, officer: Officer, given: Given) -> Delivered:
    """The family's open pages show it at once. That it was written is audited; what was written is kept nowhere."""
    given.visits.view(visit_id)
    await given.monitoring.message(officer.name, visit_id, len(said.text))
    contact = await given.visits.message(visit_id, said.text.strip())
    return Delivered(pages=given.doorbell.pages(contact))


@router.get(
    "/audit/watchings",
    tags=["records"],
    summary="Who watched which visit (auditor, investigator)",
    responses=documented(401, 403, 422, 503),
)
async def watchings(
    _reader: TrailReader,
    given: Given,
    since: Since = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="at most so many")] = 100,
    visit_id: Annotated[str, Query(max_length=80, description="of this visit only")] = "",
    officer: Annotated[str, Query(max_length=63, description="by this officer only")] = "",
) -> Watchings:
    """In the order in which they began. Rows are never changed or deleted, not even by us: an end is a row of its own,
    so an item whose `until` is null may have one when it is asked for again.
    """
    found = await given.monitoring.page(since, limit, visit_id=visit_id, officer=officer)
    return Watchings(items=[Watching.of(each) for each in found], next_since=found[-1].number if found else since)


@router.websocket("/visits/{visit_id}/watch/{watching_id}")
async def state(socket: WebSocket, visit_id: str, watching_id: str, staff: OfficerSocket) -> None:
    """The state of one watching. Its closing, by whichever side, ends the watching: who goes watches no more."""
    given: Services = socket.app.state.services
    if staff is None:
        await socket.close(FOREIGN_PAGE)
        return
    await socket.accept()
    try:
        seat = _own_seat(given, staff.name, visit_id, watching_id)
    except VisitGone:
        await socket.close(BAD_LINK)
        return
    try:
        await serve_socket(socket, lambda: _feed(socket, seat), until_over(socket, staff))
    finally:
        _leave(given, visit_id, watching_id)


def _own_seat(given: Services, officer: str, visit_id: str, watching_id: str) -> Seat:
    """Raises VisitGone for another officer's too: the audit says who left, so nobody leaves for somebody else."""
    seat = given.monitoring.seat(visit_id, watching_id)
    if seat.watching.officer != officer:
        raise VisitGone(f"there is no watching {watching_id}")
    return seat


async def _feed(socket: WebSocket, seat: Seat) -> int:
    while True:
        seat.changed.clear()
        told = WatchingState(state=seat.state, reason=seat.reason)
        await socket.send_text(told.model_dump_json())
        if told.state == "ended":
            return NORMAL
        await seat.changed.wait()


def _leave(given: Services, visit_id: str, watching_id: str) -> None:
    try:
        given.monitoring.end(visit_id, watching_id, "page_closed")
    except VisitGone:
        return  # it had ended before
