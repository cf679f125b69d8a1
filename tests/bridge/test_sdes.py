"""SRTP keys in session descriptions: what is read, what is chosen, what we answer."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace

import pytest

from bridge import sdes
from bridge.errors import NegotiationError
from bridge.negotiate import answer, plan
from bridge.rtp.srtp import Opener, Profile, Sealer
from bridge.sdes import OwnKeys, Sdes
from bridge.sdp import Origin, Session, parse, write
from bridge.types import Kind
from tests.bridge.test_negotiate import load

_ORIGIN = Origin("kinbridge", 7, 1, "192.0.2.9")
_PORTS = {Kind.AUDIO: 30000, Kind.VIDEO: 30002}


def inline(length: int, start: int = 0) -> str:
    return b64encode(bytes(range(start, start + length))).decode()


def secured(*values: str, proto: str = "RTP/SAVP") -> Session:
    """baresip's offer with these keys on each line."""
    offered = load("baresip")
    return replace(offered, media=tuple(replace(each, proto=proto, crypto=values) for each in offered.media))


SUITES = {
    "AES_CM_128_HMAC_SHA1_80": 30,
    "AES_CM_128_HMAC_SHA1_32": 30,
    "AES_256_CM_HMAC_SHA1_80": 46,
    "AES_CM_256_HMAC_SHA1_80": 46,
    "AEAD_AES_128_GCM": 28,
    "AEAD_AES_256_GCM": 44,
}


@pytest.mark.parametrize(("suite", "length"), SUITES.items())
def test_each_suite_is_answered_as_it_was_written_and_libsrtp_takes_its_keys(suite: str, length: int) -> None:
    offered = secured(f"7 {suite} inline:{inline(length)}|2^31")
    agreed = plan(offered, load("chromium"), keys=OwnKeys())
    told = parse(write(answer(offered, agreed, origin=_ORIGIN, ports=_PORTS, max_video_bps=1)))
    for line, media in zip(agreed.station, told.media, strict=True):
        assert line.sdes is not None
        assert line.sdes.receive_key == bytes(range(length))
        assert media.proto == "RTP/SAVP"
        (value,) = media.crypto
        assert value == f"7 {suite} inline:{b64encode(line.sdes.send_key).decode()}"
        profile = Profile[line.sdes.profile]
        Opener.with_key(profile, line.sdes.receive_key)
        Sealer.with_key(profile, line.sdes.send_key)
    assert len({each.sdes for each in agreed.station}) == 2, "each line has a key of its own"


def test_the_first_key_that_can_be_done_is_chosen() -> None:
    offered = secured(
        f"1 F8_128_HMAC_SHA1_80 inline:{inline(30)}",
        f"2 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)}|2^20|1:4",
        f"3 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)} UNENCRYPTED_SRTCP",
        f"4 AES_CM_128_HMAC_SHA1_80 inline:{inline(16)}",
        f"5 AES_CM_128_HMAC_SHA1_32 inline:{inline(30, 9)} WSH=128",
        f"6 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)}",
    )
    agreed = plan(offered, load("chromium"), keys=OwnKeys())
    line = agreed.station_line(Kind.AUDIO)
    assert line is not None
    assert line.sdes is not None
    assert (line.sdes.profile, line.sdes.receive_key) == ("AES_CM_128_HMAC_SHA1_32", bytes(range(9, 39)))


def test_profiles_may_differ_from_line_to_line() -> None:
    offered = load("baresip")
    audio, video = offered.media
    key = f"1 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)}"
    mixed = replace(offered, media=(replace(audio, proto="RTP/SAVPF", crypto=(key,)), replace(video, proto="RTP/AVPF")))
    agreed = plan(mixed, load("chromium"), keys=OwnKeys())
    told = answer(mixed, agreed, origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    assert [(each.proto, len(each.crypto)) for each in told.media] == [("RTP/SAVPF", 1), ("RTP/AVPF", 0)]
    assert [each.sdes is not None for each in agreed.station] == [True, False]


def test_a_key_on_a_plain_line_does_not_make_it_secure() -> None:
    agreed = plan(secured(f"1 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)}", proto="RTP/AVP"), load("chromium"))
    assert [each.sdes for each in agreed.station] == [None, None]


def test_srtp_by_dtls_is_no_business_of_a_station() -> None:
    with pytest.raises(NegotiationError, match="a=crypto"):
        plan(secured(proto="UDP/TLS/RTP/SAVP"), load("chromium"), keys=OwnKeys())


def test_our_key_stays_until_another_suite_is_settled_on() -> None:
    keys = OwnKeys()
    first = keys.settle(Kind.AUDIO, "AES_CM_128_HMAC_SHA1_80")
    video = keys.settle(Kind.VIDEO, "AES_CM_128_HMAC_SHA1_80")
    assert keys.settle(Kind.AUDIO, "AES_CM_128_HMAC_SHA1_80") == first
    assert len(keys.settle(Kind.AUDIO, "AES_256_CM_HMAC_SHA1_80")) == 46
    assert keys.settle(Kind.AUDIO, "AES_CM_128_HMAC_SHA1_80") != first, "what sealed before never seals from anew"
    assert keys.settle(Kind.VIDEO, "AES_CM_128_HMAC_SHA1_80") == video


def test_no_key_shows_in_what_is_printed() -> None:
    value = Sdes("AES_CM_128_HMAC_SHA1_80", b"receive", b"send")
    crypto = sdes.read(f"1 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)}")
    assert "receive" not in repr(value)
    assert "send'" not in repr(value)
    assert inline(30) not in repr(crypto)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        "1 AES_CM_128_HMAC_SHA1_80",
        "x AES_CM_128_HMAC_SHA1_80 inline:AAAA",
        "1 AES_CM_128_HMAC_SHA1_80 outline:AAAA",
        "1 AES_CM_128_HMAC_SHA1_80 inline:!!!",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)};inline:{inline(30)}",
        f"{'9' * 4000} AES_CM_128_HMAC_SHA1_80 inline:{inline(30)}",
        f"1 AES_CM_128_HMAC_SHA1_80 inline:{inline(30)}é",
    ],
)
def test_a_line_that_cannot_be_done_is_passed_over(value: str) -> None:
    assert sdes.read(value) is None
