"""What Anthropic really sent, decoded: nothing raises, no word is lost, and all of it can be sent back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server import errors

from tests.server.dialects.anthropic.reading import CODEC, REQUEST, fold_chunks, fold_events, split
from tests.specs import FOLDER, Exchange, closed_validator, exchanges, needs_specs

pytestmark = needs_specs

FIXTURES = FOLDER / "fixtures" / "anthropic"
ALL = [exchange for exchange in exchanges() if exchange.provider == "anthropic"]
MESSAGES = [exchange for exchange in ALL if exchange.path.partition("?")[0] == "/v1/messages"]
STREAMS = [exchange for exchange in MESSAGES if exchange.is_stream]
WHOLE = [exchange for exchange in MESSAGES if not exchange.is_stream and exchange.status == 200]
FAILED = [exchange for exchange in MESSAGES if exchange.status >= 400]
COUNTS = [exchange for exchange in ALL if exchange.path.endswith("/count_tokens")]
LISTS = [exchange for exchange in ALL if exchange.path.partition("?")[0] == "/v1/models"]

Json = dict[str, Any]


def named(exchange: Exchange) -> str:
    return exchange.name


def data_lines(body: bytes) -> Iterator[Json]:
    """Yield the events of a recorded stream as simply as can be."""
    for line in body.decode().replace("\r\n", "\n").split("\n"):
        if line.startswith("data:"):
            yield json.loads(line[5:])


def read_stream(events: Iterator[Json]) -> Json:
    """Add a stream's events up to its message: another reading than the decoder's."""
    message: Json = {}
    inputs: dict[int, str] = {}
    for event in events:
        kind, place = event["type"], event.get("index", 0)
        if kind == "message_start":
            message = event["message"]
        elif kind == "content_block_start":
            message["content"].append(event["content_block"])
        elif kind == "content_block_delta":
            delta, block = event["delta"], message["content"][place]
            if delta["type"] == "input_json_delta":
                inputs[place] = inputs.get(place, "") + delta["partial_json"]
            elif delta["type"] == "citations_delta":
                block.setdefault("citations", []).append(delta["citation"])
            else:
                member = delta["type"].removesuffix("_delta")
                block[member] = block.get(member, "") + delta[member]
        elif kind == "message_delta":
            message.update(event["delta"])
            message["usage"].update(event["usage"])
    for place, text in inputs.items():
        message["content"][place]["input"] = json.loads(text or "{}")
    return message


def check_words(response: generation_pb2.GenerateResponse, message: Json) -> None:
    """Compare texts, thoughts, arguments, the end and the usage with the message."""
    candidate, blocks = response.candidates[0], message["content"]
    parts = candidate.message.parts
    of_kind = {kind: [block for block in blocks if block["type"] == kind] for kind in ("text", "thinking")}
    assert [part.text for part in parts if part.HasField("text")] == [block["text"] for block in of_kind["text"]]
    assert [part.reasoning.text for part in parts if part.HasField("reasoning")] == [
        block["thinking"] for block in of_kind["thinking"]
    ]
    calls = [block for block in blocks if block["type"].endswith("tool_use")]
    made = [part.tool_call for part in parts if part.HasField("tool_call")]
    assert [(call.id, call.name, json.loads(call.arguments_json)) for call in made] == [
        (block["id"], block["name"], block["input"]) for block in calls
    ]
    assert candidate.provider_finish_reason == (message["stop_reason"] or "")
    assert candidate.stop_sequence == (message.get("stop_sequence") or "")
    usage = message["usage"]
    cached, written = usage.get("cache_read_input_tokens") or 0, usage.get("cache_creation_input_tokens") or 0
    told = response.usage
    assert told.output_token_count == usage["output_tokens"]
    assert told.input_token_count == usage["input_tokens"] + cached + written
    assert (told.cached_input_token_count, told.cache_write_input_token_count) == (cached, written)
    assert told.reasoning_token_count == (usage.get("output_tokens_details") or {}).get("thinking_tokens", 0)
    assert json.loads(told.provider_json) == usage
    assert (response.call.model, response.call.provider_response_id) == (message["model"], message["id"])


def sendable(block: Json) -> Json:
    """Return a block as a request takes it: citations without the id of a file."""
    sent = {member: value for member, value in block.items() if value is not None and member != "citations"}
    if block.get("citations"):
        sent["citations"] = [
            {member: value for member, value in citation.items() if member != "file_id"}
            for citation in block["citations"]
        ]
    return sent


def check_way_back(response: generation_pb2.GenerateResponse, message: Json) -> None:
    """Send the answer back, as a caller who goes on does: the same blocks arrive, in their order."""
    blocks = [sendable(block) for block in message["content"] if block.get("text", "x").strip()]
    if not blocks:
        return
    request = generation_pb2.GenerateRequest()
    hi = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")])
    answer = response.candidates[0].message
    results = message_pb2.ChatMessage(role=message_pb2.ROLE_TOOL)
    for block in blocks:
        if block["type"] == "tool_use":
            results.parts.add().tool_result.tool_call_id = block["id"]
    request.messages.extend([hi, answer, results, hi] if results.parts else [hi, answer, hi])
    body = json.loads(CODEC.encode_generate(request, "m", stream=False).body)
    content = body["messages"][1]["content"]
    assert ([{"type": "text", "text": content}] if isinstance(content, str) else content) == blocks
    check = closed_validator("anthropic-beta", "POST /v1/messages?beta=true", "request")
    assert check(body) == []


@pytest.mark.parametrize("exchange", STREAMS, ids=named)
def test_a_recorded_stream_loses_nothing(exchange: Exchange) -> None:
    response, message = fold_chunks(exchange.body), read_stream(data_lines(exchange.body))
    check_words(response, message)
    check_way_back(response, message)


@pytest.mark.parametrize("exchange", STREAMS, ids=named)
def test_a_recorded_stream_splits_the_same_wherever_it_is_cut(exchange: Exchange) -> None:
    body = exchange.body[:20_000]  # two halves for every cut: more would be quadratic
    frames = split(body)
    for cut in range(0, len(body), max(1, len(body) // 400)):
        assert split(body[:cut], body[cut:]) == frames
    assert split(*[body[at : at + 1] for at in range(len(body))]) == frames


@pytest.mark.parametrize("exchange", WHOLE, ids=named)
def test_a_recorded_answer_loses_nothing(exchange: Exchange) -> None:
    response, message = CODEC.decode_generate(REQUEST, exchange.body), json.loads(exchange.body)
    check_words(response, message)
    check_way_back(response, message)


@pytest.mark.parametrize("exchange", FAILED, ids=named)
def test_a_recorded_error_is_a_leaf_with_its_status(exchange: Exchange) -> None:
    check_error(exchange.status, exchange.headers, exchange.body)


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("error_*.json")))
def test_an_error_of_the_fixtures_is_a_leaf_with_its_status(name: str) -> None:
    answer = json.loads((FIXTURES / name).read_text())["response"]
    headers = {header.lower(): str(value) for header, value in answer["headers"].items()}
    check_error(answer["status"], headers, json.dumps(answer["body"]).encode())


def check_error(status: int, headers: dict[str, str], body: bytes) -> None:
    error = CODEC.decode_error(status, headers, body)
    said = json.loads(body)["error"]["message"]
    leaves = {
        401: errors.ProviderKeyRejected,
        404: errors.ModelNotFound,
        429: errors.ProviderRateLimited,
        529: errors.ProviderOverloaded,
    }
    rejected = errors.ContextTooLong if "too long" in said else errors.ProviderRejectedRequest
    assert type(error) is leaves.get(status, rejected)
    assert (error.http_status, error.provider_message) == (status, said)
    assert error.retry_after_s == (float(headers["retry-after"]) if "retry-after" in headers else None)


def test_an_error_recorded_in_the_middle_of_a_stream_is_its_leaf() -> None:
    with pytest.raises(errors.ProviderOverloaded):
        fold_chunks((FIXTURES / "messages_stream_midstream_overloaded.sse").read_bytes())


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.glob("*.jsonl")))
def test_the_odd_streams_of_another_gateway_are_read(name: str) -> None:
    events = [json.loads(line) for line in (FIXTURES / name).read_text().splitlines() if line.strip()]
    if "spliced" in name:  # two answers in one: neither is whole
        with pytest.raises(errors.ProviderBadResponse):
            fold_events(*events)
        return
    response = fold_events(*events)
    expected = read_stream(iter(events))
    assert response.candidates[0].provider_finish_reason == expected["stop_reason"]
    assert response.usage.output_token_count == expected["usage"]["output_tokens"]
    said = [block["text"] for block in expected["content"] if block["type"] == "text"]
    assert [part.text for part in response.candidates[0].message.parts if part.HasField("text")] == said
    check_way_back(response, expected)


@pytest.mark.parametrize("exchange", COUNTS, ids=named)
def test_a_recorded_count_is_read(exchange: Exchange) -> None:
    assert CODEC.decode_count_tokens(exchange.body) == json.loads(exchange.body)["input_tokens"]


@pytest.mark.parametrize("exchange", LISTS, ids=named)
def test_recorded_models_are_listed(exchange: Exchange) -> None:
    models = CODEC.decode_list_models(exchange.body)
    rows = json.loads(exchange.body)["data"]
    assert [model.id for model in models] == [row["id"] for row in rows]
    assert [model.HasField("create_time") for model in models] == [row["created_at"][:4] != "1970" for row in rows]
