"""What another dialplan would change, in words that name nobody."""

from __future__ import annotations

import pytest

from gateway.policy.difference import differences
from tests.policy.test_dialplan_mistakes import SOUND, read

TWO = (
    SOUND + "  - {name: late, facility: jail, dialled: _1X., tariff: {video: visit}, max_minutes: 20, contact: mary}\n"
)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (SOUND, SOUND, ()),
        (SOUND, SOUND.replace("max_minutes: 20", "max_minutes: 30"), ("rule family: max_minutes 20 -> 30",)),
        (
            SOUND,
            SOUND.replace("max_minutes: 20", "max_minutes: 20, privileged: true, retention_days: 9"),
            ("rule family: privileged false -> true; retention_days none -> 9",),
        ),
        (SOUND, SOUND.replace("name: Mary", "name: Mary Ann"), ("contact mary: name changes",)),
        (SOUND, SOUND.replace('"5552368001"', '"5552368002"'), ("contact mary: number changes",)),
        (SOUND, SOUND.replace("trunks: [pbx]", "trunks: [pbx, two]"), ("facility jail: trunks changes",)),
        (SOUND, SOUND.replace("_NXXNXXXXXX", "_NXXNXXXXX."), ("rule family: pattern changes",)),
        (SOUND, TWO, ("rule late: added",)),
        (TWO, SOUND, ("rule late: taken away",)),
        (
            TWO,
            SOUND.replace("name: family", "name: late")
            .replace("_NXXNXXXXXX", "_1X.")
            .replace("20}", "20, contact: mary}")
            + "  - {name: family, facility: jail, dialled: _NXXNXXXXXX, tariff: {video: visit}, max_minutes: 20}\n",
            ("facility jail: its rules come in another order",),
        ),
    ],
)
def test_differences(before: str, after: str, said: tuple[str, ...]) -> None:
    assert differences(read(before), read(after)) == said
