"""For billing systems and the staff who handle money: accounts, their ledger, deposits and credits."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from pydantic import BaseModel, Field

from gateway.api.auth import AccountsKeeper, AccountsReader, Given
from gateway.api.messages import Amount
from gateway.api.money import Accounts, Corrected
from gateway.api.problems import documented
from gateway.api.services import Services
from gateway.errors import AccountUnknown, BillingError
from gateway.money import Money
from gateway.store import Account, LedgerEntry

router = APIRouter(prefix="/api/v1")
AccountId = Annotated[str, Path(min_length=1, max_length=200, examples=["family-17"])]
CdrId = Annotated[str, Path(pattern=r"^[\w.:-]{1,200}$", examples=["cdr:v-7f3a9c"])]
Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=60,
        description="names this movement alone: the same again moves nothing twice, and answers as the first time",
        examples=["card-payment-4711"],
    ),
]
Limit = Annotated[int, Query(ge=1, le=1000, description="at most so many")]
Text = Annotated[str, Field(max_length=40, description="decimal text", examples=["20.00"])]


class AccountView(BaseModel):
    """An account. available: what visits may still reserve; limits are null where there is none."""

    account: str
    kind: Annotated[str, Field(description="`prepaid`, `debit` (a resident's), `facility` (by invoice)")]
    owner: str
    balance: Amount
    held: Amount
    available: Amount
    day_limit: Amount | None
    week_limit: Amount | None
    opened_at: datetime
    active_at: datetime
    closed_at: datetime | None

    @classmethod
    def of(cls, account: Account) -> AccountView:
        return cls(
            account=account.account_id,
            kind=str(account.kind),
            owner=account.owner,
            balance=Amount.of(account.balance),
            held=Amount.of(account.held),
            available=Amount.of(account.available),
            day_limit=None if account.day_limit is None else Amount.of(account.day_limit),
            week_limit=None if account.week_limit is None else Amount.of(account.week_limit),
            opened_at=account.opened_at,
            active_at=account.active_at,
            closed_at=account.closed_at,
        )


class AccountPage(BaseModel):
    """next_after: for the next call; the same as `after` when there was nothing more."""

    items: list[AccountView]
    next_after: str


class Entry(BaseModel):
    """One side of a movement, on this account. number: the cursor; it grows, with gaps."""

    number: int
    at: datetime
    kind: Annotated[str, Field(description="`deposit`, `visit`, `credit`, `correction`, `withdrawal`, `refund`")]
    amount: Amount
    movement: str
    visit_id: str
    cdr_id: str
    reason: str
    who: str

    @classmethod
    def of(cls, entry: LedgerEntry) -> Entry:
        movement = entry.movement
        return cls(
            number=entry.number,
            at=movement.at,
            kind=str(movement.kind),
            amount=Amount.of(entry.amount),
            movement=movement.movement_id,
            visit_id=movement.visit_id,
            cdr_id=movement.cdr_id,
            reason=movement.reason,
            who=movement.who,
        )


class Ledger(BaseModel):
    items: list[Entry]
    next_since: int


class Deposit(BaseModel):
    amount: Text


class Credit(BaseModel):
    """reason: for whoever reads the record; no names of people."""

    amount: Text
    reason: Annotated[str, Field(min_length=1, max_length=200, examples=["the picture froze"])]


class Credited(BaseModel):
    """The record that the credit left: `total` is what the visit costs now."""

    cdr_id: str
    corrects: str
    sequence: int
    credited: Amount
    total: Amount

    @classmethod
    def of(cls, cdr: Corrected) -> Credited:
        return cls(
            cdr_id=cdr.cdr_id,
            corrects=cdr.corrects,
            sequence=cdr.sequence,
            credited=Amount(amount=cdr.credited, currency=cdr.currency),
            total=Amount(amount=cdr.total, currency=cdr.currency),
        )


@router.get("/accounts", tags=["accounts"], summary="Accounts", responses=documented(401, 403, 422, 503))
async def accounts(
    given: Given, _member: AccountsReader, after: Annotated[str, Query(max_length=200)] = "", limit: Limit = 100
) -> AccountPage:
    """In the order of their ids, without the house's own: ask again with `next_after`."""
    found = [AccountView.of(each) for each in await _accounts(given).accounts_page(after, limit)]
    return AccountPage(items=found, next_after=found[-1].account if found else after)


@router.get(
    "/accounts/{account_id}", tags=["accounts"], summary="One account", responses=documented(401, 403, 404, 422, 503)
)
async def account(account_id: AccountId, given: Given, _member: AccountsReader) -> AccountView:
    return AccountView.of(await _accounts(given).account(account_id))


@router.get(
    "/accounts/{account_id}/ledger",
    tags=["accounts"],
    summary="What moved an account",
    responses=documented(401, 403, 404, 422, 503),
)
async def ledger(
    account_id: AccountId,
    given: Given,
    _member: AccountsReader,
    since: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
    limit: Limit = 100,
) -> Ledger:
    """By cursor: ask again with `next_since` and nothing is skipped or repeated. Entries never change."""
    await _accounts(given).account(account_id)
    found = [Entry.of(each) for each in await _accounts(given).ledger(account_id, since, limit)]
    return Ledger(items=found, next_since=found[-1].number if found else since)


@router.post(
    "/accounts/{account_id}/deposits",
    tags=["accounts"],
    summary="Pay in",
    responses=documented(401, 403, 404, 409, 422, 503),
)
async def deposit(
    account_id: AccountId, wanted: Deposit, key: Key, member: AccountsKeeper, given: Given
) -> AccountView:
    """The account after it. The same key with another amount or account is a conflict, and so is too large a sum."""
    books = _accounts(given)
    money = _money(wanted.amount, (await books.account(account_id)).currency)
    return AccountView.of(await books.deposit(account_id, money, key, member.name))


@router.post(
    "/cdrs/{cdr_id}/credits",
    tags=["accounts"],
    summary="Give back a part of a charge",
    responses=documented(401, 403, 409, 422, 503),
)
async def credit(cdr_id: CdrId, wanted: Credit, key: Key, member: AccountsKeeper, given: Given) -> Credited:
    """To who paid it, in proportion; never more than is left of the charge. A record that corrects it says so."""
    books = _accounts(given)
    money = _money(wanted.amount, await books.currency_of(cdr_id))
    return Credited.of(await books.credit(cdr_id, money, wanted.reason, key, member.name))


def _money(text: str, currency: str) -> Money:
    try:
        return Money.parse(text, currency)
    except ValueError as error:
        raise BillingError(str(error)) from None


def _accounts(given: Services) -> Accounts:
    if given.accounts is None:
        raise AccountUnknown("this gateway keeps no accounts")
    return given.accounts
