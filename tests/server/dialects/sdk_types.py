"""Bodies held against the types of the vendors' own clients, closed: what a type does not know is wrong."""

from __future__ import annotations

import base64
import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import botocore.session
from anthropic.types.beta import message_create_params as anthropic_params
from botocore.validate import ParamValidator
from google.genai import types as google_types
from mistralai.client.models import ChatCompletionRequest as MistralRequest
from ollama._types import ChatRequest as OllamaRequest
from openai.types.chat import completion_create_params as openai_params
from pydantic import TypeAdapter, ValidationError

Json = dict[str, Any]  # Any: decoded JSON.
# Members that our dialects send and a client takes as headers, in the path or not at all.
NOT_IN_ANTHROPIC = {"anthropic_version", "anthropic_beta"}


def walk(value: object) -> None:
    """Look at every part: iterables are checked only as they are read."""
    if isinstance(value, Mapping):
        for inner in value.values():
            walk(inner)
    elif isinstance(value, Iterable) and not isinstance(value, str | bytes):
        for inner in value:
            walk(inner)


def by_type(kind: Any) -> Callable[[Json], str]:
    """Return a check by a type; it returns what is wrong, empty for nothing."""
    adapter = TypeAdapter(kind)

    def check(body: Json) -> str:
        try:
            walk(adapter.validate_python(body, strict=False))
        except ValidationError as error:
            return str(error)
        return ""

    return check


@functools.cache
def openai() -> Callable[[Json], str]:
    return by_type(openai_params.CompletionCreateParams)


@functools.cache
def anthropic() -> Callable[[Json], str]:
    return by_type(anthropic_params.MessageCreateParams)


@functools.cache
def mistral() -> Callable[[Json], str]:
    return by_type(MistralRequest)


@functools.cache
def ollama() -> Callable[[Json], str]:
    return by_type(OllamaRequest)


def gemini(body: Json) -> str:
    """Check contents, tools and configuration, which Google's client has as types of its own."""
    config = {**body.get("generationConfig", {})}
    for member, name in (
        ("systemInstruction", "system_instruction"),
        ("tools", "tools"),
        ("toolConfig", "tool_config"),
    ):
        if member in body:
            config[name] = body[member]
    if "labels" in body:
        config["labels"] = body["labels"]
    contents = by_type(list[google_types.Content])(body["contents"])
    return contents or by_type(google_types.GenerateContentConfig)(config)


@functools.cache
def converse_shape() -> Any:
    model = botocore.session.Session().get_service_model("bedrock-runtime")
    return model.operation_model("Converse").input_shape


def bedrock(body: Json) -> str:
    """Check by the service's description, which AWS' own client ships. Bytes are base64 in JSON."""
    shape = converse_shape()
    report = ParamValidator().validate({"modelId": "m", **with_bytes(body, shape)}, shape)
    return str(report.generate_report())


def with_bytes(value: Any, shape: Any) -> Any:
    """Return a value with bytes where a shape has them."""
    if shape.type_name == "structure" and isinstance(value, dict) and not getattr(shape, "is_document_type", False):
        return {
            name: with_bytes(inner, shape.members[name]) if name in shape.members else inner
            for name, inner in value.items()
        }
    if shape.type_name == "list" and isinstance(value, list):
        return [with_bytes(inner, shape.member) for inner in value]
    return base64.b64decode(value) if shape.type_name == "blob" else value


CHECKS: Mapping[str, Callable[[Json], str]] = {
    "openai": lambda body: openai()(body),
    "anthropic": lambda body: anthropic()(
        {name: inner for name, inner in body.items() if name not in NOT_IN_ANTHROPIC}
    ),
    "mistral": lambda body: mistral()(body),
    "ollama": lambda body: ollama()(body),
    "gemini": gemini,
    "bedrock": bedrock,
}
