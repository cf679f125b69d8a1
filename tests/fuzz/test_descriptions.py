"""Damaged SDP from stations and browsers: an answer that can be read again, or one error that says what is wrong."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from bridge import negotiate, phones, sdp
from bridge.errors import BridgeError
from bridge.legs.web_sdp import LocalTransport, plan_lines, read_offer, write_answer
from bridge.sdes import OwnKeys
from bridge.sdp import Origin
from bridge.types import Kind, Side
from tests.fuzz.growth import Weight, has_grown
from tests.fuzz.mutation import Mutator

FOLDER = Path(__file__).parents[1] / "bridge" / "sdp"
TEXTS = {path.stem: "\r\n".join(path.read_text().splitlines()) + "\r\n" for path in sorted(FOLDER.glob("*.sdp"))}
BROWSERS = ("chromium", "firefox")
SECRETS = (
    "a=ice-ufrag:abcd", "a=ice-pwd:0123456789012345678901", "a=setup:actpass",
    "a=fingerprint:sha-256 " + ":".join(["AB"] * 32), "a=candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host",
)  # fmt: skip
for _name in BROWSERS:  # as kept, they have lost what would let anyone in
    TEXTS[_name] = TEXTS[_name].replace("m=", "\r\n".join((*SECRETS, "m=")), 1)
STATIONS = tuple(name for name in TEXTS if name not in BROWSERS)
LOCAL = LocalTransport(
    ("1 1 udp 1 127.0.0.1 9 typ host",), "127.0.0.1", 9, "ufrag", "password", (("sha-256", "00:11"),), "passive"
)


def answer_both(station_text: str, browser_text: str) -> None:
    """All that the bridge does with two descriptions before a socket is opened. Raises BridgeError for bad ones."""
    station, browser = sdp.parse(station_text), sdp.parse(browser_text)
    negotiate.offers_video(station_text)
    plan = negotiate.plan(station, browser, keys=OwnKeys())
    ports = {each.kind: 4000 + 2 * index for index, each in enumerate(plan.station)}
    said = negotiate.answer(
        station, plan, origin=Origin("kinbridge", 1, 1, "127.0.0.1"), ports=ports, max_video_bps=1_000_000
    )
    written = sdp.write(said)
    assert [(each.kind, each.port) for each in sdp.parse(written).media] == [
        (each.kind, each.port) for each in said.media
    ]
    phoned = phones.plan(station, station, keys={side: OwnKeys() for side in Side})
    ports = {each.kind: 5000 + 2 * index for index, each in enumerate(phoned.telephone)}
    sdp.write(
        negotiate.answer(
            station,
            phoned,
            origin=Origin("kinbridge", 1, 1, "127.0.0.1"),
            ports=ports,
            max_video_bps=1_000_000,
            side=Side.WEB,
        )
    )
    codecs = {each.kind: each.codec for each in plan.browser}
    flows = {each.kind: each.flow for each in plan.browser}
    offer = read_offer(browser_text)
    lines = plan_lines(offer, codecs, flows, itertools.count(1))
    answered = sdp.parse(write_answer(offer, lines, LOCAL, "cname"))
    assert len(answered.media) == len(browser.media)


def run(seed: int, count: int) -> tuple[int, int]:
    """How many pairs were answered, and how many refused."""
    mutator = Mutator(seed)
    answered, refusals = 0, []
    for index in range(count):
        station, browser = TEXTS[mutator.random.choice(STATIONS)], TEXTS[mutator.random.choice(BROWSERS)]
        if mutator.random.random() < 0.5:
            station = mutator.text_like(station)
        else:
            browser = mutator.text_like(browser)
        try:
            answer_both(station, browser)
            answered += 1
        except BridgeError as error:
            refusals.append(str(error))
        except Exception as error:
            raise AssertionError(f"pair {index} of seed {seed}:\n{station}\n---\n{browser}") from error
    assert all(refusals), "somebody was refused without a word"
    return answered, len(refusals)


@pytest.mark.parametrize("station", STATIONS)
@pytest.mark.parametrize("browser", BROWSERS)
def test_whole_ones_are_answered(station: str, browser: str) -> None:
    answer_both(TEXTS[station], TEXTS[browser])
    agreed = negotiate.plan(sdp.parse(TEXTS[station]), sdp.parse(TEXTS[browser]), keys=OwnKeys())
    assert agreed.route(Kind.AUDIO, negotiate.Side.SIP)


def test_damaged_ones_are_answered_or_refused_in_words() -> None:
    answered, refused = run(5, 600)
    assert answered > 100
    assert refused > 50


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_thousand_damaged_ones() -> None:
    run(6, 10_000)
    before = Weight.now()
    run(7, 90_000)
    assert not has_grown(before, Weight.now())
