"""Reading a SIP message's text (RFC 3261 sections 7, 20 and 25). Pure; never raises on what the network sends."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from sip.types import Invite, Transport, Trunk

_COMPACT = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
}
_URI = re.compile(r"<([^>]*)>")
_USER = re.compile(r"(?:sips?:|tel:)([^@;>?\s]*)", re.IGNORECASE)
_MAX_TONE_MS = 10_000
_DEFAULT_TONE_MS = 160
_KEYS = "0123456789*#ABCD!"
_FLASH = "!"


@dataclass(frozen=True, slots=True)
class Message:
    """start: the request or status line. headers: in order, names as sent, folded lines joined (section 7.3.1)."""

    start: str
    headers: tuple[tuple[str, str], ...]
    body: str

    def header(self, name: str) -> str:
        """The first value of `name` (long form, any case), or ""."""
        wanted = name.lower()
        for key, value in self.headers:
            if _COMPACT.get(key.lower(), key.lower()) == wanted:
                return value
        return ""

    @property
    def content_type(self) -> str:
        """Without parameters, in lower case."""
        return self.header("content-type").partition(";")[0].strip().lower()

    @property
    def sdp(self) -> str | None:
        """The session description, also out of a multipart body (RFC 5621); None when there is none."""
        if self.content_type == "application/sdp":
            return self.body or None
        if self.content_type.startswith("multipart/"):
            return _sdp_part(self.header("content-type"), self.body)
        return None

    @property
    def transport(self) -> Transport:
        """As the topmost Via says."""
        name = self.header("via").partition(" ")[0].rpartition("/")[2].lower()
        return Transport(name) if name in {"udp", "tcp", "tls"} else Transport.UDP

    @property
    def request_uri(self) -> str:
        words = self.start.split(" ")
        return words[1] if len(words) == 3 else ""


def parse(text: str) -> Message:
    """`text` may hold bytes that are no UTF-8 as surrogates; they become U+FFFD."""
    clean = text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    head, _, body = clean.partition("\r\n\r\n")
    start, _, rest = head.partition("\r\n")
    headers = []
    for line in re.sub(r"\r\n[ \t]+", " ", rest).split("\r\n"):
        name, colon, value = line.partition(":")
        if colon:
            headers.append((name.strip(), value.strip()))
    return Message(start, tuple(headers), body)


def invite_of(received: Message, handle: str, trunk: Trunk, source: str) -> Invite:
    """Remote-Party-ID is never read: it was not standardised, and anybody may have written it."""
    sender = received.header("from")
    asserted = received.header("p-asserted-identity")
    return Invite(
        handle=handle,
        sip_call_id=received.header("call-id"),
        trunk=trunk.name,
        from_user=user_of(sender),
        from_display=display_of(sender),
        to_user=user_of(received.header("to")),
        request_uri=received.request_uri,
        asserted_identity=asserted if trunk.trusted_identity else "",
        identity_ignored=bool(asserted) and not trunk.trusted_identity,
        source=source,
        transport=received.transport,
        sdp=received.sdp,
        headers=received.headers,
    )


def is_conference(received: Message) -> bool:
    """Whether the sender's Contact has the feature tag isfocus."""
    _, bracket, parameters = received.header("contact").partition(">")
    words = parameters if bracket else received.header("contact")
    return any(each.strip().lower().partition("=")[0] == "isfocus" for each in words.split(";")[1:])


def _sdp_part(content_type: str, body: str) -> str | None:
    found = re.search(r'boundary="?([^";]+)"?', content_type, re.IGNORECASE)
    if not found:
        return None
    for part in body.split("--" + found.group(1))[1:]:
        inner = parse("\r\n" + part.lstrip("\r\n"))
        if inner.content_type == "application/sdp":
            return inner.body or None
    return None


def user_of(value: str) -> str:
    """The user part of a name-addr or URI, percent-decoded (RFC 3261 section 19.1.2)."""
    bracketed = _URI.search(value)
    found = _USER.search(bracketed.group(1) if bracketed else value)
    return unquote(found.group(1)) if found else ""


def display_of(value: str) -> str:
    """The display name of a name-addr, unquoted, or ""."""
    name, bracket, _ = value.partition("<")
    name = name.strip()
    if not bracket:
        return ""
    if len(name) >= 2 and name[0] == name[-1] == '"':
        return re.sub(r"\\(.)", r"\1", name[1:-1])
    return name


def key_press(content_type: str, body: str) -> tuple[str, int] | None:
    """(digit, milliseconds) of an INFO body: `Signal=5 Duration=160` lines (dtmf-relay) or the bare digit (dtmf).

    A hook flash is `!`: by Signal=16, Signal=!, Signal=hf or a body of type application/hook-flash.
    """
    if content_type == "application/hook-flash":
        return _FLASH, _DEFAULT_TONE_MS
    if content_type == "application/dtmf-relay":
        values = {key.strip().lower(): value.strip() for key, _, value in map(_split, body.splitlines())}
        digit, duration = values.get("signal", ""), values.get("duration", "")
    elif content_type == "application/dtmf":
        digit, duration = body.strip().removeprefix("Signal=").strip(), ""
    else:
        return None
    digit = {"10": "*", "11": "#", "16": _FLASH, "hf": _FLASH}.get(digit.lower(), digit).upper()
    if len(digit) != 1 or digit not in _KEYS:
        return None
    tone_ms = int(duration) if duration.isascii() and duration.isdigit() and len(duration) < 6 else _DEFAULT_TONE_MS
    return digit, min(tone_ms, _MAX_TONE_MS)


def _split(line: str) -> tuple[str, str, str]:
    return line.partition("=")
