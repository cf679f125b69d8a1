"""What is wrong with a dialplan, noted on the way with its place, so that one reading finds everything."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator

from gateway.documents import Problem, Source


class Notes:
    """The problems so far."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.problems: list[Problem] = []

    def problem(self, message: str, *location: str | int) -> None:
        self.problems.append(self._source.problem(message, *location))

    def known(self, what: str, name: str, known: Collection[str], *location: str | int) -> bool:
        if name in known:
            return True
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1)
        remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(names) or 'none'}"
        self.problem(f"there is no {what} {name!r}; {remedy}", *location)
        return False

    def unique(self, section: str, field: str, values: list[str]) -> None:
        for index, first, value in _repeated(values):
            here, there = (self._source.problem("", section, each, field) for each in (index, first))
            where = "above" if here.file == there.file else f"in {there.file}:{there.line}"
            self.problem(f"{value!r} stands {where} already; each {field} may stand once", section, index, field)


def _repeated(values: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    """Index, index of the first of that value, value."""
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        if value in seen:
            yield index, seen[value], value
        seen.setdefault(value, index)
