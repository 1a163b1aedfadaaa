"""A content block of a stream on its way."""

from __future__ import annotations

from typing import Any, Literal

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.anthropic.parts import (
    CALL_TYPES,
    input_text,
    read_citation,
    start_call,
    start_text,
    start_thinking,
)
from llmgateway_server.dialects.reading import Json, decode, items, text

KINDS: dict[str, Literal["text", "thinking", "call"]] = {"text": "text", "thinking": "thinking"}
KINDS.update(dict.fromkeys(CALL_TYPES, "call"))


class OpenBlock:
    """One block. `kind` is `whole` for one that is told only when it has ended; `place` is the index of its part."""

    def __init__(self, raw: Json) -> None:
        self.kind: Literal["text", "thinking", "call", "whole"] = KINDS.get(text(raw.get("type")), "whole")
        self.place = -1
        self.has_input = False
        self.signature = text(raw.get("signature"))
        self._raw = raw
        self._input: list[str] = []

    def first_part(self, call_names: dict[str, str]) -> message_pb2.Part | None:
        """Return the part with what its block begins with; None for one that is told when it has ended."""
        if self.kind == "whole":
            return None
        part = message_pb2.Part()
        if self.kind == "text":
            start_text(part, self._raw)
        elif self.kind == "thinking":
            start_thinking(part, self._raw)
        else:
            start_call(part, self._raw, self._raw["type"], call_names)
        return part

    def add(self, delta: Json) -> str:
        """Take a delta in, and return what it appends to an open part; empty where it appends nothing."""
        if self.kind == "whole":
            self._grow(delta)
        elif self.kind == "text":
            return text(delta.get("text"))
        elif self.kind == "thinking":
            self.signature += text(delta.get("signature"))
            return text(delta.get("thinking"))
        else:
            piece = text(delta.get("partial_json"))
            self.has_input = self.has_input or bool(piece)
            return piece
        return ""

    def citation(self, delta: Json) -> message_pb2.Annotation:
        """Return what a delta says that the text rests on."""
        return read_citation(delta.get("citation"))

    def owed_input(self) -> str:
        """Return a call's arguments where no delta brought any: those of its start, or an empty object."""
        return "" if self.kind != "call" or self.has_input else input_text(self._raw.get("input"))

    def whole(self) -> Json:
        """Return a gathered block, complete."""
        if not self._input:
            return self._raw
        try:
            return {**self._raw, "input": decode("".join(self._input).encode())}
        except ValueError:
            return {**self._raw, "input": "".join(self._input)}

    def _grow(self, delta: Json) -> None:
        """Add a delta to a block that is not known: lists and texts grow, everything else is replaced."""
        raw = self._raw = {**self._raw}
        for member, value in delta.items():
            before: Any = raw.get(member)
            if member == "type":
                continue
            if member == "partial_json":
                self._input.append(text(value))
            elif member == "citation":
                raw["citations"] = [*items(raw.get("citations")), value]
            elif isinstance(before, str) and isinstance(value, str):
                raw[member] = before + value
            elif value is not None:
                raw[member] = value
