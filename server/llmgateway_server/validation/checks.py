"""What more than one field has to be checked for. Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from google.protobuf.duration_pb2 import Duration
from llmgateway.v1 import generation_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation

Violations = list[FieldViolation]


def check_token_ids(path: str, tokens: generation_pb2.TokenIds, wrong: Violations) -> None:
    if not tokens.ids:
        wrong.append(FieldViolation(f"{path}.ids", "must hold at least one token"))
    elif min(tokens.ids) < 0:
        wrong.append(FieldViolation(f"{path}.ids", "must not hold negative numbers"))


def check_json_object_map(path: str, values: Mapping[str, str], limits: LimitSettings, wrong: Violations) -> None:
    for key, text in values.items():
        check_json_object(f'{path}["{key[:64]}"]', text, limits, wrong)


def check_json_object(path: str, text: str, limits: LimitSettings, wrong: Violations) -> None:
    value, violation = read_json(path, text, limits)
    if violation is not None:
        wrong.append(violation)
    elif not isinstance(value, dict):
        wrong.append(FieldViolation(path, "must be a JSON object"))


def check_json(path: str, text: str, limits: LimitSettings, wrong: Violations) -> None:
    violation = read_json(path, text, limits)[1]
    if violation is not None:
        wrong.append(violation)


def read_json(path: str, text: str, limits: LimitSettings) -> tuple[object, FieldViolation | None]:
    try:
        value: object = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        return None, FieldViolation(path, f"is not valid JSON: {error}")
    except RecursionError:
        return None, FieldViolation(path, f"nests deeper than {limits.json_depth} levels")
    if nests_deeper(value, limits.json_depth):
        return None, FieldViolation(path, f"nests deeper than {limits.json_depth} levels")
    return value, None


def nests_deeper(value: object, depth: int) -> bool:
    """Whether a decoded JSON value has more than `depth` levels of objects and arrays."""
    level: list[object] = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def seconds_of(duration: Duration) -> float:
    """Return a duration in seconds; unlike `ToTimedelta`, of any length."""
    return duration.seconds + duration.nanos / 1e9


def within(path: str, value: float, least: float, most: float, wrong: Violations) -> None:
    if not least <= value <= most:  # also refuses NaN
        wrong.append(FieldViolation(path, f"must be {least:g} to {most:g}, not {value:g}"))


def unknown_number(path: str, number: int) -> FieldViolation:
    return FieldViolation(path, f"has the unknown value {number}: see the contract for those that are known")
