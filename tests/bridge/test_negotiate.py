"""Golden pairs: what a station and a browser say, and what comes of it."""

from __future__ import annotations

from base64 import b64encode
from dataclasses import dataclass, replace
from pathlib import Path as File

import pytest

from bridge.errors import AudioMissing, NegotiationError
from bridge.negotiate import (
    Plan,
    answer,
    arriving,
    check_answer,
    offer,
    offer_again,
    offers_video,
    plan,
    restrict,
    wanted_kinds,
)
from bridge.paths import join
from bridge.sdes import OwnKeys
from bridge.sdp import Origin, Session, parse, write
from bridge.types import Codec, Flow, Kind, Side

_ORIGIN = Origin("kinbridge", 7, 1, "192.0.2.9")
_HIGH = (("level-asymmetry-allowed", "1"), ("packetization-mode", "1"), ("profile-level-id", "64001f"))
_PORTS = {Kind.AUDIO: 30000, Kind.VIDEO: 30002}


def load(name: str) -> Session:
    return parse((File(__file__).parent / "sdp" / f"{name}.sdp").read_text())


def only(session: Session, *names: str) -> Session:
    """The same description with nothing but these codecs."""
    media = (replace(m, codecs=tuple(c for c in m.codecs if c.name in names), formats=()) for m in session.media)
    return replace(session, media=tuple(media))


@dataclass(frozen=True, slots=True)
class Golden:
    station: str
    browser: str
    routes: tuple[str, ...]
    payload_types: tuple[int, ...]  # station audio, browser audio, station video, browser video
    transcode: bool = False


GOLDEN = {
    "a terminal of mode 0 meets Chromium's entry of mode 0": Golden(
        "baresip",
        "chromium",
        (
            "audio sip->: relay PCMU -> PCMU",
            "audio web->: relay PCMU -> PCMU",
            "video sip->: relay H264 -> H264",
            "video web->: relay H264 -> H264",
        ),
        (0, 0, 96, 114),
    ),
    "Firefox without H.264 sees VP8": Golden(
        "baresip",
        "firefox",
        (
            "audio sip->: relay PCMU -> PCMU",
            "audio web->: relay PCMU -> PCMU",
            "video sip->: transcode H264 -> VP8",
            "video web->: transcode VP8 -> H264",
        ),
        (0, 0, 96, 120),
    ),
    "a transcoded path is taken on demand": Golden(
        "baresip",
        "chromium",
        (
            "audio sip->: transcode PCMU -> OPUS",
            "audio web->: transcode OPUS -> PCMU",
            "video sip->: transcode H264 -> VP8",
            "video web->: transcode VP8 -> H264",
        ),
        (0, 111, 96, 96),
        transcode=True,
    ),
    "the station's order of relayable codecs stands": Golden(
        "linphone_like",
        "chromium",
        (
            "audio sip->: relay PCMU -> PCMU",
            "audio web->: relay PCMU -> PCMU",
            "video sip->: relay VP8 -> VP8",
            "video web->: relay VP8 -> VP8",
        ),
        (0, 0, 98, 96),
    ),
    "a wideband desk phone has no picture": Golden(
        "audio_phone",
        "chromium",
        (
            "audio sip->: relay G722 -> G722",
            "audio web->: relay G722 -> G722",
            "video sip->: none",
            "video web->: none",
        ),
        (9, 9),
    ),
    "a high profile of mode 1 meets another profile of mode 1": Golden(
        "room_system",
        "chromium",
        (
            "audio sip->: relay PCMA -> PCMA",
            "audio web->: relay PCMA -> PCMA",
            "video sip->: relay H264 -> H264",
            "video web->: relay H264 -> H264",
        ),
        (8, 8, 111, 102),
    ),
    "an old terminal of H.263": Golden(
        "old_terminal",
        "chromium",
        (
            "audio sip->: relay PCMA -> PCMA",
            "audio web->: relay PCMA -> PCMA",
            "video sip->: transcode H263-1998 -> H264",
            "video web->: transcode H264 -> H263-1998",
        ),
        (8, 8, 96, 102),
    ),
    "an old terminal and a browser without H.264": Golden(
        "old_terminal",
        "firefox",
        (
            "audio sip->: relay PCMA -> PCMA",
            "audio web->: relay PCMA -> PCMA",
            "video sip->: transcode H263-1998 -> VP8",
            "video web->: transcode VP8 -> H263-1998",
        ),
        (8, 8, 96, 120),
    ),
    "a terminal with SRTP for its sound and little room for pictures": Golden(
        "secure_terminal",
        "chromium",
        (
            "audio sip->: relay PCMU -> PCMU",
            "audio web->: relay PCMU -> PCMU",
            "video sip->: relay H264 -> H264",
            "video web->: transcode H264 -> H264",
        ),
        (0, 0, 97, 108),
    ),
}


@pytest.mark.parametrize("case", GOLDEN.values(), ids=GOLDEN.keys())
def test_golden_pairs(case: Golden) -> None:
    agreed = plan(load(case.station), load(case.browser), prefer_transcode=case.transcode, keys=OwnKeys())
    assert tuple(str(each) for each in agreed.routes) == case.routes
    assert _payload_types(agreed) == case.payload_types


def _payload_types(agreed: Plan) -> tuple[int, ...]:
    numbers = []
    for kind in Kind:
        ours, theirs = agreed.station_line(kind), agreed.browser_line(kind)
        if ours and theirs and theirs.codec:
            numbers += [ours.codec.payload_type, theirs.codec.payload_type]
    return tuple(numbers)


def test_mode_1_of_a_browser_is_not_sent_to_a_station_of_mode_0() -> None:
    browser = load("chromium")
    audio, video = browser.media
    mode_1 = replace(video, codecs=tuple(c for c in video.codecs if c.parameter("packetization-mode") == "1"))
    agreed = plan(load("baresip"), replace(browser, media=(audio, mode_1)))
    assert [str(each) for each in agreed.routes[2:]] == [
        "video sip->: relay H264 -> H264",
        "video web->: transcode H264 -> H264",
    ]


def test_the_stations_parameter_sets_reach_the_pipeline() -> None:
    agreed = plan(load("room_system"), load("chromium"))
    route = agreed.route(Kind.VIDEO, Side.SIP)
    assert route is not None
    assert route.source_codec is not None
    assert route.source_codec.parameter("sprop-parameter-sets") == "Z2QAKKwrQDwBE/LA,aO48sA=="


def test_the_answer_keeps_lines_order_numbers_and_profiles_of_the_offer() -> None:
    offered = load("linphone_like")
    told = answer(offered, plan(offered, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=1_500_000)
    assert write(told).replace("\r\n", "\n") == (
        "v=0\no=kinbridge 7 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"
        "m=audio 30000 RTP/AVP 0 97\n"
        "a=rtpmap:0 PCMU/8000\na=rtpmap:97 telephone-event/8000\na=fmtp:97 0-15\na=ptime:20\na=sendrecv\n"
        "m=video 30002 RTP/AVPF 98\n"
        "b=AS:1500\nb=TIAS:1500000\na=rtpmap:98 VP8/90000\n"
        "a=rtcp-fb:98 nack pli\na=rtcp-fb:98 ccm fir\na=rtcp-fb:98 ccm tmmbr\na=sendrecv\n"
        "m=application 0 UDP/BFCP *\na=inactive\n"
    )


def test_an_old_terminal_is_answered_with_the_sizes_alone() -> None:
    offered = load("old_terminal")
    told = answer(offered, plan(offered, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=1_500_000)
    assert write(told).replace("\r\n", "\n") == (
        "v=0\no=kinbridge 7 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\n"
        "m=audio 30000 RTP/AVP 8 101\n"
        "a=rtpmap:8 PCMA/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\na=sendrecv\n"
        "m=video 30002 RTP/AVP 96\n"
        "b=AS:1500\nb=TIAS:1500000\na=rtpmap:96 H263-1998/90000\na=fmtp:96 CIF=2;QCIF=1\na=sendrecv\n"
    )


def test_each_line_is_answered_in_its_profile_and_the_whole_in_our_address_family() -> None:
    offered = load("secure_terminal")
    keys = OwnKeys()
    agreed = plan(offered, load("chromium"), keys=keys)
    origin = replace(_ORIGIN, address="2001:db8::9")
    told = answer(offered, agreed, origin=origin, ports=_PORTS, max_video_bps=1_500_000)
    ours = b64encode(keys.key(Kind.AUDIO, "AES_256_CM_HMAC_SHA1_80")).decode()
    assert write(told).replace("\r\n", "\n") == (
        "v=0\no=kinbridge 7 1 IN IP6 2001:db8::9\ns=-\nc=IN IP6 2001:db8::9\nt=0 0\n"
        "m=audio 30000 RTP/SAVP 0 101\n"
        "a=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-15\na=ptime:20\n"
        f"a=crypto:1 AES_256_CM_HMAC_SHA1_80 inline:{ours}\na=sendrecv\n"
        "m=video 30002 RTP/AVPF 97\n"
        "b=AS:1500\nb=TIAS:1500000\na=rtpmap:97 H264/90000\n"
        "a=fmtp:97 profile-level-id=42E00C;packetization-mode=1\n"
        "a=rtcp-fb:97 nack pli\na=rtcp-fb:97 ccm tmmbr\na=rtcp-mux\na=sendrecv\n"
    )
    sound, picture = agreed.station
    assert sound.sdes is not None
    assert sound.sdes.receive_key == bytes(range(46))
    assert sound.media.rtcp_port == 6009
    assert picture.media.bandwidth_bps == 512_000


def test_feedback_on_plain_avp_is_answered_in_kind() -> None:
    offered = load("baresip")
    told = answer(offered, plan(offered, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=900_000)
    video = told.media[1]
    assert video.proto == "RTP/AVP"
    assert video.codecs[0].feedback == ("nack pli",)
    assert video.codecs[0].fmtp == (("packetization-mode", "0"), ("profile-level-id", "42e01f"))


def test_a_multiplexed_line_is_answered_multiplexed_and_without_the_stations_parameter_sets() -> None:
    offered = load("room_system")
    told = answer(offered, plan(offered, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=900_000)
    assert [each.rtcp_mux for each in told.media] == [False, True]
    assert told.media[1].codecs[0].fmtp == (("profile-level-id", "640028"), ("packetization-mode", "1"))


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (Flow.SENDRECV, Flow.SENDRECV),
        (Flow.SENDONLY, Flow.RECVONLY),
        (Flow.RECVONLY, Flow.SENDONLY),
        (Flow.INACTIVE, Flow.INACTIVE),
    ],
)
def test_directions_are_mirrored(theirs: Flow, ours: Flow) -> None:
    offered = load("baresip")
    held = replace(offered, media=tuple(replace(each, flow=theirs) for each in offered.media))
    told = answer(held, plan(held, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    assert [each.flow for each in told.media] == [ours, ours]


def test_the_old_hold_is_answered_recvonly() -> None:
    offered = load("baresip")
    held = replace(offered, media=tuple(replace(each, address="0.0.0.0") for each in offered.media))
    told = answer(held, plan(held, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    assert [each.flow for each in told.media] == [Flow.RECVONLY, Flow.RECVONLY]


def test_a_browser_that_sends_no_picture_still_gets_one() -> None:
    browser = load("chromium")
    audio, video = browser.media
    agreed = plan(load("baresip"), replace(browser, media=(audio, replace(video, flow=Flow.RECVONLY))))
    line = agreed.browser_line(Kind.VIDEO)
    assert line is not None
    assert line.flow is Flow.SENDONLY
    assert [str(each) for each in agreed.routes[2:]] == ["video sip->: relay H264 -> H264", "video web->: none"]


def test_a_browser_without_video_refuses_the_stations_picture() -> None:
    browser = load("chromium")
    offered = load("baresip")
    agreed = plan(offered, replace(browser, media=browser.media[:1]))
    told = answer(offered, agreed, origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    assert [each.port for each in told.media] == [30000, 0]
    assert "m=video 0 RTP/AVP 96\r\n" in write(told)


@pytest.mark.parametrize(("browser", "payload_type"), [("chromium", 104), ("firefox", 120)])
def test_a_station_without_video_leaves_the_browsers_line_open_for_most(browser: str, payload_type: int) -> None:
    agreed = plan(load("audio_phone"), load(browser))
    line = agreed.browser_line(Kind.VIDEO)
    assert line is not None
    assert (line.codec.payload_type, line.flow) == (payload_type, Flow.SENDRECV)
    later = plan(load("baresip"), restrict(load(browser), {each.kind: each.codec for each in agreed.browser}))
    assert later.station_line(Kind.VIDEO) is not None


def test_a_video_line_with_srtp_is_refused_and_the_sound_goes_on() -> None:
    offered = load("baresip")
    audio, video = offered.media
    agreed = plan(replace(offered, media=(audio, replace(video, proto="RTP/SAVP"))), load("chromium"))
    assert [each.kind for each in agreed.station] == [Kind.AUDIO]


def test_of_two_audio_lines_the_one_without_srtp_is_taken() -> None:
    offered = load("baresip")
    audio = offered.media[0]
    both = replace(offered, media=(replace(audio, proto="RTP/SAVP", crypto=("1 X inline:y",)), audio))
    told = answer(both, plan(both, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    assert [each.port for each in told.media] == [0, 30000]


def test_srtp_alone_is_refused_with_the_remedy() -> None:
    offered = load("baresip")
    secured = replace(offered, media=tuple(replace(each, proto="RTP/SAVP") for each in offered.media))
    with pytest.raises(NegotiationError, match=r"SRTP only.* or RTP/AVP"):
        plan(secured, load("chromium"), keys=OwnKeys())


@pytest.mark.parametrize("names", [("G729",), ("H264",)])
def test_a_station_without_usable_sound_is_refused_with_the_remedy(names: tuple[str, ...]) -> None:
    with pytest.raises(AudioMissing, match=r"station .* offer PCMU, PCMA or G722"):
        plan(only(load("audio_phone"), *names), load("chromium"))


def test_a_browser_without_sound_is_refused_with_the_remedy() -> None:
    browser = load("chromium")
    with pytest.raises(AudioMissing, match=r"browser .* offer audio"):
        plan(load("baresip"), replace(browser, media=browser.media[1:]))


def test_a_line_of_128_codecs_is_compared_in_part() -> None:
    crowd = tuple(Codec("H264", number, 90000, fmtp=_HIGH) for number in range(128))
    browser, station = load("chromium"), load("baresip")
    crowded = [
        replace(each, media=(each.media[0], replace(each.media[1], codecs=crowd))) for each in (station, browser)
    ]
    line = plan(*crowded).station_line(Kind.VIDEO)
    assert line is not None
    assert line.codec.payload_type == 0


def test_g722_has_a_clock_of_8_khz_whatever_is_written() -> None:
    phone = load("audio_phone")
    codecs = tuple(replace(each, clock_hz=16_000) if each.name == "G722" else each for each in phone.media[0].codecs)
    agreed = plan(replace(phone, media=(replace(phone.media[0], codecs=codecs),)), load("chromium"))
    assert str(agreed.routes[0]) == "audio sip->: relay G722 -> G722"
    line = agreed.station_line(Kind.AUDIO)
    assert line is not None
    assert line.codec.clock_hz == 8000


def test_two_sides_without_a_common_codec_are_joined_all_the_same() -> None:
    agreed = plan(only(load("audio_phone"), "G722"), only(load("chromium"), "PCMU"))
    assert [str(each) for each in agreed.routes[:2]] == [
        "audio sip->: transcode G722 -> PCMU",
        "audio web->: transcode PCMU -> G722",
    ]


def test_our_offer_names_all_that_we_take_in_the_order_of_its_price() -> None:
    told = offer(load("chromium"), origin=_ORIGIN, ports=_PORTS, max_video_bps=1_000_000)
    assert [each.name for each in told.media[0].codecs] == ["PCMU", "PCMA", "G722", "TELEPHONE-EVENT"]
    assert [each.name for each in told.media[1].codecs] == ["H264", "H264", "VP8", "H263-1998"]
    assert [each.parameter("packetization-mode") for each in told.media[1].codecs[:2]] == ["1", "0"]
    assert parse(write(told)).media[1].codecs == told.media[1].codecs
    assert "a=fmtp:100 CIF=1;QCIF=1\r\n" in write(told)
    others = offer(load("firefox"), origin=_ORIGIN, ports=_PORTS, max_video_bps=1_000_000)
    assert [each.name for each in others.media[1].codecs] == ["VP8", "H264", "H264", "H263-1998"]
    assert wanted_kinds(load("chromium")) == (Kind.AUDIO, Kind.VIDEO)


def test_an_answer_to_our_offer_must_have_its_lines() -> None:
    ours = offer(load("chromium"), origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    check_answer(ours, load("baresip"))
    with pytest.raises(NegotiationError, match="audio, video"):
        check_answer(ours, load("audio_phone"))


def test_a_station_may_send_all_that_it_took_of_our_offer() -> None:
    ours = offer(load("chromium"), origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    audio, video = load("baresip").media
    answered = replace(
        load("baresip"),
        media=(
            replace(audio, codecs=(Codec("PCMA", 8, 8000), Codec("PCMU", 0, 8000), Codec("OPUS", 111, 48000, 2))),
            replace(video, codecs=(replace(video.codecs[0], payload_type=120),)),  # we offered mode 0 as 98
        ),
    )
    agreed = plan(answered, load("chromium"), offered=ours)
    sound, picture = agreed.station
    assert (sound.codec.name, [each.name for each in sound.others]) == ("PCMA", ["PCMU"])
    assert (picture.codec.payload_type, [each.payload_type for each in picture.others]) == (120, [98])
    assert [each.others for each in plan(answered, load("chromium")).station] == [(), ()]

    turned = arriving(agreed.routes, Kind.AUDIO, Side.SIP, sound.others[0], join)
    assert [str(each) for each in turned[:2]] == [
        "audio sip->: transcode PCMU -> PCMA",
        "audio web->: relay PCMA -> PCMA",
    ]


@pytest.mark.parametrize(
    ("session_bps", "line_bps", "most_bps"),
    [(None, None, None), (None, 384_000, 384_000), (512_000, None, 448_000), (512_000, 2_000_000, 448_000), (9, 9, 9)],
)
def test_the_narrower_of_two_bandwidths_counts(
    session_bps: int | None, line_bps: int | None, most_bps: int | None
) -> None:
    offered = load("baresip")
    audio, video = offered.media
    narrow = replace(offered, media=(audio, replace(video, bandwidth_bps=line_bps)), bandwidth_bps=session_bps)
    line = plan(narrow, load("chromium")).station_line(Kind.VIDEO)
    assert line is not None
    assert line.media.bandwidth_bps == most_bps


def h264(profile_level_id: str, more: str = "") -> Session:
    """A station of packetization-mode 1 that has nothing else."""
    fmtp = (("profile-level-id", profile_level_id), ("packetization-mode", "1"), *([("max-fs", more)] if more else []))
    audio, video = load("baresip").media
    return replace(load("baresip"), media=(audio, replace(video, codecs=(Codec("H264", 99, 90000, fmtp=fmtp),))))


@pytest.mark.parametrize(
    ("station", "to_browser", "to_station"),
    [
        (h264("42e01f"), "relay", "relay"),
        (h264("42800c"), "relay", "transcode"),  # level 1.2 has room for 352x288
        (h264("42800c", "1200"), "relay", "relay"),  # and says that it has room for more
        (h264("640028"), "relay", "relay"),
        (h264("6e0028"), "transcode", "relay"),  # ten bits a sample: no browser reads that
        (h264("nonsense"), "transcode", "relay"),
    ],
)
def test_a_profile_and_level_is_taken_at_its_word(station: Session, to_browser: str, to_station: str) -> None:
    agreed = plan(station, load("chromium"))
    paths = [route.path.value for side in Side if (route := agreed.route(Kind.VIDEO, side))]
    assert paths == [to_browser, to_station]


def test_a_browser_of_a_richer_profile_is_not_sent_to_a_poorer_station() -> None:
    high = replace(load("chromium").media[1].codecs[0], name="H264", payload_type=35, fmtp=_HIGH)
    browser = replace(
        load("chromium"), media=(load("chromium").media[0], replace(load("chromium").media[1], codecs=(high,)))
    )
    agreed = plan(h264("42e01f"), browser)
    assert [str(each) for each in agreed.routes[2:]] == [
        "video sip->: relay H264 -> H264",
        "video web->: transcode H264 -> H264",
    ]
    line = agreed.browser_line(Kind.VIDEO)
    assert line is not None
    assert line.codec is not None
    assert line.codec.payload_type == 35, "browsers number some formats below 64"


def test_an_offer_made_again_has_the_same_lines_and_holds_nobody() -> None:
    offered = load("linphone_like")
    held = replace(offered, media=tuple(replace(each, flow=Flow.SENDONLY) for each in offered.media))
    told = answer(held, plan(held, load("chromium")), origin=_ORIGIN, ports=_PORTS, max_video_bps=1)
    again = offer_again(told, origin=replace(_ORIGIN, version=2))
    assert [(each.port, each.flow) for each in again.media] == [
        (30000, Flow.SENDRECV),
        (30002, Flow.SENDRECV),
        (0, Flow.INACTIVE),
    ]
    assert [each.codecs for each in again.media] == [each.codecs for each in told.media]


def test_agreed_codecs_bind_the_next_negotiation() -> None:
    browser = load("chromium")
    agreed = plan(load("baresip"), browser)
    line = agreed.browser_line(Kind.AUDIO)
    assert line is not None
    bound = restrict(browser, {Kind.AUDIO: line.codec, Kind.VIDEO: None})
    again = plan(load("audio_phone"), bound)
    assert str(again.route(Kind.AUDIO, Side.SIP)) == "audio sip->: relay PCMU -> PCMU"
    assert again.browser_line(Kind.VIDEO) is None


def test_whether_a_description_has_a_picture() -> None:
    folder = File(__file__).parent / "sdp"
    assert offers_video((folder / "baresip.sdp").read_text())
    assert not offers_video((folder / "audio_phone.sdp").read_text())
    assert not offers_video((folder / "baresip.sdp").read_text().replace("m=video 12072", "m=video 0"))
