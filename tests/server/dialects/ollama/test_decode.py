"""Whole answers, by hand after Ollama's API reference."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.ollama.codec import OllamaCodec
from llmgateway_server.dialects.ollama.quirks import Quirks

CODEC = OllamaCodec("p", Quirks())
REQUEST = generation_pb2.GenerateRequest(messages=[message_pb2.ChatMessage(role=message_pb2.ROLE_USER)])
METRICS = {"total_duration": 9, "load_duration": 1, "prompt_eval_count": 5, "prompt_eval_duration": 3, "eval_count": 7, "eval_duration": 4}  # fmt: skip
PNG = base64.b64encode(b"\x89PNG\r\n").decode()
JPEG = base64.b64encode(b"\xff\xd8\xff\xe0").decode()


def answer(message: dict[str, Any] | None = None, **members: Any) -> bytes:
    whole = {"model": "llama3.2", "created_at": "2026-01-01T00:00:00Z", "done": True, "done_reason": "stop", **METRICS}
    whole["message"] = {"role": "assistant", "content": "", **(message or {})}
    whole.update(members)
    return json.dumps({member: value for member, value in whole.items() if value is not None}).encode()


def decode(body: bytes) -> generation_pb2.GenerateResponse:
    return CODEC.decode_generate(REQUEST, body)


def call(name: str, arguments: Any, **members: Any) -> dict[str, Any]:
    return {"function": {"name": name, "arguments": arguments}, **members}


def test_an_answer_keeps_its_text_usage_and_model() -> None:
    response = decode(answer({"content": "Hello"}))
    candidate = response.candidates[0]
    assert [part.text for part in candidate.message.parts] == ["Hello"]
    assert (candidate.finish_reason, candidate.provider_finish_reason) == (generation_pb2.FINISH_REASON_STOP, "stop")
    assert (response.call.provider, response.call.model, response.call.provider_json) == ("p", "llama3.2", "")
    usage = response.usage
    assert (usage.input_token_count, usage.output_token_count) == (5, 7)
    assert usage.source == usage_pb2.Usage.SOURCE_PROVIDER
    assert json.loads(usage.provider_json) == METRICS


def test_thoughts_text_images_and_calls_come_in_this_order() -> None:
    response = decode(
        answer(
            {
                "content": "Yes",
                "thinking": "Hm.",
                "tool_calls": [call("f", {"x": 1}), call("g", {})],
                "images": [PNG, JPEG, "!"],
            }
        )
    )
    parts = response.candidates[0].message.parts
    assert [part.WhichOneof("content") for part in parts] == [
        "reasoning",
        "text",
        "media",
        "media",
        "tool_call",
        "tool_call",
    ]
    assert parts[0].reasoning.text == "Hm."
    assert [part.media.mime_type for part in parts[2:4]] == ["image/png", "image/jpeg"]
    assert parts[2].media.data == b"\x89PNG\r\n"
    assert [(part.tool_call.name, part.tool_call.arguments_json) for part in parts[4:]] == [
        ("f", '{"x":1}'),
        ("g", "{}"),
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [({"a": [1, "é"]}, '{"a":[1,"é"]}'), (None, "{}"), ("", "{}"), ({}, "{}"), ('{"a":1}', '{"a":1}'), (3, "{}")],
)
def test_arguments_become_json_text(arguments: Any, expected: str) -> None:
    response = decode(answer({"tool_calls": [call("f", arguments)]}))
    assert response.candidates[0].message.parts[0].tool_call.arguments_json == expected


def test_a_call_without_an_id_gets_one_that_differs_by_place_and_turn_and_stays_the_same() -> None:
    body = answer({"tool_calls": [call("f", {}), call("f", {}), call("f", {}, id="own")]})

    def ids(message_count: int) -> list[str]:
        request = generation_pb2.GenerateRequest(messages=[message_pb2.ChatMessage()] * message_count)
        parts = CODEC.decode_generate(request, body).candidates[0].message.parts
        return [part.tool_call.id for part in parts]

    first, later = ids(1), ids(3)
    assert first == ids(1)
    assert first[2] == "own"
    assert len({*first, *later}) == 5


def test_what_the_contract_has_no_field_for_is_kept() -> None:
    response = decode(
        answer(
            {"mood": "good", "tool_calls": [{"function": {"name": "f", "arguments": {}, "index": 0, "a": 1}, "b": 2}]},
            remote_model="m",
            context=[1, 2],
        )
    )
    assert json.loads(response.call.provider_json) == {"remote_model": "m", "context": [1, 2]}
    candidate = response.candidates[0]
    assert json.loads(candidate.provider_json) == {"message": {"mood": "good"}}
    assert json.loads(candidate.message.parts[0].provider_json["ollama"]) == {"b": 2, "function": {"a": 1}}


FINISHES = [
    ("stop", [], "STOP"),
    ("stop", [call("f", {})], "TOOL_CALLS"),
    ("length", [], "LENGTH"),
    ("length", [call("f", {})], "LENGTH"),
    ("load", [], "OTHER"),
    ("unload", [], "OTHER"),
    ("brand_new", [], "OTHER"),
    (None, [], "OTHER"),
    (None, [call("f", {})], "TOOL_CALLS"),
]


@pytest.mark.parametrize(("word", "calls", "reason"), FINISHES)
def test_a_finish_reason_keeps_the_providers_word(word: str | None, calls: list[Any], reason: str) -> None:
    candidate = decode(answer({"tool_calls": calls}, done_reason=word)).candidates[0]
    assert generation_pb2.FinishReason.Name(candidate.finish_reason) == f"FINISH_REASON_{reason}"
    assert candidate.provider_finish_reason == (word or "")


def test_a_cached_prompt_counts_nothing_read_and_is_the_providers_word_still() -> None:
    usage = decode(answer({"content": "x"}, prompt_eval_count=None)).usage
    assert (usage.input_token_count, usage.output_token_count) == (0, 7)
    assert usage.source == usage_pb2.Usage.SOURCE_PROVIDER


def test_without_any_count_there_is_no_usage() -> None:
    assert not decode(answer({"content": "x"}, prompt_eval_count=None, eval_count=None)).HasField("usage")


@pytest.mark.parametrize(
    ("count", "expected", "warned"),
    [(-5, 0, True), (10**12, 2**31 - 1, True), ("9", 0, True), (True, 0, True), (3, 3, False), (3.0, 3, False)],
)
def test_nonsense_in_usage_is_clamped_and_marked(count: Any, expected: int, warned: bool) -> None:
    response = decode(answer({"content": "x"}, eval_count=count))
    assert response.usage.output_token_count == expected
    assert [warning.field for warning in response.call.warnings] == ["usage"] * warned


def test_log_probabilities_belong_to_the_text() -> None:
    tokens = [{"token": "Hi", "logprob": -0.5, "bytes": [72, 105], "top_logprobs": [{"token": "Yo", "logprob": -1}]}]
    part = decode(answer({"content": "Hi"}, logprobs=tokens)).candidates[0].message.parts[0]
    assert [(token.token, token.utf8, token.logprob) for token in part.logprobs] == [("Hi", b"Hi", -0.5)]
    assert [(token.token, token.logprob) for token in part.logprobs[0].top_logprobs] == [("Yo", -1.0)]


def test_a_continued_prompt_has_its_text_in_the_answer_itself() -> None:
    response = decode(answer(message=None, response=" upon a time", thinking="Hm.").replace(b'"message"', b'"_m"'))
    assert [part.WhichOneof("content") for part in response.candidates[0].message.parts] == ["reasoning", "text"]
    assert response.candidates[0].message.parts[1].text == " upon a time"


def test_an_empty_answer_is_a_success() -> None:
    response = decode(answer(done_reason="load"))
    assert len(response.candidates) == 1
    assert not response.candidates[0].message.parts


@pytest.mark.parametrize(
    ("body", "leaf"),
    [
        (b"", errors.ProviderBadResponse),
        (b"[]", errors.ProviderBadResponse),
        (b"{}", errors.ProviderBadResponse),
        (b'{"message": 1, "done": true}', errors.ProviderBadResponse),
        (answer({"content": "x"}, done=False), errors.ProviderBadResponse),
        (b'{"error": "model \'x\' not found"}', errors.ModelNotFound),
        (b'{"error": "boom"}', errors.ProviderBadResponse),
    ],
)
def test_what_is_no_answer_is_a_leaf(body: bytes, leaf: type[errors.CallError]) -> None:
    with pytest.raises(leaf):
        decode(body)


def vectors(*texts: str) -> embedding_pb2.EmbedRequest:
    return embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text=text) for text in texts])


def test_vectors_come_in_the_order_of_their_inputs() -> None:
    body = {
        "model": "m",
        "embeddings": [[0.5, -1], [2, 3]],
        "total_duration": 5,
        "load_duration": 1,
        "prompt_eval_count": 8,
    }
    response = CODEC.decode_embed(vectors("a", "b"), json.dumps(body).encode())
    assert [list(vector.values) for vector in response.embeddings] == [[0.5, -1.0], [2.0, 3.0]]
    assert (response.call.model, response.usage.input_token_count, response.usage.output_token_count) == ("m", 8, 0)
    assert response.usage.source == usage_pb2.Usage.SOURCE_PROVIDER


@pytest.mark.parametrize(
    "body", [b"{}", b'{"embeddings": [[1]]}', b'{"embeddings": [[1], "x"]}', b'{"embeddings": [[1], ["x"]]}', b"no"]
)
def test_vectors_that_are_missing_or_none_are_a_bad_answer(body: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_embed(vectors("a", "b"), body)


def test_models_have_their_tags_for_names() -> None:
    body = {"models": [{"name": "a:latest", "model": "a:latest", "modified_at": "x"}, {"name": "b"}, 3, {"name": ""}]}
    assert [model.id for model in CODEC.decode_list_models(json.dumps(body).encode())] == ["a:latest", "b"]
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_list_models(b'{"models": 1}')
