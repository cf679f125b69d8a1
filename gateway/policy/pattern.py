"""Number patterns in Asterisk's spelling.

5551234567     a literal: exactly this, letter for letter
_NXXNXXXXXX    a pattern begins with an underscore; each element stands for one character:
                 X  0 to 9      Z  1 to 9      N  2 to 9
                 [15-7]         one of the characters named; a range is written with a hyphen
                 any other      itself
_9.            at the end a full stop stands for one or more characters of any kind
_9!            at the end an exclamation mark stands for none or more
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

_LOWER_CLASSES = re.compile(r"_[0-9XZN.!+*#]*[xzn][0-9xznXZN.!+*#]*")
_UNMARKED = re.compile(r"(?=.*[XZN\[!])[0-9XZN+*#]*(\[[^]]*\][0-9XZN]*)*[.!]?")
_CLASSES = {
    "X": frozenset("0123456789"),
    "Z": frozenset("123456789"),
    "N": frozenset("23456789"),
}

Element = frozenset[str] | None  # the characters it stands for; None: any character


@dataclass(frozen=True, slots=True)
class Pattern:
    """elements: one for each leading character. open_end: anything at all may follow them."""

    text: str
    elements: tuple[Element, ...]
    open_end: bool = False

    @classmethod
    def parse(cls, text: str) -> Pattern:
        """Raises ValueError with what is wrong and how it would be right."""
        if not text:
            raise ValueError("an empty pattern matches nothing; write _X! to match every number")
        if not text.startswith("_"):
            return cls(text, tuple(map(_only, text)))
        return _parse_pattern(text)

    def matches(self, dialled: str) -> bool:
        length = len(self.elements)
        if len(dialled) < length or (len(dialled) > length and not self.open_end):
            return False
        return all(
            element is None or character in element for element, character in zip(self.elements, dialled, strict=False)
        )

    @property
    def is_literal(self) -> bool:
        """Whether it is written as the one text that it matches."""
        return not self.text.startswith("_")

    def covers(self, other: Pattern) -> bool:
        """Whether whatever `other` matches is matched by this one too. Exact, not a guess."""
        length = len(self.elements)
        if self.open_end:
            if len(other.elements) < length:
                return False
        elif other.open_end or len(other.elements) != length:
            return False
        return all(within(theirs, mine) for mine, theirs in zip(self.elements, other.elements, strict=False))

    def __str__(self) -> str:
        return self.text


@lru_cache(maxsize=1024)
def _only(character: str) -> frozenset[str]:
    """One set for all patterns: thousands of numbers consist of the same ten digits."""
    return frozenset(character)


def within(inner: Element, outer: Element) -> bool:
    """Whether `outer` stands for every character that `inner` does."""
    return outer is None or (inner is not None and inner <= outer)


def looks_like_pattern(text: str) -> bool:
    """Whether a text without an underscore was most likely meant as a pattern, such as NXXNXXXXXX."""
    return _UNMARKED.fullmatch(text) is not None


def _parse_pattern(text: str) -> Pattern:
    if _LOWER_CLASSES.fullmatch(text):
        raise ValueError(f"{text!r}: x, z and n stand for themselves in lower case; write {text.upper()}")
    elements: list[Element] = []
    position = 1
    while position < len(text):
        character = text[position]
        if character in ".!":
            if position != len(text) - 1:
                raise ValueError(f"{text!r}: {character!r} stands for the rest of a number and must come last")
            if character == ".":
                elements.append(None)
            return Pattern(text, tuple(elements), open_end=True)
        if character == "[":
            closing = text.find("]", position)
            if closing < 0:
                raise ValueError(f"{text!r}: '[' without ']'; write for instance [1-5]")
            elements.append(_choice(text, text[position + 1 : closing]))
            position = closing + 1
            continue
        elements.append(_CLASSES.get(character) or _only(character))
        position += 1
    if not elements:
        raise ValueError("'_' alone matches nothing; write _X! to match every number")
    return Pattern(text, tuple(elements))


def _choice(text: str, inside: str) -> frozenset[str]:
    """`15-7` as the characters 1, 5, 6 and 7."""
    chosen: set[str] = set()
    position = 0
    while position < len(inside):
        first = inside[position]
        if inside[position + 1 : position + 2] == "-" and position + 2 < len(inside):
            last = inside[position + 2]
            if last < first:
                raise ValueError(f"{text!r}: the range {first}-{last} runs backwards; write {last}-{first}")
            chosen.update(chr(code) for code in range(ord(first), ord(last) + 1))
            position += 3
        else:
            chosen.add(first)
            position += 1
    if not chosen:
        raise ValueError(f"{text!r}: '[]' stands for no character; write for instance [1-5]")
    return frozenset(chosen)
