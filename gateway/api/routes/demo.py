"""The demonstration's page: a button makes the simulated terminal call, and the visitor becomes the family."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import FileResponse
from pydantic import BaseModel, Field

from gateway.api.auth import Given, anyone
from gateway.api.problems import documented
from gateway.api.routes.pages import WEB
from gateway.api.services import DemoBusy

router = APIRouter(tags=["demo"])


class DemoRing(BaseModel):
    """family_url: the page that rings, relative to the gateway's address."""

    family_url: str = Field(examples=["/family/ImZhbWlseS0xIg.aVvKkA.3kq"])


@router.get("/demo", include_in_schema=False)
async def demo_page() -> FileResponse:
    return FileResponse(WEB / "demo.html", headers={"Cache-Control": "no-store"})


@router.post(
    "/api/v1/demo/ring",
    summary="Let the simulated terminal call",
    responses=documented(503),
    dependencies=[Depends(anyone)],
)
async def ring(given: Given) -> DemoRing:
    """Only in the demonstration: whoever can reach it gets the link of the demo family."""
    if given.demo is None:
        raise DemoBusy("there is no demonstration here")
    contact = await given.demo.ring()
    return DemoRing(family_url=f"/family/{given.links.sign(contact)}")
