"""What the API needs of the accounts. gateway/app.py gives it gateway.billing.accounting.Accounting.

Each method raises AccountUnknown, BillingError (it may not be; the message says why) and StoreUnavailable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.money import Money
from gateway.store import Account, LedgerEntry


class Corrected(Protocol):
    """The record that a credit leaves (gateway.billing.cdr.Cdr)."""

    @property
    def cdr_id(self) -> str: ...
    @property
    def corrects(self) -> str: ...
    @property
    def sequence(self) -> int: ...
    @property
    def credited(self) -> str: ...
    @property
    def total(self) -> str: ...
    @property
    def currency(self) -> str: ...


class Accounts(Protocol):
    async def accounts_page(self, after: str = ..., limit: int = ...) -> Sequence[Account]: ...

    async def account(self, account_id: str) -> Account: ...

    async def ledger(self, account_id: str, since: int = ..., limit: int = ...) -> Sequence[LedgerEntry]: ...

    async def deposit(self, account_id: str, amount: Money, key: str, who: str = ...) -> Account: ...

    async def credit(self, cdr_id: str, amount: Money, reason: str, key: str, who: str = ...) -> Corrected: ...

    async def currency_of(self, cdr_id: str) -> str: ...
