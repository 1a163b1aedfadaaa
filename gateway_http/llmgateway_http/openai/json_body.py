"""Strict JSON: what one reader takes one way and another reader otherwise is refused, not guessed.

Python's own parser and every fast one keep the last of two equal keys and some take NaN: a body that a guard
reads differently from the provider is a way around the guard (RFC 8259, sections 4 and 6 to 8).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from llmgateway_http.openai.errors import RestError, invalid

T = TypeVar("T")

# A double ends at about 1.8e308; an integer that no double can hold fits no field, either.
MAX_INTEGER_CHARACTERS = 308
LEAST_TOO_LARGE = 10**MAX_INTEGER_CHARACTERS
ESCAPE = "\\u"
ESCAPED_COLON = b"\\u003a"
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
MAX_SHOWN_CHARACTERS = 64


class DuplicateKeyError(ValueError):
    """An object has one key twice."""


class NumberError(ValueError):
    """A number that JSON does not have, or that nothing can hold."""


def parse_object(body: bytes, depth: int) -> dict[str, Any]:  # Any: decoded JSON
    """Parse a body that must be a JSON object nested at most `depth` levels. Raises `RestError` (400)."""
    try:
        value = _decode_fast(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        value = None
    if value is None or not has_one_reading(value, body):
        value = parse_strictly(body, depth)
    if body.count(b"{") + body.count(b"[") > depth and nests_deeper(value, depth):
        raise too_deep(depth)
    if not isinstance(value, dict):
        raise invalid(None, f"The body must be a JSON object, not {kind_of(value)}", "invalid_json")
    return value


def has_one_reading(value: object, body: bytes) -> bool:
    """Whether a value is surely the only one that its text can be read as. False means: look closer.

    A text has a colon for each member, beside those within strings. So has the value, one for each key, unless
    the parser dropped a member whose key came twice; then the text has more.
    """
    if ESCAPED_COLON in body.lower():
        return False
    colon_count = 0
    level = [value]
    while level:
        inner_values: list[object] = []
        for outer in level:
            if type(outer) is dict:
                colon_count += len(outer)
                for key in outer:
                    if ":" in key:
                        colon_count += key.count(":")
                inner_values += outer.values()
            elif type(outer) is list:
                inner_values += outer
            elif type(outer) is str:
                colon_count += outer.count(":")
            elif type(outer) is int and not -LEAST_TOO_LARGE < outer < LEAST_TOO_LARGE:
                return False
        level = inner_values
    return colon_count == body.count(b":")


def parse_strictly(body: bytes, depth: int) -> object:
    """Parse a body with an eye on every key and number, and say what is wrong. Raises `RestError` (400)."""
    text = decode_text(body)
    try:
        value = _decode_strictly(text)
    except DuplicateKeyError as error:
        path = duplicate_path(text) or str(error)
        raise invalid(path, "the key appears twice in one object; send it once", "duplicate_key") from error
    except NumberError as error:
        raise invalid(
            None, f"The body holds {error}, which is no number that JSON can carry", "invalid_json"
        ) from error
    except RecursionError as error:
        raise too_deep(depth) from error
    except json.JSONDecodeError as error:
        raise invalid(
            None, f"The body is not valid JSON: {error.msg} at line {error.lineno} column {error.colno}", "invalid_json"
        ) from error
    if ESCAPE in text:  # lone surrogates come only by escapes
        refuse_lone_surrogates(value)
    return value


def decode_text(body: bytes) -> str:
    """Return the body as text: UTF-8 without a byte order mark."""
    if not body:
        raise invalid(None, "The body is empty; send a JSON object", "invalid_json")
    if body.startswith(BYTE_ORDER_MARKS) or 0 in body[:4]:
        raise invalid(None, "The body must be UTF-8 without a byte order mark", "invalid_json")
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise invalid(None, f"The body is not valid UTF-8 at byte {error.start}", "invalid_json") from error


def to_unique_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:  # Any: decoded JSON
    """Build an object whose keys all differ."""
    built = dict(pairs)
    if len(built) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise DuplicateKeyError(shown(key))
            seen.add(key)
    return built


def parse_float(text: str) -> float:
    """Read a number with a fraction or an exponent."""
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise NumberError(shown(text))
    return value


def parse_integer(text: str) -> int:
    """Read a whole number."""
    if len(text) > MAX_INTEGER_CHARACTERS:
        raise NumberError(f"an integer of {len(text)} digits")
    return int(text)


def refuse_constant(text: str) -> float:
    """Refuse what Python's parser adds to JSON: NaN and Infinity."""
    raise NumberError(text)


_decode_fast: Callable[[bytes], Any] = msgspec.json.Decoder().decode  # Any: decoded JSON
_decode_strictly: Callable[[str], Any] = json.JSONDecoder(  # Any: decoded JSON
    object_pairs_hook=to_unique_object,
    parse_float=parse_float,
    parse_int=parse_integer,
    parse_constant=refuse_constant,
).decode


def duplicate_path(text: str) -> str | None:
    """Return the path of the first key that appears twice. Only for a text known to hold one."""
    # Objects become tuples of pairs here, which tells them from arrays and keeps both keys.
    document = json.loads(text, object_pairs_hook=tuple)
    return next(duplicate_paths(document, ""), None)


def duplicate_paths(value: object, path: str) -> Iterator[str]:
    if isinstance(value, tuple):
        seen: set[str] = set()
        for key, inner in value:
            inner_path = member_path(path, key)
            if key in seen:
                yield inner_path
            seen.add(key)
            yield from duplicate_paths(inner, inner_path)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from duplicate_paths(inner, f"{path}[{index}]")


def member_path(path: str, key: str) -> str:
    """Return the path of a member, its name cut to a length fit to be shown."""
    return f"{path}.{shown(key)}" if path else shown(key)


def shown(text: str) -> str:
    """Return the text so that a message may quote it: short, one line, and encodable."""
    cut = text if len(text) <= MAX_SHOWN_CHARACTERS else f"{text[:MAX_SHOWN_CHARACTERS]}…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut)


def nests_deeper(value: object, depth: int) -> bool:
    """Whether a JSON value has more than `depth` levels of objects and arrays."""
    level = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def too_deep(depth: int) -> RestError:
    return invalid(None, f"The body nests deeper than {depth} levels", "invalid_json")


def refuse_lone_surrogates(value: object, path: str = "") -> None:
    """Refuse half characters, written as escapes such as `\\ud800`: no UTF-8 can carry them."""
    if isinstance(value, str):
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise invalid(path or None, "holds half of a surrogate pair, which is no character", "invalid_json")
    elif isinstance(value, dict):
        for key, inner in value.items():
            inner_path = member_path(path, key)
            refuse_lone_surrogates(key, inner_path)
            refuse_lone_surrogates(inner, inner_path)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            refuse_lone_surrogates(inner, f"{path}[{index}]")


def kind_of(value: object) -> str:
    """Return what JSON calls a value's type."""
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names.get(type(value), "an object")


_AT_PATH = re.compile(r"(?P<problem>.*?)(?: - at `(?P<path>.*)`)?", re.DOTALL)
_OUT_OF_RANGE = re.compile(r"[<>]=? ")
_UNKNOWN_MEMBER = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING_MEMBER = re.compile(r"Object missing required field `(.*)`", re.DOTALL)


def convert(raw: Mapping[str, Any], to: type[T]) -> T:  # Any: decoded JSON
    """Check the types of all members that `to` knows. Raises `RestError` (400) with the path of the first wrong one."""
    try:
        return msgspec.convert(raw, to, strict=True)
    except msgspec.ValidationError as error:
        raise type_error(str(error)) from error


def type_error(text: str) -> RestError:
    """Return the refusal that a validation error of msgspec tells: a problem, then ` - at ` and a path from `$`."""
    match = _AT_PATH.fullmatch(text)
    problem, path = (match["problem"], match["path"] or "$") if match is not None else (text, "$")
    path = path.removeprefix("$").removeprefix(".")
    if unknown := _UNKNOWN_MEMBER.fullmatch(problem):
        return invalid(member_path(path, unknown[1]), "is unknown here; leave it out", "unknown_parameter")
    if missing := _MISSING_MEMBER.fullmatch(problem):
        return invalid(member_path(path, missing[1]), "is required", "missing_required_parameter")
    code = "invalid_value" if match is not None and _OUT_OF_RANGE.search(problem) else "invalid_type"
    return invalid(path or None, problem[:1].lower() + problem[1:], code)


def required(value: T | None, path: str) -> T:
    """Return a member that its neighbours ask for; refuse its absence."""
    if value is None:
        raise invalid(path, "is required", "missing_required_parameter")
    return value
