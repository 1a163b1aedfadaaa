"""The chunks of `streamGenerateContent?alt=sse` → events.

A chunk is a whole GenerateContentResponse that holds what is new (https://ai.google.dev/api/generate-content, read
2026-11-25). There is no terminal but the end of the bytes: the stream is complete if by then every candidate has said
why it ended, or the prompt was blocked. Usage may come on any chunk, after that as well.
"""

from __future__ import annotations

import contextlib

import msgspec
from llmgateway.v1 import call_pb2, message_pb2, stream_pb2

from llmgateway_server.dialects.codec import Decoded, Delta, DeltaKey, Frame
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gemini.candidates import CandidateReader
from llmgateway_server.dialects.gemini.decode_generate import RESPONSE_MEMBERS, block_word, describe
from llmgateway_server.dialects.gemini.errors import holds_error, stream_error
from llmgateway_server.dialects.gemini.options import NAME
from llmgateway_server.dialects.gemini.usage import UsageReader
from llmgateway_server.dialects.reading import Json, decode, index, items, mapping, rest, text

Event = stream_pb2.GenerationEvent

# After so many chunks in a row that are not plain, they are read the tolerant way at once.
MAX_PLAIN_MISSES = 8


class PlainPart(msgspec.Struct, forbid_unknown_fields=True):
    """A text and nothing else, the model's thoughts included."""

    text: str
    thought: bool = False


class PlainContent(msgspec.Struct, forbid_unknown_fields=True):
    parts: list[PlainPart]
    role: str | None = None


class PlainCandidate(msgspec.Struct, forbid_unknown_fields=True):
    """A candidate that goes on."""

    content: PlainContent
    index: int = 0


class PlainChunk(msgspec.Struct, forbid_unknown_fields=True):
    """A chunk that says nothing new but a text and a count; what else it holds stood in the chunks before it."""

    candidates: list[PlainCandidate]
    usageMetadata: msgspec.Raw = msgspec.Raw(b"")  # noqa: N815  # Google's spelling
    modelVersion: str | None = None  # noqa: N815  # Google's spelling
    responseId: str | None = None  # noqa: N815  # Google's spelling
    createTime: str | None = None  # noqa: N815  # Google's spelling


PLAIN_CHUNK = msgspec.json.Decoder(PlainChunk)


class EventWriter:
    """`PartWriter` into events, which the decoder takes from `events`."""

    def __init__(self, candidate_index: int, provider: str) -> None:
        self.events: Decoded = []
        self._candidate_index = candidate_index
        self._provider = provider

    def add(self, place: int) -> message_pb2.Part:
        event = self._event()
        event.part_started.index = place
        return event.part_started.part

    def append(self, place: int, said: str) -> None:
        self.events.append(Delta(DeltaKey(self._candidate_index, place, "text"), said))

    def append_data(self, place: int, data: bytes) -> None:
        delta = self._event().part_delta
        delta.index, delta.data = place, data

    def extend(
        self, place: int, annotations: list[message_pb2.Annotation], logprobs: list[message_pb2.TokenLogprob]
    ) -> None:
        delta = self._event().part_delta
        delta.index = place
        delta.annotations.extend(annotations)
        delta.logprobs.extend(logprobs)

    def close(self, place: int, said: str, signature: str, bag: str) -> None:  # noqa: ARG002  # the text has gone out
        finished = self._event().part_finished
        finished.index = place
        if signature:
            finished.signature.provider, finished.signature.value = self._provider, signature
        if bag:
            finished.provider_json[NAME] = bag

    def finish(self, reader: CandidateReader, *, is_blocked: bool) -> None:
        """Say how the candidate ended."""
        finished = self._event().candidate_finished
        finished.finish_reason = reader.reason(is_blocked=is_blocked)
        finished.provider_finish_reason = reader.finish_word
        finished.provider_json = reader.provider_json

    def take(self) -> Decoded:
        """Return the events since the last time."""
        taken, self.events = self.events, []
        return taken

    def _event(self) -> Event:
        event = Event(candidate_index=self._candidate_index)
        self.events.append(event)
        return event


class GenerateStreamDecoder:
    """`StreamDecoder` for `streamGenerateContent`. `ended` stays false: all bytes are read."""

    def __init__(self, provider: str) -> None:
        self.ended = False
        self._provider = provider
        self._is_started = False
        self._head: Json = {}
        self._usage: Json = {}
        self._plain_usage = b""
        self._block = ""
        self._readers: dict[int, tuple[CandidateReader, EventWriter]] = {}
        self._plain_misses = 0

    def decode(self, frame: Frame) -> Decoded:
        """Return the events of one frame."""
        data = frame.data
        if self._readers and self._plain_misses < MAX_PLAIN_MISSES:
            delta = self._plain_delta(data)
            if delta is not None:
                return [delta]
        if not data.strip() or data.startswith(b":"):
            return []
        try:
            raw = decode(data)
        except ValueError as error:
            raise bad_response(self._provider, "a chunk is not JSON") from error
        if holds_error(raw) or frame.name == "error":
            raise stream_error(self._provider, raw)
        if not isinstance(raw, dict):
            raise bad_response(self._provider, "a chunk is no object")
        return self._chunk(raw)

    def finish(self) -> Decoded:
        """Return what ends the candidates and the generation; raise where the stream was cut."""
        if not self._readers and self._block:
            self._reader(0)
        is_whole = self._block or all(reader.ended for reader, _ in self._readers.values())
        if not self._readers or not is_whole:
            raise bad_response(self._provider, "the stream ended before its answer did")
        events: Decoded = []
        for _, (reader, writer) in sorted(self._readers.items()):
            is_blocked = not reader.ended
            if is_blocked:
                reader.finish(self._block)
            reader.end(text(self._head.get("responseId")))
            writer.finish(reader, is_blocked=is_blocked)
            events += writer.take()
        events.append(self._finished())
        return events

    def _plain_delta(self, data: bytes) -> Delta | None:
        """Return the delta of a chunk that only goes on with an open text; None for any other chunk.

        Most chunks are such, and this costs a third of the tolerant reading. Where a provider's never are, it is not
        tried for long.
        """
        try:
            chunk = PLAIN_CHUNK.decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._plain_misses += 1
            return None
        if len(chunk.candidates) != 1 or len(chunk.candidates[0].content.parts) != 1:
            return None
        candidate = chunk.candidates[0]
        part = candidate.content.parts[0]
        held = self._readers.get(candidate.index)
        if held is None or not part.text or held[0].open_kind != ("reasoning" if part.thought else "text"):
            return None
        self._plain_misses = 0
        reader = held[0]
        reader.pieces[reader.open_place].append(part.text)
        usage = bytes(chunk.usageMetadata)
        if usage:
            self._plain_usage = usage
        return Delta(DeltaKey(candidate.index, reader.open_place, "text"), part.text)

    def _chunk(self, raw: Json) -> Decoded:
        events: Decoded = []
        self._add_usage(raw.get("usageMetadata"))
        self._add_head(raw)
        self._block = self._block or block_word(raw)
        if not self._is_started:
            self._is_started = True
            started = Event()
            self._describe(started.started.call)
            events.append(started)
        response_id = text(self._head.get("responseId"))
        for place, candidate in enumerate(items(raw.get("candidates"))):
            if isinstance(candidate, dict):
                reader, writer = self._reader(index(candidate.get("index"), place))
                reader.read(candidate, response_id)
                events += writer.take()
        return events

    def _reader(self, number: int) -> tuple[CandidateReader, EventWriter]:
        held = self._readers.get(number)
        if held is None:
            writer = EventWriter(number, self._provider)
            held = self._readers[number] = (CandidateReader(number, writer), writer)
        return held

    def _add_head(self, raw: Json) -> None:
        """Keep who answers, and what has no field; the first id stands, since calls may bear it."""
        for member in ("modelVersion", "responseId"):
            if not self._head.get(member):
                self._head[member] = raw.get(member)
        if not raw.keys() <= RESPONSE_MEMBERS:
            self._head.update(rest(raw, RESPONSE_MEMBERS))

    def _add_usage(self, usage: object) -> None:
        """Take the latest counts; on Vertex AI all chunks but the last hold some of them only."""
        if self._plain_usage:
            with contextlib.suppress(ValueError):  # its texts have not been looked at
                self._usage.update(mapping(decode(self._plain_usage)))
            self._plain_usage = b""
        if isinstance(usage, dict):
            self._usage.update(usage)

    def _describe(self, call: call_pb2.CallInfo) -> None:
        describe(call, self._head, self._provider, self._usage)

    def _finished(self) -> Event:
        event = Event()
        finished = event.finished
        self._add_usage(None)
        self._describe(finished.call)
        if self._usage:
            reader = UsageReader()
            reader.read(self._usage, finished.usage)
            finished.call.warnings.extend(reader.warnings)
        return event
