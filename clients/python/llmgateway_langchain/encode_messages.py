"""From LangChain's messages to the contract's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, HumanMessage, SystemMessage, ToolMessage
from llmgateway.v1 import message_pb2

from llmgateway_langchain.content import PROVIDER, blocks_of
from llmgateway_langchain.extras import Block
from llmgateway_langchain.keeping import encode_kept

ROLES = {
    "system": message_pb2.ROLE_SYSTEM,
    "developer": message_pb2.ROLE_DEVELOPER,
    "user": message_pb2.ROLE_USER,
    "human": message_pb2.ROLE_USER,
    "assistant": message_pb2.ROLE_ASSISTANT,
    "ai": message_pb2.ROLE_ASSISTANT,
}
# How LangChain marks a system message that the developer wrote, and where this package keeps a message's own JSON.
OPENAI_ROLE = "__openai_role__"
PROVIDER_JSON = "llmgateway_provider_json"


def encode_messages(messages: Iterable[BaseMessage]) -> list[message_pb2.ChatMessage]:
    """Return the messages; raise `ValueError` for one, or for a block in one, that the contract has no place for."""
    return [encode_message(message) for message in messages]


def encode_message(message: BaseMessage) -> message_pb2.ChatMessage:
    """Return one message. The artifact of a tool message is for the program, and stays with it."""
    encoded = message_pb2.ChatMessage(role=role_of(message))
    if isinstance(message, ToolMessage):
        encoded.parts.add().tool_result.CopyFrom(encode_tool_message(message))
        return encoded
    encoded.name = message.name or ""
    for dialect, text in (message.additional_kwargs.get(PROVIDER_JSON) or {}).items():
        encoded.provider_json[dialect] = text
    if isinstance(message, AIMessage):
        encoded.parts.extend(encode_answer(message))
    elif isinstance(message.content, str):
        encoded.parts.add().text = message.content
    else:
        encoded.parts.extend(encode_blocks(message))
    return encoded


def role_of(message: BaseMessage) -> message_pb2.Role.ValueType:
    """Return who wrote a message."""
    if isinstance(message, ToolMessage):
        return message_pb2.ROLE_TOOL
    if isinstance(message, HumanMessage):
        return message_pb2.ROLE_USER
    if isinstance(message, AIMessage):
        return message_pb2.ROLE_ASSISTANT
    if isinstance(message, SystemMessage):
        said = message.additional_kwargs.get(OPENAI_ROLE)
        return message_pb2.ROLE_DEVELOPER if said == "developer" else message_pb2.ROLE_SYSTEM
    if isinstance(message, ChatMessage) and message.role in ROLES:
        return ROLES[message.role]
    known = ", ".join(ROLES)
    said = f" with the role {message.role!r}" if isinstance(message, ChatMessage) else ""
    raise ValueError(
        f"A {type(message).__name__}{said} cannot be sent: use a SystemMessage, HumanMessage, AIMessage or "
        f"ToolMessage, or a ChatMessage with one of the roles {known}."
    )


def encode_answer(message: AIMessage) -> list[message_pb2.Part]:
    """Return the parts of a message that a model wrote, this gateway's or another integration's."""
    made_by = message.response_metadata.get("model_provider") or ""
    if made_by == PROVIDER:
        blocks = blocks_of(message)
        made_by = ""
    else:
        read = [unwrapped(block) for block in cast("Sequence[Block]", message.content_blocks)]
        blocks = blocks_of(message, read)
    return [part for block in blocks if (part := encode_kept(block, made_by)) is not None]


def unwrapped(block: Block) -> Block:
    """Return Anthropic's way to write a call by itself, which LangChain wraps where it does not know who wrote it."""
    value: Any = block.get("value")
    is_call = block.get("type") == "non_standard" and isinstance(value, dict) and value.get("type") == "tool_use"
    return value if is_call else block


def encode_blocks(message: BaseMessage) -> list[message_pb2.Part]:
    """Return the parts of a message that no model wrote."""
    blocks = cast("Sequence[Block]", message.content_blocks)
    return [part for block in blocks if (part := encode_kept(block)) is not None]


def encode_tool_message(message: ToolMessage) -> message_pb2.ToolResult:
    """Return what a tool returned, and whether it failed."""
    result = message_pb2.ToolResult(
        tool_call_id=message.tool_call_id, tool_name=message.name or "", failed=message.status == "error"
    )
    if isinstance(message.content, list):
        result.parts.extend(encode_blocks(message))
    elif message.content:
        result.parts.add().text = message.content
    return result
