"""From the contract's messages to LangChain's. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from llmgateway.v1 import message_pb2

from llmgateway_langchain.content import PROVIDER
from llmgateway_langchain.encode_messages import OPENAI_ROLE, PROVIDER_JSON
from llmgateway_langchain.extras import CALL_EXTRAS, Block, Json
from llmgateway_langchain.keeping import decode_kept

CALLS_WITH_EXTRAS = ("tool_call", "invalid_tool_call", "server_tool_call")


def decode_messages(messages: Iterable[message_pb2.ChatMessage]) -> list[BaseMessage]:
    """Return the messages; one that holds several tool results becomes as many. Raise `ValueError` for a new role."""
    return [decoded for message in messages for decoded in decode_message(message)]


def decode_message(message: message_pb2.ChatMessage) -> Iterator[BaseMessage]:
    """Yield what one message becomes."""
    about: Json = {"name": message.name or None, "additional_kwargs": {}}
    if message.provider_json:
        about["additional_kwargs"][PROVIDER_JSON] = dict(message.provider_json)
    if message.role == message_pb2.ROLE_TOOL:
        for part in message.parts:
            yield decode_result(part.tool_result)
    elif message.role == message_pb2.ROLE_ASSISTANT:
        yield decode_answer(message.parts, **about)
    elif message.role == message_pb2.ROLE_USER:
        yield HumanMessage(content=content_of(message.parts), **about)
    elif message.role == message_pb2.ROLE_SYSTEM:
        yield SystemMessage(content=content_of(message.parts), **about)
    elif message.role == message_pb2.ROLE_DEVELOPER:
        about["additional_kwargs"][OPENAI_ROLE] = "developer"
        yield SystemMessage(content=content_of(message.parts), **about)
    else:
        raise ValueError(f"A message has the role {message.role}, which this client does not know: update it.")


def decode_answer(parts: Sequence[message_pb2.Part], *, refused: bool = False, **about: Any) -> AIMessage:
    """Return a message that the model wrote; `refused` tells that it declined, perhaps without words.

    The content is a string where the message is no more than one text, and calls after it that can be read.
    """
    blocks = [decode_kept(part) for part in parts]
    if refused and not any(block["type"] == "refusal" for block in blocks):
        blocks.append({"type": "refusal", "refusal": ""})
    kwargs = {**about.pop("additional_kwargs", {}), **call_kwargs(blocks)}
    metadata = {"model_provider": PROVIDER, **about.pop("response_metadata", {})}
    return AIMessage(
        content=answer_content(blocks),
        tool_calls=[bare(block) for block in blocks if block["type"] == "tool_call"],
        invalid_tool_calls=[bare(block) for block in blocks if block["type"] == "invalid_tool_call"],
        additional_kwargs=kwargs,
        response_metadata=metadata,
        **about,
    )


def answer_content(blocks: Sequence[Block]) -> str | list[str | Json]:
    """Return the content of a message: a string if that says it all."""
    text, calls = "", list(blocks)
    if calls and calls[0].keys() == {"type", "text"}:
        text = calls.pop(0)["text"]
    if all(block["type"] == "tool_call" for block in calls):
        return text
    return list(blocks)


def call_kwargs(blocks: Iterable[Block]) -> Json:
    """Return what calls hold besides id, name and arguments, where `encode_messages` finds it."""
    extras = {
        block["id"]: block["extras"]
        for block in blocks
        if block["type"] in CALLS_WITH_EXTRAS and "extras" in block and block["id"]
    }
    return {CALL_EXTRAS: extras} if extras else {}


def bare(block: Block) -> Json:
    """Return a call as `AIMessage` lists it."""
    return {key: value for key, value in block.items() if key != "extras"}


def decode_result(result: message_pb2.ToolResult) -> ToolMessage:
    """Return what a tool returned. A JSON value is its text."""
    return ToolMessage(
        content=result.output_json or content_of(result.parts),
        tool_call_id=result.tool_call_id,
        name=result.tool_name or None,
        status="error" if result.failed else "success",
    )


def content_of(parts: Sequence[message_pb2.Part]) -> str | list[str | Json]:
    """Return the content of a message that no model wrote: a string if it is no more than a text."""
    blocks = [decode_block(part) for part in parts]
    if not blocks:
        return ""
    if len(blocks) == 1 and blocks[0].keys() == {"type", "text"}:
        text: str = blocks[0]["text"]
        return text
    return list(blocks)


def decode_block(part: message_pb2.Part) -> Block:
    """Return the block of a part that may end a cached prefix of the prompt."""
    block = decode_kept(part)
    if part.HasField("cache_breakpoint"):
        ttl = part.cache_breakpoint.ttl
        block["cache_control"] = {"type": "ephemeral", **({"ttl": ttl} if ttl else {})}
    return block
