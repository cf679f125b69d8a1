"""The simulated terminal's media, against another one of its kind: real sockets, real codecs."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from bridge.sdp import parse
from gateway.demo.station import Station
from tests.support.waiting import until


async def test_two_terminals_see_and_hear_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with Station("127.0.0.1") as one, Station("127.0.0.1") as other:
        one.start(parse(other.offer()))
        other.start(parse(one.offer()))

        async def enough() -> bool:
            return min(each.seen().video_decoded for each in (one, other)) >= 20

        await until(enough, "twenty pictures each way")
        seen = one.seen()
        one.save_picture(tmp_path / "saw.png")
    assert seen.video_sent >= 20
    assert seen.audio_sent >= 20
    assert seen.audio_decoded >= 20
    assert seen.audio_loudest > 1000
    assert seen.mark_seen == 0, "it looks for a family, and this was a terminal"
    assert capsys.readouterr().out.count('"first_picture"') == 2
    with Image.open(tmp_path / "saw.png") as picture:
        assert picture.size == (640, 480)


async def test_a_picture_that_nobody_decoded_is_not_saved(tmp_path: Path) -> None:
    async with Station("127.0.0.1") as alone:
        alone.save_picture(tmp_path / "saw.png")
        assert alone.seen().video_decoded == 0
    assert not (tmp_path / "saw.png").exists()
