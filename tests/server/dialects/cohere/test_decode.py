"""Whole answers, by hand after Cohere's API reference."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, model_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.cohere.codec import CohereCodec
from llmgateway_server.dialects.cohere.quirks import Quirks

CODEC = CohereCodec("p", Quirks())
REQUEST = generation_pb2.GenerateRequest()
USAGE = {"billed_units": {"input_tokens": 3, "output_tokens": 4}, "tokens": {"input_tokens": 70, "output_tokens": 45}}
CITATION = {
    "start": 0,
    "end": 4,
    "text": "Ruby",
    "sources": [
        {"type": "document", "id": "d0", "document": {"id": "d0", "title": "Facts", "url": "https://x.example/f"}},
        {"type": "tool", "id": "t0", "tool_output": {"title": "Tool"}},
    ],
}


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "text": said}


def answer(*content: dict[str, Any], finish: str = "COMPLETE", **members: Any) -> bytes:
    message: dict[str, Any] = {"role": "assistant"}
    if content:
        message["content"] = list(content)
    message.update(members.pop("message", {}))
    whole = {"id": "r1", "message": message, "finish_reason": finish, "usage": USAGE, **members}
    return json.dumps(whole).encode()


def call(name: str, arguments: Any, call_id: str | None = "c1", **members: Any) -> dict[str, Any]:
    made = {"type": "function", "function": {"name": name, "arguments": arguments}, **members}
    return {"id": call_id, **made} if call_id else made


def decode(body: bytes) -> generation_pb2.GenerateResponse:
    return CODEC.decode_generate(REQUEST, body)


def test_an_answer_keeps_its_text_usage_and_id() -> None:
    response = decode(answer(text("Hello")))
    candidate = response.candidates[0]
    assert [part.text for part in candidate.message.parts] == ["Hello"]
    assert (candidate.finish_reason, candidate.provider_finish_reason) == (
        generation_pb2.FINISH_REASON_STOP,
        "COMPLETE",
    )
    assert (response.call.provider, response.call.provider_response_id) == ("p", "r1")
    usage = response.usage
    assert (usage.input_token_count, usage.output_token_count) == (70, 45)
    assert usage.source == usage_pb2.Usage.SOURCE_PROVIDER
    assert json.loads(usage.provider_json) == USAGE


def test_thoughts_are_reasoning_and_say_that_they_are_no_plan() -> None:
    parts = decode(answer({"type": "thinking", "thinking": "Hm."}, text("Yes"))).candidates[0].message.parts
    assert [part.WhichOneof("content") for part in parts] == ["reasoning", "text"]
    assert parts[0].reasoning.text == "Hm."
    assert dict(parts[0].provider_json) == {"cohere": '{"type":"thinking"}'}


def test_a_plan_is_reasoning_before_its_calls_and_never_text() -> None:
    message = {"tool_plan": "I look.", "tool_calls": [call("f", '{"a":1}'), call("g", "{}", None)]}
    candidate = decode(answer(finish="TOOL_CALL", message=message)).candidates[0]
    parts = candidate.message.parts
    assert [part.WhichOneof("content") for part in parts] == ["reasoning", "tool_call", "tool_call"]
    assert (parts[0].reasoning.text, dict(parts[0].provider_json)) == ("I look.", {})
    assert [(part.tool_call.id, part.tool_call.name, part.tool_call.arguments_json) for part in parts[1:]] == [
        ("c1", "f", '{"a":1}'),
        ("call_r1_1", "g", "{}"),
    ]
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_TOOL_CALLS


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [("null", "{}"), ("", "{}"), (None, "{}"), ({"a": 1}, '{"a":1}'), ('{"a":', '{"a":'), ("nul", "nul")],
)
def test_arguments_are_as_the_model_wrote_them_but_none_are_an_empty_object(arguments: Any, expected: str) -> None:
    response = decode(answer(message={"tool_calls": [call("f", arguments)]}))
    assert response.candidates[0].message.parts[0].tool_call.arguments_json == expected


def test_a_citation_is_an_annotation_for_each_of_its_sources() -> None:
    part = decode(answer(text("Ruby is old."), message={"citations": [CITATION]})).candidates[0].message.parts[0]
    assert [(one.start_index, one.end_index, one.title, one.uri) for one in part.annotations] == [
        (0, 4, "Facts", "https://x.example/f"),
        (0, 4, "Tool", ""),
    ]
    kept = [json.loads(one.provider_json) for one in part.annotations]
    assert [one["sources"] for one in kept] == [[source] for source in CITATION["sources"]]  # type: ignore[union-attr]
    assert [one["text"] for one in kept] == ["Ruby", "Ruby"]


@pytest.mark.parametrize(
    ("members", "part"),
    [
        ({"type": "TEXT_CONTENT", "content_index": 1}, 1),
        ({}, 1),
        ({"type": "THINKING_CONTENT", "content_index": 0}, 0),
        ({"type": "PLAN"}, 2),
    ],
)
def test_a_citation_belongs_to_the_part_that_it_is_about(members: dict[str, Any], part: int) -> None:
    body = answer(
        {"type": "thinking", "thinking": "Ruby"},
        text("Ruby"),
        message={"tool_plan": "Ruby", "citations": [{"start": 0, "end": 4, **members}]},
    )
    parts = decode(body).candidates[0].message.parts
    assert [len(one.annotations) for one in parts] == [int(place == part) for place in range(3)]


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("COMPLETE", "STOP"),
        ("STOP_SEQUENCE", "STOP"),
        ("MAX_TOKENS", "LENGTH"),
        ("TOOL_CALL", "TOOL_CALLS"),
        ("ERROR_TOXIC", "CONTENT_FILTERED"),
        ("BRAND_NEW", "OTHER"),
        ("", "OTHER"),
    ],
)
def test_a_finish_reason_keeps_the_providers_word(word: str, reason: str) -> None:
    candidate = decode(answer(text("x"), finish=word)).candidates[0]
    assert generation_pb2.FinishReason.Name(candidate.finish_reason) == f"FINISH_REASON_{reason}"
    assert candidate.provider_finish_reason == word


@pytest.mark.parametrize(
    ("body", "leaf"),
    [
        (answer(finish="ERROR", error="invalid tool generation"), errors.ProviderBadResponse),
        (answer(text("half"), finish="TIMEOUT"), errors.ProviderBadResponse),
        (answer(finish="ERROR", error="too many", error_type="TOO_MANY_TOKENS"), errors.ContextTooLong),
        (answer(finish="ERROR", error="too many tokens: size limit exceeded"), errors.ContextTooLong),
        (b'{"id": "x", "message": "internal server error"}', errors.ProviderBadResponse),
        (b'{"error": "gone"}', errors.ProviderBadResponse),
        (b"{}", errors.ProviderBadResponse),
        (b"[]", errors.ProviderBadResponse),
        (b"", errors.ProviderBadResponse),
    ],
)
def test_an_error_inside_a_200_is_a_leaf(body: bytes, leaf: type[errors.CallError]) -> None:
    with pytest.raises(leaf) as caught:
        decode(body)
    assert type(caught.value) is leaf


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({"tokens": {"input_tokens": 506.0, "output_tokens": 5}, "cached_tokens": 448}, (506, 5, 448, 0)),
        ({"tokens": {"input_tokens": 5, "output_tokens": 9, "reasoning_tokens": 6}}, (5, 9, 0, 6)),
        ({"billed_units": {"input_tokens": 5, "output_tokens": 9}}, (5, 9, 0, 0)),
        ({"tokens": {"input_tokens": -5, "output_tokens": "9"}}, (0, 0, 0, 0)),
    ],
)
def test_counts_are_the_tokens_or_else_what_was_billed(
    usage: dict[str, Any], expected: tuple[int, int, int, int]
) -> None:
    read = decode(answer(text("x"), usage=usage)).usage
    assert (
        read.input_token_count,
        read.output_token_count,
        read.cached_input_token_count,
        read.reasoning_token_count,
    ) == expected
    assert json.loads(read.provider_json) == usage


def test_nonsense_in_usage_is_marked_and_none_is_none() -> None:
    response = decode(answer(text("x"), usage={"tokens": {"input_tokens": -5, "output_tokens": 1e12}}))
    assert [warning.field for warning in response.call.warnings] == ["usage", "usage"]
    assert not decode(answer(text("x"), usage={})).HasField("usage")


def test_log_probabilities_belong_to_the_text() -> None:
    entries = [{"text": "He", "token_ids": [1], "logprobs": [-0.5]}, {"text": "llo", "token_ids": [2, 3], "logprobs": [-1, -2]}]  # fmt: skip
    part = decode(answer(text("Hello"), logprobs=entries)).candidates[0].message.parts[0]
    assert [(token.token, token.logprob) for token in part.logprobs] == [("He", -0.5), ("llo", -3.0)]


def test_what_the_contract_has_no_field_for_is_kept() -> None:
    response = decode(
        answer(
            text("a"),
            {"type": "new", "x": 1},
            message={"mood": "good", "tool_calls": [call("f", "{}", extra=1)]},
            prompt="p",
        )
    )
    assert json.loads(response.call.provider_json) == {"prompt": "p"}
    candidate = response.candidates[0]
    assert json.loads(candidate.provider_json) == {"message": {"mood": "good"}}
    parts = candidate.message.parts
    assert (parts[1].provider_part.dialect, parts[1].provider_part.type) == ("cohere", "new")
    assert json.loads(parts[1].provider_part.json) == {"type": "new", "x": 1}
    assert json.loads(parts[2].provider_json["cohere"]) == {"extra": 1}


def test_an_empty_answer_is_a_success() -> None:
    assert not decode(answer(text(""))).candidates[0].message.parts


def vectors(count: int, encoding: embedding_pb2.EmbeddingEncoding.ValueType = 0) -> embedding_pb2.EmbedRequest:  # type: ignore[assignment]
    inputs = [embedding_pb2.EmbedInput(text="x")] * count
    return embedding_pb2.EmbedRequest(inputs=inputs, encoding=encoding)


@pytest.mark.parametrize(
    ("encoding", "kind", "row", "expected"),
    [
        (embedding_pb2.EMBEDDING_ENCODING_INT8, "int8", [-128, 0, 127], b"\x80\x00\x7f"),
        (embedding_pb2.EMBEDDING_ENCODING_UINT8, "uint8", [0, 255], b"\x00\xff"),
        (embedding_pb2.EMBEDDING_ENCODING_UBINARY, "ubinary", [170], b"\xaa"),
    ],
)
def test_a_quantised_vector_is_bytes(
    encoding: embedding_pb2.EmbeddingEncoding.ValueType, kind: str, row: list[int], expected: bytes
) -> None:
    body = json.dumps({"id": "e1", "embeddings": {kind: [row]}}).encode()
    assert CODEC.decode_embed(vectors(1, encoding), body).embeddings[0].quantized == expected


def test_vectors_come_in_order_with_what_they_cost() -> None:
    body = {
        "id": "e1",
        "embeddings": {"float": [[0.5, -1], [2, 3]]},
        "texts": ["a", "b"],
        "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 8}, "warnings": ["old model"]},
        "response_type": "embeddings_by_type",
    }
    response = CODEC.decode_embed(vectors(2), json.dumps(body).encode())
    assert [list(vector.values) for vector in response.embeddings] == [[0.5, -1.0], [2.0, 3.0]]
    assert (response.call.provider_response_id, response.usage.input_token_count) == ("e1", 8)
    assert [warning.description for warning in response.call.warnings] == ["old model"]
    assert response.call.provider_json == ""


def test_the_tokens_of_images_are_read_tokens() -> None:
    body = {"embeddings": {"float": [[1]]}, "meta": {"billed_units": {"input_tokens": 2, "image_tokens": 5}}}
    usage = CODEC.decode_embed(vectors(1), json.dumps(body).encode()).usage
    assert (usage.input_token_count, usage.image_input_token_count) == (7, 5)


def test_older_answers_hold_their_vectors_bare() -> None:
    response = CODEC.decode_embed(vectors(1), b'{"embeddings": [[1, 2]], "response_type": "embeddings_floats"}')
    assert list(response.embeddings[0].values) == [1.0, 2.0]


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (0, b"{}"),
        (0, b'{"embeddings": {"int8": [[1]]}}'),
        (0, b'{"embeddings": {"float": [[1], [2]]}}'),
        (0, b'{"embeddings": {"float": ["x"]}}'),
        (0, b'{"embeddings": {"float": [["x"]]}}'),
        (2, b'{"embeddings": {"int8": [[128]]}}'),
        (3, b'{"embeddings": {"uint8": [[-1]]}}'),
        (3, b'{"embeddings": {"uint8": [[0.5]]}}'),
        (0, b"no"),
    ],
)
def test_vectors_that_are_missing_or_none_are_a_bad_answer(encoding: Any, body: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_embed(vectors(1, encoding), body)


def test_models_say_what_they_can_do_where_the_list_tells() -> None:
    body = {
        "models": [
            {"name": "command-a", "endpoints": ["chat", "rate"], "context_length": 256000.0, "features": ["tools", "json_schema", "vision"]},
            {"name": "embed-v4.0", "endpoints": ["embed"], "features": None},
            {"name": ""},
            3,
        ]
    }  # fmt: skip
    models = CODEC.decode_list_models(json.dumps(body).encode())
    can = model_pb2.Model
    assert [(model.id, model.context_token_count, list(model.capabilities)) for model in models] == [
        ("command-a", 256000, [can.CAPABILITY_GENERATE, can.CAPABILITY_TOOLS, can.CAPABILITY_JSON_SCHEMA]),
        ("embed-v4.0", 0, []),
    ]
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_list_models(b"{}")
