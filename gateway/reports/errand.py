"""An order for a statement or a report, and the child process that carries it out.

Reading a month and setting pages is seconds of work for a processor, and the gateway's own process carries media: so
the API sends a child, at a lower priority, which opens the database for itself.

    gateway: Office.fetch(order) -- JSON on stdin -->  python -m gateway.reports  -- the document on stdout -->

What cannot be made comes back as a sentence on stderr and an exit code; neither order nor answer is ever in a command
line or a log.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.errors import KinbridgeError, ReportError, StoreUnavailable
from gateway.reports.making import Form, read_report, report_as, statement_as, write_charts
from gateway.reports.names import Names
from gateway.reports.period import Period, days, month, zone_of
from gateway.reports.reading import read_statement
from gateway.reports.report import Kind
from gateway.reports.statement import discreetly
from gateway.reports.words import Language
from gateway.store import Store

REFUSED, DATABASE_AWAY = 2, 3  # exit codes of the child
_NICE = 10
_AT_ONCE = 2
_LONGEST_S = 600.0
_STATEMENT = "statement"


@dataclass(frozen=True, slots=True)
class Order:
    """kind: `statement`, `facility` or `carrier`. subject: the account, the facility, the trunk or nothing.

    month as in `2026-10`; else first and last day, of reports alone. zone: IANA name; empty: the subject's own.
    discreet: the reader may not know between whom privileged visits are.
    """

    kind: str
    subject: str
    form: str
    language: str = "en"
    month: str = ""
    first: str = ""
    last: str = ""
    zone: str = ""
    discreet: bool = False

    def period(self, zone: ZoneInfo) -> Period:
        """Raises ReportError."""
        if self.month and (self.first or self.last):
            raise ReportError("give either a month, or a first and a last day")
        if not self.month and not (self.first and self.last):
            raise ReportError("say which days: a month, such as 2026-10, or a first and a last day")
        return month(self.month, zone) if self.month else days(self.first, self.last, zone)


async def carry_out(
    order: Order,
    store: Store,
    names: Names,
    now: datetime,
    *,
    progress: Callable[[int], None] = lambda _: None,
    charts: Path | None = None,
) -> bytes:
    """The document. charts: a folder for a report's charts, too. Raises ReportError, BillingError, StoreUnavailable."""
    form, language = Form(order.form), Language(order.language)
    zone = zone_of(order.zone) if order.zone else None
    if order.kind == _STATEMENT:
        statement = await read_statement(store, order.subject, order.month, zone=zone, made_at=now)
        return statement_as(discreetly(statement) if order.discreet else statement, form, names, language)
    kind = Kind(order.kind)
    if kind is Kind.FACILITY and zone is None:
        zone = _zone_of_facility(order, names)
    period = order.period(zone or ZoneInfo("UTC"))
    report = await read_report(store, kind, order.subject, period, now, progress=progress)
    if charts is not None:
        write_charts(report, charts, language)
    return report_as(report, form, names, language)


def _zone_of_facility(order: Order, names: Names) -> ZoneInfo:
    """Whoever named neither a facility nor a period that there is learns both at once."""
    if order.subject in names.zones:
        return zone_of(names.zones[order.subject])
    known = ", ".join(sorted(names.zones)) or "none"
    unknown = f"the dialplan has no facility {order.subject!r}; known: {known}. For an old one, name its zone"
    try:
        order.period(ZoneInfo("UTC"))
    except ReportError as error:
        raise ReportError(f"{error}\n{unknown}") from None
    raise ReportError(unknown)


class Office:
    """Sends children. url: of the database. Implements gateway.api.reporting.Reports."""

    def __init__(self, url: str, names: Callable[[], Names]) -> None:
        self._url = url
        self._names = names
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def fetch(self, **order: Any) -> bytes:
        """The document. Raises ReportError, with a sentence for whoever asked, or StoreUnavailable."""
        if ":memory:" in self._url or self._url in ("sqlite://", "sqlite:///"):
            raise ReportError("the database is in this process's memory; reports need one on a disk or a server")
        parcel = json.dumps({"order": asdict(Order(**order)), "url": self._url, "names": self._names().values()})
        async with self._turn:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "gateway.reports",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            try:
                done, words = await asyncio.wait_for(child.communicate(parcel.encode()), _LONGEST_S)
            except TimeoutError:
                raise ReportError(f"it took more than {_LONGEST_S:.0f} s; ask for a shorter period") from None
            finally:
                if child.returncode is None:  # timed out, or whoever asked went away
                    with contextlib.suppress(ProcessLookupError):
                        child.kill()
                    await child.wait()
        if child.returncode == DATABASE_AWAY:
            raise StoreUnavailable(words.decode(errors="replace").strip())
        if child.returncode == REFUSED:
            raise ReportError(words.decode(errors="replace").strip())
        if child.returncode:
            raise KinbridgeError(f"the process that makes reports failed with {child.returncode}")
        return done


def be_the_child(now: datetime) -> int:
    """Reads the parcel from stdin, writes the document to stdout. The exit code."""
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    parcel = json.load(sys.stdin)
    try:
        done = asyncio.run(_done(parcel, now))
    except StoreUnavailable as error:
        sys.stderr.write(str(error))
        return DATABASE_AWAY
    except KinbridgeError as error:
        sys.stderr.write(str(error))
        return REFUSED
    sys.stdout.buffer.write(done)
    return 0


async def _done(parcel: dict[str, Any], now: datetime) -> bytes:
    async with Store(parcel["url"]) as store:
        return await carry_out(Order(**parcel["order"]), store, Names.of(parcel["names"]), now)
