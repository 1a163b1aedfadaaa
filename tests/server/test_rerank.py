"""Reranking from end to end: the mock, Cohere's wire format, and those who have no such thing."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator

import pytest
from llmgateway import Client, GatewayError
from llmgateway.v1 import error_reason_pb2, rerank_pb2, usage_pb2
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import LimitSettings, ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter
from llmgateway_server.validation.requests import validate_rerank
from pydantic import SecretStr

from tests.fakes.canned import CannedProvider, json_answer
from tests.specs import Exchange, closed_validator, exchanges, needs_specs

LISTEN = "127.0.0.1:0"
DOCUMENTS = ["The sea is blue.", "Oslo is the capital of Norway.", "Norway has many fjords."]
QUERY = "What is the capital of Norway?"


@pytest.fixture
async def provider() -> AsyncIterator[CannedProvider]:
    async with CannedProvider() as made:
        yield made


@pytest.fixture
async def client(provider: CannedProvider) -> AsyncIterator[Client]:
    settings = Settings(
        server=ServerSettings(grpc_listen=LISTEN, http_listen=LISTEN, metrics_listen=LISTEN, admin_listen=LISTEN),
        providers={
            "mock": ProviderSettings(),
            "cohere": ProviderSettings(base_url=provider.base_url, api_keys=(SecretStr("k"),)),
            "openai": ProviderSettings(base_url=provider.base_url, api_keys=(SecretStr("k"),)),
        },
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    await gateway.start()
    async with Client(gateway.listening.grpc) as made:
        yield made
    await gateway.close()
    writer.close()


async def test_the_mock_sorts_by_the_words_of_the_query(client: Client) -> None:
    answer = await client.rerank(QUERY, DOCUMENTS, model="mock/rerank")
    assert [result.index for result in answer.results] == [1, 0, 2]
    assert answer.results[0].score > answer.results[1].score >= answer.results[2].score
    assert answer.usage.input_token_count > 0
    assert answer.call.provider == "mock"
    assert [
        result.index for result in (await client.rerank(QUERY, DOCUMENTS, model="mock/rerank", result_count=1)).results
    ] == [1]


ANSWER = {
    "id": "r-1",
    "results": [{"index": 1, "relevance_score": 0.9}, {"index": 2, "relevance_score": 0.25}],
    "meta": {"api_version": {"version": "2"}, "billed_units": {"search_units": 1}},
}


async def test_cohere_is_asked_in_its_own_words(client: Client, provider: CannedProvider) -> None:
    provider.script(json_answer(ANSWER))
    answer = await client.rerank(QUERY, DOCUMENTS, model="cohere/rerank-v3.5", result_count=2)
    assert [(result.index, result.score) for result in answer.results] == [(1, 0.9), (2, 0.25)]
    assert (answer.usage.search_unit_count, answer.usage.source) == (1, usage_pb2.Usage.SOURCE_PROVIDER)
    (asked,) = provider.asked
    assert (asked.method, asked.path) == ("POST", "/v2/rerank")
    assert asked.body == {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS, "top_n": 2}


@pytest.mark.parametrize(
    "answer",
    [{}, {"results": None}, {"results": [{"index": 3}]}, {"results": [{"index": "1"}]}, {"results": ["x"]}, []],
)
async def test_an_answer_that_makes_no_sense_is_a_bad_one(
    client: Client, provider: CannedProvider, answer: object
) -> None:
    provider.script(json_answer(answer))
    with pytest.raises(GatewayError) as caught:
        await client.rerank(QUERY, DOCUMENTS, model="cohere/rerank-v3.5")
    assert caught.value.reason == error_reason_pb2.ERROR_REASON_PROVIDER_BAD_RESPONSE


async def test_a_provider_without_it_says_so_and_is_not_asked(client: Client, provider: CannedProvider) -> None:
    with pytest.raises(GatewayError, match="rerank") as caught:
        await client.rerank(QUERY, DOCUMENTS, model="openai/gpt-4o")
    assert caught.value.reason == error_reason_pb2.ERROR_REASON_CAPABILITY_MISSING
    assert provider.asked == []


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"model": ""}, "model"),
        ({"query": ""}, "query"),
        ({"documents": []}, "documents"),
        ({"documents": ["x"] * 1_001}, "documents"),
        ({"documents": ["x", ""]}, "documents[1]"),
        ({"result_count": 0}, "result_count"),
        ({"max_document_token_count": -1}, "max_document_token_count"),
        ({"idempotency_key": "k"}, "idempotency_key"),
        ({"provider_options_json": {"cohere": "[]"}}, 'provider_options_json["cohere"]'),
        ({"labels": {"": "x"}}, "labels"),
    ],
)
def test_a_wrong_field_is_named(members: dict[str, object], field: str) -> None:
    good = {"model": "m", "query": "q", "documents": ["d"]}
    request = rerank_pb2.RerankRequest(**{**good, **members})  # type: ignore[arg-type]  # rows vary by field
    assert [violation.field for violation in validate_rerank(request, LimitSettings())] == [field]


@needs_specs
async def test_recorded_rerankings_come_back(client: Client, provider: CannedProvider) -> None:
    recorded = [one for one in exchanges() if one.path.startswith("/v2/rerank") and one.status == 200]
    assert recorded
    check = closed_validator("cohere", "POST /v2/rerank", "request")
    for one in recorded:
        await compare(one, client, provider)
    assert [check(asked.body) for asked in provider.asked] == [[]] * len(recorded)


async def compare(one: Exchange, client: Client, provider: CannedProvider) -> None:
    raw = json.loads(one.body)
    provider.script(json_answer(raw))
    answer = await client.rerank(one.request["query"], one.request["documents"], model="cohere/m")
    assert [(result.index, result.score) for result in answer.results] == [
        (row["index"], row["relevance_score"]) for row in raw["results"]
    ]
