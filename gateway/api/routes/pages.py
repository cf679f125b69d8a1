"""The pages: static files, the same for everybody. What differs comes over the API."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from gateway.api.auth import Given, contact_of
from gateway.errors import LinkExpired, LinkRefused

WEB = Path(__file__).parents[2] / "web"
router = APIRouter(include_in_schema=False)
NEVER_KEPT = {"Cache-Control": "no-store"}


class FreshFiles(StaticFiles):
    """Assets have no version in their names: browsers ask each time, and mostly get 304."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


@router.get("/console")
async def console() -> FileResponse:
    """The staff's page. It holds nothing: what it shows comes over the API, to whom is signed in."""
    return FileResponse(WEB / "console.html", headers=NEVER_KEPT)


@router.get("/staff/watch")
async def staff_watch() -> RedirectResponse:
    """Where it was before."""
    return RedirectResponse("../console", status_code=308)


@router.get("/family/{token}")
async def family(token: str, given: Given) -> FileResponse:
    """The page of a contact. A link that opens nothing gets a page too: a person reads it."""
    try:
        contact_of(given, token)
    except LinkRefused as error:
        status = 410 if isinstance(error, LinkExpired) else 404
        return FileResponse(WEB / "expired.html", status_code=status, headers=NEVER_KEPT)
    return FileResponse(WEB / "family.html", headers=NEVER_KEPT)
