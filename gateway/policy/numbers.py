"""Telephone numbers by the plan of a country: how one number may be spelt, and which must never be called by accident.

    spellings("3035550101", "US")    ("3035550101", "+13035550101", "13035550101")
    spellings("+13035550101", "US")  ("+13035550101", "3035550101", "13035550101")
    telephone("+1 303 555 0101")     "+13035550101"

A region is a country by its two letters (ISO 3166-1), as `phonenumbers` knows them. Everything here is pure.
"""

from __future__ import annotations

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, ValidationResult
from phonenumbers import shortnumberinfo as short_numbers

_NUMBER = re.compile(r"\+?[0-9][0-9().-]{2,24}")
_SERVICE_CODE = re.compile(r"[*#][0-9]{2}(?=[0-9])")  # such as *67 before a number: do not show mine
_EXAMPLE = "write it in full, such as +13035550101"
_SHORT_BESIDE = {"US": frozenset({"988"})}
"""Short numbers that are in service and that the library's tables do not name: 988, Suicide & Crisis Lifeline."""


def known_region(region: str) -> bool:
    return region in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=16_384)
def spellings(dialled: str, region: str) -> tuple[str, ...]:
    """What was dialled, first as it was; then E.164, then as it is dialled within the country or out of it.

    Only the first where no region is given, and where it is no full telephone number: a name, an extension, a code.
    """
    number = _parsed(dialled, region) if region else None
    if number is None:
        return (dialled,)
    e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    if number.country_code == phonenumbers.country_code_for_region(region):
        within = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        others = [e164, _digits(within), e164.removeprefix("+")]
    else:
        others = [e164, _digits(phonenumbers.format_out_of_country_calling_number(number, region))]
    return tuple(dict.fromkeys([dialled, *others]))


def _digits(written: str) -> str:
    return "".join(each for each in written if each in "+0123456789")


def _parsed(text: str, region: str | None) -> PhoneNumber | None:
    """None: not a number that could be called from anywhere."""
    if not _NUMBER.fullmatch(text):
        return None
    try:
        number = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    possible = phonenumbers.is_possible_number_with_reason(number)
    return number if possible == ValidationResult.IS_POSSIBLE else None


@lru_cache(maxsize=16_384)
def is_emergency(dialled: str, region: str) -> bool:
    """Whether it would call the emergency services there, also with digits behind it where networks ignore them."""
    digits = _SERVICE_CODE.sub("", dialled).removeprefix("+")
    if not region or any(map(str.isalpha, digits)):  # a name with digits in it is a name
        return False
    return short_numbers.connects_to_emergency_number(digits, region)


@lru_cache(maxsize=16_384)
def is_short(dialled: str, region: str) -> bool:
    """Whether it is a service number of the country's network, such as directory enquiries; emergency numbers are.

    Three digits, or 11 and more, as they are worldwide; other short ones are for messages, and extensions here.
    """
    if not region or not re.fullmatch(r"[0-9]{3}|11[0-9]{2,4}", dialled):
        return False
    if dialled in _SHORT_BESIDE.get(region, ()):
        return True
    try:
        return short_numbers.is_valid_short_number(phonenumbers.parse(dialled, region))
    except NumberParseException:
        return False


@lru_cache(maxsize=16_384)
def telephone(text: str) -> str:
    """A number that may be called, in E.164. Raises ValueError.

    Only in full, from the country code on: a short number, as emergency services have them, can not be written so.
    """
    compact = re.sub(r"[\s().-]", "", text)
    if not compact.startswith("+"):
        raise ValueError(f"does not begin with + and a country code; {_EXAMPLE}")
    number = _parsed(compact, None)
    if number is None:
        raise ValueError(f"is no telephone number that could be called; {_EXAMPLE}")
    national = phonenumbers.national_significant_number(number)
    for region in phonenumbers.region_codes_for_country_code(number.country_code or 0):
        if short_numbers.is_emergency_number(national, region) or is_short(national, region):
            raise ValueError(f"is an emergency or service number in {region}, which is never called from here")
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def may_be_called(text: str) -> bool:
    """Whether it is exactly a number as `telephone` gives it."""
    try:
        return telephone(text) == text
    except ValueError:
        return False
