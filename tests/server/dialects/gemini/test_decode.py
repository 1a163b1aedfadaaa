"""What whole answers mean, by hand after Google's API reference; each equals the fold of its stream of one chunk."""

from __future__ import annotations

import base64
import json
import math
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Frame
from llmgateway_server.dialects.gemini.codec import GeminiCodec
from llmgateway_server.dialects.gemini.partial_args import PartialCall, read_path
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.gemini.usage import UsageReader
from llmgateway_server.upstream.join import join_deltas

from tests.server.dialects.gemini.requests import USER, Part, asks

CODEC = GeminiCodec("google", Quirks())
REQUEST = generation_pb2.GenerateRequest()
Message = message_pb2.ChatMessage


def answer(*parts: dict[str, Any], finish: Any = "STOP", **members: Any) -> dict[str, Any]:
    candidate = {"content": {"role": "model", "parts": list(parts)}, "finishReason": finish, "index": 0, **members}
    return {"candidates": [candidate], "modelVersion": "gemini-3.5-flash", "responseId": "r1"}


def decode(raw: dict[str, Any]) -> generation_pb2.GenerateResponse:
    """Decode an answer as a whole and as a stream of one chunk, which must be the same."""
    body = json.dumps(raw).encode()
    response = CODEC.decode_generate(REQUEST, body)
    decoder = CODEC.stream_decoder(REQUEST)
    assert fold(join_deltas([*decoder.decode(Frame("", body)), *decoder.finish()])) == response
    return response


def one(raw: dict[str, Any]) -> generation_pb2.Candidate:
    (candidate,) = decode(raw).candidates
    return candidate


def kinds(candidate: generation_pb2.Candidate) -> list[str | None]:
    return [part.WhichOneof("content") for part in candidate.message.parts]


def sent_back(candidate: generation_pb2.Candidate) -> list[dict[str, Any]]:
    """Return the parts of the model's turn in the request that goes on with it."""
    encoded = CODEC.encode_generate(asks(USER, candidate.message), "gemini-3.5-flash", stream=False)
    parts: list[dict[str, Any]] = json.loads(encoded.body)["contents"][1]["parts"]
    return parts


def test_a_text_comes_with_who_wrote_it() -> None:
    usage = {"promptTokenCount": 4, "candidatesTokenCount": 2, "totalTokenCount": 6, "serviceTier": "flex"}
    response = decode({**answer({"text": "Hello."}), "usageMetadata": usage, "createTime": "2026-01-01T00:00:00Z"})
    assert response.call.provider == "google"
    assert response.call.model == "gemini-3.5-flash"
    assert response.call.provider_response_id == "r1"
    assert response.call.service_tier == "flex"
    assert json.loads(response.call.provider_json) == {"createTime": "2026-01-01T00:00:00Z"}
    assert response.candidates[0].message == Message(role=message_pb2.ROLE_ASSISTANT, parts=[Part(text="Hello.")])
    assert (response.usage.input_token_count, response.usage.output_token_count) == (4, 2)
    assert response.usage.source == usage_pb2.Usage.SOURCE_PROVIDER


def test_thoughts_and_their_signatures_come_and_go_back() -> None:
    raw = [
        {"text": "Hm.", "thought": True},
        {"text": "Yes", "thoughtSignature": "S1"},
        {"text": "!"},
        {"text": "", "thoughtSignature": "S2"},
    ]
    candidate = one(answer(*raw))
    assert kinds(candidate) == ["reasoning", "text", "text"]
    thought, first, second = candidate.message.parts
    assert (thought.reasoning.text, thought.reasoning.kind) == ("Hm.", message_pb2.Reasoning.KIND_SUMMARY)
    assert (first.text, first.signature.provider, first.signature.value) == ("Yes", "google", "S1")
    assert (second.text, second.signature.value) == ("!", "S2")
    # A thought without a signature tells the model nothing.
    assert sent_back(candidate) == [
        {"text": "Yes", "thoughtSignature": "S1"},
        {"text": "!", "thoughtSignature": "S2"},
    ]


def test_calls_are_waited_for_though_google_says_stop() -> None:
    raw = [
        {"functionCall": {"name": "add", "args": {"b": 3, "a": 2}}, "thoughtSignature": "S"},
        {"functionCall": {"name": "now"}},
        {"functionCall": {"id": "own", "name": "sub", "args": {"x": [1.5, None]}, "other": 1}},
    ]
    candidate = one(answer(*raw))
    calls = [part.tool_call for part in candidate.message.parts]
    assert [(call.id, call.name, call.arguments_json) for call in calls] == [
        ("call_r1_0_0", "add", '{"b":3,"a":2}'),
        ("call_r1_0_1", "now", "{}"),
        ("own", "sub", '{"x":[1.5,null]}'),
    ]
    assert all(call.executor == message_pb2.ToolCall.EXECUTOR_CALLER for call in calls)
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_TOOL_CALLS
    assert candidate.provider_finish_reason == "STOP"
    assert sent_back(candidate) == [
        {"functionCall": {"name": "add", "args": {"b": 3, "a": 2}, "id": "call_r1_0_0"}, "thoughtSignature": "S"},
        {"functionCall": {"name": "now", "args": {}, "id": "call_r1_0_1"}},
        {"functionCall": {"id": "own", "name": "sub", "args": {"x": [1.5, None]}, "other": 1}},
    ]


def test_code_that_google_ran_is_no_call_for_the_caller_and_goes_back_as_it_came() -> None:
    raw = [
        {"executableCode": {"language": "PYTHON", "code": "print(1)"}, "thoughtSignature": "S"},
        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}},
        {"executableCode": {"id": "x", "language": "PYTHON", "code": "1/0"}},
        {"codeExecutionResult": {"id": "x", "outcome": "OUTCOME_DEADLINE_EXCEEDED"}},
        {"text": "Done."},
    ]
    candidate = one(answer(*raw))
    assert kinds(candidate) == ["tool_call", "tool_result", "tool_call", "tool_result", "text"]
    code, printed, slow, failed, _ = candidate.message.parts
    assert code.tool_call.executor == message_pb2.ToolCall.EXECUTOR_PROVIDER
    assert (code.tool_call.name, json.loads(code.tool_call.arguments_json)["code"]) == ("code_execution", "print(1)")
    assert printed.tool_result.tool_call_id == code.tool_call.id == "call_r1_0_0"
    assert printed.tool_result.parts[0].text == "1\n"
    assert not printed.tool_result.failed
    assert failed.tool_result.failed
    assert failed.tool_result.tool_call_id == slow.tool_call.id == "x"
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_STOP
    assert sent_back(candidate) == raw


def test_media_come_as_bytes_and_go_back() -> None:
    image = {"mimeType": "image/png", "data": base64.b64encode(b"\x00\xff").decode()}
    raw = [
        {"inlineData": image, "thought": True},
        {"inlineData": image, "thoughtSignature": "S"},
        {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://b/a"}},
    ]
    candidate = one(answer(*raw))
    draft, final, _ = candidate.message.parts
    assert (final.media.mime_type, final.media.data, final.signature.value) == ("image/png", b"\x00\xff", "S")
    assert json.loads(draft.provider_json["gemini"]) == {"thought": True}
    assert sent_back(candidate) == raw


def test_bytes_are_read_in_either_alphabet() -> None:
    for data in ("-_8=", "+/8="):
        part = one(answer({"inlineData": {"mimeType": "image/png", "data": data}})).message.parts[0]
        assert part.media.data == b"\xfb\xff"
    assert one(answer({"inlineData": {"data": "no base64"}})).message.parts[0].media.data == b""


def test_pieces_of_raw_audio_are_one_sound() -> None:
    def sound(data: bytes) -> dict[str, Any]:
        kind = "audio/L16;codec=pcm;rate=24000"
        return {"inlineData": {"mimeType": kind, "data": base64.b64encode(data).decode()}}

    candidate = one(answer(sound(b"ab"), sound(b"cd"), {"text": "and"}, sound(b"ef")))
    assert kinds(candidate) == ["media", "text", "media"]
    assert [part.media.data for part in candidate.message.parts] == [b"abcd", b"", b"ef"]


def test_what_nobody_knows_is_kept_and_goes_back() -> None:
    raw = [
        {"toolCall": {"toolType": "GOOGLE_SEARCH", "args": {"q": 1}}, "thoughtSignature": "S"},
        {"text": "x", "partMetadata": {"a": 1}},
    ]
    candidate = one(answer(*raw, newMember=1))
    block = candidate.message.parts[0].provider_part
    assert (block.dialect, block.type, json.loads(block.json)) == (
        "gemini",
        "toolCall",
        {"toolCall": raw[0]["toolCall"]},
    )
    assert candidate.message.parts[0].signature.value == "S"
    assert json.loads(candidate.provider_json) == {"newMember": 1}
    assert sent_back(candidate) == raw


FINISHED = [
    ("STOP", "STOP"),
    ("MAX_TOKENS", "LENGTH"),
    ("SAFETY", "CONTENT_FILTERED"),
    ("RECITATION", "CONTENT_FILTERED"),
    ("BLOCKLIST", "CONTENT_FILTERED"),
    ("PROHIBITED_CONTENT", "CONTENT_FILTERED"),
    ("SPII", "CONTENT_FILTERED"),
    ("IMAGE_SAFETY", "CONTENT_FILTERED"),
    ("MODEL_ARMOR", "CONTENT_FILTERED"),
    ("MALFORMED_FUNCTION_CALL", "MALFORMED_TOOL_CALL"),
    ("UNEXPECTED_TOOL_CALL", "OTHER"),
    ("LANGUAGE", "OTHER"),
    ("OTHER", "OTHER"),
    ("BRAND_NEW", "OTHER"),
]


@pytest.mark.parametrize(("word", "reason"), FINISHED)
def test_a_finish_reason_keeps_googles_word(word: str, reason: str) -> None:
    candidate = one(answer({"text": "x"}, finish=word))
    assert generation_pb2.FinishReason.Name(candidate.finish_reason) == f"FINISH_REASON_{reason}"
    assert candidate.provider_finish_reason == word


def test_a_bare_number_is_a_word_like_any_other() -> None:
    candidate = one(answer({"functionCall": {"name": "f"}}, finish=1))
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_OTHER
    assert candidate.provider_finish_reason == "1"


def test_an_empty_answer_is_one() -> None:
    candidate = one({"candidates": [{"finishReason": "MAX_TOKENS"}]})
    assert not candidate.message.parts
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_LENGTH


def test_a_blocked_prompt_is_an_answer() -> None:
    feedback = {"blockReason": "PROHIBITED_CONTENT", "safetyRatings": []}
    response = decode({"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 7}})
    (candidate,) = response.candidates
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_CONTENT_FILTERED
    assert candidate.provider_finish_reason == "PROHIBITED_CONTENT"
    assert json.loads(response.call.provider_json) == {"promptFeedback": feedback}
    assert response.usage.input_token_count == 7


def test_candidates_keep_their_places() -> None:
    raw = answer({"text": "a"})
    raw["candidates"] = [{**raw["candidates"][0], "index": number} for number in (1, 0)]
    raw["candidates"][1]["content"] = {"parts": [{"text": "b"}]}
    response = decode(raw)
    assert [(one.index, one.message.parts[0].text) for one in response.candidates] == [(0, "b"), (1, "a")]


def test_grounding_counts_bytes_and_annotations_count_characters() -> None:
    grounding = {
        "groundingChunks": [
            {"web": {"uri": "https://x.example", "title": "x.example"}},
            {"retrievedContext": {"uri": "gs://b/a", "title": "A", "text": "The words."}},
            {"web": {"uri": "https://y.example", "title": "y.example"}},
        ],
        "groundingSupports": [
            {"segment": {"startIndex": 8, "endIndex": 14, "text": "Grüß"}, "groundingChunkIndices": [0, 1]},
            {"segment": {"endIndex": 99, "text": "elsewhere"}, "groundingChunkIndices": [1, 7, "x"]},
        ],
        "webSearchQueries": ["q"],
    }
    candidate = one(
        answer({"text": "Ah. ", "thought": True}, {"text": "— ja. Grüß dich."}, groundingMetadata=grounding)
    )
    first, second, unplaced, whole = candidate.message.parts[1].annotations
    assert (first.uri, first.title, first.start_index, first.end_index) == ("https://x.example", "x.example", 6, 10)
    assert (second.uri, second.cited_text, second.start_index) == ("gs://b/a", "The words.", 6)
    assert not unplaced.HasField("start_index")
    assert (whole.uri, whole.HasField("end_index")) == ("https://y.example", False)
    assert json.loads(candidate.provider_json)["groundingMetadata"] == grounding
    assert json.loads(first.provider_json)["groundingSupport"] == grounding["groundingSupports"][0]


def test_a_stretch_belongs_to_the_text_that_says_it() -> None:
    support = {"segment": {"startIndex": 1, "endIndex": 3, "text": "bc"}, "groundingChunkIndices": [0]}
    grounding = {"groundingChunks": [{"web": {"uri": "https://x.example"}}], "groundingSupports": [support]}
    first, second = one(
        answer({"text": "xyz", "thoughtSignature": "S"}, {"text": "abc"}, groundingMetadata=grounding)
    ).message.parts
    assert not first.annotations
    assert (second.annotations[0].start_index, second.annotations[0].end_index) == (1, 3)


@pytest.mark.parametrize("member", ["citationSources", "citations"])
def test_citations_are_annotations(member: str) -> None:
    source = {"startIndex": 2, "endIndex": 4, "uri": "https://x.example", "license": "MIT"}
    candidate = one(answer({"text": "üab"}, citationMetadata={member: [source]}))
    (found,) = candidate.message.parts[0].annotations
    assert (found.uri, found.start_index, found.end_index) == ("https://x.example", 1, 3)
    assert json.loads(found.provider_json) == source


def test_log_probabilities_have_their_rivals() -> None:
    result = {
        "chosenCandidates": [
            {"token": "a", "tokenId": 1, "logProbability": -0.5},
            {"token": "b", "logProbability": -1},
        ],
        "topCandidates": [
            {"candidates": [{"token": "a", "logProbability": -0.5}, {"token": "c", "logProbability": -2}]}
        ],
        "logProbabilitySum": -1.5,
    }
    candidate = one(answer({"text": "ab"}, logprobsResult=result, avgLogprobs=-0.75))
    first, second = candidate.message.parts[0].logprobs
    assert (first.token, first.logprob) == ("a", -0.5)
    assert [(rival.token, rival.logprob) for rival in first.top_logprobs] == [("a", -0.5), ("c", -2)]
    assert (second.token, len(second.top_logprobs)) == ("b", 0)
    assert json.loads(candidate.provider_json) == {"avgLogprobs": -0.75, "logprobsResult": {"logProbabilitySum": -1.5}}
    silent = one(answer({"functionCall": {"name": "f"}}, logprobsResult=result))
    assert json.loads(silent.provider_json)["logprobsResult"] == result


def read(raw: dict[str, Any]) -> tuple[usage_pb2.Usage, UsageReader]:
    reader, usage = UsageReader(), usage_pb2.Usage()
    reader.read(raw, usage)
    return usage, reader


def test_usage_adds_up_what_google_counts_apart() -> None:
    raw = {
        "promptTokenCount": 100,
        "toolUsePromptTokenCount": 20,
        "cachedContentTokenCount": 40,
        "candidatesTokenCount": 30,
        "thoughtsTokenCount": 5,
        "totalTokenCount": 155,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 50},
            {"modality": "IMAGE", "tokenCount": 20},
            {"modality": "VIDEO", "tokenCount": 10},
            {"modality": "AUDIO", "tokenCount": 20},
        ],
        "toolUsePromptTokensDetails": [{"modality": "IMAGE", "tokenCount": 3}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 25}, {"modality": "AUDIO", "tokenCount": 2}],
    }
    usage, _ = read(raw)
    expected = usage_pb2.Usage(
        input_token_count=120,
        cached_input_token_count=40,
        audio_input_token_count=20,
        image_input_token_count=33,
        tool_input_token_count=20,
        output_token_count=35,
        reasoning_token_count=5,
        audio_output_token_count=2,
        image_output_token_count=25,
        source=usage_pb2.Usage.SOURCE_PROVIDER,
        provider_json=json.dumps(raw, separators=(",", ":")),
    )
    assert usage == expected


@pytest.mark.parametrize(
    ("value", "count"),
    [(-5, 0), (10**12, 2**31 - 1), (math.nan, 0), ("9", 0), (True, 0), (3.0, 3), (math.inf, 2**31 - 1)],
)
def test_nonsense_in_usage_is_clamped_and_marked(value: Any, count: int) -> None:
    usage, reader = read({"promptTokenCount": value, "toolUsePromptTokenCount": 0})
    assert usage.input_token_count == count
    assert bool(reader.warnings) is (value != 3.0)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{}", b"{", b'{"candidates": []}', b'{"candidates": 1}', b"x"])
def test_a_200_without_an_answer_is_no_success(body: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_generate(REQUEST, body)


@pytest.mark.parametrize(
    "body", [b'{"error":{"code":429,"message":"slow"}}', b'[{"error":{"status":"RESOURCE_EXHAUSTED"}}]']
)
def test_an_error_in_a_200_is_its_leaf(body: bytes) -> None:
    with pytest.raises(errors.ProviderRateLimited):
        CODEC.decode_generate(REQUEST, body)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", ["a"]),
        ("$.a.b[0].c", ["a", "b", 0, "c"]),
        ("$['a b'][\"c.d\"]", ["a b", "c.d"]),
        ("$", []),
        ("a.b", []),
        ("$.a[-1]", []),
        ("$.a[99999999999999999999]", []),
        ("$..a", []),
        ("$" + ".a" * 101, []),
    ],
)
def test_paths_of_partial_arguments(path: str, steps: list[str | int]) -> None:
    assert read_path(path) == steps


def test_partial_arguments_make_a_whole() -> None:
    call = PartialCall()
    call.add({"name": "f", "id": "a", "willContinue": True})
    for piece in [
        {"jsonPath": "$.rows[0].name", "stringValue": "Ap", "willContinue": True},
        {"jsonPath": "$.rows[0].name", "stringValue": "ple", "willContinue": True},
        {"jsonPath": "$.rows[0].name", "stringValue": ""},
        {"jsonPath": "$.rows[1].price", "numberValue": 0.5},
        {"jsonPath": "$.rows[1].sold", "boolValue": False},
        {"jsonPath": "$.rows[1].by", "nullValue": "NULL_VALUE"},
        {"jsonPath": "$.rows.x", "stringValue": "misfit"},
        {"jsonPath": "$.rows[10000000]", "numberValue": 1},
        {"jsonPath": "$[0]", "numberValue": 1},
    ]:
        call.add({"partialArgs": [piece], "willContinue": True})
    rows = [{"name": "Apple"}, {"price": 0.5, "sold": False, "by": None}]
    assert call.whole == {"name": "f", "id": "a", "args": {"rows": rows}}


def embedded(*inputs: str) -> embedding_pb2.EmbedRequest:
    return embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text=said) for said in inputs])


def test_vectors_come_in_the_order_of_the_inputs() -> None:
    raw = {
        "embeddings": [{"values": [1, 0.5]}, {"values": [0, -1]}],
        "usageMetadata": {"promptTokenCount": 4, "promptTokenDetails": [{"modality": "IMAGE", "tokenCount": 3}]},
    }
    response = CODEC.decode_embed(embedded("a", "b"), json.dumps(raw).encode())
    assert [list(vector.values) for vector in response.embeddings] == [[1, 0.5], [0, -1]]
    assert (response.usage.input_token_count, response.usage.image_input_token_count) == (4, 3)
    assert response.call.provider == "google"


def test_vertex_ais_predictions_are_vectors() -> None:
    raw = {
        "predictions": [
            {"embeddings": {"values": [1], "statistics": {"token_count": 2.0, "truncated": False}}},
            {"embeddings": {"values": [2], "statistics": {"token_count": 3, "truncated": False}}},
        ],
        "metadata": {"billableCharacterCount": 9},
    }
    response = CODEC.decode_embed(embedded("a", "b"), json.dumps(raw).encode())
    assert [list(vector.values) for vector in response.embeddings] == [[1], [2]]
    assert response.usage.input_token_count == 5
    assert json.loads(response.call.provider_json) == {"metadata": {"billableCharacterCount": 9}}


def test_vertex_ais_one_embedding_is_a_vector_and_a_cut_is_told() -> None:
    raw = {"embedding": {"values": [1]}, "usageMetadata": {"promptTokenCount": 2}, "truncated": True}
    response = CODEC.decode_embed(embedded("a"), json.dumps(raw).encode())
    assert [list(vector.values) for vector in response.embeddings] == [[1]]
    assert response.usage.input_token_count == 2
    assert [warning.field for warning in response.call.warnings] == ["inputs[0]"]


@pytest.mark.parametrize("raw", [{}, {"embeddings": []}, {"embeddings": [{"values": ["x"]}]}, {"embeddings": [{}]}])
def test_a_missing_vector_is_no_success(raw: dict[str, Any]) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_embed(embedded("a"), json.dumps(raw).encode())


def test_models_have_bare_names_and_limits() -> None:
    raw = {
        "models": [
            {"name": "models/gemini-2.5-pro", "inputTokenLimit": 1048576, "outputTokenLimit": 65536},
            {"name": "tunedModels/mine"},
            {"displayName": "nameless"},
            7,
        ]
    }
    models = CODEC.decode_list_models(json.dumps(raw).encode())
    assert [(one.id, one.context_token_count, one.max_output_token_count) for one in models] == [
        ("gemini-2.5-pro", 1048576, 65536),
        ("tunedModels/mine", 0, 0),
    ]
    published = b'{"publisherModels":[{"name":"publishers/google/models/gemini-2.5-pro","versionId":"001"}]}'
    assert [one.id for one in CODEC.decode_list_models(published)] == ["gemini-2.5-pro"]
    assert CODEC.decode_list_models(b"{}") == []


@pytest.mark.parametrize("body", [b"[]", b'{"models":1}', b'{"x":1}', b"x"])
def test_what_lists_no_models_is_no_success(body: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        CODEC.decode_list_models(body)


def test_a_count_is_read_and_nonsense_is_none() -> None:
    assert CODEC.decode_count_tokens(b'{"totalTokens":8}') == 8
    assert CODEC.decode_count_tokens(b"{}") == 0
    for body in (b'{"totalTokens":"8"}', b'{"totalTokens":-1}', b"[]"):
        with pytest.raises(errors.ProviderBadResponse):
            CODEC.decode_count_tokens(body)
