"""The events of a message's stream → events of the contract.

Anthropic's API reference, "Streaming Messages" (read 2026-11-25): `message_start`, the blocks, each with its start,
deltas and stop, `message_delta` with totals that replace earlier ones, and `message_stop`, the terminal. Blocks that
the contract does not know are gathered and told whole at their stop.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from llmgateway.v1 import message_pb2, stream_pb2

from llmgateway_server.dialects.anthropic.decode import TOO_DEEP, candidate_json, describe
from llmgateway_server.dialects.anthropic.errors import stream_error
from llmgateway_server.dialects.anthropic.finish import finish_reason
from llmgateway_server.dialects.anthropic.open_block import OpenBlock
from llmgateway_server.dialects.anthropic.parts import block_part
from llmgateway_server.dialects.anthropic.usage import UsageReader
from llmgateway_server.dialects.codec import Decoded, Delta, DeltaKey, Frame
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import Json, decode, index, items, mapping, text

Event = stream_pb2.GenerationEvent

# After so many deltas in a row that are not plain, they are read the tolerant way at once.
MAX_PLAIN_MISSES = 8


class PlainText(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="text_delta"):
    """A piece of a text and nothing else."""

    text: str


class PlainThinking(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="thinking_delta"):
    """A piece of a thought and nothing else."""

    thinking: str


class PlainInput(msgspec.Struct, forbid_unknown_fields=True, tag_field="type", tag="input_json_delta"):
    """A piece of a call's arguments and nothing else."""

    partial_json: str


class PlainDelta(msgspec.Struct, forbid_unknown_fields=True):
    """An event that only goes on with an open block."""

    type: Literal["content_block_delta"]
    index: int
    delta: PlainText | PlainThinking | PlainInput


PLAIN_DELTA = msgspec.json.Decoder(PlainDelta)


class MessageStreamDecoder:
    """`StreamDecoder` of the dialect."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._message: Json = {}
        self._usage: Json = {}
        self._is_started = False
        self._part_count = 0
        self._open: dict[int, OpenBlock] = {}
        self._keys: dict[int, DeltaKey] = {}
        self._call_names: dict[str, str] = {}
        self._plain_misses = 0

    def decode(self, frame: Frame) -> Decoded:
        """Return the events of one frame."""
        if self._keys and self._plain_misses < MAX_PLAIN_MISSES and frame.name == "content_block_delta":
            delta = self._plain_delta(frame.data)
            if delta is not None:
                return [delta]
        events: Decoded = []
        try:
            self._event(self._read(frame), events)
        except RecursionError as error:  # what could just be read may nest too deep to be written again
            raise bad_response(self._provider, TOO_DEEP) from error
        return events

    def _event(self, raw: Json | None, events: Decoded) -> None:
        """Take in one event. A ping, or an event that is newer than this reader, says nothing."""
        kind = raw.get("type") if raw is not None else "ping"
        if kind == "content_block_delta":
            self._delta(mapping(raw), events)
        elif kind == "content_block_start":
            self._start_block(mapping(raw), events)
        elif kind == "content_block_stop":
            self._stop_block(index(mapping(raw).get("index"), 0), events)
        elif kind == "message_start":
            self._start(mapping(mapping(raw).get("message")), events)
        elif kind == "message_delta":
            self._change(mapping(raw))
        elif kind == "message_stop":
            self.ended = True

    def finish(self) -> Decoded:
        """Return what ends the candidate and the generation; raise where the stream was cut."""
        if not self.ended:
            raise bad_response(self._provider, "the stream ended without its terminal")
        if not self._is_started:
            raise bad_response(self._provider, "the stream holds no answer")
        events: Decoded = []
        try:
            self._end(events)
        except RecursionError as error:
            raise bad_response(self._provider, TOO_DEEP) from error
        return events

    def _end(self, events: Decoded) -> None:
        for block_index in [*self._open]:
            self._stop_block(block_index, events)
        ended, last = Event(), Event()
        message, candidate = self._message, ended.candidate_finished
        word = text(message.get("stop_reason"))
        candidate.finish_reason = finish_reason(word)
        candidate.provider_finish_reason = word
        candidate.stop_sequence = text(message.get("stop_sequence"))
        candidate.provider_json = candidate_json(message)
        finished = last.finished
        describe(finished.call, message, self._usage, self._provider)
        if self._usage:
            reader = UsageReader()
            reader.read(self._usage, finished.usage)
            finished.call.warnings.extend(reader.warnings)
        events += (ended, last)

    def _plain_delta(self, data: bytes) -> Delta | None:
        """Return the delta of an event that only goes on with an open block; None for any other.

        Nearly all events are such, and this costs a fifth of the tolerant reading. Where a provider's never are,
        it is not tried for long.
        """
        try:
            event = PLAIN_DELTA.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._plain_misses += 1
            return None
        key, delta = self._keys.get(event.index), event.delta
        if key is None:
            return None
        kind = self._open[event.index].kind
        if isinstance(delta, PlainText):
            piece = delta.text if kind == "text" else ""
        elif isinstance(delta, PlainInput):
            piece = delta.partial_json if kind == "call" else ""
            if piece:
                self._open[event.index].has_input = True
        else:
            piece = delta.thinking if kind == "thinking" else ""
        if not piece:
            return None
        self._plain_misses = 0
        return Delta(key, piece)

    def _read(self, frame: Frame) -> Json | None:
        """Return a frame's object, None where it holds nothing. Raise for an error, and for what makes no sense."""
        data = frame.data.strip()
        if not data or data.startswith(b":"):
            return None
        if data == b"[DONE]":  # Anthropic sends none; its imitators may, behind the terminal or instead of it
            return None
        try:
            raw = decode(data)
        except ValueError as error:
            raise bad_response(self._provider, "an event is not JSON") from error
        if not isinstance(raw, dict):
            raise bad_response(self._provider, "an event is no object")
        if raw.get("type") == "error" or frame.name == "error" or ("type" not in raw and raw.get("error")):
            raise stream_error(self._provider, raw)
        return raw

    def _start(self, message: Json, events: Decoded) -> None:
        if self._part_count:
            raise bad_response(self._provider, "another message begins in the middle of one")
        self._message = {**message}
        self._usage = {**mapping(message.get("usage"))}
        self._begin(events)
        for block in items(message.get("content")):  # what is known already, of a call that code made
            if isinstance(block, dict):
                self._tell(block_part(block, self._provider, self._call_names), events)

    def _begin(self, events: Decoded) -> None:
        """Say who answers, once."""
        if self._is_started:
            return
        self._is_started = True
        started = Event()
        describe(started.started.call, self._message, self._usage, self._provider)
        if self._usage:
            UsageReader().read(self._usage, started.started.usage)
        events.append(started)

    def _start_block(self, raw: Json, events: Decoded) -> None:
        self._begin(events)
        block_index = index(raw.get("index"), 0)
        if block_index in self._open:
            self._stop_block(block_index, events)
        self._open_block(block_index, mapping(raw.get("content_block")), events)

    def _open_block(self, block_index: int, raw: Json, events: Decoded) -> OpenBlock:
        block = self._open[block_index] = OpenBlock(raw)
        part = block.first_part(self._call_names)
        if part is not None:
            block.place = self._tell_start(part, events)
            field: Literal["text", "arguments_json"] = "arguments_json" if block.kind == "call" else "text"
            self._keys[block_index] = DeltaKey(0, block.place, field)
        return block

    def _delta(self, raw: Json, events: Decoded) -> None:
        self._begin(events)
        block_index, delta = index(raw.get("index"), 0), mapping(raw.get("delta"))
        block = self._open.get(block_index)
        if block is None:  # a start is missing: what the delta holds says what it would have been
            kind = "thinking" if "thinking" in delta or "signature" in delta else "text"
            block = self._open_block(block_index, {"type": kind}, events)
        piece = block.add(delta)
        if piece:
            events.append(Delta(self._keys[block_index], piece))
        elif block.kind == "text" and delta.get("type") == "citations_delta":
            event = Event()
            event.part_delta.index = block.place
            event.part_delta.annotations.append(block.citation(delta))
            events.append(event)

    def _stop_block(self, block_index: int, events: Decoded) -> None:
        block = self._open.pop(block_index, None)
        key = self._keys.pop(block_index, None)
        if block is None:
            return
        if key is None:
            self._tell(block_part(block.whole(), self._provider, self._call_names), events)
            return
        owed = block.owed_input()
        if owed:
            events.append(Delta(key, owed))
        event = Event()
        finished = event.part_finished
        finished.index = block.place
        if block.signature:
            finished.signature.provider = self._provider
            finished.signature.value = block.signature
        events.append(event)

    def _tell(self, part: message_pb2.Part, events: Decoded) -> None:
        """Add a whole part."""
        event = Event()
        event.part_finished.index = self._tell_start(part, events)
        events.append(event)

    def _tell_start(self, part: message_pb2.Part, events: Decoded) -> int:
        place = self._part_count
        self._part_count += 1
        event = Event()
        event.part_started.index = place
        event.part_started.part.CopyFrom(part)
        events.append(event)
        return place

    def _change(self, raw: Json) -> None:
        """Take in what a `message_delta` says: all of it replaces what was said before."""
        message = self._message
        for member, value in mapping(raw.get("delta")).items():
            if value is not None:
                message[member] = value
        for member, value in raw.items():
            if value is not None and member not in ("type", "delta", "usage"):
                message[member] = value
        for member, value in mapping(raw.get("usage")).items():
            if value is not None:
                self._usage[member] = value
