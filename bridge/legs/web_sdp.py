"""A browser's offer, and our answer to it: what WebRTC adds to a session description (RFC 8829, RFC 9143). Pure.

`bridge.sdp` reads the media lines; this adds ICE, DTLS, BUNDLE and SSRCs. The answer keeps every media line alive: a
kind that is not carried becomes `inactive`, never refused, because a refused line may take the shared transport with
it. Only lines that are no audio or video (data channels) are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from bridge import sdp
from bridge.errors import NegotiationError, SdpError
from bridge.types import Codec, Flow, Kind

_MAX_CANDIDATES = 32  # a browser has about ten; a forged offer must not make us knock at a thousand doors
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")  # what this leg does; transport-cc it does not
_KINDS = {each.value: each for each in Kind}
_WRITTEN = {"OPUS": "opus", "TELEPHONE-EVENT": "telephone-event"}


@dataclass(frozen=True, slots=True)
class OfferedLine:
    """One m= line. ssrcs: the browser's stream and, when grouped FID, its retransmission stream."""

    media: sdp.Media
    mid: str = ""
    ssrc: int | None = None
    rtx_ssrc: int | None = None
    reduced_size: bool = False

    @property
    def kind(self) -> Kind | None:
        return _KINDS.get(self.media.kind)


@dataclass(frozen=True, slots=True)
class Offer:
    """What the browser sent. The transport is the one of the first line, which BUNDLE makes everybody's."""

    lines: tuple[OfferedLine, ...]
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str
    ice_lite: bool = False
    candidates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinePlan:
    """What was agreed for one line. flow is ours; rtx_payload_type is None without retransmission streams.

    stream: the name of the MediaStream that the browser puts its track into.
    """

    kind: Kind
    codec: Codec
    flow: Flow
    send_ssrc: int
    send_rtx_ssrc: int
    rtx_payload_type: int | None = None
    remote_ssrc: int | None = None
    remote_rtx_ssrc: int | None = None
    stream: str = "visit"


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """Our end of the shared transport. candidates: as `a=candidate` has them; setup: passive or active."""

    candidates: tuple[str, ...]
    address: str
    port: int
    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    setup: str


@dataclass(slots=True)
class _Draft:
    """What one m= line, or the session above them, says besides its media."""

    mid: str = ""
    ufrag: str = ""
    password: str = ""
    setup: str = ""
    fingerprints: list[tuple[str, str]] = field(default_factory=list)
    candidates: list[str] = field(default_factory=list)
    ssrcs: list[int] = field(default_factory=list)
    pairs: list[tuple[int, int]] = field(default_factory=list)
    reduced_size: bool = False
    ice_lite: bool = False


def read_offer(text: str) -> Offer:
    """Raises SdpError with the remedy."""
    session = sdp.parse(text)
    common, drafts, bundles = _Draft(), [], []
    current = common
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("m="):
            current = _Draft()
            drafts.append(current)
        elif line.startswith("a=group:BUNDLE"):
            bundles.append(line.split()[1:])
        elif line.startswith("a="):
            key, _, value = line[2:].strip().partition(":")
            _take(current, number, key, value)
    lines = tuple(_line(media, draft) for media, draft in zip(session.media, drafts, strict=True))
    alive = [index for index, line in enumerate(lines) if not line.media.rejected]
    if not alive:
        raise SdpError("every m= line is refused (port 0); offer m=audio 9 UDP/TLS/RTP/SAVPF ...")
    _check_bundle([lines[index] for index in alive], bundles)
    tagged = next((index for index in alive if not lines[index].media.bundle_only), alive[0])
    return _offer(lines, common, drafts[tagged])


def _offer(lines: tuple[OfferedLine, ...], common: _Draft, first: _Draft) -> Offer:
    ufrag, password = first.ufrag or common.ufrag, first.password or common.password
    fingerprints = tuple(first.fingerprints or common.fingerprints)
    if not ufrag or not password:
        raise SdpError("a=ice-ufrag or a=ice-pwd is missing; send the description that createOffer() made, whole")
    if not fingerprints:
        raise SdpError("a=fingerprint is missing; media without DTLS is not accepted")
    setup = first.setup or common.setup or "actpass"
    if setup not in ("actpass", "active", "passive"):
        raise SdpError("a=setup of an offer must be actpass, active or passive")
    candidates = tuple(first.candidates[:_MAX_CANDIDATES])
    return Offer(lines, ufrag, password, fingerprints, setup, common.ice_lite, candidates)


def _check_bundle(lines: list[OfferedLine], bundles: list[list[str]]) -> None:
    for line in lines:
        if line.kind is not None and not line.media.rtcp_mux:
            raise SdpError("a=rtcp-mux is missing; RTCP on a port of its own is not offered to browsers")
    mids = {line.mid for line in lines}
    if len(lines) > 1 and not any(mids <= set(bundle) for bundle in bundles):
        raise SdpError("the lines are not in one a=group:BUNDLE; do not set the bundle policy of the page")


def _take(draft: _Draft, number: int, key: str, value: str) -> None:
    if key == "mid":
        draft.mid = value
    elif key == "ice-ufrag":
        draft.ufrag = value
    elif key == "ice-pwd":
        draft.password = value
    elif key == "setup":
        draft.setup = value
    elif key == "fingerprint":
        words = value.split()
        if len(words) != 2:
            raise SdpError("a=fingerprint needs a hash name and a value", number)
        draft.fingerprints.append((words[0], words[1]))
    elif key == "candidate":
        # a .local name can only be asked for by multicast, and waiting for that would cost the visit a second
        if ".local" not in value and " tcp " not in value.lower():
            draft.candidates.append(value)
    elif key == "rtcp-rsize":
        draft.reduced_size = True
    elif key == "ice-lite":
        draft.ice_lite = True
    elif key in ("ssrc", "ssrc-group"):
        _take_ssrc(draft, key, value.split())


def _take_ssrc(draft: _Draft, key: str, words: list[str]) -> None:
    numbers = [int(word) & 0xFFFFFFFF for word in words if word.isascii() and word.isdecimal()]
    if key == "ssrc" and numbers and numbers[0] not in draft.ssrcs:
        draft.ssrcs.append(numbers[0])
    elif key == "ssrc-group" and words[:1] == ["FID"] and len(numbers) == 2:
        draft.pairs.append((numbers[0], numbers[1]))


def _line(media: sdp.Media, draft: _Draft) -> OfferedLine:
    ssrc, rtx = draft.pairs[0] if draft.pairs else (draft.ssrcs[0] if draft.ssrcs else None, None)
    return OfferedLine(media, draft.mid, ssrc, rtx, draft.reduced_size)


def plan_lines(
    offer: Offer, codecs: Mapping[Kind, Codec | None], flows: Mapping[Kind, Flow], ssrcs: Iterable[int]
) -> tuple[LinePlan | None, ...]:
    """One plan for each line of the offer; None for what is not carried. Raises NegotiationError.

    Only the first line of a kind can be carried. `ssrcs` gives fresh SSRCs for our streams.
    """
    fresh = iter(ssrcs)
    plans: list[LinePlan | None] = []
    taken: set[Kind] = set()
    for line in offer.lines:
        kind = line.kind
        wanted = codecs.get(kind) if kind is not None else None
        if kind is None or wanted is None or kind in taken or line.media.rejected:
            plans.append(None)
            continue
        taken.add(kind)
        plans.append(plan_line(line, wanted, flows.get(kind, Flow.SENDRECV), fresh))
    return tuple(plans)


def plan_line(line: OfferedLine, wanted: Codec, flow: Flow, ssrcs: Iterator[int], stream: str = "visit") -> LinePlan:
    """One line of audio or video with a codec and our wish for its direction. Raises NegotiationError."""
    kind = _KINDS[line.media.kind]
    codec = _agreed(line.media, wanted)
    rtx = _rtx_of(line.media, codec)
    flow = common_flow(flow, line.media.flow)
    return LinePlan(kind, codec, flow, next(ssrcs), next(ssrcs), rtx, line.ssrc, line.rtx_ssrc, stream)


def common_flow(ours: Flow, theirs: Flow) -> Flow:
    """What we may do on a line: our wish, as far as the far side's direction lets us."""
    send = ours in (Flow.SENDRECV, Flow.SENDONLY) and theirs in (Flow.SENDRECV, Flow.RECVONLY)
    receive = ours in (Flow.SENDRECV, Flow.RECVONLY) and theirs in (Flow.SENDRECV, Flow.SENDONLY)
    return {
        (True, True): Flow.SENDRECV,
        (True, False): Flow.SENDONLY,
        (False, True): Flow.RECVONLY,
        (False, False): Flow.INACTIVE,
    }[send, receive]


def _agreed(media: sdp.Media, wanted: Codec) -> Codec:
    """The offer's own numbering of the wanted codec, with the wanted parameters and the feedback both sides do."""
    same = [each for each in media.codecs if each.name == wanted.name and each.clock_hz == wanted.clock_hz]
    if wanted.name == "H264":
        mode = wanted.parameter("packetization-mode", "0")
        same = [each for each in same if each.parameter("packetization-mode", "0") == mode]
        profile = wanted.parameter("profile-level-id").lower()[:4]
        same.sort(key=lambda each: each.parameter("profile-level-id").lower()[:4] != profile)
    same.sort(key=lambda each: each.payload_type != wanted.payload_type)
    if not same:
        raise NegotiationError(f"the browser does not offer {wanted.name} in the form that was chosen")
    feedback = tuple(each for each in _FEEDBACK if each in same[0].feedback) if media.kind == "video" else ()
    return replace(same[0], fmtp=wanted.fmtp or same[0].fmtp, feedback=feedback)


def _rtx_of(media: sdp.Media, codec: Codec) -> int | None:
    for each in media.codecs:
        if each.name == "RTX" and each.parameter("apt") == str(codec.payload_type):
            return each.payload_type
    return None


def write_answer(offer: Offer, plans: tuple[LinePlan | None, ...], local: LocalTransport, cname: str) -> str:
    alive = [line.mid for line in offer.lines if line.kind is not None and not line.media.rejected]
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0"]
    lines += [f"a=group:BUNDLE {' '.join(alive)}", "a=msid-semantic:WMS *"]
    for line, plan in zip(offer.lines, plans, strict=True):
        if line.kind is None or line.media.rejected:
            formats = " ".join(line.media.formats) or " ".join(str(each.payload_type) for each in line.media.codecs)
            lines += [f"m={line.media.kind} 0 {line.media.proto} {formats}", "c=IN IP4 0.0.0.0", f"a=mid:{line.mid}"]
        else:
            lines += _head_lines(line, plan, local)
            lines += _stream_lines(plan, cname) if plan is not None else []
            lines += _transport_lines(local)
    return "\r\n".join(lines) + "\r\n"


def _head_lines(line: OfferedLine, plan: LinePlan | None, local: LocalTransport) -> list[str]:
    net = f"IN {'IP6' if ':' in local.address else 'IP4'} {local.address}"
    codecs = [plan.codec] if plan is not None else list(line.media.codecs[:1])
    if plan is not None and plan.rtx_payload_type is not None:
        apt = (("apt", str(plan.codec.payload_type)),)
        codecs.append(Codec("rtx", plan.rtx_payload_type, plan.codec.clock_hz, fmtp=apt))
    numbers = " ".join(str(each.payload_type) for each in codecs)
    lines = [
        f"m={line.media.kind} {local.port} {line.media.proto} {numbers}",
        f"c={net}",
        f"a=rtcp:{local.port} {net}",
        f"a=mid:{line.mid}",
        f"a={(plan.flow if plan is not None else Flow.INACTIVE).value}",
        "a=rtcp-mux",
    ]
    if line.reduced_size:
        lines.append("a=rtcp-rsize")
    for codec in codecs:
        lines += _codec_lines(codec)
    return lines


def _codec_lines(codec: Codec) -> list[str]:
    number, channels = codec.payload_type, f"/{codec.channels}" if codec.channels != 1 else ""
    lines = [f"a=rtpmap:{number} {_WRITTEN.get(codec.name, codec.name)}/{codec.clock_hz}{channels}"]
    lines += [f"a=rtcp-fb:{number} {each}" for each in codec.feedback]
    if codec.fmtp:
        text = ";".join(f"{key}={value}" if key else value for key, value in codec.fmtp)
        lines.append(f"a=fmtp:{number} {text}")
    return lines


def _stream_lines(plan: LinePlan, cname: str) -> list[str]:
    if plan.flow not in (Flow.SENDRECV, Flow.SENDONLY):
        return []
    ssrcs = [plan.send_ssrc]
    lines = [f"a=msid:{plan.stream} {plan.kind.value}"]
    if plan.rtx_payload_type is not None:
        ssrcs.append(plan.send_rtx_ssrc)
        lines.append(f"a=ssrc-group:FID {plan.send_ssrc} {plan.send_rtx_ssrc}")
    return lines + [f"a=ssrc:{each} cname:{cname}" for each in ssrcs]


def _transport_lines(local: LocalTransport) -> list[str]:
    lines = [f"a=candidate:{each}" for each in local.candidates]
    lines += ["a=end-of-candidates", f"a=ice-ufrag:{local.ufrag}", f"a=ice-pwd:{local.password}"]
    lines += [f"a=fingerprint:{name} {value}" for name, value in local.fingerprints]
    return [*lines, f"a=setup:{local.setup}"]
