"""How much a request seems to ask for, from 0 to 1. By structure alone: no word of any language is looked at.

A request collects points, 1 at the most. Its length gives `0.35 x log2(1 + tokens / 64) / 9`, 0.35 at the most, where
tokens are `request.input_tokens`: 0.04 for each time that it doubles. All else that is counted gives
`weight x count / (count + half)`: half of its weight at `half`, nearly all of it at ten times that.

    what is counted                                                  weight     half
    signs of code: brackets and operators beyond 2 % of the bytes,
      4 for each indented line, 10 for each fence of three backticks   0.25      100
    tools offered                                                      0.20        4
    different lines, list items among them                             0.15       40
    question marks of any script                                       0.10        4
    digits and mathematical operators of any script,
      beyond 5 % of the bytes                                          0.10       50
    turns of the user beyond the first                                 0.10        8
    kinds of media: image, audio, video, document                      0.10        1
    a JSON Schema for the answer                                       0.10  all at once
    reasoning asked for                                                0.20  all at once

"Hi" scores 0.01, a paragraph to translate 0.04, a page of code to review 0.35, several files to change with tools more
than 0.6. What structure does not show is not seen: a short question that is hard to answer scores low.

Of the text only the newest 64 KiB are looked at. A translation that replaces letters by letters of as many bytes in
UTF-8, each always by the same and no two by one, changes no score; scripts of more bytes a letter need fewer letters
for a word, so that their scores come out alike.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

MAX_BYTES = 64 * 1024

_CODE_SIGNS = rb"{}[]()<>=;_|\&*+/#$%^~@`"
_FENCE = b"```"
_DIGITS = b"0123456789"
# Beyond ASCII: question marks of any script, digits of the scripts that have their own in wide use, and the block of
# mathematical operators.
_OTHER_QUESTION_MARKS = tuple(mark.encode() for mark in "？؟\u037e՞፧⸮﹖⁇⁈⁉‽")
_OTHER_FIGURES = re.compile("[٠-٩۰-۹०-९০-৯๐-๙０-９∀-⋿]")


class Term(NamedTuple):
    """What one row of the table gives."""

    weight: float
    half: float = 0.0

    def points(self, count: float) -> float:
        """Return the points for a count of 0 or more."""
        return self.weight * count / (count + self.half) if count > 0 else 0.0


MOST_FOR_LENGTH = 0.35
CODE = Term(0.25, 100)
TOOLS = Term(0.20, 4)
LINES = Term(0.15, 40)
QUESTIONS = Term(0.10, 4)
FIGURES = Term(0.10, 50)
TURNS = Term(0.10, 8)
MEDIA = Term(0.10, 1)
SCHEMA = Term(0.10)
REASONING = Term(0.20)


class Shape(NamedTuple):
    """What is known of a request beside its text."""

    token_count: int = 0
    tool_count: int = 0
    turn_count: int = 0
    media_kind_count: int = 0
    has_schema: bool = False
    asks_for_reasoning: bool = False


def complexity_of(shape: Shape, texts: Iterable[str]) -> float:
    """Return the score of a request; `texts` are its texts, the newest first."""
    text = newest(texts)
    points = (
        points_for_length(shape.token_count)
        + CODE.points(count_code(text))
        + TOOLS.points(shape.tool_count)
        + LINES.points(len({*text.split(b"\n")} - {b""}))
        + QUESTIONS.points(count_questions(text))
        + FIGURES.points(count_figures(text))
        + TURNS.points(shape.turn_count - 1)
        + MEDIA.points(shape.media_kind_count)
        + SCHEMA.points(shape.has_schema)
        + REASONING.points(shape.asks_for_reasoning)
    )
    return min(1.0, points)


def points_for_length(token_count: int) -> float:
    """Return the points for what there is to read."""
    return MOST_FOR_LENGTH * min(1.0, math.log2(1 + token_count / 64) / 9)


def newest(texts: Iterable[str]) -> bytes:
    """Return the first texts in UTF-8, each on lines of its own, up to `MAX_BYTES`; no more of them is read."""
    taken: list[bytes] = []
    room = MAX_BYTES
    for text in filter(None, texts):
        taken.append(text[:room].encode("utf-8", "surrogatepass")[:room])
        room -= len(taken[-1])
        if room <= 0:
            break
    return b"\n".join(taken)


def count_code(text: bytes) -> float:
    """Return how many signs of code stand in a text beyond those of prose."""
    signs = count_of(text, _CODE_SIGNS) - 0.02 * len(text)
    indented = text.count(b"\n  ") + text.count(b"\n\t")
    return max(0.0, signs) + 4 * indented + 10 * text.count(_FENCE)


def count_questions(text: bytes) -> int:
    """Return how many question marks stand in a text."""
    others = 0 if text.isascii() else sum(map(text.count, _OTHER_QUESTION_MARKS))
    return text.count(b"?") + others


def count_figures(text: bytes) -> float:
    """Return how many digits and mathematical operators stand in a text beyond those of prose."""
    figures = count_of(text, _DIGITS)
    if not text.isascii():
        figures += len(_OTHER_FIGURES.findall(text.decode("utf-8", "ignore")))
    return max(0.0, figures - 0.05 * len(text))


def count_of(text: bytes, signs: bytes) -> int:
    """Return how often any of some ASCII characters stands in a text."""
    return len(text) - len(text.translate(None, delete=signs))
