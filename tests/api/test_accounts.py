"""Accounts through the API: read them, pay in once for each key, give back what a record was charged."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import httpx
import pytest

from gateway.api.services import Staff
from gateway.billing.accounting import Accounting
from gateway.config import StaffRole
from tests.api.conftest import client
from tests.billing.stage import accounting_with, granted, summary
from tests.support.stage import STAFF_TOKEN, Stage

OFFICER = "token-of-an-officer"


@pytest.fixture
async def books() -> AsyncIterator[Accounting]:
    async with accounting_with("1.00") as accounting:
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))
        yield accounting


@pytest.fixture
async def desk(books: Accounting) -> AsyncIterator[httpx.AsyncClient]:
    officer = Staff("officer", frozenset({StaffRole.OFFICER}), hashlib.sha256(OFFICER.encode()).hexdigest())
    async with Stage(accounts=books, staff=(officer,)) as stage, client(stage, STAFF_TOKEN) as staff:
        yield staff


def key(text: str) -> dict[str, str]:
    return {"Idempotency-Key": text}


async def pay_in(desk: httpx.AsyncClient, amount: str, named: str, account: str = "family-1") -> httpx.Response:
    return await desk.post(f"/api/v1/accounts/{account}/deposits", json={"amount": amount}, headers=key(named))


async def test_an_account_shows_what_it_has_and_what_visits_hold(desk: httpx.AsyncClient, books: Accounting) -> None:
    await granted(books, "v2", max_seconds=60)
    found = (await desk.get("/api/v1/accounts/family-1")).json()
    assert (found["kind"], found["day_limit"], found["closed_at"]) == ("prepaid", None, None)
    assert [found[each]["amount"] for each in ("balance", "held", "available")] == ["0.84", "0.16", "0.68"]


async def test_accounts_come_in_pages_without_the_houses(desk: httpx.AsyncClient, books: Accounting) -> None:
    for name in ("a", "z"):
        await books.open_account(name)
    first = (await desk.get("/api/v1/accounts", params={"limit": 2})).json()
    rest = (await desk.get("/api/v1/accounts", params={"after": first["next_after"]})).json()
    assert [each["account"] for each in first["items"] + rest["items"]] == ["a", "family-1", "z"]


async def test_the_ledger_is_read_by_cursor(desk: httpx.AsyncClient) -> None:
    first = (await desk.get("/api/v1/accounts/family-1/ledger", params={"limit": 1})).json()
    rest = (await desk.get("/api/v1/accounts/family-1/ledger", params={"since": first["next_since"]})).json()
    told = [(each["kind"], each["amount"]["amount"], each["cdr_id"]) for each in first["items"] + rest["items"]]
    assert told == [("deposit", "1.00", ""), ("visit", "-0.16", "cdr:v1")]


async def test_a_deposit_counts_once_for_each_key(desk: httpx.AsyncClient) -> None:
    for _ in range(2):
        answer = await pay_in(desk, "2.50", "card-1")
        assert (answer.status_code, answer.json()["balance"]["amount"]) == (200, "3.34")
    clash = await pay_in(desk, "2.51", "card-1")
    assert (clash.status_code, clash.json()["type"]) == (409, "urn:kinbridge:problem:money-refused")
    entries = (await desk.get("/api/v1/accounts/family-1/ledger")).json()["items"]
    assert [each["who"] for each in entries if each["kind"] == "deposit"] == ["", "staff"]


@pytest.mark.parametrize(
    ("amount", "status", "says"),
    [
        ("1000.01", 409, "at most 1000.00 USD (billing.deposit_max)"),
        ("-1", 409, "cannot be paid into"),
        ("0.0000001", 409, "finer than a millionth"),
        ("lots", 409, "is not an amount"),
        ("9" * 41, 422, "at most 40 characters"),
    ],
)
async def test_an_amount_that_cannot_be_is_refused(
    desk: httpx.AsyncClient, amount: str, status: int, says: str
) -> None:
    answer = await pay_in(desk, amount, "k")
    assert answer.status_code == status
    assert says in answer.json()["detail"]


async def test_a_deposit_without_a_key_or_an_account_is_none(desk: httpx.AsyncClient) -> None:
    assert (await desk.post("/api/v1/accounts/family-1/deposits", json={"amount": "1"})).status_code == 422
    assert (await pay_in(desk, "1", "k", "nobody")).status_code == 404


async def test_a_credit_names_the_record_and_never_gives_more_than_was_paid(desk: httpx.AsyncClient) -> None:
    wanted = {"amount": "0.10", "reason": "the picture froze"}
    for _ in range(2):
        answer = await desk.post("/api/v1/cdrs/cdr:v1/credits", json=wanted, headers=key("complaint-1"))
        assert answer.status_code == 200, answer.text
        found = answer.json()
        assert (found["corrects"], found["total"]["amount"], found["credited"]["amount"]) == ("cdr:v1", "0.06", "0.10")
    more = await desk.post("/api/v1/cdrs/cdr:v1/credits", json=wanted, headers=key("complaint-2"))
    assert (more.status_code, "0.06" in more.json()["detail"]) == (409, True)
    assert (await desk.get("/api/v1/accounts/family-1")).json()["balance"]["amount"] == "0.94"
    unknown = await desk.post("/api/v1/cdrs/cdr:nobody/credits", json=wanted, headers=key("complaint-3"))
    assert unknown.status_code == 409


async def test_money_is_for_staff_with_that_right(desk: httpx.AsyncClient) -> None:
    officer = {"Authorization": f"Bearer {OFFICER}"}
    for path in ("/api/v1/accounts", "/api/v1/accounts/family-1", "/api/v1/accounts/family-1/ledger"):
        assert (await desk.get(path, headers=officer)).status_code == 403
    answer = await desk.post("/api/v1/accounts/family-1/deposits", json={"amount": "1"}, headers=officer | key("k"))
    assert answer.status_code == 403
