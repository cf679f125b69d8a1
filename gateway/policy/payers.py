"""Who pays a visit: what a contact or a rule says of it, and the accounts that come of that. Pure.

payers:                              a contact's or a rule's
  - {account: county, percent: 40}   an account by its name
  - {of: contact, percent: 40}       rules only: the account of the contact who is reached
  - {of: station, percent: 20}       rules only: the account of the resident whose station it is
  - {of: resident, percent: 20}      rules only: the account of the resident who calls, where residents are known
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, model_validator

from gateway.documents import Document
from gateway.policy.decision import Payer

WHOLE = 100


class Whose(StrEnum):
    CONTACT = "contact"
    STATION = "station"
    RESIDENT = "resident"


@dataclass(frozen=True, slots=True)
class Part:
    """`percent` of the charge: of an account, or of whoever is called (whose)."""

    percent: int
    account: str = ""
    whose: Whose | None = None


class PayerEntry(Document):
    """See Part."""

    percent: Annotated[int, Field(ge=1, le=WHOLE)]
    account: Annotated[str, Field(min_length=1)] | None = None
    of: Whose | None = None

    @model_validator(mode="after")
    def _one_account(self) -> PayerEntry:
        if (self.account is None) == (self.of is None):
            raise ValueError(
                "write either `account`, the name of one, or `of: contact`, `of: station` or `of: resident`"
            )
        return self

    def part(self) -> Part:
        return Part(self.percent, self.account or "", self.of)


def mistakes(entries: tuple[PayerEntry, ...]) -> Iterator[str]:
    """What is wrong with a list of payers that is not empty, in words."""
    total = sum(each.percent for each in entries)
    if total != WHOLE:
        yield f"the percents sum to {total}; all payers together pay {WHOLE}"
    named = [each.account or f"of: {each.of}" for each in entries]
    for name in sorted({each for each in named if named.count(each) > 1}):
        yield f"{name!r} stands there twice; add its percents up"


def shared(parts: Iterable[Part], *, contact: str, station: str, resident: str) -> tuple[Payer, ...]:
    """contact, station, resident: their accounts, empty where there is none.

    An account that is named in two ways pays both parts, at the first's place.
    """
    accounts = {Whose.CONTACT: contact, Whose.STATION: station, Whose.RESIDENT: resident}
    found: dict[str, int] = {}
    for part in parts:
        account = accounts[part.whose] if part.whose else part.account
        found[account] = found.get(account, 0) + part.percent
    return tuple(Payer(account, percent) for account, percent in found.items())
