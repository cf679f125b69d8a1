"""`kinbridge cdr rerate`: the visits of a period at the prices that the tariff files have now."""

from __future__ import annotations

import asyncio
import csv
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, who_is
from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.billing.rerating import Asked, Rerated, Rerating

_COLUMNS = (
    "cdr_id", "visit_id", "facility", "tariff_id", "setup_at", "billable_s", "version_before", "version_after",
    "before", "after", "difference", "currency", "verdict", "corrected",
)  # fmt: skip


def cdr_rerate(
    since: Annotated[datetime, typer.Option(help="Visits that ended at or after this time (UTC).")],
    until: Annotated[datetime, typer.Option(help="Visits that ended before this time (UTC).")],
    *,
    facility: Annotated[str, typer.Option(help="Only this facility's.")] = "",
    tariff: Annotated[str, typer.Option(help="Only those of this tariff.")] = "",
    report: Annotated[Path | None, typer.Option(help="A CSV file for the differences, one line a visit.")] = None,
    key: Annotated[str, typer.Option(help="Names this correction: the same key again corrects nothing twice.")] = "",
    reason: Annotated[str, typer.Option(help="Why; it is kept in each record.")] = "",
    by: Annotated[str, typer.Option(help="For whom it is done; else the user of the operating system.")] = "",
    do_it: Annotated[bool, typer.Option("--do-it", help="Without it, only says what it would correct.")] = False,
    dearer_too: Annotated[
        bool, typer.Option("--dearer-too", help="Also charge more than was agreed, where the account has it.")
    ] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare what visits were charged with what the tariff files say now; with --do-it, correct what differs."""
    from gateway.billing.rerating import Asked

    if do_it and not (key and reason):
        raise KinbridgeError("say which correction this is and why: --key and --reason")
    asked = Asked(since.replace(tzinfo=UTC), until.replace(tzinfo=UTC), facility, tariff, dearer_too)
    if asked.until <= asked.since:
        raise KinbridgeError("--until is not after --since")
    hand = (key, reason, who_is(by)) if do_it else None
    for line in asyncio.run(_rerated(config, asked, hand, report)):
        typer.echo(line)


async def _rerated(config: Path, asked: Asked, hand: tuple[str, str, str] | None, report: Path | None) -> list[str]:
    counts: Counter[str] = Counter()
    sums: Counter[tuple[str, str]] = Counter()
    corrected = 0
    with _new_file(report) as file:
        rows = csv.writer(file)
        rows.writerow(_COLUMNS)
        async with _rerating(config) as rerating:
            found = rerating.corrected(asked, *hand) if hand else rerating.looked_at(asked)
            async for each in found:
                counts[each.verdict] += 1
                corrected += each.corrected
                sums[each.verdict, each.before.currency] += each.difference.micros
                if each.verdict != "same":
                    rows.writerow(_row(each))
    told = [_line(verdict, count, sums) for verdict, count in sorted(counts.items())]
    return [*told, f"{corrected} visits corrected" if hand else "nothing was corrected; to do it: --do-it"]


@asynccontextmanager
async def _rerating(config: Path) -> AsyncIterator[Rerating]:
    from gateway.billing.rerating import Rerating
    from gateway.config import load_config
    from gateway.desk import account_rules, load_policy
    from gateway.store import Store

    loaded = load_config(config)
    _, tariffs = load_policy(loaded)
    async with Store(loaded.store.url) as store:
        yield Rerating(store, tariffs, node=loaded.node, rules=account_rules(loaded))


@contextmanager
def _new_file(path: Path | None) -> Iterator[TextIO]:
    """The report, whole or not at all; without a path it goes nowhere."""
    if path is None:
        yield StringIO()
        return
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            yield file
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _row(each: Rerated) -> tuple[str | int, ...]:
    """Ids and amounts alone: nothing that a spreadsheet could take for a formula."""
    cdr = each.cdr
    return (
        cdr.cdr_id,
        cdr.visit_id,
        cdr.facility,
        cdr.tariff_id,
        cdr.setup_at.isoformat(timespec="milliseconds"),
        cdr.billable_s,
        cdr.tariff_version,
        each.tariff_version,
        each.before.amount,
        each.after.amount,
        each.difference.amount,
        cdr.currency,
        each.verdict,
        "yes" if each.corrected else "no",
    )


def _line(verdict: str, count: int, sums: Counter[tuple[str, str]]) -> str:
    from gateway.money import Money

    amounts = [
        str(Money(micros, currency)) for (of, currency), micros in sorted(sums.items()) if of == verdict and micros
    ]
    return f"{verdict.replace('_', ' ')}: {count} visits" + (f", {', '.join(amounts)}" if amounts else "")
