"""A facility's `ivr` in the dialplan. docs/ivr.md is the user's page."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from gateway.documents import Document
from gateway.policy.ivr import IvrRules

Language = Literal["en", "es"]
Digits = Annotated[tuple[int, int], Field(description="least and most")]
LONGEST = 20


class IvrEntry(Document):
    """See ivr.IvrRules."""

    languages: Annotated[tuple[Language, ...], Field(min_length=1)] = ("en",)
    pin: bool = True
    number: bool = False
    consent: bool = False
    tries: Annotated[int, Field(ge=1, le=10)] = 3
    id_digits: Digits = (4, 10)
    pin_digits: Digits = (4, 8)

    @model_validator(mode="after")
    def _makes_sense(self) -> IvrEntry:
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("languages: each may stand once")
        for name, (least, most) in (("id_digits", self.id_digits), ("pin_digits", self.pin_digits)):
            if not 1 <= least <= most <= LONGEST:
                raise ValueError(f"{name}: write the least and the most, such as [4, 8], within 1 to {LONGEST}")
        return self

    def rules(self) -> IvrRules:
        return IvrRules(
            languages=self.languages,
            pin=self.pin,
            number=self.number,
            consent=self.consent,
            id_digits=self.id_digits,
            pin_digits=self.pin_digits,
            tries=self.tries,
        )
