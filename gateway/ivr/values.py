"""What the voice hears, wants and says. PINs, ids and numbers never show in a representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from gateway.money import Money
from gateway.policy.decision import Refusal

# ---- what is said ----


class Line(StrEnum):
    """A sentence of its own. Which sound it is, call control knows."""

    WELCOME = "welcome"
    CHOOSE_LANGUAGE = "choose_language"
    ENTER_ID = "enter_id"
    ENTER_PIN = "enter_pin"
    WRONG = "wrong"
    NOTHING_HEARD = "nothing_heard"
    ENTER_NUMBER = "enter_number"
    PRESS = "press"  # followed by a digit
    FOR_NUMBER_ENDING = "for_number_ending"  # followed by digits
    YOUR_BALANCE = "your_balance"  # followed by money
    TIME_ALLOWED = "time_allowed"  # followed by minutes
    RECORDED = "recorded"
    MONITORED = "monitored"
    PRIVILEGED = "privileged"
    ACCEPT = "accept"  # press 1 to accept, 2 to refuse
    CONNECTING = "connecting"
    GOODBYE = "goodbye"
    FROM_FACILITY = "from_facility"  # to a family's telephone: where the call is from
    RESIDENT_NUMBER = "resident_number"  # followed by digits


@dataclass(frozen=True, slots=True)
class Digits:
    """Said one by one."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Amount:
    money: Money


@dataclass(frozen=True, slots=True)
class Minutes:
    count: int


@dataclass(frozen=True, slots=True)
class Why:
    """A refusal in words."""

    refusal: Refusal


Phrase = Line | Digits | Amount | Minutes | Why

# ---- what is heard ----


@dataclass(frozen=True, slots=True)
class Ready:
    """The caller can hear."""


@dataclass(frozen=True, slots=True)
class Key:
    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SaidAll:
    """What `Say` of this turn wanted said has been said."""

    turn: int


@dataclass(frozen=True, slots=True)
class Due:
    """The deadline of the state has come."""


@dataclass(frozen=True, slots=True)
class PinRight:
    """language: the resident's own, empty when none is known. numbers: whom they may reach, in a fixed order."""

    language: str = ""
    numbers: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class PinWrong:
    """Also for an id that nobody has. Nobody is told which of the two was wrong."""


@dataclass(frozen=True, slots=True)
class PinLocked:
    pass


@dataclass(frozen=True, slots=True)
class Notice:
    """What the caller is to hear of the visit that was allowed. balance None: money is not theirs to know."""

    seconds: int
    balance: Money | None = None
    recorded: bool = False
    monitored: bool = False
    privileged: bool = False


@dataclass(frozen=True, slots=True)
class Granted:
    notice: Notice


@dataclass(frozen=True, slots=True)
class Denied:
    refusal: Refusal


Heard = Ready | Key | SaidAll | Due | PinRight | PinWrong | PinLocked | Granted | Denied

# ---- what is wanted ----


@dataclass(frozen=True, slots=True)
class Say:
    """In place of what is being said. Reported by SaidAll of the same turn."""

    phrases: tuple[Phrase, ...]
    language: str
    turn: int


@dataclass(frozen=True, slots=True)
class Hush:
    """The caller has begun to answer."""


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Reported by PinRight, PinWrong, PinLocked or Denied."""

    resident: str = field(repr=False)
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Decide:
    """May this visit happen? Reported by Granted or Denied. resident empty: nobody was asked who they are."""

    resident: str = field(repr=False)
    dialled: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proceed:
    """Everything is asked and said: the family may be rung."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """It has been said why; the call is to end."""

    refusal: Refusal


class Outcome(StrEnum):
    """What a family's telephone said to the call."""

    ACCEPTED = "accepted"
    DECLINED = "declined"  # by key 2
    NO_KEY = "no_key"  # nobody pressed 1: a voice mail, or somebody who did not want to


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """It has been said goodbye to; the call is to end."""

    outcome: Outcome


Wanted = Say | Hush | CheckPin | Decide | Proceed | GiveUp
