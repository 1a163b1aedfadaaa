"""GenerateRequest → the body of `POST /v1/messages`.

Members follow Anthropic's API reference, "Create a Message", and its guides to adaptive and extended thinking, effort
and structured outputs (read 2026-11-25). Every field is encoded, or refused by its path, or left out with a warning
where the request's `unsupported_policy` allows it.
"""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

from llmgateway_server.dialects.anthropic.blocks import plain_or_blocks
from llmgateway_server.dialects.anthropic.messages import Conversation
from llmgateway_server.dialects.anthropic.target import Target
from llmgateway_server.dialects.anthropic.thinking import add_reasoning
from llmgateway_server.dialects.anthropic.tools import add_tools
from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.options import decode_object
from llmgateway_server.dialects.reading import Json

Request = generation_pb2.GenerateRequest
MISSING_SAMPLING = ("min_p", "frequency_penalty", "presence_penalty", "seed")
SERVICE_TIERS = frozenset({"auto", "standard_only"})
LEAST_TOP_P_THINKING = 0.95


def encode_body(request: Request, target: Target, *, stream: bool) -> Json:
    """Return the body, without the caller's own options."""
    if request.HasField("raw_prompt"):
        raise target.missing(
            f"raw_prompt: {target.provider} continues no bare text. Send messages, or name a model that does.",
            "raw_prompt",
        )
    body: Json = {"model": target.model, "max_tokens": 0}
    # Tools, system and messages are encoded in the order in which Anthropic caches them: four places at most.
    if request.HasField("reasoning"):
        add_reasoning(body, request, target)
    is_thinking = body.get("thinking", {"type": "disabled"})["type"] != "disabled"
    if request.tools:
        add_tools(body, request, target, is_thinking=is_thinking)
    add_conversation(body, request, target)
    if stream:
        body["stream"] = True
    body["max_tokens"] = max_tokens(body, request, target)
    if request.HasField("sampling"):
        add_sampling(body, request.sampling, target, is_thinking=is_thinking)
    if request.HasField("output_format"):
        add_output_format(body, request.output_format, target)
    add_labels(body, request, target)
    refuse_rest(request, target)
    return body


def add_conversation(body: Json, request: Request, target: Target) -> None:
    """Add the messages, and those of the operator on top."""
    conversation = Conversation(request, target)
    messages = conversation.encode()
    if conversation.system:
        body["system"] = plain_or_blocks(conversation.system)
    body["messages"] = messages


def max_tokens(body: Json, request: Request, target: Target) -> int:
    """Return the limit of the output, which the format wants always. It holds what is thought as well."""
    budget: int = body.get("thinking", {}).get("budget_tokens", 0)
    if not request.HasField("max_output_token_count"):
        default = target.quirks.default_max_tokens
        return default if budget < default else budget + default
    limit = request.max_output_token_count
    if budget >= limit:
        raise invalid("reasoning.max_token_count", "must be less than max_output_token_count, which includes it")
    return limit


def add_sampling(body: Json, sampling: generation_pb2.Sampling, target: Target, *, is_thinking: bool) -> None:
    """Add how tokens are picked."""
    for name in MISSING_SAMPLING:
        if sampling.HasField(name):  # type: ignore[arg-type]  # the name of a field, from a table of them
            target.miss(f"sampling.{name}")
    if sampling.logit_bias:
        target.miss("sampling.logit_bias")
    if sampling.HasField("temperature"):
        add_temperature(body, sampling.temperature, target, is_thinking=is_thinking)
    if sampling.HasField("top_p"):
        if target.quirks.sampling == "one" and "temperature" in body:
            target.miss("sampling.top_p", ": it takes one of temperature and top_p")
        elif is_thinking and sampling.top_p < LEAST_TOP_P_THINKING:
            target.miss("sampling.top_p", ": a model that thinks takes 0.95 to 1")
        else:
            put_sampling(body, "top_p", sampling.top_p, target)
    if sampling.HasField("top_k"):
        if is_thinking:
            target.miss("sampling.top_k", ": a model that thinks has none")
        else:
            put_sampling(body, "top_k", sampling.top_k, target)
    for index, sequence in enumerate(sampling.stop_sequences):
        if sequence.isspace():
            raise invalid(f"sampling.stop_sequences[{index}]", "must hold more than white space here")
    if sampling.stop_sequences:
        target.put(body, "stop_sequences", list(sampling.stop_sequences), "sampling.stop_sequences")


def add_temperature(body: Json, temperature: float, target: Target, *, is_thinking: bool) -> None:
    """Add the temperature: 0 to 1, and 1 where the model thinks."""
    if temperature > 1:
        target.miss("sampling.temperature", ": it takes 0 to 1")
    elif is_thinking and temperature != 1:
        target.miss("sampling.temperature", ": a model that thinks takes 1 alone")
    else:
        put_sampling(body, "temperature", temperature, target)


def put_sampling(body: Json, member: str, value: float, target: Target) -> None:
    """Set a sampling parameter, where the provider takes any."""
    if target.quirks.sampling == "none":
        target.miss(f"sampling.{member}")
    else:
        target.put(body, member, value, f"sampling.{member}")


def add_output_format(body: Json, output: generation_pb2.OutputFormat, target: Target) -> None:
    """Add the schema that the answer must satisfy, always to the letter. It has no name there, but a description."""
    kind = output.WhichOneof("format")
    if kind != "json_schema":
        target.miss(f"output_format.{kind}", ": it takes a JSON Schema alone" if kind == "json_object" else "")
    elif not target.quirks.output_schema:
        target.miss("output_format.json_schema")
    else:
        schema = decode_object(output.json_schema.schema_json)
        if output.json_schema.description:
            schema.setdefault("description", output.json_schema.description)
        body.setdefault("output_config", {})["format"] = {"type": "json_schema", "schema": schema}


def add_labels(body: Json, request: Request, target: Target) -> None:
    """Add whom the call is for, how it is served, and how long the prompt is kept."""
    if request.end_user_id:
        target.put(body, "metadata", {"user_id": request.end_user_id}, "end_user_id")
    if request.service_tier:
        if request.service_tier in SERVICE_TIERS:
            target.put(body, "service_tier", request.service_tier, "service_tier")
        else:
            target.miss("service_tier", ": it takes auto or standard_only")
    if request.HasField("prompt_cache"):
        if request.prompt_cache.key:
            target.miss("prompt_cache.key")
        if request.prompt_cache.ttl:
            target.add_last_breakpoint(body, request.prompt_cache.ttl, "prompt_cache.ttl")


def refuse_rest(request: Request, target: Target) -> None:
    """Refuse what the format has no place for at all."""
    if request.HasField("candidate_count") and request.candidate_count != 1:
        target.miss("candidate_count", ": it writes one")
    if request.HasField("top_logprob_count"):
        target.miss("top_logprob_count")
    if request.output_modalities and list(request.output_modalities) != ["text"]:
        target.miss("output_modalities", ": it writes text")
    if request.HasField("audio"):
        target.miss("audio")
