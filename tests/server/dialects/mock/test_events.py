"""Scripts that spell events out: played as they are, and refused where they are none."""

from __future__ import annotations

import base64
import json

import pytest
from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.mock.models import find_model, make_models
from llmgateway_server.dialects.mock.options import Options, read_options
from llmgateway_server.dialects.mock.script import Cast, Script, write_script

STOP = {"candidate_finished": {"finish_reason": "FINISH_REASON_STOP"}}
HI = [{"part_started": {"part": {"text": "Hi"}}}, {"part_delta": {"text": " you"}}, {"part_finished": {}}, STOP]


def play(script: object, *messages: message_pb2.ChatMessage, configured: Options | None = None) -> Script:
    cast = Cast("mock", "echo", find_model(make_models(), "mock", "echo"), configured or Options())
    request = generation_pb2.GenerateRequest(model="mock/echo", messages=messages)
    request.provider_options_json["mock"] = json.dumps(script)
    return write_script(request, cast)


def events_of(script: Script) -> list[stream_pb2.GenerationEvent]:
    return [event for step in script.steps for event in step.events]


def test_events_are_sent_as_they_are_between_started_and_finished() -> None:
    kinds = [event.WhichOneof("event") for event in events_of(play({"events": HI}))]
    assert kinds == ["started", "part_started", "part_delta", "part_finished", "candidate_finished", "finished"]


def test_what_is_newer_comes_through_as_bytes() -> None:
    newer = base64.b64encode(b"\xd2\x06\x03abc").decode()  # field 106
    event = events_of(play({"events": [newer, *HI]}))[1]
    assert event.SerializeToString() == b"\xd2\x06\x03abc"


def test_tokens_of_the_texts_are_counted() -> None:
    usage = events_of(play({"events": HI}))[-1].finished.usage
    assert usage.output_token_count == 2
    assert not events_of(play({"events": HI, "usage": None}))[-1].finished.HasField("usage")


def test_a_gap_lies_between_any_two_events() -> None:
    script = play({"events": HI, "latency": "1s", "gap": "2s"})
    assert [step.wait_s for step in script.steps] == [1.0, *[2.0] * (len(HI) - 1)]


def test_a_break_counts_events() -> None:
    script = play({"events": HI, "cut_after_token_count": 2})
    assert isinstance(script.failure, errors.ProviderBadResponse)
    kinds = [event.WhichOneof("event") for event in events_of(script)]
    assert kinds == ["started", "part_started", "part_delta"]


def test_what_breaks_off_need_not_be_whole() -> None:
    script = play({"events": HI[:1], "error": {"status": 500, "after_token_count": 1}})
    assert isinstance(script.failure, errors.ProviderBadResponse)


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([*HI, {"started": {}}], r"events\[4\]: started is made without being asked for"),
        ([{"heartbeat": {}}, *HI], r"events\[0\]: heartbeat is made without"),
        (HI[:-1], r"events: finished comes while candidates are open"),
        ([HI[1]], r"events\[0\]: .*not open"),
        ([{"part_begun": {}}], r"events\[0\]: "),
        (["no base64!"], r"events\[0\]: must be an event as a JSON object, or its bytes in base64"),
        (["gA=="], r"events\[0\]: "),
    ],
)
def test_what_is_no_stream_is_refused_with_its_place(events: object, words: str) -> None:
    with pytest.raises(errors.InvalidField, match=words):
        play({"events": events})


def test_events_that_only_a_break_made_right_are_refused_where_a_call_takes_the_break_away() -> None:
    configured = read_options({"events": HI[:1], "cut_after_token_count": 1})
    assert play({}, configured=configured).failure is not None
    with pytest.raises(errors.InvalidField, match="events: finished comes while candidates are open"):
        play({"cut_after_token_count": None}, configured=configured)


@pytest.mark.parametrize("other", [{"text": "x"}, {"reasoning": "x"}, {"refusal": "x"}, {"finish_reason": "length"}])
def test_events_stand_alone(other: dict[str, str]) -> None:
    with pytest.raises(errors.InvalidField, match="either events or"):
        play({"events": HI, **other})


def test_an_empty_part_of_the_model_s_own_is_left_out_with_a_warning() -> None:
    newer = message_pb2.Part.FromString(b"\x9a\x06\x03abc")  # field 99
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[newer])
    script = play({"text": "Hi"}, message_pb2.ChatMessage(role=message_pb2.ROLE_USER), message)
    assert [(warning.field, warning.description) for warning in script.warnings] == [
        ("messages[1].parts[0]", "The part is empty: it was left out.")
    ]
