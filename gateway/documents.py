"""YAML documents checked against a model, with errors that say file, line, field and remedy.

    plan = load_document(Path("dialplans/demo.yaml"), DialplanDocument)

Raises DocumentError with every problem found, not only the first.
"""

from __future__ import annotations

import contextlib
import difflib
import gc
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from gateway.errors import KinbridgeError


class Document(BaseModel):
    """The base of every document: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


D = TypeVar("D", bound=BaseModel)
Location = tuple[str | int, ...]


@contextlib.contextmanager
def collector_paused() -> Iterator[None]:
    """While a document is read, only values that stay are made: looking for garbage among them is most of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. line is 1-based, 0 when the document as a whole is meant."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.field}: {self.message}" if self.field else f"{where}: {self.message}"


class DocumentError(KinbridgeError):
    """A document that cannot be used."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(each) for each in problems))
        self.problems = tuple(problems)


class Source:
    """Where each value of a document stands, so that later checks can point at lines too."""

    def __init__(self, path: str, node: yaml.Node | None) -> None:
        self.path = path
        self._node = node

    @cached_property
    def _lines(self) -> dict[Location, int]:
        """Only when somebody asks: a large document without a mistake never needs them."""
        return {} if self._node is None else dict(_lines(self._node, ()))

    def line(self, *location: str | int) -> int:
        """The line of `location`, or of the nearest enclosing value that the document has."""
        while location:
            if location in self._lines:
                return self._lines[location]
            location = location[:-1]
        return self._lines.get((), 0)

    def problem(self, message: str, *location: str | int) -> Problem:
        return Problem(self.path, self.line(*location), dotted(location), message)


def dotted(location: Iterable[str | int]) -> str:
    """`("rules", 0, "hours")` as `rules[0].hours`."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else (f".{part}" if text else part)
    return text


def load_document(path: Path, model: type[D]) -> D:
    """The document at `path` as `model`. See `load_with_source` when later checks need line numbers."""
    return load_with_source(path, model)[0]


def load_with_source(path: Path, model: type[D]) -> tuple[D, Source]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError([Problem(str(path), 0, "", f"cannot be read: {error.strerror}")]) from None
    except UnicodeDecodeError as error:
        raise DocumentError([Problem(str(path), 0, "", f"is not UTF-8 (byte {error.start})")]) from None
    return parse_document(text, str(path), model)


def parse_document(text: str, name: str, model: type[D]) -> tuple[D, Source]:
    try:
        node, data = _read(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise DocumentError([Problem(name, line, "", f"is not YAML: {error.problem}")]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"is not YAML: the character {error.character:#x} may not stand there; take it away"
        raise DocumentError([Problem(name, line, "", message)]) from None
    source = Source(name, node)
    try:
        return model.model_validate({} if data is None else data), source
    except ValidationError as error:
        raise DocumentError([_problem(each, source, model) for each in _own(error.errors())]) from None


def _own(errors: Sequence[Any]) -> list[Any]:
    """Without lists that look too short only because what stands in them has mistakes, which are told already."""
    places = [each["loc"] for each in errors]

    def follows(error: Any) -> bool:
        place = error["loc"]
        inside = any(len(other) > len(place) and other[: len(place)] == place for other in places)
        return error["type"] == "too_short" and inside

    return [each for each in errors if not follows(each)]


def _read(text: str) -> tuple[yaml.Node | None, Any]:
    """The document's tree and its values. By libyaml; what that refuses is read again by PyYAML, which says why."""
    try:
        return _values(_FastLoader(text))
    except (yaml.MarkedYAMLError, ValueError, TypeError):
        return _values(_StrictLoader(text))


def _values(loader: _FastLoader | _StrictLoader) -> tuple[yaml.Node | None, Any]:
    try:
        node = loader.get_single_node()
        return node, None if node is None else loader.construct_document(node)
    finally:
        loader.dispose()


class _NoDoubleKeys(yaml.constructor.SafeConstructor):
    """YAML lets a later key silently replace an earlier one of the same name; here that is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                raise yaml.constructor.ConstructorError(
                    None, None, "a list or a mapping cannot be a key; take the brackets away", key_node.start_mark
                )
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands here twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_yaml_timestamp(self, node: yaml.ScalarNode) -> Any:
        """PyYAML lets the calendar's ValueError out, without the place."""
        try:
            return super().construct_yaml_timestamp(node)
        except ValueError:
            message = f"{node.value!r}: the calendar has no such day or time"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark) from None

    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        **yaml.constructor.SafeConstructor.yaml_constructors,
        "tag:yaml.org,2002:timestamp": construct_yaml_timestamp,
    }


class _FastLoader(_NoDoubleKeys, yaml.CSafeLoader):
    pass


class _StrictLoader(_NoDoubleKeys, yaml.SafeLoader):
    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """PyYAML lets out what Python says of a value that is none of its kind, or of a key that cannot be one."""
        try:
            return super().construct_object(node, deep)
        except (ValueError, TypeError):
            kind = node.tag.rpartition(":")[2]
            message = f"this cannot be read as {kind}; write it in quotes, or without a tag"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark) from None


def _lines(node: yaml.Node, location: Location) -> Iterable[tuple[Location, int]]:
    yield location, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            inner = (*location, str(key.value))
            yield from _lines(value, inner)
            yield inner, key.start_mark.line + 1
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*location, index))


def _problem(error: Any, source: Source, model: type[BaseModel]) -> Problem:
    location: Location = tuple(error["loc"])
    message = str(error["msg"])
    if error["type"] == "extra_forbidden":
        message = "unknown key" + _suggestion(str(location[-1]), location[:-1], model)
    elif error["type"] == "missing":
        message = "is missing and has no default"
    elif error["type"] == "value_error":
        message = message.removeprefix("Value error, ")
    else:
        message = f"{in_words(error)}, not {error.get('input')!r}"
    return source.problem(message, *location)


_SHAPES = {
    r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$": "1 to 63 letters, digits, `.`, `_` and `-`, the first a letter or a digit",
    r"^[a-z0-9][a-z0-9._-]{0,62}$": "1 to 63 small letters, digits, `.`, `_` and `-`, the first a letter or a digit",
    r"^[a-z0-9][a-z0-9-]{0,62}$": "1 to 63 small letters, digits and `-`, the first a letter or a digit",
    r"^[a-z0-9][a-z0-9-]{0,30}$": "1 to 31 small letters, digits and `-`, the first a letter or a digit",
    r"^[0-9]{1,20}$": "1 to 20 digits",
    r"^[^\s@]{1,64}$": "1 to 64 characters without spaces and @",
    r"^[A-Z]{3}$": "a currency as ISO 4217 names it, such as USD",
    r"^([0-9a-f]{64})?$": "64 digits of a SHA-256, 0-9 and a-f",
    r"^[0-9*#A-D!]{1,16}$": "1 to 16 keys of a telephone: 0-9, *, #, A-D, and ! for a hook flash",
    r"^(([01]\d|2[0-3]):[0-5]\d)?$": "a time of day such as 06:30",
}


def in_words(error: Any) -> str:
    """What one of pydantic's errors wants, for people who read no regular expressions."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "string_pattern_mismatch":
        shape = _SHAPES.get(error["ctx"]["pattern"])
        message = f"should be {shape}" if shape else message
    return f"{message[0].lower()}{message[1:]}"


def _suggestion(key: str, location: Location, model: type[BaseModel]) -> str:
    known = sorted(_fields_at(model, location))
    near = difflib.get_close_matches(key, known, n=1)
    if near:
        return f"; did you mean {near[0]!r}?"
    return f"; known here: {', '.join(known)}" if known else ""


def _fields_at(model: type[BaseModel], location: Location) -> set[str]:
    """Field names of the model that stands at `location`, found by walking the annotations."""
    schema = model.model_json_schema()
    here: dict[str, Any] = schema
    for part in location:
        here = _resolve(here, schema)
        if isinstance(part, int):
            here = here.get("items", {})
        else:
            here = here.get("properties", {}).get(part) or here.get("additionalProperties") or {}
    return set(_resolve(here, schema).get("properties", {}))


def _resolve(here: Any, schema: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(here, dict):
        return {}
    for option in here.get("anyOf", ()):
        if "$ref" in option or option.get("type") in ("object", "array"):
            return _resolve(option, schema)
    if "$ref" in here:
        return _resolve(schema["$defs"][here["$ref"].rsplit("/", 1)[-1]], schema)
    return here
