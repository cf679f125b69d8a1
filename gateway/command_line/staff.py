"""`kinbridge staff ...` and `kinbridge api-key ...`: who may come in, as docs/access.md tells of them."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, counted, who_is
from gateway.errors import AccessError

if TYPE_CHECKING:
    from gateway.access import AccessDesk, KeyDesk

staff_app = typer.Typer(help="Accounts of the staff: names, passwords, roles.", no_args_is_help=True)
key_app = typer.Typer(help="Keys of other systems, such as a carrier's or a billing system's.", no_args_is_help=True)
T = TypeVar("T")


class Role(StrEnum):
    """As gateway.config.StaffRole, which takes a while to load."""

    OFFICER = "officer"
    SUPERVISOR = "supervisor"
    INVESTIGATOR = "investigator"
    BILLING = "billing"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    PRIVILEGED = "privileged"


class KeyScope(StrEnum):
    """As gateway.access.Scope."""

    RECORDS_READ = "records:read"
    REPORTS_READ = "reports:read"
    ACCOUNTS_READ = "accounts:read"
    ACCOUNTS_WRITE = "accounts:write"
    NODE_READ = "node:read"
    RULES_READ = "rules:read"


By = Annotated[str, typer.Option(help="Who does it; the user of this process is kept beside it.")]
Name = Annotated[str, typer.Argument(help="The name to sign in with, and that audits keep, such as a badge number.")]
Roles = Annotated[list[Role], typer.Option("--role", help="What it may do (docs/access.md); once for each.")]


@staff_app.command("add")
def staff_add(name: Name, role: Roles, by: By = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Make an account. The password is read from the terminal or the standard input."""
    from gateway.config import StaffRole, load_config

    if name.casefold() in {"staff", *(each.name.casefold() for each in load_config(config).http.staff)}:
        raise AccessError(f"{name!r} is the name of a token in the configuration: audits could not tell them apart")
    roles, password = frozenset(StaffRole(each) for each in role), _password()
    _with_desks(config, lambda desk, _: desk.add(name, roles, password, who_is(by)))
    print(f"{name}: {', '.join(sorted(roles))}")


@staff_app.command("list")
def staff_list(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Show all accounts, by name."""
    found = _with_desks(config, lambda desk, _: desk.accounts())
    for each in found:
        print(f"{each.name}  {', '.join(each.roles)}{'' if each.active else '  (disabled)'}")
    print(counted(len(found), "account"))


@staff_app.command("disable")
def staff_disable(name: Name, by: By = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Let nobody in by this account any more; its sessions end at once."""
    ended = _with_desks(config, lambda desk, _: desk.set_active(name, who_is(by), active=False))
    print(f"{name}: disabled, {counted(ended, 'session')} ended")


@staff_app.command("enable")
def staff_enable(name: Name, by: By = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Let it in again, with the password and the roles that it had."""
    _with_desks(config, lambda desk, _: desk.set_active(name, who_is(by), active=True))
    print(f"{name}: enabled")


@staff_app.command("password")
def staff_password(name: Name, by: By = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Set a new password, read from the terminal or the standard input; sessions and a lock-out end."""
    password = _password()
    ended = _with_desks(config, lambda desk, _: desk.set_password(name, password, who_is(by)))
    print(f"{name}: the password is set, {counted(ended, 'session')} ended")


@staff_app.command("roles")
def staff_roles(name: Name, role: Roles, by: By = "", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Give an account these roles and no others, from its next request on."""
    from gateway.config import StaffRole

    roles = frozenset(StaffRole(each) for each in role)
    _with_desks(config, lambda desk, _: desk.set_roles(name, roles, who_is(by)))
    print(f"{name}: {', '.join(sorted(roles))}")


@key_app.command("add")
def key_add(
    name: Annotated[str, typer.Argument(help="Whose key it is, such as `carrier north`.")],
    scope: Annotated[list[KeyScope], typer.Option("--scope", help="What it reaches (docs/access.md); once for each.")],
    days: Annotated[int, typer.Option(help="How long it is good.")] = 365,
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Make a key and print it: it is shown this once, and kept nowhere."""
    from gateway.access import Scope

    scopes = frozenset(Scope(each) for each in scope)
    made = _with_desks(config, lambda _, keys: keys.add(name, scopes, days, who_is(by)))
    print(made.key)
    sys.stderr.write(f"{made.row.key_id}: {' '.join(made.row.scopes)}, until {made.row.expires_at:%Y-%m-%d}\n")


@key_app.command("list")
def key_list(config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Show all keys, the oldest first, and when each was used last; never the keys themselves."""
    found = _with_desks(config, lambda _, keys: keys.all())
    for each in found:
        over = f"revoked {each.revoked_at:%Y-%m-%d}" if each.revoked_at else f"until {each.expires_at:%Y-%m-%d}"
        used = f"used {each.last_used_day}" if each.last_used_day else "never used"
        print(f"{each.key_id}  {each.name}  {' '.join(each.scopes)}  {over}  {used}")
    print(counted(len(found), "key"))


@key_app.command("revoke")
def key_revoke(
    key: Annotated[str, typer.Argument(help="Its id, such as key-1f2e3d4c.")],
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Let nobody in by this key any more, from the next request on."""
    _with_desks(config, lambda _, keys: keys.revoke(key, who_is(by)))
    print(f"{key}: revoked")


def _password() -> str:
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\n")


def _with_desks(config: Path, work: Callable[[AccessDesk, KeyDesk], Awaitable[T]]) -> T:
    from gateway.access import AccessDesk, AccessRules, KeyDesk
    from gateway.clock import SystemClock
    from gateway.config import load_config
    from gateway.store import Store

    async def opened() -> T:
        loaded, clock = load_config(config), SystemClock()
        async with Store(loaded.store.url) as store:
            return await work(AccessDesk(store, clock, AccessRules.of(loaded.access)), KeyDesk(store, clock))

    return asyncio.run(opened())
