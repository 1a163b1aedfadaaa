"""A stream of events and a whole answer are one thing, however the deltas are cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway import Fold, GrammarError, fold, unfold
from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2, usage_pb2

Event = stream_pb2.GenerationEvent
Part = message_pb2.Part

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SMALL = st.integers(0, 1000)


def annotations() -> st.SearchStrategy[list[message_pb2.Annotation]]:
    return st.lists(st.builds(message_pb2.Annotation, uri=TEXT, title=TEXT, start_index=SMALL), max_size=2)


def logprobs() -> st.SearchStrategy[list[message_pb2.TokenLogprob]]:
    return st.lists(st.builds(message_pb2.TokenLogprob, token=TEXT, logprob=st.floats(-9, 0)), max_size=2)


@st.composite
def parts(draw: st.DrawFn) -> Part:
    part = Part(item_id=draw(TEXT))
    kind = draw(
        st.sampled_from(["text", "reasoning", "refusal", "json call", "text call", "media", "result", "provider"])
    )
    if kind == "text":
        part.text = draw(TEXT)
        part.logprobs.extend(draw(logprobs()))
        part.annotations.extend(draw(annotations()))
    elif kind == "reasoning":
        part.reasoning.text = draw(TEXT)
        part.reasoning.kind = draw(st.sampled_from(message_pb2.Reasoning.Kind.values()))
    elif kind == "refusal":
        part.refusal = draw(TEXT)
    elif kind == "json call":
        part.tool_call.CopyFrom(message_pb2.ToolCall(id=draw(TEXT), name=draw(TEXT), arguments_json=draw(TEXT)))
    elif kind == "text call":
        part.tool_call.CopyFrom(message_pb2.ToolCall(id=draw(TEXT), name=draw(TEXT), text=draw(TEXT)))
    elif kind == "media":
        part.media.CopyFrom(
            message_pb2.Media(mime_type="audio/wav", data=draw(st.binary(max_size=9)), transcript=draw(TEXT))
        )
    elif kind == "result":
        part.tool_result.CopyFrom(message_pb2.ToolResult(tool_call_id=draw(TEXT), output_json="{}"))
    else:
        part.provider_part.CopyFrom(message_pb2.ProviderPart(dialect="openai", type=draw(TEXT), json="{}"))
    if draw(st.booleans()):
        part.signature.CopyFrom(message_pb2.Signature(provider="p", value=draw(TEXT)))
    if draw(st.booleans()):
        part.provider_json["openai"] = draw(TEXT)
    return part


@st.composite
def responses(draw: st.DrawFn) -> generation_pb2.GenerateResponse:
    response = generation_pb2.GenerateResponse()
    for index in range(draw(st.integers(1, 3))):
        candidate = response.candidates.add(index=index, provider_finish_reason=draw(TEXT), provider_json=draw(TEXT))
        candidate.finish_reason = draw(st.sampled_from(generation_pb2.FinishReason.values()))
        candidate.message.role = message_pb2.ROLE_ASSISTANT
        candidate.message.parts.extend(draw(st.lists(parts(), max_size=4)))
    if draw(st.booleans()):
        response.call.call_id = draw(TEXT)
    if draw(st.booleans()):
        response.usage.CopyFrom(usage_pb2.Usage(input_token_count=draw(SMALL), output_token_count=draw(SMALL)))
    return response


def emptied(part: Part) -> tuple[Part, list[tuple[str, str | bytes]]]:
    """Return a part without what deltas can bring, and what they must bring."""
    opened = Part()
    opened.CopyFrom(part)
    kind = part.WhichOneof("content")
    if kind == "text":
        opened.text = ""
        return opened, [("text", part.text)]
    if kind == "refusal":
        opened.refusal = ""
        return opened, [("text", part.refusal)]
    if kind == "reasoning":
        opened.reasoning.text = ""
        return opened, [("text", part.reasoning.text)]
    if kind == "tool_call":
        field = part.tool_call.WhichOneof("input") or "text"
        setattr(opened.tool_call, field, "")
        return opened, [(field, getattr(part.tool_call, field))]
    if kind == "media":
        opened.media.data, opened.media.transcript = b"", ""
        return opened, [("data", part.media.data), ("transcript", part.media.transcript)]
    return opened, []


@st.composite
def streamed(draw: st.DrawFn, response: generation_pb2.GenerateResponse) -> list[Event]:
    """Return the events of an answer with every text cut at random, and candidates interleaved at random."""
    lanes: list[list[Event]] = []
    whole = unfold(response)
    for candidate in response.candidates:
        lane: list[Event] = []
        for index, part in enumerate(candidate.message.parts):
            opened, contents = emptied(part)
            lane.append(
                Event(candidate_index=candidate.index, part_started=stream_pb2.PartStarted(index=index, part=opened))
            )
            for field, content in contents:
                at = draw(st.integers(0, len(content)))
                for piece in (content[:at], content[at:]):
                    delta = stream_pb2.PartDelta(index=index, **{field: piece})  # type: ignore[arg-type]
                    lane.append(Event(candidate_index=candidate.index, part_delta=delta))
            lane.append(Event(candidate_index=candidate.index, part_finished=stream_pb2.PartFinished(index=index)))
        lane += [
            event
            for event in whole
            if event.HasField("candidate_finished") and event.candidate_index == candidate.index
        ]
        lanes.append(lane)
    middle: list[Event] = []
    while any(lanes):
        lane = draw(st.sampled_from([lane for lane in lanes if lane]))
        middle.append(lane.pop(0))
    return [whole[0], *middle, Event(heartbeat=stream_pb2.Heartbeat()), Event(), whole[-1]]


@given(responses())
def test_unfolding_and_folding_gives_the_same_answer(response: generation_pb2.GenerateResponse) -> None:
    assert fold(unfold(response)) == response


@given(st.data())
def test_how_deltas_are_cut_and_candidates_interleaved_changes_nothing(data: st.DataObject) -> None:
    response = data.draw(responses())
    assert fold(data.draw(streamed(response))) == response


def test_a_fold_shows_what_has_come_so_far() -> None:
    folding = Fold()
    for event in (
        Event(started=stream_pb2.GenerationStarted()),
        Event(part_started=stream_pb2.PartStarted(part=Part(text="a"))),
        Event(part_delta=stream_pb2.PartDelta(text="b")),
    ):
        folding.add(event)
    assert folding.response.candidates[0].message.parts[0].text == "ab"
    assert not folding.is_finished


STARTED = Event(started=stream_pb2.GenerationStarted())
OPENED = Event(part_started=stream_pb2.PartStarted(part=Part(text="")))
DELTA = Event(part_delta=stream_pb2.PartDelta(text="x"))
CLOSED = Event(part_finished=stream_pb2.PartFinished())
ENDED = Event(candidate_finished=stream_pb2.CandidateFinished())
FINISHED = Event(finished=stream_pb2.GenerationFinished())


@pytest.mark.parametrize(
    "events",
    [
        [],
        [STARTED],
        [OPENED],
        [STARTED, STARTED],
        [STARTED, DELTA],
        [STARTED, OPENED, OPENED],
        [STARTED, OPENED, CLOSED, DELTA],
        [STARTED, OPENED, ENDED],
        [STARTED, OPENED, CLOSED, FINISHED],
        [STARTED, ENDED, ENDED],
        [STARTED, ENDED, FINISHED, DELTA],
        [STARTED, Event(part_started=stream_pb2.PartStarted(index=1, part=Part(text="")))],
    ],
)
def test_events_out_of_turn_are_refused(events: list[Event]) -> None:
    with pytest.raises(GrammarError):
        fold(events)
