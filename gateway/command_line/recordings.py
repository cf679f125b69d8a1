"""`kinbridge recording list | export | verify | purge | new-key | rewrap`.

Whoever uses it is written down: the user of the operating system, or who `--by` says it is for. Looking into a
recording asks for a reason.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from gateway.clock import SystemClock
from gateway.command_line.options import DEFAULT_CONFIG, ConfigFile, who_is
from gateway.config import Config, RecordingConfig, load_config
from gateway.errors import RecordingError

if TYPE_CHECKING:
    from gateway.recording.handling import Handling
    from gateway.store import Recording

T = TypeVar("T")
recording_app = typer.Typer(help="Recordings of visits. Each use is written into the audit.", no_args_is_help=True)

By = Annotated[str, typer.Option(help="For whom it is done; else the user of the operating system.")]
Reason = Annotated[str, typer.Option(help="Why: a case, a complaint, an order. It is kept.")]
_LINE = 200  # where no terminal says how wide it is


@recording_app.command("list")
def list_recordings(
    facility: Annotated[str, typer.Option(help="Only this facility's.")] = "",
    since: Annotated[datetime | None, typer.Option(help="Begun at or after this time (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Begun before this time (UTC).")] = None,
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """What there is, oldest first."""
    from gateway.recording.handling import MOST_FOUND, Person

    found = _with_handling(
        config, lambda handling: handling.found(Person(who_is(by)), facility, _utc(since), _utc(until))
    )
    table = Table("recording", "visit", "part", "facility", "began (UTC)", "seconds", "bytes", "state", "kept until")
    for each in found:
        table.add_row(*_row(each))
    width = None if sys.stdout.isatty() else _LINE
    Console(highlight=False, soft_wrap=True, width=width).print(table)
    if len(found) == MOST_FOUND:
        typer.echo(f"the first {MOST_FOUND}; go on with: --since {found[-1].started_at:%Y-%m-%dT%H:%M:%S}")


@recording_app.command()
def export(
    recording: Annotated[str, typer.Argument(help="A recording's id, or with --mp4 a visit's: all its parts.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write, whole or not at all.")],
    reason: Reason,
    *,
    mp4: Annotated[bool, typer.Option("--mp4", help="Both pictures side by side, both voices: H.264 and AAC.")] = False,
    by: By = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Decrypt a recording into a Matroska file, as it was recorded; or turn a visit into one MP4."""
    from gateway.recording.handling import Person

    if not reason.strip():
        raise RecordingError("say why this recording is looked into: --reason")
    who = Person(who_is(by), reason)
    if mp4:
        _with_handling(config, lambda handling: handling.export_mp4(who, recording, output))
    else:
        _with_handling(config, lambda handling: handling.export(who, recording, output))
    typer.echo(f"{recording}: {output}")


@recording_app.command()
def verify(
    recording: Annotated[str, typer.Argument(help="A recording's id.")],
    by: By = "",
    reason: Reason = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Compare a file with its SHA-256 and every chunk with its tag. Exit code 1 when one byte is not as written."""
    from gateway.recording.handling import Person

    verdict = _with_handling(config, lambda handling: handling.verify(Person(who_is(by), reason), recording))
    for each in verdict.faults:
        typer.echo(f"{recording}: {each}")
    if verdict.faults:
        raise typer.Exit(1)
    typer.echo(f"{recording}: {verdict.chunks} chunks, each as it was written")


@recording_app.command()
def purge(
    recording: Annotated[str, typer.Argument(help="Only this one; else all whose time is over.")] = "",
    do_it: Annotated[bool, typer.Option("--do-it", help="Without it, only says what it would purge.")] = False,
    by: By = "",
    reason: Reason = "",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Delete recordings and their keys: those whose time is over, or one by its id with a reason."""
    from gateway.recording.handling import Person

    who = Person(who_is(by), reason or "its time is over")
    if recording and not reason:
        raise RecordingError("say why this recording goes: --reason")

    async def work(handling: Handling) -> int:
        chosen = (await handling.required(recording),) if recording else await handling.due()
        for each in chosen:
            typer.echo(f"{each.recording_id} of {each.started_at:%Y-%m-%d %H:%M}, {each.bytes} bytes")
            if do_it:
                await handling.purge(who, each)
        return len(chosen)

    count = _with_handling(config, work)
    typer.echo(f"{count} purged" if do_it else f"{count} would be purged; to do it: --do-it")


@recording_app.command("new-key")
def new_key(
    key_id: Annotated[str, typer.Argument(help="A name for it that was never used, such as north-2026.")],
    facility: Annotated[str, typer.Option(help="Whose recordings it wraps from now on; `*`: everybody's.")] = "*",
    config: ConfigFile = DEFAULT_CONFIG,
) -> None:
    """Add a key to the file of keys. Keep a copy of that file in another place: without it nothing can be opened."""
    from gateway.recording.keys import new_line

    path = Path(_recording(load_config(config)).keys)
    new_line(path, facility, key_id)
    typer.echo(f"{key_id} is in {path}; the gateway uses it after its next start")


@recording_app.command()
def rewrap(by: By = "", reason: Reason = "rotation", config: ConfigFile = DEFAULT_CONFIG) -> None:
    """Wrap every recording's key with the newest key of its facility.

    A gateway that was not started again since `new-key` still wraps with the old one: start it, then do this, and only
    then take the old line away.
    """
    from gateway.recording.handling import Person

    count = _with_handling(config, lambda handling: handling.rewrap(Person(who_is(by), reason)))
    typer.echo(f"{count} recordings have another key around theirs now")


def _row(each: Recording) -> tuple[str, ...]:
    seconds = "" if each.ended_at is None else f"{(each.ended_at - each.started_at).total_seconds():.0f}"
    kept = "purged" if each.purged_at else f"{each.retain_until:%Y-%m-%d}" if each.retain_until else ""
    began = f"{each.started_at:%Y-%m-%d %H:%M:%S}"
    numbers = (str(each.part), each.facility, began, seconds, str(each.bytes), str(each.state), kept)
    return each.recording_id, each.visit_id, *numbers


def _utc(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _recording(config: Config) -> RecordingConfig:
    if config.recording is None:
        raise RecordingError("the configuration has no `recording`; set recording.folder and recording.keys")
    return config.recording


@asynccontextmanager
async def _handling(path: Path) -> AsyncIterator[Handling]:
    from gateway.recording.handling import Handling
    from gateway.recording.keys import KeyRing
    from gateway.store import Store

    config = load_config(path)
    recording = _recording(config)
    keys = KeyRing.load(Path(recording.keys))
    async with Store(config.store.url) as store:
        yield Handling(store, keys, Path(recording.folder), SystemClock())


def _with_handling(config: Path, work: Callable[[Handling], Awaitable[T]]) -> T:
    async def opened() -> T:
        async with _handling(config) as handling:
            return await work(handling)

    return asyncio.run(opened())
