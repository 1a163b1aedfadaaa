"""From the events of a stream to LangChain's chunks. Pure.

Chunks add up by `+`, and LangChain's event stream adds them up in a way of its own, which replaces where the other
appends. So text, reasoning and arguments come in pieces; citations, signatures, log probabilities, media, refusals,
usage and what else there is come once, whole, when they are known.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from llmgateway import Fold
from llmgateway.v1 import message_pb2, stream_pb2

from llmgateway_langchain.content import AFTERWORD, PROVIDER
from llmgateway_langchain.decode_messages import call_kwargs
from llmgateway_langchain.decode_parts import TEXT_ARGUMENT, decode_part
from llmgateway_langchain.decode_response import (
    REFUSED,
    call_metadata,
    candidate_metadata,
    decode_usage,
    name_metadata,
)
from llmgateway_langchain.extras import Block, Json
from llmgateway_langchain.keeping import decode_kept

Event = stream_pb2.GenerationEvent
TEXT_CALL_START = f'{{"{TEXT_ARGUMENT}": "'
TEXT_CALL_END = '"}'


class OpenCall:
    """A call on its way. The input of a tool that takes free text is written as JSON, as LangChain has it."""

    def __init__(self, index: int, call: message_pb2.ToolCall) -> None:
        self.index = index
        self.id = call.id
        self.name = call.name
        self.is_server = call.executor == message_pb2.ToolCall.EXECUTOR_PROVIDER
        self._is_text = False

    def begin(self, call: message_pb2.ToolCall) -> str:
        """Return what is known of the arguments from the start."""
        return self._text(call.text) if call.HasField("text") else call.arguments_json

    def append(self, delta: stream_pb2.PartDelta) -> str:
        """Return the next piece of the arguments."""
        return self._text(delta.text) if delta.HasField("text") else delta.arguments_json

    def end(self) -> str:
        """Return what closes the arguments."""
        return TEXT_CALL_END if self._is_text else ""

    def block(self, arguments: str, *, is_first: bool = False) -> Block:
        """Return a piece of the call as a block. Pieces are joined, so id and name come once."""
        block: Block = {"type": "server_tool_call_chunk" if self.is_server else "tool_call_chunk"}
        if is_first:
            block |= {"id": self.id, "name": self.name}
        return {**block, "args": arguments, "index": self.index}

    def _text(self, text: str) -> str:
        start = "" if self._is_text else TEXT_CALL_START
        self._is_text = True
        return start + json.dumps(text, ensure_ascii=False)[1:-1]


def place_of(part: message_pb2.Part, index: int) -> Block:
    """Return what keeps the place of a part: as much of its block as will not be said again."""
    block = decode_part(part)
    kind = block["type"]
    if kind == "non_standard":
        return {"type": kind, "value": {"type": block["value"]["type"]}, "index": index}
    return {"type": kind, **({kind: ""} if kind in ("text", "refusal") else {}), "index": index}


class Chunks:
    """Makes the chunks of the first candidate, event by event.

    The content is a string as long as there is no more than one text, and calls after it; from then on, and with
    `as_blocks` from the beginning, it is blocks, each with the index of its part.
    """

    def __init__(self, *, as_blocks: bool = False) -> None:
        self._in_blocks = as_blocks
        self._fold = Fold()
        # Who answers goes with the first chunk that says something: an empty string before blocks would stay there.
        self._news: Json = {}
        self._told: set[str] = set()
        self._kinds: dict[int, str | None] = {}
        self._calls: dict[int, OpenCall] = {}
        # What keeps the places of open parts that have said nothing yet: the parts behind them may speak first.
        self._silent: dict[int, Block] = {}
        # Whether the first part is a text, a piece of which went as a plain string.
        self._has_plain_text = False

    def add(self, event: Event) -> AIMessageChunk | None:
        """Return the chunk that an event makes, None where it makes none."""
        self._fold.add(event)
        kind = event.WhichOneof("event")
        if event.candidate_index:
            return None
        if kind == "started":
            self._news = name_metadata(event.started.call)
        elif kind == "part_started":
            return self._open(event.part_started.index, event.part_started.part)
        elif kind == "part_delta":
            return self._append(event.part_delta)
        elif kind == "part_finished":
            return self._close(event.part_finished.index)
        elif kind == "candidate_finished":
            return self._end(event.candidate_finished)
        elif kind == "finished":
            return self._finish()
        return None

    def _open(self, index: int, part: message_pb2.Part) -> AIMessageChunk | None:
        kind = self._kinds[index] = part.WhichOneof("content")
        if kind == "text" and part.text:
            return self._text(index, part.text)
        if kind == "reasoning":
            # Said even if it is empty: it may be withheld.
            return self._blocks({"type": "reasoning", "reasoning": part.reasoning.text, "index": index})
        if kind == "tool_call":
            call = self._calls[index] = OpenCall(index, part.tool_call)
            return self._call(call, call.begin(part.tool_call), is_first=True)
        self._silent[index] = place_of(part, index)
        return None

    def _append(self, delta: stream_pb2.PartDelta) -> AIMessageChunk | None:
        kind, member = self._kinds[delta.index], delta.WhichOneof("delta")
        if kind == "tool_call" and member is not None:
            call = self._calls[delta.index]
            return self._call(call, call.append(delta))
        if kind == "text":
            return self._text(delta.index, delta.text)
        if kind == "reasoning" and delta.text:
            return self._blocks({"type": "reasoning", "reasoning": delta.text, "index": delta.index})
        return None

    def _close(self, index: int) -> AIMessageChunk | None:
        block = decode_kept(self._fold.response.candidates[0].message.parts[index])
        kind = self._kinds[index]
        if kind == "tool_call":
            call = self._calls[index]
            # LangChain lists what is no call behind all calls: its place is in the content alone.
            is_odd = block["type"] == "invalid_tool_call"
            return self._call(call, call.end(), kwargs=call_kwargs([block]), extras=block.get("extras"), is_odd=is_odd)
        if kind not in ("text", "reasoning"):
            return self._blocks({**block, "index": index})
        if not block.keys() & {"annotations", "extras"}:
            self._silent.pop(index, None)
            return None
        return self._blocks(self._marked({**block, kind: "", "index": index}))

    def _end(self, finished: stream_pb2.CandidateFinished) -> AIMessageChunk | None:
        """Say that the model declined, where no words of its own did."""
        if finished.finish_reason != REFUSED or "refusal" in self._kinds.values():
            return None
        return self._blocks({"type": "refusal", "refusal": "", "index": len(self._kinds)})

    def _finish(self) -> AIMessageChunk:
        response = self._fold.response
        self._news |= call_metadata(response)
        if response.candidates:
            self._news |= candidate_metadata(response.candidates[0])
        chunk = self._chunk([] if self._in_blocks else "")
        chunk.usage_metadata = decode_usage(response.usage) if response.HasField("usage") else None
        chunk.chunk_position = "last"
        return chunk

    def _text(self, index: int, text: str) -> AIMessageChunk | None:
        if not text:
            return None
        if not self._in_blocks and index == 0:
            self._has_plain_text = True
            self._silent.pop(index, None)
            return self._chunk(text)
        return self._blocks(self._marked({"type": "text", "text": text, "index": index}))

    def _call(
        self,
        call: OpenCall,
        arguments: str,
        *,
        is_first: bool = False,
        kwargs: Json | None = None,
        extras: Json | None = None,
        is_odd: bool = False,
    ) -> AIMessageChunk | None:
        """Say a piece of a call, and at its end what else there is to it."""
        if not (is_first or arguments or extras or is_odd):
            return None
        block = call.block(arguments, is_first=is_first or not self._in_blocks)
        if extras:
            block["extras"] = extras
        if call.is_server:
            return self._blocks(block, kwargs=kwargs)
        name, id_ = (call.name, call.id) if is_first else (None, None)
        piece = tool_call_chunk(name=name, args=arguments, id=id_, index=call.index)
        if self._in_blocks or is_odd or any(index < call.index for index in self._silent):
            return self._blocks(block, [piece], kwargs)
        return self._chunk("", [piece], kwargs)

    def _blocks(self, block: Block, calls: Sequence[ToolCallChunk] = (), kwargs: Json | None = None) -> AIMessageChunk:
        """Say a block, among the places of what stands before it and of calls, where these have no block yet."""
        said = {index: self._silent.pop(index) for index in sorted(self._silent) if index < block["index"]}
        if not self._in_blocks:
            said |= {call.index: call.block("", is_first=True) for call in self._calls.values()}
        said[block["index"]] = block
        self._silent.pop(block["index"], None)
        self._in_blocks = True
        return self._chunk([said[index] for index in sorted(said)], calls, kwargs)

    def _marked(self, block: Block) -> Block:
        """Return a block, marked if it goes on with the text that went as a string so far."""
        if not self._has_plain_text or block["index"] != 0:
            return block
        return {**block, "extras": {**block.get("extras", {}), AFTERWORD: True}}

    def _chunk(
        self, content: str | list[Block], calls: Sequence[ToolCallChunk] = (), kwargs: Json | None = None
    ) -> AIMessageChunk:
        news = {key: value for key, value in self._news.items() if key not in self._told}
        self._news = {}
        self._told |= news.keys()
        return AIMessageChunk(
            content=content if isinstance(content, str) else list(content),
            tool_call_chunks=list(calls),
            additional_kwargs=kwargs or {},
            response_metadata={"model_provider": PROVIDER, **news},
        )
