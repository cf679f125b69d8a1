"""For billing systems: call-detail records, by the page and as files that stream."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from starlette.types import Receive, Scope, Send

from gateway.api.auth import Given, RecordsReader, discreet
from gateway.api.problems import documented
from gateway.api.records import Download, RecordQuery
from gateway.api.services import Services, Staff
from gateway.config import StaffRole
from gateway.store import Selection

router = APIRouter(prefix="/api/v1", tags=["records"])
MOST = 2**63 - 1  # what a database can count to
CLIENT_GONE = 499
NEXT_SINCE = "Kinbridge-Next-Since"


def _moment(text: object) -> object:
    """ISO 8601; without a zone it is UTC, as on the command line."""
    if not isinstance(text, str):
        return text
    try:
        at = datetime.fromisoformat(text)
        return (at.replace(tzinfo=UTC) if at.tzinfo is None else at).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("write a day or a time, such as 2026-10-01 or 2026-10-01T05:00:00Z (`+` as %2B)") from None


Name = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Moment = Annotated[datetime | None, BeforeValidator(_moment)]


Since = Annotated[
    int, Query(ge=0, le=MOST, description="cursor: only records with a `sequence` above it", examples=[0])
]


class Filters(BaseModel):
    """Which records. Each node has a sequence of its own; a query is of one node."""

    model_config = ConfigDict(extra="forbid")

    since: Annotated[int, Field(ge=0, le=MOST, description="cursor: only records with a `sequence` above it")] = 0
    upto: Annotated[
        int | None, Field(ge=0, le=MOST, description="only records up to this `sequence`: the same again, for ever")
    ] = None
    begin: Annotated[
        Moment, Field(alias="from", description="visits that ended at or after this time", examples=["2026-10-01"])
    ] = None
    until: Annotated[
        Moment, Field(description="visits that ended before this time", examples=["2026-11-01T05:00:00Z"])
    ] = None
    facility: Annotated[Name, Field(description="only this facility's")] = ""
    trunk: Annotated[Name, Field(description="only this trunk's")] = ""
    account: Annotated[Name, Field(description="only what this account paid, alone or with others")] = ""
    node: Annotated[Name, Field(description="whose records; else this node's")] = ""

    @field_validator("until")
    @classmethod
    def _after_the_beginning(cls, until: datetime | None, given: ValidationInfo) -> datetime | None:
        begin = given.data.get("begin")
        if until is not None and begin is not None and until <= begin:
            raise ValueError("is not after `from`")
        return until


class PageQuery(Filters):
    """A page of them."""

    limit: Annotated[int, Field(ge=1, le=1000, description="at most so many")] = 100


class CsvQuery(Filters):
    """A file of them."""

    header: Annotated[bool, Field(description="false where a file is gone on with")] = True


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
    """next_since: the cursor for the next call. The same as `since`: there was nothing new."""

    items: list[Cdr]
    next_since: int


def _file(kind: str, description: str) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a download."""
    header = {
        "description": "`since` of the next download, once this one has come whole",
        "schema": {"type": "integer"},
    }
    answer = {"description": description, "content": {kind: {}}, "headers": {NEXT_SINCE: header}}
    return {200: answer} | documented(401, 422, 503)


@router.get("/cdrs", summary="Call-detail records", responses=documented(401, 422, 503))
async def cdrs(query: Annotated[PageQuery, Query()], member: RecordsReader, given: Given) -> Cdrs:
    """By cursor: ask again with `next_since`, until it stays the same, and nothing is skipped or repeated.

    Records never change. Without the role `privileged`, private visits are told without who had them.
    """
    found = await given.cdrs.page(await _asked(query, member, given), query.limit)
    return Cdrs(items=[Cdr.model_validate(each) for each in found.items], next_since=found.next_since)


@router.get(
    "/cdrs.csv",
    summary="Call-detail records as CSV",
    response_class=StreamingResponse,
    responses=_file("text/csv", "RFC 4180, UTF-8, with header"),
)
async def cdrs_csv(query: Annotated[CsvQuery, Query()], member: RecordsReader, given: Given) -> Response:
    """Cells that a spreadsheet would take for a formula are defused. One that broke goes on from its last whole line's
    `sequence`, with `header=false`.
    """
    made = await given.cdrs.csv(await _asked(query, member, given), header=query.header)
    return Sending(made, "text/csv; charset=utf-8", _name(query, given, "csv"))


@router.get(
    "/cdrs.jsonl",
    summary="Call-detail records as JSON Lines",
    response_class=StreamingResponse,
    responses=_file("application/x-ndjson", "one record a line, UTF-8, LF"),
)
async def cdrs_jsonl(query: Annotated[Filters, Query()], member: RecordsReader, given: Given) -> Response:
    """As they were signed. A download that broke goes on from its last whole line's `sequence`."""
    made = await given.cdrs.jsonl(await _asked(query, member, given))
    return Sending(made, "application/x-ndjson", _name(query, given, "jsonl"))


@router.get(
    "/cdrs.parquet",
    summary="Call-detail records as Parquet",
    response_class=StreamingResponse,
    responses=_file("application/vnd.apache.parquet", "typed columns, Zstandard"),
)
async def cdrs_parquet(
    query: Annotated[Filters, Query()], member: RecordsReader, given: Given, request: Request
) -> Response:
    """Made whole before its first byte comes. One that broke is asked for again, with `upto` for the same records."""
    made = await given.cdrs.parquet(await _asked(query, member, given), request.is_disconnected)
    if made is None:
        return Response(status_code=CLIENT_GONE)
    return Sending(made, "application/vnd.apache.parquet", _name(query, given, "parquet"))


class Sending(StreamingResponse):
    """A download that is closed at once when it is over, also when whoever reads it goes away."""

    def __init__(self, download: Download, media_type: str, name: str) -> None:
        self._download = download
        headers = {
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store",
            NEXT_SINCE: str(download.next_since),
        }
        super().__init__(download.chunks, media_type=media_type, headers=headers | _of_whole(download))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._download.close()


def _of_whole(download: Download) -> dict[str, str]:
    """What is known of a file that is there before it is sent (Repr-Digest: RFC 9530)."""
    if download.size is None:
        return {}
    digest = base64.b64encode(bytes.fromhex(download.sha256)).decode()
    return {"Content-Length": str(download.size), "Repr-Digest": f"sha-256=:{digest}:"}


async def _asked(query: Filters, member: Staff, given: Services) -> RecordQuery:
    """Raises RequestValidationError for a node that nobody knows."""
    node = query.node or given.node
    if node != given.node:
        known = await given.cdrs.nodes()
        if node not in known:
            words = f"this node has no record; known: {', '.join(known) or 'none'}"
            raise RequestValidationError([{"type": "value_error", "loc": ("query", "node"), "msg": words}])
    return RecordQuery(
        Selection(node, query.since, query.upto, begin=query.begin, end=query.until, facility=query.facility),
        query.trunk,
        query.account,
        names=not discreet(member),
        payers=StaffRole.BILLING in member.roles,
    )


def _name(query: Filters, given: Services, suffix: str) -> str:
    return f"cdrs-{query.node or given.node}-since-{query.since}.{suffix}"
