"""The installed command with providers whose credentials come from their vendors' chains, all at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

from llmgateway import Client

from tests.e2e.serving import FREE_PORTS, run_to_end, serving, write_config
from tests.fakes.canned import Asked, Canned, CannedProvider, json_answer
from tests.fakes.token_service import TokenService

GEMINI = json_answer(
    {"candidates": [{"content": {"role": "model", "parts": [{"text": "Hello"}]}, "finishReason": "STOP"}]}
)
CONVERSE = json_answer(
    {"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}, "stopReason": "end_turn"}
)
CHAT = json_answer(
    {"choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "Hello"}}]}
)
HOURS = 7200


def answer(asked: Asked) -> Canned:
    """Be the metadata server of Google, the container service of AWS and the managed identity of Azure."""
    google = {"metadata-flavor": "Google"}
    if asked.path.startswith("/aws"):
        made = {"AccessKeyId": "AKIDCHAIN", "SecretAccessKey": "canary-secret", "Token": "canary-session"}
        return json_answer({**made, "Expiration": "2099-01-01T00:00:00Z"})
    if asked.path.startswith("/azure"):
        return json_answer({"access_token": "canary-entra", "expires_on": "4070908800", "token_type": "Bearer"})
    if "/token" in asked.path:
        token = {"access_token": "canary-google", "expires_in": HOURS, "token_type": "Bearer"}
        return Canned(json.dumps(token).encode(), headers=google)
    if "/project/project-id" in asked.path:
        return Canned(b"p", "text/plain", headers=google)
    if "/service-accounts/" in asked.path:
        account = {"email": "gateway@p.iam.gserviceaccount.com", "scopes": ["cloud-platform"], "aliases": ["default"]}
        return Canned(json.dumps(account).encode(), headers=google)
    return Canned(b"", "text/plain", headers=google)


async def test_all_three_chains_serve_beside_each_other(tmp_path: Path) -> None:
    async with TokenService(answer) as service, CannedProvider() as provider:
        config = write_config(
            tmp_path,
            f"""{FREE_PORTS}
  lame_duck: 0s
providers:
  vertex: {{base_url: "{provider.base_url}", credentials: google}}
  azure: {{base_url: "{provider.base_url}", api_version: "2024-10-21", deployments: {{m: my-m}}, credentials: entra}}
  bedrock-eu: {{dialect: bedrock, base_url: "{provider.base_url}", region: eu-west-1, credentials: aws}}
""",
        )
        variables = {
            "HOME": str(tmp_path),
            "GCE_METADATA_HOST": service.address,
            "GCE_METADATA_IP": service.address,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{service.url}/aws",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AZURE_TOKEN_CREDENTIALS": "ManagedIdentityCredential",
            "IDENTITY_ENDPOINT": f"{service.url}/azure",
            "IDENTITY_HEADER": "canary-header",
            "NO_PROXY": "127.0.0.1",
        }
        provider.script(GEMINI, CHAT, CONVERSE)
        async with serving(["serve", "--config", str(config)], tmp_path / "log", variables) as served:
            async with Client(served.grpc) as client:
                for model in ("vertex/m", "azure/m", "bedrock-eu/m"):
                    response = await client.generate("Hi", model=model)
                    assert response.candidates[0].message.parts[0].text == "Hello"
            assert await served.stop() == 0
    vertex, azure, bedrock = [asked.headers for asked in provider.asked]
    assert vertex["authorization"] == "Bearer canary-google"
    assert azure["authorization"] == "Bearer canary-entra"
    assert "Credential=AKIDCHAIN/" in bedrock["authorization"]
    assert bedrock["x-amz-security-token"] == "canary-session"
    scopes = [asked.path for asked in service.asked if "/token" in asked.path and "computeMetadata" in asked.path]
    assert scopes
    assert all("cloud-platform" in path for path in scopes)
    assert "canary" not in served.log.read_text() + served.banner


async def test_a_missing_library_stops_the_start_with_the_line_to_type(tmp_path: Path) -> None:
    """A module of that name that cannot be found: the folder before all others holds a package `azure` without it."""
    (tmp_path / "azure").mkdir()
    (tmp_path / "azure" / "__init__.py").write_text("")
    config = write_config(tmp_path, 'providers: {azure: {base_url: "https://x.openai.azure.com"}}\n')
    path = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    code, out, err = await run_to_end(
        ["serve", "--config", str(config)], tmp_path / "log", {"PYTHONPATH": ":".join(path)}
    )
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    assert "pip install 'llmgateway-grpc[azure]', or give it `api_keys` or `access_token`" in err
