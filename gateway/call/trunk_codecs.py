"""What of a description a trunk's codec policy lets through. Pure text to text, so that nothing else of it changes.

    within(sdp, ("PCMU", "H264"))     without the other codecs; a line that has none of them is declined (port 0)

telephone-event (RFC 4733) goes with every codec. No names: nothing is restricted.
"""

from __future__ import annotations

import re
from collections.abc import Collection

_STATIC = {"0": "PCMU", "8": "PCMA", "9": "G722", "34": "H263"}  # RFC 3551 tables 4 and 5
_DTMF = "TELEPHONE-EVENT"
_LINE = re.compile(r"m=(audio|video) (\d+)(\S* \S+) (.+)")
_OF_FORMAT = re.compile(r"a=(rtpmap|fmtp|rtcp-fb):(\d+) (\S+)")


def within(sdp: str, names: Collection[str]) -> str:
    """The description without other codecs than these. What of it cannot be read is left as it is."""
    if not names:
        return sdp
    allowed = {each.upper() for each in names}
    blocks = re.split(r"(?m)^(?=m=)", sdp)
    return blocks[0] + "".join(_restricted(each, allowed) for each in blocks[1:])


def _restricted(block: str, allowed: Collection[str]) -> str:
    lines = block.split("\n")
    media = _LINE.match(lines[0].rstrip("\r"))
    if media is None:
        return block
    end = "\r" if lines[0].endswith("\r") else ""
    kind, port, rest, formats = media[1], media[2], media[3], media[4].split()
    named = dict(_STATIC)
    for each in lines:
        found = _OF_FORMAT.match(each)
        if found and found[1] == "rtpmap":
            named[found[2]] = found[3].partition("/")[0].upper()
    kept = [each for each in formats if named.get(each) in allowed]
    if not kept:
        return "\n".join([f"m={kind} 0{rest} {media[4]}{end}", *lines[1:]])
    kept = [each for each in formats if each in kept or named.get(each) == _DTMF]
    gone = set(formats) - set(kept)
    others = [each for each in lines[1:] if not ((found := _OF_FORMAT.match(each)) and found[2] in gone)]
    return "\n".join([f"m={kind} {port}{rest} {' '.join(kept)}{end}", *others])
