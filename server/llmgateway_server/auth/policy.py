"""Who may call what. Pure."""

from __future__ import annotations

from llmgateway_server.call import Principal


def may_use(principal: Principal, model_id: str) -> bool:
    """Whether a principal may call a model or route by this name.

    A pattern is a name, in which each `*` stands for any text, slashes included: `*`, `openai/*`, `*/gpt-*`.
    Everything else stands for itself: names may hold brackets and question marks.
    """
    for pattern in principal.models:  # noqa: SIM110  # a generator costs more than the comparison
        if matches(pattern, model_id):
            return True
    return False


def matches(pattern: str, model_id: str) -> bool:
    """Whether one pattern covers a name, in time linear in the name for each star."""
    if pattern in ("*", model_id):
        return True
    first, *rest = pattern.split("*")
    if not rest:
        return False
    *middle, last = rest
    if not model_id.startswith(first):
        return False
    # The first fit of each piece leaves the most room for those after it, so nothing need be tried twice.
    position = len(first)
    for piece in middle:
        found = model_id.find(piece, position)
        if found < 0:
            return False
        position = found + len(piece)
    return len(model_id) - len(last) >= position and model_id.endswith(last)
