"""One-time links: the page is the same for every link, and says nothing before its link was opened from it.

Programs that look at links in messages fetch the page and go; a link is opened by the POST that the page makes.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from gateway.api.auth import Given, anyone, check_guest, cookie_of
from gateway.api.problems import documented
from gateway.api.routes.pages import NEVER_KEPT, WEB
from gateway.errors import LinkForged

router = APIRouter(tags=["family"])
_DAY_S = 24 * 3600


class JoinToken(BaseModel):
    token: Annotated[str, Field(description="what follows `/join/` in the address of the page")]


@router.get("/join/{token}", include_in_schema=False)
async def join_page(token: str) -> FileResponse:  # noqa: ARG001 - whatever it is, the answer is the same
    return FileResponse(WEB / "family.html", headers=NEVER_KEPT)


@router.post(
    "/api/v1/join",
    status_code=204,
    summary="Open a one-time link",
    responses=documented(401, 422, 503),
    dependencies=[Depends(anyone)],
)
async def join(given: Given, request: Request, wanted: JoinToken) -> Response:
    """The first device to do so has the link from then on, by the cookie that it gets; it may do it again.

    To every other device, and for a link that is over or was never made, the answer is the same.
    """
    if given.joins is None:
        raise LinkForged("this link is not valid")
    name = cookie_of(wanted.token)
    opened = await given.joins.open(wanted.token, request.cookies.get(name, ""))
    check_guest(given, opened.guest)
    response = Response(status_code=204, headers=NEVER_KEPT)
    if opened.device:
        https = (given.public_url or str(request.url)).startswith("https:")
        response.set_cookie(name, opened.device, max_age=_DAY_S, httponly=True, samesite="lax", secure=https)
    return response
