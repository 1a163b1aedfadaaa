"""What Cohere refuses in a request, as far as it is cheap to tell.

docs.cohere.com, "Errors", and the limits in the descriptions of Chat, Embed and Rerank (read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.cohere_wire import Json

ROLES = ("system", "user", "assistant", "tool")
INPUT_TYPES = ("search_document", "search_query", "classification", "clustering", "image")
MOST_TEXTS = 96
MOST_STOP_SEQUENCES = 5


def complaint(headers: Mapping[str, str], route: str, body: Any) -> tuple[int, str] | None:
    """Return the status and the words of the error that a request deserves; None for a good one.

    `body` is decoded JSON (Any), None for a request without one.
    """
    if not headers.get("authorization", "").startswith("Bearer "):
        return 401, "no api key supplied"
    if body is None:
        return None
    check = {"/v2/chat": wrong_chat, "/v2/embed": wrong_embed, "/v2/rerank": wrong_rerank}.get(route)
    wrong = None if check is None else next(wrong_model(body), None) or next(check(body), None)
    return None if wrong is None else (400, wrong)


def wrong_model(body: Json) -> Iterator[str]:
    """Yield what is wrong with the name of the model."""
    if not body.get("model"):
        yield "a model parameter is required for this endpoint."


def wrong_chat(body: Json) -> Iterator[str]:
    """Yield what is wrong with a chat: its sampling, roles, empty turns, results of calls that nobody made."""
    if not 0 <= body.get("temperature", 0) <= 1:
        yield "invalid request: temperature must be between 0 and 1.0 inclusive."
    if len(body.get("stop_sequences", [])) > MOST_STOP_SEQUENCES:
        yield "invalid request: there may be at most 5 stop_sequences."
    if not body.get("messages"):
        yield "invalid request: messages must not be empty."
    called: set[str] = set()
    for number, message in enumerate(body.get("messages", [])):
        role = message["role"]
        if role not in ROLES:
            yield f"invalid request: the role of messages[{number}] must be one of {', '.join(ROLES)}."
        if not message.get("content") and not message.get("tool_calls"):
            yield "message must not be empty in a turn"
        if role == "tool" and message.get("tool_call_id") not in called:
            yield f"invalid request: messages[{number}] is the result of no call."
        called |= {call["id"] for call in message.get("tool_calls") or []}


def wrong_embed(body: Json) -> Iterator[str]:
    """Yield what is wrong with a request for vectors."""
    if body.get("input_type") not in INPUT_TYPES:
        yield "invalid request: valid input_type must be provided with the provided model"
    count = len(body.get("texts") or [])
    if count > MOST_TEXTS:
        yield f"invalid request: total number of texts must be at most {MOST_TEXTS} - received {count}"
    if not any(body.get(name) for name in ("texts", "images", "inputs")):
        yield "invalid request: there must be texts, images or inputs."


def wrong_rerank(body: Json) -> Iterator[str]:
    """Yield what is wrong with a request to rank."""
    if not body.get("query", "").strip():
        yield "invalid request: query must not be empty or be only whitespace"
    if not body.get("documents"):
        yield "invalid request: list of documents must not be empty"
