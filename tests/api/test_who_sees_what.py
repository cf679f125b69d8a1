"""Who may see what of a private visit, by role and route: the table of docs/api.md."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pyarrow.parquet
import pytest

from gateway.api.services import Staff
from gateway.call.summary import Legs
from gateway.config import StaffRole
from gateway.exports.feed import CdrFeed
from gateway.reports.errand import Office
from gateway.reports.names import Names
from tests.api.conftest import client
from tests.billing.stage import accounting_on, granted, summary, usd
from tests.support.stage import Stage

PRIVATE = {
    "station": "attorney-room",
    "dialled": "5550170017",
    "contact": "counsel-17",
    "rule": "counsel-of-17",
    "sip_call_id": "17@private",
}
OUT = Legs(out_trunk="carrier", out_sip_call_id="out-17@private")  # fmt: skip
PAYER = "payer-of-17"
ROLES = {
    "nobody": None,
    "officer": {StaffRole.OFFICER},
    "auditor": {StaffRole.AUDITOR},
    "billing": {StaffRole.BILLING},
    "privileged": {StaffRole.PRIVILEGED},
    "billing, privileged": {StaffRole.BILLING, StaffRole.PRIVILEGED},
}
NO_TOKEN, NO_RIGHT, NO_ONE, PAID, ALL = "401", "403", "neither", "the payer", "the names"
RECORDS = dict(zip(ROLES, (NO_TOKEN, NO_ONE, NO_ONE, PAID, ALL, ALL), strict=True))
MONEY = dict(zip(ROLES, (NO_TOKEN, NO_RIGHT, NO_RIGHT, PAID, NO_RIGHT, PAID), strict=True))
FILES = ("/api/v1/cdrs", "/api/v1/cdrs.csv", "/api/v1/cdrs.jsonl", "/api/v1/cdrs.parquet")
TABLE = {
    **dict.fromkeys(FILES, RECORDS),
    "/api/v1/visits": dict(zip(ROLES, (NO_TOKEN, NO_ONE, NO_ONE, NO_ONE, ALL, ALL), strict=True)),
    f"/api/v1/accounts/{PAYER}/ledger": MONEY,
    "/api/v1/audit/watchings": dict(zip(ROLES, (NO_TOKEN, NO_RIGHT, NO_ONE, *[NO_RIGHT] * 3), strict=True)),
    "/api/v1/reports/facilities/north?month=2026-01": MONEY | {"billing": NO_ONE, "billing, privileged": NO_ONE},
    f"/api/v1/statements/{PAYER}?month=2026-01": MONEY | {"billing, privileged": ALL},
}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    """A private visit between two others, and one that runs."""
    url = f"sqlite:///{tmp_path}/k.db"
    async with accounting_on(url) as books:
        for account in ("family-1", PAYER):
            await books.open_account(account)
            await books.deposit(account, usd("5"), key=account)
        await granted(books, "v1")
        await books.close(summary("v1", 10))
        await granted(books, "v2", **PRIVATE, account=PAYER, privileged=True)
        await books.close(summary("v2", 20, legs=OUT))
        await granted(books, "v3")
        await books.close(summary("v3", 30))
        office = Office(url, lambda: Names(facilities={"north": "North Jail"}, zones={"north": "America/Chicago"}))
        members = tuple(
            Staff(name, frozenset(roles), hashlib.sha256(name.encode()).hexdigest())
            for name, roles in ROLES.items()
            if roles is not None
        )
        feed = CdrFeed(books, "node1")
        async with Stage(staff=members, records=feed, accounts=books, reports=office) as found:
            yield found


def outcome(answer: httpx.Response) -> str:
    if answer.status_code != 200:
        return str(answer.status_code)
    text = answer.text
    if answer.headers["content-type"].endswith("parquet"):
        text = str(pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist())
    named = [each for each in (*PRIVATE.values(), "counsel of the stage") if each in text]
    return ALL if named else PAID if PAYER in text else NO_ONE


@pytest.mark.parametrize("route", TABLE)
async def test_each_role_sees_what_the_table_says(stage: Stage, route: str) -> None:
    visit = stage.call("family-1", privileged=True)
    stage.visits.plays[visit].view = replace(stage.visits.view(visit), contact_name="counsel of the stage")
    for role, expected in TABLE[route].items():
        async with client(stage, "" if role == "nobody" else role) as asking:
            answer = await asking.get(route, timeout=60)
        assert outcome(answer) == expected, role


async def records(stage: Stage, role: str, **query: str) -> list[dict[str, object]]:
    async with client(stage, role) as asking:
        return [json.loads(each) for each in (await asking.get("/api/v1/cdrs.jsonl", params=query)).text.splitlines()]


async def test_billing_has_the_amounts_ids_and_times_of_a_private_visit(stage: Stage) -> None:
    whole = await records(stage, "billing, privileged")
    found = await records(stage, "billing")
    assert [each["visit_id"] for each in found] == ["v1", "v2", "v3"]
    hashes = {"previous_hash": "", "hash": ""}
    assert found[1] == whole[1] | dict.fromkeys((*PRIVATE, "out_sip_call_id"), "") | hashes
    assert (whole[1]["out_sip_call_id"], found[1]["out_trunk"]) == ("out-17@private", "carrier")
    assert [found[0], found[2]] == [whole[0] | hashes, whole[2] | hashes]  # all else of the others is told
    (paid,) = found[1]["payers"]  # type: ignore[misc]  # a list of one
    assert (found[1]["account"], found[1]["total"], paid["amount"]) == (PAYER, "0.053333", "0.053333")


async def test_no_hash_betrays_a_private_visit(stage: Stage) -> None:
    """It is in the record itself and in the next one; who guesses the names could try them against it."""
    (_, private, _) = await records(stage, "privileged")
    async with client(stage, "billing") as asking:
        for route in FILES:
            answer = await asking.get(route)
            assert str(private["hash"]).encode() not in answer.content
            if route.endswith("parquet"):
                rows = pyarrow.parquet.read_table(io.BytesIO(answer.content)).to_pylist()
                assert {(each["hash"], each["previous_hash"]) for each in rows} == {("", "")}


async def test_a_private_visit_is_not_found_by_who_paid_for_it_without_the_right(stage: Stage) -> None:
    assert await records(stage, "officer", account=PAYER) == []
    assert [each["visit_id"] for each in await records(stage, "billing", account=PAYER)] == ["v2"]
    assert [each["visit_id"] for each in await records(stage, "officer", account="family-1")] == ["v1", "v3"]
