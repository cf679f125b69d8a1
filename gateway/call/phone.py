"""The family's telephone as the call machine knows it: over which trunk it is called, and what it has said so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

from gateway.ivr import values as ivr
from gateway.ivr.acceptance import Acceptance


@dataclass(frozen=True, slots=True)
class PhoneCall:
    """That the family is called by telephone: over the first of `trunks` that takes it, and asked in `language`.

    resident: the digits of who calls, as they are said; empty: they are not.
    """

    trunks: tuple[str, ...]
    language: str
    notice: ivr.Notice
    resident: str = field(default="", repr=False)


class Wire(StrEnum):
    """How far the call to the telephone is, as far as ending it needs to know."""

    IDLE = "idle"  # not called yet
    CALLING = "calling"  # it ends with CANCEL
    ANSWERED = "answered"  # it ends with BYE
    GONE = "gone"  # there is nobody to hang up on


@dataclass(frozen=True, slots=True)
class Phone:
    """attempt: counts the trunks that were tried; what an earlier one says is not meant. called_at_s: of this one.

    alive: something came back. rang: it rings; nobody is rung a second time over another trunk.
    held: what the telephone said last. acceptance: the conversation, once it was answered.
    """

    call: PhoneCall
    attempt: int = 0
    wire: Wire = Wire.IDLE
    called_at_s: float = 0.0
    alive: bool = False
    rang: bool = False
    held: bool = False
    acceptance: Acceptance | None = None

    @property
    def trunk(self) -> str:
        """The one in use; "" before the first."""
        return self.call.trunks[self.attempt - 1] if self.attempt else ""

    @property
    def has_another_trunk(self) -> bool:
        return self.attempt < len(self.call.trunks)

    @property
    def is_up(self) -> bool:
        return self.wire in (Wire.CALLING, Wire.ANSWERED)

    def over_the_next(self, now_s: float) -> Phone:
        return replace(self, attempt=self.attempt + 1, wire=Wire.CALLING, called_at_s=now_s, alive=False, rang=False)
