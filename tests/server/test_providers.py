"""Where providers are asked, by what the catalogue and the configuration say of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from click.testing import CliRunner
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.cli import main
from llmgateway_server.config.settings import ProviderSettings, Settings
from llmgateway_server.dialects.registry import make_codec
from llmgateway_server.providers import endpoint_of
from llmgateway_server.upstream.http_pool import HttpPool
from llmgateway_server.upstream.http_upstream import Endpoint, HttpUpstream
from pydantic import SecretStr

from tests.fakes.canned import CannedProvider, json_answer

GOOGLE = {"project": "p", "location": "europe-north1"}


@pytest.mark.parametrize(
    ("name", "given", "base_url", "models_base_url"),
    [
        (
            "bedrock",
            {"region": "eu-north-1"},
            "https://bedrock-runtime.eu-north-1.amazonaws.com",
            "https://bedrock.eu-north-1.amazonaws.com",
        ),
        (
            "vertex",
            GOOGLE,
            "https://europe-north1-aiplatform.googleapis.com/v1/projects/p/locations/europe-north1",
            "https://europe-north1-aiplatform.googleapis.com/v1beta1",
        ),
        (
            "vertex",
            {**GOOGLE, "location": "global"},
            "https://aiplatform.googleapis.com/v1/projects/p/locations/global",
            "https://aiplatform.googleapis.com/v1beta1",
        ),
        ("vertex", {**GOOGLE, "base_url": "http://proxy:1/v1/"}, "http://proxy:1/v1", ""),
        ("openai", {}, "https://api.openai.com/v1", ""),
    ],
)
def test_addresses_come_from_the_row_or_from_the_file(
    name: str, given: dict[str, str], base_url: str, models_base_url: str
) -> None:
    endpoint = endpoint_of(name, ProviderSettings(**given), load_vendors()[name], None)  # type: ignore[arg-type]
    assert (endpoint.base_url, endpoint.models_base_url) == (base_url, models_base_url)


def test_keys_and_tokens_become_headers() -> None:
    row = load_vendors()["anthropic"]
    keys = ProviderSettings(api_keys=(SecretStr("a"), SecretStr("b")))
    assert endpoint_of("anthropic", keys, row, None).key_headers == [{"x-api-key": "a"}, {"x-api-key": "b"}]
    token = ProviderSettings(access_token=SecretStr("t"))
    assert endpoint_of("vertex", token, None, None).key_headers == [{"authorization": "Bearer t"}]


async def test_models_are_listed_where_the_endpoint_says() -> None:
    async with CannedProvider() as runtime, CannedProvider() as control:
        control.gets["/foundation-models"] = json_answer({"modelSummaries": [{"modelId": "amazon.nova-pro-v1:0"}]})
        loop = asyncio.get_running_loop()
        pool = HttpPool(loop.time)
        settings = Settings()
        endpoint = Endpoint("bedrock", runtime.base_url, [], models_base_url=control.base_url)
        codec = make_codec("bedrock", "bedrock", {})
        upstream = HttpUpstream(endpoint, codec, pool, settings.timeouts, settings.limits, loop.time)
        assert [model.id for model in await upstream.list_models()] == ["amazon.nova-pro-v1:0"]
        assert runtime.asked == []
        await pool.close()


@pytest.mark.parametrize(
    ("providers", "problem"),
    [
        ("other: {dialect: llmgateway, base_url: 'http://h:1'}", ""),
        (
            "other: {dialect: llmgateway, base_url: 'http://h:1', quirks: {a: 1}}",
            "providers.other.quirks: another gateway",
        ),
        ("bedrock: {region: r, api_keys: ['${K}'], quirks: {claude_api: messages}}", ""),
        ("bedrock: {region: r, api_keys: ['${K}'], quirks: {claude_api: telnet}}", "providers.bedrock.quirks: Invalid"),
        (
            "vertex: {project: p, location: l, access_token: '${K}', quirks: {claude: {odd: 1}}}",
            "providers.vertex.quirks: odd is no quirk of the anthropic dialect",
        ),
        (
            "vertex: {project: p, location: l, access_token: '${K}', quirks: {claude: 5}}",
            "providers.vertex.quirks: Expected `object`",
        ),
    ],
)
def test_what_no_dialect_understands_is_found_before_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, providers: str, problem: str
) -> None:
    monkeypatch.setenv("K", "provider-key-0123456789abcdef")
    file = tmp_path / "gateway.yaml"
    file.write_text(f"providers: {{{providers}}}\n")
    result = CliRunner().invoke(main, ["check-config", str(file)], catch_exceptions=False)
    assert (result.exit_code, problem in result.stderr) == (1 if problem else 0, True), result.stderr
