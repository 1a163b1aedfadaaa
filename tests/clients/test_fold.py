"""A stream of events and a whole answer are one thing, however deltas are cut and parts interleave."""

from __future__ import annotations

import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from llmgateway import Fold, GrammarError, fold, unfold
from llmgateway.v1 import call_pb2, generation_pb2, message_pb2, stream_pb2, usage_pb2

from tests.clients.messages import messages

Event = stream_pb2.GenerationEvent
Part = message_pb2.Part
Response = generation_pb2.GenerateResponse
Content = str | bytes

UNKNOWN = Event.FromString(b"\xfa\x3f\x02hi")  # field 1023, bytes
HEARTBEAT = Event(heartbeat=stream_pb2.Heartbeat())
PROGRESS = Event(provider_event=stream_pb2.ProviderEvent(dialect="openai", type="x", json="{}"))


@st.composite
def responses(draw: st.DrawFn) -> Response:
    """Draw any answer that the contract allows, with parts of every kind and fields that nobody knows yet."""
    response = Response()
    indexes = sorted(draw(st.sets(st.integers(0, 5), max_size=3)))
    for index in indexes:
        candidate = response.candidates.add()
        candidate.CopyFrom(draw(messages(generation_pb2.Candidate, depth=3)))
        candidate.index = index
        candidate.ClearField("message")
        candidate.message.role = message_pb2.ROLE_ASSISTANT
        candidate.message.parts.extend(draw(st.lists(messages(Part, depth=1), max_size=3)))
    if draw(st.booleans()):
        response.call.CopyFrom(draw(messages(call_pb2.CallInfo)))
    if draw(st.booleans()):
        response.usage.CopyFrom(draw(messages(usage_pb2.Usage)))
    return response


def pieces(draw: st.DrawFn, content: Content) -> list[Content]:
    """Cut a text at random places, which may leave empty pieces."""
    cuts = sorted(draw(st.lists(st.integers(0, len(content)), max_size=3)))
    return [content[start:end] for start, end in zip([0, *cuts], [*cuts, len(content)], strict=True)]


def contents(part: Part) -> dict[str, tuple[Message, str]]:
    """Return what deltas can append to: by the delta's member, the message and field that it goes to."""
    kind = part.WhichOneof("content")
    if kind in ("text", "refusal"):
        return {"text": (part, kind)}
    if kind == "reasoning":
        return {"text": (part.reasoning, "text")}
    if kind == "tool_call":
        held = part.tool_call.WhichOneof("input")
        return {} if held is None else {held: (part.tool_call, held)}
    if kind == "media":
        data = {"data": (part.media, "data")} if part.media.WhichOneof("source") == "data" else {}
        return {**data, "transcript": (part.media, "transcript")}
    return {}


@st.composite
def lanes(draw: st.DrawFn, candidate_index: int, index: int, part: Part) -> list[Event]:
    """Draw events that add up to one part: cut anywhere, and with as little or as much known at its start."""
    opened = Part()
    opened.CopyFrom(part)
    closed = stream_pb2.PartFinished(index=index)
    deltas: list[stream_pb2.PartDelta] = []
    for member, (holder, field) in contents(opened).items():
        first, *rest = pieces(draw, getattr(holder, field))
        if holder is not opened and rest and not first and draw(st.booleans()):
            holder.ClearField(field)  # the kind of input is known only from its first delta
        else:
            setattr(holder, field, first)
        deltas += [stream_pb2.PartDelta(index=index, **{member: piece}) for piece in rest]  # type: ignore[arg-type]
    for name in ("annotations", "logprobs"):
        items = list(getattr(part, name))
        known = draw(st.integers(0, len(items)))
        del getattr(opened, name)[known:]
        for item in items[known:]:
            # Deltas append in order, and one may carry text as well.
            carrier = draw(st.sampled_from([None, *deltas])) if len(items) - known == 1 else None
            if carrier is None:
                carrier = stream_pb2.PartDelta(index=index)
                deltas.append(carrier)
            getattr(carrier, name).append(item)
    if part.HasField("signature") and draw(st.booleans()):
        closed.signature.CopyFrom(part.signature)
        if draw(st.booleans()):
            opened.ClearField("signature")
        else:
            opened.signature.value = "replaced at the end"
    for dialect in sorted(part.provider_json):
        if draw(st.booleans()):
            closed.provider_json[dialect] = part.provider_json[dialect]
            del opened.provider_json[dialect]
    return [
        Event(candidate_index=candidate_index, part_started=stream_pb2.PartStarted(index=index, part=opened)),
        *(Event(candidate_index=candidate_index, part_delta=delta) for delta in deltas),
        Event(candidate_index=candidate_index, part_finished=closed),
    ]


@st.composite
def streams(draw: st.DrawFn, response: Response) -> list[Event]:
    """Draw any stream that adds up to an answer: parts and candidates interleave, and noise lies between."""
    first, *_, last = unfold(response)
    waiting = {candidate.index: list(candidate.message.parts) for candidate in response.candidates}
    counts: dict[int, int] = dict.fromkeys(waiting, 0)
    running: list[tuple[int, list[Event]]] = []
    ends = {
        event.candidate_index: event for event in unfold(response) if event.WhichOneof("event") == "candidate_finished"
    }
    middle: list[Event] = []
    while waiting or running:
        moves = [("open", index) for index in waiting] + [("go", place) for place in range(len(running))]
        move, at = draw(st.sampled_from(moves))
        if move == "go":
            rest = running[at][1]
            middle.append(rest.pop(0))
            if not rest:
                del running[at]
        elif waiting[at]:
            lane = draw(lanes(at, counts[at], waiting[at].pop(0)))
            counts[at] += 1
            middle.append(lane[0])
            running.append((at, lane[1:]))
        elif all(candidate_index != at for candidate_index, _ in running):
            middle.append(ends[at])
            del waiting[at]
        middle.extend(draw(st.lists(st.sampled_from([HEARTBEAT, UNKNOWN, PROGRESS]), max_size=1)))
    return [HEARTBEAT, UNKNOWN, first, *middle, last, UNKNOWN]


@given(responses())
def test_unfolding_and_folding_gives_the_same_answer(response: Response) -> None:
    events = unfold(response)
    assert fold(events) == response
    assert [event.sequence_number for event in events] == list(range(1, len(events) + 1))


@given(st.data())
def test_how_deltas_are_cut_and_parts_interleave_changes_nothing(data: st.DataObject) -> None:
    response = data.draw(responses())
    assert fold(data.draw(streams(response))) == response


@given(st.data())
def test_looking_at_what_has_come_changes_nothing(data: st.DataObject) -> None:
    response = data.draw(responses())
    folding = Fold()
    for event in data.draw(streams(response)):
        folding.add(event)
        assert [candidate.index for candidate in folding.response.candidates] == sorted(
            candidate.index for candidate in folding.response.candidates
        )
    assert folding.response == response


@given(st.data())
def test_every_part_of_a_stream_is_a_stream_s_beginning(data: st.DataObject) -> None:
    """An answer cut short is never taken for a whole one."""
    events = data.draw(streams(data.draw(responses())))
    length = data.draw(st.integers(0, len(events) - 2))
    with pytest.raises(GrammarError, match="finished"):
        fold(events[:length])


@given(responses())
def test_a_fold_keeps_nothing_of_the_events_and_changes_none(response: Response) -> None:
    events = unfold(response)
    copies = [Event.FromString(event.SerializeToString()) for event in events]
    folding = Fold()
    for event, copied in zip(events, copies, strict=True):
        folding.add(event)
        assert event == copied
        spoil(event)
        event.Clear()
        if copied.HasField("started"):
            assert folding.response.call == copied.started.call
    assert folding.response == response


def spoil(event: Event) -> None:
    """Change what an event holds in place: clearing it would leave its parts to whoever kept them."""
    for holder in (event.started, event.finished):
        holder.call.call_id, holder.usage.input_token_count = "spoilt", 999
    event.part_started.part.item_id = "spoilt"


STARTED = Event(started=stream_pb2.GenerationStarted())
ENDED = Event(candidate_finished=stream_pb2.CandidateFinished())
FINISHED = Event(finished=stream_pb2.GenerationFinished())
CLOSED = Event(part_finished=stream_pb2.PartFinished())


def opened(part: Part, index: int = 0) -> Event:
    return Event(part_started=stream_pb2.PartStarted(index=index, part=part))


def delta(**fields: Content) -> Event:
    return Event(part_delta=stream_pb2.PartDelta(**fields))  # type: ignore[arg-type]  # a table of members


OPENED = opened(Part(text=""))
DELTA = delta(text="x")


def answer_of(*events: Event) -> Part:
    (candidate,) = fold([STARTED, *events, ENDED, FINISHED]).candidates
    (part,) = candidate.message.parts
    return part


def test_a_fold_shows_what_has_come_so_far() -> None:
    folding = Fold()
    assert folding.response == Response()
    for event in (STARTED, opened(Part(text="a")), delta(text="b")):
        folding.add(event)
    assert folding.response.candidates[0].message.parts[0].text == "ab"
    folding.add(delta(text="c"))
    assert folding.response.candidates[0].message.parts[0].text == "abc"
    assert not folding.is_finished


@pytest.mark.parametrize(
    ("member", "a", "b", "start", "end"),
    [
        ("text", "a", "b", Part(text="-"), Part(text="-ab")),
        ("text", "a", "b", Part(refusal="-"), Part(refusal="-ab")),
        (
            "text",
            "a",
            "b",
            Part(reasoning=message_pb2.Reasoning(text="-")),
            Part(reasoning=message_pb2.Reasoning(text="-ab")),
        ),
        ("text", "a", "b", Part(tool_call=message_pb2.ToolCall()), Part(tool_call=message_pb2.ToolCall(text="ab"))),
        (
            "arguments_json",
            "{",
            "}",
            Part(tool_call=message_pb2.ToolCall()),
            Part(tool_call=message_pb2.ToolCall(arguments_json="{}")),
        ),
        ("data", b"a", b"b", Part(media=message_pb2.Media()), Part(media=message_pb2.Media(data=b"ab"))),
        ("transcript", "a", "b", Part(media=message_pb2.Media()), Part(media=message_pb2.Media(transcript="ab"))),
    ],
)
def test_every_kind_of_part_may_be_looked_at_between_its_deltas(
    member: str, a: Content, b: Content, start: Part, end: Part
) -> None:
    folding = Fold()
    for event in (STARTED, opened(start), delta(**{member: a}), delta(**{member: b})):
        folding.add(event)
        assert folding.response == folding.response
    assert folding.response.candidates[0].message.parts[0] == end
    for event in (CLOSED, ENDED, FINISHED):
        folding.add(event)
    assert folding.response.candidates[0].message.parts[0] == end


def test_what_finished_says_replaces_what_started_said_and_what_it_leaves_out_stands() -> None:
    early = stream_pb2.GenerationStarted(
        call=call_pb2.CallInfo(call_id="c", provider="early"), usage=usage_pb2.Usage(input_token_count=3)
    )
    late = stream_pb2.GenerationFinished(call=call_pb2.CallInfo(call_id="c"))
    whole = fold([Event(started=early), Event(finished=late)])
    assert whole.call == late.call
    assert whole.usage == early.usage


def test_what_is_known_only_at_the_end_does_not_come_at_the_start() -> None:
    response = Response()
    response.call.call_id = "c"
    response.call.attempts.add(provider="p")
    response.call.gateway_latency.seconds = 1
    assert unfold(response)[0].started.call == call_pb2.CallInfo(call_id="c")


@pytest.mark.parametrize("member", ["text", "arguments_json"])
def test_the_input_of_a_call_is_settled_by_its_first_delta_even_an_empty_one(member: str) -> None:
    part = answer_of(opened(Part(tool_call=message_pb2.ToolCall(name="f"))), delta(**{member: ""}), CLOSED)
    assert part.tool_call.WhichOneof("input") == member


def test_a_part_of_a_kind_that_is_not_known_keeps_what_its_start_brought() -> None:
    newer = Part.FromString(b"\xfa\x3f\x02hi")
    unknown_delta = Event(part_delta=stream_pb2.PartDelta.FromString(b"\xfa\x3f\x02ho"))
    assert answer_of(opened(newer), unknown_delta, delta(text="skipped"), CLOSED) == newer


# Streams of which the last event is the first that has no place.
BAD_STREAMS: dict[str, list[Event]] = {
    "no start": [OPENED],
    "two starts": [STARTED, STARTED],
    "a delta of no part": [STARTED, DELTA],
    "an end of no part": [STARTED, CLOSED],
    "a part opened twice": [STARTED, OPENED, OPENED],
    "a part opened again": [STARTED, OPENED, CLOSED, OPENED],
    "a part out of order": [STARTED, opened(Part(text=""), index=1)],
    "a part before the first": [STARTED, opened(Part(text=""), index=-1)],
    "a delta after the part": [STARTED, OPENED, CLOSED, DELTA],
    "a part closed twice": [STARTED, OPENED, CLOSED, CLOSED],
    "a candidate closed around an open part": [STARTED, OPENED, ENDED],
    "an end around an open candidate": [STARTED, OPENED, CLOSED, FINISHED],
    "a candidate closed twice": [STARTED, ENDED, ENDED],
    "a part after its candidate": [STARTED, ENDED, OPENED],
    "a candidate below 0": [STARTED, Event(candidate_index=-1, candidate_finished=stream_pb2.CandidateFinished())],
    "a delta after the end": [STARTED, ENDED, FINISHED, DELTA],
    "a heartbeat after the end": [STARTED, ENDED, FINISHED, HEARTBEAT],
    "two ends": [STARTED, ENDED, FINISHED, FINISHED],
}

ARGUMENTS = Part(tool_call=message_pb2.ToolCall(arguments_json="{"))
CUSTOM = Part(tool_call=message_pb2.ToolCall(text="x"))
CALL = Part(tool_call=message_pb2.ToolCall())
LINK = Part(media=message_pb2.Media(uri="https://example.org/a.png"))

# What a part holds, and deltas of which the last does not fit.
BAD_DELTAS: dict[str, tuple[Part, list[Event]]] = {
    "arguments to a text": (Part(text="a"), [delta(arguments_json="{")]),
    "data to a text": (Part(text="a"), [delta(data=b"a")]),
    "transcript to a refusal": (Part(refusal="a"), [delta(transcript="a")]),
    "arguments to a reasoning": (Part(reasoning=message_pb2.Reasoning()), [delta(arguments_json="{")]),
    "text to arguments": (ARGUMENTS, [delta(text="a")]),
    "arguments to a custom call": (CUSTOM, [delta(arguments_json="{")]),
    "text after arguments": (CALL, [delta(arguments_json="{"), delta(text="a")]),
    "arguments after an empty text": (CALL, [delta(text=""), delta(arguments_json="{")]),
    "data to a call": (CALL, [delta(data=b"a")]),
    "data to a link": (LINK, [delta(data=b"a")]),
    "text to a media": (LINK, [delta(text="a")]),
    "text to a result": (Part(tool_result=message_pb2.ToolResult()), [delta(text="a")]),
    "text to a provider's part": (Part(provider_part=message_pb2.ProviderPart()), [delta(text="a")]),
}


@pytest.mark.parametrize("events", BAD_STREAMS.values(), ids=BAD_STREAMS.keys())
def test_an_event_out_of_turn_is_refused(events: list[Event]) -> None:
    folding = Fold()
    for event in events[:-1]:
        folding.add(event)
    with pytest.raises(GrammarError):
        folding.add(events[-1])


@pytest.mark.parametrize("events", [[], [STARTED], [STARTED, OPENED, DELTA, CLOSED, ENDED]])
def test_events_without_the_last_are_no_answer(events: list[Event]) -> None:
    with pytest.raises(GrammarError, match="end without finished"):
        fold(events)


@pytest.mark.parametrize(("part", "deltas"), BAD_DELTAS.values(), ids=BAD_DELTAS.keys())
def test_a_delta_that_does_not_fit_is_refused_and_says_where(part: Part, deltas: list[Event]) -> None:
    folding = Fold()
    for event in (STARTED, opened(part), *deltas[:-1]):
        folding.add(event)
    with pytest.raises(GrammarError, match="candidate 0, part 0: a delta of"):
        folding.add(deltas[-1])


def candidate(index: int, **message: object) -> generation_pb2.Candidate:
    fields = {"role": message_pb2.ROLE_ASSISTANT, **message}
    return generation_pb2.Candidate(index=index, message=message_pb2.ChatMessage(**fields))  # type: ignore[arg-type]


def test_candidates_in_any_order_are_folded_by_index() -> None:
    """Providers may send them so, and the gateway passes a whole answer on as a stream."""
    late, early = candidate(1), candidate(0)
    assert fold(unfold(Response(candidates=[late, early]))) == Response(candidates=[early, late])


@pytest.mark.parametrize(
    "candidates",
    [
        [candidate(0), candidate(0)],
        [candidate(1), candidate(0), candidate(1)],
        [candidate(-1)],
        [generation_pb2.Candidate()],
        [candidate(0, role=message_pb2.ROLE_USER)],
        [candidate(0, name="me")],
        [candidate(0, provider_json={"openai": "{}"})],
    ],
)
def test_an_answer_that_no_events_add_up_to_is_refused(candidates: list[generation_pb2.Candidate]) -> None:
    with pytest.raises(GrammarError, match="candidate"):
        unfold(Response(candidates=candidates))
