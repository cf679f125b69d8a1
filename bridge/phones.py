"""Negotiation where the family's side is a telephone: two parties of SIP, each taken at its word. Pure.

    plan(station, telephone) -> Plan        each kind and direction on its own, the cheapest pair (`bridge.paths`)
    offer(station, ...)                     our offer to a telephone that we call
    anything(origin)                        a station that is not known yet

A line that only one of them has is kept open, and sees and hears what is ours: each may add its picture at any time.
"""

from __future__ import annotations

from collections.abc import Mapping

from bridge.errors import AudioMissing
from bridge.negotiate import (
    ANYBODYS,
    OFFERED,
    OFFERED_DTMF,
    PTIME_MS,
    Plan,
    StationLine,
    agreed_feedback,
    settled,
    usable,
    used_media,
)
from bridge.paths import STATION, Pair, join_phones, price, unlikeness
from bridge.sdes import OwnKeys
from bridge.sdp import Media, Origin, Session
from bridge.types import Codec, Kind, Path, Route, Side


def plan(
    station: Session,
    telephone: Session,
    *,
    offered: Mapping[Side, Session] | None = None,
    keys: Mapping[Side, OwnKeys] | None = None,
    prefer_transcode: bool = False,
) -> Plan:
    """Raises AudioMissing. offered: our offers that these answer. keys: what we seal SRTP with (`negotiate.plan`)."""
    offered, keys = offered or {}, keys or {}
    routes: list[Route] = []
    lines: dict[Side, list[StationLine]] = {Side.SIP: [], Side.WEB: []}
    for kind in Kind:
        ours = used_media(station, kind, secure=Side.SIP in keys)
        theirs = used_media(telephone, kind, secure=Side.WEB in keys)
        if kind is Kind.AUDIO and not (ours and theirs):
            raise AudioMissing(
                f"the {'telephone' if ours else 'station'} offers no usable audio line; offer PCMU, PCMA or G722"
            )
        found = {Side.SIP: _codecs(ours, kind), Side.WEB: _codecs(theirs, kind)}
        pair = _choose(found[Side.SIP] or ANYBODYS[kind], found[Side.WEB] or ANYBODYS[kind], prefer_transcode)
        for side, session, place, codec in (
            (Side.SIP, station, ours, pair.station),
            (Side.WEB, telephone, theirs, pair.browser),
        ):
            if place is not None:
                lines[side].append(settled(session, place, codec, keys.get(side), offered.get(side)))
        if ours or theirs:
            routes += _routes(kind, pair, has_station=ours is not None, has_telephone=theirs is not None)
    return Plan(tuple(routes), tuple(lines[Side.SIP]), telephone=tuple(lines[Side.WEB]))


def offer(station: Session, *, origin: Origin, ports: Mapping[Kind, int], max_video_bps: int) -> Session:
    """A line for each kind in `ports`, the cheapest format towards this station first."""
    media = []
    for kind in Kind:
        if kind not in ports:
            continue
        theirs = _codecs(used_media(station, kind, secure=True), kind) or OFFERED[kind]
        codecs = tuple(sorted(OFFERED[kind], key=lambda each: _cheapness(each, theirs)))
        if kind is Kind.AUDIO:
            media.append(Media("audio", ports[kind], codecs=(*codecs, OFFERED_DTMF), ptime_ms=PTIME_MS))
        else:
            media.append(Media("video", ports[kind], codecs=codecs, bandwidth_bps=max_video_bps))
    return Session(origin, tuple(media), origin.address)


def anything(origin: Origin) -> Session:
    """A station that takes all that stations take: what a telephone is asked with before one is known."""
    media = tuple(Media(str(kind), 9, codecs=OFFERED[kind], address=origin.address) for kind in Kind)
    return Session(origin, media, origin.address)


def kinds(station: Session) -> tuple[Kind, ...]:
    """What a telephone is worth being asked for."""
    return tuple(each for each in Kind if used_media(station, each, secure=True) is not None)


def _codecs(place: tuple[int, Media] | None, kind: Kind) -> tuple[Codec, ...]:
    return tuple(usable(place[1], STATION[kind])) if place is not None else ()


def _choose(ours: tuple[Codec, ...], theirs: tuple[Codec, ...], prefer_transcode: bool) -> Pair:
    """The cheapest; of those the likest, then in the station's order, then in the telephone's."""
    pairs = [
        (place, rank, join_phones(station, telephone))
        for place, station in enumerate(ours)
        for rank, telephone in enumerate(theirs)
        if telephone.name != "OPUS"
    ]

    def score(each: tuple[int, int, Pair]) -> tuple[int, ...]:
        place, rank, pair = each
        modes, profiles = unlikeness(pair)
        cost = price(pair, hears=True, speaks=True)
        if prefer_transcode:
            cost = -(pair.to_browser, pair.to_station).count(Path.TRANSCODE)
        return (int(pair.old), cost, modes, place, profiles, rank)

    return min(pairs, key=score)[2]


def _cheapness(ours: Codec, theirs: tuple[Codec, ...]) -> tuple[int, int]:
    pairs = [join_phones(each, ours) for each in theirs]
    return min((int(each.old), price(each, hears=True, speaks=True)) for each in pairs)


def _routes(kind: Kind, pair: Pair, *, has_station: bool, has_telephone: bool) -> tuple[Route, Route]:
    """Of a kind that one side has not, the other side's half stands alone."""
    station = agreed_feedback(pair.station) if has_station else None
    telephone = agreed_feedback(pair.browser) if has_telephone else None
    both = has_station and has_telephone
    return (
        Route(kind, Side.SIP, pair.to_browser if both else Path.NONE, station, telephone),
        Route(kind, Side.WEB, pair.to_station if both else Path.NONE, telephone, station),
    )
