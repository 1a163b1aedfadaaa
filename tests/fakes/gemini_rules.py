"""What Google refuses in a generation, as far as it is cheap to tell: in which words, and in which order.

The words are those that the API is reported to say (github.com/googleapis/python-genai and google-gemini/gemini-cli,
issues; "Thought signatures" at ai.google.dev; read 2026-11).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.fakes.gemini_wire import Json

REQUEST = "GenerateContentRequest"


def complaint(model: str, body: Any) -> str | None:
    """Return the words of the 400 that a generation deserves; None for a good one. `body` is decoded JSON (Any)."""
    contents = body.get("contents") or []
    if not contents:
        return f"* {REQUEST}.contents: contents is not specified\n"
    wrong = next(wrong_contents(contents), None) or next(wrong_turns(contents), None)
    if wrong is None and model.startswith("gemini-3"):
        wrong = next(unsigned_calls(contents), None)
    return wrong


def wrong_contents(contents: list[Json]) -> Iterator[str]:
    """Yield what is wrong with each turn by itself."""
    for number, content in enumerate(contents):
        path = f"* {REQUEST}.contents[{number}].parts"
        if content.get("role", "user") not in ("user", "model"):
            yield "Please use a valid role: user, model."
        if not content.get("parts"):
            yield f"{path}: contents.parts must not be empty.\n"
        for place, part in enumerate(content.get("parts", [])):
            if not part.keys() - {"thought", "thoughtSignature"}:
                yield f"{path}[{place}].data: required oneof field 'data' must have one initialized field\n"


def wrong_turns(contents: list[Json]) -> Iterator[str]:
    """Yield what is wrong with how turns follow each other: results answer calls, one each, at once."""
    call_count, before = 0, ""
    for content in contents:
        calls, results = count(content, "functionCall"), count(content, "functionResponse")
        if calls and before != "user":
            yield (
                "Please ensure that function call turn comes immediately after a user turn or after a function response"
                " turn."
            )
        if results != call_count:
            yield (
                "Please ensure that the number of function response parts is equal to the number of function call parts"
                " of the function call turn."
            )
        call_count, before = calls, content.get("role", "user")


def unsigned_calls(contents: list[Json]) -> Iterator[str]:
    """Yield the calls since the user's last words that are the first of their turn, and have no signature."""
    spoken = [number for number, content in enumerate(contents) if content.get("role") == "user" and has_words(content)]
    start = spoken[-1] if spoken else 0
    for number, content in enumerate(contents[start:], start):
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls and not calls[0].get("thoughtSignature"):
            name = calls[0]["functionCall"]["name"]
            yield (
                "Function call is missing a thought_signature in functionCall parts. This is required for tools to work"
                f" correctly. Additional data, function call `default_api:{name}` , position {number + 1}."
            )


def has_words(content: Json) -> bool:
    """Whether a turn is more than results."""
    return any("functionResponse" not in part for part in content["parts"])


def count(content: Json, kind: str) -> int:
    """Return how many parts are of a kind."""
    return sum(kind in part for part in content["parts"])
