"""The dialect's name, and how a caller's own members come into its bodies."""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server.dialects.options import decode_object
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import FieldViolation, InvalidField

NAME = "gemini"

# What the gateway itself sets, in both spellings that Google reads: a caller could lift a limit by it, choose the
# model, or have the answer written elsewhere.
OWN_MEMBERS = frozenset(
    {
        "model", "contents", "content", "requests", "instances", "generateContentRequest", "generate_content_request",
        "systemInstruction", "system_instruction", "tools", "generation_config", "tool_config", "labels", "store",
        "outputConfig", "output_config", "continuationToken", "continuation_token",
    }
)  # fmt: skip
# Objects that are merged member by member, and the gateway's own of theirs.
MERGED_MEMBERS: Mapping[str, frozenset[str]] = {
    "generationConfig": frozenset({"candidateCount", "candidate_count", "maxOutputTokens", "max_output_tokens"}),
    "toolConfig": frozenset({"functionCallingConfig", "function_calling_config"}),
    "parameters": frozenset(),
    "embedContentConfig": frozenset(),
}


def read_options(options: Mapping[str, str]) -> Json:
    """Return a caller's options for this dialect. Raise `InvalidField` for a member that is the gateway's own."""
    if not options or NAME not in options:
        return {}
    chosen = decode_object(options[NAME])
    wrong = [member for member in chosen if member in OWN_MEMBERS]
    for outer, own in MERGED_MEMBERS.items():
        inner = chosen.get(outer)
        if isinstance(inner, dict):
            wrong += [f"{outer}.{member}" for member in inner if member in own]
        elif inner is not None:
            raise InvalidField([violation(outer, "must be an object")])
    if wrong:
        raise InvalidField([violation(member, "is set by the gateway: leave it out") for member in wrong])
    return chosen


def violation(member: str, description: str) -> FieldViolation:
    """Name a member of the options."""
    return FieldViolation(f'provider_options_json["{NAME}"].{member}', description)


def merge_chosen(body: Json, chosen: Json) -> None:
    """Merge a caller's options into a body, last."""
    for member, value in chosen.items():
        held = body.get(member)
        if member in MERGED_MEMBERS and isinstance(held, dict) and isinstance(value, dict):
            held.update(value)
        else:
            body[member] = value


def merge_part_bag(body: Json, bag: Mapping[str, str]) -> None:
    """Merge what came with a part under what the contract says itself, one level deep: a call's own members, say."""
    if not bag or NAME not in bag:
        return
    for member, value in decode_object(bag[NAME]).items():
        held = body.get(member)
        if isinstance(held, dict) and isinstance(value, dict):
            for inner, inner_value in value.items():
                held.setdefault(inner, inner_value)
        else:
            body.setdefault(member, value)
