"""The gateway's own voice, on a station's line and on a family's telephone: what `gateway.ivr` wants said as the
bridge's words, and the notice.

Mechanical: what is said and when, `gateway.ivr` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from bridge import Prompt, Spoken, SpokenDigits, SpokenMinutes, SpokenMoney
from gateway.call.phone import PhoneCall
from gateway.call.summary import HoldGranted
from gateway.ivr import values as v
from gateway.ivr.values import Line
from gateway.policy.decision import Refusal, Terms

_LINES: Mapping[Line, Prompt] = MappingProxyType(
    {
        Line.WELCOME: Prompt.WELCOME,
        Line.CHOOSE_LANGUAGE: Prompt.CHOOSE_LANGUAGE,
        Line.ENTER_ID: Prompt.ENTER_ID,
        Line.ENTER_PIN: Prompt.ENTER_PIN,
        Line.WRONG: Prompt.WRONG,
        Line.NOTHING_HEARD: Prompt.NOTHING_HEARD,
        Line.ENTER_NUMBER: Prompt.ENTER_NUMBER,
        Line.PRESS: Prompt.PRESS,
        Line.FOR_NUMBER_ENDING: Prompt.FOR_NUMBER_ENDING,
        Line.YOUR_BALANCE: Prompt.YOUR_BALANCE,
        Line.TIME_ALLOWED: Prompt.TIME_ALLOWED,
        Line.RECORDED: Prompt.NOTICE_RECORDED,
        Line.MONITORED: Prompt.NOTICE_MONITORED,
        Line.PRIVILEGED: Prompt.NOTICE_PRIVILEGED,
        Line.ACCEPT: Prompt.ACCEPT,
        Line.CONNECTING: Prompt.PLEASE_WAIT,
        Line.GOODBYE: Prompt.GOODBYE,
        Line.FROM_FACILITY: Prompt.FACILITY,
        Line.RESIDENT_NUMBER: Prompt.RESIDENT_NUMBER,
    }
)
_REFUSALS: Mapping[Refusal, Prompt] = MappingProxyType(
    {
        Refusal.UNKNOWN_NUMBER: Prompt.REFUSED_NUMBER,
        Refusal.NUMBER_BLOCKED: Prompt.REFUSED_NUMBER,
        Refusal.BLOCKED: Prompt.REFUSED_NUMBER,
        Refusal.NOT_APPROVED: Prompt.REFUSED_NOT_APPROVED,
        Refusal.BANNED: Prompt.REFUSED_NOT_APPROVED,
        Refusal.HOURS: Prompt.REFUSED_HOURS,
        Refusal.BLACKOUT: Prompt.REFUSED_HOURS,
        Refusal.VISITS_PER_DAY: Prompt.REFUSED_TOO_MANY,
        Refusal.VISITS_PER_WEEK: Prompt.REFUSED_TOO_MANY,
        Refusal.GAP: Prompt.REFUSED_WAIT,
        Refusal.VELOCITY: Prompt.REFUSED_WAIT,
        Refusal.CONCURRENT: Prompt.REFUSED_BUSY,
        Refusal.TRUNK_BUSY: Prompt.REFUSED_BUSY,
        Refusal.OVERLOAD: Prompt.REFUSED_BUSY,
        Refusal.BALANCE: Prompt.REFUSED_BALANCE,
        Refusal.ACCOUNT_CLOSED: Prompt.REFUSED_BALANCE,
        Refusal.SPENDING_LIMIT: Prompt.REFUSED_BALANCE,
        Refusal.LOCKED_OUT: Prompt.REFUSED_LOCKED,
        Refusal.PIN: Prompt.REFUSED_PIN,
        Refusal.UNKNOWN_RESIDENT: Prompt.REFUSED_PIN,
        Refusal.NO_INPUT: Prompt.NOTHING_HEARD,
        Refusal.CONSENT: Prompt.REFUSED_CONSENT,
    }
)


def spoken(phrases: tuple[v.Phrase, ...]) -> tuple[Spoken, ...]:
    return tuple(_spoken(each) for each in phrases)


def _spoken(phrase: v.Phrase) -> Spoken:
    match phrase:
        case v.Digits(text):
            return SpokenDigits(text)
        case v.Minutes(count):
            return SpokenMinutes(count)
        case v.Amount(money):
            return SpokenMoney(money.micros, money.currency)
        case v.Why(refusal):
            return _REFUSALS.get(refusal, Prompt.REFUSED_UNAVAILABLE)
        case _:
            return _LINES[phrase]


def spoken_notice(terms: Terms) -> Prompt | None:
    """What a station hears that was not greeted: nobody else tells its resident."""
    if terms.recorded:
        return Prompt.RECORDED
    return Prompt.NOTICE_MONITORED if terms.monitored else None


def phone_call_of(terms: Terms, grant: HoldGranted, trunks: tuple[str, ...]) -> PhoneCall | None:
    """None where the family has a page. trunks: in the order to be tried. An id that is no number is not said."""
    if not terms.telephone:
        return None
    notice = replace(notice_of(terms, grant), balance=None)
    resident = terms.resident if terms.resident.isdecimal() else ""
    return PhoneCall(trunks, terms.language or "en", notice, resident)


def notice_of(terms: Terms, grant: HoldGranted) -> v.Notice:
    """What the caller is to hear: of a balance only where it is theirs, and it sets the time."""
    return v.Notice(
        seconds=min(terms.max_seconds, grant.reach_s),
        balance=grant.reach if grant.limited_by_balance else None,
        recorded=terms.recorded,
        monitored=terms.monitored,
        privileged=terms.privileged,
    )
