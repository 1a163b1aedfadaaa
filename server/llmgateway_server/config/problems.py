"""What is wrong with a configuration: every problem at once, each with its place."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Where a value stands: keys and list indices from the root."""

_SHOWN_CHARACTERS = 60


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong, in a sentence that says what would be right; it never holds a secret.

    `line` counts from 1; it is 0 for values that stand in no file.
    """

    line: int
    path: str
    message: str


class ConfigError(Exception):
    """A configuration that cannot be used, with all its problems.

    `source` is the file's name as the user wrote it. The text has a line for each problem:
    `FILE:LINE: path.to.key: what is wrong`.
    """

    def __init__(self, source: str, problems: Iterable[Problem]) -> None:
        self.source = source
        self.problems = tuple(sorted(problems))
        super().__init__("\n".join(describe_problem(source, problem) for problem in self.problems))


def describe_problem(source: str, problem: Problem) -> str:
    """Write a problem as one line."""
    place = f"{source}:{problem.line}" if problem.line else source
    return f"{place}: {problem.path}: {problem.message}" if problem.path else f"{place}: {problem.message}"


def format_path(path: Sequence[str | int]) -> str:
    """Write a path as `auth.keys[0].name`; odd keys are shortened and stay on one line."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += ("." if text else "") + (step if is_plain(step) else show_text(step))
    return text


def is_plain(step: str) -> bool:
    """Whether a key needs no quotes in a path."""
    return step.isidentifier() and len(step) <= _SHOWN_CHARACTERS


def show_text(text: str) -> str:
    """Quote a text for a message, shortened; it stays on one line."""
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")


def suggest(name: str, known: Collection[str]) -> str:
    """Return `; did you mean X?`, or the known names where none is near."""
    # Long names are no misspelling, and difflib is slow on them.
    near = difflib.get_close_matches(name[:_SHOWN_CHARACTERS], known, n=1)
    if near:
        return f"; did you mean {near[0]}?"
    return f"; known here: {', '.join(known)}" if known else ""
