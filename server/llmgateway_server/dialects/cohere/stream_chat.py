"""The events of a streamed answer of `/v2/chat` → the contract's events.

Cohere's guide "An overview of the streaming feature" (read 2026-11-25). Pieces of content and calls have an index
each; citations come between the pieces that they are about. The terminal is `message-end`; the `[DONE]` after it says
nothing more.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from llmgateway.v1 import message_pb2, stream_pb2

from llmgateway_server.dialects.codec import Decoded, Delta, DeltaKey, Frame
from llmgateway_server.dialects.cohere import parts
from llmgateway_server.dialects.cohere.decode_chat import candidate_json
from llmgateway_server.dialects.cohere.errors import FAILED_FINISHES, answer_error
from llmgateway_server.dialects.cohere.finish import finish_reason
from llmgateway_server.dialects.cohere.options import NAME
from llmgateway_server.dialects.cohere.parts import PartKey
from llmgateway_server.dialects.cohere.usage import read_usage
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import Json, compact, decode, index, items, mapping, rest, text

Event = stream_pb2.GenerationEvent

EVENT_MEMBERS = frozenset({"id", "type", "index", "delta", "logprobs"})
DELTA_MEMBERS = frozenset({"message", "finish_reason", "usage", "error", "error_type"})
# What only says that a part is over: parts stay open to the end, for citations that come late.
SILENT_TYPES = frozenset({"content-end", "tool-call-end", "citation-end", "ping", "keepalive"})


class PlainContent(msgspec.Struct, forbid_unknown_fields=True):
    """A piece of text, or of a thought."""

    text: str = ""
    thinking: str = ""


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True):
    """A message with nothing but content."""

    content: PlainContent


class PlainDelta(msgspec.Struct, forbid_unknown_fields=True):
    """A delta with nothing but a message."""

    message: PlainMessage


class PlainEvent(msgspec.Struct, forbid_unknown_fields=True):
    """An event that only goes on with a piece of content."""

    type: Literal["content-delta"]
    index: int
    delta: PlainDelta


PLAIN_EVENT = msgspec.json.Decoder(PlainEvent)


class CallState:
    """One tool call in the making. `held` is the beginning of arguments that may turn out to be `null`."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.held = ""
        self.has_input = False


class ChatStreamDecoder:
    """`StreamDecoder` for chat."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._is_started = False
        self._id = ""
        self._unknown: Json = {}
        self._message_unknown: Json = {}
        self._open: dict[PartKey, int] = {}
        self._calls: list[CallState] = []
        self._call_at: dict[int, CallState] = {}
        self._part_count = 0
        self._last_text = 0
        self._end: Json = {}

    def decode(self, frame: Frame) -> Decoded:
        """Return the events of one frame."""
        if frame.name == "content-delta" and self._open:
            delta = self._plain_delta(frame.data)
            if delta is not None:
                return [delta]
        data = frame.data.strip()
        if not data or data == b"[DONE]" or data.startswith(b":"):
            return []
        try:
            raw = decode(data)
        except ValueError as error:
            raise bad_response(self._provider, "an event is not JSON") from error
        if not isinstance(raw, dict):
            raise bad_response(self._provider, "an event is no object")
        kind = text(raw.get("type")) or frame.name
        if kind == "error" or not kind or raw.get("error"):
            raise answer_error(self._provider, raw)
        return self._event(kind, raw)

    def finish(self) -> Decoded:
        """Return what ends the candidate and the generation; raise where the stream was cut."""
        if not self.ended:
            raise bad_response(self._provider, "the stream ended without its terminal")
        events: Decoded = []
        for call in self._calls:
            if not call.has_input:
                rest_of_input = "{}" if call.held in ("", "null") else call.held
                events.append(Delta(DeltaKey(0, call.place, "arguments_json"), rest_of_input))
        for place in sorted([*self._open.values(), *(call.place for call in self._calls)]):
            event = Event()
            event.part_finished.index = place
            events.append(event)
        event = Event()
        word = text(self._end.get("finish_reason"))
        event.candidate_finished.finish_reason = finish_reason(word)
        event.candidate_finished.provider_finish_reason = word
        event.candidate_finished.provider_json = candidate_json(self._message_unknown)
        events.append(event)
        event = Event()
        parts.describe(event.finished.call, self._provider, self._id, self._unknown)
        event.finished.call.warnings.extend(read_usage(self._end.get("usage"), event.finished.usage))
        events.append(event)
        return events

    def _plain_delta(self, data: bytes) -> Delta | None:
        """Return the delta of an event that only goes on with an open part; None for any other.

        Nearly all events are such, and this costs a fraction of the tolerant reading.
        """
        try:
            plain = PLAIN_EVENT.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        content = plain.delta.message.content
        place = self._open.get(PartKey("thinking" if content.thinking else "text", plain.index))
        if place is None or bool(content.text) == bool(content.thinking):
            return None
        return Delta(DeltaKey(0, place, "text"), content.text or content.thinking)

    def _event(self, kind: str, raw: Json) -> Decoded:
        events: Decoded = []
        if not self._is_started:
            self._start(raw, events)
        delta = mapping(raw.get("delta"))
        message = mapping(delta.get("message"))
        place = index(raw.get("index"), 0)
        if kind in ("content-delta", "content-start"):
            self._content(place, mapping(message.get("content")), raw.get("logprobs"), events)
        elif kind == "tool-call-delta":
            self._call_delta(place, message, events)
        elif kind == "tool-plan-delta":
            self._append(parts.PLAN, text(message.get("tool_plan")), events)
        elif kind == "tool-call-start":
            self._call_start(place, message, events)
        elif kind == "citation-start":
            self._citations(message.get("citations"), events)
        elif kind == "message-end":
            self._message_end(delta)
        elif kind == "message-start":
            self._message_unknown.update(rest(message, parts.MESSAGE_MEMBERS))
        elif kind not in SILENT_TYPES:
            event = Event()
            progress = event.provider_event
            progress.dialect, progress.type, progress.json = NAME, kind, compact(raw)
            events.append(event)
        return events

    def _start(self, raw: Json, events: Decoded) -> None:
        self._is_started = True
        self._id = text(raw.get("id"))
        self._unknown.update(rest(raw, EVENT_MEMBERS))
        event = Event()
        parts.describe(event.started.call, self._provider, self._id, self._unknown)
        events.append(event)

    def _message_end(self, delta: Json) -> None:
        word = text(delta.get("finish_reason"))
        if word in FAILED_FINISHES or delta.get("error"):
            raise answer_error(self._provider, delta, word)
        self.ended = True
        self._end = delta
        self._unknown.update(rest(delta, DELTA_MEMBERS))

    def _content(self, place: int, content: Json, logprobs: Any, events: Decoded) -> None:
        kind = content.get("type")
        if kind is not None and kind not in ("text", "thinking"):
            self._add_part(parts.provider_part(content), events)
            return
        thought = text(content.get("thinking"))
        if thought:
            self._append(PartKey("thinking", place), thought, events)
        said = text(content.get("text"))
        if kind == "text" or said:
            self._last_text = place
        tokens = parts.read_logprobs(logprobs) if logprobs and not thought else []
        if tokens:
            event = Event()
            event.part_delta.index = self._place(PartKey("text", place), events)
            event.part_delta.text = said
            event.part_delta.logprobs.extend(tokens)
            events.append(event)
        elif said:
            self._append(PartKey("text", place), said, events)

    def _citations(self, raw: Any, events: Decoded) -> None:
        for citation in raw if isinstance(raw, list) else [raw]:
            if isinstance(citation, dict):
                event = Event()
                event.part_delta.index = self._place(parts.citation_key(citation, self._last_text), events)
                event.part_delta.annotations.extend(parts.read_citation(citation))
                events.append(event)

    def _call_start(self, place: int, message: Json, events: Decoded) -> None:
        raw = call_of(message)
        part = parts.call_part(raw, text(raw.get("id")) or parts.minted_id(self._id, len(self._calls)))
        self._call_at[place] = CallState(self._start_part(part, events))
        self._calls.append(self._call_at[place])
        self._call_delta(place, message, events)

    def _call_delta(self, place: int, message: Json, events: Decoded) -> None:
        call = self._call_at.get(place)
        if call is None:
            self._call_start(place, message, events)
            return
        piece = call.held + parts.arguments_text(mapping(call_of(message).get("function")).get("arguments"))
        if not call.has_input and "null".startswith(piece):
            call.held = piece
        elif piece:
            call.has_input, call.held = True, ""
            events.append(Delta(DeltaKey(0, call.place, "arguments_json"), piece))

    def _append(self, key: PartKey, said: str, events: Decoded) -> None:
        if said:
            events.append(Delta(DeltaKey(0, self._place(key, events), "text"), said))

    def _place(self, key: PartKey, events: Decoded) -> int:
        """Return the place of a part, opening it where it is new."""
        place = self._open.get(key)
        if place is None:
            place = self._open[key] = self._start_part(parts.empty_part(key), events)
        return place

    def _add_part(self, part: message_pb2.Part, events: Decoded) -> None:
        """Open and close a part that comes whole."""
        event = Event()
        event.part_finished.index = self._start_part(part, events)
        events.append(event)

    def _start_part(self, part: message_pb2.Part, events: Decoded) -> int:
        place = self._part_count
        self._part_count += 1
        event = Event()
        event.part_started.index = place
        event.part_started.part.CopyFrom(part)
        events.append(event)
        return place


def call_of(message: Json) -> Json:
    """Return the call of an event; it is an object here, but a list in a whole answer."""
    raw = message.get("tool_calls")
    return mapping(items(raw)[0] if items(raw) else raw)
