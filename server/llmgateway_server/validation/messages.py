"""Finds what is wrong with a prompt: its messages, their parts, and what results answer. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation
from llmgateway_server.validation.checks import (
    Violations,
    check_json,
    check_json_object,
    check_json_object_map,
    check_token_ids,
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

# What a tool may return.
RESULT_PARTS = frozenset({"text", "media", "provider_part"})
SPEAKING_ROLES = frozenset(role for role, kinds in PARTS_BY_ROLE.items() if "text" in kinds)

Generate = generation_pb2.GenerateRequest


def check_prompt(request: Generate, limits: LimitSettings, wrong: Violations) -> None:
    if request.HasField("raw_prompt"):
        if request.messages:
            wrong.append(FieldViolation("raw_prompt", "excludes messages: send one or the other"))
        prompt = request.raw_prompt
        if prompt.WhichOneof("prompt") is None:
            wrong.append(FieldViolation("raw_prompt.prompt", "is required: send text or token_ids"))
        elif prompt.HasField("token_ids"):
            check_token_ids("raw_prompt.token_ids", prompt.token_ids, wrong)
        return
    messages = request.messages
    if not messages:
        wrong.append(FieldViolation("messages", "is required: send at least one message, or raw_prompt"))
    if len(messages) > limits.message_count:
        wrong.append(FieldViolation("messages", f"must hold at most {limits.message_count}, not {len(messages)}"))
        return
    special = [(index, message) for index, message in enumerate(messages) if not is_plain(message)]
    for index, message in special:
        check_message(f"messages[{index}]", message, limits, wrong)
    if special:
        check_tool_result(messages, wrong)


def is_plain(message: message_pb2.ChatMessage) -> bool:
    """Whether a message is one text of a role that may speak: most are, and nothing can be wrong with one."""
    parts = message.parts
    if len(parts) != 1 or message.role not in SPEAKING_ROLES or message.provider_json:
        return False
    part = parts[0]
    return part.WhichOneof("content") == "text" and not part.provider_json


def check_message(path: str, message: message_pb2.ChatMessage, limits: LimitSettings, wrong: Violations) -> None:
    allowed = PARTS_BY_ROLE.get(message.role)
    if allowed is None:
        known = ", ".join(name for name in message_pb2.Role.keys() if name != "ROLE_UNSPECIFIED")  # noqa: SIM118  # a proto enum, not a dict
        wrong.append(FieldViolation(f"{path}.role", f"is required: one of {known}"))
        return
    if not message.parts and message.role != message_pb2.ROLE_ASSISTANT:
        wrong.append(FieldViolation(f"{path}.parts", "must hold at least one part"))
    for index, part in enumerate(message.parts):
        kind = part.WhichOneof("content")
        part_path = f"{path}.parts[{index}]"
        if kind is None:
            if message.role != message_pb2.ROLE_ASSISTANT:
                wrong.append(FieldViolation(part_path, "has no content"))
        elif kind not in allowed:
            role = message_pb2.Role.Name(message.role)
            wrong.append(
                FieldViolation(f"{part_path}.{kind}", f"has no place in {role}: it takes {', '.join(sorted(allowed))}")
            )
        elif kind != "text":
            check_part(part_path, kind, part, limits, wrong)
        if part.provider_json:
            check_json_object_map(f"{part_path}.provider_json", part.provider_json, limits, wrong)
    if message.provider_json:
        check_json_object_map(f"{path}.provider_json", message.provider_json, limits, wrong)


def check_part(path: str, kind: str, part: message_pb2.Part, limits: LimitSettings, wrong: Violations) -> None:
    if kind == "media":
        check_media(f"{path}.media", part.media, wrong)
    elif kind == "tool_call":
        call = part.tool_call
        if not call.name:
            wrong.append(FieldViolation(f"{path}.tool_call.name", "is required"))
        if call.executor not in message_pb2.ToolCall.Executor.values():
            wrong.append(unknown_number(f"{path}.tool_call.executor", call.executor))
    elif kind == "tool_result":
        result = part.tool_result
        if not result.tool_call_id:
            wrong.append(FieldViolation(f"{path}.tool_result.tool_call_id", "is required"))
        for index, inner in enumerate(result.parts):
            check_result_part(f"{path}.tool_result.parts[{index}]", inner, limits, wrong)
        if result.parts and result.output_json:
            wrong.append(FieldViolation(f"{path}.tool_result.output_json", "excludes parts: send one or the other"))
        if result.output_json:
            check_json(f"{path}.tool_result.output_json", result.output_json, limits, wrong)
    elif kind == "reasoning":
        if part.reasoning.kind not in message_pb2.Reasoning.Kind.values():
            wrong.append(unknown_number(f"{path}.reasoning.kind", part.reasoning.kind))
    elif kind == "provider_part":
        provider_part = part.provider_part
        if not provider_part.dialect:
            wrong.append(FieldViolation(f"{path}.provider_part.dialect", "is required"))
        check_json_object(f"{path}.provider_part.json", provider_part.json, limits, wrong)


def check_result_part(path: str, part: message_pb2.Part, limits: LimitSettings, wrong: Violations) -> None:
    """Check what a tool returned: text, media or a provider's own part, and nothing that holds further results."""
    kind = part.WhichOneof("content")
    if kind not in RESULT_PARTS:
        known = ", ".join(sorted(RESULT_PARTS))
        wrong.append(FieldViolation(f"{path}.{kind}" if kind else path, f"must hold one of {known}"))
    elif kind != "text":
        check_part(path, kind, part, limits, wrong)
    if part.provider_json:
        check_json_object_map(f"{path}.provider_json", part.provider_json, limits, wrong)


def check_media(path: str, media: message_pb2.Media, wrong: Violations) -> None:
    source = media.WhichOneof("source")
    if source is None or not getattr(media, source):
        wrong.append(FieldViolation(f"{path}.source", "is required: send data, uri or file_id"))
    if source == "uri" and not MEDIA_URI.fullmatch(media.uri):
        wrong.append(
            FieldViolation(f"{path}.uri", "must be an https, gs or s3 URI that the provider can fetch; else send data")
        )
    if source != "file_id" and not MIME_TYPE.fullmatch(media.mime_type):
        wrong.append(FieldViolation(f"{path}.mime_type", "must be a media type such as image/png"))


def check_tool_result(messages: Iterable[message_pb2.ChatMessage], wrong: Violations) -> None:
    """Refuse results that answer no call before them, or one with a result. Ids may come again with later calls."""
    called: dict[str, int] = {}  # how many calls of an id have no result yet
    for index, message in enumerate(messages):
        if message.role not in (message_pb2.ROLE_ASSISTANT, message_pb2.ROLE_TOOL):
            continue
        for part_index, part in enumerate(message.parts):
            if part.HasField("tool_call"):
                called[part.tool_call.id] = called.get(part.tool_call.id, 0) + 1
            elif call_id := part.tool_result.tool_call_id:
                path = f"messages[{index}].parts[{part_index}].tool_result.tool_call_id"
                if call_id not in called:
                    wrong.append(FieldViolation(path, "answers no tool call of an assistant message before it"))
                elif called[call_id] == 0:
                    wrong.append(FieldViolation(path, "answers a tool call that has its result already"))
                else:
                    called[call_id] -= 1
