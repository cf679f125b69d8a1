"""What several groups of commands ask for, and how they reach the books."""

from __future__ import annotations

import asyncio
import os
import pwd
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from gateway.billing.accounting import Accounting

T = TypeVar("T")
ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="KINBRIDGE_CONFIG", help="The gateway's configuration.")
]
DEFAULT_CONFIG = Path("kinbridge.yaml")


def utc(at: datetime | None) -> datetime | None:
    """What typer reads has no zone: it is taken for UTC."""
    return None if at is None else at.replace(tzinfo=at.tzinfo or UTC)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """Called with how far it is and where it ends; drawn on the error output, and only where that is a terminal."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def with_accounting(config: Path, work: Callable[[Accounting], Awaitable[T]]) -> T:
    """Opens the books of a configuration for one piece of work; a gateway may run beside."""
    from gateway.config import load_config
    from gateway.desk import open_accounting

    async def opened() -> T:
        async with open_accounting(load_config(config)) as accounting:
            return await work(accounting)

    return asyncio.run(opened())


def counted(count: int, thing: str) -> str:
    """`1 record`, `2 records`."""
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"


def who_is(by: str) -> str:
    """`--by` never replaces the user: both are kept. The user is who the process is, not who its environment says."""
    try:
        user = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        user = f"uid {os.getuid()}"
    return f"{by} ({user})" if by else user
