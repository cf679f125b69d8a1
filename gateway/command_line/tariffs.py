"""`kinbridge tariff check | quote | schema`: what visits cost, before anybody pays for one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, counted
from gateway.errors import KinbridgeError

if TYPE_CHECKING:
    from gateway.billing.caps import Caps
    from gateway.billing.rating import Charge, ChargeLine, Tariff
    from gateway.policy.plan import Dialplan, Facility

tariff_app = typer.Typer(help="Tariffs and rate caps.", no_args_is_help=True)
_LINE = 120  # where no terminal says how wide it is


class Schema(StrEnum):
    TARIFFS = "tariffs"
    CAPS = "caps"


@tariff_app.command("check")
def tariff_check(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Tariff files alone; without any, all that the configuration names.")
    ] = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Read tariffs, rate caps and the facilities they bind; every mistake with file, line, field and remedy."""
    from gateway.billing.tariff import load_tariffs

    if files:
        tariffs = load_tariffs(files)
        typer.echo(f"{counted(len(tariffs), 'tariff')}: no mistake (rate caps: without files, with --config)")
        return
    from gateway.billing.cap_check import remarks, uses
    from gateway.billing.caps import load_caps
    from gateway.config import load_config
    from gateway.desk import load_policy

    loaded = load_config(config)
    plan, tariffs = load_policy(loaded)
    caps = load_caps(loaded.caps)
    for line in _bound(plan, caps):
        typer.echo(line)
    for remark in dict.fromkeys(each for use in uses(tariffs, caps, plan) for each in remarks(use)):
        typer.echo(f"note: {remark}")
    typer.echo(f"{counted(len(tariffs), 'tariff')}, rate caps {', '.join(caps.tables()) or 'none'}: no mistake")


def _bound(plan: Dialplan, caps: Caps) -> Iterator[str]:
    for facility in {each.id: each for each in plan.facilities.values()}.values():
        bound = f"{facility.tier} of {facility.caps}" if facility.caps else "no rate caps"
        yield f"{facility.id}: {bound}"
    for table_id in caps.tables():
        yield f"{table_id}: {caps.table(table_id).note}"


@tariff_app.command("quote")
def tariff_quote(
    seconds: Annotated[int, typer.Option(min=0, help="Seconds in which media goes both ways.")],
    tariff: Annotated[str, typer.Option(help="A tariff's id.")],
    facility: Annotated[str, typer.Option(help="Whose clock and caps count; may be left out where there is one.")] = "",
    at: Annotated[str, typer.Option(help="When the visit begins, such as 2026-05-01T18:30; else now.")] = "",
    free_seconds: Annotated[int, typer.Option(min=0, help="What is left of the account's free allowance.")] = 0,
    *,
    privileged: Annotated[bool, typer.Option("--privileged", help="With an attorney, clergy, a physician.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """What a visit costs, line by line. A time without a zone is the facility's."""
    from gateway.billing.rating import charge
    from gateway.config import load_config
    from gateway.desk import load_policy

    plan, tariffs = load_policy(load_config(config))
    where = _facility(plan, facility)
    when = _instant(at, where.zone)
    if tariff not in tariffs:
        raise KinbridgeError(f"there is no tariff {tariff!r}; known here: {', '.join(sorted(tariffs))}")
    agreed = tariffs.agreed(tariff, when, facility=where.id, timezone=where.timezone, privileged=privileged)
    if agreed is None:
        raise KinbridgeError(f"no version of {tariff} is in force for {where.id} on {when:%Y-%m-%dT%H:%M:%SZ}")
    if agreed.cap and agreed.cap.per_minute.currency != agreed.currency:
        cap = agreed.cap
        raise KinbridgeError(
            f"{tariff} is in {agreed.currency}, the cap that binds {where.id} in {cap.per_minute.currency}"
            f" ({cap.cap_id}); they cannot be compared, and no rule of that facility may use it"
        )
    _print(agreed, charge(agreed, seconds, free_seconds), where, when)


@tariff_app.command("schema")
def tariff_schema(kind: Annotated[Schema, typer.Argument()] = Schema.TARIFFS) -> None:
    """The JSON Schema of a file of tariffs, or of rate caps, for editors."""
    from gateway.billing.caps import CapDocument
    from gateway.billing.tariff_document import TariffDocument

    model = TariffDocument if kind is Schema.TARIFFS else CapDocument
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
    typer.echo(json.dumps(schema, indent=2))


def _facility(plan: Dialplan, name: str) -> Facility:
    known = {each.id: each for each in plan.facilities.values()}
    if not name and len(known) == 1:
        return next(iter(known.values()))
    if name not in known:
        what = f"there is no facility {name!r}" if name else "say which facility's clock and caps count: --facility"
        raise KinbridgeError(f"{what}; known in the dialplan: {', '.join(sorted(known))}")
    return known[name]


def _instant(text: str, zone: ZoneInfo) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise KinbridgeError(f"--at {text!r} is no time; write 2026-05-01T18:30 or 2026-05-01T23:30:00Z") from None
    return (given.replace(tzinfo=zone) if given.tzinfo is None else given).astimezone(UTC)


def _print(tariff: Tariff, charge: Charge, facility: Facility, when: datetime) -> None:
    console = Console(
        highlight=False, soft_wrap=True, width=None if typer.get_text_stream("stdout").isatty() else _LINE
    )
    band = f", band {tariff.band}" if tariff.band else ""
    local = when.astimezone(facility.zone)
    console.print(f"{tariff.tariff_id} version {tariff.version}{band}, {facility.id}, {local:%A %Y-%m-%d %H:%M %Z}")
    table = Table("line", "of", "seconds", tariff.currency)
    for column in (2, 3):
        table.columns[column].justify = "right"
    for line in charge.lines:
        table.add_row(str(line.kind), line.label, _seconds(line), line.amount.amount)
    table.add_row("total", "", "", charge.total.amount)
    console.print(table)
    free = f", {charge.free_s} s of them free" if charge.free_s else ""
    console.print(f"{charge.seconds} s used{free}, {charge.billed_s} s billed; rounding {tariff.rounding} in each line")
    if tariff.cap:
        cap = tariff.cap
        console.print(f"cap {cap.cap_id}: {cap.per_minute} an actual minute, taxes apart; {_kept(charge, tariff)}")


def _seconds(line: ChargeLine) -> str:
    return str(line.quantity) if line.quantity > 1 or str(line.kind) in ("usage", "cap") else ""


def _kept(charge: Charge, tariff: Tariff) -> str:
    from gateway.money import Money

    if not charge.lowered_micros:
        return "kept"
    return f"lowered by {Money(charge.lowered_micros, tariff.currency)}"
