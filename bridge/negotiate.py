"""Which codec each side gets and how they are joined: pure, decided once, before a packet moves.

    plan(station, browser) -> Plan          the station's offer (or its answer to ours) against the browser's offer
    answer(station offer, plan, ...)        our answer to the station, RFC 3264: its lines, its order, its numbers
    offer(browser, ...)                     our offer to a station that sent none, or that we call
    restrict(session, codecs)               what is left of a description once codecs are agreed

Relay wherever one codec suits both sides, else the cheapest transcode (`bridge.paths`); each kind on its own, each
direction too: H.264 from a browser that only knows packetization-mode 1 cannot go as it is to a station that only
knows mode 0 (RFC 6184 section 6.2), while the other direction is relayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from bridge import sdes
from bridge.errors import AudioMissing, NegotiationError
from bridge.paths import BROWSER, STATION, Pair, join, mode, price, unlikeness
from bridge.sdes import OwnKeys, Sdes
from bridge.sdp import Media, Origin, Session, parse
from bridge.types import Codec, Flow, Kind, Path, Route, Side

_FEEDBACK = ("nack", "nack pli", "ccm fir", "ccm tmmbr")  # what the station may ask for and we do
_SIZES = ("sqcif", "qcif", "cif", "cif4", "cif16")
_MIRRORED = {  # of format parameters: the others tell what the station receives, or ask for annexes that we do not send
    "H264": ("profile-level-id", "packetization-mode", "level-asymmetry-allowed"),
    "VP8": (),
    "H263-1998": _SIZES,
    "H263-2000": _SIZES,
    "H263": _SIZES,
}
_OFFERED_H264 = (("profile-level-id", "42e01f"), ("level-asymmetry-allowed", "1"))
OFFERED = {
    Kind.AUDIO: (Codec("PCMU", 0, 8000), Codec("PCMA", 8, 8000), Codec("G722", 9, 8000)),
    Kind.VIDEO: (
        *(
            Codec("H264", number, 90000, fmtp=(*_OFFERED_H264, ("packetization-mode", mode_)), feedback=_FEEDBACK)
            for number, mode_ in ((97, "1"), (98, "0"))
        ),
        Codec("VP8", 99, 90000, feedback=_FEEDBACK),
        Codec("H263-1998", 100, 90000, fmtp=(("cif", "1"), ("qcif", "1"))),
    ),
}
ANYBODYS = {
    Kind.AUDIO: (Codec("OPUS", 111, 48000, channels=2), *OFFERED[Kind.AUDIO]),
    Kind.VIDEO: OFFERED[Kind.VIDEO][:3],
}
_MIRROR = {Flow.SENDONLY: Flow.RECVONLY, Flow.RECVONLY: Flow.SENDONLY}
_DTMF = "TELEPHONE-EVENT"
_DTMF_EVENTS = (("", "0-15"),)
OFFERED_DTMF = Codec(_DTMF, 101, 8000, fmtp=_DTMF_EVENTS)
PTIME_MS = 20
_G722_SAMPLES_HZ = 16_000
_MOST_CODECS = 24  # of a line; browsers have a dozen, and each is compared with each
_SOUND_BPS, _LEAST_BPS = 64_000, 64_000


@dataclass(frozen=True, slots=True)
class StationLine:
    """One m= line of the station that is used. codec: as the station wrote it, parameter sets and all.

    index: among its m= lines. flow: ours, the mirror of the station's, hold included.
    others: what the station may send besides `codec`, because we offered it and it took it (RFC 3264 section 6.1).
    sdes: SRTP keys of a line with a secure profile; None: in the clear.
    media: the line itself, its bandwidth within the session's.
    """

    index: int
    kind: Kind
    codec: Codec
    dtmf: Codec | None
    flow: Flow
    media: Media
    others: tuple[Codec, ...] = ()
    sdes: Sdes | None = None


@dataclass(frozen=True, slots=True)
class BrowserLine:
    """One kind of the browser. flow: ours.

    A line that the station has not is kept open too, with the codec that suits most stations: the browser can not be
    asked again when the station adds its picture.
    """

    kind: Kind
    codec: Codec
    flow: Flow


@dataclass(frozen=True, slots=True)
class Plan:
    """browser: the lines of the family's browser; telephone: those of its telephone (`bridge.phones`)."""

    routes: tuple[Route, ...]
    station: tuple[StationLine, ...]
    browser: tuple[BrowserLine, ...] = ()
    telephone: tuple[StationLine, ...] = ()

    def lines(self, side: Side) -> tuple[StationLine, ...]:
        """Those of the station, or of the telephone that is the family's side."""
        return self.station if side is Side.SIP else self.telephone

    def station_line(self, kind: Kind) -> StationLine | None:
        return next((each for each in self.station if each.kind is kind), None)

    def browser_line(self, kind: Kind) -> BrowserLine | None:
        return next((each for each in self.browser if each.kind is kind), None)

    def route(self, kind: Kind, source: Side) -> Route | None:
        return next((each for each in self.routes if each.kind is kind and each.source is source), None)


def plan(
    station: Session,
    browser: Session,
    *,
    offered: Session | None = None,
    prefer_transcode: bool = False,
    keys: OwnKeys | None = None,
) -> Plan:
    """Raises AudioMissing and NegotiationError; both say what the side concerned should offer.

    offered: our offer, which `station` answers. keys: what we seal SRTP with; without any, lines with a secure profile
    are left aside.
    """
    routes: list[Route] = []
    station_lines: list[StationLine] = []
    browser_lines: list[BrowserLine] = []
    for kind in Kind:
        ours = used_media(station, kind, secure=keys is not None)
        theirs = _browser_media(browser, kind)
        pair = _choose(kind, ours[1], theirs, prefer_transcode) if ours and theirs else None
        if pair is None and kind is Kind.AUDIO:
            raise _no_audio(station, theirs is not None)
        if ours and pair:
            station_lines.append(settled(station, ours, pair.station, keys, offered))
        if theirs:
            browser_lines.append(BrowserLine(kind, pair.browser if pair else _spare(kind, theirs), mirror(theirs.flow)))
        if ours or theirs:
            routes += _routes(kind, pair, theirs)
    return Plan(tuple(routes), tuple(station_lines), tuple(browser_lines))


def mirror(flow: Flow) -> Flow:
    """The answerer's direction (RFC 3264 section 6.1)."""
    return _MIRROR.get(flow, flow)


def answer(
    offered: Session,
    agreed: Plan,
    *,
    origin: Origin,
    ports: Mapping[Kind, int],
    max_video_bps: int,
    side: Side = Side.SIP,
) -> Session:
    """Our answer to the station, or to the telephone. `ports` has the RTP port of every line of that side."""
    used = {each.index: each for each in agreed.lines(side)}
    media = tuple(
        _accepted(used[index], ports[used[index].kind], max_video_bps) if index in used else _refused(each)
        for index, each in enumerate(offered.media)
    )
    return Session(origin, media, origin.address)


def wanted_kinds(browser: Session) -> tuple[Kind, ...]:
    """The kinds worth offering to a station, given what the browser offers."""
    return tuple(kind for kind in Kind if _browser_media(browser, kind) is not None)


def offer(browser: Session, *, origin: Origin, ports: Mapping[Kind, int], max_video_bps: int) -> Session:
    """Our own offer, a line for each kind in `ports`: all that we can take, in the order of what it would cost.

    Feedback stands on plain RTP/AVP: terminals that know it take it from there; those that do not would refuse AVPF.
    """
    media = []
    for kind in Kind:
        theirs = _browser_media(browser, kind)
        if kind in ports and theirs is not None:
            codecs = tuple(sorted(OFFERED[kind], key=lambda each: _cheapness(each, theirs)))
            if kind is Kind.AUDIO:
                media.append(Media("audio", ports[kind], codecs=(*codecs, OFFERED_DTMF), ptime_ms=PTIME_MS))
            else:
                media.append(Media("video", ports[kind], codecs=codecs, bandwidth_bps=max_video_bps))
    return Session(origin, tuple(media), origin.address)


def arriving(
    routes: Iterable[Route], kind: Kind, source: Side, codec: Codec, pair: Callable[[Codec, Codec], Pair]
) -> tuple[Route, ...]:
    """The routes when a side sends another of the formats that it may (`StationLine.others`). pair: how a codec of the
    station and one of the family join."""

    def path(target: Codec) -> Path:
        return pair(codec, target).to_browser if source is Side.SIP else pair(target, codec).to_station

    return tuple(
        replace(each, path=path(each.target_codec), source_codec=codec)
        if (each.kind, each.source) == (kind, source) and each.path is not Path.NONE and each.target_codec
        else each
        for each in routes
    )


def offer_again(described: Session, *, origin: Origin) -> Session:
    """What we described before, as a new offer: same lines and numbers, nobody on hold."""
    media = tuple(each if each.rejected else replace(each, flow=Flow.SENDRECV) for each in described.media)
    return Session(origin, media, origin.address)


def limited(described: Session, origin: Origin, max_video_bps: int) -> Session:
    """The same with another ceiling of the picture."""
    media = tuple(
        replace(each, bandwidth_bps=max_video_bps) if each.kind == Kind.VIDEO and not each.rejected else each
        for each in described.media
    )
    return Session(origin, media, origin.address)


def check_answer(offered: Session, answered: Session) -> None:
    """Raises NegotiationError when the answer has other lines than the offer (RFC 3264 section 6)."""
    wanted = [each.kind for each in offered.media]
    if [each.kind for each in answered.media] != wanted:
        raise NegotiationError(f"the answer must have the m= lines of the offer, in its order: {', '.join(wanted)}")


def restrict(session: Session, codecs: Mapping[Kind, Codec | None]) -> Session:
    """Each line of a kind in `codecs` keeps that one (and telephone-event), or is refused; None refuses the kind."""
    return replace(session, media=tuple(_restricted(each, codecs) for each in session.media))


def _restricted(media: Media, codecs: Mapping[Kind, Codec | None]) -> Media:
    for kind, codec in codecs.items():
        if kind == media.kind:
            found = tuple(each for each in media.codecs if codec and each.payload_type == codec.payload_type)
            if not found:
                return replace(media, port=0, bundle_only=False)
            return replace(media, codecs=(*found, *(each for each in media.codecs if each.name == _DTMF)))
    return media


def offers_video(sdp_text: str) -> bool:
    """Whether a visit with this description can have a picture. Raises SdpError."""
    return used_media(parse(sdp_text), Kind.VIDEO, secure=True) is not None


def usable(media: Media, names: tuple[str, ...]) -> Iterator[Codec]:
    return islice(_known(media, names), _MOST_CODECS)


def _known(media: Media, names: tuple[str, ...]) -> Iterator[Codec]:
    for codec in media.codecs:
        if codec.name not in names or mode(codec) > 1:
            continue
        if codec.name == "G722" and codec.clock_hz == _G722_SAMPLES_HZ:
            yield replace(codec, clock_hz=8000)  # some write what it samples at; the clock is RFC 3551's all the same
        else:
            yield codec


def used_media(session: Session, kind: Kind, *, secure: bool) -> tuple[int, Media] | None:
    """The first line of a station that we can use, and its place. secure: whether SRTP can be."""
    for index, media in enumerate(session.media):
        if media.kind != kind or media.rejected or "RTP/" not in media.proto or "TLS" in media.proto:
            continue
        if media.secure and not (secure and sdes.usable(media.crypto)):
            continue
        codecs = tuple(usable(media, STATION[kind]))
        if codecs:
            return index, media
    return None


def _browser_media(session: Session, kind: Kind) -> Media | None:
    for media in session.media:
        if media.kind == kind and not media.rejected and any(usable(media, BROWSER[kind])):
            return media
    return None


def _choose(kind: Kind, ours: Media, theirs: Media, prefer_transcode: bool) -> Pair | None:
    """The cheapest pair; of those the likest, then the station's order, then the browser's."""
    best: tuple[tuple[int, ...], Pair] | None = None
    hears, speaks = _hears(theirs), _speaks(theirs)
    for place, station in enumerate(usable(ours, STATION[kind])):
        for rank, browser in enumerate(usable(theirs, BROWSER[kind])):
            pair = join(station, browser)
            modes, profiles = unlikeness(pair)
            if prefer_transcode:
                cost = -(pair.to_browser, pair.to_station).count(Path.TRANSCODE)
            else:
                cost = price(pair, hears=hears, speaks=speaks)
            score = (int(pair.old), cost, modes, place, profiles, rank)
            if best is None or score < best[0]:
                best = (score, pair)
    return best[1] if best else None


def _spare(kind: Kind, theirs: Media) -> Codec:
    """The browser's codec that is cheapest against all that a station may come with."""
    return min(
        usable(theirs, BROWSER[kind]),
        key=lambda each: sum(price(join(station, each), hears=True, speaks=True) for station in OFFERED[kind]),
    )


def _cheapness(station: Codec, theirs: Media) -> tuple[int, int]:
    """Of the cheapest pair that it can be in."""
    pairs = [join(station, each) for each in usable(theirs, BROWSER[Kind(theirs.kind)])]
    return min((int(each.old), price(each, hears=_hears(theirs), speaks=_speaks(theirs))) for each in pairs)


def _hears(browser: Media) -> bool:
    return browser.flow in (Flow.SENDRECV, Flow.RECVONLY)


def _speaks(browser: Media) -> bool:
    return browser.flow in (Flow.SENDRECV, Flow.SENDONLY)


def anybody(origin: Origin) -> Session:
    """A browser that takes all that browsers take: what a station is greeted with before anybody is there."""
    return Session(origin, tuple(Media(str(kind), 9, codecs=ANYBODYS[kind]) for kind in Kind), origin.address)


def browser_without_audio() -> AudioMissing:
    return AudioMissing("the browser offers no usable audio line; offer audio with OPUS, PCMU, PCMA or G722")


def _no_audio(station: Session, browser_has: bool) -> NegotiationError:
    if not browser_has:
        return browser_without_audio()
    lines = [each for each in station.media if each.kind == Kind.AUDIO and not each.rejected]
    if lines and all(each.secure for each in lines):
        return NegotiationError(
            "the station offers its audio with SRTP only, and with no a=crypto that can be used; "
            "offer AES_CM_128_HMAC_SHA1_80 inline, or RTP/AVP"
        )
    return AudioMissing("the station offers no usable audio line; offer PCMU, PCMA or G722 in m=audio")


def settled(
    session: Session, place: tuple[int, Media], codec: Codec, keys: OwnKeys | None, offered: Session | None
) -> StationLine:
    """The line at this place of a station's description, with the codec that it gets. offered: what it answers."""
    line = _station_line(*place, codec, keys)
    limited = replace(line.media, bandwidth_bps=_most_bps(session, line))
    others = _others(offered.media[line.index], line) if offered else ()
    return replace(line, media=limited, others=others)


def _station_line(index: int, media: Media, codec: Codec, keys: OwnKeys | None) -> StationLine:
    kind = Kind(media.kind)
    dtmf = secured = None
    crypto = sdes.usable(media.crypto) if media.secure else None
    if crypto is not None and keys is not None:
        secured = Sdes(crypto.profile, crypto.key, keys.settle(kind, crypto.profile))
    if kind is Kind.AUDIO:
        events = sorted(
            (each for each in media.codecs if each.name == _DTMF), key=lambda each: each.clock_hz != codec.clock_hz
        )
        dtmf = next(iter(events), None)  # best of the sound's clock (RFC 4733 section 2.1), but keys count more
    return StationLine(index, kind, agreed_feedback(codec), dtmf, mirror(media.live_flow), media, sdes=secured)


def _most_bps(station: Session, line: StationLine) -> int | None:
    """The session's bandwidth is of all lines, of which sound takes 64 kbit/s."""
    if line.kind is Kind.AUDIO:
        return line.media.bandwidth_bps
    said = [] if line.media.bandwidth_bps is None else [line.media.bandwidth_bps]
    if station.bandwidth_bps is not None:
        sounds = sum(each.kind == Kind.AUDIO and not each.rejected for each in station.media)
        said.append(max(_LEAST_BPS, station.bandwidth_bps - sounds * _SOUND_BPS))
    return min(said, default=None)


def _others(ours: Media, line: StationLine) -> tuple[Codec, ...]:
    """What we offered and the station took besides: in our numbers, which it sends with (RFC 3264 section 6.1)."""
    names = {(each.name, mode(each)) for each in usable(line.media, STATION[line.kind])}
    return tuple(
        each
        for each in usable(ours, STATION[line.kind])
        if (each.name, mode(each)) in names and each.payload_type != line.codec.payload_type
    )


def agreed_feedback(codec: Codec) -> Codec:
    """Of the feedback only what both sides do; the order is ours."""
    return replace(codec, feedback=tuple(each for each in _FEEDBACK if each in codec.feedback))


def _routes(kind: Kind, pair: Pair | None, browser: Media | None) -> list[Route]:
    if pair is None or browser is None:
        return [Route(kind, side, Path.NONE, None, None) for side in Side]
    station = agreed_feedback(pair.station)
    return [
        Route(kind, Side.SIP, pair.to_browser if _hears(browser) else Path.NONE, station, pair.browser),
        Route(kind, Side.WEB, pair.to_station if _speaks(browser) else Path.NONE, pair.browser, station),
    ]


def _accepted(line: StationLine, port: int, max_video_bps: int) -> Media:
    """Our half of one line: the station's profile, payload numbers and multiplexing, the mirror of its direction."""
    codec = line.codec
    mirrored = _MIRRORED.get(codec.name, ())
    codecs = [replace(codec, fmtp=tuple(each for each in codec.fmtp if each[0] in mirrored))]
    if line.dtmf is not None:
        codecs.append(replace(line.dtmf, fmtp=_DTMF_EVENTS, feedback=()))
    theirs = sdes.usable(line.media.crypto) if line.sdes else None
    crypto = (str(replace(theirs, key=line.sdes.send_key)),) if theirs and line.sdes else ()
    return Media(
        kind=line.media.kind,
        port=port,
        proto=line.media.proto,
        crypto=crypto,
        codecs=tuple(codecs),
        flow=line.flow,
        rtcp_mux=line.media.rtcp_mux,
        ptime_ms=PTIME_MS if line.kind is Kind.AUDIO else None,
        bandwidth_bps=max_video_bps if line.kind is Kind.VIDEO else None,
    )


def _refused(media: Media) -> Media:
    """Port 0, and the offer's formats once more: the line must stand, its content means nothing."""
    formats = media.formats or tuple(str(each.payload_type) for each in media.codecs)
    return Media(media.kind, 0, media.proto, formats=formats, flow=Flow.INACTIVE)
