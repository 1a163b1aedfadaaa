"""The lines of a streamed answer of `/api/chat` or `/api/generate` → events.

Ollama's API reference, "Streaming" (read 2026-11-25): one object a line; the one with `done` is the terminal and
holds the counts; an `error` may come in any line. Calls come whole, a few at a time.
"""

from __future__ import annotations

from typing import Any

import msgspec
from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2

from llmgateway_server.dialects.codec import Decoded, Delta, DeltaKey, Frame
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.ollama import parts
from llmgateway_server.dialects.ollama.decode_chat import candidate_json, message_of
from llmgateway_server.dialects.ollama.errors import stream_error
from llmgateway_server.dialects.ollama.finish import finish_reason
from llmgateway_server.dialects.ollama.usage import read_usage
from llmgateway_server.dialects.reading import Json, decode, items, rest, text

Event = stream_pb2.GenerationEvent

# After so many lines in a row that are not plain, they are read the tolerant way at once.
MAX_PLAIN_MISSES = 8


class PlainMessage(msgspec.Struct, forbid_unknown_fields=True):
    """A message with a text, or a thought, and nothing else."""

    role: str | None = None
    content: str = ""
    thinking: str = ""


class PlainLine(msgspec.Struct, forbid_unknown_fields=True):
    """A line that goes on; what else it holds stood in the lines before it."""

    done: bool
    message: PlainMessage | None = None
    response: str = ""
    thinking: str = ""
    model: str | None = None
    created_at: str | None = None
    remote_model: str | None = None
    remote_host: str | None = None


PLAIN_LINE = msgspec.json.Decoder(PlainLine)


class ChatStreamDecoder:
    """`StreamDecoder` for both endpoints: they differ in where the text is."""

    def __init__(self, request: generation_pb2.GenerateRequest, provider: str) -> None:
        self.ended = False
        self._request = request
        self._provider = provider
        self._is_started = False
        self._model = ""
        self._unknown: Json = {}
        self._message_unknown: Json = {}
        self._open: dict[str, int] = {}
        self._part_count = 0
        self._call_count = 0
        self._last: Json = {}
        self._plain_misses = 0

    def decode(self, frame: Frame) -> Decoded:
        """Return the events of one line."""
        if self._open and self._plain_misses < MAX_PLAIN_MISSES:
            delta = self._plain_delta(frame.data)
            if delta is not None:
                return [delta]
        data = frame.data.strip()
        if not data:
            return []
        try:
            raw = decode(data)
        except ValueError as error:
            raise bad_response(self._provider, "a line is not JSON") from error
        if not isinstance(raw, dict):
            raise bad_response(self._provider, "a line is no object")
        if raw.get("error"):
            raise stream_error(self._provider, raw)
        return self._line(raw)

    def finish(self) -> Decoded:
        """Return what ends the candidate and the generation; raise where the stream was cut."""
        if not self.ended:
            raise bad_response(self._provider, "the stream ended without its terminal")
        events: Decoded = []
        for place in sorted(self._open.values()):
            event = Event()
            event.part_finished.index = place
            events.append(event)
        event = Event()
        word = text(self._last.get("done_reason"))
        event.candidate_finished.finish_reason = finish_reason(word, has_calls=bool(self._call_count))
        event.candidate_finished.provider_finish_reason = word
        event.candidate_finished.provider_json = candidate_json(self._message_unknown)
        events.append(event)
        event = Event()
        finished = event.finished
        parts.describe(finished.call, self._provider, self._model, self._unknown)
        finished.call.warnings.extend(read_usage(self._last, finished.usage))
        events.append(event)
        return events

    def _plain_delta(self, data: bytes) -> Delta | None:
        """Return the delta of a line that only goes on with an open part; None for any other line.

        Nearly all lines are such, and this costs a fraction of the tolerant reading. Where a server's never are,
        it is not tried for long.
        """
        try:
            line = PLAIN_LINE.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._plain_misses += 1
            return None
        if line.done:
            return None
        message = line.message
        said, thought = (line.response, line.thinking) if message is None else (message.content, message.thinking)
        place = self._open.get("reasoning" if thought else "text")
        if place is None or bool(said) == bool(thought):
            return None
        self._plain_misses = 0
        return Delta(DeltaKey(0, place, "text"), said or thought)

    def _line(self, raw: Json) -> Decoded:
        events: Decoded = []
        self._model = self._model or text(raw.get("model"))
        if not raw.keys() <= parts.ANSWER_MEMBERS:
            self._unknown.update(rest(raw, parts.ANSWER_MEMBERS))
        if not self._is_started:
            self._is_started = True
            event = Event()
            parts.describe(event.started.call, self._provider, self._model, self._unknown)
            events.append(event)
        message = message_of(raw)
        if message is not None:
            self._message(message, raw.get("logprobs"), events)
        if raw.get("done"):
            self.ended = True
            self._last = raw
        return events

    def _message(self, message: Json, logprobs: Any, events: Decoded) -> None:
        if not message.keys() <= parts.MESSAGE_MEMBERS:
            self._message_unknown.update(rest(message, parts.MESSAGE_MEMBERS))
        thought = text(message.get("thinking"))
        if thought:
            self._append_text("reasoning", thought, [], events)
        said = text(message.get("content"))
        tokens = parts.read_logprobs(logprobs) if logprobs else []
        if said or tokens:
            self._append_text("text", said, tokens, events)
        for drawn in items(message.get("images")):
            image = parts.image_part(drawn)
            if image is not None:
                self._add_part(image, events)
        for call in items(message.get("tool_calls")):
            if isinstance(call, dict):
                self._add_part(parts.call_part(self._request, call, self._call_count), events)
                self._call_count += 1

    def _append_text(self, kind: str, said: str, logprobs: list[message_pb2.TokenLogprob], events: Decoded) -> None:
        place = self._open.get(kind)
        if place is None:
            part = message_pb2.Part()
            if kind == "reasoning":
                part.reasoning.text = ""
            else:
                part.text = ""
            place = self._open[kind] = self._start_part(part, events)
        if not logprobs:
            events.append(Delta(DeltaKey(0, place, "text"), said))
            return
        event = Event()
        delta = event.part_delta
        delta.index = place
        delta.text = said
        delta.logprobs.extend(logprobs)
        events.append(event)

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
