"""How a codec of the station and one of the browser join, and at what price: the tables of negotiation. Pure.

    join(station, browser) -> Pair       a path for each direction, always: what cannot be relayed is transcoded

Prices are CPU milliseconds for a second of media (sound; 640x480 at 30 pictures a second), measured with the encoders
and settings of `bridge.codecs.table`. Only their order matters. A relay costs nothing here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.types import Codec, Kind, Path

STATION = {
    Kind.AUDIO: ("PCMU", "PCMA", "G722"),
    Kind.VIDEO: ("H264", "VP8", "H263-1998", "H263-2000", "H263"),
}
BROWSER = {Kind.AUDIO: ("OPUS", "PCMU", "PCMA", "G722"), Kind.VIDEO: ("H264", "VP8")}

_DECODING = {"PCMU": 0, "PCMA": 0, "G722": 3, "OPUS": 3, "H264": 5, "VP8": 11, "H263": 5}
_ENCODING = {"PCMU": 0, "PCMA": 0, "G722": 4, "OPUS": 6, "H264": 21, "VP8": 67, "H263": 15}

_BROWSERS_BLOCKS = 1200  # 640x480, which the page asks its camera for; a macroblock is 16x16 pixels
_READ_BY_BROWSERS = ("42", "4d", "58", "64")  # baseline, main, extended without its extensions, high
_RICHNESS = {"42": 0, "58": 1, "4d": 1, "64": 2}  # who reads a profile reads the poorer ones
_LEVEL_BLOCKS = {9: 99, 10: 99, 11: 396, 12: 396, 13: 396, 20: 396, 21: 792}  # table A-1; from 2.2 on it is enough


@dataclass(frozen=True, slots=True)
class Pair:
    """to_browser and to_station: relay or transcode. browser: the family's codec, be it a telephone's."""

    station: Codec
    browser: Codec
    to_browser: Path
    to_station: Path

    @property
    def old(self) -> bool:
        """H.263: pictures of half the size and more than half the blur; for those who have nothing else."""
        return "H263" in (family(self.station), family(self.browser))


def join(station: Codec, browser: Codec) -> Pair:
    """Of one kind, both of the tables above."""
    if station.name != browser.name or station.clock_hz != browser.clock_hz:
        return Pair(station, browser, Path.TRANSCODE, Path.TRANSCODE)
    return Pair(station, browser, _path(_browser_reads(station)), _path(_station_reads(station, browser)))


def join_phones(station: Codec, telephone: Codec) -> Pair:
    """Both of a station's tables: a telephone too is taken at its word."""
    if station.name != telephone.name or station.clock_hz != telephone.clock_hz:
        return Pair(station, telephone, Path.TRANSCODE, Path.TRANSCODE)
    there, back = _phone_reads(telephone, station), _phone_reads(station, telephone)
    return Pair(station, telephone, _path(there), _path(back))


def price(pair: Pair, *, hears: bool, speaks: bool) -> int:
    """Of both directions together. hears, speaks: whether the browser wants media, and has any."""
    there = _transcoding(pair.station, pair.browser) if hears and pair.to_browser is Path.TRANSCODE else 0
    back = _transcoding(pair.browser, pair.station) if speaks and pair.to_station is Path.TRANSCODE else 0
    return there + back


def unlikeness(pair: Pair) -> tuple[int, int]:
    """How far two entries of one codec differ, in mode and in profile; of what can be relayed the likest is taken."""
    if pair.station.name != "H264" or pair.browser.name != "H264":
        return (0, 0)
    modes = int(mode(pair.station) != mode(pair.browser))
    profiles = [each.parameter("profile-level-id", "420010").lower()[:4] for each in (pair.station, pair.browser)]
    if profiles[0] == profiles[1]:
        return (modes, 0)
    return (modes, 1 if profiles[1][:2] == profiles[0][:2] else 2)


def family(codec: Codec) -> str:
    """H263 for all of its payload formats, else the name."""
    return "H263" if codec.name.startswith("H263") else codec.name


def mode(codec: Codec) -> int:
    """packetization-mode of H.264, 0 when not said (RFC 6184 section 8.1); 9 for what nobody defined."""
    said = codec.parameter("packetization-mode", "0") if codec.name == "H264" else "0"
    return int(said) if said in ("0", "1", "2") else 9


def _path(readable: bool) -> Path:
    return Path.RELAY if readable else Path.TRANSCODE


def _transcoding(source: Codec, target: Codec) -> int:
    return max(1, _DECODING[family(source)] + _ENCODING[family(target)])  # the tables of G.711 are not for nothing


def _browser_reads(station: Codec) -> bool:
    """What browsers read is laxer than what they say: each packetization, any level, profiles they never offered."""
    return station.name != "H264" or _profile(station) in _READ_BY_BROWSERS


def _station_reads(station: Codec, browser: Codec) -> bool:
    """A station is taken at its word: its packetization-mode, its profile, the size of picture it has room for."""
    if station.name == "H264":
        if mode(browser) > mode(station):
            return False  # fragments and aggregates are mode 1's (section 6.3), and a browser's units need them
        ours, theirs = _RICHNESS.get(_profile(browser), 9), _RICHNESS.get(_profile(station), 9)
        if ours > theirs:
            return False
    return _most_blocks(station) >= _BROWSERS_BLOCKS


def _phone_reads(reader: Codec, writer: Codec) -> bool:
    """Two that say the same of themselves read each other, whatever room they have."""
    said = ("packetization-mode", "profile-level-id", "max-fs", "sqcif", "qcif", "cif", "cif4", "cif16")
    if all(reader.parameter(each) == writer.parameter(each) for each in said):
        return True
    return family(reader) != "H263" and _station_reads(reader, writer)


def _profile(codec: Codec) -> str:
    return codec.parameter("profile-level-id", "42").lower()[:2]


def _most_blocks(codec: Codec) -> int:
    """Macroblocks of a picture that its writer says it decodes; enough when it does not say."""
    said = codec.parameter("max-fs")
    largest = int(said) if said.isascii() and said.isdecimal() and len(said) < 10 else 0
    if codec.name == "VP8":
        return largest or _BROWSERS_BLOCKS
    if codec.name != "H264":
        return _BROWSERS_BLOCKS
    return max(largest, _LEVEL_BLOCKS.get(_level(codec), _BROWSERS_BLOCKS))


def _level(codec: Codec) -> int:
    try:
        return bytes.fromhex(codec.parameter("profile-level-id"))[2]
    except (ValueError, IndexError):
        return 0
