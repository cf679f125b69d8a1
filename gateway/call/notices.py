"""What the family's page is told. Plain values; the page's JSON is made of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from gateway.money import Money


@dataclass(frozen=True, slots=True)
class Ring:
    """A visit rings at `contact`. It stops with an Over for the same visit.

    at_most: what all of `seconds` would cost. monitored: an officer may watch it. recorded: it is written down.
    """

    visit_id: str
    contact: str
    caller_name: str
    facility_name: str
    video: bool
    rate_per_minute: Money
    seconds: int
    at_most: Money
    balance_ok: bool
    privileged: bool
    monitored: bool = False
    recorded: bool = False
    facility: str = ""  # its id; the page shows the name


@dataclass(frozen=True, slots=True)
class Clocked:
    """Sent when the meter starts, pauses, resumes, and every few seconds: what is left."""

    visit_id: str
    running: bool
    seconds_left: int
    charged: Money
    money_left: Money


@dataclass(frozen=True, slots=True)
class Warned:
    """The visit ends in `seconds_left`, because of money or time."""

    visit_id: str
    seconds_left: int
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """The station holds or resumes."""

    visit_id: str
    held: bool


@dataclass(frozen=True, slots=True)
class Said:
    """An officer says something, in writing. The text is for the page alone and never for the log."""

    visit_id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """Another contact who was rung too has accepted."""

    visit_id: str


@dataclass(frozen=True, slots=True)
class Over:
    """The visit (or its ringing) is over. charged and billable_s are zero when nothing was charged."""

    visit_id: str
    reason: str
    duration_s: int
    billable_s: int
    charged: Money | None


@dataclass(frozen=True, slots=True)
class Low:
    """The family's account has fallen below its mark."""

    visit_id: str
    balance: Money


Notice = Clocked | Warned | Hold | Said | Taken | Over | Low
