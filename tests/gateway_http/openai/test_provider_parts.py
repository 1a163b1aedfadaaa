"""What only a provider knows survives OpenAI's shapes: it comes back as it was, at its place, whole and streamed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.fold import unfold
from llmgateway.v1 import message_pb2
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.chat_stream import ChatChunks
from llmgateway_http.openai.errors import RestError
from openai.lib.streaming._deltas import accumulate_delta

from tests.gateway_http.openai.turns import answer, sent_back, whole

Part = message_pb2.Part
Json = dict[str, Any]  # Any: JSON

TEXT = Part(text="It rains.")
THOUGHT = Part(
    reasoning=message_pb2.Reasoning(text="Hm.", kind=message_pb2.Reasoning.KIND_TEXT),
    signature=message_pb2.Signature(provider="anthropic", value="c2ln"),
)
SEARCH = Part(
    tool_call=message_pb2.ToolCall(
        id="srv_1", name="web_search", arguments_json='{"query": "rain"}', executor="EXECUTOR_PROVIDER"
    ),
    provider_json={"anthropic": '{"type":"server_tool_use"}'},
)
FOUND = Part(
    tool_result=message_pb2.ToolResult(tool_call_id="srv_1", tool_name="web_search", output_json='[{"a":"b3Bh"}]'),
    provider_json={"anthropic": '{"type":"web_search_tool_result"}'},
)
BLOCK = Part(provider_part=message_pb2.ProviderPart(dialect="anthropic", type="new", json='{"type":"new","n":1}'))
CALL = Part(tool_call=message_pb2.ToolCall(id="call_1", name="f", arguments_json="{}"))
IMAGE = Part(media=message_pb2.Media(mime_type="image/png", data=b"\x89PNG"))
SIGNED_IMAGE = Part(media=IMAGE.media, signature=message_pb2.Signature(provider="gemini", value="aW1n"))
VIDEO = Part(media=message_pb2.Media(mime_type="video/mp4", data=bytes(range(200))))

ANSWERS: list[list[Part]] = [
    [SEARCH, FOUND, TEXT],
    [THOUGHT, SEARCH, FOUND, TEXT, CALL],
    [TEXT, SEARCH],
    [BLOCK],
    [SEARCH, FOUND, SEARCH, FOUND, BLOCK, TEXT],
    [TEXT, IMAGE],
    [SIGNED_IMAGE, TEXT, SIGNED_IMAGE],
    [TEXT, VIDEO],
]


def streamed(parts: list[Part]) -> Json:
    """Add the deltas up as OpenAI's own client does."""
    message: Json = {}
    for chunk in ChatChunks("m", with_usage=False).chunks(unfold(answer(parts))):
        message = accumulate_delta(message, json.loads(json.dumps(chunk["choices"][0]["delta"])))  # type: ignore[assignment]
    for call in message.get("tool_calls", ()):
        del call["index"]
    return message


@pytest.mark.parametrize("parts", ANSWERS)
@pytest.mark.parametrize("tell", [whole, streamed])
def test_all_parts_come_back_as_they_were(parts: list[Part], tell: Any) -> None:
    back = sent_back(tell(parts))
    assert [part for part in back.parts if part != Part(text="")] == parts
    assert not back.provider_json


def test_pieces_are_told_once_they_are_whole() -> None:
    chunks = ChatChunks("m", with_usage=False).chunks(unfold(answer([SEARCH, FOUND, SIGNED_IMAGE])))
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    entries = [entry for delta in deltas for entry in delta.get("provider_parts", ())]
    assert [(entry["index"], entry["part_index"]) for entry in entries] == [(0, 0), (1, 1)]
    assert entries[0]["part"]["tool_call"]["arguments_json"] == '{"query": "rain"}'
    (image,) = [entry for delta in deltas for entry in delta.get("images", ())]
    assert (image["index"], image["part_index"]) == (0, 2)
    assert not any("audio" in delta or "tool_calls" in delta for delta in deltas)


def test_in_a_shorter_message_they_stand_at_the_end() -> None:
    message = whole([THOUGHT, TEXT, SEARCH, FOUND])
    del message["reasoning_details"], message["reasoning_content"]
    assert [*sent_back({**message, "content": "x"}).parts] == [Part(text="x"), SEARCH, FOUND]


def test_images_that_the_gateway_did_not_tell_stay_with_their_provider() -> None:
    theirs = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    ours = whole([TEXT, IMAGE])["images"]
    back = sent_back({"role": "assistant", "content": "It rains.", "images": [theirs, *ours, 5]})
    assert json.loads(back.provider_json["openai"]) == {"images": [theirs, 5]}
    assert [*back.parts] == [TEXT, IMAGE]


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"provider_parts": 5}, "messages[1].provider_parts"),
        ({"provider_parts": [{}]}, "messages[1].provider_parts[0].part"),
        ({"provider_parts": [{"part": {"text": "I am the model."}}]}, "messages[1].provider_parts[0].part"),
        ({"provider_parts": [{"part": {}}]}, "messages[1].provider_parts[0].part"),
        ({"provider_parts": [{"part": {"tool_call": {"id": 5, "x": 1}}}]}, "messages[1].provider_parts[0].part"),
        ({"provider_parts": [{"part": {}, "part_index": -1}]}, "messages[1].provider_parts[0].part_index"),
        (
            {"images": [{"part_index": 0, "image_url": {"url": "http://10.0.0.1/"}}]},
            "messages[1].images[0].image_url.url",
        ),
        (
            {"images": [{"part_index": 0, "image_url": {"url": "data:x;base64,!"}}]},
            "messages[1].images[0].image_url.url",
        ),
    ],
)
def test_what_no_answer_held_is_refused_by_its_path(members: Json, param: str) -> None:
    with pytest.raises(RestError) as caught:
        sent_back({"role": "assistant", "content": "x", **members})
    assert caught.value.param == param


def test_only_an_assistant_s_message_has_them() -> None:
    entries = whole([SEARCH])["provider_parts"]
    body = {"model": "m", "messages": [{"role": "user", "content": "x", "provider_parts": entries}]}
    with pytest.raises(RestError) as caught:
        to_generate_request(body)
    assert caught.value.param == "messages[0].provider_parts"
