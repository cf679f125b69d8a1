"""The matrix: every set of a station's codecs against every set of a browser's, as paths and as real media."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path as File

import numpy as np
import pytest
import pytest_asyncio

from bridge import phones
from bridge.codecs import AudioDecoder, AudioEncoder, Picture, Workers
from bridge.codecs._av import Resizer
from bridge.links.link import EncodedFrame
from bridge.negotiate import plan
from bridge.paths import join
from bridge.pipelines import relay, transcode
from bridge.types import Codec, Kind, Path, Route, Side
from tests.bridge import paths_table
from tests.bridge.paths_table import BROWSER_AUDIO, BROWSER_VIDEO, STATION_AUDIO, STATION_VIDEO, session, sets, told
from tests.bridge.test_transcode import Camera, Viewer, speak, until
from tests.support.lines import FarSource, MemoryLine
from tests.support.moving import bars, psnr_db, tone, tone_share

_PICTURES = 4
_SECONDS = 0.5


@pytest.fixture(scope="module")
def golden() -> str:
    return (File(__file__).parent / "vectors" / "paths.txt").read_text()


def test_each_set_against_each_set_takes_the_path_that_is_written_down(golden: str) -> None:
    print(golden)
    assert paths_table.table() == golden, "made anew by: python -m tests.bridge.paths_table"


def test_no_set_is_left_without_sound_or_without_the_picture_both_could_have() -> None:
    for ours in sets(STATION_VIDEO, least=0):
        for theirs in sets(BROWSER_VIDEO, least=0):
            agreed = plan(session(("G722",), ours, browser=False), session(("OPUS",), theirs, browser=True))
            carried = {each.kind for each in agreed.routes if each.path is not Path.NONE}
            assert carried == ({Kind.AUDIO, Kind.VIDEO} if ours and theirs else {Kind.AUDIO})


def test_sound_and_picture_are_chosen_each_on_its_own() -> None:
    """One of every seven combinations of all four sets: 13,440 of them would say no more."""
    alone: dict[tuple[object, ...], list[str]] = {}
    combinations = [
        (audio, video, web_audio, web_video)
        for audio in sets(STATION_AUDIO, least=1)
        for video in sets(STATION_VIDEO, least=1)
        for web_audio in sets(BROWSER_AUDIO, least=1)
        for web_video in sets(BROWSER_VIDEO, least=1)
    ]
    for audio, video, web_audio, web_video in combinations[::7]:
        agreed = plan(session(audio, video, browser=False), session(web_audio, web_video, browser=True))
        for kind, sets_of_it in ((Kind.AUDIO, (audio, web_audio)), (Kind.VIDEO, (video, web_video))):
            paths = [told(agreed.route(kind, side)) for side in Side]
            assert alone.setdefault((kind, sets_of_it), paths) == paths


def _every_route(kind: Kind) -> dict[str, Route]:
    """Each path that the matrix can choose, in each direction, once."""
    station, browser = (STATION_AUDIO, BROWSER_AUDIO) if kind is Kind.AUDIO else (STATION_VIDEO, BROWSER_VIDEO)
    old = [Codec("H263", 34, 90000, fmtp=(("cif", "1"),))] if kind is Kind.VIDEO else []
    found = {}
    for ours in [*station.values(), *old]:
        for theirs in browser.values():
            pair = join(ours, theirs)
            for route in (
                Route(kind, Side.SIP, pair.to_browser, ours, theirs),
                Route(kind, Side.WEB, pair.to_station, theirs, ours),
            ):
                found[f"{route.source} {told(route)}"] = route
    return found


_SOUND, _PICTURE = _every_route(Kind.AUDIO), _every_route(Kind.VIDEO)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def workers() -> AsyncIterator[Workers]:
    processes = Workers(2)
    yield processes
    processes.close()


def _laid(route: Route, workers: Workers) -> tuple[MemoryLine, MemoryLine, str]:
    assert route.source_codec is not None
    assert route.target_codec is not None
    other = Side.WEB if route.source is Side.SIP else Side.SIP
    source, target = MemoryLine(route.source_codec, route.source), MemoryLine(route.target_codec, other)
    if route.path is Path.RELAY:
        return source, target, str(relay(source, target, route))
    return source, target, str(transcode(source, target, route, workers))


@pytest.mark.parametrize("route", _PICTURE.values(), ids=_PICTURE.keys())
@pytest.mark.asyncio(loop_scope="module")
async def test_pictures_come_through_each_path(route: Route, workers: Workers) -> None:
    source, target, text = _laid(route, workers)
    print(text)
    old = source.codec.name.startswith("H263")
    width, height = (352, 288) if old else (320, 240)
    camera, viewer = Camera(source, width, height, fps=15), Viewer(target)
    for number in range(_PICTURES):
        camera.shoot()

        def arrived(wanted: int = number + 1) -> bool:
            viewer.look()
            return len(viewer.seen) >= wanted

        await until(arrived)
    for number, seen in enumerate(viewer.seen):
        shown = Picture.of(bars(width, height, number), 0)
        expected = Resizer().resize(shown, seen.shape[1], seen.shape[0] * 2 // 3).yuv
        assert psnr_db(expected, seen) > 24
    assert {each.payload_type for each in target.headers()} == {target.send_payload_type}


@pytest.mark.parametrize("route", _SOUND.values(), ids=_SOUND.keys())
@pytest.mark.asyncio(loop_scope="module")
async def test_sound_comes_through_each_path(route: Route, workers: Workers) -> None:
    source, target, text = _laid(route, workers)
    print(text)
    encoder = AudioEncoder(source.codec.name)
    packets = speak(source, tone(encoder.rate_hz, 440, _SECONDS), encoder, FarSource(source))
    for packet in packets:
        source.received(packet)
    await until(lambda: len(target.sent) >= len(packets))
    decoder = AudioDecoder(target.codec.name)
    samples = np.concatenate([decoder.decode(EncodedFrame(each, 0)) for each in target.payloads()])
    assert abs(len(samples) / decoder.rate_hz - _SECONDS) < 0.05
    assert tone_share(samples[len(samples) // 4 :], decoder.rate_hz, 440) > 0.9


def test_two_phones_take_the_path_that_is_written_down() -> None:
    golden = (File(__file__).parent / "vectors" / "phones.txt").read_text()
    assert paths_table.phones_table() == golden, "made anew by: python -m tests.bridge.paths_table phones"


def test_a_line_that_only_one_phone_has_stays_open() -> None:
    for ours in sets(STATION_VIDEO, least=0):
        for theirs in sets(STATION_VIDEO, least=0):
            agreed = phones.plan(session(("G722",), ours, browser=False), session(("PCMU",), theirs, browser=False))
            assert [each.kind for each in agreed.station].count(Kind.VIDEO) == bool(ours)
            assert [each.kind for each in agreed.telephone].count(Kind.VIDEO) == bool(theirs)
            carried = {each.kind for each in agreed.routes if each.path is not Path.NONE}
            assert (Kind.VIDEO in carried) == bool(ours and theirs)
