"""Names with stars: who may call what, and what rules look for. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence


def matches(pattern: str, name: str) -> bool:
    """Whether one pattern covers a name, in time linear in the name for each star.

    Each `*` stands for any text, slashes included. Everything else stands for itself: names may hold brackets and
    question marks.
    """
    if pattern in ("*", name):
        return True
    first, *rest = pattern.split("*")
    if not rest:
        return False
    *middle, last = rest
    if not name.startswith(first):
        return False
    # The first fit of each piece leaves the most room for those after it, so nothing need be tried twice.
    position = len(first)
    for piece in middle:
        found = name.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return len(name) - len(last) >= position and name.endswith(last)


def compile_patterns(patterns: Sequence[str]) -> Callable[[str], bool]:
    """Return a test whether any of the patterns covers a name; plain names are looked up at once."""
    plain = frozenset(pattern for pattern in patterns if "*" not in pattern)
    starred = tuple(pattern for pattern in patterns if "*" in pattern)
    if not starred:
        return plain.__contains__
    return lambda name: name in plain or any(matches(pattern, name) for pattern in starred)
