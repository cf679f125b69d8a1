"""A browser's offer and our answer to it, as text: what is kept, what is left out, what is refused with words."""

from __future__ import annotations

import contextlib
import itertools
import random
from pathlib import Path

import aiortc.sdp
import pytest

from bridge import sdp
from bridge.errors import BridgeError, NegotiationError, SdpError
from bridge.legs.web_sdp import LocalTransport, Offer, common_flow, plan_lines, read_offer, write_answer
from bridge.types import Codec, Flow, Kind

OFFERS = Path(__file__).parent / "sdp"
LOCAL = LocalTransport(
    candidates=("f1 1 udp 2130706431 192.0.2.9 41000 typ host",),
    address="192.0.2.9",
    port=41000,
    ufrag="abcd",
    password="p" * 22,
    fingerprints=(("sha-256", ":".join(["AB"] * 32)),),
    setup="passive",
)
TRANSPORT = (
    "a=ice-ufrag:wxyz",
    "a=ice-pwd:" + "q" * 24,
    "a=fingerprint:sha-256 " + ":".join(["CD"] * 32),
    "a=candidate:1 1 udp 2113937151 6f3c0d0e-1111-4b7a-9c1d-0242ac120002.local 50000 typ host generation 0",
    "a=candidate:2 1 udp 1677729535 198.51.100.4 50001 typ srflx raddr 0.0.0.0 rport 0 generation 0",
    "a=candidate:3 1 tcp 1518280447 198.51.100.4 9 typ host tcptype active generation 0",
    "a=end-of-candidates",
)
BOTH_WAYS = {Kind.AUDIO: Flow.SENDRECV, Kind.VIDEO: Flow.SENDRECV}
PCMU, VP8 = Codec("PCMU", 0, 8000), Codec("VP8", 96, 90000)


def offer_of(name: str) -> str:
    """A browser's offer as it was seen, with ICE and DTLS put back in."""
    lines: list[str] = []
    for line in (OFFERS / f"{name}.sdp").read_text().splitlines():
        lines.append(line)
        if line.startswith("a=mid:"):
            lines += TRANSPORT
    return "\r\n".join(lines) + "\r\n"


def answered(text: str, audio: Codec | None = PCMU, video: Codec | None = VP8) -> tuple[Offer, str]:
    offer = read_offer(text)
    plans = plan_lines(offer, {Kind.AUDIO: audio, Kind.VIDEO: video}, BOTH_WAYS, itertools.count(7001))
    return offer, write_answer(offer, plans, LOCAL, "visitname")


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_what_cannot_be_reached_is_not_tried(browser: str) -> None:
    offer = read_offer(offer_of(browser))
    assert [candidate.split()[4] for candidate in offer.candidates] == ["198.51.100.4"]
    assert offer.setup == "actpass"


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_another_library_reads_the_same_answer(browser: str) -> None:
    offer, text = answered(offer_of(browser), video=codec(offer_of(browser), "VP8"))
    other = aiortc.sdp.SessionDescription.parse(text)
    assert [media.kind for media in other.media if media.port] == ["audio", "video"]
    assert other.group[0].items == [line.mid for line in offer.lines if line.kind is not None]
    audio, video = other.media[:2]
    assert [each.payloadType for each in audio.rtp.codecs] == [0]
    assert [each.name for each in video.rtp.codecs] == ["VP8", "rtx"]
    assert video.rtp.codecs[1].parameters["apt"] == video.rtp.codecs[0].payloadType
    assert [each.ssrc for each in video.ssrc] == [7003, 7004]
    assert video.ssrc_group[0].items == [7003, 7004]
    assert video.ice_candidates[0].port == 41000
    assert audio.dtls is not None
    assert audio.dtls.role == "server"
    assert audio.rtcp_mux
    assert "transport-cc" not in text
    assert "extmap" not in text


def codec(text: str, name: str, **parameters: str) -> Codec:
    for media in sdp.parse(text).media:
        for each in media.codecs:
            if each.name == name and all(each.parameter(key) == value for key, value in parameters.items()):
                return each
    raise LookupError(name)


@pytest.mark.parametrize(("mode", "number"), [("1", 102), ("0", 104)])
def test_h264_is_answered_in_the_mode_that_was_chosen(mode: str, number: int) -> None:
    fmtp = (("packetization-mode", mode), ("profile-level-id", "42001f"))
    _, text = answered(offer_of("chromium"), video=Codec("H264", 0, 90000, fmtp=fmtp))
    assert f"a=rtpmap:{number} H264/90000" in text
    assert f"a=fmtp:{number} packetization-mode={mode};profile-level-id=42001f" in text


def test_h264_takes_the_offers_number_of_its_profile() -> None:
    wanted = Codec("H264", 0, 90000, fmtp=(("packetization-mode", "1"), ("profile-level-id", "42e01f")))
    offer, _ = answered(offer_of("chromium"), video=wanted)
    (plan,) = plan_lines(offer, {Kind.VIDEO: wanted}, BOTH_WAYS, itertools.count(1))[1:2]
    assert plan is not None
    chosen = codec(offer_of("chromium"), "H264", **{"packetization-mode": "1", "profile-level-id": "42e01f"})
    assert plan.codec.payload_type == chosen.payload_type
    assert plan.rtx_payload_type is not None


def test_a_kind_that_is_not_carried_is_inactive_and_not_refused() -> None:
    _, text = answered(offer_of("chromium"), video=None)
    video = sdp.parse(text).media[1]
    assert (video.flow, video.rejected) == (Flow.INACTIVE, False)
    assert "ssrc-group" not in text


def test_a_data_channel_is_refused_alone() -> None:
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n"
    text = offer_of("chromium").replace("BUNDLE 0 1", "BUNDLE 0 1 2") + data + "\r\n".join(TRANSPORT) + "\r\n"
    _, answer = answered(text)
    described = sdp.parse(answer)
    assert [media.rejected for media in described.media] == [False, False, True]
    assert "a=group:BUNDLE 0 1\r\n" in answer


def test_a_stopped_line_stays_stopped() -> None:
    text = offer_of("chromium").replace("m=video 9", "m=video 0")
    _, answer = answered(text)
    assert sdp.parse(answer).media[1].rejected
    assert "a=group:BUNDLE 0\r\n" in answer


def test_a_second_camera_is_inactive() -> None:
    text = offer_of("chromium")
    second = text[text.index("m=video") :].replace("a=mid:1", "a=mid:2")
    _, answer = answered(text.replace("BUNDLE 0 1", "BUNDLE 0 1 2") + second)
    assert [media.flow for media in sdp.parse(answer).media] == [Flow.SENDRECV, Flow.SENDRECV, Flow.INACTIVE]


@pytest.mark.parametrize("ours", list(Flow))
@pytest.mark.parametrize("theirs", list(Flow))
def test_directions_meet(ours: Flow, theirs: Flow) -> None:
    both = common_flow(ours, theirs)
    sends, takes = (Flow.SENDRECV, Flow.SENDONLY), (Flow.SENDRECV, Flow.RECVONLY)
    assert (both in sends) == (ours in sends and theirs in takes)
    assert (both in takes) == (ours in takes and theirs in sends)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("a=fingerprint", "a=nothing"), "fingerprint"),
        (("a=ice-pwd", "a=nothing"), "ice-pwd"),
        (("a=rtcp-mux\r\n", ""), "rtcp-mux"),
        (("a=group:BUNDLE 0 1\r\n", ""), "BUNDLE"),
        (("a=setup:actpass", "a=setup:holdconn"), "setup"),
        (("m=audio 9", "m=audio 0"), "refused"),
    ],
)
def test_an_offer_that_cannot_be_used_says_what_to_change(change: tuple[str, str], words: str) -> None:
    text = offer_of("chromium").replace(*change)
    if "refused" in words:
        text = text.replace("m=video 9", "m=video 0")
    with pytest.raises(SdpError, match=words):
        read_offer(text)


def test_a_codec_that_is_not_offered_is_named() -> None:
    with pytest.raises(NegotiationError, match="H264"):
        answered(offer_of("firefox"), video=Codec("H264", 0, 90000, fmtp=(("packetization-mode", "1"),)))


def test_a_thousand_candidates_are_not_all_tried() -> None:
    many = "".join(f"a=candidate:{n} 1 udp 1 192.0.2.1 {n} typ host\r\n" for n in range(1, 1001))
    text = offer_of("chromium").replace("a=mid:0\r\n", "a=mid:0\r\n" + many)
    assert len(read_offer(text).candidates) == 32


def test_no_damage_to_an_offer_ends_in_anything_but_our_errors() -> None:
    chance = random.Random(5)
    text = offer_of("chromium")
    for _ in range(400):
        broken = list(text)
        for _ in range(chance.randrange(1, 12)):
            at = chance.randrange(len(broken))
            broken[at : at + chance.randrange(4)] = chance.choice(["", " ", "\r\n", "9", ":", "=", "\u20ac", "-1"])
        with contextlib.suppress(BridgeError):
            answered("".join(broken))
