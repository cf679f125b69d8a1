"""Records that are put into a folder by the clock, for whoever picks them up there.

    plan (database): records 4712 to 5203, this file  ->  file and manifest, by rename  ->  done (database)

A crash at any point leaves a plan that is not done: the same records go into the same file again, then it goes on. So
every record is in one file, none in two, and half a file is never seen.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from gateway.billing.accounting import Accounting
from gateway.clock import Clock
from gateway.config import Config, ExportConfig
from gateway.errors import BillingError, StoreError
from gateway.exports.export import Wanted, export
from gateway.exports.formats import Format
from gateway.store import Drop, Selection, Store

log = logging.getLogger(__name__)
RETRY_S = 60.0
SUFFIXES = {Format.CSV: "csv", Format.JSONL: "jsonl", Format.PARQUET: "parquet", Format.ASTERISK: "Master.csv"}


@dataclass(frozen=True, slots=True)
class Schedule:
    """One of `at` (minutes since midnight on the clock of `zone`) and `every` is given."""

    at_min: int | None = None
    zone: ZoneInfo = ZoneInfo("UTC")  # noqa: RUF009 - immutable
    every: timedelta | None = None

    def last_before(self, now: datetime) -> datetime:
        """When it was due last, at `now` or before."""
        if self.every is not None:
            midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight + (now - midnight) // self.every * self.every
        today = self._on(now, 0)
        return today if today <= now else self._on(now, -1)

    def next_after(self, now: datetime) -> datetime:
        """When it is due next, later than `now`."""
        if self.every is not None:
            midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            return min(self.last_before(now) + self.every, midnight + timedelta(days=1))
        today = self._on(now, 0)
        return today if now < today else self._on(now, 1)

    def _on(self, now: datetime, days: int) -> datetime:
        """An hour that the clock skips is the one after it; of one that it shows twice, the first."""
        day = now.astimezone(self.zone).date() + timedelta(days=days)
        minutes = self.at_min or 0
        local = datetime(day.year, day.month, day.day, minutes // 60, minutes % 60, tzinfo=self.zone)
        return local.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Task:
    """folder: where the files go. facility, trunk, account: as for every export; empty: any."""

    name: str
    form: Format
    folder: Path
    schedule: Schedule
    facility: str = ""
    trunk: str = ""
    account: str = ""


class Dropping:
    """The scheduled exports of one node."""

    def __init__(self, store: Store, accounting: Accounting, node: str, tasks: Sequence[Task], clock: Clock) -> None:
        self._store = store
        self._accounting = accounting
        self._node = node
        self._tasks = tuple(tasks)
        self._clock = clock

    async def drop_all(self, name: str = "") -> dict[str, tuple[Drop, ...]]:
        """By hand, whatever the clock says; name: only that one. Raises BillingError for an unknown name."""
        chosen = [each for each in self._tasks if name in ("", each.name)]
        if not chosen:
            known = ", ".join(each.name for each in self._tasks)
            if not known:
                raise BillingError("the configuration has no `exports:`; docs/exports.md shows how they are written")
            raise BillingError(f"there is no export {name!r} in the configuration (exports: {known})")
        return {each.name: await self.drop(each) for each in chosen}

    async def run(self) -> None:
        """For ever: what is due, what a crash left, and what fell due while nothing ran."""
        while self._tasks:
            failed = False
            for task in self._tasks:
                try:
                    if await self._is_due(task):
                        await self.drop(task)
                except (BillingError, StoreError) as error:
                    failed = True
                    log.warning("export %s did not succeed (%s), it is tried again", task.name, type(error).__name__)
            now = self._clock.now()
            wait_s = min((each.schedule.next_after(now) - now).total_seconds() for each in self._tasks)
            await self._clock.sleep(min(wait_s, RETRY_S) if failed else wait_s)

    async def drop(self, task: Task) -> tuple[Drop, ...]:
        """Everything that is not in the folder yet: what a crash left, then what is new; empty when there is nothing.

        Raises BillingError when the folder cannot be written, StoreError.
        """
        made: list[Drop] = []
        last = await self._store.read(lambda work: work.drops.last(task.name, self._node))
        if last is not None and last.done_at is None:
            made.append(await self._write(task, last))
        upto, since = await self._accounting.last_sequence(self._node), last.upto if last else 0
        if upto > since:
            file_name = f"{task.name}-{self._node}-{since + 1:010d}-{upto:010d}.{SUFFIXES[task.form]}"
            planned = Drop(task.name, self._node, since, upto, file_name, self._clock.now())
            await self._store.write(lambda work: work.drops.plan(planned))
            made.append(await self._write(task, planned))
        return tuple(made)

    async def _is_due(self, task: Task) -> bool:
        last = await self._store.read(lambda work: work.drops.last(task.name, self._node))
        if last is None or last.done_at is None:
            return True
        return last.planned_at < task.schedule.last_before(self._clock.now())

    async def _write(self, task: Task, drop: Drop) -> Drop:
        records = Selection(drop.node, drop.since, drop.upto, facility=task.facility)
        wanted = Wanted(records, task.trunk, task.account)
        path = task.folder / drop.file_name
        manifest = await export(self._accounting, wanted, task.form, path, now=self._clock.now())
        done_at = self._clock.now()
        await self._store.write(lambda work: work.drops.done(drop, done_at, manifest.rows, manifest.sha256))
        log.info("export %s: %d records up to %d", task.name, manifest.rows, drop.upto)
        return replace(drop, done_at=done_at, records=manifest.rows, sha256=manifest.sha256)


def dropping(config: Config, store: Store, accounting: Accounting, clock: Clock) -> Dropping:
    """The exports of a configuration."""
    tasks = [
        Task(
            each.name, Format(each.format), Path(each.folder), _schedule(each), each.facility, each.trunk, each.account
        )
        for each in config.exports
    ]
    return Dropping(store, accounting, config.node, tasks, clock)


def _schedule(config: ExportConfig) -> Schedule:
    if config.every_min:
        return Schedule(every=timedelta(minutes=config.every_min))
    hour, minute = config.at.split(":")
    return Schedule(int(hour) * 60 + int(minute), ZoneInfo(config.timezone))
