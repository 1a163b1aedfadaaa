"""Google's Application Default Credentials, from end to end: their tokens reach the provider."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from llmgateway_server.config.settings import ProviderSettings
from llmgateway_server.errors import ProviderKeyRejected, ProviderUnreachable

from tests.fakes.canned import CannedProvider, json_answer
from tests.fakes.token_service import SAFETY_S, TokenService
from tests.server.upstream.credentials.serving import serving

HELLO = json_answer(
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}]}
)


def vertex(provider: CannedProvider) -> ProviderSettings:
    return ProviderSettings(base_url=provider.base_url, credentials="google")


def issuing(*lasts_s: int) -> TokenService:
    """Return a service whose tokens last so long, one after another; the last of these for all further ones."""
    service = TokenService(
        lambda _: json_answer(
            {
                "access_token": f"canary-token-{len(service.asked)}",
                "expires_in": lasts_s[min(len(service.asked), len(lasts_s)) - 1],
                "token_type": "Bearer",
            }
        )
    )
    return service


def write_service_account(path: Path, token_uri: str) -> None:
    """Write the file that Google's console gives for a service account's key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account",
        "project_id": "p",
        "private_key_id": "canary-key-id",
        "private_key": pem,
        "client_email": "gateway@p.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }
    path.write_text(json.dumps(account))


def tokens(provider: CannedProvider) -> list[str]:
    return [asked.headers.get("authorization", "") for asked in provider.asked]


async def test_a_service_account_s_tokens_are_renewed_once_they_end(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of 5 s counts as ended at once; one of an hour serves all later calls."""
    async with issuing(5, 3600) as service, CannedProvider() as provider:
        write_service_account(home / "account.json", f"{service.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(home / "account.json"))
        provider.script(HELLO, HELLO, HELLO)
        async with serving("vertex", vertex(provider)) as served:
            # At the start the chain is asked at once, and what it gives has ended before the first call can use it.
            assert [await served.call() for _ in range(3)] == ["Hello"] * 3
        (granted,) = parse_qs(str(service.asked[0].body))["grant_type"]
        assert granted == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        assert set(tokens(provider)[1:]) == {"Bearer canary-token-2"}
        assert len(service.asked) == 2
    assert "canary" not in served.out


async def test_the_project_that_pays_is_named_beside_the_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with issuing(3600) as service, CannedProvider() as provider:
        write_service_account(home / "account.json", f"{service.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(home / "account.json"))
        monkeypatch.setenv("GOOGLE_CLOUD_QUOTA_PROJECT", "payer")
        provider.script(HELLO)
        async with serving("vertex", vertex(provider)) as served:
            await served.call()
        assert tokens(provider) == ["Bearer canary-token-1"]
        assert provider.asked[0].headers["x-goog-user-project"] == "payer"
    assert "canary" not in served.out


async def test_a_token_that_ends_soon_serves_on_while_the_next_is_fetched(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token of 200 s is due (225 s before its end), and usable."""
    monkeypatch.setattr("llmgateway_server.upstream.credentials.renewal.PAUSE_S", 0.0)
    async with issuing(200, 3600) as service, CannedProvider() as provider:
        write_service_account(home / "account.json", f"{service.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(home / "account.json"))
        provider.script(HELLO, HELLO)
        async with serving("vertex", vertex(provider)) as served:
            await served.call()
            # This call, or the first one, has begun the renewal, which is held up; neither waits for it.
            service.gate.clear()
            await served.call()
            assert [await service.arrived(), await service.arrived()] == service.asked
            service.gate.set()
            async with asyncio.timeout(SAFETY_S):
                while tokens(provider)[-1] != "Bearer canary-token-2":
                    provider.script(HELLO)
                    await served.call()
        assert tokens(provider)[0] == "Bearer canary-token-1"
        assert len(service.asked) == 2
    assert "canary" not in served.out


@pytest.mark.parametrize(
    ("status", "body", "leaf"),
    [
        (401, {"error": "invalid_grant", "error_description": "canary-description-0123456789"}, ProviderKeyRejected),
        (400, {"error": "invalid_client"}, ProviderKeyRejected),
    ],
)
async def test_a_refused_grant_is_a_rejected_key(
    status: int, body: dict[str, str], leaf: type[ProviderKeyRejected], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with TokenService(lambda _: json_answer(body, status)) as service, CannedProvider() as provider:
        write_service_account(home / "account.json", f"{service.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(home / "account.json"))
        async with serving("vertex", vertex(provider)) as served:
            error = await served.fail()
        assert error.reason == leaf.reason
        assert "the chain of Google Cloud failed with RefreshError" in str(error)
        assert provider.asked == []
    assert "canary" not in served.out


async def test_a_token_service_that_is_down_is_unreachable_until_it_is_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmgateway_server.upstream.credentials.renewal.BACK_OFF_S", 0.0)
    path = home / "account.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(path))
    async with issuing(3600) as service, CannedProvider() as provider:
        write_service_account(path, "http://127.0.0.1:9/token")  # the port of discard: nobody listens
        async with serving("vertex", vertex(provider)) as served:
            error = await served.fail()
            assert error.reason == ProviderUnreachable.reason
            assert "could not reach the service that issues them. Try again." in str(error)
            write_service_account(path, f"{service.url}/token")
            provider.script(HELLO)
            assert await served.call() == "Hello"


async def test_twenty_first_calls_ask_for_one_token(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with issuing(3600) as service, CannedProvider() as provider:
        write_service_account(home / "account.json", f"{service.url}/token")
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(home / "account.json"))
        service.gate.clear()
        provider.script(*[HELLO] * 20)
        async with serving("vertex", vertex(provider)) as served:
            calls = [asyncio.create_task(served.call()) for _ in range(20)]
            await service.arrived()
            service.gate.set()
            assert await asyncio.gather(*calls) == ["Hello"] * 20
        assert len(service.asked) == 1
        assert set(tokens(provider)) == {"Bearer canary-token-1"}


async def test_no_file_and_no_metadata_is_told() -> None:
    async with CannedProvider() as provider, serving("vertex", vertex(provider)) as served:
        error = await served.fail()
        assert "GOOGLE_APPLICATION_CREDENTIALS, gcloud's own file and the metadata server, and found none" in str(error)
        assert "give it `access_token`" in str(error)
