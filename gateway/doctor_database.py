"""The database's part of `kinbridge doctor`: can it be written, is it safe, does its clock agree, is it up to date."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from gateway.errors import StoreError, StoreUnavailable
from gateway.findings import Finding, Verdict
from gateway.store.checkup import OLDEST_VERSION, ServerFacts, is_server, look_at_server

_FREE_DISK_BYTES = 200 * 1024 * 1024
_SKEW_S = 2.0


def examine_database(url: str) -> Iterator[Finding]:
    """url: as in the configuration, with the path made absolute. Yields findings and raises nothing."""
    try:
        if is_server(url):
            yield from _server(look_at_server(url))
        else:
            yield from _file(Path(url.removeprefix("sqlite:///")))
    except StoreUnavailable as error:
        yield Finding(Verdict.FAULT, f"store.url: {error}", "start the database server, or correct store.url")
    except StoreError as error:
        yield Finding(Verdict.FAULT, f"store.url: {error}", "see docs/postgresql.md")


def _file(file: Path) -> Iterator[Finding]:
    if not file.parent.is_dir():
        yield Finding(Verdict.FAULT, f"store.url: there is no folder {file.parent}", "make it, or change store.url")
    elif not os.access(file if file.exists() else file.parent, os.W_OK):
        what = f"store.url: {file} cannot be written by this user"
        yield Finding(Verdict.FAULT, what, "run as its owner, or change store.url")
    elif shutil.disk_usage(file.parent).free < _FREE_DISK_BYTES:
        yield Finding(Verdict.WARNING, f"less than 200 MB free in {file.parent}", "make room: CDRs are written there")
    else:
        yield Finding(Verdict.OK, "database can be written")


def _server(facts: ServerFacts) -> Iterator[Finding]:
    yield Finding(Verdict.OK, f"database {facts.name} answers: PostgreSQL {facts.version}")
    if facts.version_number < OLDEST_VERSION * 10_000:
        what = f"PostgreSQL {facts.version} is older than {OLDEST_VERSION}"
        yield Finding(Verdict.WARNING, what, "its makers mend it no longer; move to a newer one")
    if facts.standby:
        yield Finding(Verdict.FAULT, "the database is a standby: it can be read only", "name the primary in store.url")
    if facts.encoding != "UTF8":
        what = f"the database keeps text as {facts.encoding}"
        yield Finding(Verdict.FAULT, what, "make one with ENCODING 'UTF8'; see docs/postgresql.md")
    if facts.unsafe:
        what = f"the server runs with {' and '.join(facts.unsafe)} off: a power cut loses or breaks records"
        yield Finding(Verdict.WARNING, what, "turn it on in postgresql.conf")
    if abs(facts.skew_s) > _SKEW_S:
        what = f"the server's clock is {facts.skew_s:+.1f} s from this machine's"
        yield Finding(Verdict.WARNING, what, "let both follow NTP: records of several gateways are compared by time")
    yield _schema(facts)


def _schema(facts: ServerFacts) -> Finding:
    if facts.revision == facts.head:
        return Finding(Verdict.OK, f"schema {facts.head} is up to date")
    if not facts.revision:
        return Finding(Verdict.OK, "the database is empty: the tables are made when the gateway starts")
    if facts.known:
        return Finding(Verdict.OK, f"schema {facts.revision} is brought to {facts.head} when the gateway starts")
    what = f"schema {facts.revision} was written by a newer version of the gateway"
    return Finding(Verdict.FAULT, what, "update the gateway")
