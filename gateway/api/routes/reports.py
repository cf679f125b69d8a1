"""For billing: an account's monthly statement, and reports of a facility or a carrier.

Each is made in a process of its own and takes a second or more. Pages come as downloads: they bring their own style,
which the policy of this site's pages would refuse.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, Field

from gateway.api.auth import Given, ReportsReader, discreet, reports_reader
from gateway.api.problems import documented
from gateway.api.reporting import Reports
from gateway.api.services import Services
from gateway.errors import ReportError

router = APIRouter(prefix="/api/v1", tags=["reports"])


class Form(StrEnum):
    """What it comes as. CSV: reports alone."""

    JSON = "json"
    HTML = "html"
    PDF = "pdf"
    CSV = "csv"


_TYPES = {
    Form.JSON: "application/json",
    Form.HTML: "text/html; charset=utf-8",
    Form.PDF: "application/pdf",
    Form.CSV: "text/csv; charset=utf-8",
}
_MADE: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "as asked for in `format`",
        "content": {"application/json": {}, "text/html": {}, "application/pdf": {}, "text/csv": {}},
    }
}
_ANSWERS = _MADE | documented(401, 403, 422, 503)
Subject = Annotated[str, Path(max_length=200, examples=["family-17"])]
Day = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$", description="instead of a month; both are in the report")]
Zone = Annotated[str, Field(max_length=64, description="IANA zone of the days, instead of the subject's own")]


class StatementQuery(BaseModel):
    """Which month, and as what."""

    month: Annotated[str, Field(pattern=r"^\d{4}-\d{2}$", examples=["2026-10"])]
    format: Literal["json", "html", "pdf"] = "json"
    language: Literal["en", "es"] = "en"
    zone: Zone = ""


class ReportQuery(BaseModel):
    """A month, or the first and the last day."""

    month: Annotated[str, Field(pattern=r"^(\d{4}-\d{2})?$", examples=["2026-10"])] = ""
    first: Day = ""
    last: Day = ""
    format: Form = Form.JSON
    language: Literal["en", "es"] = "en"
    zone: Zone = ""


class CarrierQuery(ReportQuery):
    """trunk empty: all facilities and all trunks. Its days are UTC's unless `zone` says otherwise."""

    trunk: Annotated[str, Field(max_length=200, description="only this trunk's calls")] = ""


@router.get("/statements/{account}", summary="A month of an account", response_class=Response, responses=_ANSWERS)
async def statement(
    account: Subject, query: Annotated[StatementQuery, Query()], member: ReportsReader, given: Given
) -> Response:
    """Opening balance, every visit with its price, what was paid in and given back, closing balance.

    Without the role `privileged`, private visits are told without station and contact.
    """
    form = Form(query.format)
    made = await _reports(given).fetch(
        kind="statement",
        subject=account,
        form=form,
        language=query.language,
        month=query.month,
        zone=query.zone,
        discreet=discreet(member),
    )
    return _document(made, form, "statement", query.month)


@router.get(
    "/reports/facilities/{facility}",
    summary="A facility's report",
    response_class=Response,
    responses=_ANSWERS,
    dependencies=[Depends(reports_reader)],
)
async def facility_report(facility: Subject, query: Annotated[ReportQuery, Query()], given: Given) -> Response:
    """Visits, minutes, money, refusals by rule, reasons of ending and quality, of a month or from `first` to `last`."""
    return await _report(given, "facility", facility, query)


@router.get(
    "/reports/carrier",
    summary="A carrier's report",
    response_class=Response,
    responses=_ANSWERS,
    dependencies=[Depends(reports_reader)],
)
async def carrier_report(query: Annotated[CarrierQuery, Query()], given: Given) -> Response:
    """The same of all facilities, or of what came over one trunk."""
    return await _report(given, "carrier", query.trunk, query)


async def _report(given: Services, kind: str, subject: str, query: ReportQuery) -> Response:
    made = await _reports(given).fetch(
        kind=kind,
        subject=subject,
        form=query.format,
        language=query.language,
        month=query.month,
        first=query.first,
        last=query.last,
        zone=query.zone,
    )
    return _document(made, query.format, kind, query.month or query.first)


def _reports(given: Services) -> Reports:
    if given.reports is None:
        raise ReportError("this gateway makes no reports")
    return given.reports


def _document(made: bytes, form: Form, what: str, period: str) -> Response:
    """The name of the file tells nobody whose it is."""
    headers = {"Cache-Control": "no-store"}
    if form is not Form.JSON:
        headers["Content-Disposition"] = f'attachment; filename="{what}-{period}.{form}"'
    return Response(made, media_type=_TYPES[form], headers=headers)
