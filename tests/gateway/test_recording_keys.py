"""The file of keys, and what the command line and the doctor say about it."""

from __future__ import annotations

import asyncio
import os
import pwd
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from bridge.recording.sealing import SealedWriter
from gateway.command_line.options import who_is
from gateway.command_line.recordings import recording_app
from gateway.config import load_config
from gateway.doctor import Verdict, _recording
from gateway.errors import RecordingError
from gateway.recording.handling import _whole
from gateway.recording.keys import KeyRing, WrappedKey, complaint, new_line
from gateway.store import Recording, Store, from_ms
from tests.billing.stage import accounting_on, granted, usd
from tests.support.recordings import recorded_dialplan

ROOT = Path(__file__).parents[2]
SECRET = bytes(range(32))


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    path = tmp_path / "recording.keys"
    new_line(path, "*", "house-1")
    new_line(path, "north", "north-1")
    return path


def test_a_key_is_wrapped_for_its_facility_and_comes_back(keys: Path) -> None:
    ring = KeyRing.load(keys)
    for facility, key_id in (("north", "north-1"), ("south", "house-1")):
        wrapped = ring.wrap(SECRET, facility)
        assert wrapped.key_id == key_id
        assert len(bytes.fromhex(wrapped.text)) == 40
        assert SECRET.hex() not in wrapped.text
        assert ring.unwrap(wrapped) == SECRET


def test_after_a_rotation_the_new_key_wraps_and_the_old_one_still_opens(keys: Path) -> None:
    before = KeyRing.load(keys).wrap(SECRET, "north")
    new_line(keys, "north", "north-2")
    ring = KeyRing.load(keys)
    assert ring.newest("north") == "north-2"
    assert ring.unwrap(before) == SECRET


def test_a_key_that_is_gone_or_another_one_is_said(keys: Path, tmp_path: Path) -> None:
    wrapped = KeyRing.load(keys).wrap(SECRET, "north")
    new_line(tmp_path / "other", "*", "house-1")
    other = KeyRing.load(tmp_path / "other")
    with pytest.raises(RecordingError, match="north-1 is not in the file of keys"):
        other.unwrap(wrapped)
    with pytest.raises(RecordingError, match="is not the one that wrapped"):
        other.unwrap(WrappedKey("house-1", wrapped.text))
    with pytest.raises(RecordingError, match="is not the one that wrapped"):
        KeyRing.load(keys).unwrap(WrappedKey("north-1", "no hexadecimal"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no key in it"),
        ("# nothing but a remark\n", "has no key in it"),
        ("north north-1\n", ":1: a line is `facility key-id key`"),
        ("\nnorth nörth " + "A" * 43 + "=\n", ":2: 'nörth' is no key id"),
        ("north a AAAA\n", ":1: a key is 32 bytes in base64"),
        ("north a !!!!\n", ":1: a key is 32 bytes in base64"),
        ("north a {0}\nsouth a {0}\n".format("A" * 43 + "="), ":2: the key id a stands above already"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line_and_never_with_the_key(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    with pytest.raises(RecordingError) as error:
        KeyRing.load(path)
    assert said in str(error.value)
    assert "AAAA" not in str(error.value)


def test_a_new_file_is_its_owners_alone_and_a_key_id_is_used_once(keys: Path) -> None:
    assert keys.stat().st_mode & 0o777 == 0o600
    assert complaint(keys) == ""
    keys.chmod(0o640)
    assert "can be read by others" in complaint(keys)
    with pytest.raises(RecordingError, match="give the new key another"):
        new_line(keys, "north", "north-1")


def test_a_new_key_never_runs_into_a_line_that_an_editor_left_open(keys: Path) -> None:
    keys.write_text(keys.read_text().rstrip("\n"))
    new_line(keys, "north", "north-2")
    ring = KeyRing.load(keys)
    assert ring.newest("north") == "north-2"
    assert {"house-1", "north-1", "north-2"} == {each for each in ("house-1", "north-1", "north-2") if each in ring}


@pytest.mark.parametrize("facility", ["north wing", "", "north#1", "north\nsouth"])
def test_a_facility_that_would_break_the_file_is_refused(keys: Path, facility: str) -> None:
    before = keys.read_bytes()
    with pytest.raises(RecordingError, match="is no facility's id"):
        new_line(keys, facility, "north-2")
    assert keys.read_bytes() == before


def test_the_trail_names_the_user_of_the_process_whatever_its_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody-else")
    user = pwd.getpwuid(os.getuid()).pw_name
    assert who_is("") == user
    assert who_is("the warden") == f"the warden ({user})"


def test_a_list_says_that_there_is_more_and_nobody_looks_into_one_without_a_reason(
    keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kinbridge.yaml"
    base = f"sqlite:///{tmp_path / 'kinbridge.db'}"
    document = {
        "dialplan": str(recorded_dialplan(tmp_path)),
        "tariffs": [str(ROOT / "dialplans/tariffs/demo.yaml")],
        "caps": [str(ROOT / "dialplans/caps/us-fcc.yaml")],
        "store": {"url": base},
        "recording": {"folder": "recordings", "keys": keys.name},
    }
    path.write_text(yaml.safe_dump(document))
    asyncio.run(_three_recordings(base))
    run = CliRunner()
    whole = run.invoke(recording_app, ["list", "-c", str(path)]).output
    assert "r-3" in whole
    assert "go on with" not in whole
    monkeypatch.setattr("gateway.recording.handling.MOST_FOUND", 2)
    listed = run.invoke(recording_app, ["list", "-c", str(path)]).output
    assert "the first 2; go on with: --since 1970-01-01T00:00:02" in listed
    rest = run.invoke(recording_app, ["list", "-c", str(path), "--since", "1970-01-01T00:00:03"]).output
    assert "r-3" in rest
    assert "r-2" not in rest
    words = ["export", "r-1", "-o", str(tmp_path / "out.mkv"), "--reason", " ", "-c", str(path)]
    refused = run.invoke(recording_app, words).exception
    assert isinstance(refused, RecordingError)
    assert "say why" in str(refused)


async def _three_recordings(base: str) -> None:
    async with accounting_on(base) as accounting:
        await accounting.open_account("family-1")
        await accounting.deposit("family-1", usd("5"), key="k")
        await granted(accounting, "v1")
    async with Store(base) as store:
        for number in (1, 2, 3):
            row = Recording(
                recording_id=f"r-{number}", node="node1", facility="north", visit_id="v1", part=number,
                file_name=f"r-{number}.kbr", key_id="north-1", wrapped_key="00", retention_days=30,
                started_at=from_ms(1000 * number),
            )  # fmt: skip
            await store.write(lambda work, row=row: work.recordings.add(row))


def test_a_plain_copy_never_goes_into_a_file_that_somebody_laid_there(tmp_path: Path) -> None:
    target = tmp_path / "visit.mkv"
    laid = tmp_path / ".visit.mkv.part"
    laid.touch(0o666)
    laid.chmod(0o666)
    with laid.open("rb") as spy:
        _whole(target, lambda part: _write_at_rest(part, b"both voices"))
        assert spy.read() == b""
    assert target.read_bytes() == b"both voices"
    assert target.stat().st_mode & 0o777 == 0o600


def _write_at_rest(path: Path, data: bytes) -> None:
    with path.open("r+b") as file:
        file.write(data)


def test_the_doctor_looks_at_the_rights_of_the_file(keys: Path, tmp_path: Path) -> None:
    path = tmp_path / "kinbridge.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "dialplan": str(recorded_dialplan(tmp_path)),
                "tariffs": [str(ROOT / "dialplans/tariffs/demo.yaml")],
                "caps": [str(ROOT / "dialplans/caps/us-fcc.yaml")],
                "recording": {"folder": "recordings", "keys": keys.name},
            }
        )
    )
    config = load_config(path)
    assert Verdict.FAULT not in {each.verdict for each in _recording(config)}
    keys.chmod(0o644)
    (fault,) = (each for each in _recording(config) if each.verdict is Verdict.FAULT)
    assert f"chmod 600 {keys}" in fault.remedy
    keys.unlink()
    (fault,) = (each for each in _recording(config) if each.verdict is Verdict.FAULT)
    assert "cannot be read" in fault.what


def test_the_program_in_the_manual_opens_a_recording(keys: Path, tmp_path: Path) -> None:
    """Run as it is printed, with what it says it needs and nothing of ours."""
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "recording.md").read_text("utf-8"), re.DOTALL)
    assert code is not None
    with (tmp_path / "r-1.kbr").open("wb", buffering=0) as file:
        writer = SealedWriter(file, SECRET, "r-1")
        writer.write(b"matroska" * 5000)
        writer.flush()
        writer.write(b"the end")
        writer.close()
    ring = KeyRing.load(keys)
    wrapped = ring.wrap(SECRET, "north")
    words = [ring._keys["north-1"].hex(), wrapped.text, str(tmp_path / "r-1.kbr")]
    done = subprocess.run([sys.executable, "-c", code[1], *words], capture_output=True, timeout=30, check=True)
    assert done.stdout == b"matroska" * 5000 + b"the end"
