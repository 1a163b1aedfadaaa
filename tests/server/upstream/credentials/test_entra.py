"""azure-identity's default chain, from end to end, by the managed identity of an App Service."""

from __future__ import annotations

import asyncio
import time
from urllib.parse import parse_qs, urlsplit

import pytest
from llmgateway_server.config.settings import ProviderSettings
from llmgateway_server.errors import ProviderKeyRejected

from tests.fakes.canned import CannedProvider, json_answer
from tests.fakes.token_service import TokenService
from tests.server.upstream.credentials.serving import serving

HELLO = json_answer(
    {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}]}
)


def azure(provider: CannedProvider) -> ProviderSettings:
    return ProviderSettings(
        base_url=provider.base_url, api_version="2024-10-21", deployments={"m": "my-m"}, credentials="entra"
    )


def issuing(*lasts_s: int) -> TokenService:
    """Return a service whose tokens last so long, one after another; the last of these for all further ones."""
    service = TokenService(
        lambda _: json_answer(
            {
                "access_token": f"canary-token-{len(service.asked)}",
                "expires_on": str(int(time.time()) + lasts_s[min(len(service.asked), len(lasts_s)) - 1]),
                "resource": "https://cognitiveservices.azure.com",
                "token_type": "Bearer",
            }
        )
    )
    return service


def point_at(service: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"{service.url}/msi/token")
    monkeypatch.setenv("IDENTITY_HEADER", "canary-identity-header")


async def test_a_managed_identity_s_token_is_sent_and_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token of 5 s counts as ended at once; one of an hour serves all later calls."""
    async with issuing(5, 3600) as service, CannedProvider() as provider:
        point_at(service, monkeypatch)
        provider.script(*[HELLO] * 3)
        async with serving("azure", azure(provider)) as served:
            assert [await served.call() for _ in range(3)] == ["Hello"] * 3
        query = parse_qs(urlsplit(service.asked[0].path).query)
        assert query["resource"] == ["https://cognitiveservices.azure.com"]
        assert service.asked[0].headers["x-identity-header"] == "canary-identity-header"
        assert len(service.asked) == 2
        assert provider.asked[-1].path == "/openai/deployments/my-m/chat/completions?api-version=2024-10-21"
        assert {asked.headers["authorization"] for asked in provider.asked[1:]} == {"Bearer canary-token-2"}
        assert "api-key" not in provider.asked[0].headers
    assert "canary" not in served.out


async def test_twenty_first_calls_ask_for_one_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async with issuing(3600) as service, CannedProvider() as provider:
        point_at(service, monkeypatch)
        service.gate.clear()
        provider.script(*[HELLO] * 20)
        async with serving("azure", azure(provider)) as served:
            calls = [asyncio.create_task(served.call()) for _ in range(20)]
            await service.arrived()
            service.gate.set()
            assert await asyncio.gather(*calls) == ["Hello"] * 20
        assert len(service.asked) == 1


async def test_an_identity_that_is_refused_is_a_typed_error_until_it_is_granted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("llmgateway_server.upstream.credentials.renewal.BACK_OFF_S", 0.0)
    async with issuing(3600) as service, CannedProvider() as provider:
        point_at(service, monkeypatch)
        granted, service.answer = service.answer, lambda _: json_answer({"message": "canary-refusal-0123456789"}, 403)
        async with serving("azure", azure(provider)) as served:
            error = await served.fail()
            assert error.reason == ProviderKeyRejected.reason
            assert "azure has no usable credentials: the chain of Microsoft Entra failed" in str(error)
            service.answer = granted
            provider.script(HELLO)
            assert await served.call() == "Hello"
    assert "canary" not in served.out
