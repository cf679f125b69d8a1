"""Residents, contacts, who may reach whom, numbers that are blocked or watched, and who changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.migrations.append_only import refuse_changes

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

ID = sa.String(length=200)
STANDINGS = "standing IN ('pending', 'approved', 'privileged', 'banned')"


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _yes(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(create_constraint=False), server_default=sa.true(), nullable=False)


def upgrade() -> None:
    _residents()
    _contacts()
    op.create_table(
        "barriers",
        sa.Column("facility", ID, nullable=False),
        sa.Column("pattern", ID, nullable=False),
        sa.Column("watched", sa.Boolean(create_constraint=False), server_default=sa.false(), nullable=False),
        _text("reason"),
        sa.PrimaryKeyConstraint("facility", "pattern", "watched", name="pk_barriers"),
    )
    _changes()


def _residents() -> None:
    op.create_table(
        "residents",
        sa.Column("facility", ID, nullable=False),
        sa.Column("resident_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _text("unit"),
        _text("account_id"),
        sa.Column("language", sa.String(length=16), server_default="", nullable=False),
        _yes("active"),
        sa.Column("max_minutes", sa.Integer(), nullable=True),
        sa.Column("visits_per_day", sa.Integer(), nullable=True),
        sa.Column("visits_per_week", sa.Integer(), nullable=True),
        _yes("monitored"),
        _yes("recorded"),
        _text("pin_hash"),
        sa.Column("pin_tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pin_locked_until_ms", sa.BigInteger(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("facility", "resident_id", name="pk_residents"),
    )


def _contacts() -> None:
    op.create_table(
        "contacts",
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("number", ID, nullable=False),
        _text("account_id"),
        _text("telephone"),
        sa.Column("language", sa.String(length=16), server_default="", nullable=False),
        _yes("monitored"),
        _yes("recorded"),
        _text("also"),
        sa.PrimaryKeyConstraint("contact_id", name="pk_contacts"),
    )
    op.create_index("uq_contacts_number", "contacts", ["number"], unique=True)
    op.create_table(
        "relationships",
        sa.Column("facility", ID, nullable=False),
        sa.Column("resident_id", ID, nullable=False),
        sa.Column("contact_id", ID, nullable=False),
        sa.Column("standing", sa.String(length=16), nullable=False),
        sa.CheckConstraint(STANDINGS, name="ck_relationships_standing_known"),
        sa.ForeignKeyConstraint(["contact_id"], ["contacts.contact_id"], name="fk_relationships_contact_id"),
        sa.ForeignKeyConstraint(
            ["facility", "resident_id"],
            ["residents.facility", "residents.resident_id"],
            name="fk_relationships_facility_resident_id",
        ),
        sa.PrimaryKeyConstraint("facility", "resident_id", "contact_id", name="pk_relationships"),
    )
    op.create_index("ix_relationships_contact_id", "relationships", ["contact_id"])


def _changes() -> None:
    op.create_table(
        "people_changes",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_people_changes"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_people_changes_subject", "people_changes", ["subject"])
    op.create_index("ix_people_changes_version", "people_changes", ["version"])
    refuse_changes("people_changes", "number = NEW.number")
    op.create_table(
        "people_version",
        sa.Column("one", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("one = 1", name="ck_people_version_one_row"),
        sa.PrimaryKeyConstraint("one", name="pk_people_version"),
    )
