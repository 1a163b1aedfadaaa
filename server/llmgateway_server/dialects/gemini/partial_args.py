"""Arguments that come in pieces, each with the JSON path of its place (Vertex AI, `FunctionCall.partialArgs`).

https://docs.cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling, "Streaming function call
arguments", read 2026-11-25. A text may itself come in pieces: each but the last says `willContinue`.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any  # whatever JSON holds, wherever it stands below

from llmgateway_server.dialects.reading import Json, items, mapping, text

STEP = re.compile(r"\.([^.\[\]]+)|\[(\d{1,9})\]|\['([^']*)'\]|\[\"([^\"]*)\"\]")
# Beyond any real list; one place far out would fill the memory with the empty ones before it.
MAX_INDEX = 10_000
MAX_DEPTH = 100

Step = str | int


class PartialCall:
    """One call in the making; `whole` is the call as it would have come at once."""

    def __init__(self) -> None:
        self._call: Json = {}
        self._arguments: Json = {}
        self._open_paths: set[str] = set()

    def add(self, inner: Json) -> None:
        """Add what the next piece says."""
        for member, value in inner.items():
            if member == "args" and isinstance(value, dict):
                self._arguments.update(value)
            elif member not in ("partialArgs", "willContinue"):
                self._call[member] = value
        for item in items(inner.get("partialArgs")):
            self._add_argument(mapping(item))

    @property
    def whole(self) -> Json:
        return {**self._call, "args": self._arguments}

    def _add_argument(self, piece: Json) -> None:
        path = text(piece.get("jsonPath"))
        steps = read_path(path)
        if not steps:
            return
        if "stringValue" in piece:
            value: Any = text(piece["stringValue"])
            put(self._arguments, steps, value, appends=path in self._open_paths)
        elif "numberValue" in piece or "boolValue" in piece:
            put(self._arguments, steps, piece.get("numberValue", piece.get("boolValue")), appends=False)
        elif "nullValue" in piece:
            put(self._arguments, steps, None, appends=False)
        if piece.get("willContinue") is True:
            self._open_paths.add(path)
        else:
            self._open_paths.discard(path)


def read_path(path: str) -> list[Step]:
    """Return the steps of a path such as `$.items[0].name`; none where it is not of this kind."""
    if not path.startswith("$"):
        return []
    steps: list[Step] = []
    at = 1
    while at < len(path):
        found = STEP.match(path, at)
        if found is None or len(steps) == MAX_DEPTH:
            return []
        name, place, quoted, double_quoted = found.groups()
        steps.append(
            int(place) if place is not None else next(key for key in (name, quoted, double_quoted) if key is not None)
        )
        at = found.end()
    return steps


def put(holder: Any, steps: list[Step], value: Any, *, appends: bool) -> None:
    """Put a value at its place, making what holds it; do nothing where the place does not fit what is there."""
    for step, following in pairwise(steps):
        inner = at_step(holder, step)
        if not isinstance(inner, dict | list):
            inner = [] if isinstance(following, int) else {}
            if not set_step(holder, step, inner):
                return
        holder = inner
    held = at_step(holder, steps[-1])
    if appends and isinstance(held, str):
        value = held + value
    set_step(holder, steps[-1], value)


def at_step(holder: Any, step: Step) -> Any:
    """Return what lies at a step, None where nothing does."""
    if isinstance(holder, dict):
        return holder.get(step)
    return holder[step] if isinstance(step, int) and step < len(holder) else None


def set_step(holder: Any, step: Step, value: Any) -> bool:
    """Set what lies at a step; return whether it has a place there."""
    if isinstance(holder, dict):
        if not isinstance(step, str):
            return False
        holder[step] = value
        return True
    if not isinstance(step, int) or step > MAX_INDEX:
        return False
    holder.extend([None] * (step + 1 - len(holder)))
    holder[step] = value
    return True
