"""A dialplan with mistakes is refused with all of them, each with its line and what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import dedent

import pytest

from gateway.documents import DocumentError, parse_document
from gateway.policy.decision import Medium
from gateway.policy.dialplan import build
from gateway.policy.dialplan_entries import DialplanDocument
from gateway.policy.plan import Dialplan

SOUND = """\
facilities:
  - {id: jail, name: Jail, timezone: America/Chicago, trunks: [pbx]}
contacts:
  - {id: mary, name: Mary, number: "5552368001", account: mary}
rules:
  - {name: family, facility: jail, dialled: _NXXNXXXXXX, tariff: {video: visit}, max_minutes: 20}
"""


class Known:
    def media(self) -> Mapping[str, Medium]:
        return {"visit": Medium.VIDEO, "call": Medium.AUDIO}

    def serves(self, tariff_id: str, facility: str) -> bool:
        return True


def read(text: str) -> Dialplan:
    document, source = parse_document(text, "plan.yaml", DialplanDocument)
    return build(document, source, Known())


def complaints(text: str) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(text)
    return [str(each) for each in caught.value.problems]


def rules(text: str) -> str:
    """The sound plan's facility and contact, with other rules."""
    return SOUND.partition("rules:")[0] + "rules:\n" + dedent(text)


def test_the_sound_one_loads() -> None:
    assert [each.name for each in read(SOUND).rules["jail"]] == ["family"]


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        (
            "timezone: America/Chicago",
            "timezone: America/Chikago",
            2,
            "no time zone 'America/Chikago'; write an IANA name",
        ),
        ("timezone: America/Chicago", "timezone: ../etc/passwd", 2, "no time zone"),
        ("trunks: [pbx]", "trunks: [pbx, pbx]", 2, "belongs to 'jail' already"),
        ("trunks: [pbx]", "trunks: []", 2, "at least 1 item"),
        ("facility: jail", "facility: jial", 6, "no facility 'jial'; did you mean 'jail'?"),
        ("video: visit", "video: vist", 6, "no tariff 'vist'; did you mean 'visit'?"),
        ("video: visit", "video: call", 6, "'call' is a tariff for audio, not for video"),
        ("tariff: {video: visit}, ", "", 6, "has no `tariff`"),
        (", max_minutes: 20", "", 6, "has no `max_minutes`"),
        ("max_minutes: 20", "max_minute: 20", 6, "unknown key; did you mean 'max_minutes'?"),
        ("max_minutes: 20", "max_minutes: 20, contact: marie", 6, "no contact 'marie'; did you mean 'mary'?"),
        ("_NXXNXXXXXX", "_1NXXNXXXXXX", 6, "reaches nobody"),
        ("_NXXNXXXXXX", '"_[12"', 6, "'[' without ']'"),
        ("max_minutes: 20", 'max_minutes: 20, hours: {monday: ["8-9"]}', 6, "write for instance 08:00-21:00"),
        ("max_minutes: 20", 'max_minutes: 20, hours: {moonday: ["08:00-09:00"]}', 6, "should be 'monday'"),
        ("max_minutes: 20", "max_minutes: 20, hours: {}", 6, "never open"),
        (
            "max_minutes: 20",
            'max_minutes: 20, hours: {daily: ["08:00-12:00"], friday: ["11:00-13:00"]}',
            6,
            "08:00-12:00 and 11:00-13:00 overlap on friday",
        ),
        ("_NXXNXXXXXX", "NXXNXXXXXX", 6, "only this very text; write _NXXNXXXXXX"),
        ("_NXXNXXXXXX", '"55[0-9]XXXX"', 6, "write _55[0-9]XXXX"),
        ("_NXXNXXXXXX", "_nxxnxxxxxx", 6, "stand for themselves in lower case; write _NXXNXXXXXX"),
        (
            "max_minutes: 20",
            "max_minutes: 20, video_fallback: true",
            6,
            "a tariff for audio beside it, and none for video",
        ),
        (
            "{video: visit}, max_minutes: 20",
            "{audio: call, video: visit}, max_minutes: 20, video_fallback: true",
            6,
            "none for video",
        ),
        ("max_minutes: 20", "max_minutes: 20, block: true", 6, "no meaning beside `block: true`"),
    ],
)
def test_one_mistake(wrong: str, right: str, line: int, says: str) -> None:
    assert wrong in SOUND
    found = complaints(SOUND.replace(wrong, right))
    assert any(says in each and each.startswith(f"plan.yaml:{line}: ") for each in found), found


def test_a_rule_behind_a_wider_one_never_decides() -> None:
    text = """\
      - {name: wide, facility: jail, dialled: _X!, tariff: {video: visit}, max_minutes: 20}
      - {name: emergency, facility: jail, dialled: "911", block: true}
    """
    assert complaints(rules(text)) == [
        "plan.yaml:7: rules[1].dialled: never decides: 'wide' above matches all of '911'; move this rule before it"
    ]


def test_all_mistakes_are_told_at_once() -> None:
    text = (
        SOUND.replace("Chicago", "Nowhere")
        .replace("{video: visit}", "{video: nothing}")
        .replace('number: "5552368001", ', "")
    )
    assert len(complaints(text)) == 1, "a missing key hides what can only be asked of a document of the right shape"
    text = SOUND.replace("Chicago", "Nowhere").replace("{video: visit}", "{video: nothing}")
    assert [each.split(":")[1] for each in complaints(text)] == ["2", "6"]


def test_names_stand_once() -> None:
    twice = SOUND + "  - {name: family, facility: jail, dialled: '1', block: true}\n"
    assert any("'family' stands above already" in each for each in complaints(twice))
