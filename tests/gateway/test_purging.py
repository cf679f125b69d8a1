"""A gateway deletes by itself what is past its time, where it was told to: its own, each with a line in the audit."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.clock import ManualClock
from gateway.recording.archive import Archive
from gateway.recording.keys import KeyRing, new_line
from gateway.store import Recording, Store
from tests.billing.stage import accounting_on, granted, summary, usd
from tests.support.waiting import until

BEGAN = datetime(2026, 1, 5, 15, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=10)


async def visited(url: str) -> None:
    async with accounting_on(url) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
        await accounting.close(summary("v1", 60))


async def recorded(
    store: Store, folder: Path, name: str, *, part: int = 1, node: str = "node1", days: int = 30
) -> Path:
    row = Recording(name, node, "north", "v1", part, f"{name}.kbr", "key-1", "00ff", days, BEGAN)
    path = folder / row.file_name
    path.write_bytes(b"sealed")
    done = {"size": 6, "sha256": "ab" * 32, "state": "complete", "dropped": 0}
    await store.write(lambda work: work.recordings.add(row))
    await store.write(lambda work: work.recordings.finish(name, started_at=BEGAN, ended_at=ENDED, **done))
    return path


async def test_what_is_past_its_time_goes_and_nothing_else(database_url: str, tmp_path: Path) -> None:
    new_line(tmp_path / "keys", "*", "key-1")
    keys, clock = KeyRing.load(tmp_path / "keys"), ManualClock(ENDED + timedelta(days=29))
    await visited(database_url)
    async with Store(database_url) as store:
        files = {
            name: await recorded(store, tmp_path, name, **more)  # type: ignore[arg-type]  # fields by name
            for name, more in {
                "r-mine": {},
                "r-longer": {"days": 365, "part": 2},
                "r-of-another-node": {"node": "node2", "part": 3},
            }.items()
        }
        archive = Archive(store, keys, tmp_path, node="node1", clock=clock, purges=True)
        await archive.start()

        async def gone() -> bool:
            await clock.advance(3600)
            return not files["r-mine"].exists()

        assert all(each.exists() for each in files.values()), "its last day has not passed"
        await until(gone, "the purge of the next day")
        await archive.close()
        assert [name for name, path in files.items() if path.exists()] == ["r-longer", "r-of-another-node"]
        found = await store.read(lambda work: work.recordings.get("r-mine"))
        assert found is not None
        assert (found.wrapped_key, found.purged_at is not None) == ("", True)
        trail = await store.read(lambda work: work.accesses.of())
        assert [(each.who, each.act, each.reason) for each in trail] == [
            ("node node1", "recording.purge", "its time is over")
        ]


async def test_without_the_word_nothing_is_purged(tmp_path: Path) -> None:
    new_line(tmp_path / "keys", "*", "key-1")
    clock = ManualClock(ENDED + timedelta(days=900))
    url = f"sqlite:///{tmp_path}/k.db"
    await visited(url)
    async with Store(url) as store:
        path = await recorded(store, tmp_path, "r-1")
        archive = Archive(store, KeyRing.load(tmp_path / "keys"), tmp_path, node="node1", clock=clock)
        await archive.start()
        await clock.advance(7200)
        await archive.close()
        assert path.exists()
