"""A period's visits at the prices that the tariff files have now: what would change, and the corrections that do it.

    rerating = Rerating(store, tariffs, node="node1")
    async for each in rerating.looked_at(asked):              # a dry run: nothing is written
    async for each in rerating.corrected(asked, key, ...):    # each difference becomes a record that corrects the last

For rates that were wrong in a file: mend the file, look at the differences, then correct. A visit's price is found by
its beginning, facility and tariff as that of a new one would be, and reckoned from the seconds and the free allowance
that its record has. Nobody is charged more than was agreed, unless that is asked for expressly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from functools import partial

from gateway.billing import corrections
from gateway.billing.cdr import Cdr, from_document
from gateway.billing.corrections import Hand
from gateway.billing.rating import Charge, Tariff, charge
from gateway.billing.rules import AccountRules
from gateway.billing.tariff import Tariffs
from gateway.clock import Clock, SystemClock
from gateway.errors import BillingError, KeyUsed
from gateway.money import Money
from gateway.store import Page, Place, Store, Work


@dataclass(frozen=True, slots=True)
class Asked:
    """Visits that ended at `since` or later and before `until`; facility and tariff_id empty: all.

    dearer_too: also those that would become dearer are corrected.
    """

    since: datetime
    until: datetime
    facility: str = ""
    tariff_id: str = ""
    dearer_too: bool = False


class Verdict(StrEnum):
    SAME = "same"
    CHEAPER = "cheaper"
    DEARER = "dearer"
    NO_TARIFF = "no_tariff"  # no version is in force for that day and facility now, or in another currency
    UNPAID = "unpaid"  # a payer has not so much more
    KEY_USED = "key_used"  # the key named another correction of the visit


@dataclass(frozen=True, slots=True)
class Rerated:
    """One visit. before, after: its charge, credits apart. corrected: whether a record was written for it."""

    cdr: Cdr
    verdict: Verdict
    before: Money
    after: Money
    tariff_version: int
    corrected: bool = False

    @property
    def difference(self) -> Money:
        return self.after - self.before


class Rerating:
    """node: whose chain the corrections become a part of."""

    def __init__(
        self,
        store: Store,
        tariffs: Tariffs,
        *,
        node: str,
        clock: Clock | None = None,
        rules: AccountRules = AccountRules(),  # noqa: B008 - a frozen value
    ) -> None:
        self._store = store
        self._tariffs = tariffs
        self._node = node
        self._clock = clock or SystemClock()
        self._rules = rules

    async def looked_at(self, asked: Asked) -> AsyncIterator[Rerated]:
        """Every visit of the period that somebody paid, at the price of now."""
        async for cdr in self._charged(asked):
            yield self._priced(cdr)[0]

    async def corrected(self, asked: Asked, key: str, reason: str, who: str) -> AsyncIterator[Rerated]:
        """The same, and what differs is corrected, a transaction each. Again with the same key, nothing happens twice.

        A visit that cannot be corrected is told as such and left as it is; it does not hold up the others.
        """
        hand = Hand(key=key, reason=reason, who=who, node=self._node)
        async for cdr in self._charged(asked):
            found, tariff, charged = self._priced(cdr)
            wanted = found.verdict is Verdict.CHEAPER or (found.verdict is Verdict.DEARER and asked.dearer_too)
            if not wanted or tariff is None or charged is None:
                yield found
                continue
            now = self._clock.now()
            correct = partial(
                corrections.rerate,
                cdr_id=cdr.cdr_id,
                tariff=tariff,
                charge=charged,
                hand=hand,
                now=now,
                rules=self._rules,
            )
            try:
                await self._store.write(correct)
            except KeyUsed:
                yield replace(found, verdict=Verdict.KEY_USED)
            except BillingError:
                yield replace(found, verdict=Verdict.UNPAID)
            else:
                yield replace(found, corrected=True)

    async def _charged(self, asked: Asked) -> AsyncIterator[Cdr]:
        """The latest record of each visit that had a payer, a page at a time, in constant memory."""
        place: Place | None = None
        while True:
            page: Page = await self._store.read(partial(_page, asked=asked, after=place))
            for document in page.documents:
                cdr = from_document(document, "", "")
                if cdr.hold_id and (not asked.tariff_id or cdr.tariff_id == asked.tariff_id):
                    yield cdr
            if page.next is None:
                return
            place = page.next

    def _priced(self, cdr: Cdr) -> tuple[Rerated, Tariff | None, Charge | None]:
        before = cdr.charged + Money.parse(cdr.credited, cdr.currency)
        tariff = self._tariffs.agreed(
            cdr.tariff_id,
            cdr.setup_at,
            facility=cdr.facility,
            timezone=cdr.timezone,
            privileged=cdr.privileged,
        )
        if tariff is None or tariff.currency != cdr.currency:
            return Rerated(cdr, Verdict.NO_TARIFF, before, before, 0), None, None
        charged = charge(tariff, cdr.billable_s, cdr.free_s if tariff.free else 0)
        verdict = Verdict.SAME
        if charged.total != before:
            verdict = Verdict.CHEAPER if charged.total < before else Verdict.DEARER
        return Rerated(cdr, verdict, before, charged.total, tariff.version), tariff, charged


def _page(work: Work, asked: Asked, after: Place | None) -> Page:
    return work.latest.page(asked.since, asked.until, facility=asked.facility, after=after)
