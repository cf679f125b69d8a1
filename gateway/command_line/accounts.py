"""`kinbridge account ...`: whose money it is, and what moves it."""

from __future__ import annotations

import sys
from datetime import UTC
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, who_is, with_accounting
from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.billing.accounting import Accounting
    from gateway.money import Money

account_app = typer.Typer(help="Accounts: deposits, limits, credits, what is left.", no_args_is_help=True)
Amount = Annotated[str, typer.Argument(help="A decimal number such as 20.00.")]
KeyOption = Annotated[str, typer.Option(help="Names this movement alone: the same key again moves nothing twice.")]
By = Annotated[str, typer.Option(help="Who does it; the user of this process is kept beside it.")]


@account_app.command("open")
def account_open(
    account: str,
    currency: Annotated[str, typer.Option()] = "USD",
    facility: Annotated[
        bool, typer.Option("--facility", help="It pays by invoice: its visits need no balance.")
    ] = False,
    debit: Annotated[bool, typer.Option("--debit", help="It belongs to somebody inside.")] = False,
    owner: Annotated[str, typer.Option(help="Whose it is: an id of your own choice.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Open a family's prepaid account, a resident's or a facility's. Doing it again changes nothing."""
    from gateway.store import AccountKind

    if facility and debit:
        raise KinbridgeError("an account is either a facility's or a resident's: take --facility or --debit away")
    kind = AccountKind.FACILITY if facility else AccountKind.DEBIT if debit else AccountKind.PREPAID
    with_accounting(config, lambda books: books.open_account(account, currency, kind, owner))
    print(f"{account}: open, in {currency}")


@account_app.command("deposit")
def account_deposit(
    account: str, amount: Amount, key: KeyOption, by: By = "", config: ConfigFile = DEFAULT_CONFIG
) -> None:
    """Pay money into an account."""

    from gateway.store import MovementKind

    async def deposit(books: Accounting) -> str:
        money = _money(amount, (await books.account(account)).currency)
        before = await books.moved_before(MovementKind.DEPOSIT, key)
        return _now_has((await books.deposit(account, money, key, who_is(by))).balance, key, before)

    print(f"{account}: {with_accounting(config, deposit)}")


@account_app.command("withdraw")
def account_withdraw(
    account: str,
    amount: Amount,
    key: KeyOption,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Pay money out of an account: what no visit has reserved."""

    from gateway.store import MovementKind

    async def withdraw(books: Accounting) -> str:
        money = _money(amount, (await books.account(account)).currency)
        before = await books.moved_before(MovementKind.WITHDRAWAL, key)
        return _now_has((await books.withdraw(account, money, key, reason, who_is(by))).balance, key, before)

    print(f"{account}: {with_accounting(config, withdraw)}")


@account_app.command("credit")
def account_credit(
    cdr: Annotated[str, typer.Argument(help="The visit's record, such as cdr:v-7f3a9c.")],
    amount: Amount,
    reason: Annotated[str, typer.Option(help="Why; it stands in the record.")],
    key: KeyOption,
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Give back a part of what a visit was charged, to who paid it. A record that corrects the visit's says so."""

    async def credit(books: Accounting) -> str:
        money = _money(amount, await books.currency_of(cdr))
        done = await books.credit(cdr, money, reason, key, who_is(by))
        return f"{done.corrects}: corrected by {done.cdr_id}, costs {done.total} {done.currency} now"

    print(with_accounting(config, credit))


@account_app.command("limit")
def account_limit(
    account: str,
    day: Annotated[str, typer.Option(help="The most that visits may cost a day; none: no limit.")] = "",
    week: Annotated[str, typer.Option(help="The same for a week, from Monday.")] = "",
    low: Annotated[str, typer.Option(help="A notice is due below this balance; none: the house's mark.")] = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Set what an account may spend on visits, and when it counts as low. What is not named stays as it is."""

    async def limit(books: Accounting) -> str:
        now = await books.account(account)

        def wanted(text: str, before: Money | None) -> Money | None:
            return before if not text else None if text == "none" else _money(text, now.currency)

        marks = (wanted(day, now.day_limit), wanted(week, now.week_limit), wanted(low, now.low_balance))
        done = await books.set_limits(account, *marks)
        mark = f", low below {done.low_balance}" if done.low_balance is not None else ""
        return f"{done.day_limit or 'no limit'} a day, {done.week_limit or 'no limit'} a week{mark}"

    print(f"{account}: {with_accounting(config, limit)}")


@account_app.command("close")
def account_close(
    account: str,
    refund: Annotated[bool, typer.Option("--refund", help="Pay out what is left; not while visits run.")] = False,
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Let an account pay no new visit."""

    async def close(books: Accounting) -> str:
        before = (await books.account(account)).balance
        after = (await books.close_account(account, refund=refund, who=who_is(by))).balance
        return f"refunded {before - after}, balance {after}" if refund else f"balance {after}"

    print(f"{account}: closed, {with_accounting(config, close)}")


@account_app.command("show")
def account_show(account: Annotated[str, typer.Argument()] = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Balance, what is held by visits, and what is left; of one account or of all."""
    found = with_accounting(config, lambda books: books.accounts())
    chosen = [each for each in found if not account or each.account_id == account]
    if account and not chosen:
        raise KinbridgeError(f"there is no account {account!r}; open it: kinbridge account open {account}")
    table = _table("account", "kind", "owner", "balance", "held", "available", "limits", "state")
    for each in chosen:
        limits = [
            f"{limit.amount} a {per}" for limit, per in ((each.day_limit, "day"), (each.week_limit, "week")) if limit
        ]
        state = "closed" if each.closed_at else "open"
        money = (str(each.balance), str(each.held), str(each.available))
        table.add_row(each.account_id, str(each.kind), each.owner, *money, ", ".join(limits), state)
    _print(table)


@account_app.command("ledger")
def account_ledger(
    account: str,
    since: Annotated[int, typer.Option(help="Only entries with a number above this one.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=100_000)] = 500,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """What moved an account: each entry with its number, time, kind and amount."""

    async def entries(books: Accounting) -> Table:
        await books.account(account)
        table = _table("number", "at (UTC)", "kind", "amount", "record", "reason", "who")
        for each in await books.ledger(account, since, limit):
            movement = each.movement
            at = movement.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
            words = (movement.cdr_id, movement.reason, movement.who)
            table.add_row(str(each.number), at, str(movement.kind), str(each.amount), *words)
        return table

    _print(with_accounting(config, entries), f"{account}: no movement" + (f" after number {since}" if since else ""))


@account_app.command("inactive")
def account_inactive(
    days: Annotated[int, typer.Option(min=0, help="Without a movement for so long; 0: billing.inactive_days.")] = 0,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """List accounts whose money has not moved for long. Nothing is taken: it stays the holder's."""
    from gateway.config import load_config

    long = days or load_config(config).billing.inactive_days
    table = _table("account", "kind", "owner", "balance", "last active (UTC)", "state")
    for each in with_accounting(config, lambda books: books.inactive(long)):
        state = "closed" if each.closed_at else "open"
        at = each.active_at.astimezone(UTC).strftime("%Y-%m-%d")
        table.add_row(each.account_id, str(each.kind), each.owner, str(each.balance), at, state)
    _print(table, f"no account with money in it has been still for {long} days")


def _now_has(balance: Money, key: str, before: bool) -> str:
    """Who repeats a key should see that nothing was moved this time; the balance alone would not tell."""
    return f"nothing moved, the key {key!r} was used before; balance {balance}" if before else f"balance {balance}"


def _table(*columns: str) -> Table:
    """Amounts and numbers stand under each other by their last digit."""
    table = Table()
    for column in columns:
        right = column in ("number", "amount", "balance", "held", "available")
        table.add_column(column, justify="right" if right else "left")
    return table


def _print(table: Table, empty: str = "") -> None:
    """Whole lines for whoever reads them through a pipe; a terminal's own width where there is one.

    empty: said instead of a table without rows.
    """
    if empty and not table.row_count:
        print(empty)
        return
    Console(highlight=False, width=None if sys.stdout.isatty() else 200).print(table)


def _money(text: str, currency: str) -> Money:
    from gateway.money import Money

    try:
        return Money.parse(text, currency)
    except ValueError as error:
        raise KinbridgeError(str(error)) from None
