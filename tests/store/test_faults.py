"""When the database fails while the gateway runs: our errors, in words, and nothing half written."""

import sqlite3
from functools import partial

import psycopg
import psycopg.errors
import pytest
from alembic.util.exc import CommandError
from sqlalchemy import exc

from gateway.errors import KinbridgeError, StoreError, StoreUnavailable
from gateway.money import Money
from gateway.store import AccountKind, CdrRow, Grant, Movement, MovementKind, Store, from_ms
from gateway.store.faults import Conflict, ConnectionLost, Duplicate, fault, translated
from tests.billing.stage import intent
from tests.store.test_opening import account_names, open_an_account


async def test_a_locked_database_is_away_and_comes_back(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db", busy_timeout_s=0.05) as store:
        holder = sqlite3.connect(tmp_path / "k.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="locked by another process; nothing was written"):
            await open_an_account(store)
        assert await account_names(store) == []  # reading goes on beside the other's lock
        holder.execute("ROLLBACK")
        holder.close()
        await open_an_account(store)
        assert await account_names(store) == ["family-1"]


async def test_a_read_only_database_can_be_read(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        await open_an_account(store)
    async with Store(f"sqlite:///file:{tmp_path}/k.db?mode=ro&uri=true") as store:
        assert await account_names(store) == ["family-1"]
        with pytest.raises(StoreUnavailable, match="is read-only; give the gateway's user the right"):
            await open_an_account(store, "family-2")


async def test_a_full_disk_is_named_and_nothing_is_half_written_and_room_is_found_again(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        await open_an_account(store)

        def fill(work) -> None:
            pages = work.books._connection.exec_driver_sql("PRAGMA page_count").scalar()
            work.books._connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            for number in range(10_000):
                work.books.open(f"more-{number}", AccountKind.PREPAID, "USD", from_ms(0))

        with pytest.raises(StoreUnavailable, match="cannot grow: the disk is full"):
            await store.write(fill)
        assert await account_names(store) == ["family-1"]
        for number in range(200):
            await open_an_account(store, f"later-{number}")
        assert len(await account_names(store)) == 201


async def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "k.db"
    async with Store(f"sqlite:///{path}") as store:
        for number in range(300):
            await store.write(lambda work, n=number: work.books.open(f"a{n}", AccountKind.PREPAID, "USD", from_ms(0)))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    path.write_bytes(content)
    store = Store(f"sqlite:///{path}")
    with pytest.raises(StoreError, match="damaged; restore it from a backup"):
        async with store:
            await account_names(store)


async def test_a_constraint_names_columns_and_not_values(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        twice = intent("5552368001")
        await store.write(lambda work: work.visits.add(twice, Grant()))
        with pytest.raises(StoreError, match=r"refused a row: UNIQUE constraint failed: visits\.visit_id") as caught:
            await store.write(lambda work: work.visits.add(twice, Grant()))
        assert "5552368001" not in str(caught.value)
        assert caught.value.__cause__ is None


async def test_the_database_itself_refuses_to_overspend(tmp_path):
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        await open_an_account(store)
        await open_an_account(store, "family-2")
        sides = [("family-1", Money(-1, "USD")), ("family-2", Money(1, "USD"))]
        movement = Movement("m1", MovementKind.VISIT, from_ms(0))
        with pytest.raises(StoreError, match="never_overspent"):
            await store.write(lambda work: work.books.post(movement, sides))
        with pytest.raises(StoreError, match="does not sum to zero"):
            await store.write(lambda work: work.books.post(movement, sides[:1]))


async def test_a_record_that_does_not_follow_the_last_one_is_refused(tmp_path):
    row = CdrRow("n", 2, "c", "v", None, "f", "a", from_ms(0), "completed", Money(0, "USD"), "{}", "0" * 64, "1" * 64)
    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        with pytest.raises(StoreError, match="does not follow the last one of n"):
            await store.write(lambda work: work.records.append(row))


def raised_by_the_library() -> list[type[Exception]]:
    """Every exception class that SQLAlchemy, Alembic and psycopg define for what happens at run time."""
    found = [each for each in vars(exc).values() if isinstance(each, type) and issubclass(each, exc.SQLAlchemyError)]
    assert len(found) > 30
    states = vars(psycopg.errors).values()
    of_postgresql = [each for each in states if isinstance(each, type) and issubclass(each, psycopg.Error)]
    assert len(of_postgresql) > 200
    return [*found, *of_postgresql, CommandError, sqlite3.OperationalError, sqlite3.DatabaseError]


def test_no_foreign_exception_leaves_the_room():
    for kind in raised_by_the_library():
        assert_translated(kind)


def assert_translated(kind):
    error = kind.__new__(kind)
    (psycopg.Error if issubclass(kind, psycopg.Error) else Exception).__init__(error, "5552368001 geheim")
    if isinstance(error, exc.StatementError):
        error.orig, error.connection_invalidated = sqlite3.OperationalError("5552368001 geheim"), True
    with pytest.raises(KinbridgeError) as caught, translated("k.db"):
        raise error
    assert "geheim" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("database is locked", StoreUnavailable),
        ("disk I/O error", StoreUnavailable),
        ("attempt to write a readonly database", StoreUnavailable),
        ("database disk image is malformed", StoreError),
        ("something new", StoreError),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(said, kind):
    assert type(fault("k.db", sqlite3.OperationalError(said))) is kind


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (psycopg.errors.SerializationFailure, Conflict),
        (psycopg.errors.DeadlockDetected, Conflict),
        (psycopg.errors.UniqueViolation, Duplicate),
        (psycopg.errors.AdminShutdown, ConnectionLost),
        (psycopg.errors.CannotConnectNow, ConnectionLost),
        (psycopg.errors.ConnectionFailure, ConnectionLost),
        (psycopg.errors.IdleInTransactionSessionTimeout, ConnectionLost),
        (psycopg.errors.LockNotAvailable, StoreUnavailable),
        (psycopg.errors.QueryCanceled, StoreUnavailable),
        (psycopg.errors.DiskFull, StoreUnavailable),
        (psycopg.errors.ReadOnlySqlTransaction, StoreUnavailable),
        (psycopg.errors.InsufficientPrivilege, StoreError),
        (psycopg.errors.CheckViolation, StoreError),
        (psycopg.errors.SyntaxError, StoreError),
    ],
)
def test_what_postgresql_means_by_its_states(raised, kind):
    said = fault("kin on db", raised("5552368001"))
    assert type(said) is kind
    assert "5552368001" not in str(said)


async def test_whatever_a_function_raises_reaches_its_caller_and_undoes_its_work(tmp_path):
    class Mine(Exception):
        pass

    def half(work) -> None:
        work.books.open("family-1", AccountKind.PREPAID, "USD", from_ms(0))
        raise Mine

    async with Store(f"sqlite:///{tmp_path}/k.db") as store:
        with pytest.raises(Mine):
            await store.write(half)
        assert await account_names(store) == []
        await store.write(partial(_open, name="family-2"))
        assert await account_names(store) == ["family-2"]


def _open(work, name: str) -> None:
    work.books.open(name, AccountKind.PREPAID, "USD", from_ms(0))
