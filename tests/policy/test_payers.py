"""Who pays is the dialplan's decision: one account, or several that share a visit."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from gateway.policy.decide import decide
from gateway.policy.decision import Allowed, Medium, Payer, Terms, VisitRequest
from tests.policy.test_dialplan_mistakes import SOUND, complaints, read

STATIONS = """\
stations:
  - {id: cell-1, facility: jail, name: Cell 1, account: resident-1}
  - {id: cell-2, facility: jail, name: Cell 2, account: mary}
contacts:"""
WITH_STATIONS = SOUND.replace("contacts:", STATIONS)


def by_rule(payers: str, text: str = WITH_STATIONS) -> str:
    return text.replace("max_minutes: 20", f"max_minutes: 20, payers: {payers}")


def by_contact(payers: str) -> str:
    return SOUND.replace("account: mary", f"payers: {payers}")


def terms(text: str, station: str = "cell-1") -> Terms:
    request = VisitRequest("pbx", station, "5552368001", Medium.VIDEO, datetime(2026, 1, 5, 17, tzinfo=UTC))
    decision = decide(read(text), request)
    assert isinstance(decision, Allowed)
    return decision.terms


def test_the_contact_pays_when_nothing_else_is_said() -> None:
    found = terms(SOUND)
    assert (found.account, found.payers) == ("mary", ())


def test_a_contact_may_share_with_others() -> None:
    found = terms(by_contact("[{account: mary, percent: 60}, {account: county, percent: 40}]"))
    assert (found.account, found.payers) == ("mary", (Payer("mary", 60), Payer("county", 40)))


def test_a_rule_says_who_pays_whatever_the_contact_says() -> None:
    found = terms(by_rule("[{account: county, percent: 100}]"))
    assert (found.account, found.payers) == ("county", ())


def test_a_rule_names_contact_and_resident_without_knowing_them() -> None:
    text = by_rule("[{of: station, percent: 20}, {of: contact, percent: 30}, {account: county, percent: 50}]")
    shares = (Payer("resident-1", 20), Payer("mary", 30), Payer("county", 50))
    assert (terms(text).account, terms(text).payers) == ("resident-1", shares)
    assert terms(text, "cell-2").payers == (Payer("mary", 50), Payer("county", 50)), "two names of one account"


@pytest.mark.parametrize(
    ("payers", "says"),
    [
        ("[{account: county, percent: 99}]", "the percents sum to 99; all payers together pay 100"),
        ("[{account: a, percent: 50}, {account: a, percent: 50}]", "'a' stands there twice"),
        ("[{percent: 100}]", "write either `account`"),
        ("[{account: a, of: contact, percent: 100}]", "write either `account`"),
        ("[{account: a, percent: 0}]", "greater than or equal to 1"),
        ("[{of: officer, percent: 100}]", "'contact', 'station' or 'resident'"),
    ],
)
def test_a_list_that_does_not_add_up_is_refused(payers: str, says: str) -> None:
    found = complaints(by_rule(payers))
    assert any(says in each for each in found), found


def test_residents_can_pay_only_where_every_station_has_an_account() -> None:
    payers = "[{of: station, percent: 100}]"
    assert complaints(by_rule(payers, SOUND)) == [
        "plan.yaml:6: rules[0].payers[0]: the facility lists no stations, so nobody there could pay"
    ]
    found = complaints(by_rule(payers, WITH_STATIONS.replace(", account: resident-1", "")))
    assert found == [
        "plan.yaml:9: rules[0].payers[0]: the station 'cell-1' has no `account`, so nobody there could pay"
    ]


def test_a_contact_has_either_an_account_or_a_list() -> None:
    says = "write either `account` or `payers`: who pays the visits"
    both = SOUND.replace("account: mary", "account: mary, payers: [{account: county, percent: 100}]")
    for text in (both, SOUND.replace(", account: mary", "")):
        assert [each.partition(": ")[2] for each in complaints(text)] == [f"contacts[0]: {says}"]
    assert "has a meaning in rules only" in complaints(by_contact("[{of: contact, percent: 100}]"))[0]
