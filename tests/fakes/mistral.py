"""Mistral's dialect: Chat Completions, Embeddings, Models. It resembles OpenAI's, but takes nothing undeclared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.fakes import mistral_wire as wire
from tests.fakes.answer import Answer, Counts, Prompt
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import SSE, sse_event
from tests.fakes.mistral_rules import complaint, undeclared
from tests.fakes.openai import DIMENSION_COUNT, OPENAI
from tests.fakes.request import RecordedRequest
from tests.fakes.wire import DONE

CHAT, EMBEDDINGS, MODELS = "/v1/chat/completions", "/v1/embeddings", "/v1/models"
CORRELATION_ID = {"mistral-correlation-id": "01a01a71-0000-7000-8000-00000000fa4e"}
# docs.mistral.ai, "Error glossary" (read 2026-11); types and codes are those of answers that its users quote.
TROUBLES: Mapping[Trouble, tuple[int, str, str, str | None]] = {
    "invalid": (400, "Invalid request.", "invalid_request_error", "3000"),
    "context_too_long": (
        400,
        "Prompt contains 200000 tokens, too large for model with 131072 maximum context length",
        "invalid_request_prompt",
        "3051",
    ),
    "key_forbidden": (403, "You do not have access to this resource.", "forbidden", None),
    "model_unknown": (400, "Invalid model: mistral-0", "invalid_model", "1500"),
    "rate_limited": (429, "Rate limit exceeded", "rate_limited", "1300"),
    "server": (500, "Internal server error", "server_error", "1000"),
    "unavailable": (
        503, "Service tier capacity exceeded for this model.", "service_tier_capacity_exceeded", "3505",
    ),
}  # fmt: skip
KEY_REJECTED = "Invalid API Key"


class Mistral:
    """The API of la Plateforme. A key that it refuses, and members that it does not know, are told as `detail`."""

    name = "mistral"
    base_path = "/v1"
    framing = SSE
    headers: Mapping[str, str] = CORRELATION_ID
    lacks: frozenset[Trouble | Feature] = frozenset(
        {"content_filtered", "overloaded", "count_tokens", "rerank", "signed_reasoning", "logit_bias"}
    )
    models: Sequence[str] = tuple(wire.MODELS)
    malformed = b'data: {"id": "fa4e", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta"\n\n'

    def is_generation(self, request: RecordedRequest) -> bool:
        return request.method == "POST" and request.route == CHAT

    def is_stream(self, request: RecordedRequest) -> bool:
        return bool((request.body or {}).get("stream"))

    def refuse(self, request: RecordedRequest) -> Response | None:
        if not request.headers.get("authorization", "").startswith("Bearer "):
            return self.refusal("key_rejected")
        if request.body is None:
            return None
        generates = self.is_generation(request)
        found = undeclared(request.body, generates=generates)
        if found:
            return Response({"detail": found}, 422, CORRELATION_ID)
        wrong = complaint(request.body["messages"]) if generates else None
        return None if wrong is None else Response(wire.error_body(wrong[0], *wrong[1], 400), 400, CORRELATION_ID)

    def prompt(self, request: RecordedRequest) -> Prompt:
        asked = OPENAI.prompt(request)
        choice = request.body.get("tool_choice")
        if asked.tool_names and isinstance(choice, dict):
            return Prompt(asked.text, [choice["function"]["name"]], asked.candidate_count)
        return asked

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        return wire.completion(request.body["model"], answers, usage)

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        made, last = wire.chunks(request.body["model"], answers, usage)
        first, *content = [sse_event(chunk) for chunk in made]
        end = [sse_event(last)]
        if answers[-1].tool_calls:  # They come whole, in the chunk that ends their candidate.
            return Stream([first], [*content, *end], [], [DONE])
        return Stream([first], content, end, [DONE])

    def usage(self, counts: Counts) -> object:
        return wire.usage_of(counts)

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        headers = {**CORRELATION_ID, **({} if retry_after is None else {"retry-after": retry_after})}
        if trouble == "key_rejected":
            return Response({"detail": message or KEY_REJECTED}, 401, headers)
        status, said, kind, code = TROUBLES[trouble]
        return Response(wire.error_body(message or said, kind, code, status), status, headers)

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        # Its documentation is silent about errors inside a stream: they are taken to be worded as outside.
        known = trouble if trouble in TROUBLES else "server"
        status, said, kind, code = TROUBLES[known]
        return sse_event(wire.error_body(message or said, kind, code, status))

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        route = request.route
        if request.method == "GET" and route == MODELS:
            rows = [wire.model_row(name) for name in wire.MODELS]
            return Response({"object": "list", "data": rows}, headers=CORRELATION_ID)
        name = route.removeprefix(f"{MODELS}/")
        if request.method == "GET" and name in wire.MODELS:
            return Response(wire.model_row(name), headers=CORRELATION_ID)
        if request.method == "POST" and route == EMBEDDINGS:
            return Response(wire.embeddings(request.body, DIMENSION_COUNT), headers=CORRELATION_ID)
        if name != route:
            return Response(
                wire.error_body(f"Invalid model: {name}", "invalid_model", "1500", 404), 404, CORRELATION_ID
            )
        return Response({"detail": "Not Found"}, 404, CORRELATION_ID)


MISTRAL = Mistral()
