"""What a session description must be before the SIP stack may have it.

The stack's assertions are compiled in: a description that breaks its expectations ends the whole agent and its calls.
So ours are checked here, where a mistake is an exception.
"""

from __future__ import annotations

import re

from sip.errors import BadDescription

_LINE = re.compile(r"[a-z]=.*")
_MEDIA = re.compile(r"m=(\S+) (\d{1,5})(?:/\d+)? (\S+)((?: \S+)+)")
_KNOWN_STATIC = {"0", "3", "8", "9"}
_KNOWN_NAMES = {"PCMU", "PCMA", "G722", "GSM", "SPEEX", "ILBC", "L16"}
"""The stack looks for one codec of its own on an audio line, though it never touches media, and ends the call else."""
MAX_LINES = 16
"""PJMEDIA_MAX_SDP_MEDIA of the library."""


def media_kinds(sdp: str) -> tuple[str, ...]:
    """The kinds of the m-lines in order, for instance ("audio", "video")."""
    return tuple(line[2:].split(" ")[0] for line in sdp.splitlines() if line.startswith("m="))


def ours(sdp: str, offer: str | None = None) -> str:
    """`sdp` with CRLF lines, checked; raises BadDescription. With `offer`: it must have the same lines (RFC 3264)."""
    lines = sdp.strip().splitlines()
    if not lines or lines[0] != "v=0" or not all(_LINE.fullmatch(line) for line in lines):
        raise BadDescription("a description starts with v=0 and has only lines such as `a=value`")
    if not sdp.isascii():
        raise BadDescription("our descriptions are plain ASCII")
    for needed in ("o=", "s=", "t="):
        if not any(line.startswith(needed) for line in lines):
            raise BadDescription(f"the {needed} line is missing (RFC 8866 section 5)")
    _check_media(lines)
    if offer is not None and media_kinds(sdp) != media_kinds(offer):
        raise BadDescription("the answer must have the offer's media lines in the offer's order (RFC 3264 section 6)")
    return "\r\n".join(lines) + "\r\n"


def _check_media(lines: list[str]) -> None:
    media = [line for line in lines if line.startswith("m=")]
    if not 0 < len(media) <= MAX_LINES:
        raise BadDescription(f"a description has 1 to {MAX_LINES} media lines")
    has_audio = False
    for line in media:
        found = _MEDIA.fullmatch(line)
        if not found or int(found.group(2)) > 65535:
            raise BadDescription("a media line reads m=kind port proto formats")
        if found.group(1) == "audio" and int(found.group(2)):
            has_audio = True
            _check_audio(set(found.group(4).split()), lines)
    session = lines[: lines.index(media[0])]
    if not any(line.startswith("c=") for line in session) and sum(line.startswith("c=") for line in lines) < len(media):
        raise BadDescription("a c= line is missing: one for the session or one for each media line")
    if not has_audio:
        raise BadDescription("one audio line must be accepted: a visit without sound is not carried")


def _check_audio(formats: set[str], lines: list[str]) -> None:
    names = {
        name.upper()
        for line in lines
        if line.startswith("a=rtpmap:")
        for payload_type, _, name in [line[9:].partition("/")[0].partition(" ")]
        if payload_type in formats
    }
    if not formats & _KNOWN_STATIC and not names & _KNOWN_NAMES:
        raise BadDescription("the audio line must name PCMU, PCMA or G722")
