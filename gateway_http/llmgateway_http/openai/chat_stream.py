"""Events → the chunks of a chat completion's stream."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec
from llmgateway.fold import OpenPart
from llmgateway.v1 import call_pb2, message_pb2, stream_pb2

from llmgateway_http.openai.chat_response import (
    DIALECT,
    add_native_reason,
    add_service_tier,
    completion_id,
    finish_word,
    put_back,
    to_annotation,
    to_logprob,
    to_usage,
)
from llmgateway_http.openai.provider_parts import is_image, is_provider_part, to_image, to_provider_part
from llmgateway_http.openai.signatures import to_detail, to_extra_content

Json = dict[str, Any]  # Any: decoded JSON

TEXTS = frozenset({"text", "refusal", "reasoning"})


class Thought(NamedTuple):
    """A thought that is being told, in case a signature of it comes at its end."""

    kind: message_pb2.Reasoning.Kind.ValueType
    pieces: list[str]


class ChatChunks:
    """Turns the events of one stream into chunks. Single use; `with_usage` asks for a last chunk with the usage."""

    OBJECT = "chat.completion.chunk"

    def __init__(self, model: str, *, with_usage: bool) -> None:
        self._head: Json = {"id": "", "object": self.OBJECT, "created": 0, "model": model}
        self._with_usage = with_usage
        self._kinds: dict[tuple[int, int], str] = {}
        self._call_numbers: dict[tuple[int, int], int] = {}
        self._call_counts: dict[int, int] = {}
        self._begun: set[int] = set()
        self._signatures: dict[tuple[int, int], message_pb2.Signature] = {}
        self._thoughts: dict[tuple[int, int], Thought] = {}
        self._detail_counts: dict[int, int] = {}
        self._collected: dict[tuple[int, int], OpenPart] = {}
        self._entry_counts: dict[tuple[int, str], int] = {}
        self._last: list[Json] = []

    def chunks(self, events: Iterable[stream_pb2.GenerationEvent]) -> list[Json]:
        """Return the chunks for events that arrived together."""
        made: list[Json] = []
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "part_delta":
                self._delta(event.candidate_index, event.part_delta, made)
            elif kind == "part_started":
                self._start_part(event.candidate_index, event.part_started, made)
            elif kind == "candidate_finished":
                made += self._last
                self._last = []
                self._finish_candidate(event.candidate_index, event.candidate_finished, self._last)
            elif kind == "part_finished":
                self._finish_part(event.candidate_index, event.part_finished, made)
            elif kind == "started":
                self._start(event.started.call)
            elif kind == "finished":
                self._finish(event.finished, made)
        return made

    def _start(self, call: call_pb2.CallInfo) -> None:
        self._head["id"] = completion_id(call)
        self._head["created"] = call.create_time.seconds
        add_service_tier(self._head, call.service_tier)
        if call.provider_json:
            known = msgspec.json.decode(call.provider_json)
            if isinstance(known.get("system_fingerprint"), str):
                self._head["system_fingerprint"] = known["system_fingerprint"]

    def _chunk(self, candidate: int, delta: Json, made: list[Json], finish: str | None = None) -> Json:
        if candidate not in self._begun:
            self._begun.add(candidate)
            delta = (
                {"role": "assistant", "content": "", **delta}
                if "content" not in delta
                else {"role": "assistant", **delta}
            )
        choice: Json = {"index": candidate, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk: Json = {**self._head, "choices": [choice]}
        if self._with_usage:
            chunk["usage"] = None
        made.append(chunk)
        return choice

    def _start_part(self, candidate: int, started: stream_pb2.PartStarted, made: list[Json]) -> None:
        part = started.part
        kind = part.WhichOneof("content") or ""
        key = (candidate, started.index)
        if kind not in TEXTS and (is_provider_part(part) or is_image(part)):
            self._kinds[key] = "collected"
            self._collected[key] = OpenPart(copy(part))
            return
        self._kinds[key] = kind
        if part.HasField("signature"):
            self._signatures[key] = part.signature
        if kind == "tool_call":
            number = self._call_counts.get(candidate, 0)
            self._call_counts[candidate] = number + 1
            self._call_numbers[key] = number
            self._chunk(candidate, {"tool_calls": [start_call(part, number)]}, made)
        elif kind == "media":
            audio: Json = {"id": part.item_id or part.media.file_id}
            if part.media.data:
                audio["data"] = base64.b64encode(part.media.data).decode("ascii")
            if part.media.transcript:
                audio["transcript"] = part.media.transcript
            if part.media.HasField("expire_time"):
                audio["expires_at"] = part.media.expire_time.seconds
            self._chunk(candidate, {"audio": audio}, made)
        elif kind in TEXTS:
            text = part.reasoning.text if kind == "reasoning" else getattr(part, kind)
            if kind == "reasoning":
                self._thoughts[key] = Thought(part.reasoning.kind, [])
            if text or part.logprobs or part.annotations:
                self._text(key, kind, text, part.logprobs, part.annotations, made)

    def _delta(self, candidate: int, delta: stream_pb2.PartDelta, made: list[Json]) -> None:
        key = (candidate, delta.index)
        kind = self._kinds.get(key, "")
        if kind == "collected":
            self._collected[key].append(delta)
        elif kind == "tool_call":
            if delta.WhichOneof("delta") == "text":
                call: Json = {"index": self._call_numbers[key], "custom": {"input": delta.text}}
            else:
                call = {"index": self._call_numbers[key], "function": {"arguments": delta.arguments_json}}
            self._chunk(candidate, {"tool_calls": [call]}, made)
        elif kind == "media":
            audio: Json = {}
            if delta.data:
                audio["data"] = base64.b64encode(delta.data).decode("ascii")
            if delta.transcript:
                audio["transcript"] = delta.transcript
            self._chunk(candidate, {"audio": audio}, made)
        elif kind in TEXTS:
            self._text(key, kind, delta.text, delta.logprobs, delta.annotations, made)

    def _text(
        self,
        key: tuple[int, int],
        kind: str,
        text: str,
        logprobs: Iterable[message_pb2.TokenLogprob],
        annotations: Iterable[message_pb2.Annotation],
        made: list[Json],
    ) -> None:
        if kind == "reasoning":
            self._thoughts[key].pieces.append(text)
        member = {"text": "content", "reasoning": "reasoning_content"}.get(kind, kind)
        delta: Json = {member: text}
        if annotations:
            delta["annotations"] = [to_annotation(annotation) for annotation in annotations]
        choice = self._chunk(key[0], delta, made)
        if logprobs:
            tokens = [to_logprob(token) for token in logprobs]
            is_refusal = kind == "refusal"
            choice["logprobs"] = {"content": None if is_refusal else tokens, "refusal": tokens if is_refusal else None}

    def _finish_part(self, candidate: int, finished: stream_pb2.PartFinished, made: list[Json]) -> None:
        """Tell what the provider said of a part only at its end: its signature, what else it adds to a call."""
        key = (candidate, finished.index)
        collected = self._collected.pop(key, None)
        if collected is not None:
            collected.close(finished)
            self._chunk(candidate, self._entry(key, collected.part), made)
            return
        number = self._call_numbers.get(key)
        own = finished.provider_json.get(DIALECT, "")
        signature = finished.signature if finished.HasField("signature") else self._signatures.get(key)
        if number is not None and (own or signature is not None):
            call: Json = {"index": number}
            if signature is not None:
                call["extra_content"] = to_extra_content(signature)
            put_back(call, own)
            self._chunk(candidate, {"tool_calls": [call]}, made)
        elif signature is not None and self._kinds.get(key) == "reasoning":
            self._chunk(candidate, {"reasoning_details": [self._detail(key, signature)]}, made)
        elif signature is not None and self._kinds.get(key) == "text":
            self._chunk(candidate, {"extra_content": to_extra_content(signature)}, made)

    def _entry(self, key: tuple[int, int], part: message_pb2.Part) -> Json:
        """Return what OpenAI has no deltas for, complete."""
        member, tell = ("images", to_image) if is_image(part) else ("provider_parts", to_provider_part)
        candidate, part_index = key
        index = self._entry_counts.get((candidate, member), 0)
        self._entry_counts[candidate, member] = index + 1
        return {member: [tell(part, part_index, index)]}

    def _detail(self, key: tuple[int, int], signature: message_pb2.Signature) -> Json:
        """Return a thought, complete: whoever sends it back needs its text beside the signature."""
        thought = message_pb2.Reasoning(kind=self._thoughts[key].kind, text="".join(self._thoughts[key].pieces))
        index = self._detail_counts.get(key[0], 0)
        self._detail_counts[key[0]] = index + 1
        return to_detail(thought, signature, index)

    def _finish_candidate(self, candidate: int, finished: stream_pb2.CandidateFinished, made: list[Json]) -> None:
        unknown = msgspec.json.decode(finished.provider_json) if finished.provider_json else {}
        delta = unknown.pop("message", None) or {}
        word = finish_word(finished.finish_reason, has_calls=candidate in self._call_counts)
        choice = self._chunk(candidate, dict(delta), made, word)
        add_native_reason(choice, finished.finish_reason, finished.provider_finish_reason)
        for member, value in unknown.items():
            choice.setdefault(member, value)

    def _finish(self, finished: stream_pb2.GenerationFinished, made: list[Json]) -> None:
        # The chunk that ends the last candidate waits for this: it carries what the provider said of the whole.
        if self._last:
            put_back(self._last[-1], finished.call.provider_json)
            made += self._last
            self._last = []
        if self._with_usage:
            made.append({**self._head, "choices": [], "usage": to_usage(finished.usage)})


def copy(part: message_pb2.Part) -> message_pb2.Part:
    """Return a copy that may grow: an event belongs to whoever else reads it."""
    made = message_pb2.Part()
    made.CopyFrom(part)
    return made


def start_call(part: message_pb2.Part, number: int) -> Json:
    """Return the first delta of a tool call."""
    call = part.tool_call
    made: Json = {"index": number, "id": call.id}
    if call.WhichOneof("input") == "text":
        made |= {"type": "custom", "custom": {"name": call.name, "input": call.text}}
    else:
        made |= {"type": "function", "function": {"name": call.name, "arguments": call.arguments_json}}
    put_back(made, part.provider_json.get(DIALECT, ""))
    return made
