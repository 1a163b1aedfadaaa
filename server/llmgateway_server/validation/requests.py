"""Finds what is wrong with a request before anything is sent. Pure.

Each check appends what it finds to `wrong`, with the field's path in the proto message. What depends on a target (a
parameter that a model lacks, say) is its codec's to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from llmgateway.v1 import cache_pb2, compare_pb2, embedding_pb2, generation_pb2, model_pb2, rerank_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation
from llmgateway_server.validation.checks import (
    Violations,
    check_json_object,
    check_json_object_map,
    check_token_ids,
    seconds_of,
    unknown_number,
    within,
)
from llmgateway_server.validation.messages import check_media, check_prompt
from llmgateway_server.validation.tools import check_tool_choice, check_tools

MAX_CANDIDATE_COUNT = 128
MAX_STOP_SEQUENCES = 64
MAX_TOP_LOGPROBS = 20
MAX_LABELS = 16
MAX_LABEL_KEY_CHARACTERS = 64
MAX_LABEL_VALUE_CHARACTERS = 512
MAX_EMBED_INPUTS = 2_048
MAX_DOCUMENTS = 1_000
MAX_ID_CHARACTERS = 512
MAX_FALLBACK_MODELS = 16
COMPARED_MODELS = (2, 16)
SORTS = ("price", "latency", "throughput")
HEARTBEAT_S = (5, 60)
# What a comparison's generation leaves out: its models are named beside it, and heartbeats would be of no model.
NOT_COMPARED = frozenset({"model", "heartbeat_interval"})

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
Rerank = rerank_pb2.RerankRequest


def validate_generate(request: Generate, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with a generation; nothing if it may go on."""
    wrong: Violations = []
    check_model(request.model, wrong)
    check_prompt(request, limits, wrong)
    for field, _ in request.ListFields():
        check = GENERATE_CHECKS.get(field.name)
        if check is not None:
            check(request, limits, wrong)
    return wrong


def validate_compare(request: compare_pb2.CompareRequest, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with a comparison as a whole; nothing if it may go on."""
    wrong: Violations = []
    check_compared(request, limits, wrong)
    generation = request.generation
    if generation.model:
        wrong.append(FieldViolation("generation.model", "must be empty: `models` names them"))
    if generation.HasField("heartbeat_interval"):
        wrong.append(
            FieldViolation("generation.heartbeat_interval", "must be left out: a comparison sends no heartbeats")
        )
    for violation in validate_generate(generation, limits):
        if violation.field not in NOT_COMPARED:
            wrong.append(FieldViolation(f"generation.{violation.field}", violation.description))
    return wrong


def validate_embed(request: Embed, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with an embedding request; nothing if it may go on."""
    wrong: Violations = []
    check_model(request.model, wrong)
    if not 1 <= len(request.inputs) <= MAX_EMBED_INPUTS:
        wrong.append(FieldViolation("inputs", f"must hold 1 to {MAX_EMBED_INPUTS} inputs, not {len(request.inputs)}"))
    for index, item in enumerate(request.inputs[:MAX_EMBED_INPUTS]):
        path = f"inputs[{index}]"
        kind = item.WhichOneof("input")
        if kind is None:
            wrong.append(FieldViolation(path, "must hold text, token_ids or media"))
        elif kind == "text" and not item.text:
            wrong.append(FieldViolation(f"{path}.text", "must not be empty"))
        elif kind == "token_ids":
            check_token_ids(f"{path}.token_ids", item.token_ids, wrong)
        elif kind == "media":
            check_media(f"{path}.media", item.media, wrong)
    if request.HasField("dimension_count") and request.dimension_count < 1:
        wrong.append(FieldViolation("dimension_count", "must be at least 1; leave it out for the model's own length"))
    if request.encoding not in embedding_pb2.EmbeddingEncoding.values():
        wrong.append(unknown_number("encoding", request.encoding))
    for field, _ in request.ListFields():
        check = EMBED_CHECKS.get(field.name)
        if check is not None:
            check(request, limits, wrong)
    return wrong


def validate_rerank(request: Rerank, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with a request to rerank; nothing if it may go on."""
    wrong: Violations = []
    check_model(request.model, wrong)
    if not request.query:
        wrong.append(FieldViolation("query", "is required"))
    if not 1 <= len(request.documents) <= MAX_DOCUMENTS:
        description = f"must hold 1 to {MAX_DOCUMENTS} documents, not {len(request.documents)}"
        wrong.append(FieldViolation("documents", description))
    else:
        empty = [index for index, document in enumerate(request.documents) if not document]
        wrong += [FieldViolation(f"documents[{index}]", "must not be empty") for index in empty]
    for name in ("result_count", "max_document_token_count"):
        if request.HasField(name) and getattr(request, name) < 1:
            wrong.append(FieldViolation(name, "must be at least 1; leave it out for all"))
    for field, _ in request.ListFields():
        check = SHARED_CHECKS.get(field.name)
        if check is not None:
            check(request, limits, wrong)
    return wrong


def validate_list_models(request: model_pb2.ListModelsRequest) -> list[FieldViolation]:
    """Return what is wrong with a page's request; page tokens are the pipeline's to read."""
    if request.page_size < 0:
        return [FieldViolation("page_size", "must not be negative; 0 asks for the default")]
    return []


def check_end_user(request: Generate | Embed, _: LimitSettings, wrong: Violations) -> None:
    if len(request.end_user_id) > MAX_ID_CHARACTERS:
        wrong.append(FieldViolation("end_user_id", f"must have at most {MAX_ID_CHARACTERS} characters"))


def check_provider_options(request: Generate | Embed | Rerank, limits: LimitSettings, wrong: Violations) -> None:
    check_json_object_map("provider_options_json", request.provider_options_json, limits, wrong)


def check_model(model: str, wrong: Violations) -> None:
    if not model:
        wrong.append(FieldViolation("model", "is required: name a model as provider/model, or a route"))
    elif len(model) > MAX_ID_CHARACTERS:
        wrong.append(FieldViolation("model", f"must have at most {MAX_ID_CHARACTERS} characters"))


def check_compared(request: compare_pb2.CompareRequest, limits: LimitSettings, wrong: Violations) -> None:
    models = request.models
    least, most = COMPARED_MODELS
    if not least <= len(models) <= most:
        wrong.append(FieldViolation("models", f"must name {least} to {most} models or routes, not {len(models)}"))
    elif len(models) * request.generation.ByteSize() > limits.body_bytes_in_flight:
        # Each model is sent a copy of its own.
        wrong.append(FieldViolation("models", "are too many for a generation of this size: name fewer, or send less"))
    for index, model in enumerate(models[:most]):
        named: Violations = []
        check_model(model, named)
        wrong += [FieldViolation(f"models[{index}]", violation.description) for violation in named]


def check_sampling(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    sampling = request.sampling
    for field, value in sampling.ListFields():
        name = field.name
        if name in RANGES:
            least, most = RANGES[name]
            if not least <= value <= most:  # also refuses NaN
                within(f"sampling.{name}", value, least, most, wrong)
        elif name == "top_p":
            if not 0.0 < value <= 1.0:
                wrong.append(FieldViolation("sampling.top_p", f"must be above 0 and at most 1, not {value:g}"))
        elif name == "top_k":
            if value < 1:
                wrong.append(FieldViolation("sampling.top_k", "must be at least 1"))
        elif name == "stop_sequences":
            check_stop(value, wrong)
        elif name == "logit_bias":
            for token, bias in value.items():
                within(f"sampling.logit_bias[{token}]", bias, -100, 100, wrong)


def check_stop(sequences: Collection[str], wrong: Violations) -> None:
    if len(sequences) > MAX_STOP_SEQUENCES:
        description = f"must hold at most {MAX_STOP_SEQUENCES}, not {len(sequences)}"
        wrong.append(FieldViolation("sampling.stop_sequences", description))
    elif "" in sequences:
        wrong.append(FieldViolation("sampling.stop_sequences", "must not hold an empty text"))


def check_output_limit(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    if request.max_output_token_count < 1:
        wrong.append(
            FieldViolation("max_output_token_count", "must be at least 1; leave it out for the model's own limit")
        )


def check_candidate_count(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    within("candidate_count", request.candidate_count, 1, MAX_CANDIDATE_COUNT, wrong)


def check_top_logprob(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    within("top_logprob_count", request.top_logprob_count, 0, MAX_TOP_LOGPROBS, wrong)


def check_heartbeat(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    within("heartbeat_interval", seconds_of(request.heartbeat_interval), *HEARTBEAT_S, wrong)


def check_unsupported_policy(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    if request.unsupported_policy not in generation_pb2.UnsupportedPolicy.values():
        wrong.append(unknown_number("unsupported_policy", request.unsupported_policy))


def check_routing(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    routing = request.routing
    if len(routing.fallback_models) > MAX_FALLBACK_MODELS:
        description = f"must hold at most {MAX_FALLBACK_MODELS}, not {len(routing.fallback_models)}"
        wrong.append(FieldViolation("routing.fallback_models", description))
    for index, model in enumerate(routing.fallback_models[:MAX_FALLBACK_MODELS]):
        if not 1 <= len(model) <= MAX_ID_CHARACTERS:
            description = f"must name a model or a route, in 1 to {MAX_ID_CHARACTERS} characters"
            wrong.append(FieldViolation(f"routing.fallback_models[{index}]", description))
    if routing.sort and routing.sort not in SORTS:
        wrong.append(FieldViolation("routing.sort", f"must be one of {', '.join(SORTS)}, or empty"))
    for field, price in routing.max_price.ListFields():
        if price < 0:
            wrong.append(FieldViolation(f"routing.max_price.{field.name}", "must not be negative"))
    for name, value in routing.required_tags.items():
        if not name or not value:
            wrong.append(FieldViolation("routing.required_tags", "must have names and values that are not empty"))


def not_served(field: str) -> Callable[[object, LimitSettings, Violations], None]:
    """Return the check of a field that the contract has before the gateway serves it."""

    def refuse(_: object, __: LimitSettings, wrong: Violations) -> None:
        wrong.append(FieldViolation(field, NOT_SERVED))

    return refuse


def check_output_format(request: Generate, limits: LimitSettings, wrong: Violations) -> None:
    output = request.output_format
    kind = output.WhichOneof("format")
    if kind is None:
        wrong.append(FieldViolation("output_format.format", "is required: json_object, json_schema or grammar"))
    elif kind == "json_schema":
        schema = output.json_schema
        if not SCHEMA_NAME.fullmatch(schema.name):
            wrong.append(FieldViolation("output_format.json_schema.name", "must be at most 64 of a-z A-Z 0-9 _ -"))
        check_json_object("output_format.json_schema.schema_json", schema.schema_json, limits, wrong)
    elif kind == "grammar" and not (output.grammar.syntax and output.grammar.definition):
        wrong.append(FieldViolation("output_format.grammar", "must have both syntax and definition"))


def check_reasoning(request: Generate, _: LimitSettings, wrong: Violations) -> None:
    reasoning = request.reasoning
    if reasoning.HasField("max_token_count"):
        if reasoning.max_token_count < 0:
            wrong.append(FieldViolation("reasoning.max_token_count", "must not be negative"))
        if reasoning.effort:
            wrong.append(FieldViolation("reasoning.max_token_count", "excludes effort: send one or the other"))


def check_cache_policy(request: Generate | Embed, _: LimitSettings, wrong: Violations) -> None:
    policy = request.cache_policy
    if policy.mode not in cache_pb2.CachePolicy.Mode.values():
        wrong.append(unknown_number("cache_policy.mode", policy.mode))
    if policy.scope not in cache_pb2.CachePolicy.Scope.values():
        wrong.append(unknown_number("cache_policy.scope", policy.scope))
    if policy.HasField("max_age") and seconds_of(policy.max_age) < 0:
        wrong.append(FieldViolation("cache_policy.max_age", "must not be negative"))
    if policy.HasField("min_similarity"):
        within("cache_policy.min_similarity", policy.min_similarity, 0, 1, wrong)


def check_label(request: Generate | Embed | Rerank, _: LimitSettings, wrong: Violations) -> None:
    labels = request.labels
    if len(labels) > MAX_LABELS:
        wrong.append(FieldViolation("labels", f"must hold at most {MAX_LABELS}, not {len(labels)}"))
    for key, value in labels.items():
        if not 1 <= len(key) <= MAX_LABEL_KEY_CHARACTERS:
            wrong.append(FieldViolation("labels", f"must have keys of 1 to {MAX_LABEL_KEY_CHARACTERS} characters"))
        if len(value) > MAX_LABEL_VALUE_CHARACTERS:
            wrong.append(
                FieldViolation(f"labels[{key[:64]}]", f"must have at most {MAX_LABEL_VALUE_CHARACTERS} characters")
            )


Check = Callable[[Any, LimitSettings, Violations], None]  # Any: the request that the table is of

# What may be wrong with a field that is set. Fields without a row can hold nothing wrong, or are checked whether
# they are set or not.
SHARED_CHECKS: Mapping[str, Check] = {
    "cache_policy": check_cache_policy,
    "labels": check_label,
    "end_user_id": check_end_user,
    "provider_options_json": check_provider_options,
    "idempotency_key": not_served("idempotency_key"),
}
GENERATE_CHECKS: Mapping[str, Check] = {
    **SHARED_CHECKS,
    "tools": check_tools,
    "tool_choice": check_tool_choice,
    "sampling": check_sampling,
    "max_output_token_count": check_output_limit,
    "output_format": check_output_format,
    "reasoning": check_reasoning,
    "candidate_count": check_candidate_count,
    "top_logprob_count": check_top_logprob,
    "heartbeat_interval": check_heartbeat,
    "unsupported_policy": check_unsupported_policy,
    "max_cost_usd_nanos": not_served("max_cost_usd_nanos"),
    "routing": check_routing,
}
EMBED_CHECKS = SHARED_CHECKS
