"""Seeded damage: bytes and texts that are almost right, which is where parsers break.

mutator = Mutator(seed)
mutator.bytes_like(packet)      # another one each time, the same ones for the same seed
mutator.text_like(description)
"""

from __future__ import annotations

import random

_BYTES = (0x00, 0x01, 0x7F, 0x80, 0xBE, 0xC0, 0xFF)
_NUMBERS = ("0", "-1", "1", "65535", "65536", "4294967296", "99999999999999999999", "0x10", "1e9", "NaN", "٣", "")
_SCRAPS = ("\r\n", "\n", "\r", " ", "\t", "=", ":", ";", "/", "a=", "m=", "c=", "\0", "é", "\u2028", "*", ",", "|", "^")


class Mutator:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def bytes_like(self, good: bytes) -> bytes:
        """One to four wounds. Sometimes nothing of it is left."""
        hurt = bytearray(good)
        for _ in range(self.random.randint(1, 4)):
            self._wound(hurt)
        return bytes(hurt)

    def _wound(self, hurt: bytearray) -> None:
        chance = self.random
        at = chance.randrange(len(hurt) + 1)
        match chance.randrange(8):
            case 0 if at < len(hurt):
                hurt[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(hurt):
                hurt[at] = chance.choice(_BYTES)
            case 2:  # lengths and counts live in pairs and fours
                hurt[at : at + 2] = chance.choice((b"\x00\x00", b"\xff\xff", b"\x00\x01", b"\x7f\xff"))
            case 3:
                hurt[at : at + 4] = chance.randbytes(4)
            case 4:
                del hurt[at:]
            case 5:
                del hurt[at : at + chance.randint(1, 16)]
            case 6:
                hurt[at:at] = chance.randbytes(chance.randint(1, 16))
            case _:
                hurt[at:at] = hurt[at : at + chance.randint(1, 64)]

    def text_like(self, good: str) -> str:
        lines = good.split("\r\n")
        for _ in range(self.random.randint(1, 4)):
            self._tear(lines)
        return self.random.choice(("\r\n", "\r\n", "\r\n", "\n")).join(lines)

    def _tear(self, lines: list[str]) -> None:
        chance = self.random
        at = chance.randrange(len(lines))
        match chance.randrange(7):
            case 0:
                del lines[at]
                if not lines:
                    lines.append("")
            case 1:
                lines.insert(chance.randrange(len(lines) + 1), lines[at])
            case 2:
                other = chance.randrange(len(lines))
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = self._other_number(lines[at])
            case 4:
                cut = chance.randrange(len(lines[at]) + 1)
                lines[at] = lines[at][:cut] + chance.choice(_SCRAPS) + lines[at][cut:]
            case 5:
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
            case _:
                lines[at] = lines[at] * chance.randint(2, 40)

    def _other_number(self, line: str) -> str:
        digits = [index for index, character in enumerate(line) if character.isascii() and character.isdigit()]
        if not digits:
            return line
        start = end = self.random.choice(digits)
        while start and line[start - 1].isdigit():
            start -= 1
        while end < len(line) and line[end].isdigit():
            end += 1
        return line[:start] + self.random.choice(_NUMBERS) + line[end:]
