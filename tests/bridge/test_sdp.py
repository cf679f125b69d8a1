"""Session descriptions: what is read, what is refused and in which words, and that writing loses nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.errors import SdpError
from bridge.sdp import Media, Origin, Session, parse, write
from bridge.types import Codec, Flow

TERMINAL = """\
v=0
o=terminal 3724394400 3724394405 IN IP4 198.51.100.1
s=visit
i=unknown lines are passed over
c=IN IP4 198.51.100.1
b=AS:700
t=0 0
a=sendonly
m=audio 49170 RTP/AVP 0 8 97 101
a=rtpmap:97 iLBC/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=ptime:20
m=video 51372 RTP/AVPF 99 34
c=IN IP4 198.51.100.2
b=AS:512
a=rtpmap:99 H264/90000
a=fmtp:99 Profile-Level-ID=42801f; packetization-mode=1;sprop-parameter-sets=Z0KAH5ZUCg/I,aM4xsg==
a=rtcp-fb:* ccm fir
a=rtcp-fb:99 nack pli
a=rtcp:51380 IN IP4 198.51.100.3
a=rtcp-mux
a=sendrecv
"""


def test_a_terminals_offer_is_read_whole() -> None:
    session = parse(TERMINAL)
    audio, video = session.media
    assert session.origin == Origin("terminal", 3724394400, 3724394405, "198.51.100.1")
    assert [each.name for each in audio.codecs] == ["PCMU", "PCMA", "ILBC", "TELEPHONE-EVENT"]
    assert audio.codecs[3].fmtp == (("", "0-16"),)
    assert (audio.flow, video.flow) == (Flow.SENDONLY, Flow.SENDRECV), "the session's direction is only the default"
    assert (audio.address, video.address) == ("198.51.100.1", "198.51.100.2")
    assert audio.ptime_ms == 20
    assert video.bandwidth_bps == 512_000
    assert session.bandwidth_bps == 700_000
    assert (video.rtcp_port, video.rtcp_address, video.rtcp_mux) == (51380, "198.51.100.3", True)
    h264, h263 = video.codecs
    assert h264.parameter("profile-level-id") == "42801f"
    assert h264.parameter("sprop-parameter-sets") == "Z0KAH5ZUCg/I,aM4xsg=="
    assert h264.feedback == ("ccm fir", "nack pli")
    assert h263 == Codec("H263", 34, 90000, feedback=("ccm fir",)), "a static payload type needs no rtpmap"


def test_line_ends_may_be_bare_or_doubled() -> None:
    assert parse(TERMINAL.replace("\n", "\r\n")) == parse(TERMINAL) == parse(TERMINAL + "\n\n")


def test_ipv6_is_read_and_written() -> None:
    session = parse("v=0\no=- 1 1 IN IP6 2001:db8::1\ns=-\nc=IN IP6 2001:db8::1\nt=0 0\nm=audio 4000 RTP/AVP 0\n")
    assert session.media[0].address == "2001:db8::1"
    assert "c=IN IP6 2001:db8::1\r\n" in write(session)


@pytest.mark.parametrize(
    ("address", "said", "meant"),
    [
        ("0.0.0.0", "sendrecv", Flow.SENDONLY),
        ("0.0.0.0", "recvonly", Flow.INACTIVE),
        ("::", "sendrecv", Flow.SENDONLY),
        ("192.0.2.1", "sendrecv", Flow.SENDRECV),
        ("192.0.2.1", "inactive", Flow.INACTIVE),
    ],
)
def test_an_address_of_nowhere_is_a_hold(address: str, said: str, meant: Flow) -> None:
    net = "IP6" if ":" in address else "IP4"
    text = f"v=0\nc=IN {net} {address}\nt=0 0\nm=audio 4000 RTP/AVP 0\na={said}\n"
    assert parse(text).media[0].live_flow is meant


def test_crypto_lines_are_kept_as_they_are() -> None:
    key = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20"
    text = f"v=0\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 4000 RTP/SAVP 0\na=crypto:{key}\n"
    media = parse(text).media[0]
    assert media.secure
    assert media.crypto == (key,)
    assert f"a=crypto:{key}\r\n" in write(parse(text))


def test_a_rejected_line_is_told_from_a_bundled_one() -> None:
    text = "v=0\nc=IN IP4 192.0.2.1\nm=audio 0 RTP/AVP 0\nm=video 0 RTP/AVP 96\na=rtpmap:96 VP8/90000\na=bundle-only\n"
    assert [each.rejected for each in parse(text).media] == [True, False]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 0, "empty"),
        ("v=1\nm=audio 1 RTP/AVP 0\n", 1, "v=0"),
        ("v=0\nthis is no SDP\n", 2, "<letter>=<value>"),
        ("v=0\nt=0 0\n", 0, "no m= line"),
        ("v=0\nm=audio RTP/AVP 0\n", 2, "m=audio 4000 RTP/AVP 0"),
        ("v=0\nc=IN IP4 192.0.2.1\nm=audio 70000 RTP/AVP 0\n", 3, "0 to 65535"),
        ("v=0\nm=audio 4000 RTP/AVP 0\n", 2, "c=IN IP4"),
        ("v=0\nc=IN IPX here\nm=audio 4000 RTP/AVP 0\n", 2, "c=IN IP4 192.0.2.1"),
        ("v=0\nc=IN IP4 /24\nm=audio 4000 RTP/AVP 0\n", 2, "no address"),
        ("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU\n", 4, "name/clock"),
        ("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 96\na=rtpmap:96 PCMU/0\n", 4, "clock of 0 Hz"),
        ("v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\na=rtcp:none\n", 4, "0 to 65535"),
        ("v=0\no=- x y IN IP4 192.0.2.1\n", 2, "o=- 1 1 IN IP4"),
        ("v=0\n" + "a=x\n" * 20_000, 0, "65536"),
        ("v=0\nc=IN IP4 192.0.2.1\n" + "m=audio 4 RTP/AVP 0\n" * 33, 35, "more than 32"),
    ],
)
def test_a_broken_description_names_the_line_and_the_remedy(text: str, line: int, words: str) -> None:
    with pytest.raises(SdpError) as caught:
        parse(text)
    assert caught.value.line == line
    assert words in str(caught.value)


def test_an_error_never_repeats_an_address() -> None:
    with pytest.raises(SdpError) as caught:
        parse("v=0\n198.51.100.77\n")
    assert "198" not in str(caught.value)


_words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=8)
_numbers = st.integers(0, 2**31)
_ports = st.integers(1, 65535)
_addresses = st.sampled_from(["192.0.2.1", "2001:db8::7", "host.example", "0.0.0.0"])
_fmtp = st.lists(st.tuples(st.one_of(st.just(""), _words.map(str.lower)), _words), max_size=3).map(tuple)
_feedback = st.lists(st.sampled_from(["nack pli", "ccm fir", "nack", "goog-remb"]), max_size=3, unique=True).map(tuple)
_codecs = st.lists(
    st.builds(
        Codec, _words.map(str.upper), st.integers(0, 127), st.integers(1, 192000), st.integers(1, 8), _fmtp, _feedback
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.payload_type,
).map(tuple)
_media = st.builds(
    Media,
    kind=st.sampled_from(["audio", "video"]),
    port=_ports,
    proto=st.sampled_from(["RTP/AVP", "RTP/AVPF", "RTP/SAVP", "UDP/TLS/RTP/SAVPF"]),
    codecs=_codecs,
    address=_addresses,
    flow=st.sampled_from(Flow),
    rtcp_port=st.none() | _ports,
    rtcp_mux=st.booleans(),
    ptime_ms=st.none() | st.integers(1, 200),
    bandwidth_bps=st.none() | _numbers,
    crypto=st.lists(_words, max_size=2).map(tuple),
    bundle_only=st.booleans(),
)
_sessions = st.builds(
    Session,
    origin=st.builds(Origin, _words, _numbers, _numbers, _addresses),
    media=st.lists(_media, min_size=1, max_size=4).map(tuple),
    address=_addresses,
    name=_words,
    bandwidth_bps=st.none() | _numbers,
)


@given(_sessions)
@settings(max_examples=150, deadline=None)
def test_writing_and_reading_gives_the_same(session: Session) -> None:
    assert parse(write(session)) == session


_lines = st.sampled_from(
    [
        *TERMINAL.splitlines(),
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "m=audio 0 RTP/AVP 0 0 96 x",
        "a=rtpmap:96 opus/48000/2",
        "a=fmtp:96 ;;=5; b",
        "a=rtcp-fb:96",
        "a=bundle-only",
        "b=TIAS:12345",
        "c=IN IP6 ::",
        "s=  ",
    ]
)


@given(st.lists(_lines | st.text(max_size=20).map(lambda text: "a=" + text), max_size=25))
@settings(max_examples=200, deadline=None)
def test_whatever_is_read_survives_being_written(lines: list[str]) -> None:
    try:
        session = parse("v=0\nc=IN IP4 192.0.2.1\nm=video 4 RTP/AVP 96\n" + "\n".join(lines))
    except SdpError:
        return
    assert parse(write(session)) == session
