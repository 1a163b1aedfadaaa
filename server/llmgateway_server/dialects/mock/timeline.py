"""From an answer to its events in time: token n of every candidate is due at the same moment. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2, usage_pb2

from llmgateway_server import tokens
from llmgateway_server.dialects.mock.answer import Answer, PlannedPart
from llmgateway_server.dialects.mock.events import count_tokens
from llmgateway_server.dialects.mock.options import Options, UsageOptions
from llmgateway_server.dialects.mock.tokens import token_logprob

# A delta holds one token, unless that made more deltas than this: a long text would stall the event loop.
MAX_DELTA_COUNT = 4_096

Event = stream_pb2.GenerationEvent
Request = generation_pb2.GenerateRequest


@dataclass(frozen=True, slots=True)
class Step:
    """What is due together, `wait_s` after the step before."""

    wait_s: float
    events: Sequence[Event] = ()


@dataclass(frozen=True, slots=True)
class Identity:
    """Who answers, and a digest of the request that ids are made of: equal requests get equal ids."""

    provider: str
    model: str
    digest: str

    @classmethod
    def of(cls, provider: str, model: str, request: Request) -> Identity:
        """Take the digest of `request`."""
        serialized = request.SerializeToString(deterministic=True)
        return cls(provider, model, hashlib.blake2b(serialized, digest_size=8).hexdigest())


def make_steps(
    request: Request, answer: Answer, options: Options, identity: Identity, break_token_count: int | None
) -> list[Step]:
    """Return the steps of an answer.

    With `break_token_count` it breaks off after so many tokens of each candidate, and before it would end.
    """
    moments = make_moments(request, answer, options, identity, break_token_count or 0)
    if break_token_count is not None:
        kept = [moment for moment in moments if moment.token_number <= break_token_count and not moment.ends]
    else:
        kept = moments
    return group_moments(kept, options.latency or 0.0, options.gap_s)


@dataclass(frozen=True, slots=True)
class Moment:
    """An event, and the number of the token that it comes with. `ends` marks those that close the answer."""

    token_number: int
    event: Event
    ends: bool = False


def make_moments(
    request: Request, answer: Answer, options: Options, identity: Identity, break_token_count: int
) -> list[Moment]:
    """Return all events in order. No delta lies across `break_token_count`."""
    candidate_count = request.candidate_count or 1
    token_count = sum(len(part.tokens) for part in answer.parts)
    run_length = -(-token_count * candidate_count // MAX_DELTA_COUNT)
    moments = [Moment(0, make_started(request, identity))]
    for index in range(candidate_count):
        candidate = Candidate(request, identity, index)
        moments += candidate.moments(answer.parts, run_length, break_token_count)
        moments.append(Moment(token_count, make_candidate_finished(index, answer), ends=True))
    # Stable: within a candidate, and from one candidate to the next, the order stays.
    moments.sort(key=lambda moment: moment.token_number)
    finished = make_finished(request, identity)
    if options.usage is not None:
        set_usage(finished.finished.usage, request, answer, candidate_count, options.usage)
    moments.append(Moment(token_count, finished, ends=True))
    return moments


def make_event_steps(
    request: Request, events: Sequence[Event], options: Options, identity: Identity, break_event_count: int | None
) -> list[Step]:
    """Return the steps of an answer whose events are given. With `break_event_count` it breaks off after so many."""
    moments = [Moment(0, make_started(request, identity))]
    moments += [Moment(number, event) for number, event in enumerate(events[:break_event_count], start=1)]
    if break_event_count is None:
        finished = make_finished(request, identity)
        if options.usage is not None:
            usage = finished.finished.usage
            set_counts(usage, request, count_tokens(events), 0, options.usage)
        moments.append(Moment(len(events), finished, ends=True))
    return group_moments(moments, options.latency or 0.0, options.gap_s)


def group_moments(moments: Sequence[Moment], latency_s: float, gap_s: float) -> list[Step]:
    """Put together what is due together: the first token after the latency, each further one a gap later."""
    if not gap_s:
        return [Step(latency_s, [moment.event for moment in moments])]
    steps: list[Step] = []
    due: list[Event] = []
    now = 1
    wait_s = latency_s
    for moment in moments:
        if moment.token_number > now:
            steps.append(Step(wait_s, due))
            wait_s = gap_s * (moment.token_number - now)
            now, due = moment.token_number, []
        due.append(moment.event)
    return [*steps, Step(wait_s, due)]


class Candidate:
    """The events of one candidate. Its tokens are numbered from 1, through all its parts."""

    def __init__(self, request: Request, identity: Identity, index: int) -> None:
        self._index = index
        self._identity = identity
        self._alternative_count = request.top_logprob_count if request.HasField("top_logprob_count") else None

    def moments(self, parts: Sequence[PlannedPart], run_length: int, break_token_count: int) -> Iterator[Moment]:
        """Yield the events of all parts, `run_length` tokens a delta."""
        token_number = part_index = 0
        for part in parts:
            if part.shown:
                yield Moment(token_number + bool(part.tokens), self._start(part_index, part))
                for run_start, run_end in make_runs(len(part.tokens), run_length, break_token_count - token_number):
                    delta = self._append(part_index, part, part.tokens[run_start:run_end])
                    yield Moment(token_number + run_end, delta)
                yield Moment(token_number + len(part.tokens), self._finish(part_index))
                part_index += 1
            token_number += len(part.tokens)

    def _start(self, part_index: int, planned: PlannedPart) -> Event:
        event = Event(candidate_index=self._index)
        started = event.part_started
        started.index = part_index
        part = started.part
        if planned.call is not None:
            call = part.tool_call
            call.id = planned.call.id or f"call_{self._identity.digest}_{self._index}_{part_index}"
            call.name = planned.call.name
            call.executor = message_pb2.ToolCall.EXECUTOR_CALLER
            if planned.call.is_custom:
                call.text = ""
            else:
                call.arguments_json = ""
        elif planned.field == "reasoning":
            part.reasoning.kind = message_pb2.Reasoning.KIND_TEXT
        elif planned.field == "refusal":
            part.refusal = ""
        else:
            part.text = planned.prefix
        return event

    def _append(self, part_index: int, planned: PlannedPart, run: Sequence[str]) -> Event:
        event = Event(candidate_index=self._index)
        delta = event.part_delta
        delta.index = part_index
        if planned.call is not None and not planned.call.is_custom:
            delta.arguments_json = "".join(run)
        else:
            delta.text = "".join(run)
            if self._alternative_count is not None and planned.field in ("text", "refusal"):
                delta.logprobs.extend(token_logprob(token, self._alternative_count) for token in run)
        return event

    def _finish(self, part_index: int) -> Event:
        event = Event(candidate_index=self._index)
        event.part_finished.index = part_index
        return event


def make_runs(token_count: int, run_length: int, break_at: int) -> Iterator[tuple[int, int]]:
    """Yield the bounds of runs of `run_length` tokens; one ends at `break_at`, where that is within."""
    ends = {*range(run_length, token_count, run_length), token_count} if token_count else set()
    if 0 < break_at < token_count:
        ends.add(break_at)
    start = 0
    for end in sorted(ends):
        yield start, end
        start = end


def make_started(request: Request, identity: Identity) -> Event:
    """Build the first event."""
    event = Event()
    call = event.started.call
    call.provider, call.model = identity.provider, identity.model
    call.provider_response_id = f"mock-{identity.digest}"
    call.service_tier = request.service_tier
    return event


def make_candidate_finished(index: int, answer: Answer) -> Event:
    """Build the end of a candidate."""
    event = Event(candidate_index=index)
    finished = event.candidate_finished
    finished.finish_reason = answer.ending.reason
    finished.provider_finish_reason = answer.ending.provider_reason
    finished.stop_sequence = answer.ending.stop_sequence
    return event


def make_finished(request: Request, identity: Identity) -> Event:
    """Build the last event, without its usage."""
    event = Event()
    event.finished.call.CopyFrom(make_started(request, identity).started.call)
    return event


def set_usage(
    usage: usage_pb2.Usage, request: Request, answer: Answer, candidate_count: int, options: UsageOptions
) -> None:
    """Count what was read (by the rule of `CountTokens`) and written; the script's counts replace these."""
    token_count = sum(len(part.tokens) for part in answer.parts)
    reasoning_token_count = sum(len(part.tokens) for part in answer.parts if part.field == "reasoning")
    set_counts(usage, request, candidate_count * token_count, candidate_count * reasoning_token_count, options)


def set_counts(
    usage: usage_pb2.Usage,
    request: Request,
    output_token_count: int,
    reasoning_token_count: int,
    options: UsageOptions,
) -> None:
    """Set the counts of a whole answer."""
    usage.source = usage_pb2.Usage.SOURCE_PROVIDER
    usage.input_token_count = tokens.estimate_generation(request)
    usage.output_token_count = output_token_count
    usage.reasoning_token_count = reasoning_token_count
    replace_counts(usage, options)


def replace_counts(usage: usage_pb2.Usage, options: UsageOptions) -> None:
    """Set the counts that a script gives."""
    for name in options.model_fields_set:
        count = getattr(options, name)
        if count is not None:
            setattr(usage, name, count)
