"""The demonstration itself, with a short balance: it succeeds when all is well, and only then."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from PIL import Image
from rich.console import Console

from gateway.demo.story import Plan, tell_story
from tests.support.waiting import until

pytestmark = pytest.mark.timeout(150)
SECONDS = 4


def demo(output: Path, *more: str) -> asyncio.Future[asyncio.subprocess.Process]:
    words = ("demo", "--seconds", str(SECONDS), "--output", str(output), *more)
    return asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            sys.executable, "-m", "gateway", *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
    )


@pytest.mark.parametrize("path", ["relay", "transcode"])
async def test_a_whole_demonstration(tmp_path: Path, path: str) -> None:
    process = await demo(tmp_path, *(["--transcode"] if path == "transcode" else []))
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()

    report = json.loads((tmp_path / "report.json").read_text())
    assert report["ok"]
    assert report["problems"] == []
    assert set(report["paths"].values()) == {path}
    assert (report["billable_s"], report["charged"], report["currency"]) == (SECONDS, "0.010666", "USD")
    assert 0 < report["setup_ms"] <= report["first_frame_ms"]
    assert report["frames_decoded_by_family"] > 10 * SECONDS
    assert report["frames_decoded_by_terminal"] > 5 * SECONDS
    with (tmp_path / "cdr.csv").open(newline="", encoding="utf-8") as file:
        (record,) = csv.DictReader(file)
    assert (record["reason"], record["total"], record["video_from_sip_path"]) == ("balance_exhausted", "0.010666", path)
    for name in ("family-saw.png", "terminal-saw.png"):
        with Image.open(tmp_path / name) as picture:
            assert len(picture.getcolors(picture.width * picture.height)) > 50, "a picture, not a grey field"


async def test_a_family_that_never_looks_is_noticed(tmp_path: Path) -> None:
    told = io.StringIO()
    good = await tell_story(Plan(seconds=SECONDS, output=tmp_path, blind=True), Console(file=told, width=200))
    assert not good
    assert "the family decoded 0 of " in told.getvalue()
    assert not json.loads((tmp_path / "report.json").read_text())["ok"]


async def test_a_family_that_dies_is_noticed(tmp_path: Path) -> None:
    process = await demo(tmp_path)
    assert process.stdout is not None
    told = b""
    while b"sees the first picture" not in told:
        line = await process.stdout.readline()
        assert line, told.decode()
        told += line
    os.kill(await family_of(process.pid), signal.SIGKILL)
    told += (await process.communicate())[0]
    assert process.returncode == 1, told.decode()
    assert not json.loads((tmp_path / "report.json").read_text())["ok"]


async def family_of(pid: int) -> int:
    """The family's process among the demonstration's children."""

    async def found() -> int | None:
        return next((int(child) for child in children_of(pid) if "gateway.demo.family" in command_of(child)), None)

    child = await until(found, "the family's process")
    assert child is not None
    return child


def children_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def command_of(pid: str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


async def test_what_an_earlier_run_left_does_not_pass_for_this_ones(tmp_path: Path) -> None:
    (tmp_path / "family-saw.png").write_bytes(b"old")
    told = io.StringIO()
    good = await tell_story(Plan(seconds=3, output=tmp_path, blind=True), Console(file=told))
    assert not good
    assert not (tmp_path / "family-saw.png").exists()
