"""A generation's events and its whole answer are two views of one thing: `fold` and `unfold` turn them into each other.

For every response `fold(unfold(response)) == response`, and how deltas are split or joined changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2


class GrammarError(ValueError):
    """The events do not obey the grammar of `StreamGenerate`."""


class _OpenPart:
    """A part that is being written. Pieces are joined once, when it closes: linear in its length."""

    def __init__(self, part: message_pb2.Part) -> None:
        self.part = message_pb2.Part()
        self.part.CopyFrom(part)
        self.is_open = True
        self._text: list[str] = []
        self._arguments: list[str] = []
        self._data: list[bytes] = []
        self._transcript: list[str] = []

    def append(self, delta: stream_pb2.PartDelta) -> None:
        kind = delta.WhichOneof("delta")
        if kind == "text":
            self._text.append(delta.text)
        elif kind == "arguments_json":
            self._arguments.append(delta.arguments_json)
        elif kind == "data":
            self._data.append(delta.data)
        elif kind == "transcript":
            self._transcript.append(delta.transcript)
        if delta.annotations:
            self.part.annotations.extend(delta.annotations)
        if delta.logprobs:
            self.part.logprobs.extend(delta.logprobs)

    def so_far(self) -> message_pb2.Part:
        """Return a copy as it would be if it closed now."""
        copy = _OpenPart(self.part)
        copy._text, copy._arguments = self._text, self._arguments
        copy._data, copy._transcript = self._data, self._transcript
        copy.close()
        return copy.part

    def close(self) -> None:
        self.is_open = False
        part = self.part
        if self._text:
            self._append_text("".join(self._text))
        if self._arguments:
            part.tool_call.arguments_json += "".join(self._arguments)
        if self._data:
            part.media.data += b"".join(self._data)
        if self._transcript:
            part.media.transcript += "".join(self._transcript)

    def _append_text(self, text: str) -> None:
        part = self.part
        kind = part.WhichOneof("content")
        if kind == "text":
            part.text += text
        elif kind == "reasoning":
            part.reasoning.text += text
        elif kind == "refusal":
            part.refusal += text
        elif kind == "tool_call":
            part.tool_call.text += text
        else:
            raise GrammarError(f"a text delta has no place in a part of kind {kind or 'none'}")


class Fold:
    """Collects events; `response` is what they add up to so far."""

    def __init__(self) -> None:
        self.is_finished = False
        self._response = generation_pb2.GenerateResponse()
        self._is_started = False
        self._parts: dict[tuple[int, int], _OpenPart] = {}
        self._candidates: dict[int, generation_pb2.Candidate] = {}

    def add(self, event: stream_pb2.GenerationEvent) -> None:
        """Take one event. Raise `GrammarError` where it has no place."""
        kind = event.WhichOneof("event")
        if kind is None or kind in ("heartbeat", "provider_event"):
            return  # newer than this client, or no part of the answer
        if self.is_finished:
            raise GrammarError(f"{kind} came after finished")
        if kind == "started":
            self._start(event.started)
        elif not self._is_started:
            raise GrammarError(f"{kind} came before started")
        elif kind == "part_delta":
            self._part(event.candidate_index, event.part_delta.index).append(event.part_delta)
        elif kind == "part_started":
            self._open(event.candidate_index, event.part_started)
        elif kind == "part_finished":
            self._close(event.candidate_index, event.part_finished)
        elif kind == "candidate_finished":
            self._finish_candidate(event.candidate_index, event.candidate_finished)
        elif kind == "finished":
            self._finish(event.finished)

    @property
    def response(self) -> generation_pb2.GenerateResponse:
        """The answer so far: whole once `is_finished`. A new message each time."""
        response = generation_pb2.GenerateResponse()
        response.CopyFrom(self._response)
        if not self.is_finished:
            indexes = {*self._candidates, *(candidate for candidate, _ in self._parts)}
            for index in sorted(indexes):
                response.candidates.append(self._candidate(index, copy_open=True))
        return response

    def _start(self, started: stream_pb2.GenerationStarted) -> None:
        if self._is_started:
            raise GrammarError("started came twice")
        self._is_started = True
        if started.HasField("call"):
            self._response.call.CopyFrom(started.call)
        if started.HasField("usage"):
            self._response.usage.CopyFrom(started.usage)

    def _open(self, candidate: int, started: stream_pb2.PartStarted) -> None:
        key = (candidate, started.index)
        if candidate in self._candidates:
            raise GrammarError(f"a part came after candidate {candidate} had finished")
        if key in self._parts or (started.index and (candidate, started.index - 1) not in self._parts):
            raise GrammarError(f"part {started.index} of candidate {candidate} came out of turn")
        self._parts[key] = _OpenPart(started.part)

    def _part(self, candidate: int, index: int) -> _OpenPart:
        part = self._parts.get((candidate, index))
        if part is None or not part.is_open:
            raise GrammarError(f"part {index} of candidate {candidate} is not open")
        return part

    def _close(self, candidate: int, finished: stream_pb2.PartFinished) -> None:
        part = self._part(candidate, finished.index)
        part.close()
        if finished.HasField("signature"):
            part.part.signature.CopyFrom(finished.signature)
        for dialect, text in finished.provider_json.items():
            part.part.provider_json[dialect] = text

    def _finish_candidate(self, index: int, finished: stream_pb2.CandidateFinished) -> None:
        if index in self._candidates:
            raise GrammarError(f"candidate {index} finished twice")
        if any(part.is_open for (candidate, _), part in self._parts.items() if candidate == index):
            raise GrammarError(f"candidate {index} finished with a part still open")
        candidate = generation_pb2.Candidate(
            index=index,
            finish_reason=finished.finish_reason,
            provider_finish_reason=finished.provider_finish_reason,
            stop_sequence=finished.stop_sequence,
            provider_json=finished.provider_json,
        )
        candidate.message.role = message_pb2.ROLE_ASSISTANT
        self._candidates[index] = candidate

    def _finish(self, finished: stream_pb2.GenerationFinished) -> None:
        unfinished = {candidate for candidate, _ in self._parts} - self._candidates.keys()
        if unfinished:
            raise GrammarError(f"finished came before candidate {min(unfinished)} had finished")
        if finished.HasField("call"):
            self._response.call.CopyFrom(finished.call)
        if finished.HasField("usage"):
            self._response.usage.CopyFrom(finished.usage)
        for index in sorted(self._candidates):
            self._response.candidates.append(self._candidate(index, copy_open=False))
        self.is_finished = True

    def _candidate(self, index: int, *, copy_open: bool) -> generation_pb2.Candidate:
        candidate = generation_pb2.Candidate(index=index)
        candidate.message.role = message_pb2.ROLE_ASSISTANT
        if index in self._candidates:
            candidate.CopyFrom(self._candidates[index])
        part_index = 0
        while (part := self._parts.get((index, part_index))) is not None:
            candidate.message.parts.append(part.part if not (copy_open and part.is_open) else part.so_far())
            part_index += 1
        return candidate


def fold(events: Iterable[stream_pb2.GenerationEvent]) -> generation_pb2.GenerateResponse:
    """Return the answer that a whole stream of events adds up to. Raise `GrammarError`."""
    folded = Fold()
    for event in events:
        folded.add(event)
    if not folded.is_finished:
        raise GrammarError("the events end before finished")
    return folded.response


def unfold(response: generation_pb2.GenerateResponse) -> list[stream_pb2.GenerationEvent]:
    """Return the events of an answer: each part whole, in the order of candidates."""
    events = [stream_pb2.GenerationEvent()]
    started = events[0].started
    if response.HasField("call"):
        started.call.CopyFrom(response.call)
    else:
        started.SetInParent()
    for candidate in response.candidates:
        for index, part in enumerate(candidate.message.parts):
            opened = stream_pb2.GenerationEvent(candidate_index=candidate.index)
            opened.part_started.index = index
            opened.part_started.part.CopyFrom(part)
            closed = stream_pb2.GenerationEvent(candidate_index=candidate.index)
            closed.part_finished.index = index
            events += [opened, closed]
        ended = stream_pb2.GenerationEvent(candidate_index=candidate.index)
        ended.candidate_finished.finish_reason = candidate.finish_reason
        ended.candidate_finished.provider_finish_reason = candidate.provider_finish_reason
        ended.candidate_finished.stop_sequence = candidate.stop_sequence
        ended.candidate_finished.provider_json = candidate.provider_json
        events.append(ended)
    last = stream_pb2.GenerationEvent()
    last.finished.SetInParent()
    if response.HasField("call"):
        last.finished.call.CopyFrom(response.call)
    if response.HasField("usage"):
        last.finished.usage.CopyFrom(response.usage)
    return [*events, last]
