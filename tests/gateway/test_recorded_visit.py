"""Recorded visits through the composed gateway: SIP is played; media, files, keys, records and families are real."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import sqlite3
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.sdp import parse
from gateway.app import Gateway
from gateway.billing.cdr import Cdr
from gateway.call.facts import FactKind
from gateway.clock import SystemClock
from gateway.config import RecordingConfig
from gateway.demo.facility import Pair, Price, demo_config, fund, pairs
from gateway.demo.peer import peer
from gateway.demo.station import Station
from gateway.errors import RecordingError, StartError
from gateway.recording.handling import Handling, Person
from gateway.recording.keys import KeyRing, new_line
from gateway.store import RecordingState
from sip import FakeSipEndpoint
from tests.gateway.test_whole_visit import Family, answered
from tests.support.recordings import probe, recorded_dialplan
from tests.support.waiting import until

OFFICER = Person("officer-7", "case 12")

pytestmark = pytest.mark.timeout(90)


class Node:
    """A gateway that records, and two pairs of people who may talk."""

    def __init__(self, folder: Path, gateway: Gateway, endpoint: FakeSipEndpoint, who: list[Pair]) -> None:
        self.folder = folder
        self.files = folder / "recordings"
        self.gateway = gateway
        self.endpoint = endpoint
        self.pairs = who
        keys = KeyRing.load(folder / "recording.keys")
        self.handling = Handling(gateway.store, keys, self.files, SystemClock())

    async def visit(self, pair: Pair, seconds: int, while_talking: Any = None) -> Cdr:
        """Until its balance is used up. while_talking: is awaited as soon as the station sees and hears something."""
        await fund(self.gateway.accounting, pair, Price.read().paying_for(seconds), key=f"{pair.account} {seconds}")
        family = Family()
        orders = {
            "origin": f"http://127.0.0.1:{self.gateway.http_port}",
            "token": self.gateway.token(pair.contact),
            "picture": str(self.folder / f"{pair.contact}.png"),
        }
        async with peer("gateway.demo.family", orders, family.events.append), Station("127.0.0.1") as station:
            await family.tells("waiting")
            far = self.endpoint.call(sdp=station.offer(), trunk="demo", from_user=pair.station, to_user=pair.number)
            station.start(parse(await answered(far)))
            if while_talking is not None:
                await while_talking()
            await family.tells("over")
        return await self.cdr_of(pair)

    async def cdr_of(self, pair: Pair) -> Cdr:
        async def recorded() -> Cdr | None:
            return next((each for each in await self.gateway.accounting.cdrs() if each.contact == pair.contact), None)

        found = await until(recorded, "the CDR")
        assert found is not None
        return found


@contextlib.asynccontextmanager
async def node(folder: Path, privileged: str = "") -> AsyncIterator[Node]:
    new_line(folder / "recording.keys", "demo-jail", "jail-1")
    config = demo_config(folder).model_copy(
        update={
            "dialplan": str(recorded_dialplan(folder, privileged)),
            "recording": RecordingConfig(folder=str(folder / "recordings"), keys=str(folder / "recording.keys")),
        }
    )
    endpoint = FakeSipEndpoint()
    async with Gateway(config, endpoint=endpoint) as gateway:
        yield Node(folder, gateway, endpoint, pairs(config, 2))


async def both(first: Coroutine[Any, Any, Cdr], second: Coroutine[Any, Any, Cdr]) -> tuple[Cdr, Cdr]:
    async with asyncio.TaskGroup() as tasks:
        one, two = tasks.create_task(first, name="first visit"), tasks.create_task(second, name="second visit")
    return one.result(), two.result()


async def test_two_visits_at_once_are_recorded_each_for_itself(tmp_path: Path) -> None:
    async with node(tmp_path) as here:
        tapped: set[str] = set()

        async def look() -> None:
            async def all_tapped() -> bool:
                live = here.gateway.visits.live()
                tapped.update(each.visit_id for each in live if each.pipelines.count("-> Tap(recording) ->") == 4)
                return len(tapped) == 2

            await until(all_tapped, "two visits with a tap in all pipelines")

        cdrs = await both(*(here.visit(each, 4, look) for each in here.pairs))
        assert tapped == {each.visit_id for each in cdrs}
        found = await here.handling.found(OFFICER, "demo-jail")
        assert {each.visit_id for each in found} == {each.visit_id for each in cdrs}
        for cdr in cdrs:
            assert cdr.recording == "complete"
            (recording,) = (each for each in found if each.visit_id == cdr.visit_id)
            (told,) = cdr.recordings
            assert (told.recording_id, told.sha256, told.bytes) == (
                recording.recording_id,
                recording.sha256,
                recording.bytes,
            )
            assert recording.bytes == (here.files / recording.file_name).stat().st_size
            assert recording.retain_until is not None
            assert recording.ended_at is not None
            assert (recording.retain_until - recording.ended_at).days == 90
            assert (await here.handling.verify(OFFICER, recording.recording_id)).faults == ()
            plain = tmp_path / f"{recording.recording_id}.mkv"
            await here.handling.export(OFFICER, recording.recording_id, plain)
            assert plain.stat().st_mode & 0o777 == 0o600
            seen = probe(plain)
            assert seen["complaints"] == ""
            assert [each["codec_name"] for each in seen["streams"]] == ["pcm_mulaw", "pcm_mulaw", "h264", "h264"]
            assert all(int(each["nb_read_frames"]) > 40 for each in seen["streams"])
            assert not {plain.read_bytes()[at : at + 64] for at in range(0, 60_000, 4000)} & {
                (here.files / recording.file_name).read_bytes()[at : at + 64] for at in range(0, 60_000, 4000)
            }
        await here.handling.export_mp4(OFFICER, cdrs[0].visit_id, tmp_path / "both.mp4")
        film = probe(tmp_path / "both.mp4")["streams"]
        assert [(each["codec_name"], each.get("width")) for each in film] == [("h264", 1280), ("aac", None)]
        assert float(film[0]["duration"]) == pytest.approx(float(film[1]["duration"]), abs=0.2)
        assert float(film[0]["duration"]) > 3
        trail = await here.gateway.store.read(lambda work: work.accesses.of())
        assert {(each.who, each.reason) for each in trail} == {("officer-7", "case 12")}
        assert {each.act for each in trail} == {
            "recording.list", "recording.verify", "recording.verified", "recording.export",
        }  # fmt: skip
        await one_byte_is_found(here, cdrs[0].recordings[0].recording_id)
        await what_is_purged_is_gone(here, cdrs[1].recordings[0].recording_id)


async def one_byte_is_found(here: Node, recording_id: str) -> None:
    path = here.files / f"{recording_id}.kbr"
    data = bytearray(path.read_bytes())
    data[64 + 2 * 16_384 + 100] ^= 1
    path.write_bytes(data)
    verdict = await here.handling.verify(OFFICER, recording_id)
    assert verdict.faults == ("its SHA-256 is not the one of the database", "chunk 2 was changed")
    await a_database_that_was_made_to_fit_is_found(here, recording_id, hashlib.sha256(data).hexdigest())
    with pytest.raises(RecordingError, match="chunk 2 does not open"):
        await here.handling.export(OFFICER, recording_id, here.folder / "broken.mkv")
    assert not (here.folder / "broken.mkv").exists()
    path.write_bytes(data[:-16_384])
    verdict = await here.handling.verify(OFFICER, recording_id)
    assert "its last chunk is missing: the file was cut" in verdict.faults
    data[64 + 2 * 16_384 + 100] ^= 1
    path.write_bytes(data[:-16_384])
    with pytest.raises(RecordingError, match="its last chunk is missing"):
        await here.handling.export(OFFICER, recording_id, here.folder / "half.mkv")
    assert not (here.folder / "half.mkv").exists()


async def a_database_that_was_made_to_fit_is_found(here: Node, recording_id: str, sha256: str) -> None:
    with sqlite3.connect(here.folder / "kinbridge.db") as base:
        base.execute("DROP TRIGGER recordings_no_change")
        base.execute("UPDATE recordings SET sha256 = ? WHERE recording_id = ?", (sha256, recording_id))
    verdict = await here.handling.verify(OFFICER, recording_id)
    assert verdict.faults == ("chunk 2 was changed", "its SHA-256 in the database is not that of the CDR")


async def what_is_purged_is_gone(here: Node, recording_id: str) -> None:
    await here.handling.purge(OFFICER, await here.handling.required(recording_id))
    assert not (here.files / f"{recording_id}.kbr").exists()
    with sqlite3.connect(here.folder / "kinbridge.db") as base:
        rows = base.execute("SELECT wrapped_key FROM recordings WHERE recording_id = ?", (recording_id,))
        assert rows.fetchall() == [("",)]
    with pytest.raises(RecordingError, match="was purged"):
        await here.handling.export(OFFICER, recording_id, here.folder / "gone.mkv")


async def test_a_privileged_visit_has_no_tap_and_a_disk_that_fails_harms_only_the_recording(tmp_path: Path) -> None:
    """Two visits at once: one of them privileged, the other with nowhere to be written."""
    async with node(tmp_path, privileged="5552368002") as here:
        recorded, privileged = here.pairs
        facts = here.gateway.bus.subscribe("test", 200)
        shutil.rmtree(here.files)
        pipelines: dict[str, str] = {}

        async def look() -> None:
            async def talking() -> bool:
                live = here.gateway.visits.live()
                pipelines.update({each.contact: each.pipelines for each in live if each.state == "talking"})
                return len(pipelines) == 2

            await until(talking, "two visits that talk")

        failed, kept_out = await both(here.visit(recorded, 5, look), here.visit(privileged, 5, look))
        assert "video sip->web: H264 -> Rewrite" in pipelines[privileged.contact]
        assert "Tap" not in pipelines[privileged.contact]

        assert kept_out.privileged
        assert (kept_out.recording, kept_out.recordings) == ("none", ())
        assert (failed.reason, failed.billable_s) == ("balance_exhausted", 5)
        assert failed.recording == "failed"
        (row,) = await here.handling.found(OFFICER)
        assert (row.visit_id, row.state, row.bytes) == (failed.visit_id, RecordingState.FAILED, 0)
        assert not here.files.exists()
        facts.close()
        assert [each.visit_id async for each in facts if each.kind is FactKind.RECORDING_FAILED] == [failed.visit_id]


async def test_a_dialplan_that_records_needs_a_key_and_a_place(tmp_path: Path) -> None:
    plan = recorded_dialplan(tmp_path)
    config = demo_config(tmp_path).model_copy(update={"dialplan": str(plan)})
    with pytest.raises(StartError, match=r"recording\.folder and recording\.keys"):
        async with Gateway(config, endpoint=FakeSipEndpoint()):
            pass
    (tmp_path / "keys").write_text("elsewhere other-1 " + "A" * 43 + "=\n")
    recording = RecordingConfig(folder=str(tmp_path / "r"), keys=str(tmp_path / "keys"))
    with pytest.raises(RecordingError, match="no key for the facility demo-jail"):
        async with Gateway(config.model_copy(update={"recording": recording}), endpoint=FakeSipEndpoint()):
            pass
    assert yaml.safe_load(plan.read_text())["facilities"][0]["recording"] == {"retention_days": 90}
