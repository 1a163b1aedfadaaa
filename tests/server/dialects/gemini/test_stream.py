"""Chunks as Google sends them, cut anywhere: texts that go on, calls in pieces, usage at the end, errors in between."""

from __future__ import annotations

import contextlib
import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2, stream_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded, Delta, DeltaKey, Frame
from llmgateway_server.dialects.gemini.codec import GeminiCodec
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.sse import SseSplitter

CODEC = GeminiCodec("google", Quirks())
REQUEST = generation_pb2.GenerateRequest()
Response = generation_pb2.GenerateResponse


def chunk(*parts: dict[str, Any], index: int = 0, finish: str | None = None, **more: Any) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": "gemini-3.5-flash", "responseId": "r1", **more}


def usage(prompt: int, written: int) -> dict[str, Any]:
    return {"promptTokenCount": prompt, "candidatesTokenCount": written, "totalTokenCount": prompt + written}


STOP = chunk({"text": ""}, finish="STOP")


def events_of(*chunks: Any) -> Decoded:
    decoder = CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for raw in chunks:
        decoded += decoder.decode(Frame("", raw if isinstance(raw, bytes) else json.dumps(raw).encode()))
    return decoded + decoder.finish()


def decode(*chunks: Any) -> Response:
    return fold(join_deltas(events_of(*chunks)))


def bytes_of(chunks: list[dict[str, Any]], line_end: str) -> bytes:
    return "".join(f"data: {json.dumps(raw, ensure_ascii=False)}{line_end * 2}" for raw in chunks).encode()


def decode_cut(pieces: list[bytes]) -> Response:
    splitter, decoder = SseSplitter(1 << 20), CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for piece in pieces:
        for frame in splitter.feed(piece):
            decoded += decoder.decode(frame)
    for frame in splitter.close():
        decoded += decoder.decode(frame)
    return fold(join_deltas(decoded + decoder.finish()))


# After https://ai.google.dev/gemini-api/docs/thinking and /function-calling, "Streaming".
GOLDEN = [
    chunk({"text": "Hm, ", "thought": True}, usageMetadata=usage(5, 1)),
    chunk({"text": "a “city”.", "thought": True}, usageMetadata=usage(5, 2)),
    chunk({"text": "Ich sehe "}, usageMetadata=usage(5, 3)),
    chunk({"text": "nach"}, usageMetadata=usage(5, 4)),
    chunk({"text": "\n\n— 🙂"}, usageMetadata=usage(5, 5)),
    chunk({"functionCall": {"name": "weather", "args": {"city": "Köln"}}, "thoughtSignature": "S1"}),
    chunk({"functionCall": {"name": "time", "args": {}, "id": "own"}}),
    chunk({"text": "", "thoughtSignature": "S2"}, finish="STOP", usageMetadata=usage(5, 9)),
]


def check_golden(response: Response) -> None:
    (candidate,) = response.candidates
    thought, said, weather, time, last = candidate.message.parts
    assert thought.reasoning.text == "Hm, a “city”."
    assert said.text == "Ich sehe nach\n\n— 🙂"
    assert (weather.tool_call.id, weather.tool_call.arguments_json) == ("call_r1_0_0", '{"city":"Köln"}')
    assert weather.signature.value == "S1"
    assert (time.tool_call.id, time.tool_call.arguments_json) == ("own", "{}")
    assert (last.text, last.signature.value) == ("", "S2")
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_TOOL_CALLS
    assert (response.usage.input_token_count, response.usage.output_token_count) == (5, 9)
    assert response.call.model == "gemini-3.5-flash"


@pytest.mark.parametrize("line_end", ["\r\n", "\n"], ids=["CRLF", "LF"])
def test_a_stream_says_the_same_wherever_it_is_cut(line_end: str) -> None:
    body = bytes_of(GOLDEN, line_end)
    whole = decode_cut([body])
    check_golden(whole)
    for cut in range(len(body)):
        assert decode_cut([body[:cut], body[cut:]]) == whole
    assert decode_cut([body[at : at + 1] for at in range(len(body))]) == whole


def test_events_obey_the_grammar() -> None:
    names = []
    for event in events_of(*GOLDEN):
        if isinstance(event, stream_pb2.GenerationEvent):
            names.append(event.WhichOneof("event"))
        elif names[-1] != "delta":
            names.append("delta")
    opened = ["part_started", "delta"]
    whole = ["part_started", "part_finished"]
    expected = ["started", *opened, *opened, *whole, *whole, "part_started", *["part_finished"] * 3]
    assert names == [*expected, "candidate_finished", "finished"]


def test_a_text_that_goes_on_is_a_bare_delta() -> None:
    decoder = CODEC.stream_decoder(REQUEST)
    decoder.decode(Frame("", json.dumps(GOLDEN[2]).encode()))
    assert decoder.decode(Frame("", json.dumps(GOLDEN[3]).encode())) == [Delta(DeltaKey(0, 0, "text"), "nach")]


def test_a_signature_ends_the_part_that_it_stands_in() -> None:
    response = decode(
        chunk({"text": "a"}),
        chunk({"text": "b", "thoughtSignature": "S"}),
        chunk({"text": "c"}),
        chunk({"text": "d"}),
        STOP,
    )
    first, second = response.candidates[0].message.parts
    assert (first.text, first.signature.value) == ("ab", "S")
    assert (second.text, second.HasField("signature")) == ("cd", False)


def test_a_text_after_another_kind_is_a_part_of_its_own() -> None:
    response = decode(
        chunk({"text": "a"}),
        chunk({"text": "Hm.", "thought": True}),
        chunk({"text": "b"}),
        chunk(
            {"executableCode": {"language": "PYTHON", "code": "1"}}, {"codeExecutionResult": {"outcome": "OUTCOME_OK"}}
        ),
        chunk({"text": "c"}),
        STOP,
    )
    parts = response.candidates[0].message.parts
    assert [part.WhichOneof("content") for part in parts] == [
        "text",
        "reasoning",
        "text",
        "tool_call",
        "tool_result",
        "text",
    ]
    assert [part.text for part in parts] == ["a", "", "b", "", "", "c"]
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_STOP


def test_candidates_do_not_mix() -> None:
    response = decode(
        chunk({"text": "a"}),
        chunk({"text": "x"}, index=1),
        chunk({"text": "b"}),
        chunk({"text": "y"}, index=1, finish="MAX_TOKENS"),
        STOP,
    )
    assert [candidate.message.parts[0].text for candidate in response.candidates] == ["ab", "xy"]
    assert response.candidates[1].finish_reason == generation_pb2.FINISH_REASON_LENGTH


def test_usage_after_the_finish_counts_and_the_last_wins() -> None:
    late = {"usageMetadata": {"candidatesTokenCount": 7, "thoughtsTokenCount": 3, "trafficType": "ON_DEMAND"}}
    response = decode(
        chunk({"text": "a"}, usageMetadata=usage(5, 1)), chunk({"text": "b"}, usageMetadata=usage(5, 2)), STOP, late
    )
    assert (response.usage.input_token_count, response.usage.output_token_count) == (5, 10)
    assert response.call.service_tier == "ON_DEMAND"


def test_a_count_without_tokens_takes_none_away() -> None:
    # Vertex AI's chunks but the last say no more than that.
    thin = {"usageMetadata": {"trafficType": "ON_DEMAND"}}
    response = decode(chunk({"text": "a"}, **thin), chunk({"text": "b"}, usageMetadata=usage(5, 2)), {**STOP, **thin})
    assert (response.usage.input_token_count, response.usage.output_token_count) == (5, 2)


def test_metadata_of_several_chunks_is_joined() -> None:
    first, second = chunk({"text": "Paris."}), chunk({"text": ""}, finish="STOP")
    first["candidates"][0]["groundingMetadata"] = {"webSearchQueries": ["q"]}
    second["candidates"][0]["groundingMetadata"] = {
        "groundingChunks": [{"web": {"uri": "https://x.example"}}],
        "groundingSupports": [{"segment": {"endIndex": 6, "text": "Paris."}, "groundingChunkIndices": [0]}],
    }
    (candidate,) = decode(first, second).candidates
    (found,) = candidate.message.parts[0].annotations
    assert (found.uri, found.start_index, found.end_index) == ("https://x.example", 0, 6)
    assert json.loads(candidate.provider_json)["groundingMetadata"].keys() == {
        "webSearchQueries", "groundingChunks", "groundingSupports",
    }  # fmt: skip


def test_offsets_count_through_all_chunks_of_a_text() -> None:
    last = chunk({"text": "."}, finish="STOP")
    last["candidates"][0]["groundingMetadata"] = {
        "groundingChunks": [{"web": {"uri": "https://x.example"}}],
        "groundingSupports": [{"segment": {"endIndex": 8, "text": "Köln am"}, "groundingChunkIndices": [0]}],
    }
    part = (
        decode(chunk({"text": "Kö"}), chunk({"text": "ln "}), chunk({"text": "am Rhein"}), last)
        .candidates[0]
        .message.parts[0]
    )
    assert part.text == "Köln am Rhein."
    assert (part.annotations[0].start_index, part.annotations[0].end_index) == (0, 7)


def test_log_probabilities_follow_the_latest_text() -> None:
    last = chunk({"text": "b"}, finish="STOP")
    last["candidates"][0]["logprobsResult"] = {"chosenCandidates": [{"token": "b", "logProbability": -1}]}
    first, second = decode(chunk({"text": "a", "thoughtSignature": "S"}), last).candidates[0].message.parts
    assert ([token.token for token in first.logprobs], [token.token for token in second.logprobs]) == ([], ["b"])


def test_a_call_in_pieces_ends_where_something_else_begins() -> None:
    begun = chunk({"functionCall": {"name": "f", "willContinue": True}})
    parts = decode(begun, chunk({"text": "a"}), STOP).candidates[0].message.parts
    assert [part.WhichOneof("content") for part in parts] == ["tool_call", "text"]


def test_log_probabilities_follow_their_text() -> None:
    first, second = chunk({"text": "a"}), chunk({"text": "b"}, finish="STOP")
    for raw, token in ((first, "a"), (second, "b")):
        raw["candidates"][0]["logprobsResult"] = {"chosenCandidates": [{"token": token, "logProbability": -1}]}
    part = decode(first, second).candidates[0].message.parts[0]
    assert (part.text, [token.token for token in part.logprobs]) == ("ab", ["a", "b"])


def test_arguments_in_pieces_are_one_call() -> None:
    def piece(**inner: Any) -> dict[str, Any]:
        return chunk({"functionCall": inner})

    city = {"jsonPath": "$.city", "stringValue": "Os", "willContinue": True}
    rest = {"jsonPath": "$.city", "stringValue": "lo"}
    response = decode(
        chunk({"functionCall": {"name": "weather", "willContinue": True}, "thoughtSignature": "S"}),
        piece(partialArgs=[city], willContinue=True),
        piece(partialArgs=[rest], willContinue=True),
        piece(),
        piece(name="time", willContinue=True),
        piece(name="date", args={"d": 1}),  # the end of the call before was not told
        chunk({"functionCall": {"name": "last", "willContinue": True}}, finish="STOP"),
    )
    calls = [(part.tool_call.name, part.tool_call.arguments_json) for part in response.candidates[0].message.parts]
    assert calls == [("weather", '{"city":"Oslo"}'), ("time", "{}"), ("date", '{"d":1}'), ("last", "{}")]
    assert response.candidates[0].message.parts[0].signature.value == "S"


@pytest.mark.parametrize(
    "chunks",
    [
        [{"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage(5, 0)}],
        [chunk({"text": "a"}), {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": usage(5, 0)}],
    ],
    ids=["at once", "in the middle"],
)
def test_a_blocked_prompt_is_an_answer(chunks: list[dict[str, Any]]) -> None:
    response = decode(*chunks)
    (candidate,) = response.candidates
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_CONTENT_FILTERED
    assert candidate.provider_finish_reason == "SAFETY"
    assert json.loads(response.call.provider_json) == {"promptFeedback": {"blockReason": "SAFETY"}}
    assert response.usage.input_token_count == 5


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [chunk({"text": "a"})],
        [chunk({"text": "a"}), {"usageMetadata": usage(1, 1)}],
        [{"usageMetadata": usage(1, 1)}],
        [chunk({"text": "a"}), chunk({"text": "x"}, index=1), STOP],
    ],
)
def test_a_stream_that_was_cut_or_holds_no_answer_is_no_success(chunks: list[dict[str, Any]]) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        decode(*chunks)


@pytest.mark.parametrize(
    ("raw", "leaf"),
    [
        (
            {"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}},
            errors.ProviderOverloaded,
        ),
        ({"error": {"code": 429, "message": "x", "status": "RESOURCE_EXHAUSTED"}}, errors.ProviderRateLimited),
        ([{"error": {"message": "x", "status": "RESOURCE_EXHAUSTED"}}], errors.ProviderRateLimited),
        ({"error": {"code": 400, "message": "bad", "status": "INVALID_ARGUMENT"}}, errors.ProviderRejectedRequest),
        ({"error": {"code": 500, "message": "boom", "status": "INTERNAL"}}, errors.ProviderBadResponse),
        ({"error": "boom"}, errors.ProviderBadResponse),
        ([], errors.ProviderBadResponse),
        (b"{not json", errors.ProviderBadResponse),
        (b"7", errors.ProviderBadResponse),
    ],
)
def test_an_error_in_the_middle_is_a_leaf(raw: Any, leaf: type[errors.CallError]) -> None:
    with pytest.raises(errors.CallError) as caught:
        decode(chunk({"text": "a"}), raw, STOP)
    assert type(caught.value) is leaf


def test_an_empty_frame_says_nothing() -> None:
    assert decode(b"", chunk({"text": "a"}), b"  ", STOP).candidates[0].message.parts[0].text == "a"


MEMBERS = [
    "candidates", "content", "parts", "text", "thought", "thoughtSignature", "index", "finishReason", "functionCall",
    "name", "args", "id", "willContinue", "partialArgs", "jsonPath", "stringValue", "numberValue", "inlineData", "data",
    "mimeType", "fileData", "executableCode", "codeExecutionResult", "outcome", "output", "usageMetadata",
    "promptTokenCount", "promptTokensDetails", "modality", "tokenCount", "groundingMetadata", "groundingChunks",
    "groundingSupports", "groundingChunkIndices", "segment", "startIndex", "endIndex", "web", "uri", "citationMetadata",
    "citations", "logprobsResult", "chosenCandidates", "topCandidates", "promptFeedback", "blockReason", "responseId",
    "error", "details", "retryDelay", "embeddings", "values", "predictions", "statistics", "token_count", "models",
]  # fmt: skip
TEXTS = st.text(max_size=4) | st.sampled_from(["$.a", "$.a[0]", "$.a[1].b", "audio/l16", "AUDIO", "1s", "STOP"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(MEMBERS), inner, max_size=5),
    max_leaves=20,
)


def members(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from(names), JSON, max_size=3)


PARTS = st.lists(
    members("text", "thought", "thoughtSignature", "partMetadata")
    | members("inlineData", "fileData", "executableCode", "codeExecutionResult", "thought")
    | st.fixed_dictionaries({"functionCall": members("name", "args", "id", "willContinue", "partialArgs")}),
    max_size=4,
)
CANDIDATES = st.fixed_dictionaries(
    {"content": st.fixed_dictionaries({"parts": PARTS})},
    optional={
        "index": st.integers(0, 2),
        "finishReason": JSON,
        "groundingMetadata": JSON,
        "citationMetadata": JSON,
        "logprobsResult": JSON,
    },
)
CHUNKS = st.fixed_dictionaries(
    {"candidates": st.lists(CANDIDATES, max_size=3)}, optional={"usageMetadata": JSON, "promptFeedback": JSON}
)


@given(st.lists(JSON | CHUNKS, max_size=4))
def test_whatever_google_sends_raises_nothing_but_a_leaf(values: list[Any]) -> None:
    frames = [json.dumps(value).encode() for value in values]
    with contextlib.suppress(errors.CallError):
        decode(*frames)
    for frame in frames:
        asked = embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="x")])
        for read in (
            lambda: CODEC.decode_generate(REQUEST, frame),  # noqa: B023  # called before the next turn
            lambda: CODEC.decode_embed(asked, frame),  # noqa: B023  # called before the next turn
            lambda: CODEC.decode_list_models(frame),  # noqa: B023  # called before the next turn
            lambda: CODEC.decode_count_tokens(frame),  # noqa: B023  # called before the next turn
        ):
            with contextlib.suppress(errors.CallError):
                read()
        assert isinstance(CODEC.decode_error(418, {}, frame), errors.CallError)


@given(CHUNKS)
def test_a_whole_answer_equals_its_stream_of_one_chunk(raw: dict[str, Any]) -> None:
    body = json.dumps(raw).encode()
    try:
        streamed = decode(body)
    except errors.CallError:
        return  # a stream says less of what it lacks: an answer without a reason to end is whole, a stream is cut
    assert CODEC.decode_generate(REQUEST, body) == streamed


PIECES = st.lists(
    st.fixed_dictionaries(
        {"text": st.text(max_size=3)},
        optional={
            "thought": st.booleans(),
            "thoughtSignature": st.sampled_from(["S", "T"]),
            "partMetadata": st.just({"a": 1}),
        },
    )
    | st.fixed_dictionaries({"functionCall": st.fixed_dictionaries({"name": st.just("f"), "args": members("a", "b")})})
    | st.just({"inlineData": {"mimeType": "audio/L16", "data": "AAAA"}})
    | st.just({"executableCode": {"language": "PYTHON", "code": "1"}})
    | st.just({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}),
    max_size=8,
)


@given(PIECES, st.lists(st.integers(0, 8), max_size=3))
def test_a_stream_says_the_same_however_its_parts_are_spread_over_chunks(
    pieces: list[dict[str, Any]], cuts: list[int]
) -> None:
    borders = [0, *sorted(cuts), len(pieces)]
    spread = [chunk(*pieces[start:end]) for start, end in pairwise(borders)]
    whole = json.dumps(chunk(*pieces, finish="STOP")).encode()
    assert decode(*spread, chunk(finish="STOP")) == CODEC.decode_generate(REQUEST, whole)


@given(st.binary(max_size=40))
def test_whatever_bytes_come_raise_nothing_but_a_leaf(data: bytes) -> None:
    with contextlib.suppress(errors.CallError):
        decode(chunk({"text": "a"}), data, STOP)
    with contextlib.suppress(errors.CallError):
        CODEC.decode_generate(REQUEST, data)
    assert isinstance(CODEC.decode_error(500, {}, data), errors.CallError)
