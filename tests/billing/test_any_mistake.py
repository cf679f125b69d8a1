"""Whatever stands in a file of tariffs or caps: it loads, or every problem has a sentence. Never a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.billing.caps import load_caps
from gateway.billing.tariff import load_tariffs
from gateway.documents import DocumentError, Problem

DIALPLANS = Path(__file__).parents[2] / "dialplans"
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["", "0", "-1", "1e400", "NaN", "9" * 30, "0.0000001", "2026-02-30", "24:00-00:00", "daily"]),
    st.just([]),
    st.just({}),
    st.dates(),
    st.datetimes(),
    st.lists(st.integers(0, 3), max_size=2),
    st.dictionaries(st.text(max_size=4), st.integers(0, 3), max_size=2),
)


def _places(value: object, here: tuple = ()) -> list[tuple]:
    found = [here] if here else []
    if isinstance(value, dict):
        for key in value:
            found += _places(value[key], (*here, key))
    elif isinstance(value, list):
        for index, each in enumerate(value[:4]):
            found += _places(each, (*here, index))
    return found


def _spoilt(text: str, data: st.DataObject) -> str:
    document = yaml.safe_load(text)
    for _ in range(data.draw(st.integers(1, 3))):
        places = _places(document)
        if not places:
            break
        *way, last = data.draw(st.sampled_from(places))
        inner = document
        for step in way:
            inner = inner[step]
        if isinstance(inner, dict) and data.draw(st.booleans()):
            del inner[last]
        else:
            inner[last] = data.draw(JUNK)
    return yaml.safe_dump(document, allow_unicode=True)


@pytest.mark.parametrize(("source", "load"), [("tariffs/county.yaml", load_tariffs), ("caps/us-fcc.yaml", load_caps)])
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_loads_or_says_what_is_wrong_with_it(tmp_path: Path, source: str, load, data: st.DataObject) -> None:
    path = tmp_path / "spoilt.yaml"
    path.write_text(_spoilt((DIALPLANS / source).read_text(), data), encoding="utf-8")
    problems = _problems(load, path)
    assert problems is None or problems
    assert all(each.message and each.file == str(path) for each in problems or ())


def _problems(load, path: Path) -> tuple[Problem, ...] | None:
    """None when it loads."""
    try:
        load([path])
    except DocumentError as error:
        return error.problems
    return None
