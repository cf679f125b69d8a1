"""The families' sign-in: a link and a code by e-mail, a session in a cookie, and back.

The cookie is HttpOnly and SameSite=Strict: the link in the mail opens the page, and the page asks by itself, so nothing
needs it on the way from another site. Tokens of links stand behind the `#` of the address, which no browser sends.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from gateway.api.auth import FAMILY_COOKIE, Family, Given, anyone, check_own_page, family_session
from gateway.api.problems import Unauthorised, documented
from gateway.api.routes.pages import NEVER_KEPT, WEB
from gateway.api.services import Services
from gateway.api.source import source_of
from gateway.errors import NotOffered
from gateway.family import FamilyDesk, Session, Ticket

router = APIRouter(prefix="/api/v1/family", tags=["family"])
page = APIRouter(include_in_schema=False)


class Start(BaseModel):
    """language: of the mail."""

    email: Annotated[str, Field(min_length=3, max_length=254, examples=["ada@example.org"])]
    language: Literal["en", "es"] = "en"


class StartView(BaseModel):
    """sign_in: for POST .../code, with the six digits. It is there whether anybody has the address or not."""

    sign_in: Annotated[str, Field(examples=["pJ1nX4d8yQ2b..."])]
    expires_at: datetime


class Code(BaseModel):
    sign_in: Annotated[str, Field(max_length=100, examples=["pJ1nX4d8yQ2b..."])]
    code: Annotated[str, Field(pattern=r"^\s*[0-9]{3}\s?[0-9]{3}\s*$", examples=["493027"])]


class LinkToken(BaseModel):
    token: Annotated[str, Field(max_length=200, description="what follows `#sign-in=` in the address of the page")]


class FamilySessionView(BaseModel):
    """csrf_token, ends_at: "" and null for who comes by a link and has no session."""

    contact: Annotated[str, Field(examples=["family-17"])]
    name: Annotated[str, Field(examples=["Ada Example"])]
    csrf_token: Annotated[str, Field(examples=["9f2c61d0..."])]
    ends_at: datetime | None

    @classmethod
    def of(cls, given: Services, contact: str, session: Session | None) -> FamilySessionView:
        return cls(
            contact=contact,
            name=given.contact_name(contact) or "",
            csrf_token=session.csrf_token if session else "",
            ends_at=session.ends_at if session else None,
        )


_SIGN_IN = documented(401, 403, 404, 413, 422, 429, 503)


@page.get("/family")
async def signed_in_page() -> FileResponse:
    """The same page as by a contact's link. It holds nothing: what it shows comes over the API."""
    return FileResponse(WEB / "family.html", headers=NEVER_KEPT)


@router.post(
    "/sign-in/start",
    summary="Ask for a link and a code by e-mail",
    status_code=202,
    responses=documented(403, 404, 413, 422, 429, 503),
    dependencies=[Depends(anyone)],
)
async def start(wanted: Start, request: Request, response: Response, given: Given) -> StartView:
    """The answer is the same, and as fast, whether anybody has the address or not."""
    check_own_page(request.headers, given.public_url)
    started = await _desk(given).start(wanted.email, source=source_of(request), language=wanted.language)
    response.headers.update(NEVER_KEPT)
    return StartView(sign_in=started.sign_in, expires_at=started.expires_at)


@router.post("/sign-in/code", summary="Sign in by code", responses=_SIGN_IN, dependencies=[Depends(anyone)])
async def by_code(wanted: Code, request: Request, response: Response, given: Given) -> FamilySessionView:
    """Once, within a few minutes and five tries, by the page that asked for it."""
    check_own_page(request.headers, given.public_url)
    code, before = "".join(wanted.code.split()), request.cookies.get(FAMILY_COOKIE, "")
    ticket = await _desk(given).by_code(wanted.sign_in, code, source=source_of(request), before=before)
    return await _admitted(given, ticket, request, response)


@router.post("/sign-in/link", summary="Sign in by link", responses=_SIGN_IN, dependencies=[Depends(anyone)])
async def by_link(wanted: LinkToken, request: Request, response: Response, given: Given) -> FamilySessionView:
    """Once, from any device. Ask when the person taps, not when the page opens: programs open links in mails too."""
    check_own_page(request.headers, given.public_url)
    before = request.cookies.get(FAMILY_COOKIE, "")
    ticket = await _desk(given).by_link(wanted.token, source=source_of(request), before=before)
    return await _admitted(given, ticket, request, response)


@router.get("/session", summary="Who is signed in", responses=documented(401, 503))
async def family_who(family: Family, request: Request, response: Response, given: Given) -> FamilySessionView:
    """Also for who comes by a contact's link: without `csrf_token`, which is not needed then."""
    response.headers.update(NEVER_KEPT)
    by_cookie = not request.headers.get("authorization")
    session = await family_session(given, request.cookies.get(FAMILY_COOKIE, "")) if by_cookie else None
    return FamilySessionView.of(given, family.contact, session)


@router.delete("/session", status_code=204, summary="Sign out", responses=documented(401, 403, 404, 503))
async def family_sign_out(family: Family, request: Request, given: Given, everywhere: bool = False) -> Response:
    """everywhere: on all devices of this contact."""
    desk = _desk(given)
    if cookie := request.cookies.get(FAMILY_COOKIE, ""):
        await desk.end(cookie)
    if everywhere and not family.visit_id:
        await desk.end_all(family.contact)
    response = Response(status_code=204, headers=NEVER_KEPT)
    response.delete_cookie(FAMILY_COOKIE, path="/", httponly=True, samesite="strict")
    return response


async def _admitted(given: Services, ticket: Ticket, request: Request, response: Response) -> FamilySessionView:
    session = await family_session(given, ticket.cookie)
    if session is None:
        raise Unauthorised("this contact is not known any more", "Ask the facility.")
    https = (given.public_url or str(request.url)).startswith("https:")
    response.set_cookie(
        FAMILY_COOKIE,
        ticket.cookie,
        expires=ticket.ends_at,
        httponly=True,
        samesite="strict",
        secure=https,
        path="/",
    )
    response.headers.update(NEVER_KEPT)
    return FamilySessionView.of(given, session.contact, session)


def _desk(given: Services) -> FamilyDesk:
    if given.family is None:
        raise NotOffered("this gateway has no sign-in for families")
    return given.family
