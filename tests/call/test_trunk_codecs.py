"""A trunk's codecs: what it may not use is neither taken from it nor offered to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge import SdpError
from bridge.sdp import parse
from gateway.call.trunk_codecs import within
from gateway.config import TrunkConfig
from sip.types import Trunk
from tests.call.phones import phoning
from tests.call.stage import stage
from tests.support import media

OFFER = "\r\n".join(
    (
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0",
        "m=audio 40000 RTP/AVP 9 0 8 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15", "a=sendrecv",
        "m=video 40002 RTP/AVP 96 97", "a=rtpmap:96 H264/90000", "a=fmtp:96 packetization-mode=1",
        "a=rtpmap:97 VP8/90000", "a=rtcp-fb:97 nack pli", "a=rtcp-fb:* ccm fir",
        "",
    )
)  # fmt: skip


def codecs(sdp: str) -> list[tuple[str, ...]]:
    return [() if each.rejected else tuple(codec.name.upper() for codec in each.codecs) for each in parse(sdp).media]


def test_without_names_nothing_is_restricted() -> None:
    assert within(OFFER, ()) == OFFER


@pytest.mark.parametrize(
    ("names", "audio", "video"),
    [
        (("PCMU", "H264"), ("PCMU", "TELEPHONE-EVENT"), ("H264",)),
        (("pcma", "g722", "vp8"), ("G722", "PCMA", "TELEPHONE-EVENT"), ("VP8",)),
        (("PCMU",), ("PCMU", "TELEPHONE-EVENT"), ()),
        (("H264",), (), ("H264",)),
        (("PCMU", "H263"), ("PCMU", "TELEPHONE-EVENT"), ()),
    ],
)
def test_others_are_gone(names: tuple[str, ...], audio: tuple[str, ...], video: tuple[str, ...]) -> None:
    assert codecs(within(OFFER, names)) == [audio, video]


def test_what_belongs_to_a_codec_goes_with_it_and_nothing_else() -> None:
    left = within(OFFER, ("PCMU", "H264"))
    gone = [each for each in OFFER.split("\r\n") if each not in left.split("\r\n")]
    assert gone == [
        "m=audio 40000 RTP/AVP 9 0 8 101",
        "m=video 40002 RTP/AVP 96 97",
        "a=rtpmap:97 VP8/90000",
        "a=rtcp-fb:97 nack pli",
    ]


@given(st.text() | st.lists(st.sampled_from(OFFER.split("\r\n")), max_size=20).map("\r\n".join))
def test_any_text_is_left_readable(text: str) -> None:
    left = within(text, ("PCMU", "H264"))
    assert within(left, ("PCMU", "H264")) == left, "a second time changes nothing"
    try:
        before = parse(text)
    except SdpError:
        return
    assert [each.kind for each in parse(left).media] == [each.kind for each in before.media]


async def test_a_stations_trunk_that_may_not_use_its_codec_is_told_so(tmp_path: Path) -> None:
    async with stage(tmp_path, lines=(Trunk("demo", codecs=("PCMU",)),)) as node:
        await node.talks()
        assert [codecs(each) for each in node.media.heard] == [[("PCMU",), ()]], "the picture's line is declined"


async def test_a_telephone_is_offered_what_its_carrier_may_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(media, "TELEPHONE_OFFER", OFFER)
    carriers = (Trunk("carrier-a", server="a.invalid", codecs=("PCMA",)), Trunk("carrier-b", server="b.invalid"))
    async with phoning(tmp_path, lines=carriers) as call:
        first = await call.phone()
        assert codecs(first.sdp or "") == [("PCMA", "TELEPHONE-EVENT"), ()]
        first.reject(503)
        assert (await call.phone()).sdp == OFFER


def test_a_trunk_without_sound_is_a_mistake() -> None:
    assert TrunkConfig(name="pbx", codecs=("PCMU", "H264")).codecs == ("PCMU", "H264")
    with pytest.raises(ValueError, match="none for sound among them"):
        TrunkConfig(name="pbx", codecs=("H264",))
    with pytest.raises(ValueError, match="'PCMU'"):
        TrunkConfig.model_validate({"name": "pbx", "codecs": ["G729"]})
