"""How accounts are run: the settings of the section `billing`. Amounts are units of the account's own currency."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.money import Money


@dataclass(frozen=True, slots=True)
class AccountRules:
    """slice_s: a hold grows by so many seconds at a time. least_slice_s: what a visit gets even where many share.

    deposit_max: the most that one deposit may be, decimal text. low_balance: below it a notice is due, unless the
    account has a mark of its own; "0": never. credit_unusable_percent: a visit of whose time with media so much was not
    usable costs nothing; 0: never; nor does one with more than credit_at_most_s usable seconds.
    """

    slice_s: int = 60
    least_slice_s: int = 10
    deposit_max: str = "1000.00"
    low_balance: str = "5.00"
    credit_unusable_percent: int = 50
    credit_at_most_s: int = 300

    def highest_deposit(self, currency: str) -> Money:
        return Money.parse(self.deposit_max, currency)

    def low_mark(self, currency: str) -> Money:
        return Money.parse(self.low_balance, currency)
