"""Finds what is wrong with a prompt: its messages, their parts, and what results answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation
from llmgateway_server.validation.checks import (
    Violations,
    json_object_map_violations,
    json_object_violations,
    json_violations,
    token_ids_violations,
    unknown_number,
)

MIME_TYPE = re.compile(r"[a-z0-9.+*-]+/[a-z0-9.+*-]+(;.*)?", re.IGNORECASE)
# Only what a provider can fetch itself; the gateway fetches nothing.
MEDIA_URI = re.compile(r"(https|gs|s3)://[^\s]+", re.IGNORECASE)

# Parts that each role may hold, by the name of the oneof's member.
PARTS_BY_ROLE: Mapping[int, frozenset[str]] = {
    message_pb2.ROLE_SYSTEM: frozenset({"text", "provider_part"}),
    message_pb2.ROLE_DEVELOPER: frozenset({"text", "provider_part"}),
    message_pb2.ROLE_USER: frozenset({"text", "media", "provider_part"}),
    message_pb2.ROLE_ASSISTANT: frozenset(
        {"text", "media", "reasoning", "tool_call", "tool_result", "refusal", "provider_part"}
    ),
    message_pb2.ROLE_TOOL: frozenset({"tool_result"}),
}

SPEAKING_ROLES = frozenset(role for role, kinds in PARTS_BY_ROLE.items() if "text" in kinds)

Generate = generation_pb2.GenerateRequest


def prompt_violations(request: Generate, limits: LimitSettings) -> Violations:
    if request.HasField("raw_prompt"):
        if request.messages:
            yield FieldViolation("raw_prompt", "excludes messages: send one or the other")
        prompt = request.raw_prompt
        if prompt.WhichOneof("prompt") is None:
            yield FieldViolation("raw_prompt.prompt", "is required: send text or token_ids")
        elif prompt.HasField("token_ids"):
            yield from token_ids_violations("raw_prompt.token_ids", prompt.token_ids)
        return
    if not request.messages:
        yield FieldViolation("messages", "is required: send at least one message, or raw_prompt")
    if len(request.messages) > limits.message_count:
        yield FieldViolation("messages", f"must hold at most {limits.message_count}, not {len(request.messages)}")
        return
    special = [(index, message) for index, message in enumerate(request.messages) if not is_plain(message)]
    for index, message in special:
        yield from message_violations(f"messages[{index}]", message, limits)
    if special:
        yield from tool_result_violations(request.messages)


def is_plain(message: message_pb2.ChatMessage) -> bool:
    """Whether a message is one text of a role that may speak: most are, and nothing can be wrong with one."""
    parts = message.parts
    return (
        len(parts) == 1
        and message.role in SPEAKING_ROLES
        and parts[0].WhichOneof("content") == "text"
        and not parts[0].provider_json
        and not message.provider_json
    )


def message_violations(path: str, message: message_pb2.ChatMessage, limits: LimitSettings) -> Violations:
    allowed = PARTS_BY_ROLE.get(message.role)
    if allowed is None:
        known = ", ".join(name for name in message_pb2.Role.keys() if name != "ROLE_UNSPECIFIED")  # noqa: SIM118  # a proto enum, not a dict
        yield FieldViolation(f"{path}.role", f"is required: one of {known}")
        return
    if not message.parts and message.role != message_pb2.ROLE_ASSISTANT:
        yield FieldViolation(f"{path}.parts", "must hold at least one part")
    for index, part in enumerate(message.parts):
        kind = part.WhichOneof("content")
        part_path = f"{path}.parts[{index}]"
        if kind is None:
            if message.role != message_pb2.ROLE_ASSISTANT:
                yield FieldViolation(part_path, "has no content")
        elif kind not in allowed:
            role = message_pb2.Role.Name(message.role)
            yield FieldViolation(
                f"{part_path}.{kind}", f"has no place in {role}: it takes {', '.join(sorted(allowed))}"
            )
        elif kind != "text":
            yield from part_violations(part_path, kind, part, limits)
        if part.provider_json:
            yield from json_object_map_violations(f"{part_path}.provider_json", part.provider_json, limits)
    if message.provider_json:
        yield from json_object_map_violations(f"{path}.provider_json", message.provider_json, limits)


def part_violations(path: str, kind: str, part: message_pb2.Part, limits: LimitSettings) -> Violations:
    if kind == "media":
        yield from media_violations(f"{path}.media", part.media)
    elif kind == "tool_call":
        call = part.tool_call
        if not call.name:
            yield FieldViolation(f"{path}.tool_call.name", "is required")
        if call.executor not in message_pb2.ToolCall.Executor.values():
            yield unknown_number(f"{path}.tool_call.executor", call.executor)
    elif kind == "tool_result":
        result = part.tool_result
        if not result.tool_call_id:
            yield FieldViolation(f"{path}.tool_result.tool_call_id", "is required")
        if result.parts and result.output_json:
            yield FieldViolation(f"{path}.tool_result.output_json", "excludes parts: send one or the other")
        if result.output_json:
            yield from json_violations(f"{path}.tool_result.output_json", result.output_json, limits)
    elif kind == "reasoning":
        if part.reasoning.kind not in message_pb2.Reasoning.Kind.values():
            yield unknown_number(f"{path}.reasoning.kind", part.reasoning.kind)
    elif kind == "provider_part":
        provider_part = part.provider_part
        if not provider_part.dialect:
            yield FieldViolation(f"{path}.provider_part.dialect", "is required")
        yield from json_object_violations(f"{path}.provider_part.json", provider_part.json, limits)


def media_violations(path: str, media: message_pb2.Media) -> Violations:
    source = media.WhichOneof("source")
    if source is None or not getattr(media, source):
        yield FieldViolation(f"{path}.source", "is required: send data, uri or file_id")
    if source == "uri" and not MEDIA_URI.fullmatch(media.uri):
        yield FieldViolation(
            f"{path}.uri", "must be an https, gs or s3 URI that the provider can fetch; else send data"
        )
    if source != "file_id" and not MIME_TYPE.fullmatch(media.mime_type):
        yield FieldViolation(f"{path}.mime_type", "must be a media type such as image/png")


def tool_result_violations(messages: Iterable[message_pb2.ChatMessage]) -> Violations:
    """Refuse results that answer no call before them."""
    called: set[str] = set()
    for index, message in enumerate(messages):
        if message.role not in (message_pb2.ROLE_ASSISTANT, message_pb2.ROLE_TOOL):
            continue
        for part_index, part in enumerate(message.parts):
            if part.HasField("tool_call"):
                called.add(part.tool_call.id)
            elif part.tool_result.tool_call_id and part.tool_result.tool_call_id not in called:
                path = f"messages[{index}].parts[{part_index}].tool_result.tool_call_id"
                yield FieldViolation(path, "answers no tool call of an assistant message before it")
