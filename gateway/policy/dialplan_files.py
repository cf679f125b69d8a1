"""A dialplan of several files: `include: [contacts.yaml, shared/blocked.yaml]`, relative to the file it stands in.

What is included comes before what the file itself has, in the order of the list: rules that shall decide first stand in
the file that is included first. A file is read once; one that includes itself in the end is a mistake, and so is one
that is included twice. Every problem names the file and line it stands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway.documents import DocumentError, Problem, Source, load_with_source
from gateway.policy.dialplan_entries import DialplanDocument

SECTIONS = ("facilities", "stations", "contacts", "rules")


@dataclass(frozen=True, slots=True)
class _File:
    document: DialplanDocument
    source: Source


class Sources(Source):
    """Where each entry of all the files stands. A location `("rules", 7)` counts through them in order."""

    def __init__(self, files: Sequence[_File], main: Source) -> None:
        super().__init__(main.path, None)
        self._main = main
        self._places = {
            section: [(each.source, index) for each in files for index in range(len(getattr(each.document, section)))]
            for section in SECTIONS
        }

    def line(self, *location: str | int) -> int:
        source, place = self._place(location)
        return source.line(*place)

    def problem(self, message: str, *location: str | int) -> Problem:
        source, place = self._place(location)
        return source.problem(message, *place)

    def _place(self, location: tuple[str | int, ...]) -> tuple[Source, tuple[str | int, ...]]:
        match location:
            case (str() as section, int() as index, *rest):
                source, own = self._places[section][index]
                return source, (section, own, *rest)
        return self._main, location


def load_files(path: Path) -> tuple[DialplanDocument, Source]:
    """All files as one document. Raises DocumentError with what is wrong in any of them."""
    reading = _Reading()
    main = reading.read(path, ())
    if reading.problems or main is None:
        raise DocumentError(reading.problems)
    if len(reading.files) == 1:
        return main.document, main.source
    merged = {
        section: tuple(entry for each in reading.files for entry in getattr(each.document, section))
        for section in SECTIONS
    }
    return DialplanDocument(**merged), Sources(reading.files, main.source)


class _Reading:
    """files: in the order in which their entries count."""

    def __init__(self) -> None:
        self.files: list[_File] = []
        self.problems: list[Problem] = []
        self._included: dict[Path, str] = {}  # by which file and line

    def read(self, path: Path, above: tuple[Path, ...]) -> _File | None:
        """above: the files that led here, the main one first."""
        try:
            document, source = load_with_source(path, DialplanDocument)
        except DocumentError as error:
            self.problems.extend(error.problems)
            return None
        here = path.resolve()
        for position, name in enumerate(document.include):
            problem = self._include(path.parent / name, (*above, here), f"{path}:{source.line('include', position)}")
            if problem:
                self.problems.append(source.problem(problem, "include", position))
        found = _File(document, source)
        self.files.append(found)
        return found

    def _include(self, path: Path, above: tuple[Path, ...], by: str) -> str:
        """What is wrong with including it, in words; empty: nothing."""
        target = path.resolve()
        if target in above:
            way = " -> ".join(each.name for each in (*above[above.index(target) :], target))
            return f"includes itself: {way}; take one of them away"
        if target in self._included:
            return f"{path.name!r} is included already at {self._included[target]}; once is enough"
        if not path.is_file():
            return f"there is no file {str(path)!r}; the path is relative to the file in which it stands"
        self._included[target] = by
        self.read(path, above)
        return ""
