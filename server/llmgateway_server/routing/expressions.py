"""Rules as expressions of CEL, the Common Expression Language, over the facts of a request. With the extra `cel`.

Expressions are checked and compiled once. They are closed in: CEL's standard functions and none of ours; texts and
lists cannot be joined, nor made by `map` and `filter`, so that nothing grows; 4,096 characters at most, and 10,000
steps of `exists` and its like, which is the library's own bound. What the library does, and how it says it:
cel-expr-python, release 0.1.3.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from llmgateway_server.config.problems import show_text, suggest
from llmgateway_server.routing.facts import FACTS, Facts, Kind

MAX_CHARACTERS = 4_096
HOW_TO_INSTALL = "an expression needs the extra `cel`: pip install 'llmgateway-grpc[cel]'"

_STANDARD = """
stdlib:
  exclude_functions:
    - name: "_+_"
      overloads: [{id: add_list}, {id: add_string}, {id: add_bytes}]
"""
_TYPES: Mapping[Kind, str] = {
    "text": "string",
    "texts": "list<string>",
    "whole": "int",
    "real": "double",
    "labels": "map<string, string>",
    "moment": "timestamp",
}
_UNKNOWN = re.compile("undeclared reference to '([^']*)'")
_NO_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '([^']*)'")
_PLACE = re.compile(r"<input>:(\d+):(\d+): (?:Syntax error: )?(.*?)(?: expecting .*)?$", re.MULTILINE)
_STATUS = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")

# What stands for itself, and what reads a label. `has(…)` keeps its meaning: whether there is such a label.
_TEXT = r"""
    (?<!\w)[bB]?[rR][bB]?(?:\"{3}[\s\S]*?\"{3}|'{3}[\s\S]*?'{3}|"[^"\n]*"|'[^'\n]*')
    |(?:\"{3}(?:\\[\s\S]|[^\\])*?\"{3}|'{3}(?:\\[\s\S]|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')
"""
_LABELS = r"(?<![\w.])\.?(?:request|principal)\s*\.\s*labels\s*"
_LABEL = re.compile(
    rf"""
    (?P<kept>//[^\n]*|(?<!\w)has\s*\(\s*{_LABELS}\.\s*\w+\s*\)|{_TEXT})
    |(?P<labels>{_LABELS})(?:\.\s*(?P<name>[A-Za-z_]\w*+)(?!\s*\()|\[\s*(?P<key>{_TEXT})\s*\])
    """,
    re.VERBOSE,
)


class RuleError(Exception):
    """A rule that cannot be compiled or evaluated; the message is a sentence."""


class Value(Protocol):
    """A result of the library's: an error is a text, however its type says so."""

    def value(self) -> object: ...


class Program(Protocol):
    """A compiled expression of the library's."""

    def eval(self, *, data: Mapping[str, object]) -> Value: ...

    def serialize(self) -> bytes: ...


def find_problem(expression: str) -> str | None:
    """Say what is wrong with an expression; None if it compiles."""
    try:
        compile_program(expression)
    except RuleError as error:
        return str(error)
    return None


def compile_expression(expression: str) -> Callable[[Facts], bool]:
    """Return a test of facts; it raises `RuleError` where it cannot tell. Raise `RuleError` where nothing compiles."""
    program = compile_program(expression)
    # A compiled expression holds the names that it refers to.
    compiled = program.serialize()
    mentioned = [fact for fact in FACTS if fact.name.encode() in compiled]

    def holds(facts: Facts) -> bool:
        return evaluate(program, {fact.name: plain(fact.read(facts)) for fact in mentioned})

    return holds


def compile_program(expression: str) -> Program:
    """Compile an expression that is true or false; raise `RuleError` with a sentence."""
    if len(expression) > MAX_CHARACTERS:
        raise RuleError(f"an expression has at most {MAX_CHARACTERS:,} characters")
    cel = load_library()
    types = {fact.name: cel.Type(_TYPES[fact.kind]) for fact in FACTS}
    environment = cel.NewEnv(config=cel.NewEnvConfigFromYaml(_STANDARD), variables=types)
    try:
        # As it is written first: its own places stand in the messages then.
        kind = environment.compile(expression).return_type()
        program: Program = environment.compile(complete_labels(expression))
    except (RuntimeError, TypeError) as error:
        raise RuleError(describe_refusal(expression, str(error))) from error
    if kind != cel.Type.BOOL:
        raise RuleError(f"an expression is true or false, and this one is of the type {kind.name().lower()}")
    return program


def load_library() -> Any:  # Any: it has no types where it is not installed, and no marker of its own where it is.
    """Import the library; raise `RuleError` where it is not installed."""
    try:
        from cel_expr_python import cel  # type: ignore[import-not-found, import-untyped, unused-ignore]  # see above
    except ModuleNotFoundError as missing:
        raise RuleError(HOW_TO_INSTALL) from missing
    return cel


def complete_labels(expression: str) -> str:
    """Let labels that a request lacks read as the empty text, where CEL has an error."""

    def complete(match: re.Match[str]) -> str:
        if match["kept"] is not None:
            return match[0]
        key = match["key"] or f'"{match["name"]}"'
        labels = match["labels"].strip()
        return f'({key} in {labels} ? {labels}[{key}] : "")'

    return _LABEL.sub(complete, expression)


def evaluate(program: Program, data: Mapping[str, object]) -> bool:
    """Return what a program makes of facts; raise `RuleError`."""
    try:
        result = program.eval(data=data).value()
    except RuntimeError as error:
        result = str(error)
    if isinstance(result, bool):
        return result
    raise RuleError(f"The expression cannot be evaluated: {show_text(_STATUS.sub('', str(result)))}.")


def plain(value: object) -> object:
    """Return a fact's value as the library takes it.

    It knows lists and dicts, and none of their kin. It ends a text at its first NUL: what a caller adds after one would
    not be seen here, and be seen by a matcher.
    """
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, frozenset):
        return sorted(value)
    return {plain(label): plain(text) for label, text in value.items()} if isinstance(value, Mapping) else value


def describe_refusal(expression: str, message: str) -> str:
    """Say why the library refused an expression: the first of its reasons."""
    if (unknown := _UNKNOWN.search(message)) is not None:
        return describe_unknown(expression, unknown[1])
    if (overload := _NO_OVERLOAD.search(message)) is not None:
        return describe_overload(overload[1].strip("_@").replace("_", " "), overload[2])
    if "recursion" in message:
        return "this expression nests too deep: at most 32 levels, and a label is two of them"
    if (place := _PLACE.search(message)) is not None:
        reason = "it ends too early" if "'<EOF>'" in place[3] else show_text(place[3])
        return f"this is no expression: line {place[1]}, character {place[2]}: {reason}"
    return "this is no expression"


def describe_unknown(expression: str, name: str) -> str:
    """Say that a name is not known, and which is nearest."""
    if re.search(rf"(?<!\w){re.escape(name)}\s*\(", expression):
        return f"there is no function {show_text(name)} beyond CEL's standard ones"
    return f"{show_text(name)} is no fact of a request{suggest(name, [fact.name for fact in FACTS])}"


def describe_overload(function: str, types: str) -> str:
    """Say that a function takes no values of such types. The macros `map` and `filter` join lists."""
    if function == "+" and "list" in types:
        return "lists are not joined here, nor made by `map` or `filter`: use `exists`, `exists_one` or `all`"
    hint = "; an int is written 1, a double 1.0" if "double" in types and "int" in types else ""
    return f"`{function}` takes no {types}{hint}"
