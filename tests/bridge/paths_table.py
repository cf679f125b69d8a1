"""Every set of codecs that a station may offer against every set of a browser, and the paths that are chosen.

.venv/bin/python -m tests.bridge.paths_table > tests/bridge/vectors/paths.txt
.venv/bin/python -m tests.bridge.paths_table phones > tests/bridge/vectors/phones.txt       the same of two phones
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import chain, combinations

from bridge import phones
from bridge.negotiate import plan
from bridge.sdp import Media, Origin, Session
from bridge.types import Codec, Kind, Path, Route, Side

_MODE_1 = (("profile-level-id", "42e01f"), ("packetization-mode", "1"))
_MODE_0 = (("profile-level-id", "42e01f"), ("packetization-mode", "0"))

STATION_AUDIO = {
    "PCMU": Codec("PCMU", 0, 8000),
    "PCMA": Codec("PCMA", 8, 8000),
    "G722": Codec("G722", 9, 8000),
}
BROWSER_AUDIO = {"OPUS": Codec("OPUS", 111, 48000, 2), **STATION_AUDIO}
STATION_VIDEO = {
    "H264/1": Codec("H264", 97, 90000, fmtp=_MODE_1, feedback=("nack pli",)),
    "H264/0": Codec("H264", 98, 90000, fmtp=_MODE_0, feedback=("nack pli",)),
    "VP8": Codec("VP8", 99, 90000, feedback=("nack pli",)),
    "H263": Codec("H263-1998", 100, 90000, fmtp=(("cif", "1"), ("qcif", "1"))),
}
BROWSER_VIDEO = {
    "H264/1": Codec("H264", 102, 90000, fmtp=_MODE_1, feedback=("nack", "nack pli")),
    "H264/0": Codec("H264", 104, 90000, fmtp=_MODE_0, feedback=("nack", "nack pli")),
    "VP8": Codec("VP8", 96, 90000, feedback=("nack", "nack pli")),
}

Names = tuple[str, ...]


def sets(names: dict[str, Codec], *, least: int) -> list[Names]:
    return list(chain.from_iterable(combinations(names, size) for size in range(least, len(names) + 1)))


def session(audio: Names, video: Names, *, browser: bool) -> Session:
    """One side's description; without video it has no such line."""
    known_audio, known_video = (BROWSER_AUDIO, BROWSER_VIDEO) if browser else (STATION_AUDIO, STATION_VIDEO)
    proto = "UDP/TLS/RTP/SAVPF" if browser else "RTP/AVP"
    media = [Media("audio", 4000, proto, tuple(known_audio[each] for each in audio), "192.0.2.1", rtcp_mux=browser)]
    if video:
        codecs = tuple(known_video[each] for each in video)
        media.append(Media("video", 4002, proto, codecs, "192.0.2.1", rtcp_mux=browser))
    return Session(Origin(), tuple(media), "192.0.2.1")


def told(route: Route | None) -> str:
    """`relay H264/1`, `transcode OPUS > PCMU`, `none`"""
    if route is None or route.path is Path.NONE or route.source_codec is None or route.target_codec is None:
        return "none"
    names = [_name(each) for each in (route.source_codec, route.target_codec)]
    return f"{route.path} {names[0]}" if names[0] == names[1] else f"{route.path} {names[0]} > {names[1]}"


def _name(codec: Codec) -> str:
    return f"H264/{codec.parameter('packetization-mode', '0')}" if codec.name == "H264" else codec.name


def chosen(station: Session, browser: Session, kind: Kind) -> str:
    agreed = plan(station, browser)
    there, back = (told(agreed.route(kind, side)) for side in (Side.SIP, Side.WEB))
    return f"{there:28} {back}".rstrip()


def rows(kind: Kind) -> Iterator[str]:
    """The other kind has nothing to do with it (a test says so), so it is left at the least."""
    if kind is Kind.AUDIO:
        for ours in sets(STATION_AUDIO, least=1):
            for theirs in sets(BROWSER_AUDIO, least=1):
                paths = chosen(session(ours, (), browser=False), session(theirs, (), browser=True), kind)
                yield f"{' '.join(ours):26} {' '.join(theirs):22} {paths}"
        return
    for ours in sets(STATION_VIDEO, least=0):
        for theirs in sets(BROWSER_VIDEO, least=0):
            paths = chosen(session(("PCMU",), ours, browser=False), session(("PCMU",), theirs, browser=True), kind)
            yield f"{' '.join(ours) or '-':26} {' '.join(theirs) or '-':22} {paths}"


def table() -> str:
    head = f"{'station':26} {'browser':22} {'to the browser':28} to the station"
    parts = [f"{kind}\n{head}\n" + "\n".join(rows(kind)) for kind in Kind]
    return "\n\n".join(parts) + "\n"


def phones_table() -> str:
    """Station and telephone, two of a kind."""
    parts = []
    for kind, codecs in ((Kind.AUDIO, STATION_AUDIO), (Kind.VIDEO, STATION_VIDEO)):
        lines = [f"{kind}", f"{'station':26} {'telephone':26} {'to the telephone':28} to the station"]
        for ours in sets(codecs, least=1):
            for theirs in sets(codecs, least=1):
                audio, video = ((ours, theirs), ((), ())) if kind is Kind.AUDIO else ((("PCMU",),) * 2, (ours, theirs))
                pair = (session(each, other, browser=False) for each, other in zip(audio, video, strict=True))
                agreed = phones.plan(*pair)
                there, back = (told(agreed.route(kind, side)) for side in (Side.SIP, Side.WEB))
                lines.append(f"{' '.join(ours):26} {' '.join(theirs):26} {there:28} {back}".rstrip())
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


if __name__ == "__main__":
    print(phones_table() if sys.argv[1:] == ["phones"] else table(), end="")
