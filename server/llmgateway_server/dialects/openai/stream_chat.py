"""The chunks of a chat completion's stream → events.

OpenAI's API reference, "Streaming" (read 2026-11-25), read tolerantly: calls without index or id, usage with or
without choices, thoughts under either name, errors in the middle. A stream is complete when its `[DONE]` has
come; a candidate without a finish reason then ended for a reason that the provider does not tell.
"""

from __future__ import annotations

from typing import Any

import msgspec
from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2

from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Delta, DeltaKey, Frame
from llmgateway_server.dialects.openai import parts
from llmgateway_server.dialects.openai.errors import check_choice, stream_error
from llmgateway_server.dialects.openai.finish import finish_reason
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.openai.usage import UsageReader
from llmgateway_server.dialects.reading import Json, compact, decode, index, items, mapping, rest, text

Event = stream_pb2.GenerationEvent

# `obfuscation` and Mistral's `p` are padding: they say nothing, and hide how long a text is.
CHUNK_MEMBERS = frozenset(
    {"id", "object", "created", "model", "choices", "usage", "service_tier", "obfuscation", "p", "error"}
)
KEEP_ALIVE_TYPES = frozenset({"keepalive", "keep-alive", "ping"})


# After so many chunks in a row that are not plain, they are read the tolerant way at once.
MAX_PLAIN_MISSES = 8


class PlainDelta(msgspec.Struct, forbid_unknown_fields=True):
    """A delta with text and nothing else."""

    content: str


class PlainChoice(msgspec.Struct, forbid_unknown_fields=True):
    """A choice that goes on."""

    index: int
    delta: PlainDelta
    finish_reason: None = None
    logprobs: None = None


class PlainChunk(msgspec.Struct, forbid_unknown_fields=True):
    """A chunk that says nothing new but a text; what else it holds stood in the chunks before it."""

    choices: list[PlainChoice]
    id: str | None = None
    object: str | None = None
    created: int | None = None
    model: str | None = None
    service_tier: str | None = None
    system_fingerprint: str | None = None
    obfuscation: str | None = None
    p: str | None = None
    usage: None = None


PLAIN_CHUNK = msgspec.json.Decoder(PlainChunk)


class CandidateState:
    """What has come of one candidate: its parts by kind, and how it ended."""

    def __init__(self, candidate_index: int) -> None:
        self.index = candidate_index
        self.part_count = 0
        self.open: dict[str, int] = {}
        self.calls: list[CallState] = []
        self.finish_word: str | None = None
        self.unknown: Json = {}
        self.message_unknown: Json = {}


class CallState:
    """One tool call in the making. `part` is -1 until its name is known."""

    def __init__(self, key: int | None, call_id: str) -> None:
        self.key = key
        self.id = call_id
        self.name = ""
        self.part = -1
        self.is_custom = False
        self.has_input = False
        self.waiting: list[str] = []


class ChatStreamDecoder:
    """`StreamDecoder` for chat completions; legacy completions differ in where the text is (`text`)."""

    def __init__(self, request: generation_pb2.GenerateRequest, provider: str, quirks: Quirks) -> None:
        self.ended = False
        self._provider = provider
        self._audio_format = request.audio.format
        self._usage_reader = UsageReader(quirks)
        self._is_started = False
        self._id = ""
        self._model = ""
        self._service_tier = ""
        self._usage: Json = {}
        self._unknown: Json = {}
        self._candidates: dict[int, CandidateState] = {}
        self._plain_misses = 0

    def decode(self, frame: Frame) -> Decoded:
        """Return the events of one frame."""
        data = frame.data.strip()
        if data == b"[DONE]":
            self.ended = True
            return []
        if self._plain_misses < MAX_PLAIN_MISSES:
            delta = self._plain_delta(data)
            if delta is not None:
                return [delta]
        if not data or data.startswith(b":"):
            return []
        try:
            raw = decode(data)
        except ValueError as error:
            raise self._bad("a chunk is not JSON") from error
        if not isinstance(raw, dict):
            raise self._bad("a chunk is no object")
        if raw.get("type") in KEEP_ALIVE_TYPES:
            return []
        if raw.get("error") or frame.name == "error" or raw.get("object") == "error":
            raise stream_error(self._provider, raw)
        return self._chunk(raw)

    def finish(self) -> Decoded:
        """Return what ends the candidates and the generation; raise where the stream was cut."""
        if not self.ended:
            raise self._bad("the stream ended without its terminal")
        if not self._candidates:
            raise self._bad("the stream holds no answer")
        events: Decoded = []
        for candidate_index in sorted(self._candidates):
            self._finish_candidate(self._candidates[candidate_index], events)
        last = Event()
        finished = last.finished
        self._describe(finished.call)
        usage = self._usage or mapping(mapping(self._unknown.get("x_groq")).get("usage"))
        if usage:
            self._usage_reader.read(usage, finished.usage)
            finished.call.warnings.extend(self._usage_reader.warnings)
        events.append(last)
        return events

    def _plain_delta(self, data: bytes) -> Delta | None:
        """Return the delta of a chunk that only goes on with an open text; None for any other chunk.

        Nearly all chunks are such, and this costs a fifth of the tolerant reading. Where a provider's never are,
        it is not tried for long.
        """
        if not self._candidates:
            return None
        try:
            choices = PLAIN_CHUNK.decode(data).choices
        except (msgspec.DecodeError, UnicodeDecodeError):
            self._plain_misses += 1
            return None
        if len(choices) != 1:
            return None
        choice = choices[0]
        candidate = self._candidates.get(choice.index)
        place = candidate.open.get("text") if candidate is not None else None
        if place is None or not choice.delta.content:
            return None
        self._plain_misses = 0
        return Delta(DeltaKey(choice.index, place, "text"), choice.delta.content)

    def _chunk(self, raw: Json) -> Decoded:
        events: Decoded = []
        self._id = self._id or text(raw.get("id"))
        self._model = self._model or text(raw.get("model"))
        if raw.get("service_tier") is not None:
            self._service_tier = text(raw["service_tier"])
        if not raw.keys() <= CHUNK_MEMBERS:
            self._unknown.update(rest(raw, CHUNK_MEMBERS))
        usage = raw.get("usage")
        if usage and isinstance(usage, dict):
            self._usage = usage
        if not self._is_started:
            self._is_started = True
            started = Event()
            self._describe(started.started.call)
            events.append(started)
        for place, choice in enumerate(items(raw.get("choices"))):
            if isinstance(choice, dict):
                self._choice(choice, index(choice.get("index"), place), events)
        return events

    def _choice(self, choice: Json, candidate_index: int, events: Decoded) -> None:
        candidate = self._candidates.get(candidate_index)
        if candidate is None:
            candidate = self._candidates[candidate_index] = CandidateState(candidate_index)
        check_choice(self._provider, choice)
        if choice.get("finish_reason") is not None:
            candidate.finish_word = text(choice["finish_reason"])
        if not choice.keys() <= parts.CHOICE_MEMBERS:
            candidate.unknown.update(rest(choice, parts.CHOICE_MEMBERS))
        delta = mapping(choice.get("delta")) or mapping(choice.get("message"))
        logprobs = choice.get("logprobs")
        if "text" in choice and not delta:
            tokens = parts.read_logprobs(logprobs, "content") if logprobs else []
            self._append_text(candidate, "text", text(choice["text"]), events, tokens)
        elif delta:
            self._delta(candidate, delta, logprobs, events)

    def _delta(self, candidate: CandidateState, delta: Json, logprobs: Any, events: Decoded) -> None:
        if not delta.keys() <= parts.MESSAGE_MEMBERS:
            gather(candidate.message_unknown, rest(delta, parts.MESSAGE_MEMBERS))
        thought = parts.reasoning_text(delta)
        content = delta.get("content")
        said = ""
        if content is not None:
            said, more = parts.content_text(content)
            thought += more
        if thought:
            self._append_text(candidate, "reasoning", thought, events)
        tokens = parts.read_logprobs(logprobs, "content") if logprobs else []
        annotations = parts.read_annotations(delta.get("annotations")) if delta.get("annotations") else []
        if said or tokens or annotations:
            self._append_text(candidate, "text", said, events, tokens, annotations)
        refusal = text(delta.get("refusal"))
        if refusal:
            tokens = parts.read_logprobs(logprobs, "refusal") if logprobs else []
            self._append_text(candidate, "refusal", refusal, events, tokens)
        for raw in items(delta.get("tool_calls")):
            if isinstance(raw, dict):
                self._tool_call(candidate, raw, events)
        if isinstance(delta.get("function_call"), dict):
            self._tool_call(candidate, {"index": 0, "function": delta["function_call"]}, events)
        if isinstance(delta.get("audio"), dict):
            self._audio(candidate, delta["audio"], events)

    def _append_text(
        self,
        candidate: CandidateState,
        kind: str,
        said: str,
        events: Decoded,
        logprobs: list[message_pb2.TokenLogprob] | None = None,
        annotations: list[message_pb2.Annotation] | None = None,
    ) -> None:
        place = candidate.open.get(kind)
        if place is None:
            if not (said or logprobs or annotations):
                return
            part = message_pb2.Part()
            if kind == "reasoning":
                part.reasoning.text = ""
            else:
                setattr(part, kind, "")
            place = self._open(candidate, kind, part, events)
        if not logprobs and not annotations:
            if said:
                events.append(Delta(DeltaKey(candidate.index, place, "text"), said))
            return
        event = Event()
        event.candidate_index = candidate.index
        delta = event.part_delta
        delta.index = place
        delta.text = said
        if logprobs:
            delta.logprobs.extend(logprobs)
        if annotations:
            delta.annotations.extend(annotations)
        events.append(event)

    def _open(self, candidate: CandidateState, kind: str, part: message_pb2.Part, events: Decoded) -> int:
        place = candidate.open[kind] = candidate.part_count
        candidate.part_count += 1
        event = Event(candidate_index=candidate.index)
        event.part_started.index = place
        event.part_started.part.CopyFrom(part)
        events.append(event)
        return place

    def _tool_call(self, candidate: CandidateState, raw: Json, events: Decoded) -> None:
        call = self._find_call(candidate, raw)
        custom = parts.is_custom(raw)
        inner = mapping(raw.get("custom" if custom else "function"))
        call.is_custom = call.is_custom or custom
        call.name = call.name or text(inner.get("name"))
        piece = text(inner.get("input")) if custom else parts.arguments_text(inner.get("arguments"))
        if piece:
            call.waiting.append(piece)
        if call.name:
            self._write_call(candidate, call, raw, events)

    def _find_call(self, candidate: CandidateState, raw: Json) -> CallState:
        """Return the call that a delta belongs to: by index, else by id, else the last; a new name or id begins one."""
        raw_index = raw.get("index")
        key = raw_index if isinstance(raw_index, int) else None
        call_id = text(raw.get("id"))
        name = text(mapping(raw.get("function") or raw.get("custom")).get("name"))
        for call in reversed(candidate.calls):
            if key is not None and call.key != key:
                continue
            if key is None and call_id and call.id != call_id:
                continue
            # The same index with another id and a name is another call: some servers number them all 0.
            if call_id and call.id and call_id != call.id and name:
                continue
            # Without index and id, a name begins a call.
            if key is None and not call_id and name:
                break
            call.id = call.id or call_id
            return call
        call = CallState(key, call_id)
        candidate.calls.append(call)
        return call

    def _write_call(self, candidate: CandidateState, call: CallState, raw: Json, events: Decoded) -> None:
        if call.part < 0:
            place = candidate.calls.index(call)
            call.id = call.id or parts.minted_id(self._id, candidate.index, place)
            call.part = self._open(candidate, f"call {place}", parts.tool_call_part(raw, call.id, call.name), events)
        if call.waiting:
            pieces, call.waiting, call.has_input = "".join(call.waiting), [], True
            key = DeltaKey(candidate.index, call.part, "text" if call.is_custom else "arguments_json")
            events.append(Delta(key, pieces))

    def _audio(self, candidate: CandidateState, raw: Json, events: Decoded) -> None:
        place = candidate.open.get("audio")
        if place is None:
            place = self._open(candidate, "audio", parts.audio_part(raw, self._audio_format), events)
        data, transcript = parts.audio_data(raw.get("data")), text(raw.get("transcript"))
        if data:
            event = Event(candidate_index=candidate.index)
            event.part_delta.index, event.part_delta.data = place, data
            events.append(event)
        if transcript:
            event = Event(candidate_index=candidate.index)
            event.part_delta.index, event.part_delta.transcript = place, transcript
            events.append(event)

    def _finish_candidate(self, candidate: CandidateState, events: Decoded) -> None:
        for call in candidate.calls:
            if not (call.has_input or call.waiting or call.is_custom):
                call.waiting = ["{}"]
            self._write_call(candidate, call, {}, events)
        for place in sorted(candidate.open.values()):
            event = Event(candidate_index=candidate.index)
            event.part_finished.index = place
            events.append(event)
        event = Event(candidate_index=candidate.index)
        word = candidate.finish_word or ""
        event.candidate_finished.finish_reason = finish_reason(word)
        event.candidate_finished.provider_finish_reason = word
        event.candidate_finished.provider_json = candidate_json(candidate.unknown, candidate.message_unknown)
        events.append(event)

    def _describe(self, call: Any) -> None:  # a CallInfo
        call.provider = self._provider
        call.model = self._model
        call.provider_response_id = self._id
        call.service_tier = self._service_tier
        unknown = {member: value for member, value in self._unknown.items() if member != "x_groq"}
        if unknown:
            call.provider_json = compact(unknown)

    def _bad(self, what: str) -> errors.ProviderBadResponse:
        metadata = {"provider": self._provider, "httpStatus": "200"}
        return errors.ProviderBadResponse(
            f"The answer of {self._provider} makes no sense: {what}.", metadata=metadata, http_status=200
        )


def gather(known: Json, more: Json) -> None:
    """Add what a delta brings: lists and texts grow, everything else is replaced."""
    for member, value in more.items():
        before: Any = known.get(member)
        grows = type(before) is type(value) and isinstance(value, list | str)
        known[member] = before + value if grows else value


def candidate_json(choice: Json, message: Json) -> str:
    """Return what a candidate holds beyond the contract, empty where that is nothing."""
    unknown = {**choice, "message": message} if message else choice
    return compact(unknown) if unknown else ""
