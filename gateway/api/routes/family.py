"""The family's side of a visit: WebRTC signalling and the events of its page."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Response, WebSocket
from pydantic import BaseModel, Field

from gateway.api.auth import Family, Given, Visitor, family_socket, from_own_page, socket_visitor
from gateway.api.family import Page
from gateway.api.messages import HelloMessage, IceServer, OngoingVisit, RefusedMessage, ongoing_visit, ring_message
from gateway.api.problems import documented
from gateway.api.services import Services
from gateway.api.sockets import BAD_LINK, FOREIGN_PAGE, GOING_AWAY, TOO_SLOW, serve_socket
from gateway.errors import LinkExpired, LinkRefused, StoreUnavailable

router = APIRouter(prefix="/api/v1/family", tags=["family"])
VisitId = Annotated[str, Path(pattern=r"^[\w.:-]{1,80}$", description="from the `ring` message", examples=["v-7f3a9c"])]
_MINE_AND_LIVE = frozenset({"connecting", "talking", "held", "reconnecting"})
_SDP = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\n..."


class Offer(BaseModel):
    """RTCPeerConnection.localDescription, after its candidates were gathered (they are not sent later)."""

    type: Literal["offer"]
    sdp: Annotated[str, Field(min_length=1, max_length=65_536, examples=[_SDP])]
    page: Annotated[
        str, Field(max_length=64, description="a random name of this page, told to the contact's others in `taken`")
    ] = ""


class Answer(BaseModel):
    """For RTCPeerConnection.setRemoteDescription."""

    type: Literal["answer"] = "answer"
    sdp: Annotated[str, Field(examples=[_SDP])]


@router.post(
    "/visits/{visit_id}/accept",
    summary="Take a visit that rings",
    responses=documented(401, 404, 413, 422, 503),
)
async def accept(visit_id: VisitId, offer: Offer, family: Family, given: Given) -> Answer:
    """Answers the station's call and joins the media. The offer must have an audio line; video is welcome.

    The first of the contact's pages to do so gets the visit, the others stop ringing.
    """
    family.check(visit_id)
    answer = await given.visits.accept(visit_id, family.contact, offer.sdp)
    given.doorbell.taken(family.contact, visit_id, offer.page)
    if given.joins is not None:
        given.joins.taken(visit_id)
    return Answer(sdp=answer)


@router.post(
    "/visits/{visit_id}/rejoin",
    summary="Come back to a visit",
    responses=documented(401, 404, 413, 422, 503),
)
async def rejoin(visit_id: VisitId, offer: Offer, family: Family, given: Given) -> Answer:
    """After a reload or a change of network: a new RTCPeerConnection for the same visit.

    The station's side goes on; what the browser was away is not charged. Another page of this contact that has the
    visit is told that it is taken.
    """
    family.check(visit_id)
    answer = await given.visits.rejoin(visit_id, family.contact, offer.sdp)
    given.doorbell.taken(family.contact, visit_id, offer.page)
    return Answer(sdp=answer)


@router.post(
    "/visits/{visit_id}/decline", status_code=204, summary="Decline a visit that rings", responses=documented(401, 404)
)
async def decline(visit_id: VisitId, family: Family, given: Given) -> Response:
    family.check(visit_id)
    await given.visits.decline(visit_id, family.contact)
    given.doorbell.taken(family.contact, visit_id)
    return Response(status_code=204)


@router.post("/visits/{visit_id}/hangup", status_code=204, summary="End a visit", responses=documented(401, 404))
async def hangup(visit_id: VisitId, family: Family, given: Given) -> Response:
    family.check(visit_id)
    await given.visits.leave(visit_id, family.contact)
    return Response(status_code=204)


@router.websocket("/events", dependencies=[Depends(family_socket)])
async def events(socket: WebSocket) -> None:
    """The events of the family's page; docs/api.md tells what is sent and when."""
    given: Services = socket.app.state.services
    if not from_own_page(socket, given.public_url):
        await socket.close(FOREIGN_PAGE)
        return
    await socket.accept()
    try:
        family = await socket_visitor(given, socket)
    except LinkRefused as error:
        refused = RefusedMessage(reason="expired" if isinstance(error, LinkExpired) else "invalid")
        await socket.send_text(refused.model_dump_json())
        await socket.close(BAD_LINK)
        return
    except StoreUnavailable:
        await socket.close(TOO_SLOW)
        return
    with given.doorbell.open(family.contact, family.visit_id) as page:
        _greet(page, given, family)
        await serve_socket(socket, lambda: _feed(socket, page))


async def _feed(socket: WebSocket, page: Page) -> int:
    while (message := await page.next()) is not None:
        await socket.send_text(message.model_dump_json())
    return TOO_SLOW if page.overflowed else GOING_AWAY


def _greet(page: Page, given: Services, family: Visitor) -> None:
    """The page is open already, so nothing falls between this snapshot and what follows; a ring may come twice."""
    page.say(
        HelloMessage(
            contact_name=given.contact_name(family.contact) or "",
            ice_servers=tuple(IceServer(urls=each) for each in given.ice_servers),
            visit=_ongoing(given, family),
        )
    )
    for ring in given.visits.rings_for(family.contact):
        page.say(ring_message(ring))


def _ongoing(given: Services, family: Visitor) -> OngoingVisit | None:
    for view in given.visits.live():
        mine = view.contact == family.contact and family.visit_id in ("", view.visit_id)
        if mine and view.state in _MINE_AND_LIVE:
            return ongoing_visit(view)
    return None
