"""How the node bears its load, for staff and for what watches nodes."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field

from bridge import Pressure
from gateway.api.auth import Given, node_reader
from gateway.api.problems import documented

router = APIRouter(prefix="/api/v1", dependencies=[Depends(node_reader)])


class MediaLoad(BaseModel):
    """What was measured in the last half second. A core that is used up is 1.0."""

    state: Annotated[str, Field(description="`welcome`, `full`, or `thinning to N/s`", examples=["welcome"])]
    pace_fps: Annotated[float | None, Field(description="transcoded pictures a second, at most; null: all")]
    loop_lag_ms: Annotated[float, Field(description="by how much the media loop is late", examples=[0.4])]
    loop_cpu: Annotated[float, Field(description="of the gateway's process", examples=[0.31])]
    codec_cpu: Annotated[float, Field(description="of the codec worker for pictures with most to spare")]
    picture_wait_ms: Annotated[float, Field(description="until a codec worker takes a picture, on average")]
    sound_wait_ms: float
    worker_deaths: Annotated[int, Field(description="codec workers that died or were killed, since the start")]
    worker_hangs: int
    frames_lost_with_workers: int

    @classmethod
    def of(cls, pressure: Pressure) -> MediaLoad:
        load, verdict = pressure.load, pressure.verdict
        return cls(
            state=str(verdict),
            pace_fps=verdict.fps,
            loop_lag_ms=round(1000 * load.loop_lag_s, 2),
            loop_cpu=round(load.loop_cpu, 3),
            codec_cpu=round(load.codec_cpu, 3),
            picture_wait_ms=round(1000 * load.picture_wait_s, 2),
            sound_wait_ms=round(1000 * load.sound_wait_s, 2),
            worker_deaths=pressure.worker_deaths,
            worker_hangs=pressure.worker_hangs,
            frames_lost_with_workers=pressure.frames_lost_with_workers,
        )


class Refused(BaseModel):
    """SIP requests that were not let through since the start; docs/sip.md."""

    why: Annotated[
        str, Field(description="`stranger`, `scanner`, `trunk-rate` or `source-rate`", examples=["stranger"])
    ]
    method: Annotated[str, Field(description="INVITE, OPTIONS, REGISTER ... or OTHER", examples=["REGISTER"])]
    trunk: Annotated[str, Field(description="empty for strangers", examples=[""])]
    number: Annotated[int, Field(examples=[212])]


class Node(BaseModel):
    """live_visits: visits that are not over. media: null where no media plane runs.

    webhooks: messages to receivers since the start, by word: `messages`, `attempts`, `failures`, `delivered`,
    `given_up`, `lost`, `unsettled`, `links_opened`.
    """

    node: str
    version: str
    live_visits: int
    media: MediaLoad | None
    sip_refused: list[Refused]
    webhooks: dict[str, int]


@router.get("/node", tags=["health"], summary="How the node bears its load", responses=documented(401))
async def node(given: Given) -> Node:
    """When `state` is not `welcome`, new calls get 503 with Retry-After, and `/readyz` says `bearing: false`."""
    pressure = given.pressure()
    return Node(
        node=given.node,
        version=given.version,
        live_visits=len(given.visits.live()),
        media=MediaLoad.of(pressure) if pressure else None,
        sip_refused=[
            Refused(why=why, method=method, trunk=trunk, number=number)
            for (why, method, trunk), number in sorted(given.sip_refused().items())
        ],
        webhooks=dict(given.webhooks()),
    )
