"""OpenRouter's dialect: OpenAI's, with the provider behind it, its reasoning, costs, comments and errors.

openrouter.ai/docs, "Streaming", "Errors and Debugging", "Usage accounting", "Reasoning tokens" (read 2026-11).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from tests.fakes import wire
from tests.fakes.answer import Answer, Counts
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import SSE, sse_event
from tests.fakes.openai import OpenAI
from tests.fakes.request import RecordedRequest

PROVIDER = "Anthropic"
COMMENT = b": OPENROUTER PROCESSING\n\n"
COST_USD = 0.000125
FORMAT = "anthropic-claude-v1"
SIGNATURE = "c2lnbmF0dXJlIG9mIGEgZmFrZQ=="
MODELS = ("anthropic/claude-sonnet-4.5", "openai/gpt-4.1")
NATIVE_REASONS = {"stop": "end_turn", "tool_calls": "tool_use", "length": "max_tokens"}
RAW = '{"type":"error","error":{"type":"rate_limit_error","message":"slow down"}}'
# Status, message, what stands beside them.
TROUBLES: Mapping[Trouble, tuple[int, str, wire.Json]] = {
    "invalid": (400, 'Input required: specify "prompt" or "messages"', {}),
    "context_too_long": (
        400,
        "This endpoint's maximum context length is 200000 tokens. However, you requested about 2500021 tokens.",
        {"provider_name": None},
    ),
    "content_filtered": (
        403,
        "Your chosen model requires moderation and your input was flagged",
        {"reasons": ["hate"], "flagged_input": "Hello", "provider_name": PROVIDER, "model_slug": MODELS[0]},
    ),
    "key_rejected": (401, "User not found.", {}),
    "key_forbidden": (403, "Key limit exceeded", {}),
    "model_unknown": (400, "openai/gpt-0 is not a valid model ID", {}),
    "rate_limited": (429, "Provider returned error", {"provider_name": PROVIDER, "raw": RAW}),
    "server": (500, "Internal Server Error", {}),
    "unavailable": (503, "No available model provider meets your routing requirements", {}),
    "overloaded": (529, "Provider is overloaded", {"error_type": "provider_overloaded"}),
}
# What no other vendor's table has: status and message, by what happened.
OWN_TROUBLES: Mapping[str, tuple[int, str]] = {
    "no credit": (402, "Insufficient credits"),
    "a time-out": (408, "Request timed out"),
    "too large": (413, "Request payload is too large"),
    "a model that is down": (502, "Provider returned an invalid response"),
    "a network's time-out": (524, "The edge network timed out"),
}


class OpenRouter(OpenAI):
    """OpenRouter. The usage and its cost come last, without being asked for."""

    name = "openrouter"
    base_path = "/api/v1"
    framing = dataclasses.replace(SSE, noise=COMMENT)
    headers: Mapping[str, str] = {"x-generation-id": "gen-fake0001"}
    lacks: frozenset[Trouble | Feature] = frozenset({"count_tokens", "rerank", "signed_reasoning"})
    models: Sequence[str] = MODELS

    def is_generation(self, request: RecordedRequest) -> bool:
        return super().is_generation(as_openai_s(request))

    def refuse(self, request: RecordedRequest) -> Response | None:
        is_public = request.method == "GET"
        if is_public or request.headers.get("authorization", "").startswith("Bearer "):
            return None
        return Response(error_body(401, "Missing Authentication header"), 401)

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        body = wire.completion(request.body["model"], [plain(answer) for answer in answers], usage)
        for choice, answer in zip(body["choices"], answers, strict=True):
            choice["native_finish_reason"] = NATIVE_REASONS.get(choice["finish_reason"], choice["finish_reason"])
            choice["message"] |= reasoning_of(answer.reasoning, SIGNATURE)
        return {**body, "id": "gen-fake0001", "provider": PROVIDER}

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        made = [*self._chunks(request, answers)]
        last = {**made[-1], **({} if usage is None else {"usage": usage})}
        frames = [sse_event(chunk) for chunk in made]
        # A whole answer of text begins at once; comments keep the line alive before it.
        return Stream([COMMENT, COMMENT], frames[:-1], [frames[-1], COMMENT, sse_event(last)], [wire.DONE])

    def _chunks(self, request: RecordedRequest, answers: Sequence[Answer]) -> Iterator[wire.Json]:
        """Yield the chunks with content, and those that end candidates; each says the role again."""
        for index, answer in enumerate(answers):
            if answer.reasoning is not None:
                yield chunk_of(request, index, {"content": "", **reasoning_of(answer.reasoning)})
                yield chunk_of(request, index, {"content": "", **reasoning_of("", SIGNATURE)})
            _, *choices = wire.choice_deltas(index, plain(answer), logprobs=False)
            for choice in choices:
                yield chunk_of(request, index, {"content": "", **choice["delta"]}, choice["finish_reason"])

    def usage(self, counts: Counts) -> object:
        told = wire.usage_of(counts.input, counts.output, counts.cached)
        parts = {f"upstream_inference_{part}": COST_USD for part in ("cost", "prompt_cost", "completions_cost")}
        return {**told, "cost": COST_USD, "is_byok": False, "cost_details": parts}

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        status, said, metadata = TROUBLES[trouble]
        headers = {} if retry_after is None else {"retry-after": retry_after}
        return Response(error_body(status, message or said, metadata), status, headers)

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        status, said, metadata = TROUBLES[trouble]
        choice = {"index": 0, "delta": {"content": ""}, "finish_reason": "error", "native_finish_reason": "error"}
        return sse_event({**envelope("m"), **error_body(status, message or said, metadata), "choices": [choice]})

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        if request.method == "GET" and request.route == f"{self.base_path}/models":
            return Response({"data": [model_row(name) for name in MODELS]})
        return super().rest(as_openai_s(request))


OPENROUTER = OpenRouter()


def as_openai_s(request: RecordedRequest) -> RecordedRequest:
    """Return a request as OpenAI would get it."""
    return dataclasses.replace(request, path=request.path.removeprefix("/api"))


def plain(answer: Answer) -> Answer:
    """Return an answer without its thoughts, which have other names here."""
    return dataclasses.replace(answer, reasoning=None)


def reasoning_of(thought: str | None, signature: str | None = None) -> wire.Json:
    """Return the members of a message or delta that hold a thought."""
    if thought is None:
        return {}
    detail: wire.Json = {"type": "reasoning.text", "text": thought, "format": FORMAT, "index": 0}
    return {
        "reasoning": thought or None,
        "reasoning_details": [{**detail, **({"signature": signature} if signature else {})}],
    }


def envelope(model: str) -> wire.Json:
    return {
        "id": "gen-fake0001", "object": "chat.completion.chunk", "created": wire.CREATED, "model": model,
        "provider": PROVIDER,
    }  # fmt: skip


def chunk_of(request: RecordedRequest, index: int, delta: wire.Json, finish_reason: str | None = None) -> wire.Json:
    """Return a chunk with one choice."""
    native = None if finish_reason is None else NATIVE_REASONS.get(finish_reason, finish_reason)
    said = {"role": "assistant", **delta}
    choice = {"index": index, "delta": said, "finish_reason": finish_reason, "native_finish_reason": native}
    return {**envelope(request.body["model"]), "choices": [choice]}


def error_body(status: int, message: str, metadata: Mapping[str, object] | None = None) -> wire.Json:
    """Return an error as OpenRouter words it."""
    return {"error": {"message": message, "code": status, **({"metadata": metadata} if metadata else {})}}


def model_row(name: str) -> wire.Json:
    return {
        "id": name, "canonical_slug": name, "name": name, "created": wire.CREATED, "context_length": 200_000,
        "architecture": {"input_modalities": ["text", "image"], "output_modalities": ["text"], "tokenizer": "Other"},
        "pricing": {"prompt": "0.000003", "completion": "0.000015"},
        "supported_parameters": ["max_tokens", "tools"],
    }  # fmt: skip
