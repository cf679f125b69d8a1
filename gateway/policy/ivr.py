"""What a facility's own voice asks a caller before anybody is rung (IVR: interactive voice response)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IvrRules:
    """languages: the caller chooses where there are several; the first counts when nobody chooses.

    pin: id and PIN are asked for. number: so is whom to reach; False: what was dialled counts.
    consent: the notice (who may record and listen) must be accepted with a key; False: it is only said.
    id_digits, pin_digits: how many there may be, least and most; what has the most is complete without `#`.
    tries: how often a caller may be wrong, and how often silent. answer_s: for the first key after a prompt;
    key_s: for each one after it. prompt_s: the longest that a prompt may take to end. at_most_s: for all questions.
    """

    languages: tuple[str, ...] = ("en",)
    pin: bool = True
    number: bool = False
    consent: bool = False
    id_digits: tuple[int, int] = (4, 10)
    pin_digits: tuple[int, int] = (4, 8)
    tries: int = 3
    answer_s: float = 10.0
    key_s: float = 4.0
    prompt_s: float = 90.0
    at_most_s: float = 300.0
