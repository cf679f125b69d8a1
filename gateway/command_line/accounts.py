"""`kinbridge account ...`: whose money it is, and what moves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, with_accounting
from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.billing.accounting import Accounting

account_app = typer.Typer(help="Prepaid accounts.", no_args_is_help=True)


@account_app.command("open")
def account_open(
    account: str,
    currency: Annotated[str, typer.Option()] = "USD",
    facility: Annotated[
        bool, typer.Option("--facility", help="It pays by invoice: its visits need no balance.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Open a prepaid account, or one of a facility. Doing it again changes nothing."""
    from gateway.store import AccountKind

    kind = AccountKind.FACILITY if facility else AccountKind.PREPAID
    with_accounting(config, lambda books: books.open_account(account, currency, kind))
    print(f"{account}: open, in {currency}")


@account_app.command("deposit")
def account_deposit(
    account: str,
    amount: Annotated[str, typer.Argument(help="A decimal number such as 20.00.")],
    key: Annotated[str, typer.Option(help="Names this deposit: the same key again pays nothing twice.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Pay money into an account."""
    from gateway.money import Money

    async def deposit(books: Accounting) -> str:
        currency = (await books.account(account)).currency
        try:
            money = Money.parse(amount, currency)
        except ValueError as error:
            raise KinbridgeError(str(error)) from None
        return str((await books.deposit(account, money, key)).balance)

    print(f"{account}: balance {with_accounting(config, deposit)}")


@account_app.command("show")
def account_show(account: Annotated[str, typer.Argument()] = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Balance, what is held by visits, and what is left; of one account or of all."""
    found = with_accounting(config, lambda books: books.accounts())
    chosen = [each for each in found if not account or each.account_id == account]
    if account and not chosen:
        raise KinbridgeError(f"there is no account {account!r}; open it: kinbridge account open {account}")
    table = Table("account", "kind", "balance", "held", "available")
    for each in chosen:
        row = (each.account_id, str(each.kind), str(each.balance), str(each.held), str(each.available))
        table.add_row(*row)
    Console(highlight=False, soft_wrap=True).print(table)
