"""The gateway by a role that owns nothing: the SQL of docs/postgresql.md gives it what it needs, and no more."""

import re
from pathlib import Path

import psycopg
import pytest

from gateway.errors import StoreError
from gateway.store import Store
from tests.billing.stage import accounting_on, assert_books_and_chain_sound, granted, summary, usd
from tests.store.test_append_only import TABLES, fill
from tests.support.databases import meddle

PAGE = Path(__file__).parents[2] / "docs" / "postgresql.md"
ROLE = "kinbridge_gateway"


@pytest.fixture
def gateways_url(postgres_server, postgresql_url):
    """The same database, for the role of the page."""
    database = postgresql_url.rpartition("/")[2]
    block = re.search(r"^```sql roles\n(.+?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    assert block is not None
    sql = block[1].replace("DATABASE kinbridge ", f"DATABASE {database} ")
    meddle(postgresql_url, *(each for each in sql.split(";") if each.strip()))
    yield postgresql_url.replace("//kinbridge@", f"//{ROLE}@")
    meddle(postgresql_url, f"DROP OWNED BY {ROLE}", f"DROP ROLE {ROLE}")


async def test_it_does_all_that_a_gateway_does(gateways_url):
    await fill(gateways_url)
    async with accounting_on(gateways_url) as accounting:
        await accounting.recover("node1", accounting._clock.now())
        await granted(accounting, "v2")
        assert (await accounting.close(summary("v2", 60))).charged == usd("0.16")
        await assert_books_and_chain_sound(accounting)


async def test_it_changes_no_record_and_takes_no_trigger_away(gateways_url):
    await fill(gateways_url)
    for table, column in TABLES.items():
        for statement in (
            f"UPDATE {table} SET {column} = 1",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"DROP TRIGGER {table}_no_update ON {table}",
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TABLE {table}",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                meddle(gateways_url, statement)
    for statement in ("DELETE FROM visits", "DELETE FROM chains", "SET session_replication_role = replica"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            meddle(gateways_url, statement)


async def test_an_old_schema_is_left_to_its_owner(gateways_url, postgresql_url):
    meddle(postgresql_url, "UPDATE alembic_version SET version_num = '0007'")
    with pytest.raises(StoreError, match="does not give this user the rights it needs"):
        await Store(gateways_url).open()
