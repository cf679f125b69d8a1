"""How often somebody may fail, as a table: minutes at which a try comes, `x` wrong, `o` right, and what is answered."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.access.throttle import Limit, counted, given_back, wait
from gateway.store import Tries

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
LIMIT = Limit(3, timedelta(minutes=15))


@pytest.mark.parametrize(
    ("tries", "told"),
    [
        ("0x 1x 2x", "- - -"),
        ("0x 1x 2x 3o 16o 17o", "- - - 14 1 -"),  # the third locks out for a quarter of an hour
        ("0x 1x 16x 17x 18x", "- - - - -"),  # who waits long enough begins anew
        ("0x 1x 2o 3x 4x", "- - - - 14"),  # a right one is given back, the wrong ones before it are not
        ("0x 1x 2x 17x 18x 19x 20x", "- - - - - - 14"),
        ("0o 1o 2o 3o 4o", "- - - - -"),
    ],
)
def test_who_fails_too_often_waits(tries: str, told: str) -> None:
    known: Tries | None = None
    answers = []
    for each in tries.split():
        now = NOON + timedelta(minutes=int(each[:-1]))
        left = wait(known, now)
        answers.append(f"{left // timedelta(minutes=1)}" if left else "-")
        if not left:
            known = counted(known, now, LIMIT)
            known = given_back(known) if each.endswith("o") else known
    assert " ".join(answers) == told
