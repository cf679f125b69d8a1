"""`kinbridge dialplan check | explain | test | reload | schema`: what a plan decides, before any phone rings."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile
from gateway.errors import KinbridgeError
from gateway.policy.decision import Allowed, Decision, Medium

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.policy.decision import VisitRequest
    from gateway.policy.plan import Dialplan

dialplan_app = typer.Typer(help="Dialplans.", no_args_is_help=True)
PlanFile = Annotated[
    Path | None, typer.Option("--plan", help="Another dialplan, with the configuration's tariffs and rate caps.")
]


@dialplan_app.command("check")
def dialplan_check(plan: PlanFile = None, config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Read the configuration, its dialplan and its tariffs; every mistake with file, line and remedy.

    Trunks that the configuration's `sip.trunks` lacks are told too: no call can come from them.
    """
    from gateway.desk import assert_trunks_reach_out, load_policy

    loaded = _configured(config, plan)
    dialplan, tariffs = load_policy(loaded)
    assert_trunks_reach_out(dialplan, loaded)
    known = {each.name for each in loaded.sip.trunks}
    for trunk in sorted(set(dialplan.facilities) - known):
        print(
            f"note: {loaded.dialplan}: {dialplan.facilities[trunk].id}: no call comes from trunk {trunk!r}:"
            f" sip.trunks of {config} has {', '.join(sorted(known)) or 'none'}"
        )
    rules = sum(len(each) for each in dialplan.rules.values())
    print(f"{loaded.dialplan}: {rules} rules, {len(dialplan.numbers)} contacts, {len(tariffs)} tariffs: no mistake")


@dialplan_app.command("explain")
def dialplan_explain(
    station: Annotated[str, typer.Option("--from", help="The station that calls.")],
    dialled: Annotated[str, typer.Option("--to", help="What is dialled.")],
    medium: Annotated[Medium | None, typer.Option(help="What the call brings; else it does not say.")] = None,
    at: Annotated[str, typer.Option(help="When, such as 2026-05-01T18:30; else now.")] = "",
    trunk: Annotated[str, typer.Option(help="The trunk it comes from; may be left out where there is one.")] = "",
    resident: Annotated[str, typer.Option(help="Who calls, where residents are known by PIN.")] = "",
    plan: PlanFile = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """What is decided, and each condition that led there. A time without a zone is the facility's.

    Where the facility knows residents or has limits, people and past visits are those of the database.
    """
    from gateway.desk import load_policy
    from gateway.policy.cases import instant
    from gateway.policy.decision import VisitRequest

    loaded = _configured(config, plan)
    dialplan, _ = load_policy(loaded)
    source = _trunk(dialplan, trunk)
    when = instant(dialplan, source, _time(at))
    request = VisitRequest(
        source,
        station,
        dialled,
        medium or Medium.VIDEO,
        when,
        medium_known=medium is not None,
        resident=resident,
        asked=True,
    )
    decision = asyncio.run(_explained(loaded, dialplan, request))
    for condition in decision.path:
        typer.echo(condition)
    typer.echo(_summary(decision))


async def _explained(config: Config, dialplan: Dialplan, request: VisitRequest) -> Decision:
    from gateway.admission import Admission
    from gateway.clock import SystemClock
    from gateway.people import PeopleDesk
    from gateway.policy.decide import explain
    from gateway.policy.plan import Identify
    from gateway.store import Store

    facility = dialplan.facilities.get(request.trunk)
    if facility is None or (facility.identify is Identify.NONE and not facility.limits.any):
        return explain(dialplan, request)
    async with Store(config.store.url) as store:
        clock = SystemClock()
        return await Admission(dialplan, store, clock, PeopleDesk(store, clock).snapshot).explain(request)


@dialplan_app.command("test")
def dialplan_test(
    tables: Annotated[
        list[Path] | None, typer.Argument(help="Tables of decisions; without any, the one beside the dialplan.")
    ] = None,
    plan: PlanFile = None,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare what the plan decides with what its tables say. Exit code 1 where they differ."""
    from gateway.desk import load_policy
    from gateway.policy.cases import checked, load_cases

    loaded = _configured(config, plan)
    dialplan, _ = load_policy(loaded)
    files = tables or [Path(loaded.dialplan).with_suffix(".decisions.yaml")]
    read = [load_cases(each) for each in files]
    wrong = [problem for table in read for problem in checked(dialplan, table)]
    for problem in wrong:
        typer.echo(str(problem), err=True)
    total = sum(len(table.cases) for table in read)
    if wrong:
        raise KinbridgeError(f"{len({each.line for each in wrong})} of {total} decisions are not as expected")
    typer.echo(f"{total} decisions, all as expected")


@dialplan_app.command("reload")
def dialplan_reload(
    yes: Annotated[bool, typer.Option("--yes", help="Take them without a question.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Let the running gateway read dialplan and tariffs again, see what would change, and put that in force.

    The token of a member of staff with the role administrator is taken from $KINBRIDGE_TOKEN, else http.staff_token.
    """
    from gateway.command_line.running import post
    from gateway.config import load_config

    loaded = load_config(config)
    found = post(loaded, "/api/v1/rules/candidates")
    for difference in found["differences"]:
        typer.echo(difference)
    if not found["differences"]:
        typer.echo("nothing would change")
        return
    if dry_run or not (yes or typer.confirm("Put this in force?")):
        typer.echo("nothing was changed")
        return
    post(loaded, f"/api/v1/rules/candidates/{found['candidate']}/take")
    typer.echo("in force; visits that run keep what they began with")


@dialplan_app.command("schema")
def dialplan_schema() -> None:
    """The JSON Schema of a dialplan, for editors; docs/dialplan.schema.json is it."""
    typer.echo(schema_text(), nl=False)


def schema_text() -> str:
    from gateway.policy.dialplan_entries import DialplanDocument

    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **DialplanDocument.model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"


def _configured(config: Path, plan: Path | None) -> Config:
    from gateway.config import load_config

    loaded = load_config(config)
    return loaded if plan is None else loaded.model_copy(update={"dialplan": str(plan)})


def _trunk(dialplan: Dialplan, name: str) -> str:
    known = sorted(dialplan.facilities)
    if name:
        return name  # also one that no facility has: that is a decision, not a mistake
    if len(known) == 1:
        return known[0]
    raise KinbridgeError(f"say which trunk the call comes from: --trunk; known in the dialplan: {', '.join(known)}")


def _time(text: str) -> datetime:
    if not text:
        return datetime.now(UTC)
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise KinbridgeError(f"--at {text!r} is no time; write 2026-05-01T18:30 or 2026-05-01T23:30:00Z") from None


def _summary(decision: Decision) -> str:
    from gateway.policy.cases import verdict_of

    if not isinstance(decision, Allowed):
        return f"refused: {verdict_of(decision)}"
    terms = decision.terms
    manner = [
        word
        for word, holds in (
            ("privileged", terms.privileged),
            ("may be watched", terms.monitored),
            ("recorded", terms.recorded),
        )
        if holds
    ]
    parts = [f"allowed by {terms.rule}: {terms.medium} with {terms.contact} for at most {terms.max_seconds} s"]
    return ", ".join([*parts, f"tariff {terms.tariff}", f"paid by {terms.account or 'nobody'}", *manner])
