"""The first visit: accounts, double-entry ledger, visits with holds, and call-detail records that only grow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.append_only import refuse_changes

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

OPEN = sa.text("cdr_id IS NULL")
ORIGINAL = sa.text("corrects IS NULL")

THERE = {  # the row that INSERT OR REPLACE would silently take away
    "cdrs": "cdr_id = NEW.cdr_id OR (node = NEW.node AND sequence = NEW.sequence)"
    " OR (visit_id = NEW.visit_id AND corrects IS NULL AND NEW.corrects IS NULL)",
    "movements": "movement_id = NEW.movement_id",
    "entries": "entry_id = NEW.entry_id",
}


def upgrade() -> None:
    _create_accounts()
    _create_movements()
    _create_entries()
    _create_visits()
    _create_holds()
    _create_cdrs()
    _create_chains()
    for table, there in THERE.items():
        refuse_changes(table, there)


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("balance_micros", sa.BigInteger(), nullable=False),
        sa.Column("held_micros", sa.BigInteger(), nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("kind <> 'prepaid' OR balance_micros >= held_micros", name="ck_accounts_never_overspent"),
        sa.CheckConstraint("held_micros >= 0", name="ck_accounts_held_not_negative"),
        sa.PrimaryKeyConstraint("account_id", name="pk_accounts"),
    )


def _create_movements() -> None:
    op.create_table(
        "movements",
        sa.Column("movement_id", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("visit_id", sa.String(length=200), server_default="", nullable=False),
        sa.Column("cdr_id", sa.String(length=200), server_default="", nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("movement_id", name="pk_movements"),
    )


def _create_entries() -> None:
    op.create_table(
        "entries",
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("movement_id", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_entries_account_id"),
        sa.ForeignKeyConstraint(["movement_id"], ["movements.movement_id"], name="fk_entries_movement_id"),
        sa.PrimaryKeyConstraint("entry_id", name="pk_entries"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_entries_account_id_entry_id", "entries", ["account_id", "entry_id"])
    op.create_index("ix_entries_movement_id", "entries", ["movement_id"])


def _create_visits() -> None:
    op.create_table(
        "visits",
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("station", sa.Text(), nullable=False),
        sa.Column("dialled", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("tariff_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("medium", sa.String(length=8), nullable=False),
        sa.Column("max_seconds", sa.BigInteger(), nullable=False),
        sa.Column("trunk", sa.Text(), nullable=False),
        sa.Column("sip_call_id", sa.Text(), nullable=False),
        sa.Column("setup_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("privileged", sa.Boolean(), nullable=False),
        sa.Column("tariff_json", sa.Text(), nullable=False),
        sa.Column("granted_s", sa.BigInteger(), nullable=False),
        sa.Column("refusal", sa.String(length=32), nullable=False),
        sa.Column("refusal_message", sa.Text(), nullable=False),
        sa.Column("alive_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("ring_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("answer_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("media_start_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("billable_s", sa.BigInteger(), nullable=False),
        sa.Column("unusable_s", sa.BigInteger(), nullable=False),
        sa.Column("cdr_id", sa.String(length=200), nullable=True),
        sa.Column("balance_after_micros", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("visit_id", name="pk_visits"),
    )
    op.create_index(
        "ix_visits_open",
        "visits",
        ["node"],
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )


def _create_holds() -> None:
    op.create_table(
        "holds",
        sa.Column("hold_id", sa.String(length=200), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("amount_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("limited_by_balance", sa.Boolean(), nullable=False),
        sa.Column("taken_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("released_at_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("amount_micros >= 0", name="ck_holds_not_negative"),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.account_id"], name="fk_holds_account_id"),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.visit_id"], name="fk_holds_visit_id"),
        sa.PrimaryKeyConstraint("hold_id", name="pk_holds"),
        sa.UniqueConstraint("visit_id", name="uq_holds_visit_id"),
    )
    op.create_index("ix_holds_account_id", "holds", ["account_id"])


def _create_cdrs() -> None:
    op.create_table(
        "cdrs",
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("cdr_id", sa.String(length=200), nullable=False),
        sa.Column("visit_id", sa.String(length=200), nullable=False),
        sa.Column("corrects", sa.String(length=200), nullable=True),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("end_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.Column("total_micros", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["visit_id"], ["visits.visit_id"], name="fk_cdrs_visit_id"),
        sa.PrimaryKeyConstraint("node", "sequence", name="pk_cdrs"),
        sa.UniqueConstraint("cdr_id", name="uq_cdrs_cdr_id"),
    )
    op.create_index("ix_cdrs_account_id", "cdrs", ["account_id"])
    op.create_index("ix_cdrs_end_at_ms", "cdrs", ["end_at_ms"])
    op.create_index("ix_cdrs_facility", "cdrs", ["facility"])
    op.create_index(
        "uq_cdrs_visit_id_first",
        "cdrs",
        ["visit_id"],
        unique=True,
        sqlite_where=sa.text("corrects IS NULL"),
        postgresql_where=sa.text("corrects IS NULL"),
    )


def _create_chains() -> None:
    op.create_table(
        "chains",
        sa.Column("node", sa.String(length=32), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("node", name="pk_chains"),
    )
