"""The values of policy: what is asked, and what was decided. Call control applies a Decision and never asks again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.policy.ivr import IvrRules


class Medium(StrEnum):
    AUDIO = "audio"
    VIDEO = "video"


class Refusal(StrEnum):
    """Why a visit may not happen. The value is the CDR's `refused_<rule>` and names the rule."""

    UNKNOWN_NUMBER = "unknown_number"  # no rule of the dialplan matches what was dialled
    UNKNOWN_STATION = "unknown_station"  # the trunk belongs to no facility
    BLOCKED = "blocked"  # a rule says no
    HOURS = "hours"  # outside the hours of the rule
    MEDIUM = "medium"  # video (or audio) is not allowed by the rule
    BLACKOUT = "blackout"  # a day without visits
    UNKNOWN_RESIDENT = "unknown_resident"  # who calls must be known, and is not
    INACTIVE = "inactive"  # the resident may have no visits at present
    NOT_APPROVED = "not_approved"  # the contact is not on the resident's list, or nobody has decided yet
    BANNED = "banned"  # the contact may not visit this resident
    NUMBER_BLOCKED = "number_blocked"  # the facility blocks what was dialled
    VISITS_PER_DAY = "visits_per_day"
    VISITS_PER_WEEK = "visits_per_week"
    GAP = "gap"  # too soon after the last visit
    VELOCITY = "velocity"  # too many attempts in a short time
    CONCURRENT = "concurrent"  # as many visits at once as there may be
    TRUNK_BUSY = "trunk_busy"  # its trunk has as many calls, or new calls a second, as it may have
    PIN = "pin"  # wrong id or PIN too often in this call
    LOCKED_OUT = "locked_out"  # wrong too often before: nobody can call with this id for a while
    NO_INPUT = "no_input"  # the caller keyed nothing, or took too long
    CONSENT = "consent"  # the notice (recorded, monitored) was not accepted
    BALANCE = "balance"  # the account cannot pay the first billable second
    ACCOUNT_CLOSED = "account_closed"
    SPENDING_LIMIT = "spending_limit"  # the account's own limit for the day or the week is reached
    TARIFF = "tariff"  # no version of the tariff is in force at this time
    OVERLOAD = "overload"  # the node has as many visits as it may have, or can bear
    DRAINING = "draining"  # the node is being stopped
    MEDIA = "media"  # no codec or no usable description
    UNAVAILABLE = "unavailable"  # the database is away: nothing may be promised that cannot be written down


@dataclass(frozen=True, slots=True)
class VisitRequest:
    """What the dialplan is asked. Numbers and names are personal data: never log them.

    dialled: the user part of the request URI. station: the user part of From (or P-Asserted-Identity).
    medium_known False: a delayed offer, the INVITE does not say; then the station's entry does, else the rule.
    resident: who calls, as the voice found out by PIN, or the station's own; empty: not known.
    asked: the facility's voice has asked what there was to ask, or there is nobody whom it could ask.
    """

    trunk: str
    station: str
    dialled: str
    medium: Medium
    at: datetime
    medium_known: bool = True
    resident: str = field(default="", repr=False)
    asked: bool = False


@dataclass(frozen=True, slots=True)
class Payer:
    """An account that pays `percent` of a visit."""

    account: str
    percent: int


@dataclass(frozen=True, slots=True)
class Another:
    """A contact who is rung together with the one who was dialled."""

    contact: str
    name: str


@dataclass(frozen=True, slots=True)
class Terms:
    """What was allowed, to whom and on which conditions.

    tariff: id of the tariff. account: who pays, or the first of the payers, who takes what does not divide.
    payers: several accounts that share the charge, 100 percent together; empty: `account` pays all.
    max_seconds: time limit of the visit. privileged: no tap, no monitor.
    monitored: an officer may watch; never together with privileged.
    recorded: it is written down and kept for retention_days after its end; never together with privileged.
    also: others who are rung at the same time, the first to accept has the visit; never together with privileged.
    resident: who calls, where residents are known. watched: what was dialled is on the facility's watch list.
    telephone: the number that is called instead of a page, over the first of out_trunks that takes it; empty: a page.
    language: of what is said to that telephone; empty: English.
    closes_at: when the hours of the rule end (UTC); the visit does not outlast them. None: no such end in sight.
    """

    facility: str
    facility_name: str
    timezone: str
    rule: str
    station: str
    contact: str
    contact_name: str
    caller_name: str
    account: str
    tariff: str
    medium: Medium
    max_seconds: int
    privileged: bool = False
    monitored: bool = False
    recorded: bool = False
    retention_days: int = 0
    closes_at: datetime | None = None
    payers: tuple[Payer, ...] = ()
    also: tuple[Another, ...] = ()
    resident: str = field(default="", repr=False)
    watched: bool = False
    telephone: str = field(default="", repr=False)
    out_trunks: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Allowed:
    """path: the conditions that led here, each `name: PASS`. limited: it hangs on what was used up."""

    terms: Terms
    path: tuple[str, ...]
    limited: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """resident: who called, where that was found out before it was refused."""

    refusal: Refusal
    facility: str
    timezone: str
    rule: str
    path: tuple[str, ...]
    resident: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Asks:
    """The facility's own voice has to ask the caller first; then the question comes again, with `asked`.

    resident: whose station it is, where it is one resident's.
    """

    ivr: IvrRules
    facility: str
    timezone: str
    path: tuple[str, ...]
    resident: str = field(default="", repr=False)


Decision = Allowed | Refused | Asks
