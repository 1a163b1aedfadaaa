"""How long a JSON Schema is once its references are written out, as some providers do before the model reads it.

A schema of a few hundred bytes can refer to itself so often that millions come of it; one whose references run in a
circle has no length.
"""

from __future__ import annotations

from typing import Any

import msgspec

REFERENCES = ("$ref", "$dynamicRef", "$recursiveRef")
MOST_BYTES = 2**31 - 1


def extra_bytes(schema_json: str) -> int | None:
    """Return how many bytes are added at most where references are written out; None where that has no end."""
    if "$" not in schema_json and "\\u" not in schema_json:
        return 0  # no reference, however it is spelt
    try:
        whole = msgspec.json.decode(schema_json)
        return min(Unrolled(whole).extra_of(whole), MOST_BYTES)
    except (msgspec.DecodeError, RecursionError, EndlessError):
        return None


class EndlessError(Exception):
    """References run in a circle, or lead nowhere that is known."""


class Unrolled:
    """Measures one schema. What is measured once is kept, so that the time does not grow with the length."""

    def __init__(self, whole: Any) -> None:  # Any: decoded JSON
        self._whole = whole
        self._lengths: dict[str, int] = {}
        self._open: set[str] = set()

    def extra_of(self, value: Any) -> int:  # Any: decoded JSON
        """Return what the references within a value add."""
        if isinstance(value, list):
            return sum([self.extra_of(item) for item in value])
        if not isinstance(value, dict):
            return 0
        extra = sum([self.extra_of(item) for item in value.values()])
        return extra + sum([self._length(value[name]) for name in REFERENCES if isinstance(value.get(name), str)])

    def _length(self, reference: str) -> int:
        if reference in self._open:
            raise EndlessError
        if reference not in self._lengths:
            self._open.add(reference)
            target = self._find(reference)
            self._lengths[reference] = len(msgspec.json.encode(target)) + self.extra_of(target)
            self._open.remove(reference)
        return self._lengths[reference]

    def _find(self, reference: str) -> Any:  # Any: decoded JSON
        """Return what a reference within the schema leads to."""
        if not reference.startswith("#"):
            raise EndlessError
        found = self._whole
        for step in reference[1:].split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, dict) and name in found:
                found = found[name]
            elif isinstance(found, list) and name.isdecimal() and int(name) < len(found):
                found = found[int(name)]
            else:
                raise EndlessError
        return found
