"""Values of the media plane."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class Side(StrEnum):
    """Which leg of a visit."""

    SIP = "sip"  # the station: phone or video terminal
    WEB = "web"  # the family: a browser, or a telephone


class Peer(StrEnum):
    """What is at the far end of a leg. The words are those of a pipeline's text."""

    STATION = "SipLeg"
    BROWSER = "WebLeg"
    TELEPHONE = "PhoneLeg"

    @property
    def side(self) -> Side:
        return Side.SIP if self is Peer.STATION else Side.WEB


class Path(StrEnum):
    """How one kind travels in one direction."""

    RELAY = "relay"  # packets are rewritten, never decoded
    TRANSCODE = "transcode"  # decoded and encoded again
    NONE = "none"  # not carried (the far side has no such line, or does not want it)


class Flow(StrEnum):
    """SDP direction, as seen by the one who writes it (RFC 3264 section 5.1)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"


@dataclass(frozen=True, slots=True)
class Codec:
    """One payload format as a media line names it.

    name: upper case as registered (PCMU, PCMA, G722, OPUS, H264, VP8, TELEPHONE-EVENT).
    clock_hz: the RTP clock (G722 is 8000 by RFC 3551 although it samples at 16 kHz).
    fmtp: format parameters in order of appearance, keys in lower case.
    """

    name: str
    payload_type: int
    clock_hz: int
    channels: int = 1
    fmtp: tuple[tuple[str, str], ...] = ()
    feedback: tuple[str, ...] = ()

    def parameter(self, key: str, default: str = "") -> str:
        for name, value in self.fmtp:
            if name == key:
                return value
        return default


@dataclass(frozen=True, slots=True)
class Route:
    """The negotiated way of one kind in one direction: from a codec on one side to a codec on the other."""

    kind: Kind
    source: Side
    path: Path
    source_codec: Codec | None
    target_codec: Codec | None

    def is_ours(self, to: Side) -> bool:
        """Only this side has a line of the kind, and it is sent what is ours."""
        return self.source is not to and self.source_codec is None and self.target_codec is not None

    def __str__(self) -> str:
        if self.path is Path.NONE or self.source_codec is None or self.target_codec is None:
            return f"{self.kind} {self.source}->: none"
        return f"{self.kind} {self.source}->: {self.path} {self.source_codec.name} -> {self.target_codec.name}"


@dataclass(frozen=True, slots=True)
class MediaSettings:
    """Addresses, ports and limits of the media plane.

    host: what RTP and ICE sockets bind to. advertised: what SDP and candidates say (empty: host).
    sip_ports, web_ports: inclusive ranges; (0, 0) lets the system choose.
    web_port: the one UDP port of all browsers; 0: the first free one of web_ports; None: each browser its own of these.
    rtp_timeout_s: a side from which nothing arrives for so long (and that is not held) is dead.
    follow_after_s: a station whose stream goes on from another address (its NAT forgot it) is followed when nothing has
    come from the old one for so long; 0: never.
    languages: in which prompts are said and slates written, in this order: `en`, `es`,.
    prompts: a folder with recordings of the house's own, <language>/<prompt>.<whatever FFmpeg reads>; empty: ours.
    sheds_load: under load, thin out transcoded pictures and take no new visits (bridge.governor); False: bear it all.
    prefer_transcode: take the transcoded path although a relay is possible (tests, demonstrations).
    """

    host: str = "127.0.0.1"
    advertised: str = ""
    sip_ports: tuple[int, int] = (0, 0)
    web_ports: tuple[int, int] = (0, 0)
    web_port: int | None = 0
    ice_servers: tuple[str, ...] = ()
    web_connect_timeout_s: float = 15.0
    rtp_timeout_s: float = 20.0
    follow_after_s: float = 1.0
    video_max_bps: int = 1_500_000
    codec_workers: int = 2
    languages: tuple[str, ...] = ("en",)
    prompts: str = ""
    sheds_load: bool = True
    prefer_transcode: bool = False


@dataclass(frozen=True, slots=True)
class FlowStats:
    """Counters of one kind in one direction, since the bridge was made.

    source: the side it comes from. received_* and lost are of the incoming half, sent_* of the outgoing one.
    frames_thinned: pictures left out evenly, for a slow receiver or for load.
    concealed_ms: lost sound that was filled in (transcoded sound alone; a relay leaves that to the far side).
    jitter_ms: RFC 3550 section 6.4.1, at the receiving half. rtt_ms: from the far side's reports, None if unknown.
    far_lost_packets: what the far side says it misses of the sent ones; of a relay, with the first half's losses.
    frozen_s: nothing new went out although it was due (bridge.quality). mos: 1.0 to 4.5, sound only, None if unknown.
    """

    kind: Kind
    source: Side
    path: Path
    source_codec: str
    target_codec: str
    received_packets: int = 0
    received_bytes: int = 0
    lost_packets: int = 0
    discarded_packets: int = 0
    sent_packets: int = 0
    sent_bytes: int = 0
    jitter_ms: float = 0.0
    rtt_ms: float | None = None
    keyframe_requests: int = 0
    nacks: int = 0
    retransmitted: int = 0
    frames_decoded: int = 0
    frames_encoded: int = 0
    frames_dropped: int = 0
    undecodable: int = 0
    frames_thinned: int = 0
    far_lost_packets: int = 0
    concealed_ms: int = 0
    frozen_s: float = 0.0
    mos: float | None = None


@dataclass(frozen=True, slots=True)
class BridgeStats:
    """one_way_s: sound came from one side and not from the other, which was there and not held."""

    flows: tuple[FlowStats, ...] = field(default=())
    one_way_s: float = 0.0

    def flow(self, kind: Kind, source: Side) -> FlowStats | None:
        for each in self.flows:
            if each.kind is kind and each.source is source:
                return each
        return None
