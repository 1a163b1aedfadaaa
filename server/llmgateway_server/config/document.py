"""A YAML file as plain values, each with its line. The strict part of YAML that configuration needs.

Refused, each with its line: duplicate keys, keys that are no text, aliases and anchors (they can blow up, and
hide where a value comes from), tags, dates, several documents, nesting beyond `MAX_DEPTH`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

import yaml
from yaml.events import AliasEvent
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from llmgateway_server.config.problems import Path, Problem, format_path, show_text

MAX_DEPTH = 32
MAX_FILE_BYTES = 1024**2

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]

_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """The values of a file and the line of each.

    The line of a value is that of its key, or of itself in a list. `problems` are those of the YAML; the values
    they concern are left out.
    """

    value: Value
    lines: Mapping[Path, int]
    problems: tuple[Problem, ...] = ()

    def line_of(self, path: Path) -> int:
        """Return the line of the value, or of the nearest one around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def problem(self, path: Path, message: str) -> Problem:
        """Return a problem with the value at `path`."""
        return Problem(self.line_of(path), format_path(path), message)


def value_at(value: Value, path: Path) -> Value:
    """Return what lies at `path` below `value`, None if there is nothing."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def read_document(text: str) -> Document:
    """Read one YAML document; an empty one is an empty mapping. Never raises: see `Document.problems`."""
    reader = _Reader()
    try:
        node = _Loader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return _unreadable(mark.line + 1 if mark else 1, error.problem or error.context or "it is no YAML")
    except yaml.YAMLError as error:
        # The reader's own error: a character that YAML forbids.
        position = getattr(error, "position", 0)
        return _unreadable(text.count("\n", 0, position) + 1, "a character is not allowed in YAML")
    if node is None:
        return Document({}, {(): 1})
    value = reader.read(node, ())
    return Document({} if value is None else value, reader.lines, tuple(reader.problems))


def _unreadable(line: int, what: str) -> Document:
    return Document({}, {(): line}, (Problem(line, "", f"this is no readable YAML: {what}"),))


class _Loader(yaml.SafeLoader):
    """Composes nodes without aliases, to a bounded depth."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]  # The stubs leave the parser untyped.
        if isinstance(event, AliasEvent) or event.anchor is not None:
            raise yaml.MarkedYAMLError(
                problem="anchors and aliases are not supported: write the value out", problem_mark=event.start_mark
            )
        if self._depth >= MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem=f"it nests deeper than {MAX_DEPTH} levels", problem_mark=event.start_mark
            )
        self._depth += 1
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


@dataclass(slots=True)
class _Reader:
    """Turns nodes into values; gathers lines and problems. Single use."""

    lines: dict[Path, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def read(self, node: Node, path: Path) -> Value:
        self.lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, MappingNode) and node.tag == _TAG + "map":
            return self._read_mapping(node, path)
        if isinstance(node, SequenceNode) and node.tag == _TAG + "seq":
            return [self.read(item, (*path, index)) for index, item in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self._read_scalar(node, path)
        self._refuse(node, path, "YAML tags are not supported")
        return None

    def _read_mapping(self, node: MappingNode, path: Path) -> Value:
        values: dict[str, Value] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, ScalarNode) or key_node.tag != _TAG + "str":
                shown = show_text(key) if isinstance(key, str) else "this key"
                self._refuse(key_node, path, f"{shown} is not read as text; put the key in quotes")
                continue
            inner = (*path, key)
            if key in values:
                self._refuse(key_node, inner, f"this key stands here twice, first in line {self.lines[inner]}")
                continue
            self.lines[inner] = key_node.start_mark.line + 1
            values[key] = self.read(value_node, inner)
        return values

    def _read_scalar(self, node: ScalarNode, path: Path) -> Value:
        text = cast("str", node.value)
        kind = node.tag.removeprefix(_TAG)
        if kind == "str":
            return text
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on")
        try:
            number = _NUMBERS[kind](text)
        except KeyError:
            self._refuse(node, path, f"YAML reads this as a {kind}, which is not supported; put it in quotes")
        except ValueError:
            self._refuse(node, path, "this number cannot be read; put it in quotes if it is a text")
        else:
            if math.isfinite(number):
                return number
            self._refuse(node, path, "a number must be finite")
        return None

    def _refuse(self, node: Node, path: Path, message: str) -> None:
        self.problems.append(Problem(node.start_mark.line + 1, format_path(path), message))


def _read_int(text: str) -> int:
    """Read a decimal number.

    YAML 1.1 has more: `010` is 8, `22:22` is 1342, `0x1F`, `1_000`. Whoever writes these means something else
    as often as not, so they are refused.
    """
    if not text.lstrip("+-").isdecimal() or text.lstrip("+-") != str(int(text.lstrip("+-"))):
        raise ValueError(text)
    return int(text)


def _read_float(text: str) -> float:
    if "_" in text or ":" in text:
        raise ValueError(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))


_NUMBERS: Mapping[str, Callable[[str], float]] = {"int": _read_int, "float": _read_float}
