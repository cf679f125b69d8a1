"""The command line: `kinbridge serve | run | demo | link | doctor`, and the groups `cdr | recording | dialplan | tariff
| account | statement | report | store | webhooks`.

What goes wrong is said in a sentence, with exit code 1; a traceback means a bug. Each command imports what it needs,
so that `doctor` still runs where a library does not load.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bridge.errors import BridgeError
from gateway.command_line.accounts import account_app
from gateway.command_line.bookings import booking_app
from gateway.command_line.database import store_app
from gateway.command_line.dialplan import dialplan_app
from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile
from gateway.command_line.people import people_app
from gateway.command_line.reconcile import cdr_reconcile
from gateway.command_line.recordings import recording_app
from gateway.command_line.records import cdr_app
from gateway.command_line.reports import report_app, statement
from gateway.command_line.rerate import cdr_rerate
from gateway.command_line.staff import key_app, staff_app
from gateway.command_line.tariffs import tariff_app
from gateway.command_line.webhooks import webhooks_app
from gateway.config import load_config
from gateway.errors import KinbridgeError
from gateway.observe import LogFormat, set_up_logging
from sip.errors import SipError

app = typer.Typer(
    help="Joins the SIP phones and video terminals of facilities to families in a browser.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
cdr_app.command("rerate")(cdr_rerate)
cdr_app.command("reconcile")(cdr_reconcile)
app.add_typer(cdr_app, name="cdr")
app.add_typer(recording_app, name="recording")
app.add_typer(dialplan_app, name="dialplan")
app.add_typer(account_app, name="account")
app.add_typer(tariff_app, name="tariff")
app.add_typer(report_app, name="report")
app.add_typer(store_app, name="store")
app.add_typer(webhooks_app, name="webhooks")
app.add_typer(people_app, name="people")
app.add_typer(booking_app, name="booking")
app.add_typer(staff_app, name="staff")
app.add_typer(key_app, name="api-key")
app.command()(statement)

LogLevel = Annotated[str, typer.Option(envvar="KINBRIDGE_LOG_LEVEL", help="DEBUG, INFO, WARNING or ERROR.")]
LogForm = Annotated[LogFormat, typer.Option(envvar="KINBRIDGE_LOG_FORMAT", help="One line an event: text or JSON.")]
OutFolder = Annotated[Path, typer.Option("--output", "-o", help="Folder for what it writes.")]


def main() -> None:
    """The entry point: errors that were foreseen are sentences."""
    try:
        app()
    except (KinbridgeError, SipError, BridgeError) as error:
        sys.stderr.write(f"kinbridge: {error}\n")
        raise SystemExit(1) from None


# the gateway


@app.command()
def serve(
    config: ConfigFile = DEFAULT_CONFIG, log_level: LogLevel = "INFO", log_format: LogForm = LogFormat.TEXT
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C; visits that run may end first (limits.drain_s)."""
    import uvloop

    from gateway.serving import serve as serve_gateway

    set_up_logging(log_level.upper(), log_format)
    uvloop.run(serve_gateway(load_config(config), say=typer.echo))


@app.command()
def run(
    output: OutFolder = Path("run-out"),
    port: Annotated[int, typer.Option(help="HTTP port of the page; 0: the system chooses.")] = 8080,
    log_level: LogLevel = "WARNING",
) -> None:
    """Leave a gateway running with the demo facility, and print the page that rings you."""
    import uvloop

    from gateway.demo.left_running import left_running

    set_up_logging(log_level.upper())
    uvloop.run(left_running(output, port, say=typer.echo))


@app.command()
def demo(
    visits: Annotated[int, typer.Option(min=1, max=4, help="How many at once.")] = 1,
    transcode: Annotated[bool, typer.Option(help="Force the path that decodes and encodes.")] = False,
    seconds: Annotated[int, typer.Option(min=3, max=600, help="What the balance pays for.")] = 22,
    output: OutFolder = Path("demo-out"),
    log_level: LogLevel = "WARNING",
) -> None:
    """A whole visit, unattended: a terminal calls, a family accepts, the money runs out, and the CDR adds up."""
    import uvloop

    from gateway.demo.story import Plan, tell_story

    set_up_logging(log_level.upper())
    good = uvloop.run(tell_story(Plan(visits, transcode, seconds, output), Console(highlight=False)))
    raise SystemExit(0 if good else 1)


@app.command()
def link(
    contact: Annotated[str, typer.Argument(help="A contact's id in the dialplan or in the store.")],
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Print the address of a contact's family page. Whoever has it is that contact."""
    from gateway.desk import assert_contact, family_link

    loaded = load_config(config)
    asyncio.run(assert_contact(loaded, contact))
    print(family_link(loaded, contact))


@app.command()
def doctor(config: Annotated[Path | None, typer.Option("--config", "-c", envvar="KINBRIDGE_CONFIG")] = None) -> None:
    """Say what is wrong with this machine or configuration. Exit code 1 when the gateway could not work."""
    from gateway.doctor import examine
    from gateway.findings import Verdict

    if config is None and DEFAULT_CONFIG.exists():
        config = DEFAULT_CONFIG
    console = Console(highlight=False, soft_wrap=True)
    colours = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.FAULT: "red"}
    worst = Verdict.OK
    for each in examine(config):
        console.print(f"[{colours[each.verdict]}]{each.verdict:>7}[/]  ", end="")
        console.print(each.what + (f" -> {each.remedy}" if each.remedy else ""), markup=False)
        if each.verdict is Verdict.FAULT:
            worst = Verdict.FAULT
    raise SystemExit(1 if worst is Verdict.FAULT else 0)
