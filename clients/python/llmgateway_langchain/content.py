"""What a message of the model's says, as LangChain's standard content blocks. Pure.

`content` holds a plain text, or blocks; calls may stand in `tool_calls` alone. Here both come together again, in
order, each call with its arguments of `tool_calls`, which callers may have edited.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

from llmgateway_langchain.extras import CALL_EXTRAS, Block, Json

# `response_metadata["model_provider"]`, by which LangChain finds who reads a message's content.
PROVIDER = "llmgateway"
CALL_TYPES = frozenset({"tool_call", "tool_call_chunk", "invalid_tool_call", "tool_use"})
SERVER_CALL_TYPES = frozenset({"server_tool_call", "server_tool_call_chunk"})
# Marks, among a block's extras, what a stream has to add to a text that it sent as a plain string so far.
AFTERWORD = "llmgateway_afterword"


def blocks_of(message: AIMessage, content: Sequence[str | Mapping[str, Any]] | None = None) -> list[Block]:
    """Return the blocks of a whole message; `content` stands in for its own, where somebody has read it already."""
    calls = Calls(message)
    blocks: list[Block] = []
    for item in items_of(message) if content is None else content:
        if isinstance(item, str):
            block: Block = {"type": "text", "text": item}
        else:
            block = {key: value for key, value in item.items() if key != "index"}
        if block.get("type") in CALL_TYPES:
            blocks.extend(calls.take(block))
        elif block.get("type") in SERVER_CALL_TYPES:
            blocks.append(server_call(block, calls.extras))
        elif (block.get("extras") or {}).get(AFTERWORD):
            add_afterword(blocks, block)
        elif block != {"type": "text", "text": ""}:
            blocks.append(block)
    return [*blocks, *calls.left()]


def chunk_blocks_of(chunk: AIMessageChunk) -> list[Block]:
    """Return the blocks of a chunk, or of several that were added up."""
    if chunk.chunk_position == "last":
        return blocks_of(chunk)
    blocks: list[Block] = [
        {"type": "text", "text": item} if isinstance(item, str) else dict(item) for item in items_of(chunk)
    ]
    shown = {block.get("index") for block in blocks if block.get("type") == "tool_call_chunk"}
    blocks.extend(
        {**call, "type": "tool_call_chunk"}
        for call in chunk.tool_call_chunks
        if call.get("index") is None or call.get("index") not in shown
    )
    return blocks


def items_of(message: AIMessage) -> list[str | Json]:
    """Return the content as a list."""
    if isinstance(message.content, str):
        return [message.content] if message.content else []
    return message.content


def add_afterword(blocks: list[Block], afterword: Block) -> None:
    """Add to the first text, which is the one that a stream may send as a string, or begin with it."""
    extras = {key: value for key, value in afterword["extras"].items() if key != AFTERWORD}
    rest = {key: value for key, value in afterword.items() if key != "extras"} | ({"extras": extras} if extras else {})
    for position, block in enumerate(blocks):
        if block.get("type") == "text":
            blocks[position] = {**block, **rest, "text": block["text"] + rest["text"]}
            return
    blocks.append(rest)


class Calls:
    """The calls of a message by their ids, each to be taken once."""

    def __init__(self, message: AIMessage) -> None:
        self._calls: list[Block] = [
            {"type": kind, **{key: value for key, value in call.items() if key not in ("type", "index")}}
            for kind, listed in (("tool_call", message.tool_calls), ("invalid_tool_call", message.invalid_tool_calls))
            for call in cast("Sequence[Mapping[str, Any]]", listed)
        ]
        extras = message.additional_kwargs.get(CALL_EXTRAS)
        self._taken: set[object] = set()
        self.extras: Mapping[str, Json] = extras if isinstance(extras, dict) else {}

    def take(self, block: Block) -> Iterator[Block]:
        """Yield a call of the content as the message has it; as it stands there if the message does not list it.

        Nothing for one that was taken: LangChain adds what it finds listed, and in the content only in another form.
        """
        id_ = block.get("id")
        for position, call in enumerate(self._calls):
            if call.get("id") == id_:
                del self._calls[position]
                self._taken.add(id_)
                yield self._with_extras(call, block.get("extras"))
                return
        if id_ is None or id_ not in self._taken:
            yield self._with_extras(as_call(block), block.get("extras"))

    def left(self) -> Iterator[Block]:
        """Yield the calls that the content does not show."""
        for call in self._calls:
            yield self._with_extras(call, None)

    def _with_extras(self, call: Block, extras: Json | None) -> Block:
        merged = {**self.extras.get(call.get("id") or "", {}), **(extras or {})}
        if call["type"] == "invalid_tool_call" and "arguments_json" in merged:
            # LangChain's event stream takes a provider's call that is no JSON for one of the caller's.
            call = {"type": "server_tool_call", "id": call.get("id"), "name": call.get("name"), "args": {}}
        return {**call, "extras": merged} if merged else call


def as_call(block: Block) -> Block:
    """Return the call that a piece of content stands for: a chunk, or Anthropic's way to write one."""
    kind = block.get("type")
    if kind == "tool_use":
        return {"type": "tool_call", "id": block.get("id"), "name": block.get("name"), "args": block.get("input") or {}}
    if kind == "tool_call_chunk":
        call: Block = {"id": block.get("id"), "name": block.get("name")}
        arguments = object_of(block.get("args"))
        if arguments is None:
            error = "The arguments are no JSON object."
            return {"type": "invalid_tool_call", **call, "args": block.get("args"), "error": error}
        return {"type": "tool_call", **call, "args": arguments}
    return {key: value for key, value in block.items() if key != "extras"}


def server_call(block: Block, extras: Mapping[str, Json]) -> Block:
    """Return the call of a provider's tool with all its extras, its arguments read where they came in chunks."""
    merged = {**extras.get(block.get("id") or "", {}), **(block.get("extras") or {})}
    arguments = block.get("args")
    if block["type"] == "server_tool_call_chunk":
        arguments = object_of(block.get("args"))
        if arguments is None:
            merged["arguments_json"] = block.get("args")
    call = {"id": block.get("id") or "", "name": block.get("name") or "", "args": arguments or {}}
    return {"type": "server_tool_call", **call, **({"extras": merged} if merged else {})}


def object_of(text: object) -> Json | None:
    """Return the JSON object that a call's text holds; an empty one for no text, None for anything else."""
    if not text:
        return {}
    try:
        value = json.loads(str(text))
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def register() -> None:
    """Tell LangChain how to read the content of this package's messages."""
    register_translator(
        PROVIDER,
        lambda message: cast("list[ContentBlock]", blocks_of(message)),
        lambda chunk: cast("list[ContentBlock]", chunk_blocks_of(chunk)),
    )
