"""The doctor at a database server: reachable, safe, in time, up to date; in words, without the password."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.doctor_database import _server, examine_database
from gateway.findings import Verdict
from gateway.store import Store
from gateway.store.checkup import look_at_server
from tests.support.baresip import free_port
from tests.support.databases import meddle
from tests.support.postgres import PostgresServer


def said(url: str) -> dict[Verdict, list[str]]:
    found = list(examine_database(url))
    assert all(each.remedy for each in found if each.verdict is not Verdict.OK), "a finding without a remedy"
    assert "geheim" not in repr(found)
    return {verdict: [each.what for each in found if each.verdict is verdict] for verdict in Verdict}


def test_a_server_that_writes_through_and_is_up_to_date_has_no_fault() -> None:
    with PostgresServer(durable=True) as server:
        found = said(server.new_database())
        assert (found[Verdict.WARNING], found[Verdict.FAULT]) == ([], [])
        assert "answers: PostgreSQL" in found[Verdict.OK][0]
        assert "is up to date" in found[Verdict.OK][1]


def test_a_server_that_does_not_write_through_is_named(postgresql_url: str) -> None:
    (warning,) = said(postgresql_url)[Verdict.WARNING]
    assert warning.startswith("the server runs with fsync and full_page_writes off")


async def test_the_schema_is_looked_at_and_not_touched(postgres_server: PostgresServer) -> None:
    url = postgres_server.new_database(empty=True)
    assert said(url)[Verdict.OK][1] == "the database is empty: the tables are made when the gateway starts"
    assert meddle(url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == [0]
    async with Store(url):
        pass
    meddle(url, "UPDATE alembic_version SET version_num = '0001'")
    assert "schema 0001 is brought to" in said(url)[Verdict.OK][1]
    meddle(url, "UPDATE alembic_version SET version_num = '9999'")
    assert said(url)[Verdict.FAULT] == ["schema 9999 was written by a newer version of the gateway"]
    postgres_server.drop(url)


def test_a_server_that_is_away_is_a_fault_and_its_password_is_not_told() -> None:
    (fault,) = said(f"postgresql://kin:geheim@127.0.0.1:{free_port()}/kin")[Verdict.FAULT]
    assert fault.startswith("store.url: the database kin on 127.0.0.1 cannot be reached")


@pytest.mark.parametrize("url", ["mysql://kin:geheim@127.0.0.1/kin", "no url"])
def test_a_url_that_cannot_be_used_is_a_fault(url: str) -> None:
    assert len(said(url)[Verdict.FAULT]) == 1


def test_a_clock_that_is_off_a_standby_an_old_server_and_its_encoding_are_told(postgresql_url: str) -> None:
    facts = look_at_server(postgresql_url)
    assert abs(facts.skew_s) < 1  # it is the same machine
    changed = replace(
        facts, skew_s=-7.25, standby=True, version="9.6.1", version_number=90601, encoding="LATIN1", unsafe=()
    )
    told = [each.what for each in _server(changed) if each.verdict is not Verdict.OK]
    assert told == [
        "PostgreSQL 9.6.1 is older than 13",
        "the database is a standby: it can be read only",
        "the database keeps text as LATIN1",
        "the server's clock is -7.2 s from this machine's",
    ]
