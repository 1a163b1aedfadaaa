"""Finds what is wrong with a request before anything is sent. Pure.

Each function returns violations with the field's path in the proto message. What depends on a target (a
parameter that a model lacks, say) is its codec's to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from llmgateway.v1 import cache_pb2, embedding_pb2, generation_pb2, model_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation
from llmgateway_server.validation.checks import (
    Violations,
    json_object_map_violations,
    json_object_violations,
    seconds_of,
    token_ids_violations,
    unknown_number,
    within,
)
from llmgateway_server.validation.messages import media_violations, prompt_violations
from llmgateway_server.validation.tools import tool_choice_violations, tools_violations

MAX_CANDIDATE_COUNT = 128
MAX_STOP_SEQUENCES = 64
MAX_TOP_LOGPROBS = 20
MAX_LABELS = 16
MAX_LABEL_KEY_CHARACTERS = 64
MAX_LABEL_VALUE_CHARACTERS = 512
MAX_EMBED_INPUTS = 2_048
MAX_ID_CHARACTERS = 512
HEARTBEAT_S = (5, 60)

SCHEMA_NAME = re.compile(r"[a-zA-Z0-9_-]{0,64}")

# Sampling parameters that are a number within a range.
RANGES = {
    "temperature": (0.0, 2.0),
    "min_p": (0.0, 1.0),
    "frequency_penalty": (-2.0, 2.0),
    "presence_penalty": (-2.0, 2.0),
}
NOT_SERVED = "is not served yet: leave it out"

Generate = generation_pb2.GenerateRequest
Embed = embedding_pb2.EmbedRequest


def validate_generate(request: Generate, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with a generation; nothing if it may go on."""
    return list(generate_violations(request, limits))


def generate_violations(request: Generate, limits: LimitSettings) -> Violations:
    yield from model_violations(request.model)
    yield from prompt_violations(request, limits)
    for field, _ in request.ListFields():
        check = GENERATE_CHECKS.get(field.name)
        if check is not None:
            yield from check(request, limits)


def validate_embed(request: Embed, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with an embedding request; nothing if it may go on."""
    return list(embed_violations(request, limits))


def embed_violations(request: Embed, limits: LimitSettings) -> Violations:
    yield from model_violations(request.model)
    if not 1 <= len(request.inputs) <= MAX_EMBED_INPUTS:
        yield FieldViolation("inputs", f"must hold 1 to {MAX_EMBED_INPUTS} inputs, not {len(request.inputs)}")
    for index, item in enumerate(request.inputs[:MAX_EMBED_INPUTS]):
        path = f"inputs[{index}]"
        kind = item.WhichOneof("input")
        if kind is None:
            yield FieldViolation(path, "must hold text, token_ids or media")
        elif kind == "text" and not item.text:
            yield FieldViolation(f"{path}.text", "must not be empty")
        elif kind == "token_ids":
            yield from token_ids_violations(f"{path}.token_ids", item.token_ids)
        elif kind == "media":
            yield from media_violations(f"{path}.media", item.media)
    if request.HasField("dimension_count") and request.dimension_count < 1:
        yield FieldViolation("dimension_count", "must be at least 1; leave it out for the model's own length")
    if request.encoding not in embedding_pb2.EmbeddingEncoding.values():
        yield unknown_number("encoding", request.encoding)
    for field, _ in request.ListFields():
        check = EMBED_CHECKS.get(field.name)
        if check is not None:
            yield from check(request, limits)


def validate_list_models(request: model_pb2.ListModelsRequest) -> list[FieldViolation]:
    """Return what is wrong with a page's request; page tokens are the pipeline's to read."""
    if request.page_size < 0:
        return [FieldViolation("page_size", "must not be negative; 0 asks for the default")]
    return []


def end_user_violations(request: Generate | Embed, _: LimitSettings) -> Violations:
    if len(request.end_user_id) > MAX_ID_CHARACTERS:
        yield FieldViolation("end_user_id", f"must have at most {MAX_ID_CHARACTERS} characters")


def provider_options_violations(request: Generate | Embed, limits: LimitSettings) -> Violations:
    yield from json_object_map_violations("provider_options_json", request.provider_options_json, limits)


def model_violations(model: str) -> Violations:
    if not model:
        yield FieldViolation("model", "is required: name a model as provider/model, or a route")
    elif len(model) > MAX_ID_CHARACTERS:
        yield FieldViolation("model", f"must have at most {MAX_ID_CHARACTERS} characters")


def sampling_violations(request: Generate, _: LimitSettings) -> Violations:
    sampling = request.sampling
    for field, value in sampling.ListFields():
        name = field.name
        if name in RANGES:
            least, most = RANGES[name]
            if not least <= value <= most:  # also refuses NaN
                yield from within(f"sampling.{name}", value, least, most)
        elif name == "top_p":
            if not 0.0 < value <= 1.0:
                yield FieldViolation("sampling.top_p", f"must be above 0 and at most 1, not {value:g}")
        elif name == "top_k":
            if value < 1:
                yield FieldViolation("sampling.top_k", "must be at least 1")
        elif name == "stop_sequences":
            yield from stop_violations(value)
        elif name == "logit_bias":
            for token, bias in value.items():
                yield from within(f"sampling.logit_bias[{token}]", bias, -100, 100)


def stop_violations(sequences: Collection[str]) -> Violations:
    if len(sequences) > MAX_STOP_SEQUENCES:
        description = f"must hold at most {MAX_STOP_SEQUENCES}, not {len(sequences)}"
        yield FieldViolation("sampling.stop_sequences", description)
    elif "" in sequences:
        yield FieldViolation("sampling.stop_sequences", "must not hold an empty text")


def output_limit_violations(request: Generate, _: LimitSettings) -> Violations:
    if request.max_output_token_count < 1:
        yield FieldViolation("max_output_token_count", "must be at least 1; leave it out for the model's own limit")


def candidate_count_violations(request: Generate, _: LimitSettings) -> Violations:
    return within("candidate_count", request.candidate_count, 1, MAX_CANDIDATE_COUNT)


def top_logprob_violations(request: Generate, _: LimitSettings) -> Violations:
    return within("top_logprob_count", request.top_logprob_count, 0, MAX_TOP_LOGPROBS)


def heartbeat_violations(request: Generate, _: LimitSettings) -> Violations:
    return within("heartbeat_interval", seconds_of(request.heartbeat_interval), *HEARTBEAT_S)


def unsupported_policy_violations(request: Generate, _: LimitSettings) -> Violations:
    if request.unsupported_policy not in generation_pb2.UnsupportedPolicy.values():
        yield unknown_number("unsupported_policy", request.unsupported_policy)


def routing_violations(request: Generate, _: LimitSettings) -> Violations:
    if request.routing.fallback_models:
        yield FieldViolation("routing.fallback_models", NOT_SERVED)


def not_served(field: str) -> Callable[[object, LimitSettings], Violations]:
    """Return the check of a field that the contract has before the gateway serves it."""

    def refuse(_: object, __: LimitSettings) -> Violations:
        yield FieldViolation(field, NOT_SERVED)

    return refuse


def output_format_violations(request: Generate, limits: LimitSettings) -> Violations:
    output = request.output_format
    kind = output.WhichOneof("format")
    if kind is None:
        yield FieldViolation("output_format.format", "is required: json_object, json_schema or grammar")
    elif kind == "json_schema":
        schema = output.json_schema
        if not SCHEMA_NAME.fullmatch(schema.name):
            yield FieldViolation("output_format.json_schema.name", "must be at most 64 of a-z A-Z 0-9 _ -")
        yield from json_object_violations("output_format.json_schema.schema_json", schema.schema_json, limits)
    elif kind == "grammar" and not (output.grammar.syntax and output.grammar.definition):
        yield FieldViolation("output_format.grammar", "must have both syntax and definition")


def reasoning_violations(request: Generate, _: LimitSettings) -> Violations:
    reasoning = request.reasoning
    if reasoning.HasField("max_token_count"):
        if reasoning.max_token_count < 0:
            yield FieldViolation("reasoning.max_token_count", "must not be negative")
        if reasoning.effort:
            yield FieldViolation("reasoning.max_token_count", "excludes effort: send one or the other")


def cache_policy_violations(request: Generate | Embed, _: LimitSettings) -> Violations:
    policy = request.cache_policy
    if policy.mode not in cache_pb2.CachePolicy.Mode.values():
        yield unknown_number("cache_policy.mode", policy.mode)
    if policy.scope not in cache_pb2.CachePolicy.Scope.values():
        yield unknown_number("cache_policy.scope", policy.scope)
    if policy.HasField("max_age") and seconds_of(policy.max_age) < 0:
        yield FieldViolation("cache_policy.max_age", "must not be negative")
    if policy.HasField("min_similarity"):
        yield from within("cache_policy.min_similarity", policy.min_similarity, 0, 1)


def label_violations(request: Generate | Embed, _: LimitSettings) -> Violations:
    labels = request.labels
    if len(labels) > MAX_LABELS:
        yield FieldViolation("labels", f"must hold at most {MAX_LABELS}, not {len(labels)}")
    for key, value in labels.items():
        if not 1 <= len(key) <= MAX_LABEL_KEY_CHARACTERS:
            yield FieldViolation("labels", f"must have keys of 1 to {MAX_LABEL_KEY_CHARACTERS} characters")
        if len(value) > MAX_LABEL_VALUE_CHARACTERS:
            yield FieldViolation(f"labels[{key[:64]}]", f"must have at most {MAX_LABEL_VALUE_CHARACTERS} characters")


Check = Callable[[Any, LimitSettings], Violations]  # Any: the request that the table is of

# What may be wrong with a field that is set. Fields without a row can hold nothing wrong, or are checked whether
# they are set or not.
SHARED_CHECKS: Mapping[str, Check] = {
    "cache_policy": cache_policy_violations,
    "labels": label_violations,
    "end_user_id": end_user_violations,
    "provider_options_json": provider_options_violations,
    "idempotency_key": not_served("idempotency_key"),
}
GENERATE_CHECKS: Mapping[str, Check] = {
    **SHARED_CHECKS,
    "tools": tools_violations,
    "tool_choice": tool_choice_violations,
    "sampling": sampling_violations,
    "max_output_token_count": output_limit_violations,
    "output_format": output_format_violations,
    "reasoning": reasoning_violations,
    "candidate_count": candidate_count_violations,
    "top_logprob_count": top_logprob_violations,
    "heartbeat_interval": heartbeat_violations,
    "unsupported_policy": unsupported_policy_violations,
    "max_cost_usd_nanos": not_served("max_cost_usd_nanos"),
    "routing": routing_violations,
}
EMBED_CHECKS = SHARED_CHECKS
