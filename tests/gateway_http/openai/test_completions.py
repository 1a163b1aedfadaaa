"""Legacy completions: log probabilities in their own shape, whole and streamed, and back to the contract."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2
from llmgateway_http.openai.completions import CompletionChunks, to_completion
from llmgateway_server.dialects.codec import Frame
from llmgateway_server.dialects.openai.codec import OpenAICodec
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas

CODEC = OpenAICodec("p", Quirks())
REQUEST = generation_pb2.GenerateRequest(raw_prompt=generation_pb2.RawPrompt(text="Once"), top_logprob_count=2)
TOKENS = [" upon", " a", " time"]
LOGPROBS: dict[str, Any] = {
    "tokens": TOKENS,
    "token_logprobs": [-0.25, -0.5, -0.125],
    "top_logprobs": [{" upon": -0.25, " the": -2.0}, {" a": -0.5}, {" time": -0.125}],
    "text_offset": [0, 5, 7],
}


def answer(choice: dict[str, Any]) -> bytes:
    return json.dumps({"id": "cmpl-1", "object": "text_completion", "choices": [choice]}).encode()


def piece(number: int) -> dict[str, Any]:
    """Return what the lists hold at one place."""
    return {name: values[number : number + 1] for name, values in LOGPROBS.items()}


def test_a_whole_answer_keeps_its_log_probabilities() -> None:
    choice = {"index": 0, "text": "".join(TOKENS), "logprobs": LOGPROBS, "finish_reason": "stop"}
    response = CODEC.decode_generate(REQUEST, answer(choice))
    assert to_completion(response, "m")["choices"] == [choice]


def test_a_stream_keeps_them_piece_by_piece() -> None:
    decoder = CODEC.stream_decoder(REQUEST)
    decoded = []
    for number, token in enumerate(TOKENS):
        decoded += decoder.decode(Frame("", answer({"index": 0, "text": token, "logprobs": piece(number)})))
    decoded += decoder.decode(Frame("", b"[DONE]"))
    events = join_deltas(decoded + decoder.finish())
    choices = [chunk["choices"][0] for chunk in CompletionChunks("m", with_usage=False).chunks(events)]
    assert [choice["text"] for choice in choices] == [*TOKENS, ""]
    assert [choice["logprobs"] for choice in choices] == [*map(piece, range(3)), None]
    assert to_completion(fold(events), "m")["choices"][0]["logprobs"] == LOGPROBS


@pytest.mark.parametrize(
    "shape",
    [
        {"tokens": None},
        {"tokens": ["a"], "token_logprobs": None, "top_logprobs": [None]},
        {"tokens": ["a", 5], "token_logprobs": ["x"], "top_logprobs": {"a": 1}},
        {"tokens": [], "token_logprobs": [-1.0]},
    ],
)
def test_nonsense_spoils_no_text(shape: dict[str, Any]) -> None:
    response = CODEC.decode_generate(REQUEST, answer({"index": 0, "text": "a", "logprobs": shape}))
    assert to_completion(response, "m")["choices"][0]["text"] == "a"
