"""The staff's sign-in: a browser gets a session by a password or a configured token, and gives it back.

The cookie is HttpOnly and SameSite=Strict, and Secure where pages come by https. It is new at every sign-in, and what
the browser had before is over: nobody can plant one that becomes good later.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field, model_validator

from gateway.access import AccessDesk, Ticket
from gateway.api.auth import STAFF_COOKIE, Given, Member, anyone, check_own_page, staff_by_token
from gateway.api.problems import documented
from gateway.api.routes.pages import NEVER_KEPT
from gateway.api.services import Services, Staff
from gateway.api.source import source_of
from gateway.errors import SignInRefused

router = APIRouter(prefix="/api/v1/session", tags=["session"])


class SignIn(BaseModel):
    """Either a name and its password, or a token of the configuration."""

    name: Annotated[str, Field(max_length=200, examples=["badge-1138"])] = ""
    password: Annotated[str, Field(max_length=1000, examples=["seven quiet herons at noon"])] = ""
    token: Annotated[str, Field(max_length=1000)] = ""

    @model_validator(mode="after")
    def _one_way(self) -> SignIn:
        if bool(self.token) == bool(self.name or self.password):
            raise ValueError("send either token, or name and password")
        return self


class SessionView(BaseModel):
    """csrf_token: for the header `X-Kinbridge-Csrf` of what the page changes; "" and null for who has no session."""

    name: Annotated[str, Field(examples=["badge-1138"])]
    roles: Annotated[list[str], Field(examples=[["officer", "supervisor"]])]
    csrf_token: Annotated[str, Field(examples=["9f2c61d0..."])]
    ends_at: datetime | None

    @classmethod
    def of(cls, member: Staff) -> SessionView:
        session = member.session
        return cls(
            name=member.name,
            roles=sorted(member.roles),
            csrf_token=session.csrf_token if session else "",
            ends_at=session.ends_at if session else None,
        )


@router.post("", summary="Sign in", responses=documented(401, 403, 413, 422, 429, 503), dependencies=[Depends(anyone)])
async def sign_in(wanted: SignIn, request: Request, response: Response, given: Given) -> SessionView:
    """Wrong passwords, unknown names and disabled accounts get one answer. Who fails too often gets 429 and a
    `Retry-After`, whatever is sent.
    """
    check_own_page(request.headers, given.public_url)
    desk = _desk(given)
    found = staff_by_token(given, wanted.token) if wanted.token else None
    ticket = await _admitted(desk, wanted, found, request)
    https = (given.public_url or str(request.url)).startswith("https:")
    response.set_cookie(STAFF_COOKIE, ticket.cookie, httponly=True, samesite="strict", secure=https, path="/")
    response.headers.update(NEVER_KEPT)
    session = await desk.session(ticket.cookie)
    if session is None:
        raise SignInRefused("the account has changed in this moment")
    return SessionView.of(Staff(session.name, found.roles if found else session.roles, session=session))


@router.get("", summary="Who is signed in", responses=documented(401, 503))
async def who_is_signed_in(member: Member, response: Response) -> SessionView:
    """Also for a token: it has no session, and needs no `csrf_token`."""
    response.headers.update(NEVER_KEPT)
    return SessionView.of(member)


@router.delete("", status_code=204, summary="Sign out", responses=documented(401, 403, 503))
async def sign_out(request: Request, given: Given, _member: Member) -> Response:
    if cookie := request.cookies.get(STAFF_COOKIE):
        await _desk(given).end(cookie)
    response = Response(status_code=204, headers=NEVER_KEPT)
    response.delete_cookie(STAFF_COOKIE, path="/", httponly=True, samesite="strict")
    return response


async def _admitted(desk: AccessDesk, wanted: SignIn, found: Staff | None, request: Request) -> Ticket:
    source, before = source_of(request), request.cookies.get(STAFF_COOKIE, "")
    if not wanted.token:
        return await desk.sign_in(wanted.name, wanted.password, source=source, before=before)
    name, digest = (found.name, found.token_sha256) if found else ("", "")
    return await desk.sign_in_by_token(name, digest, source=source, before=before)


def _desk(given: Services) -> AccessDesk:
    if given.access is None:
        raise SignInRefused("this gateway has no sign-in")
    return given.access
