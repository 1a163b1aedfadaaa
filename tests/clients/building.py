"""Languages as tests meet them: skipped where their tools are absent, and built once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.clients.languages import FULL_CLIENTS, find_languages
from tests.clients.languages.language import Language, build

LANGUAGES = find_languages()


def languages_with(
    has: Callable[[Language], object] = lambda _: True,
) -> list[Any]:  # Any: pytest's own type is private
    """Return a parameter for each language that has something.

    Where its tools are absent a test of it is skipped, which STRICT=1 forbids for those with a client of their own.
    """
    return [parameter(language) for language in LANGUAGES if has(language)]


def pairs_with(of: Callable[[Language], Iterable[str]]) -> list[Any]:
    """Return a parameter for each language and each of its things."""
    return [parameter(language, name) for language in LANGUAGES for name in of(language)]


def parameter(language: Language, *more: str) -> Any:
    name = "-".join((language.name, *more))
    marks = [] if language.name in FULL_CLIENTS else [pytest.mark.opt_in("stubs only: tested where their tools are")]
    return pytest.param(language, *more, id=name, marks=marks)


def need(language: Language) -> None:
    """Skip where the language's tools are absent; fail where it cannot be built."""
    missing = language.missing()
    if missing is not None:
        pytest.skip(missing)
    problem = built(language.name)
    if problem is not None:
        pytest.fail(problem)


@functools.cache
def built(name: str) -> str | None:
    """Build a language once; return what went wrong."""
    return build(next(language for language in LANGUAGES if language.name == name))
