"""From an answer of the gateway to LangChain's. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult
from llmgateway.v1 import cache_pb2, call_pb2, generation_pb2, message_pb2, usage_pb2

from llmgateway_langchain.content import PROVIDER
from llmgateway_langchain.decode_messages import decode_answer
from llmgateway_langchain.extras import Json

REFUSED = generation_pb2.FINISH_REASON_REFUSED
# JSON has no infinity: the least number that a float can hold stands for a token that could not come.
LEAST_LOGPROB = -1.7976931348623157e308


def decode_response(response: generation_pb2.GenerateResponse) -> ChatResult:
    """Return the answer, a generation for each candidate. Usage is that of all: the first message has it."""
    return ChatResult(
        generations=[
            decode_candidate(candidate, response, is_first=index == 0)
            for index, candidate in enumerate(response.candidates)
        ]
    )


def decode_candidate(
    candidate: generation_pb2.Candidate, response: generation_pb2.GenerateResponse, *, is_first: bool
) -> ChatGeneration:
    """Return one candidate."""
    message = decode_answer(
        candidate.message.parts,
        refused=candidate.finish_reason == REFUSED,
        response_metadata={**call_metadata(response), **candidate_metadata(candidate)},
        usage_metadata=decode_usage(response.usage) if is_first and response.HasField("usage") else None,
    )
    return ChatGeneration(message=message, generation_info={"finish_reason": finish_reason_of(candidate)})


def name_metadata(call: call_pb2.CallInfo) -> Json:
    """Return who answers, as `ChatLLMGateway.model` would name it, and how to read what it says."""
    name = "/".join(part for part in (call.provider, call.model) if part)
    return {"model_provider": PROVIDER, **({"model_name": name} if name else {})}


def call_metadata(response: generation_pb2.GenerateResponse) -> Json:
    """Return what is known of the call; what is unknown has no key."""
    call = response.call
    metadata: Json = name_metadata(call)
    for key, value in (
        ("call_id", call.call_id),
        ("provider_response_id", call.provider_response_id),
        ("service_tier", call.service_tier),
        ("cache_status", cache_status_of(call)),
        ("provider_json", call.provider_json),
    ):
        if value:
            metadata[key] = value
    if response.usage.HasField("cost_usd_nanos"):
        metadata["cost_usd_nanos"] = response.usage.cost_usd_nanos
    if call.warnings:
        metadata["warnings"] = [
            {"field": warning.field, "description": warning.description} for warning in call.warnings
        ]
    return metadata


def candidate_metadata(candidate: generation_pb2.Candidate) -> Json:
    """Return how a candidate ended, and the log probabilities of its tokens."""
    metadata: Json = {"finish_reason": finish_reason_of(candidate)}
    for key, value in (
        ("provider_finish_reason", candidate.provider_finish_reason),
        ("stop_sequence", candidate.stop_sequence),
        ("candidate_provider_json", candidate.provider_json),
    ):
        if value:
            metadata[key] = value
    logprobs = {
        name: [decode_logprob(token) for token in tokens]
        for name, kind in (("content", "text"), ("refusal", "refusal"))
        if (tokens := tokens_of(candidate.message.parts, kind))
    }
    if logprobs:
        metadata["logprobs"] = logprobs
    return metadata


def finish_reason_of(candidate: generation_pb2.Candidate) -> str:
    """Return the contract's word in small letters: `stop`, `length`, `tool_calls`…; `other` for a newer one."""
    known = generation_pb2.FinishReason
    is_known = candidate.finish_reason in known.values()
    name = known.Name(candidate.finish_reason) if is_known else "FINISH_REASON_OTHER"
    return name.removeprefix("FINISH_REASON_").lower()


def cache_status_of(call: call_pb2.CallInfo) -> str:
    """Return what the response cache did, empty where it was not asked."""
    status = call.cache.status
    if not status or status not in cache_pb2.CacheStatus.values():
        return ""
    return cache_pb2.CacheStatus.Name(status).removeprefix("CACHE_STATUS_").lower()


def tokens_of(parts: Iterable[message_pb2.Part], kind: str) -> list[message_pb2.TokenLogprob]:
    """Return the tokens of all parts of a kind."""
    return [token for part in parts if part.WhichOneof("content") == kind for token in part.logprobs]


def decode_logprob(token: message_pb2.TokenLogprob) -> Json:
    """Return a token in OpenAI's format, which LangChain's users know."""
    decoded: Json = {
        "token": token.token,
        "bytes": list(token.utf8) or None,
        "logprob": token.logprob if math.isfinite(token.logprob) else LEAST_LOGPROB,
    }
    if token.top_logprobs:
        decoded["top_logprobs"] = [decode_logprob(other) for other in token.top_logprobs]
    return decoded


def decode_usage(usage: usage_pb2.Usage) -> UsageMetadata:
    """Return the counts. A detail of 0 is left out: the provider gave none."""
    read = given(
        audio=usage.audio_input_token_count,
        cache_creation=usage.cache_write_input_token_count,
        cache_read=usage.cached_input_token_count,
        image=usage.image_input_token_count,
    )
    written = given(
        audio=usage.audio_output_token_count,
        image=usage.image_output_token_count,
        reasoning=usage.reasoning_token_count,
    )
    counts = UsageMetadata(
        input_tokens=usage.input_token_count,
        output_tokens=usage.output_token_count,
        total_tokens=usage.input_token_count + usage.output_token_count,
    )
    if read:
        counts["input_token_details"] = InputTokenDetails(**read)  # type: ignore[typeddict-item]  # it may hold more keys
    if written:
        counts["output_token_details"] = OutputTokenDetails(**written)  # type: ignore[typeddict-item]  # as above
    return counts


def given(**counts: int) -> Mapping[str, Any]:
    """Return the counts that are not 0."""
    return {name: count for name, count in counts.items() if count}
