"""LangChain's standard tests of embeddings, without and with a gateway."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests
from llmgateway_langchain import LLMGatewayEmbeddings


class TestEmbeddingsUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[LLMGatewayEmbeddings]:
        return LLMGatewayEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "mock/embed"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"LLMGATEWAY_KEY": "test", "LLMGATEWAY_TARGET": "gateway:50051"},
            {"model": "mock/embed"},
            {"key": "test", "target": "gateway:50051"},
        )


@pytest.mark.usefixtures("served")
class TestEmbeddingsIntegration(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[LLMGatewayEmbeddings]:
        return LLMGatewayEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {"model": "mock/embed"}
