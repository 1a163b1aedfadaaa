"""Anthropic's dialect: Messages, their count of tokens, Models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes import anthropic_wire as wire
from tests.fakes.answer import PROMPT_TOKEN_COUNT, Answer, Counts, Prompt
from tests.fakes.anthropic_rules import complaint
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import SSE, sse_event
from tests.fakes.request import RecordedRequest

MESSAGES, COUNT, MODELS = "/v1/messages", "/v1/messages/count_tokens", "/v1/models"
REQUEST_ID = {"request-id": wire.REQUEST_ID}
# docs.claude.com, "Errors" (read 2026-11). 503 is not there; it comes from what stands before the API.
TROUBLES: Mapping[Trouble, tuple[int, str, str]] = {
    "invalid": (400, "invalid_request_error", "messages: Input should be a valid list"),
    "context_too_long": (400, "invalid_request_error", "prompt is too long: 200001 tokens > 200000 maximum"),
    "content_filtered": (400, "invalid_request_error", "Output blocked by content filtering policy"),
    "key_rejected": (401, "authentication_error", "invalid x-api-key"),
    "key_forbidden": (403, "permission_error", "Your API key does not have permission to use the specified resource."),
    "model_unknown": (404, "not_found_error", "model: claude-0"),
    "rate_limited": (429, "rate_limit_error", "This request would exceed your organization's rate limit."),
    "server": (500, "api_error", "Internal server error"),
    "unavailable": (503, "api_error", "Service unavailable"),
    "overloaded": (529, "overloaded_error", "Overloaded"),
}


class Anthropic:
    """The Messages API. It takes an API key, or a bearer token in its place."""

    name = "anthropic"
    base_path = ""
    framing = SSE
    headers: Mapping[str, str] = REQUEST_ID
    lacks: frozenset[Trouble | Feature] = frozenset({"embeddings", "rerank", "logit_bias", "broken_arguments_whole"})
    models: Sequence[str] = tuple(wire.MODELS)
    malformed = b'event: content_block_delta\ndata: {"type": "content_block_delta", "index": 0, "delta"\n\n'

    def is_generation(self, request: RecordedRequest) -> bool:
        return request.method == "POST" and request.route == MESSAGES

    def is_stream(self, request: RecordedRequest) -> bool:
        return bool((request.body or {}).get("stream"))

    def refuse(self, request: RecordedRequest) -> Response | None:
        found = complaint(request.headers, request.body, generates=self.is_generation(request))
        if found is None:
            return None
        kind, message = found
        return Response(wire.error_body(kind, message), 401 if kind == "authentication_error" else 400, REQUEST_ID)

    def prompt(self, request: RecordedRequest) -> Prompt:
        last = request.body["messages"][-1]["content"]
        has_results = isinstance(last, list) and any(block["type"] == "tool_result" for block in last)
        return Prompt(text_of(last), [] if has_results else called_tools(request.body))

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        return wire.message(request.body["model"], only(answers), usage)

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        made = wire.events(request.body["model"], only(answers), usage)
        first, end = wire.content_bounds(made)
        frames = [event_frame(event) for event in made]
        return Stream(frames[:first], frames[first:end], frames[end:-1], frames[-1:])

    def usage(self, counts: Counts) -> object:
        return wire.usage_of(counts.input, counts.output, counts.cached)

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        status, kind, said = TROUBLES[trouble]
        headers = {**REQUEST_ID, **({} if retry_after is None else {"retry-after": retry_after})}
        return Response(wire.error_body(kind, message or said), status, headers)

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        _, kind, said = TROUBLES[trouble]
        return event_frame(wire.error_body(kind, message or said))

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        route = request.route
        if request.method == "POST" and route == COUNT:
            return Response({"input_tokens": PROMPT_TOKEN_COUNT}, headers=REQUEST_ID)
        if request.method == "GET" and route == MODELS:
            rows = [wire.model_row(name) for name in wire.MODELS]
            page = {"data": rows, "has_more": False, "first_id": rows[0]["id"], "last_id": rows[-1]["id"]}
            return Response(page, headers=REQUEST_ID)
        name = route.removeprefix(f"{MODELS}/")
        if request.method == "GET" and name in wire.MODELS:
            return Response(wire.model_row(name), headers=REQUEST_ID)
        said = f"model: {name}" if name != route else "Not found"
        return Response(wire.error_body("not_found_error", said), 404, REQUEST_ID)


ANTHROPIC = Anthropic()


def only(answers: Sequence[Answer]) -> Answer:
    """Return the one candidate that there may be."""
    (answer,) = answers
    return answer


def event_frame(event: wire.Json) -> bytes:
    """Return an event, named by its type."""
    return sse_event(event, event["type"])


def text_of(content: Any) -> str:  # Any: decoded JSON, a text or a list of blocks.
    """Join the texts of a message's content, those of results included."""
    if isinstance(content, str):
        return content
    texts = [
        text_of(block.get("content")) if block["type"] == "tool_result" else block["text"]
        for block in content or []
        if block["type"] in ("text", "tool_result")
    ]
    return " ".join(texts)


def called_tools(body: wire.Json) -> list[str]:
    """Return the names of the caller's tools that a request wants called."""
    offered = [tool["name"] for tool in body.get("tools", []) if "input_schema" in tool]
    choice = body.get("tool_choice", {"type": "auto"})
    if choice["type"] == "none":
        return []
    if choice["type"] == "tool":
        return [choice["name"]]
    return offered[:1] if choice.get("disable_parallel_tool_use") else offered
