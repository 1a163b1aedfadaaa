from __future__ import annotations

from llmgateway.v1 import message_pb2, stream_pb2
from llmgateway_server.dialects.codec import Delta, DeltaKey
from llmgateway_server.upstream.join import join_deltas

Event = stream_pb2.GenerationEvent


def delta(text: str, candidate: int = 0, part: int = 0) -> Delta:
    return Delta(DeltaKey(candidate, part, "text"), text)


def arguments(text: str, part: int) -> Delta:
    return Delta(DeltaKey(0, part, "arguments_json"), text)


def event(text: str, candidate: int = 0, part: int = 0) -> Event:
    return Event(candidate_index=candidate, part_delta=stream_pb2.PartDelta(index=part, text=text))


def arguments_event(text: str, part: int) -> Event:
    return Event(part_delta=stream_pb2.PartDelta(index=part, arguments_json=text))


def test_adjacent_deltas_of_one_part_become_one() -> None:
    assert join_deltas([delta("a"), delta("b"), delta("c")]) == [event("abc")]


def test_deltas_of_other_parts_candidates_or_fields_stay_apart() -> None:
    decoded = [
        delta("a"),
        delta("b", candidate=1),
        delta("c", part=1),
        arguments("{", 1),
        arguments("}", 1),
        delta("d"),
    ]
    expected = [event("a"), event("b", candidate=1), event("c", part=1), arguments_event("{}", 1), event("d")]
    assert join_deltas(decoded) == expected


def test_an_event_between_two_deltas_keeps_its_place() -> None:
    finished = Event(part_finished=stream_pb2.PartFinished(index=0))
    assert join_deltas([delta("a"), finished, delta("b")]) == [event("a"), finished, event("b")]


def test_what_comes_as_an_event_stays_apart() -> None:
    marked = event("b")
    marked.part_delta.logprobs.append(message_pb2.TokenLogprob(token="b", logprob=-1.0))
    assert join_deltas([delta("a"), marked, delta("c")]) == [event("a"), marked, event("c")]


def test_nothing_stays_nothing() -> None:
    assert join_deltas([]) == []
