"""From messages and options to a request. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from google.protobuf import json_format
from langchain_core.messages import BaseMessage
from langchain_core.utils.function_calling import convert_to_json_schema
from llmgateway.v1 import generation_pb2

from llmgateway_langchain.encode_messages import encode_messages
from llmgateway_langchain.encode_tools import encode_tool, encode_tool_choice
from llmgateway_langchain.extras import Json, text_at

Request = generation_pb2.GenerateRequest
Options = Mapping[str, Any]  # any value: each option has a type of its own

SAMPLING = ("temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "seed")
MAX_NAME_LENGTH = 64


def encode_request(messages: Sequence[BaseMessage], options: Options) -> Request:
    """Return the request for a conversation. Options that are None are not given.

    Raise `TypeError` for an unknown option, `ValueError` for a wrong one, or for a message that cannot be sent.
    """
    given = {name: value for name, value in options.items() if value is not None}
    unknown = sorted(given.keys() - OPTIONS.keys() - TOGETHER)
    if unknown:
        raise TypeError(f"{', '.join(unknown)}: no such option. Set other fields of GenerateRequest by request_fields.")
    request = parse_fields(given.get("request_fields") or {})
    for name, apply in OPTIONS.items():
        if name in given:
            apply(request, given[name])
    set_tools(request, given)
    request.messages.extend(encode_messages(messages))
    return request


def parse_fields(fields: Mapping[str, Any]) -> Request:
    """Return a request with fields given in proto JSON; raise `ValueError` for what is no field of it."""
    request = Request()
    try:
        json_format.ParseDict(dict(fields), request)
    except json_format.ParseError as error:
        raise ValueError(f"request_fields is no GenerateRequest in proto JSON: {error}") from error
    return request


def set_tools(request: Request, given: Options) -> None:
    """Set the tools and the choice among them, which depends on their names."""
    request.tools.extend(encode_tool(described) for described in given.get("tools") or ())
    choice = encode_tool_choice(given.get("tool_choice"), request.tools, given.get("parallel_tool_calls"))
    if choice is not None:
        request.tool_choice.CopyFrom(choice)


def set_stop(request: Request, stop: Sequence[str]) -> None:
    """Set the stop sequences in place of any others."""
    del request.sampling.stop_sequences[:]
    request.sampling.stop_sequences.extend(stop)


def set_logprobs(request: Request, wanted: bool) -> None:
    """Ask for log probabilities, without alternatives unless `top_logprobs` asks for them."""
    if wanted and not request.HasField("top_logprob_count"):
        request.top_logprob_count = 0


def set_logit_bias(request: Request, bias: Mapping[Any, float]) -> None:
    """Set what to add to tokens by their numbers, which JSON has as strings."""
    for token, value in bias.items():
        request.sampling.logit_bias[int(token)] = value


def set_provider_options(request: Request, options: Mapping[str, Any]) -> None:
    """Set the JSON objects for dialects, given as text or as values."""
    for dialect, value in options.items():
        request.provider_options_json[dialect] = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        )


def set_response_format(request: Request, form: Any) -> None:
    """Set the format of the answer: OpenAI's `response_format`, or a schema in any of the forms LangChain takes."""
    kind = text_at(form, "type") if isinstance(form, Mapping) else ""
    if kind == "text":
        return
    if kind == "json_object":
        request.output_format.json_object.SetInParent()
        return
    described = form["json_schema"] if kind == "json_schema" else schema_format(form)["json_schema"]
    target = request.output_format.json_schema
    target.name = text_at(described, "name")
    target.description = text_at(described, "description")
    target.schema_json = json.dumps(described["schema"], ensure_ascii=False)
    if described.get("strict") is not None:
        target.strict = described["strict"]


def schema_format(schema: Any, strict: bool | None = None) -> Json:
    """Return OpenAI's `response_format` for a schema."""
    converted = convert_to_json_schema(schema, strict=strict)
    # Names may be fewer here than titles in JSON Schema.
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", text_at(converted, "title"))[:MAX_NAME_LENGTH]
    described: Json = {"name": name, "schema": converted}
    if text_at(converted, "description"):
        described["description"] = converted["description"]
    if strict is not None:
        described["strict"] = strict
    return {"type": "json_schema", "json_schema": described}


def setter(path: str) -> Callable[[Request, Any], None]:
    """Return what sets a field by its path."""
    *parents, name = path.split(".")

    def set_field(request: Request, value: Any) -> None:
        target: Any = request
        for parent in parents:
            target = getattr(target, parent)
        setattr(target, name, value)

    return set_field


# Each option of a call, and what it does to the request, in this order.
OPTIONS: Mapping[str, Callable[[Request, Any], None]] = {
    **{name: setter(f"sampling.{name}") for name in SAMPLING},
    "model": setter("model"),
    "max_tokens": setter("max_output_token_count"),
    "n": setter("candidate_count"),
    "top_logprobs": setter("top_logprob_count"),
    "logprobs": set_logprobs,
    "stop": set_stop,
    "logit_bias": set_logit_bias,
    "reasoning_effort": setter("reasoning.effort"),
    "reasoning_max_tokens": setter("reasoning.max_token_count"),
    "reasoning_visibility": setter("reasoning.visibility"),
    "response_format": set_response_format,
    "provider_options_json": set_provider_options,
    "labels": lambda request, labels: request.labels.update(labels),
}
# What is read in another place, or together.
TOGETHER = frozenset({"request_fields", "tools", "tool_choice", "parallel_tool_calls"})
