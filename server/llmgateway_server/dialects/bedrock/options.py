"""The dialect's name, the members of its bodies that are the gateway's own, and how a caller's options join them."""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.options import merge_options
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import FieldViolation, InvalidField

# What the count of a conversation's tokens depends on (API reference, `ConverseTokensRequest`).
COUNTED_MEMBERS = frozenset({"messages", "system", "toolConfig", "additionalModelRequestFields"})
NAME = "bedrock"
MODEL_FIELDS = "additionalModelRequestFields"

# What the gateway itself sets: a caller could lift a limit, or spend on another's account, by it.
OWN_MEMBERS = frozenset({"modelId", "messages", "system", "inferenceConfig", "toolConfig", "projectIdentifier"})
EMBED_OWN_MEMBERS = frozenset({"inputText", "inputImage", "texts", "images", "inputs"})
# The same within the fields that Converse hands on to the model as they are.
OWN_MODEL_FIELDS = frozenset(
    {
        "model", "messages", "system", "prompt", "tools", "tool_choice", "max_tokens", "max_completion_tokens",
        "maxTokens", "max_gen_len", "n", "stream", "user", "metadata",
    }
)  # fmt: skip


def merge_converse_options(body: Json, options: Mapping[str, str]) -> None:
    """Merge a caller's options into a Converse body; what they say of the model's own fields joins the gateway's."""
    if NAME not in options:
        return
    fields, output = body.get(MODEL_FIELDS), body.get("outputConfig")
    merge_options(body, options, NAME, OWN_MEMBERS)
    chosen = body.get(MODEL_FIELDS)
    if chosen is not fields:
        body[MODEL_FIELDS] = {**(fields or {}), **checked_model_fields(chosen)}
    if output and isinstance(body["outputConfig"], dict):
        body["outputConfig"] = {**output, **body["outputConfig"]}


def checked_model_fields(chosen: object) -> Json:
    """Return fields for the model. Raise `InvalidField` where they are no object, or some are the gateway's own."""
    path = f'provider_options_json["{NAME}"].{MODEL_FIELDS}'
    if not isinstance(chosen, dict):
        raise invalid(path, "must be a JSON object")
    nested = chosen.get("inferenceConfig")  # Nova's: it holds its own limit
    violations = [
        FieldViolation(f"{path}.{member}", "is set by the gateway: leave it out")
        for member in chosen
        if member in OWN_MODEL_FIELDS
    ]
    if isinstance(nested, dict) and "maxTokens" in nested:
        violations.append(FieldViolation(f"{path}.inferenceConfig.maxTokens", "is set by the gateway: leave it out"))
    if violations:
        raise InvalidField(violations)
    return chosen
