"""Accounts with owners, limits and a clock of inactivity; several payers a visit; holds that grow in slices."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

OWN_MONEY = "kind <> 'debit' OR balance_micros >= held_micros"
USED = sa.text("free_s > 0")


def upgrade() -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    _widen_accounts(sqlite)
    _widen_movements()
    _widen_visits()
    if sqlite:
        _rebuild_holds()
    else:
        _widen_holds()


def _widen_accounts(sqlite: bool) -> None:
    """SQLite takes a new condition on an existing table only along with a new column."""
    if sqlite:
        condition = f"CONSTRAINT ck_accounts_debit_never_overspent CHECK ({OWN_MONEY})"
        op.execute(f"ALTER TABLE accounts ADD COLUMN owner TEXT DEFAULT '' NOT NULL {condition}")
    else:
        op.add_column("accounts", sa.Column("owner", sa.Text(), server_default="", nullable=False))
        op.create_check_constraint("ck_accounts_debit_never_overspent", "accounts", OWN_MONEY)
    op.add_column("accounts", sa.Column("day_limit_micros", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("week_limit_micros", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("low_balance_micros", sa.BigInteger(), nullable=True))
    op.add_column("accounts", sa.Column("low_told", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("accounts", sa.Column("active_at_ms", sa.BigInteger(), server_default="0", nullable=False))
    last = (
        "SELECT max(movements.at_ms) FROM entries JOIN movements ON movements.movement_id = entries.movement_id"
        " WHERE entries.account_id = accounts.account_id"
    )
    op.execute(f"UPDATE accounts SET active_at_ms = coalesce(({last}), opened_at_ms)")  # noqa: S608 - words of this file


def _widen_movements() -> None:
    op.add_column("movements", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.add_column("movements", sa.Column("who", sa.Text(), server_default="", nullable=False))
    op.create_index("ix_movements_cdr_id", "movements", ["cdr_id"])


def _widen_visits() -> None:
    op.add_column("visits", sa.Column("payers", sa.Text(), server_default="", nullable=False))
    op.add_column("visits", sa.Column("free_s", sa.BigInteger(), server_default="0", nullable=False))
    op.create_index(
        "ix_visits_free",
        "visits",
        ["account_id", "tariff_id", "setup_at_ms"],
        sqlite_where=USED,
        postgresql_where=USED,
    )


def _widen_holds() -> None:
    op.drop_constraint("uq_holds_visit_id", "holds")
    op.add_column("holds", sa.Column("position", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("holds", sa.Column("percent", sa.BigInteger(), server_default="100", nullable=False))
    op.add_column("holds", sa.Column("slices", sa.BigInteger(), server_default="1", nullable=False))
    op.create_unique_constraint("uq_holds_visit_id_account_id", "holds", ["visit_id", "account_id"])


def _rebuild_holds() -> None:
    """SQLite drops no constraint: the table is made anew, with what was in it."""
    op.create_table(
        "holds_of_0004",
        sa.Column("hold_id", sa.String(length=200), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("limited_by_balance", sa.Boolean(), nullable=False),
        sa.Column("taken_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("released_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("position", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("percent", sa.BigInteger(), server_default="100", nullable=False),
        sa.Column("slices", sa.BigInteger(), server_default="1", nullable=False),
        sa.CheckConstraint("amount_micros >= 0", name="ck_holds_not_negative"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_holds_account_id"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.visit_id"], name="fk_holds_visit_id"),
        sa.PrimaryKeyConstraint("hold_id", name="pk_holds"),
        sa.UniqueConstraint("visit_id", "account_id", name="uq_holds_visit_id_account_id"),
    )
    kept = "hold_id, visit_id, account_id, amount_micros, currency, limited_by_balance, taken_at_ms, released_at_ms"
    op.execute(f"INSERT INTO holds_of_0004 ({kept}) SELECT {kept} FROM holds")  # noqa: S608 - words of this file
    op.drop_table("holds")
    op.rename_table("holds_of_0004", "holds")
    op.create_index("ix_holds_account_id", "holds", ["account_id"])
