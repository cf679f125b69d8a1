"""The simulated people's pictures and voices can be told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gateway.demo.scene import Mark, Scene, Voice, loudness, save_png, shows


@pytest.mark.parametrize("mark", Mark)
@pytest.mark.parametrize("size", [(640, 480), (480, 360), (352, 288)])
def test_a_mark_is_recognised_and_no_other(mark: Mark, size: tuple[int, int]) -> None:
    yuv = Scene(mark, *size).frame(17)
    assert yuv.shape == (size[1] * 3 // 2, size[0])
    assert shows(yuv, mark)
    assert not shows(yuv, mark.other)


def test_a_grey_picture_shows_nobody() -> None:
    grey = np.full((720, 640), 128, np.uint8)
    assert not any(shows(grey, mark) for mark in Mark)


def test_the_picture_moves() -> None:
    scene = Scene(Mark.TERMINAL, 640, 480)
    assert np.count_nonzero(scene.frame(1) != scene.frame(2)) > 500
    assert np.array_equal(scene.frame(3), scene.frame(3))


def test_the_voice_is_loud_and_has_pauses() -> None:
    voice = Voice(8000)
    blocks = [loudness(voice.next(160)) for _ in range(100)]
    assert max(blocks) > 3000
    assert min(blocks) < 50


def test_a_picture_is_saved_as_seen(tmp_path: Path) -> None:
    save_png(Scene(Mark.FAMILY, 480, 360).frame(1), tmp_path / "new" / "seen.png")
    with Image.open(tmp_path / "new" / "seen.png") as image:
        assert image.size == (480, 360)
        red, _, blue = image.convert("RGB").getpixel((40, 40))
    assert red > blue + 60, "the family's mark is orange"
