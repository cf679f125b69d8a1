"""The second line of defence of the log: what looks personal or secret is struck out of a finished line.

The first line is that nobody logs such things: log calls carry ids and closed words. A foreign library's warning or
the message of an exception may still hold an address, a number, a token or a piece of SDP; this strikes them.

    scrub("no route to sip:4711@10.0.0.9:5060")  ->  "no route to [uri]"
"""

from __future__ import annotations

import re

# Order matters: the wide patterns come before the narrow ones that would take a part of them.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:^|(?<=[\s'\"]))v=0\r?\n(?:[a-z]=[^\n]*\n?)*", re.MULTILINE), "[sdp]"),
    (re.compile(r"v=0\\r\\n[^'\"]*"), "[sdp]"),  # the same inside a repr
    (re.compile(r"\b[acomst]=(?:crypto|candidate|ice-\w+|fingerprint|IN |- )[^\r\n'\"]*"), "[sdp]"),
    (re.compile(r"\b(?:sips?|tel|im|xmpp):[^\s'\"<>]+", re.IGNORECASE), "[uri]"),
    (re.compile(r"(?<=authorization: )join [^\s'\"]+", re.IGNORECASE), "[token]"),
    (re.compile(r"\b(?:Bearer|Basic|Digest)\s+[^\s'\"]+", re.IGNORECASE), "[token]"),
    (
        re.compile(r"(?i)\b(token|pin|password|secret|authorization)(['\"]?\s*[=:]\s*['\"]?)[^\s'\"&,;)]+"),
        r"\1\2[secret]",
    ),
    (re.compile(r"(?<=/family/)(?!visits/|events\b)[\w.~-]+"), "[token]"),
    (re.compile(r"(?<=/join/)[\w.~-]+|(?<=\?join=)[\w.~-]+"), "[token]"),
    (re.compile(r"\bwhsec_[A-Za-z0-9+/=]+"), "[secret]"),
    (re.compile(r"\b[\w.+-]+@[\w.-]+\b"), "[address]"),
    (re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w.])"), "[address]"),
    (
        re.compile(
            r"(?<![\w:.])(?=[0-9a-f:]*::|(?:[0-9a-f]{1,4}:){7})[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:.])", re.I
        ),
        "[address]",
    ),
    (re.compile(r"(?<![\w.+-])\+?\d[\d ()-]{5,17}\d(?![\w.])"), "[number]"),
)


def scrub(text: str) -> str:
    """`text` without what looks like SDP, a URI, a token, an address or a phone number."""
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return text
