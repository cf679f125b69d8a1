"""Statements and reports for staff: made by a child process from a database on the disk, given to who may have them."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.api.services import Staff
from gateway.config import StaffRole
from gateway.reports.errand import Office
from gateway.reports.names import Names
from tests.api.conftest import client
from tests.reports.stage import books_on, local
from tests.support.stage import STAFF_TOKEN, Stage

TELLER = Staff("teller", frozenset({StaffRole.BILLING}), hashlib.sha256(b"teller").hexdigest())
OFFICER = Staff("officer", frozenset({StaffRole.OFFICER}), hashlib.sha256(b"officer").hexdigest())


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    url = f"sqlite:///{tmp_path}/k.db"
    async with books_on(url) as books:
        await books.open()
        await books.deposit(local(1), "5.00")
        await books.visit(local(2), 60)
        await books.visit(local(3), 60, privileged=True, station="attorney-room")
    office = Office(url, lambda: Names(facilities={"north": "North Jail"}, zones={"north": "America/Chicago"}))
    async with Stage(staff=(TELLER, OFFICER), reports=office) as stage:
        yield stage


async def test_a_statement_comes_as_json_and_as_a_pdf(stage: Stage) -> None:
    async with client(stage, STAFF_TOKEN) as staff:
        found = (await staff.get("/api/v1/statements/family-1", params={"month": "2026-10"}, timeout=60)).json()
        pdf = await staff.get("/api/v1/statements/family-1", params={"month": "2026-10", "format": "pdf"}, timeout=60)
    assert found["closing_balance"] == "4.68"
    assert [each["facility_name"] for each in found["visits"]] == ["North Jail", "North Jail"]
    assert found["visits"][1]["station"] == "attorney-room"
    assert pdf.content.startswith(b"%PDF-")
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"] == 'attachment; filename="statement-2026-10.pdf"'
    assert pdf.headers["cache-control"] == "no-store"


async def test_who_may_not_see_between_whom_a_private_visit_was_is_told_its_price_alone(stage: Stage) -> None:
    async with client(stage, "teller") as teller:
        answer = await teller.get("/api/v1/statements/family-1", params={"month": "2026-10"}, timeout=60)
    private = answer.json()["visits"][1]
    assert (private["privileged"], private["amount"]) == (True, "0.16")
    assert "attorney" not in answer.text
    assert private["station"] == private["contact"] == private["visit_id"] == ""


async def test_a_facility_and_a_carrier_get_their_reports(stage: Stage) -> None:
    async with client(stage, "teller") as teller:
        facility = await teller.get("/api/v1/reports/facilities/north", params={"month": "2026-10"}, timeout=60)
        carrier = await teller.get(
            "/api/v1/reports/carrier",
            params={"first": "2026-10-02", "last": "2026-10-02", "zone": "America/Chicago", "format": "csv"},
            timeout=60,
        )
    assert facility.json()["tables"]["summary"][0]["visits"] == 2
    assert "summary,,visits,1,count\r\n" in carrier.text


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("statements/nobody?month=2026-10", "there is no account 'nobody'"),
        ("statements/family-1?month=October", "query.month"),
        ("reports/carrier?month=2026-10&format=docx", "query.format"),
    ],
)
async def test_what_cannot_be_made_is_refused_in_words(stage: Stage, path: str, words: str) -> None:
    async with client(stage, "teller") as teller:
        answer: httpx.Response = await teller.get(f"/api/v1/{path}", timeout=60)
    assert answer.status_code == 422, answer.text
    assert words in answer.json()["detail"]


async def test_an_officer_sees_nobodys_money(stage: Stage) -> None:
    async with client(stage, "officer") as officer:
        for path in ("statements/family-1", "reports/facilities/north", "reports/carrier"):
            assert (await officer.get(f"/api/v1/{path}?month=2026-10")).status_code == 403
    async with client(stage) as anyone:
        assert (await anyone.get("/api/v1/statements/family-1?month=2026-10")).status_code == 401


async def test_a_database_that_is_away_is_no_empty_statement(tmp_path: Path) -> None:
    office = Office(f"sqlite:///{tmp_path}/gone/k.db", Names)
    async with Stage(staff=(TELLER,), reports=office) as stage, client(stage, "teller") as teller:
        answer = await teller.get("/api/v1/statements/family-1?month=2026-10", timeout=60)
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
