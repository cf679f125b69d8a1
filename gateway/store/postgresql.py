"""PostgreSQL: how a session is opened, how writers who collide take turns, and in what order text is sorted."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from gateway.errors import StoreError
from gateway.store.silence import answers_within

_PASSWORD_FILE = "password_file"  # noqa: S105 - no password: our own word in the URL's query; libpq's are host, passfile, sslmode, options ...
_CONNECT_TIMEOUT_S = 5
_LEAST_CONNECT_TIMEOUT_S = 2  # libpq knows no shorter one
_OWN_LIMIT = 0.8  # of the time in which an answer must be here, the server gives up by itself, and says so
_IDLE_IN_TRANSACTION_S = 15  # a gateway that is cut off in mid-transaction must not keep its locks
_DEAD_AFTER_MS = 15_000  # sent, and not acknowledged for so long: the other side is gone


def make_postgresql_engine(url: URL, busy_timeout_s: float, answer_within_s: float) -> Engine:
    """One connection, kept: the claims of nodes live in its session. busy_timeout_s: the longest wait for a lock.

    answer_within_s: the longest wait for an answer; after it the connection is closed.
    """
    password_file = str(url.query.get(_PASSWORD_FILE, ""))
    url = url.difference_update_query([_PASSWORD_FILE])
    engine = create_engine(
        url,
        hide_parameters=True,
        pool_size=1,
        max_overflow=0,
        use_native_hstore=False,  # saves a query at each connection
        connect_args=_session(url, busy_timeout_s, answer_within_s),
    )
    if password_file:

        def with_password(_dialect: object, _record: object, _arguments: object, options: dict[str, Any]) -> None:
            options["password"] = _password(password_file)

        event.listen(engine, "do_connect", with_password)
    answers_within(engine, answer_within_s)
    return engine


def _session(url: URL, busy_timeout_s: float, answer_within_s: float) -> dict[str, Any]:
    """For libpq. What the URL itself says comes last and wins, but for the durability of a commit."""
    settings = {
        "lock_timeout": f"{max(1, round(busy_timeout_s * 1000))}ms",
        "statement_timeout": f"{max(1, round(_OWN_LIMIT * answer_within_s * 1000))}ms",
        "idle_in_transaction_session_timeout": f"{_IDLE_IN_TRANSACTION_S}s",
        # the server's side of the same: the claim of a gateway that is gone ends with its session
        "tcp_keepalives_idle": "10",
        "tcp_keepalives_interval": "5",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": str(_DEAD_AFTER_MS),
    }
    asked = url.query.get("options", "")
    own = " ".join(f"-c {name}={value}" for name, value in settings.items())
    options: dict[str, Any] = {
        "connect_timeout": max(_LEAST_CONNECT_TIMEOUT_S, min(_CONNECT_TIMEOUT_S, round(answer_within_s))),
        "application_name": "kinbridge",
        "client_encoding": "utf8",
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "tcp_user_timeout": _DEAD_AFTER_MS,
        **dict(url.query),
    }
    return {**options, "options": f"{own} {asked} -c synchronous_commit=on"}


def _password(file: str) -> str:
    """Read at each connection: a password that is changed is good from the next one on."""
    try:
        return Path(file).read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise StoreError(f"store.url: password_file {file} cannot be read as text") from None


def check_server(connection: Connection) -> None:
    """Raises StoreError for a database that cannot keep every text."""
    with connection.begin():
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise StoreError(f"the database keeps text as {encoding}; make one with ENCODING 'UTF8'")


# ---- locks that are no rows ----


def lock_number(name: str) -> int:
    """An advisory lock's key for a name: 63 bits, the same in every process and version."""
    return int.from_bytes(hashlib.sha256(f"kinbridge {name}".encode()).digest()[:8], "big") >> 1


@contextlib.contextmanager
def turn(connection: Connection) -> Iterator[None]:
    """Writers that take turns. Taken before the transaction begins, so that it sees what the one before it wrote."""
    raw: Any = connection.connection.driver_connection
    number = lock_number("writers")
    try:
        raw.autocommit = True
        raw.execute("SELECT pg_advisory_lock(%s)", (number,))
        raw.autocommit = False
    except psycopg.Error:
        if raw.closed:
            connection.invalidate()  # it does not see what becomes of a session when the driver itself is asked
        raise
    try:
        yield
    finally:
        if not raw.closed:  # else the lock went with the session
            raw.rollback()
            raw.autocommit = True
            raw.execute("SELECT pg_advisory_unlock(%s)", (number,))
            raw.autocommit = False


def in_order(connection: Connection, table: str) -> None:
    """From here to the end of the transaction no other one numbers rows of `table`.

    A reader's cursor over numbers must never pass one that is given but not yet committed. SQLite writes one at a time.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_number(f"rows of {table}")})


def sort_by_bytes(connection: Connection) -> None:
    """Every text column of ours in the order of its bytes, as SQLite has it, whatever the database's own collation.

    Cursors over ids depend on it, and a page that was read on one database goes on at the same place on the other.
    """
    columns = connection.execute(
        text(
            "SELECT table_name, column_name, data_type, character_maximum_length FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND data_type IN ('text', 'character varying')"
            " AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'alembic_version'"
            " ORDER BY table_name, ordinal_position"
        )
    ).all()
    for table, column, kind, length in columns:
        whole = f"{kind}({length})" if length else kind
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ALTER COLUMN "{column}" TYPE {whole} COLLATE "C"')
