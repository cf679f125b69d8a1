"""Four visits at once for ten minutes: `make soak`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console

from gateway.demo.story import Plan, tell_story

MINUTES = 10


@pytest.mark.soak
@pytest.mark.timeout(MINUTES * 60 + 300)
@pytest.mark.parametrize("transcode", [False, True], ids=["relay", "transcode"])
async def test_four_visits_for_a_long_time(tmp_path: Path, transcode: bool) -> None:
    good = await tell_story(Plan(4, transcode, MINUTES * 60, tmp_path), Console(width=200))
    report = json.loads((tmp_path / "report.json").read_text())
    assert good, [each["problems"] for each in report["visits"]]
