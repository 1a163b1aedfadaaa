"""The embeddings against a gateway: batches, what they are for, and failures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core import exceptions
from langchain_core.load import dumps
from llmgateway import GatewayError, NotFoundError
from llmgateway_langchain import LLMGatewayEmbeddings

from tests.clients.scripted import Scripted
from tests.e2e.serving import Served


@pytest.fixture
async def embeddings(target: str) -> AsyncIterator[LLMGatewayEmbeddings]:
    """Embeddings of the scripted gateway, whose vectors hold the length of their text."""
    made = LLMGatewayEmbeddings(
        model="scripted/one",
        target=target,
        timeout=30,
        dimensions=1,
        batch_size=2,
        query_input_type="query",
        document_input_type="document",
        truncate=True,
        labels={"team": "a"},
        provider_options_json={"mock": {"x": 1}},
    )
    async with made:
        yield made


async def embedded(embeddings: LLMGatewayEmbeddings, how: str) -> Any:
    if how == "sync":
        return await asyncio.to_thread(
            lambda: (embeddings.embed_documents(["a", "bb", "ccc"]), embeddings.embed_query("dddd"))
        )
    return await embeddings.aembed_documents(["a", "bb", "ccc"]), await embeddings.aembed_query("dddd")


@pytest.mark.parametrize("how", ["sync", "async"])
async def test_texts_are_embedded_in_batches_in_order(
    how: str, gateway: Scripted, embeddings: LLMGatewayEmbeddings
) -> None:
    assert await embedded(embeddings, how) == ([[1.0], [2.0], [3.0]], [4.0])
    assert [[item.text for item in request.inputs] for request in gateway.requests] == [["a", "bb"], ["ccc"], ["dddd"]]
    assert [request.input_type for request in gateway.requests] == ["document", "document", "query"]
    for request in gateway.requests:
        assert (request.model, request.dimension_count, request.truncate) == ("scripted/one", 1, True)
        assert (request.labels["team"], request.provider_options_json["mock"]) == ("a", '{"x": 1}')


async def test_no_texts_are_no_call(gateway: Scripted, embeddings: LLMGatewayEmbeddings) -> None:
    assert await embeddings.aembed_documents([]) == []
    assert gateway.requests == []


async def test_a_failure_is_the_client_s_error_and_langchain_s(served: Served) -> None:
    async with LLMGatewayEmbeddings(model="mock/none") as embeddings:
        with pytest.raises(NotFoundError) as raised:
            await embeddings.aembed_query("Hi")
        assert isinstance(raised.value, exceptions.ModelNotFoundError)
        with pytest.raises(GatewayError, match="no model"):
            await asyncio.to_thread(embeddings.embed_query, "Hi")


def test_the_key_is_nowhere_to_be_seen() -> None:
    embeddings = LLMGatewayEmbeddings(model="mock/embed", key="sk-very-secret")
    assert "sk-very-secret" not in repr(embeddings) + dumps(embeddings) + embeddings.model_dump_json()
