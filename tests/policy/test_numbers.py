"""One telephone number has several spellings; some numbers are never called."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.decide import decide, explain
from gateway.policy.decision import Allowed, Decision, Medium, Refusal, Refused, VisitRequest
from gateway.policy.numbers import is_emergency, is_short, may_be_called, spellings, telephone
from gateway.policy.pattern import Pattern
from gateway.policy.people import Barrier, People
from gateway.policy.plan import Contact, Dialplan
from tests.policy.test_dialplan_mistakes import SOUND, complaints, read

AT_HOME = SOUND.replace("5552368001", "3035550101").replace("trunks: [pbx]", "trunks: [pbx], region: US")


def asked(plan: Dialplan, dialled: str, people: People | None = None) -> Decision:
    request = VisitRequest("pbx", "cell-1", dialled, Medium.VIDEO, datetime(2026, 1, 5, 17, tzinfo=UTC))
    decision = decide(plan, request, people or People())
    told = explain(plan, request, people or People())
    assert replace(told, path=()) == replace(decision, path=()), "an explanation decides the same"
    return decision


def refusal(decision: Decision) -> Refusal:
    assert isinstance(decision, Refused), decision
    return decision.refusal


@pytest.mark.parametrize(
    ("dialled", "region", "others"),
    [
        ("3035550101", "US", {"+13035550101", "13035550101"}),
        ("13035550101", "US", {"+13035550101", "3035550101"}),
        ("+442079460000", "US", {"011442079460000"}),
        ("011442079460000", "US", {"+442079460000"}),
        ("02079460000", "GB", {"+442079460000", "442079460000"}),
        ("0015145550101", "GB", {"+15145550101"}),
        ("5145550101", "CA", {"+15145550101", "15145550101"}),
        ("5550101", "US", set()),  # without the area it is not known whose
        ("911", "US", set()),
        ("mary", "US", set()),
        ("*70", "US", set()),
        ("1800FLOWERS", "US", set()),
        ("3035550101", "", set()),
    ],
)
def test_spellings_of_a_number(dialled: str, region: str, others: set[str]) -> None:
    found = spellings(dialled, region)
    assert found[0] == dialled
    assert set(found[1:]) == others


@given(st.text() | st.from_regex(r"\+?[0-9]{1,20}", fullmatch=True), st.sampled_from(["", "US", "GB", "DE", "AQ"]))
def test_every_text_has_spellings(text: str, region: str) -> None:
    found = spellings(text, region)
    assert found[0] == text
    assert len(set(found)) == len(found)
    assert isinstance(is_emergency(text, region), bool)
    assert isinstance(is_short(text, region), bool)


@pytest.mark.parametrize("dialled", ["3035550101", "13035550101", "+13035550101", "+1-303-555-0101"])
def test_a_contact_is_reached_by_each_spelling(dialled: str) -> None:
    decision = asked(read(AT_HOME), dialled)
    assert isinstance(decision, Allowed)
    assert decision.terms.contact == "mary"


def test_without_a_country_a_number_is_letter_for_letter() -> None:
    plan = read(AT_HOME.replace(", region: US", ""))
    assert isinstance(asked(plan, "3035550101"), Allowed)
    assert refusal(asked(plan, "+13035550101")) is Refusal.UNKNOWN_NUMBER


def test_the_contact_may_be_written_in_full() -> None:
    plan = read(AT_HOME.replace('"3035550101"', '"+13035550101"'))
    assert isinstance(asked(plan, "3035550101"), Allowed)


@pytest.mark.parametrize("pattern", ["_303!", "_+1303!", "_1303!", "+13035550101"])
@pytest.mark.parametrize("dialled", ["3035550101", "13035550101", "+13035550101"])
def test_no_spelling_goes_round_a_block(pattern: str, dialled: str) -> None:
    block = f"rules:\n  - {{name: stop, facility: jail, dialled: '{pattern}', block: true}}\n"
    others = '  - {id: ann, name: Ann, number: "4045550101", account: ann}\n'
    plan = read(AT_HOME.replace("rules:\n", others + block))
    decision = asked(plan, dialled)
    assert isinstance(decision, Refused)
    assert (decision.refusal, decision.rule) == (Refusal.BLOCKED, "stop")


@pytest.mark.parametrize("barrier", ["3035550101", "+13035550101", "_1303X!"])
@pytest.mark.parametrize("dialled", ["3035550101", "+13035550101"])
def test_no_spelling_goes_round_a_barrier(barrier: str, dialled: str) -> None:
    blocked = People.of(barriers=[Barrier("jail", Pattern.parse(barrier))])
    assert refusal(asked(read(AT_HOME), dialled, blocked)) is Refusal.NUMBER_BLOCKED
    watched = People.of(barriers=[Barrier("", Pattern.parse(barrier), watched=True)])
    decision = asked(read(AT_HOME), dialled, watched)
    assert isinstance(decision, Allowed)
    assert decision.terms.watched


@pytest.mark.parametrize("dialled", ["911", "112", "9111", "988", "411", "211", "611"])
def test_emergency_and_service_numbers_are_blocked_where_a_wide_rule_takes_them(dialled: str) -> None:
    plan = read(AT_HOME.replace("_NXXNXXXXXX", "_X!"))
    assert refusal(asked(plan, dialled)) is Refusal.BLOCKED


@pytest.mark.parametrize("dialled", ["911", "112", "+911", "9-1-1", "911#", "9111", "*67911"])
def test_what_calls_emergency_services(dialled: str) -> None:
    assert is_emergency(dialled, "US")
    assert not is_emergency(dialled, "")


@pytest.mark.parametrize("dialled", ["room112", "mary911", "3035550911", "*70", "44", "", "411", "+13035550112"])
def test_what_does_not(dialled: str) -> None:
    assert not is_emergency(dialled, "US")


def test_an_emergency_number_is_blocked_even_where_a_contact_of_the_store_has_it() -> None:
    plan = read(AT_HOME.replace("_NXXNXXXXXX", "_X!"))
    wrong = replace(plan, numbers={**plan.numbers, "911": Contact("wrong", "Wrong", "911", "mary")})
    assert refusal(asked(wrong, "911")) is Refusal.BLOCKED


def test_a_crisis_line_that_a_contact_is_may_be_dialled() -> None:
    line = 'rules:\n  - {name: crisis, facility: jail, dialled: "988", tariff: {video: visit}, max_minutes: 20}\n'
    contact = '  - {id: crisis, name: Crisis Line, number: "988", account: county}\n'
    assert isinstance(asked(read(AT_HOME.replace("rules:\n", contact + line)), "988"), Allowed)


@pytest.mark.parametrize(
    ("written", "full"),
    [("+13035550101", "+13035550101"), ("+1 (303) 555-0101", "+13035550101"), ("+44 20 7946 0000", "+442079460000")],
)
def test_a_telephone_is_kept_in_full(written: str, full: str) -> None:
    assert telephone(written) == full
    assert may_be_called(full)


@pytest.mark.parametrize(
    "text", ["911", "112", "988", "+1911", "+1988", "+33112", "+44999", "3035550101", "mary", "+", ""]
)
def test_what_is_no_telephone_is_never_called(text: str) -> None:
    assert not may_be_called(text)
    with pytest.raises(ValueError, match="such as"):
        telephone(text)


@pytest.mark.parametrize("number", ["911", "3035550101", "sip:mary"])
def test_a_contact_with_such_a_telephone_is_blocked(number: str) -> None:
    plan = read(AT_HOME)
    contact = replace(plan.numbers["3035550101"], telephone=number)
    assert refusal(asked(replace(plan, numbers={contact.number: contact}), contact.number)) is Refusal.BLOCKED


PHONE = AT_HOME.replace("{video: visit}", "{video: visit, audio: call}").replace(
    "account: mary", 'account: mary, telephone: "+1 303 555 0199"'
)


def test_a_telephone_goes_out_by_the_trunks_of_the_facility() -> None:
    sounds = PHONE.replace("tariff: {video: visit}", "tariff: {audio: call, video: visit}")
    decision = asked(read(sounds.replace("region: US", "out_trunks: [carrier-a, carrier-b]")), "3035550101")
    assert isinstance(decision, Allowed)
    assert decision.terms.medium is Medium.AUDIO, "a telephone has no picture, whatever the station offers"
    assert (decision.terms.telephone, decision.terms.out_trunks) == ("+13035550199", ("carrier-a", "carrier-b"))
    assert decision.terms.tariff == "call", "a telephone has no picture"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (AT_HOME.replace("region: US", "region: us"), 2, "no country 'us'; did you mean US?"),
        (AT_HOME.replace("region: US", "region: XX"), 2, "write for instance US"),
        (AT_HOME.replace('"3035550101"', '"911"'), 4, "calls the emergency services in US"),
        (AT_HOME.replace("_NXXNXXXXXX", '"911"'), 6, "nobody can be reached by it; write block: true"),
        (
            PHONE.replace("{video: visit, audio: call}", "{video: visit}").replace(
                "region: US", "out_trunks: [carrier]"
            ),
            6,
            "reaches 'mary' by telephone, which has no picture; add a tariff for audio",
        ),
        (PHONE, 6, "reaches 'mary' by telephone, and jail has no `out_trunks`"),
        (PHONE.replace("_NXXNXXXXXX", '"9", contact: mary'), 6, "reaches 'mary' by telephone"),
        (PHONE.replace("+1 303 555 0199", "911"), 4, "does not begin with + and a country code"),
        (PHONE.replace("+1 303 555 0199", "+1911"), 4, "no telephone number that could be called"),
        (
            AT_HOME.replace("rules:\n", '  - {id: ann, name: Ann, number: "+13035550101", account: ann}\nrules:\n'),
            5,
            "is the number of 'mary' in another spelling",
        ),
        (
            AT_HOME.replace(
                "rules:\n",
                "rules:\n  - {name: stop, facility: jail, dialled: _+1303!, block: true}\n"
                '  - {name: late, facility: jail, dialled: "3035550101", tariff: {video: visit}, max_minutes: 20}\n',
            ),
            7,
            "never decides: 'stop' above",
        ),
    ],
)
def test_mistakes_about_numbers(text: str, line: int, says: str) -> None:
    found = complaints(text)
    assert any(says in each and each.startswith(f"plan.yaml:{line}: ") for each in found), found
