"""What a model answers, and what it read: the same for every dialect."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

# A usage was not given: one is counted. None stands for a provider that sends none.
COUNTED = object()
PROMPT_TOKEN_COUNT = 10


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A function call; `arguments` is sent as it is, JSON or not, where the wire format has a text for it."""

    id: str
    name: str
    arguments: str = "{}"


@dataclass(frozen=True, slots=True)
class Answer:
    """One candidate. `finish_reason` is the provider's own word, guessed from what the answer holds where it is None.

    `signature` is the provider's proof of its reasoning, `redacted` a thought that it withholds.
    """

    text: str | None = None
    tool_calls: Sequence[ToolCall] = ()
    refusal: str | None = None
    reasoning: str | None = None
    finish_reason: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Further members of the message, or of the first delta."""
    signature: str | None = None
    redacted: str | None = None

    @property
    def pieces(self) -> list[str]:
        """The text as a stream cuts it: word by word."""
        return pieces_of(self.text)


def pieces_of(text: str | None) -> list[str]:
    """Cut a text word by word; together the pieces are the text."""
    return re.findall(r"\s*\S+|\s+$", text or "")


def halves_of(text: str) -> list[str]:
    """Cut a text in two, in one where it is too short, in none where it is empty."""
    half = len(text) // 2
    return [part for part in (text[:half], text[half:]) if part]


@dataclass(frozen=True, slots=True)
class Counts:
    """A usage, by the tokens read and written. Counts that are no numbers are sent as they are.

    `cached` is the part of the input that came from a cache.
    """

    input: object
    output: object
    cached: int = 0

    @property
    def total(self) -> object:
        """The sum; an object, which is no count at all, where there is none."""
        if isinstance(self.input, int) and isinstance(self.output, int):
            return self.input + self.output
        return {}


def default_counts(answers: Sequence[Answer]) -> Counts:
    """Count a token a word, and ten for the prompt."""
    return Counts(PROMPT_TOKEN_COUNT, sum(len(answer.pieces) for answer in answers))


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a default answer depends on: the last text, and the tools that are to be called now."""

    text: str
    tool_names: Sequence[str] = ()
    candidate_count: int = 1

    def answers(self) -> list[Answer]:
        """Call every tool offered, once; echo the last text otherwise."""
        calls = [ToolCall(f"call_{number}", name) for number, name in enumerate(self.tool_names)]
        answer = Answer(tool_calls=calls) if calls else Answer(text=self.text)
        return [answer] * self.candidate_count
