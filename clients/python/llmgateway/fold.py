"""Adds the events of a generation up to its whole, and takes a whole apart again. Pure.

`GenerateResponse` is by definition the fold of the events of `StreamGenerate`, and
`fold(unfold(response)) == response`. How text is cut into deltas has no meaning: the fold is the same.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2, usage_pb2
from llmgateway.v1.call_pb2 import CallInfo


class GrammarError(ValueError):
    """Events in an order that the contract does not allow. The message says which, and why."""


class Fold:
    """Adds events one by one; takes time linear in their size.

    Events of a kind unknown to this client change nothing, nor do heartbeats and provider events. Nothing of
    an event is kept or changed: what is needed is copied.
    """

    def __init__(self) -> None:
        self._call: CallInfo | None = None
        self._usage: usage_pb2.Usage | None = None
        self._candidates: dict[int, OpenCandidate] = {}
        self._started = False
        self._whole: generation_pb2.GenerateResponse | None = None

    @property
    def is_finished(self) -> bool:
        """Whether the last event has been added: `response` is whole."""
        return self._whole is not None

    @property
    def response(self) -> generation_pb2.GenerateResponse:
        """What the events so far add up to.

        Until `is_finished` it is built anew at each look, in time linear in its size.
        """
        return self._assemble() if self._whole is None else self._whole

    def add(self, event: stream_pb2.GenerationEvent) -> None:
        """Add the next event; raise `GrammarError` where it has no place here."""
        kind = event.WhichOneof("event")
        if kind is None:
            return
        if self._whole is not None:
            raise GrammarError(f"{kind} follows finished, which is the last event")
        if kind == "heartbeat" or kind == "provider_event":
            return
        if kind == "started":
            self._start(event.started)
        elif not self._started:
            raise GrammarError(f"{kind} precedes started, which is the first event")
        elif kind == "part_delta":
            self._candidate(event).append(event.part_delta)
        elif kind == "part_started":
            self._candidate(event).open_part(event.part_started)
        elif kind == "part_finished":
            self._candidate(event).close_part(event.part_finished)
        elif kind == "candidate_finished":
            self._candidate(event).finish(event.candidate_finished)
        else:
            self._finish(event.finished)

    def _start(self, started: stream_pb2.GenerationStarted) -> None:
        if self._started:
            raise GrammarError("started comes twice")
        self._started = True
        self._learn(started)

    def _finish(self, finished: stream_pb2.GenerationFinished) -> None:
        open_indexes = [index for index, candidate in self._candidates.items() if not candidate.is_finished]
        if open_indexes:
            raise GrammarError(f"finished comes while candidates are open: {sorted(open_indexes)}")
        self._learn(finished)
        self._whole = self._assemble()
        self._candidates.clear()

    def _learn(self, event: stream_pb2.GenerationStarted | stream_pb2.GenerationFinished) -> None:
        if event.HasField("call"):
            self._call = CallInfo()
            self._call.CopyFrom(event.call)
        if event.HasField("usage"):
            self._usage = usage_pb2.Usage()
            self._usage.CopyFrom(event.usage)

    def _candidate(self, event: stream_pb2.GenerationEvent) -> OpenCandidate:
        """Return the candidate of an event, which opens it if it is the first of it."""
        index = event.candidate_index
        candidate = self._candidates.get(index)
        if candidate is None:
            if index < 0:
                raise GrammarError(f"candidate {index}: indexes start at 0")
            candidate = self._candidates[index] = OpenCandidate(index)
        return candidate

    def _assemble(self) -> generation_pb2.GenerateResponse:
        response = generation_pb2.GenerateResponse()
        if self._call is not None:
            response.call.CopyFrom(self._call)
        if self._usage is not None:
            response.usage.CopyFrom(self._usage)
        for _, candidate in sorted(self._candidates.items()):
            response.candidates.append(candidate.snapshot())
        return response


class OpenCandidate:
    """One candidate on its way."""

    def __init__(self, index: int) -> None:
        self.is_finished = False
        self._index = index
        self._candidate = generation_pb2.Candidate(index=index)
        self._candidate.message.role = message_pb2.ROLE_ASSISTANT
        self._open_parts: dict[int, OpenPart] = {}

    def open_part(self, started: stream_pb2.PartStarted) -> None:
        """Add a part behind the others."""
        parts = self._candidate.message.parts
        if self.is_finished:
            raise self._error(started.index, "part_started follows candidate_finished")
        if started.index != len(parts):
            raise self._error(started.index, f"part_started comes where part {len(parts)} is the next")
        part = parts.add()
        part.CopyFrom(started.part)
        self._open_parts[started.index] = OpenPart(part)

    def append(self, delta: stream_pb2.PartDelta) -> None:
        """Append to an open part."""
        part = self._open_parts.get(delta.index)
        if part is None:
            raise self._error(delta.index, "part_delta comes while the part is not open")
        try:
            part.append(delta)
        except GrammarError as error:
            raise self._error(delta.index, str(error)) from None

    def close_part(self, finished: stream_pb2.PartFinished) -> None:
        """Close an open part."""
        part = self._open_parts.pop(finished.index, None)
        if part is None:
            raise self._error(finished.index, "part_finished comes while the part is not open")
        part.close(finished)

    def finish(self, finished: stream_pb2.CandidateFinished) -> None:
        """Close the candidate."""
        if self.is_finished:
            raise GrammarError(f"candidate {self._index}: candidate_finished comes twice")
        if self._open_parts:
            still_open = sorted(self._open_parts)
            raise GrammarError(f"candidate {self._index}: candidate_finished comes while parts are open: {still_open}")
        self.is_finished = True
        candidate = self._candidate
        candidate.finish_reason = finished.finish_reason
        candidate.provider_finish_reason = finished.provider_finish_reason
        candidate.stop_sequence = finished.stop_sequence
        candidate.provider_json = finished.provider_json

    def snapshot(self) -> generation_pb2.Candidate:
        """Return the candidate as it is by now."""
        for part in self._open_parts.values():
            part.join()
        return self._candidate

    def _error(self, part_index: int, what: str) -> GrammarError:
        return GrammarError(f"candidate {self._index}, part {part_index}: {what}")


class OpenPart:
    """One part on its way.

    A protobuf string is copied whole at each assignment: pieces are collected, and joined at the end. `part` is whole
    once it is closed.
    """

    def __init__(self, part: message_pb2.Part) -> None:
        self.part = part
        self._kind = part.WhichOneof("content")
        self._texts: list[str] = []
        self._arguments: list[str] = []
        self._transcripts: list[str] = []
        self._data: list[bytes] = []

    def append(self, delta: stream_pb2.PartDelta) -> None:
        """Append what one delta holds. What appends to an unknown kind of part is skipped."""
        member = delta.WhichOneof("delta")
        if member is not None and self._kind is not None:
            self._check(member)
            if member == "text":
                self._texts.append(delta.text)
            elif member == "arguments_json":
                self._arguments.append(delta.arguments_json)
            elif member == "data":
                self._data.append(delta.data)
            else:
                self._transcripts.append(delta.transcript)
        if delta.annotations:
            self.part.annotations.extend(delta.annotations)
        if delta.logprobs:
            self.part.logprobs.extend(delta.logprobs)

    def close(self, finished: stream_pb2.PartFinished) -> None:
        """Join the pieces, and add what is known only at the end."""
        self.join()
        if finished.HasField("signature"):
            self.part.signature.CopyFrom(finished.signature)
        for dialect, text in finished.provider_json.items():
            self.part.provider_json[dialect] = text

    def join(self) -> None:
        """Move the pieces collected so far into the part."""
        if self._texts:
            self._join_texts()
        if self._arguments:
            call = self.part.tool_call
            call.arguments_json = call.arguments_json + "".join(self._arguments)
            self._arguments.clear()
        if self._transcripts:
            self.part.media.transcript += "".join(self._transcripts)
            self._transcripts.clear()
        if self._data:
            media = self.part.media
            media.data = media.data + b"".join(self._data)
            self._data.clear()

    def _join_texts(self) -> None:
        part, text = self.part, "".join(self._texts)
        self._texts.clear()
        if self._kind == "text":
            part.text += text
        elif self._kind == "reasoning":
            part.reasoning.text += text
        elif self._kind == "refusal":
            part.refusal += text
        else:
            part.tool_call.text += text

    def _check(self, member: str) -> None:
        """Refuse a delta that does not fit the part's kind, or what the part already holds."""
        kind = self._kind
        if kind == "tool_call" and member in ("text", "arguments_json"):
            held = self.part.tool_call.WhichOneof("input") or self._pending_input()
        elif kind == "media" and member == "data":
            held = self.part.media.WhichOneof("source")
        elif (kind == "media" and member == "transcript") or (
            kind in ("text", "reasoning", "refusal") and member == "text"
        ):
            held = None
        else:
            raise GrammarError(f"a delta of {member} does not fit a part of the kind {kind}")
        if held is not None and held != member:
            raise GrammarError(f"a delta of {member} does not fit a {kind} that holds {held}")

    def _pending_input(self) -> str | None:
        """Name what deltas made of a tool call whose start left its input open."""
        if self._arguments:
            return "arguments_json"
        return "text" if self._texts else None


def fold(events: Iterable[stream_pb2.GenerationEvent]) -> generation_pb2.GenerateResponse:
    """Return the whole of a generation; raise `GrammarError` where it is none, or lacks its end."""
    whole = Fold()
    for event in events:
        whole.add(event)
    if not whole.is_finished:
        raise GrammarError("the events end without finished, which is the last event")
    return whole.response


def unfold(response: generation_pb2.GenerateResponse) -> list[stream_pb2.GenerationEvent]:
    """Return events that add up to `response`: each part whole, candidate by candidate, numbered from 1.

    Candidates may come in any order; the fold has them by index. Raise `GrammarError` for what no events add up
    to: two candidates with one index, or a message that is not the model's own, or has a name or `provider_json`
    (a candidate's lies in the candidate).
    """
    check_expressible(response)
    events = [started_event(response)]
    for candidate in response.candidates:
        for index, part in enumerate(candidate.message.parts):
            events.extend(part_events(candidate.index, index, part))
        events.append(candidate_finished_event(candidate))
    events.append(finished_event(response))
    for number, event in enumerate(events, start=1):
        event.sequence_number = number
    return events


def check_expressible(response: generation_pb2.GenerateResponse) -> None:
    """Raise `GrammarError` for what no events add up to."""
    seen: set[int] = set()
    for candidate in response.candidates:
        index, message = candidate.index, candidate.message
        if index < 0 or index in seen:
            raise GrammarError(f"candidate {index}: indexes must differ, and start at 0")
        seen.add(index)
        if message.role != message_pb2.ROLE_ASSISTANT or message.name or message.provider_json:
            raise GrammarError(f"candidate {index}: its message must be ROLE_ASSISTANT and hold nothing but parts")


def started_event(response: generation_pb2.GenerateResponse) -> stream_pb2.GenerationEvent:
    """Say who answered, without what is known only at the end."""
    event = stream_pb2.GenerationEvent()
    event.started.SetInParent()
    if response.HasField("call"):
        call = event.started.call
        call.CopyFrom(response.call)
        for name in ("attempts", "warnings", "gateway_latency", "first_content_latency"):
            call.ClearField(name)
    return event


def part_events(candidate_index: int, index: int, part: message_pb2.Part) -> list[stream_pb2.GenerationEvent]:
    """Open a part with all that it holds, and close it."""
    opened = stream_pb2.GenerationEvent(candidate_index=candidate_index)
    opened.part_started.index = index
    opened.part_started.part.CopyFrom(part)
    closed = stream_pb2.GenerationEvent(candidate_index=candidate_index)
    closed.part_finished.SetInParent()
    closed.part_finished.index = index
    return [opened, closed]


def candidate_finished_event(candidate: generation_pb2.Candidate) -> stream_pb2.GenerationEvent:
    """Close a candidate."""
    event = stream_pb2.GenerationEvent(candidate_index=candidate.index)
    finished = event.candidate_finished
    finished.SetInParent()
    finished.finish_reason = candidate.finish_reason
    finished.provider_finish_reason = candidate.provider_finish_reason
    finished.stop_sequence = candidate.stop_sequence
    finished.provider_json = candidate.provider_json
    return event


def finished_event(response: generation_pb2.GenerateResponse) -> stream_pb2.GenerationEvent:
    """End the generation with all that is known of it."""
    event = stream_pb2.GenerationEvent()
    finished = event.finished
    finished.SetInParent()
    if response.HasField("call"):
        finished.call.CopyFrom(response.call)
    if response.HasField("usage"):
        finished.usage.CopyFrom(response.usage)
    return event
