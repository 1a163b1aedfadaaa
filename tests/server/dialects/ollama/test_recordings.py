"""What Ollama servers really sent, decoded: nothing raises, no word, argument or count is lost."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.codec import Decoded
from llmgateway_server.dialects.ollama.codec import OllamaCodec
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.upstream.join import join_deltas
from llmgateway_server.upstream.ndjson import LineSplitter

from tests.specs import FOLDER, Exchange, exchanges, needs_specs

CODEC = OllamaCodec("recorded", Quirks())
REQUEST = generation_pb2.GenerateRequest()
LIMIT_BYTES = 1 << 24


def fixtures() -> list[Exchange]:
    """Return the fixtures, whose bodies lie in the file or beside it."""
    found = []
    for path in sorted(FOLDER.glob("fixtures/ollama/*.json")):
        about = json.loads(path.read_text())
        sent, answer = about["request"], about["response"]
        beside = path.with_suffix(".ndjson")
        body = beside.read_bytes() if beside.exists() else json.dumps(answer.get("body")).encode()
        headers = {name.lower(): str(value) for name, value in answer["headers"].items()}
        found.append(Exchange(path.stem, "ollama", sent["path"], answer["status"], headers, sent["body"], body))
    return found


ALL = [one for one in exchanges() if one.provider == "ollama" and one.path.startswith("/api")]
ALL += [one for one in fixtures() if one.path.startswith("/api") or one.status >= 400]
GOOD = [one for one in ALL if one.status == 200]
FAILED = [one for one in ALL if one.status != 200]

pytestmark = needs_specs


def read(exchange: Exchange) -> tuple[str, str, list[tuple[str, Any]], dict[str, Any]]:
    """Read an answer as simply as can be: text, thoughts, calls, and the last line."""
    said, thought, calls = "", "", []
    last: dict[str, Any] = {}
    for row in exchange.body.decode().splitlines():
        last = json.loads(row)
        message = last.get("message") or last
        said += message.get("content") or last.get("response") or ""
        thought += message.get("thinking") or ""
        calls += [(one["function"]["name"], one["function"]["arguments"]) for one in message.get("tool_calls") or ()]
    return said, thought, calls, last


def decode(exchange: Exchange) -> generation_pb2.GenerateResponse:
    if "ndjson" not in exchange.headers["content-type"]:
        return CODEC.decode_generate(REQUEST, exchange.body)
    splitter, decoder = LineSplitter(LIMIT_BYTES), CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for frame in splitter.feed(exchange.body) + splitter.close():
        decoded += decoder.decode(frame)
    assert decoder.ended
    return fold(join_deltas(decoded + decoder.finish()))


def test_there_are_recordings() -> None:
    assert len(GOOD) >= 14
    assert len(FAILED) >= 2


@pytest.mark.parametrize("exchange", GOOD, ids=lambda exchange: exchange.name)
def test_a_recorded_answer_loses_nothing(exchange: Exchange) -> None:
    said, thought, calls, last = read(exchange)
    response = decode(exchange)
    parts = response.candidates[0].message.parts
    assert "".join(part.text for part in parts) == said
    assert "".join(part.reasoning.text for part in parts) == thought
    made = [part.tool_call for part in parts if part.HasField("tool_call")]
    assert [(one.name, json.loads(one.arguments_json)) for one in made] == calls
    assert response.usage.input_token_count == last.get("prompt_eval_count", 0)
    assert response.usage.output_token_count == last["eval_count"]
    assert response.candidates[0].provider_finish_reason == last.get("done_reason", "")
    assert json.loads(response.usage.provider_json)["total_duration"] == last["total_duration"]
    assert response.call.model == last["model"]


@pytest.mark.parametrize("exchange", FAILED, ids=lambda exchange: exchange.name)
def test_a_recorded_error_is_a_leaf_with_its_status(exchange: Exchange) -> None:
    error = CODEC.decode_error(exchange.status, exchange.headers, exchange.body)
    assert type(error) is {401: errors.ProviderKeyRejected, 400: errors.ContextTooLong}[exchange.status]
    assert error.http_status == exchange.status
