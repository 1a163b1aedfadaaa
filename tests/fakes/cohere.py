"""Cohere's dialect: Chat, Embed and Rerank of version 2, Models of version 1."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes import cohere_wire as wire
from tests.fakes.answer import Answer, Counts, Prompt
from tests.fakes.cohere_rules import complaint
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import SSE, sse_event
from tests.fakes.request import RecordedRequest

CHAT, EMBED, RERANK, MODELS = "/v2/chat", "/v2/embed", "/v2/rerank", "/v1/models"
# docs.cohere.com, "Errors", and the statuses in the description of "Chat API (v2)" (read 2026-11): a status, an
# `error_type` where there is one, words. 498 is for what holds a deny-listed token.
TROUBLES: Mapping[Trouble, tuple[int, str | None, str]] = {
    "invalid": (400, None, "invalid request: all elements in messages must have content."),
    "context_too_long": (
        400,
        "TOO_MANY_TOKENS",
        "too many tokens: size limit exceeded by 11326 tokens. Try using shorter or fewer inputs.",
    ),
    "content_filtered": (498, None, "the request holds a token that is blocked."),
    "key_rejected": (401, None, "invalid api token"),
    "key_forbidden": (403, None, "this api key has no access to the endpoint."),
    "model_unknown": (404, None, "model 'command-0' not found, make sure the correct model ID was used."),
    "rate_limited": (429, None, "You are past the per minute request limit, please wait and try again later."),
    "server": (500, None, "internal server error, this has been reported to our developers."),
    "unavailable": (503, None, "the service is not available, please try again later."),
}
OVERLOADED = "the model is overloaded, please try again later."


class Cohere:
    """Version 2 of the API; it takes a bearer token. What goes wrong inside a stream is told by its end."""

    name = "cohere"
    base_path = ""
    framing = SSE
    headers: Mapping[str, str] = {}
    lacks: frozenset[Trouble | Feature] = frozenset(
        {"overloaded", "count_tokens", "signed_reasoning", "logit_bias", "typed_stream_errors"}
    )
    models: Sequence[str] = tuple(wire.MODELS)
    malformed = b'event: content-delta\ndata: {"type": "content-delta", "index": 0, "delta"\n\n'

    def is_generation(self, request: RecordedRequest) -> bool:
        return request.method == "POST" and request.route == CHAT

    def is_stream(self, request: RecordedRequest) -> bool:
        return bool((request.body or {}).get("stream"))

    def refuse(self, request: RecordedRequest) -> Response | None:
        found = complaint(request.headers, request.route, request.body)
        return None if found is None else Response(wire.error_body(found[1]), found[0])

    def prompt(self, request: RecordedRequest) -> Prompt:
        last = request.body["messages"][-1]
        return Prompt(text_of(last.get("content")), [] if last["role"] == "tool" else called_tools(request.body))

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        return wire.whole(only(answers), usage)

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        made = wire.events(only(answers), usage)
        first, end = wire.content_bounds(made)
        frames = [event_frame(event) for event in made]
        return Stream(frames[:first], frames[first:end], frames[end:-1], [frames[-1], wire.DONE])

    def usage(self, counts: Counts) -> object:
        return wire.usage_of(counts.input, counts.output, counts.cached)

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        status, kind, said = TROUBLES[trouble]
        headers = {} if retry_after is None else {"retry-after": retry_after}
        return Response(wire.error_body(message or said, kind), status, headers)

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        _, kind, said = TROUBLES.get(trouble, (0, None, OVERLOADED))
        return event_frame(wire.failed_end(message or said, kind))

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        asked = (request.method, request.route)
        if asked == ("POST", EMBED):
            return Response(embeddings(request.body))
        if asked == ("POST", RERANK):
            body = request.body
            return Response(wire.rerank(body["query"], body["documents"], body.get("top_n")))
        if asked == ("GET", MODELS):
            return Response({"models": [wire.model_row(name) for name in wire.MODELS]})
        name = request.route.removeprefix(f"{MODELS}/")
        if request.method == "GET" and name in wire.MODELS:
            return Response(wire.model_row(name))
        return Response(wire.error_body(f"model '{name}' not found, make sure the correct model ID was used."), 404)


COHERE = Cohere()


def only(answers: Sequence[Answer]) -> Answer:
    """Return the one candidate that there may be."""
    (answer,) = answers
    return answer


def event_frame(event: wire.Json) -> bytes:
    """Return an event, named by its type."""
    return sse_event(event, event["type"])


def text_of(content: Any) -> str:  # Any: decoded JSON, a text or a list of pieces.
    """Join the texts of a message's content, and the documents of a result."""
    if isinstance(content, str):
        return content
    texts = []
    for piece in content or []:
        if piece["type"] == "text":
            texts.append(piece["text"])
        elif piece["type"] == "document":
            texts.append(json.dumps(piece["document"]["data"]))
    return " ".join(texts)


def called_tools(body: wire.Json) -> list[str]:
    """Return the names of the tools that a request wants called."""
    return [] if body.get("tool_choice") == "NONE" else [tool["function"]["name"] for tool in body.get("tools", [])]


def embeddings(body: wire.Json) -> wire.Json:
    """Embed texts, images, or contents of both."""
    inputs = body.get("texts") or body.get("images") or body["inputs"]
    given = inputs if body.get("texts") else [[item] for item in inputs]  # what is no text is not told again
    return wire.embeddings(
        given, body.get("embedding_types") or ["float"], body.get("output_dimension") or wire.DIMENSION_COUNT
    )
