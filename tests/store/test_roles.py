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

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "postgresql.md"
PUT = {"residents", "contacts", "relationships", "barriers"}  # by gateway/store/people.py: _put
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


def test_what_the_store_changes_it_may_change_and_nothing_else(gateways_url):
    """The tables of every update() and delete() in the store's own code, beside what the role may do."""
    code = "\n".join(each.read_text() for each in (ROOT / "gateway" / "store").glob("*.py"))
    wanted = {
        "UPDATE": set(re.findall(r"\bupdate\((\w+)\)", code)) - {"table"} | PUT,
        "DELETE": set(re.findall(r"\bdelete\((\w+)\)", code)),
    }
    assert "accounts" in wanted["UPDATE"]
    assert "join_links" in wanted["DELETE"]
    with psycopg.connect(gateways_url) as connection:
        for right, tables in wanted.items():
            rows = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
                " AND has_table_privilege(format('%%I.%%I', schemaname, tablename), %s)",
                (right,),
            )
            assert {each for (each,) in rows} == tables, right


async def test_an_old_schema_is_left_to_its_owner(gateways_url, postgresql_url):
    meddle(postgresql_url, "UPDATE alembic_version SET version_num = '0007'")
    with pytest.raises(StoreError, match="does not give this user the rights it needs"):
        await Store(gateways_url).open()
