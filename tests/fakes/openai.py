"""OpenAI's dialect, and a fake OpenAI provider."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes import wire
from tests.fakes.answer import Answer, Counts, Prompt
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import SSE, sse_event
from tests.fakes.provider import FakeProvider
from tests.fakes.request import RecordedRequest

DIMENSION_COUNT = 8
REQUEST_ID = {"x-request-id": "req_fake0001"}

# Error codes and their types at platform.openai.com, "Error codes" (read 2026-11); 529 is of those who imitate OpenAI.
TROUBLES: Mapping[Trouble, tuple[int, str, str, str | None]] = {
    "invalid": (400, "The request is wrong.", "invalid_request_error", None),
    "context_too_long": (
        400,
        "This model's maximum context length is 128000 tokens. However, your messages resulted in 200000 tokens.",
        "invalid_request_error",
        "context_length_exceeded",
    ),
    "content_filtered": (400, "The prompt was filtered.", "invalid_request_error", "content_filter"),
    "key_rejected": (401, "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"),
    "key_forbidden": (403, "This key may not do that.", "invalid_request_error", "permission_denied"),
    "model_unknown": (404, "The model does not exist.", "invalid_request_error", "model_not_found"),
    "rate_limited": (429, "Rate limit reached for requests.", "requests", "rate_limit_exceeded"),
    "server": (500, "The server had an error while processing your request.", "server_error", None),
    "unavailable": (503, "The engine is currently overloaded.", "server_error", "overloaded"),
    "overloaded": (529, "Overloaded.", "overloaded_error", None),
}


class OpenAI:
    """Chat Completions, legacy Completions, Embeddings and Models."""

    name = "openai"
    base_path = "/v1"
    framing = SSE
    headers: Mapping[str, str] = REQUEST_ID
    lacks: frozenset[Trouble | Feature] = frozenset({"count_tokens", "rerank", "signed_reasoning"})
    models: Sequence[str] = wire.MODELS
    malformed = b'data: {"id": "chatcmpl-fake0001", "choices": [{"index": 0, "delta"\n\n'

    def is_generation(self, request: RecordedRequest) -> bool:
        return request.method == "POST" and request.route == "/v1/chat/completions"

    def is_stream(self, request: RecordedRequest) -> bool:
        return bool((request.body or {}).get("stream"))

    def refuse(self, request: RecordedRequest) -> Response | None:
        return None

    def prompt(self, request: RecordedRequest) -> Prompt:
        body = request.body
        last = body["messages"][-1]
        offered: list[str] = []
        if body.get("tools") and body.get("tool_choice") != "none" and last["role"] != "tool":
            offered = [tool["function"]["name"] for tool in body["tools"]]
        called = offered[:1] if body.get("parallel_tool_calls") is False else offered
        return Prompt(text_of(last["content"]), called, body.get("n") or 1)

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        body = request.body
        return wire.completion(body["model"], answers, usage, logprobs=bool(body.get("logprobs")))

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        body = request.body
        made = wire.chunks(
            body["model"], answers, usage, include_usage=includes_usage(body), logprobs=bool(body.get("logprobs"))
        )
        is_usage_sent = includes_usage(body) and usage is not None
        ending = len(made) - (2 if is_usage_sent else 1)
        frames = [sse_event(chunk) for chunk in made]
        return Stream(frames[:1], frames[1:ending], frames[ending:], [wire.DONE])

    def usage(self, counts: Counts) -> object:
        return wire.usage_of(counts.input, counts.output, counts.cached)

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        status, said, kind, code = TROUBLES[trouble]
        headers = {} if retry_after is None else {"retry-after": retry_after}
        return Response(wire.error_body(message or said, kind, code), status, headers)

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        _, said, kind, code = TROUBLES[trouble]
        return sse_event(wire.error_body(message or said, kind, code))

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        route = request.route
        if request.method == "GET" and route == "/v1/models":
            return Response({"object": "list", "data": [wire.model_row(name) for name in wire.MODELS]})
        if request.method == "GET" and route.startswith("/v1/models/"):
            return model(route.removeprefix("/v1/models/"))
        if request.method == "POST" and route == "/v1/completions":
            return legacy(request.body)
        if request.method == "POST" and route == "/v1/embeddings":
            return embeddings(request.body)
        message = f"Unknown request URL: {request.method} {route}."
        return Response(wire.error_body(message, "invalid_request_error", "unknown_url"), 404)


OPENAI = OpenAI()


class FakeOpenAI(FakeProvider):
    """The fake provider that speaks OpenAI. Its `base_url` is what a client takes, `/v1` included."""

    def __init__(self, listener: socket.socket | None = None) -> None:
        super().__init__(OPENAI, listener)


def includes_usage(body: wire.Json) -> bool:
    return bool((body.get("stream_options") or {}).get("include_usage"))


def text_of(content: Any) -> str:  # Any: decoded JSON, a text or a list of parts.
    """Join the texts of a message's content."""
    if isinstance(content, str):
        return content
    return " ".join(part["text"] for part in content or [] if part["type"] == "text")


def model(name: str) -> Response:
    """Describe one model."""
    if name in wire.MODELS:
        return Response(wire.model_row(name))
    message = f"The model '{name}' does not exist"
    return Response(wire.error_body(message, "invalid_request_error", "model_not_found", "model"), 404)


def legacy(body: wire.Json) -> Response | Sequence[bytes]:
    """Echo a raw prompt."""
    prompt = body["prompt"] if isinstance(body["prompt"], str) else "token ids"
    texts = [f"{prompt} continued"] * (body.get("n") or 1)
    usage = wire.usage_of(5, 2 * len(texts))
    if not body.get("stream"):
        return Response(wire.legacy_completion(body["model"], texts, usage), headers=REQUEST_ID)
    made = wire.legacy_chunks(body["model"], texts, usage, include_usage=includes_usage(body))
    return [*map(sse_event, made), wire.DONE]


def embeddings(body: wire.Json) -> Response:
    """Embed a text, a list of texts, a list of token ids, or a list of such lists."""
    given = body["input"]
    inputs = [given] if isinstance(given, str) or isinstance(given[0], int) else given
    dimension_count = body.get("dimensions") or DIMENSION_COUNT
    encoding = body.get("encoding_format") or "float"
    return Response(wire.embeddings(body["model"], inputs, dimension_count, encoding), headers=REQUEST_ID)
