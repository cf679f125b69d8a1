"""Money and records for the rest of the gateway: implements gateway.call.ports.Accounting over the store.

    accounting = Accounting(store, tariffs, node="node1")
    await accounting.recover("node1", clock.now())          # at start, before the first visit
    answer = await accounting.authorise(intent)              # intent row + hold
    await accounting.alive(proofs)                           # every second, all visits in one transaction
    receipt = await accounting.close(summary)                # charge + ledger + release + CDR

Every method is one transaction and may be repeated after StoreUnavailable: visits by their id, deposits by their key.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from gateway.billing import accounts, audit, authorisation, closing, corrections
from gateway.billing.audit import ChainReport
from gateway.billing.cdr import Cdr, from_document, storable_text
from gateway.billing.corrections import Hand
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import Tariffs
from gateway.call.summary import HoldGranted, HoldRefused, ProofOfLife, Receipt, VisitIntent, VisitSummary
from gateway.clock import Clock, SystemClock
from gateway.errors import BillingError, StoreError, StoreUnavailable
from gateway.money import Money
from gateway.store import (
    Account,
    AccountKind,
    CdrRow,
    LedgerEntry,
    MovementKind,
    RawRecord,
    Selection,
    Store,
    Visit,
    Work,
)

log = logging.getLogger(__name__)


class Accounting:
    """node: whose records `cdrs` and `verify_chain` mean unless told otherwise."""

    def __init__(
        self,
        store: Store,
        tariffs: Tariffs,
        *,
        node: str = "node1",
        clock: Clock | None = None,
        rules: AccountRules = AccountRules(),  # noqa: B008 - a frozen value
    ) -> None:
        self._store = store
        self._tariffs = tariffs
        self._node = node
        self._clock = clock or SystemClock()
        self._rules = rules

    @property
    def tariffs(self) -> Tariffs:
        """Those in force."""
        return self._tariffs

    def use(self, tariffs: Tariffs) -> None:
        """From now on. What runs has its prices with its intent."""
        self._tariffs = tariffs

    # visits

    async def authorise(self, intent: VisitIntent) -> HoldGranted | HoldRefused:
        intent = storable(intent)
        tariff = self._tariffs.agreed(
            intent.tariff,
            intent.setup_at,
            facility=intent.facility,
            timezone=intent.timezone,
            privileged=intent.privileged,
        )
        return await self._store.write(lambda work: authorisation.authorise(work, intent, tariff, self._rules))

    async def extend(self, visit_id: str, has_s: int) -> HoldGranted | HoldRefused:
        """The next slice for a visit that knows of `has_s` seconds. A refusal takes nothing away."""
        now = self._clock.now()
        return await self._store.write(lambda work: authorisation.extend(work, visit_id, has_s, now, self._rules))

    async def attempt(self, intent: VisitIntent) -> None:
        intent = storable(intent)
        await self._store.write(lambda work: authorisation.attempt(work, intent))

    async def receive(self, intent: VisitIntent) -> None:
        """A call that is answered before anything is decided."""
        intent = storable(intent)
        await self._store.write(lambda work: authorisation.receive(work, intent))

    async def alive(self, proofs: tuple[ProofOfLife, ...]) -> None:
        if proofs:
            await self._store.write(lambda work: work.visits.alive(proofs))

    async def close(self, summary: VisitSummary) -> Receipt:
        now = self._clock.now()
        receipt = await self._store.write(partial(self._close, summary=summary, now=now))
        _tell_of_cap(receipt)
        return receipt

    def _close(self, work: Work, summary: VisitSummary, now: datetime) -> Receipt:
        receipt = closing.close(work, summary, now, self._rules)
        payers = [each.account_id for each in work.books.holds(summary.visit_id)]
        return replace(receipt, low=accounts.fallen_low(work, payers, self._rules))

    async def expire(self, silent_s: float, live: Collection[str] = ()) -> list[Receipt]:
        """Closes the visits, of whatever node, that gave no sign of life for so long, and frees what they hold.

        live: visits that this process has in hand: whatever the database says, they are alive.
        """
        now = self._clock.now()
        before = now - timedelta(seconds=silent_s)
        silent = await self._store.read(lambda work: work.visits.silent_since(before))
        return await self._close_crashed([each for each in silent if each.intent.visit_id not in live], now, before)

    async def recover(self, node: str, now: datetime) -> list[Receipt]:
        """Closes what a crash of `node` left open. Call it before the node takes its first visit, never later.

        Raises StoreError while another process runs as `node`: its visits are not crashed.
        A visit that cannot be closed is logged and left for the next time; it does not hold up the others.
        """
        await self._store.claim(node)
        return await self._close_crashed(await self._store.read(lambda work: work.visits.without_record(node)), now)

    async def _close_crashed(
        self, visits: Sequence[Visit], now: datetime, silent_before: datetime | None = None
    ) -> list[Receipt]:
        receipts: list[Receipt] = []
        for visit in visits:
            visit_id = visit.intent.visit_id
            close = partial(self._close_if_silent, visit_id=visit_id, now=now, before=silent_before)
            try:
                receipt = await self._store.write(close)
            except StoreUnavailable:
                raise
            except (BillingError, StoreError):
                log.exception("visit %s cannot be recovered", visit_id)
                continue
            if receipt is not None:
                _tell_of_cap(receipt)
                receipts.append(receipt)
        return receipts

    def _close_if_silent(self, work: Work, visit_id: str, now: datetime, before: datetime | None) -> Receipt | None:
        """None: it was closed meanwhile, or gave a sign of life since `before`."""
        visit = work.visits.get(visit_id)
        if visit is None or visit.cdr_id is not None:
            return None
        if before is not None and (visit.alive_at or visit.intent.setup_at) >= before:
            return None
        return self._close(work, closing.crashed(visit), now)

    # accounts

    async def open_account(
        self, account_id: str, currency: str = "USD", kind: AccountKind = AccountKind.PREPAID, owner: str = ""
    ) -> Account:
        """Idempotent. Raises BillingError when the account is there with another kind, currency or owner."""
        now = self._clock.now()
        return await self._store.write(
            lambda work: accounts.open_account(work, account_id, currency, kind, now, owner=owner)
        )

    async def deposit(self, account_id: str, amount: Money, key: str, who: str = "") -> Account:
        """Idempotent by `key`. Raises BillingError: unknown or closed account, other currency, key used otherwise."""
        now, rules = self._clock.now(), self._rules
        return await self._store.write(
            lambda work: accounts.deposit(work, account_id, amount, key, at=now, rules=rules, who=who)
        )

    async def withdraw(self, account_id: str, amount: Money, key: str, reason: str = "", who: str = "") -> Account:
        """Idempotent by `key`. Raises BillingError: more than no visit has reserved, and as for `deposit`."""
        now = self._clock.now()
        return await self._store.write(
            lambda work: accounts.withdraw(work, account_id, amount, key, at=now, reason=reason, who=who)
        )

    async def moved_before(self, kind: MovementKind, key: str) -> bool:
        """Whether a deposit or a withdrawal with this key is in the ledger, so that the next one will move nothing."""
        return await self._store.read(lambda work: accounts.moved_before(work, kind, key))

    async def credit(self, cdr_id: str, amount: Money, reason: str, key: str, who: str = "") -> Cdr:
        """Gives back a part of what a visit was charged, and leaves a record that says so. Idempotent by `key`.

        Raises BillingError for an unknown record, and for more than is left of its charge.
        """
        now, hand = self._clock.now(), Hand(key, reason, who, self._node)
        return await self._store.write(
            lambda work: corrections.credit(work, cdr_id, amount, hand, now=now, rules=self._rules)
        )

    async def currency_of(self, cdr_id: str) -> str:
        """Of a record. Raises BillingError for an unknown one."""
        row = await self._store.read(lambda work: work.records.by_id(cdr_id))
        if row is None:
            raise BillingError(f"there is no record {cdr_id!r}")
        return row.total.currency

    async def set_limits(
        self, account_id: str, day: Money | None, week: Money | None, low_balance: Money | None
    ) -> Account:
        """The most that visits may cost a day and a week, and the mark of the low balance; None takes one away."""
        rules = self._rules
        return await self._store.write(
            lambda work: accounts.set_limits(work, account_id, day, week, low_balance, rules=rules)
        )

    async def close_account(self, account_id: str, *, refund: bool = False, who: str = "") -> Account:
        now = self._clock.now()
        return await self._store.write(
            lambda work: accounts.close_account(work, account_id, now, refund=refund, who=who)
        )

    async def inactive(self, days: int) -> tuple[Account, ...]:
        """People's accounts with money in them that has not moved for so long. Nothing is done to them."""
        since = self._clock.now() - timedelta(days=days)
        return await self._store.read(lambda work: work.books.inactive(since))

    async def account(self, account_id: str) -> Account:
        """With balance, held and available. Raises BillingError for an unknown one."""
        return await self._store.read(lambda work: accounts.required(work, account_id))

    async def accounts(self) -> tuple[Account, ...]:
        return await self._store.read(lambda work: work.books.accounts())

    async def accounts_page(self, after: str = "", limit: int = 100) -> tuple[Account, ...]:
        """Those with ids behind `after`, in order, without the house's."""
        return await self._store.read(lambda work: work.books.accounts_page(after, limit))

    async def balance(self, account_id: str) -> Money:
        """What the ledger says, holds included. Raises BillingError for an unknown account."""
        return (await self.account(account_id)).balance

    async def ledger(self, account_id: str, since: int = 0, limit: int = 500) -> tuple[LedgerEntry, ...]:
        """Entries with numbers above `since`, in order."""
        return await self._store.read(lambda work: work.books.ledger(account_id, since, limit))

    # records

    async def cdrs(self, since: int = 0, limit: int = 500, node: str | None = None) -> tuple[Cdr, ...]:
        """Records of a node with sequences above `since`, in order: call again with the last one's sequence."""
        name = node or self._node
        rows = await self._store.read(lambda work: work.records.since(name, since, limit))
        return tuple(from_document(row.document, row.previous_hash, row.hash) for row in rows)

    async def cdr_pages(
        self, since: int = 0, page: int = 500, node: str | None = None
    ) -> AsyncIterator[tuple[Cdr, ...]]:
        """All records after `since`, a page at a time, in constant memory."""
        while cdrs := await self.cdrs(since, page, node):
            yield cdrs
            since = cdrs[-1].sequence

    async def last_sequence(self, node: str | None = None) -> int:
        """0 when the node has no record."""
        end = await self._store.read(lambda work: work.records.chain_end(node or self._node))
        return end.sequence

    async def raw_records(self, wanted: Selection, limit: int) -> tuple[RawRecord, ...]:
        """A page for an export."""
        return await self._store.read(lambda work: work.records.raw(wanted, limit))

    async def verify_chain(self, node: str | None = None) -> ChainReport:
        return await audit.verify_chain(self._store, node or self._node)

    async def nodes(self) -> tuple[str, ...]:
        """Those that have records in this database."""
        return await self._store.read(lambda work: work.records.nodes())

    async def records_of(self, name: str) -> tuple[Cdr, ...]:
        """Of a visit: its record and what corrected it. name: the visit's id, or that of one of its records."""

        def found(work: Work) -> tuple[CdrRow, ...]:
            row = work.records.by_id(name)
            return work.records.of_visit(row.visit_id if row else name)

        rows = await self._store.read(found)
        return tuple(from_document(row.document, row.previous_hash, row.hash) for row in rows)

    async def verify_books(self) -> tuple[str, ...]:
        """What does not add up, in words; empty when every movement sums to zero, every balance is its ledger's, and
        what a visit has cost is what its last record says.
        """
        return await self._store.read(lambda work: (*work.books.discrepancies(), *audit.unpaid(work)))


def _tell_of_cap(receipt: Receipt) -> None:
    if receipt.cap:
        log.info("visit %s: the cap %s lowered its charge", receipt.visit_id, receipt.cap)


def storable(intent: VisitIntent) -> VisitIntent:
    """The intent with every text such that the database and the record can hold it."""
    cleaned: dict[str, Any] = {
        each.name: storable_text(value) for each in fields(intent) if type(value := getattr(intent, each.name)) is str
    }
    return replace(intent, **cleaned)
