"""Session descriptions (RFC 8866) as values: parse a text, write a text, decide nothing.

    Session
    ├── origin, name, address        address: the session's c= line, "" when there is none
    └── media: Media, Media, ...     one per m= line, in order; what the session says by default is already filled in

Liberal in what it reads (bare LF, missing o=/s=/t=; unknown lines and attributes are passed over), strict where
guessing would connect the wrong thing: every SdpError names the line and what would be right there. Candidates,
fingerprints and other matters of ICE and DTLS are not read: the web leg's library does that.

`parse(write(session)) == session` for every session that `parse` can return.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bridge.errors import SdpError
from bridge.types import Codec, Flow

_MAX_BYTES = 65_536  # a browser's largest offers have about 12,000
_MAX_MEDIA = 32

# RFC 3551 section 6: what a payload number means when no rtpmap says so
_STATIC = {
    0: ("PCMU", 8000),
    3: ("GSM", 8000),
    4: ("G723", 8000),
    8: ("PCMA", 8000),
    9: ("G722", 8000),
    13: ("CN", 8000),
    15: ("G728", 8000),
    18: ("G729", 8000),
    26: ("JPEG", 90000),
    31: ("H261", 90000),
    34: ("H263", 90000),
}
_FLOWS = {each.value: each for each in Flow}
_NOWHERE = ("0.0.0.0", "::", "0:0:0:0:0:0:0:0")  # noqa: S104 - RFC 2543 hold, nothing is bound


@dataclass(frozen=True, slots=True)
class Origin:
    """The o= line. `version` grows with every changed description of one session."""

    username: str = "-"
    session_id: int = 0
    version: int = 0
    address: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Media:
    """One m= line.

    kind: as written (audio, video, application, ...). proto: as written (RTP/AVP, RTP/AVPF, RTP/SAVP, ...).
    codecs: in the writer's order of preference. formats: the words of the m= line when they say more than the codecs
    do (a payload type nobody explained, a data channel), else empty.
    rtcp_port: None where RTCP is at port + 1; rtcp_address: "" where it is the media's own.
    bandwidth_bps: from b=TIAS or b=AS, the most the writer wants to receive.
    crypto: the values of a=crypto lines (RFC 4568), untouched. bundle_only: port 0 means no refusal (RFC 9143).
    """

    kind: str
    port: int
    proto: str = "RTP/AVP"
    codecs: tuple[Codec, ...] = ()
    address: str = ""
    flow: Flow = Flow.SENDRECV
    formats: tuple[str, ...] = ()
    rtcp_port: int | None = None
    rtcp_address: str = ""
    rtcp_mux: bool = False
    ptime_ms: int | None = None
    bandwidth_bps: int | None = None
    crypto: tuple[str, ...] = ()
    bundle_only: bool = False

    @property
    def rejected(self) -> bool:
        return self.port == 0 and not self.bundle_only

    @property
    def secure(self) -> bool:
        return "SAVP" in self.proto

    @property
    def has_feedback(self) -> bool:
        """Whether the profile is one of RFC 4585 (AVPF, SAVPF)."""
        return self.proto.endswith("AVPF")

    @property
    def nowhere(self) -> bool:
        """The old way to hold (RFC 2543): an address that nothing can be sent to."""
        return self.address in _NOWHERE

    @property
    def live_flow(self) -> Flow:
        """The direction, with a hold by address 0.0.0.0 counted in."""
        if not self.nowhere:
            return self.flow
        return Flow.SENDONLY if self.flow in (Flow.SENDRECV, Flow.SENDONLY) else Flow.INACTIVE


@dataclass(frozen=True, slots=True)
class Session:
    """bandwidth_bps: the most the writer wants to receive on all lines together."""

    origin: Origin = field(default_factory=Origin)
    media: tuple[Media, ...] = ()
    address: str = ""
    name: str = "-"
    bandwidth_bps: int | None = None


def parse(text: str) -> Session:
    """Raises SdpError, with the line's number and the remedy."""
    if len(text) > _MAX_BYTES:
        raise SdpError(f"{len(text)} characters are more than the {_MAX_BYTES} allowed; send a shorter description")
    lines = [(number, line.rstrip("\r")) for number, line in enumerate(text.split("\n"), start=1)]
    lines = [(number, line) for number, line in lines if line.strip()]
    if not lines:
        raise SdpError("it is empty; a description starts with v=0 and has an m= line")
    reader = _Reader()
    for number, line in lines:
        if len(line) < 2 or line[1] != "=":
            raise SdpError(f"{_shown(line)} is not of the form <letter>=<value>", number)
        reader.take(number, line[0], line[2:].strip())
    return reader.finish()


def write(session: Session) -> str:
    """The text, lines ended by CRLF."""
    origin = session.origin
    lines = [
        "v=0",
        f"o={origin.username} {origin.session_id} {origin.version} {_net(origin.address)}",
        f"s={session.name}",
    ]
    if session.address:
        lines.append(f"c={_net(session.address)}")
    lines += _bandwidth_lines(session.bandwidth_bps)
    lines.append("t=0 0")
    for media in session.media:
        lines += _media_lines(media, session.address)
    return "\r\n".join(lines) + "\r\n"


def _is_number(word: str) -> bool:
    """Whether `int(word)` is safe: plain digits, no more than a 64-bit number has."""
    return word.isascii() and word.isdecimal() and len(word) <= 20


def _shown(line: str) -> str:
    """A piece of a faulty line: its kind only, for what follows may be an address or a key."""
    return repr(line[:2])


@dataclass(slots=True)
class _Bandwidth:
    """TIAS (RFC 3890, bit/s) is exact and wins over AS (kbit/s, with headers)."""

    bps: int | None = None
    exact: bool = False

    def take(self, value: str) -> None:
        name, _, amount = value.partition(":")
        if not _is_number(amount):
            return
        if name == "TIAS":
            self.bps, self.exact = int(amount), True
        elif name == "AS" and not self.exact:
            self.bps = int(amount) * 1000


@dataclass(slots=True)
class _Draft:
    """An m= line while its attributes are still coming."""

    number: int
    media: Media
    words: tuple[str, ...]
    maps: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    fmtp: dict[int, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    feedback: list[tuple[str, str]] = field(default_factory=list)
    flow: Flow | None = None
    address: str | None = None
    bandwidth: _Bandwidth = field(default_factory=_Bandwidth)


class _Reader:
    """Takes the lines one by one. Everything before the first m= line belongs to the session."""

    def __init__(self) -> None:
        self._origin = Origin()
        self._name = "-"
        self._address = ""
        self._flow = Flow.SENDRECV
        self._bandwidth = _Bandwidth()
        self._drafts: list[_Draft] = []
        self._versioned = False

    def take(self, number: int, letter: str, value: str) -> None:
        if not self._versioned:
            if (letter, value) != ("v", "0"):
                raise SdpError("the first line must be v=0", number)
            self._versioned = True
        elif letter == "m":
            self._start_media(number, value)
        elif letter == "o":
            self._origin = _origin(number, value)
        elif letter == "s":
            self._name = value or "-"
        elif letter == "c":
            self._connection(number, value)
        elif letter == "b":
            (self._drafts[-1].bandwidth if self._drafts else self._bandwidth).take(value)
        elif letter == "a":
            self._attribute(number, value)

    def finish(self) -> Session:
        if not self._drafts:
            raise SdpError("it has no m= line; add m=audio <port> RTP/AVP 0")
        media = tuple(self._finish(each) for each in self._drafts)
        return Session(self._origin, media, self._address, self._name, self._bandwidth.bps)

    def _start_media(self, number: int, value: str) -> None:
        words = value.split()
        if len(words) < 4:
            raise SdpError("m= needs kind, port, protocol and formats, as in m=audio 4000 RTP/AVP 0", number)
        if len(self._drafts) >= _MAX_MEDIA:
            raise SdpError(f"more than {_MAX_MEDIA} m= lines", number)
        port = _port(number, words[1].partition("/")[0])
        self._drafts.append(_Draft(number, Media(words[0].lower(), port, words[2].upper()), tuple(words[3:])))

    def _connection(self, number: int, value: str) -> None:
        words = value.split()
        if len(words) != 3 or words[0] != "IN" or words[1] not in ("IP4", "IP6"):
            raise SdpError("c= needs a network and an address, as in c=IN IP4 192.0.2.1", number)
        address = words[2].partition("/")[0]
        if not address:
            raise SdpError("c= has no address, write it as in c=IN IP4 192.0.2.1", number)
        if self._drafts:
            self._drafts[-1].address = address
        else:
            self._address = address

    def _attribute(self, number: int, value: str) -> None:
        key, _, rest = value.partition(":")
        rest = rest.strip()
        if key in _FLOWS:
            if self._drafts:
                self._drafts[-1].flow = _FLOWS[key]
            else:
                self._flow = _FLOWS[key]
        elif self._drafts:
            _media_attribute(self._drafts[-1], number, key, rest)

    def _finish(self, draft: _Draft) -> Media:
        address = self._address if draft.address is None else draft.address
        flow = draft.flow or self._flow
        media = replace(draft.media, address=address, flow=flow, bandwidth_bps=draft.bandwidth.bps)
        if "RTP/" not in media.proto:
            return replace(media, formats=draft.words)
        if not address and media.port:
            raise SdpError("no c= line tells where this media goes; add c=IN IP4 <address>", draft.number)
        codecs = tuple(_codecs(draft))
        spoken = tuple(str(each.payload_type) for each in codecs)
        return replace(media, codecs=codecs, formats=() if spoken == draft.words else draft.words)


def _origin(number: int, value: str) -> Origin:
    words = value.split()
    if len(words) != 6 or not _is_number(words[1]) or not _is_number(words[2]):
        raise SdpError("o= needs name, id, version, network and address, as in o=- 1 1 IN IP4 192.0.2.1", number)
    return Origin(words[0], int(words[1]), int(words[2]), words[5])


def _port(number: int, word: str) -> int:
    if not _is_number(word) or int(word) > 65535:
        raise SdpError("the port must be a number from 0 to 65535", number)
    return int(word)


def _media_attribute(draft: _Draft, number: int, key: str, rest: str) -> None:
    media = draft.media
    if key == "rtpmap":
        _rtpmap(draft, number, rest)
    elif key == "fmtp":
        head, _, parameters = rest.partition(" ")
        if _is_number(head):
            draft.fmtp[int(head)] = _parameters(parameters)
    elif key == "rtcp-fb":
        head, _, what = rest.partition(" ")
        draft.feedback.append((head, " ".join(what.lower().split())))
    elif key == "rtcp-mux":
        draft.media = replace(media, rtcp_mux=True)
    elif key == "rtcp":
        words = rest.split()
        port = _port(number, words[0] if words else "")
        draft.media = replace(media, rtcp_port=port, rtcp_address=words[3] if len(words) == 4 else "")
    elif key == "ptime" and _is_number(rest):
        draft.media = replace(media, ptime_ms=int(rest))
    elif key == "crypto":
        draft.media = replace(media, crypto=(*media.crypto, rest))
    elif key == "bundle-only":
        draft.media = replace(media, bundle_only=True)


def _rtpmap(draft: _Draft, number: int, rest: str) -> None:
    """`<payload type> <name>/<clock>[/<channels>]`"""
    words = rest.split()
    parts = words[1].split("/") if len(words) == 2 else []
    if (
        not (2 <= len(parts) <= 3 and parts[0])
        or not _is_number(words[0])
        or not all(_is_number(each) for each in parts[1:])
    ):
        raise SdpError("a=rtpmap needs a payload type and name/clock, as in a=rtpmap:96 H264/90000", number)
    if int(words[0]) > 127 or int(parts[1]) == 0:
        raise SdpError("a=rtpmap has a payload type above 127 or a clock of 0 Hz", number)
    draft.maps[int(words[0])] = (parts[0].upper(), int(parts[1]), int(parts[2]) if len(parts) == 3 else 1)


def _parameters(text: str) -> tuple[tuple[str, str], ...]:
    """`a=1;b=2` as pairs; a word without `=` (telephone-event's 0-16) has the empty key."""
    found = []
    for part in text.split(";"):
        key, equals, value = part.strip().partition("=")
        if equals:
            found.append((key.strip().lower(), value.strip()))
        elif key:
            found.append(("", key))
    return tuple(found)


def _codecs(draft: _Draft) -> list[Codec]:
    """The payload types that are explained, in the order of the m= line, each once."""
    found: dict[int, Codec] = {}
    for word in draft.words:
        if not _is_number(word) or int(word) in found:
            continue
        number = int(word)
        name, clock_hz, channels = draft.maps.get(number) or (*_STATIC.get(number, ("", 0)), 1)
        if name:
            wishes = (what for head, what in draft.feedback if head in ("*", word))
            feedback = tuple(dict.fromkeys(wishes))  # said for * and for the number: once
            found[number] = Codec(name, number, clock_hz, channels, draft.fmtp.get(number, ()), feedback)
    return list(found.values())


def _net(address: str) -> str:
    return f"IN {'IP6' if ':' in address else 'IP4'} {address}"


def _bandwidth_lines(bps: int | None) -> list[str]:
    return [] if bps is None else [f"b=AS:{-(-bps // 1000)}", f"b=TIAS:{bps}"]


def _media_lines(media: Media, session_address: str) -> list[str]:
    formats = media.formats or tuple(str(each.payload_type) for each in media.codecs)
    lines = [f"m={media.kind} {media.port} {media.proto} {' '.join(formats) or '0'}"]
    if media.address and media.address != session_address:
        lines.append(f"c={_net(media.address)}")
    lines += _bandwidth_lines(media.bandwidth_bps)
    for codec in media.codecs:
        lines += _codec_lines(codec)
    if media.ptime_ms is not None:
        lines.append(f"a=ptime:{media.ptime_ms}")
    if media.rtcp_port is not None:
        where = f" {_net(media.rtcp_address)}" if media.rtcp_address else ""
        lines.append(f"a=rtcp:{media.rtcp_port}{where}")
    if media.rtcp_mux:
        lines.append("a=rtcp-mux")
    if media.bundle_only:
        lines.append("a=bundle-only")
    lines += [f"a=crypto:{each}" for each in media.crypto]
    lines.append(f"a={media.flow.value}")
    return lines


def _codec_lines(codec: Codec) -> list[str]:
    number = codec.payload_type
    channels = f"/{codec.channels}" if codec.channels != 1 else ""
    # telephone-event is registered in lower case, and some terminals compare letter by letter
    name = codec.name.lower() if codec.name == "TELEPHONE-EVENT" else codec.name
    lines = [f"a=rtpmap:{number} {name}/{codec.clock_hz}{channels}"]
    if codec.fmtp:
        # old terminals, letter by letter again, want the sizes of H.263 in capitals
        fmtp = [(key.upper(), value) for key, value in codec.fmtp] if codec.name.startswith("H263") else codec.fmtp
        text = ";".join(f"{key}={value}" if key else value for key, value in fmtp)
        lines.append(f"a=fmtp:{number} {text}")
    lines += [f"a=rtcp-fb:{number} {each}" for each in codec.feedback]
    return lines
