"""`kinbridge account ...`, as staff type it."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.billing.accounting import Accounting
from gateway.clock import ManualClock
from gateway.command_line.accounts import account_app
from gateway.command_line.options import with_accounting
from gateway.errors import KinbridgeError
from tests.billing.stage import granted, summary, usd
from tests.gateway.test_cli import config as config  # noqa: PLC0414 - a fixture, re-exported


def said(config: Path, *words: str) -> str:
    """In this process: thirty starts of Python would take longer than all that they do."""
    done = CliRunner().invoke(account_app, [*words, "--config", str(config)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_the_life_of_an_account(config: Path) -> None:
    assert said(config, "open", "family-1", "--owner", "contact-17") == "family-1: open, in USD\n"
    said(config, "open", "inside-4", "--debit")
    said(config, "open", "county", "--facility")
    assert said(config, "deposit", "family-1", "20.00", "--key", "card-1") == "family-1: balance 20.00 USD\n"
    again = "nothing moved, the key 'card-1' was used before; balance 20.00 USD"
    assert said(config, "deposit", "family-1", "20.00", "--key", "card-1") == f"family-1: {again}\n"
    assert said(config, "withdraw", "family-1", "5", "--key", "back-1") == "family-1: balance 15.00 USD\n"
    assert "nothing moved" in said(config, "withdraw", "family-1", "5", "--key", "back-1")
    assert said(config, "limit", "family-1", "--day", "4.00") == "family-1: 4.00 USD a day, no limit a week\n"
    assert said(config, "limit", "family-1", "--week", "9") == "family-1: 4.00 USD a day, 9.00 USD a week\n"
    assert said(config, "limit", "family-1", "--day", "none") == "family-1: no limit a day, 9.00 USD a week\n"

    async def a_visit(books: Accounting) -> None:
        await granted(books, "v1", setup_at=datetime.now(UTC))
        await books.close(summary("v1", 60))

    with_accounting(config, a_visit)
    credit = ("credit", "cdr:v1", "0.06", "--reason", "froze", "--key", "c1", "--by", "badge-7")
    assert said(config, *credit) == "cdr:v1: corrected by cdr:v1:c1, costs 0.10 USD now\n"
    ledger = said(config, "ledger", "family-1")
    for word in (
        "deposit",
        "withdrawal",
        "visit",
        "credit",
        "froze",
        getpass.getuser(),
        "badge-7",
        "-0.16 USD",
        "0.06 USD",
    ):
        assert word in ledger
    shown = said(config, "show", "family-1")
    assert "contact-17" in shown
    assert "14.90 USD" in shown
    assert "debit" in said(config, "show", "inside-4")
    assert said(config, "close", "family-1", "--refund") == ("family-1: closed, refunded 14.90 USD, balance 0.00 USD\n")
    assert "closed" in said(config, "show", "family-1")


def test_what_cannot_be_is_said_in_a_sentence(config: Path) -> None:
    said(config, "open", "family-1")
    for words, says in (
        (("open", "family-1", "--debit"), "is open as prepaid"),
        (("open", "x", "--debit", "--facility"), "either a facility's or a resident's"),
        (("open", "x", "--currency", "euro"), "three capital letters"),
        (("deposit", "family-1", "1000.01", "--key", "k"), r"billing\.deposit_max"),
        (("withdraw", "family-1", "1", "--key", "k"), "has 0.00 USD to give"),
        (("limit", "family-1", "--day", "-1"), "is no limit"),
        (("credit", "cdr:v9", "1", "--reason", "r", "--key", "k"), "there is no record 'cdr:v9'"),
        (("ledger", "nobody"), "there is no account 'nobody'"),
    ):
        with pytest.raises(KinbridgeError, match=says):
            said(config, *words)


def test_inactive_accounts_are_listed_and_keep_their_money(config: Path) -> None:
    async def long_ago(books: Accounting) -> None:
        books._clock = ManualClock(datetime(2025, 1, 1, tzinfo=UTC))
        for name in ("quiet", "busy", "empty"):
            await books.open_account(name)
        for name in ("quiet", "busy"):
            await books.deposit(name, usd("3.00"), name)

    with_accounting(config, long_ago)
    said(config, "deposit", "busy", "1.00", "--key", "today")
    listed = said(config, "inactive")
    assert "2025-01-01" in listed
    assert "busy" not in listed
    assert "empty" not in listed
    assert "3.00 USD" in said(config, "show", "quiet")
