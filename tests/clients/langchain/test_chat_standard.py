"""LangChain's standard tests of chat models, without and with a gateway.

What a real model would do of its own mind, the mock is told to do: `SCRIPTS`, by test.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Mapping
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from llmgateway_langchain import ChatLLMGateway

from tests.e2e.serving import Served

USAGE_DETAILS = ["audio_input", "audio_output", "reasoning_output", "cache_read_input", "cache_creation_input"]
MAGIC = {"tool_calls": [{"name": "magic_function", "arguments": {"input": 3}}]}
SCRIPTS: Mapping[str, Mapping[str, object]] = {
    "test_tool_calling": MAGIC,
    "test_tool_calling_async": MAGIC,
    "test_json_mode": {"json": {"setup": "Why?", "punchline": "Because."}},
    "test_unicode_tool_call_integration": {
        "tool_calls": [
            {
                "name": "unicode_customer",
                "arguments": {"customer_name": "你好啊集团, こんにちは株式会社", "description": "Two customers"},
            }
        ]
    },
}
MODELS: Mapping[str, str] = {"test_agent_loop": "mock/tool"}
# What the standard tests would fetch from the internet; nothing reads it but the mock, which does not look.
FETCHED = b"%PDF-1.4 \x89PNG RIFF"

# The standard tests call what LangChain deprecates (`dict`), or has not settled yet (`load`, version 3 of events).
UNSETTLED = [
    pytest.mark.filterwarnings("ignore::langchain_core._api.deprecation.LangChainDeprecationWarning"),
    pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning"),
]


class TestChatUnit(ChatModelUnitTests):
    pytestmark = UNSETTLED

    @property
    def chat_model_class(self) -> type[ChatLLMGateway]:
        return ChatLLMGateway

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "mock/echo"}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        return (
            {"LLMGATEWAY_KEY": "test", "LLMGATEWAY_TARGET": "gateway:50051"},
            {"model": "mock/echo"},
            {"key": "test", "target": "gateway:50051"},
        )

    @pytest.fixture(autouse=True)
    def listed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The standard test loads only what langchain-core lists; callers name the class: see `test_serialising`."""
        loading = importlib.import_module("langchain_core.load.load")
        path = tuple(ChatLLMGateway.lc_id())
        monkeypatch.setitem(loading.ALL_SERIALIZABLE_MAPPINGS, path, path)
        monkeypatch.setattr(loading, "_default_class_paths_cache", {})


@pytest.mark.usefixtures("served")
class TestChatIntegration(ChatModelIntegrationTests):
    pytestmark = UNSETTLED

    @property
    def chat_model_class(self) -> type[ChatLLMGateway]:
        return ChatLLMGateway

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "mock/echo"}

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_image_tool_message(self) -> bool:
        return True

    @property
    def supports_pdf_inputs(self) -> bool:
        return True

    @property
    def supports_pdf_tool_message(self) -> bool:
        return True

    @property
    def supports_audio_inputs(self) -> bool:
        return True

    @property
    def supports_video_inputs(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "mock/lorem"

    @property
    def supported_usage_metadata_details(self) -> Any:
        return {"invoke": USAGE_DETAILS, "stream": USAGE_DETAILS}

    @property
    def enable_vcr_tests(self) -> bool:
        # There is no HTTP to record: the test of the time that a stream takes runs against the gateway.
        return True

    @pytest.fixture
    def vcr(self) -> object:
        return SimpleNamespace(responses=["the gateway's own"])

    @pytest.fixture
    async def model(self, request: pytest.FixtureRequest, served: Served) -> AsyncIterator[ChatLLMGateway]:
        test = cast("pytest.Function", request.node).originalname
        model = ChatLLMGateway(
            model=MODELS.get(test, "mock/echo"),
            provider_options_json={"mock": SCRIPTS[test]} if test in SCRIPTS else None,
            **getattr(request, "param", {}),
        )
        async with model:
            yield model

    @pytest.fixture(autouse=True)
    def offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def get(url: str, **_: object) -> httpx.Response:
            return httpx.Response(200, content=FETCHED)

        monkeypatch.setattr(httpx, "get", get)
        monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "none: nothing is fetched")

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        return told_of({"input_token_count": 9, "audio_input_token_count": 4}, stream=stream)

    def invoke_with_audio_output(self, *, stream: bool = False) -> AIMessage:
        return told_of({"output_token_count": 9, "audio_output_token_count": 4}, stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return told_of({"output_token_count": 9, "reasoning_token_count": 4}, stream=stream)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return told_of({"input_token_count": 9, "cached_input_token_count": 4}, stream=stream)

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        return told_of({"input_token_count": 9, "cache_write_input_token_count": 4}, stream=stream)


def told_of(usage: Mapping[str, int], *, stream: bool) -> AIMessage:
    """Return an answer that reports this usage."""
    with ChatLLMGateway(model="mock/echo", provider_options_json={"mock": {"usage": usage}}) as model:
        if not stream:
            return model.invoke("Hello")
        whole: AIMessageChunk | None = None
        for chunk in model.stream("Hello"):
            whole = chunk if whole is None else whole + chunk
        assert whole is not None
        return whole
