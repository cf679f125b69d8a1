"""kill -9 in mid-visit: what was recorded until then is found, named in the record, and plays."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gateway.config import load_config
from gateway.demo.peer import peer
from gateway.desk import family_link
from gateway.recording.keys import new_line
from tests.gateway.test_whole_visit import Family
from tests.support.baresip import Baresip
from tests.support.gateway_process import GatewayProcess
from tests.support.recordings import probe, recorded_dialplan
from tests.support.waiting import until

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not shutil.which("baresip"), reason="needs baresip: make setup"),
]
ENOUGH_BYTES = 64 + 6 * 16_384


async def test_a_recording_of_a_killed_gateway_plays(tmp_path: Path) -> None:
    files, keys = tmp_path / "recordings", tmp_path / "recording.keys"
    new_line(keys, "*", "jail-1")
    gateway = GatewayProcess(
        tmp_path / "gateway",
        dialplan=recorded_dialplan(tmp_path),
        sections={"recording": {"folder": str(files), "keys": str(keys)}},
    )
    family = Family()
    async with gateway, Baresip(tmp_path / "terminal", name="terminal-1") as terminal:
        link = family_link(load_config(gateway.config), "family-1")
        orders = {"origin": gateway.base, "token": link.rsplit("/", 1)[1], "picture": str(tmp_path / "seen.png")}
        async with peer("gateway.demo.family", orders, family.events.append):
            await family.tells("waiting")
            await terminal.dial(gateway.uri("5552368001"))
            await terminal.wait_for("CALL_ESTABLISHED")

            async def all_flow() -> bool:
                (visit,) = await gateway.visits()
                passed = [each["packets"] for each in visit["quality"]["flows"]]
                return len(passed) == 4 and min(passed) > 100

            def lying() -> int:
                return sum(each.stat().st_size for each in files.glob("*.kbr"))

            await until(all_flow, "sound and picture of both sides", 40)
            before = lying()

            async def enough() -> bool:
                return lying() >= before + ENOUGH_BYTES

            await until(enough, "some seconds of the recording on the disk", 40)
            await gateway.kill()
            (file,) = files.glob("*.kbr")
            with file.open("ab") as torn:
                torn.write(bytes(5_000))  # a write that the kill cut in its middle
        await gateway.start()
        cdr = await gateway.cdr()
        listed = await gateway.command("recording", "list")
        (told,) = cdr["recordings"]
        await gateway.command("recording", "verify", told["recording_id"])
        plain = tmp_path / "after.mkv"
        await gateway.command("recording", "export", told["recording_id"], "-o", str(plain), "--reason", "the crash")

    assert (cdr["reason"], cdr["recording"], told["state"]) == ("node_crash", "cut", "cut")
    assert told["recording_id"] in listed
    assert told["bytes"] == file.stat().st_size
    found = probe(plain)
    assert found["complaints"] == ""
    assert {each["tags"]["title"] for each in found["streams"]} == {
        "station audio", "station video", "family audio", "family video",
    }  # fmt: skip
    assert all(int(each["nb_read_frames"]) > 10 for each in found["streams"])
    assert plain.read_bytes()[:64] != file.read_bytes()[:64]
