"""The events of ConverseStream → events of the contract (API reference, ConverseStreamOutput, read 2026-11-25).

Blocks come one after the other, each with an index of its own; only those of tools and images are announced. The
usage comes in `metadata`, after `messageStop`: a stream is complete when both have come, or when it ends after
`messageStop`.
"""

from __future__ import annotations

from typing import Any

import msgspec
from llmgateway.v1 import message_pb2, stream_pb2

from llmgateway_server.dialects.bedrock import parts
from llmgateway_server.dialects.bedrock.decode_converse import ANSWER_MEMBERS, MESSAGE_MEMBERS, describe, stop_sequence
from llmgateway_server.dialects.bedrock.errors import is_exception, stream_error
from llmgateway_server.dialects.bedrock.finish import finish_reason
from llmgateway_server.dialects.bedrock.media import decode_bytes, media_type
from llmgateway_server.dialects.bedrock.options import NAME
from llmgateway_server.dialects.bedrock.usage import read_usage
from llmgateway_server.dialects.codec import Decoded, Delta, DeltaKey, Frame
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import Json, compact, decode, index, items, mapping, rest, text

Event = stream_pb2.GenerationEvent
EVENTS = frozenset(
    {"messageStart", "contentBlockStart", "contentBlockDelta", "contentBlockStop", "messageStop", "metadata"}
)
Reasoning = message_pb2.Reasoning
KIND_TEXT, KIND_REDACTED = Reasoning.KIND_TEXT, Reasoning.KIND_REDACTED


class PlainDelta(msgspec.Struct, forbid_unknown_fields=True):
    """A delta with text and nothing else."""

    text: str


class PlainBlockDelta(msgspec.Struct, forbid_unknown_fields=True):
    """A `contentBlockDelta` that only goes on with a text."""

    contentBlockIndex: int  # noqa: N815  # Bedrock's name
    delta: PlainDelta
    p: str | None = None


PLAIN_DELTA = msgspec.json.Decoder(PlainBlockDelta)


class Block:
    """What has come of one content block. `part` is -1 until one is open; what a part cannot grow by waits."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew: a block may go on with a part of another kind."""
        self.kind = ""
        self.part = -1
        self.has_input = False
        self.proofs: list[str] = []
        self.citations: list[Json] = []
        self.start: Json = {}
        self.pieces: list[Json] = []
        self.unknown: Json = {}


class ConverseStreamDecoder:
    """`StreamDecoder` for ConverseStream."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._is_started = False
        self._part_count = 0
        self._blocks: dict[int, Block] = {}
        self._stop_word: str | None = None
        self._has_metadata = False
        self._answer: Json = {}  # members of the whole answer, wherever they came
        self._message_unknown: Json = {}

    def decode(self, frame: Frame) -> Decoded:
        """Return the events of one frame."""
        name, data = frame
        if name == "contentBlockDelta":
            delta = self._plain_delta(data)
            if delta is not None:
                return [delta]
        try:
            raw = decode(data) if data else {}
        except ValueError:
            raw = None
        if name not in EVENTS and is_exception(name):
            raise stream_error(self._provider, name, mapping(raw))
        if not isinstance(raw, dict):
            raise bad_response(self._provider, "an event is no JSON object")
        if name == "initial-response":  # AWS event streams may begin with one, which says nothing here
            return []
        events: Decoded = []
        if not self._is_started:
            self._start(events)
        self._event(name, raw, events)
        return events

    def finish(self) -> Decoded:
        """Return the events still owed; raise where the stream broke off."""
        if self._stop_word is None:
            raise bad_response(self._provider, "the stream ends before its messageStop")
        events: Decoded = []
        for number in sorted(self._blocks):
            self._close(self._blocks[number], events)
        event = Event()
        finished = event.candidate_finished
        finished.finish_reason = finish_reason(self._stop_word)
        finished.provider_finish_reason = self._stop_word
        finished.stop_sequence = stop_sequence(self._answer)
        if self._message_unknown:
            finished.provider_json = compact({"message": self._message_unknown})
        events.append(event)
        last = Event()
        describe(last.finished.call, self._provider, self._answer)
        usage = mapping(self._answer.get("usage"))
        if usage:
            last.finished.call.warnings.extend(read_usage(usage, last.finished.usage))
        events.append(last)
        return events

    def _start(self, events: Decoded) -> None:
        self._is_started = True
        event = Event()
        event.started.call.provider = self._provider
        events.append(event)

    def _plain_delta(self, data: bytes) -> Delta | None:
        """Return the delta that only goes on with an open text; None for any other.

        Nearly all deltas are such, and this costs a fraction of the tolerant reading.
        """
        try:
            plain = PLAIN_DELTA.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        block = self._blocks.get(plain.contentBlockIndex)
        if block is None or block.kind != "text" or not plain.delta.text:
            return None
        return Delta(DeltaKey(0, block.part, "text"), plain.delta.text)

    def _event(self, name: str, raw: Json, events: Decoded) -> None:
        if name == "contentBlockDelta":
            self._delta(self._block(raw), mapping(raw.get("delta")), events)
        elif name == "contentBlockStart":
            self._block_start(self._block(raw), mapping(raw.get("start")), events)
        elif name == "contentBlockStop":
            number = index(raw.get("contentBlockIndex"), 0)
            block = self._blocks.pop(number, None)
            if block is not None:
                self._close(block, events)
        elif name == "messageStart":
            self._message_unknown.update(rest(raw, MESSAGE_MEMBERS))
        elif name == "messageStop":
            self._stop_word = text(raw.get("stopReason"))
            self._answer.update(rest(raw, ANSWER_MEMBERS))
            self.ended = self._has_metadata
        elif name == "metadata":
            self._has_metadata = True
            self._answer.update({member: value for member, value in raw.items() if value is not None})
            self.ended = self._stop_word is not None
        else:
            event = Event()
            event.provider_event.dialect, event.provider_event.type = NAME, name
            event.provider_event.json = compact(raw)
            events.append(event)

    def _block(self, raw: Json) -> Block:
        number = index(raw.get("contentBlockIndex"), 0)
        block = self._blocks.get(number)
        if block is None:
            block = self._blocks[number] = Block()
        return block

    def _block_start(self, block: Block, start: Json, events: Decoded) -> None:
        if "toolUse" in start:
            self._open(block, "tool_call", parts.tool_use_part(mapping(start["toolUse"]), self._part_count), events)
        elif "toolResult" in start:
            block.kind, block.start = "tool_result", mapping(start["toolResult"])
        elif "image" in start:
            block.kind, block.start = "image", mapping(start["image"])
        else:
            gather(block.unknown, start)

    def _delta(self, block: Block, delta: Json, events: Decoded) -> None:
        for member, value in delta.items():
            if member == "text":
                self._append_text(block, text(value), events)
            elif member == "toolUse":
                self._append_input(block, mapping(value), events)
            elif member == "reasoningContent":
                self._append_reasoning(block, mapping(value), events)
            elif member == "citation" and isinstance(value, dict):
                self._append_citation(block, value, events)
            elif member == "toolResult":
                block.kind = block.kind or "tool_result"
                block.pieces.extend([item for item in items(value) if isinstance(item, dict)])
            elif member == "image":
                self._append_image(block, mapping(value), events)
            elif value is not None:
                gather(block.unknown, {member: value})

    def _open(self, block: Block, kind: str, part: message_pb2.Part, events: Decoded) -> None:
        """Open a part for a block; one of another kind that is open there is closed before."""
        if block.part >= 0 or block.pieces:
            self._close(block, events)
        block.kind, block.part = kind, self._part_count
        self._part_count += 1
        event = Event()
        event.part_started.index = block.part
        event.part_started.part.CopyFrom(part)
        events.append(event)

    def _append_text(self, block: Block, said: str, events: Decoded) -> None:
        if not said:
            return
        if block.kind != "text":
            self._open(block, "text", message_pb2.Part(text=""), events)
        events.append(Delta(DeltaKey(0, block.part, "text"), said))

    def _append_input(self, block: Block, raw: Json, events: Decoded) -> None:
        if block.kind != "tool_call":
            self._open(block, "tool_call", parts.tool_use_part(raw, self._part_count), events)
        piece = parts.arguments_text(raw.get("input"))
        if piece:
            block.has_input = True
            events.append(Delta(DeltaKey(0, block.part, "arguments_json"), piece))

    def _append_reasoning(self, block: Block, raw: Json, events: Decoded) -> None:
        if "redactedContent" in raw:
            if block.kind != "redacted":
                self._open(block, "redacted", parts.redacted_part("", self._provider), events)
            sealed = text(raw["redactedContent"])
            if sealed:
                block.proofs.append(sealed)
            return
        thought, proof = text(raw.get("text")), text(raw.get("signature"))
        if not thought and not proof:
            return
        if block.kind != "reasoning":
            part = message_pb2.Part()
            part.reasoning.kind = KIND_TEXT
            self._open(block, "reasoning", part, events)
        if thought:
            events.append(Delta(DeltaKey(0, block.part, "text"), thought))
        if proof:
            block.proofs.append(proof)
        block.unknown.update(rest(raw, parts.REASONING_MEMBERS))

    def _append_citation(self, block: Block, raw: Json, events: Decoded) -> None:
        if block.kind != "text":
            self._open(block, "text", message_pb2.Part(text=""), events)
        block.citations.append(raw)
        event = Event()
        event.part_delta.index = block.part
        event.part_delta.annotations.append(parts.annotation(raw))
        events.append(event)

    def _append_image(self, block: Block, raw: Json, events: Decoded) -> None:
        source = mapping(raw.get("source"))
        if block.part < 0 or block.kind != "image":
            part = message_pb2.Part()
            part.media.mime_type = media_type("image", block.start.get("format"))
            uri = text(mapping(source.get("s3Location")).get("uri"))
            if uri:
                part.media.uri = uri
            else:
                part.media.data = b""
            self._open(block, "image", part, events)
        data = decode_bytes(source.get("bytes"))
        if data:
            event = Event()
            event.part_delta.index, event.part_delta.data = block.part, data
            events.append(event)
        block.unknown.update(rest(raw, parts.MEDIA_MEMBERS))

    def _close(self, block: Block, events: Decoded) -> None:
        """Close a block's part with what is known of it only now; one that could not grow comes whole."""
        if block.part < 0:
            whole = self._whole_part(block)
            if whole is None:
                return
            self._open(block, block.kind, whole, events)
            block.unknown = {}
        if block.kind == "tool_call" and not block.has_input:
            events.append(Delta(DeltaKey(0, block.part, "arguments_json"), "{}"))
        event = Event()
        finished = event.part_finished
        finished.index = block.part
        if block.proofs and block.kind == "redacted":
            parts.sign(finished.signature, self._provider, parts.join_base64(block.proofs))
        elif block.proofs:
            parts.sign(finished.signature, self._provider, "".join(block.proofs))
        if block.citations:
            finished.provider_json[NAME] = compact({"citations": block.citations})
        elif block.unknown:
            finished.provider_json[NAME] = compact(block.unknown)
        events.append(event)
        block.reset()

    def _whole_part(self, block: Block) -> message_pb2.Part | None:
        """Return the part of a block that has none open, None where nothing came of it."""
        if block.kind == "tool_result":
            pieces, block.pieces = block.pieces, []
            return parts.read_tool_result({**block.start, "content": join_pieces(pieces)})
        if block.kind == "image":
            return parts.media_part("image", block.start)
        return parts.provider_part(block.unknown) if block.unknown else None


def join_pieces(pieces: list[Json]) -> list[Json]:
    """Return a tool result's blocks: pieces of text that follow each other are one."""
    joined: list[Json] = []
    for piece in pieces:
        if joined and isinstance(piece.get("text"), str) and isinstance(joined[-1].get("text"), str):
            joined[-1] = {"text": joined[-1]["text"] + piece["text"]}
        else:
            joined.append(piece)
    return joined


def gather(known: Json, more: Json) -> None:
    """Add what a delta brings: objects, lists and texts grow, everything else is replaced."""
    for member, value in more.items():
        before: Any = known.get(member)
        if isinstance(before, dict) and isinstance(value, dict):
            gather(before, value)
        elif type(before) is type(value) and isinstance(value, list | str):
            known[member] = before + value
        else:
            known[member] = value
