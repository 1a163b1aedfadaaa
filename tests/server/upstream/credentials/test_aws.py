"""botocore's chain, from end to end: what it finds signs the requests of a gateway."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from llmgateway_server.config.settings import ProviderSettings
from llmgateway_server.errors import ProviderKeyRejected
from llmgateway_server.upstream.sigv4 import AwsCredentials, Scope, sign

from tests.fakes.canned import Asked, Canned, CannedProvider, json_answer
from tests.fakes.token_service import SAFETY_S, TokenService
from tests.server.upstream.credentials.serving import serving

SECRET = "canary-aws-secret/0123456789abcdefghijk"
TOKEN = "canary-aws-session-0123456789abcdef"
HELLO = json_answer(
    {"output": {"message": {"role": "assistant", "content": [{"text": "Hello"}]}}, "stopReason": "end_turn"}
)


def bedrock(provider: CannedProvider) -> ProviderSettings:
    return ProviderSettings(base_url=provider.base_url, region="eu-north-1", credentials="aws")


def signer(provider: CannedProvider, asked: Asked, *credentials: AwsCredentials) -> str:
    """Return the key id among `credentials` whose signature a request carries."""
    at = datetime.strptime(asked.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    sent = {"content-type": asked.headers["content-type"]}
    body = json.dumps(asked.body, separators=(",", ":")).encode()
    for one in credentials:
        scope = Scope("eu-north-1", "bedrock")
        again = sign(one, scope, "POST", provider.base_url + asked.path, sent, body, at)
        if again["authorization"] == asked.headers["authorization"]:
            assert asked.headers.get("x-amz-security-token", "") == one.session_token
            return one.access_key_id
    raise AssertionError("signed by nobody")


def issued(number: int, lasts_s: float) -> dict[str, str]:
    """Return the credentials of one issue, as AWS' services write them."""
    ends = datetime.now(UTC) + timedelta(seconds=lasts_s)
    return {
        "AccessKeyId": f"AKID{number}",
        "SecretAccessKey": f"{SECRET}{number}",
        "Token": f"{TOKEN}{number}",
        "Expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def known(number: int) -> AwsCredentials:
    return AwsCredentials(f"AKID{number}", f"{SECRET}{number}", f"{TOKEN}{number}")


async def test_a_shared_file_signs_requests(home: Path) -> None:
    folder = home / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(f"[default]\naws_access_key_id = AKID0\naws_secret_access_key = {SECRET}\n")
    async with CannedProvider() as provider:
        provider.script(HELLO)
        async with serving("bedrock", bedrock(provider)) as served:
            assert await served.call() == "Hello"
        assert signer(provider, provider.asked[0], AwsCredentials("AKID0", SECRET)) == "AKID0"
    assert "canary" not in served.out


async def test_a_process_is_run_again_once_its_credentials_end(home: Path) -> None:
    """Credentials of 5 s count as ended at once; those of an hour serve all later calls."""
    runs = home / "runs"
    program = home / "issue.py"
    program.write_text(
        "import json, pathlib\n"
        "from datetime import datetime, timedelta, timezone\n"
        f"runs = pathlib.Path({str(runs)!r})\n"
        "number = int(runs.read_text()) + 1 if runs.exists() else 1\n"
        "runs.write_text(str(number))\n"
        "ends = datetime.now(timezone.utc) + timedelta(seconds=5 if number <= 2 else 3600)\n"
        f"print(json.dumps({{'Version': 1, 'AccessKeyId': f'AKID{{number}}', 'SecretAccessKey': f'{SECRET}{{number}}',"
        f" 'SessionToken': f'{TOKEN}{{number}}', 'Expiration': ends.isoformat()}}))\n"
    )
    (home / ".aws").mkdir()
    (home / ".aws" / "config").write_text(f"[default]\ncredential_process = {sys.executable} {program}\n")
    async with CannedProvider() as provider:
        provider.script(HELLO, HELLO, HELLO)
        async with serving("bedrock", bedrock(provider)) as served:
            for _ in range(3):
                await served.call()
        signers = [signer(provider, asked, *map(known, range(1, 5))) for asked in provider.asked]
    # botocore itself renews what lives less than 15 minutes as soon as it has loaded it: runs 1 and 2.
    # The first call may come before or after the end of what the start has brought.
    assert signers[0] in ("AKID2", "AKID3")
    assert signers[1:] == ["AKID3", "AKID3"]
    assert runs.read_text() == "3"
    assert "canary" not in served.out


@pytest.fixture
async def container() -> TokenService:
    """The service that containers get their credentials from; the caller opens it."""
    return TokenService(lambda _: json_answer(issued(1, 3600)))


def point_at(service: TokenService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", f"{service.url}/credentials")
    monkeypatch.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "canary-container-token-0123456789")


async def test_twenty_first_calls_ask_a_slow_container_service_once(
    container: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with container, CannedProvider() as provider:
        point_at(container, monkeypatch)
        container.gate.clear()
        provider.script(*[HELLO] * 20)
        async with serving("bedrock", bedrock(provider)) as served:
            calls = [asyncio.create_task(served.call()) for _ in range(20)]
            asked = await container.arrived()
            assert asked.headers["authorization"] == "canary-container-token-0123456789"
            # The loop runs while the chain waits: this call is answered meanwhile.
            assert (await served.fail(0.2)).code.name == "DEADLINE_EXCEEDED"
            container.gate.set()
            assert await asyncio.gather(*calls) == ["Hello"] * 20
        assert len(container.asked) == 1
        assert {signer(provider, asked, known(1)) for asked in provider.asked} == {"AKID1"}
    assert "canary" not in served.out


async def test_a_container_service_that_refuses_is_a_typed_error_until_it_recovers(
    container: TokenService, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Asked) -> Canned:
        return json_answer({"code": "AccessDenied", "message": f"no role for {TOKEN}"}, 400)

    async with container, CannedProvider() as provider:
        point_at(container, monkeypatch)
        container.answer = refuse
        # The pace alone: between its tries botocore sleeps for a second.
        monkeypatch.setattr("botocore.utils.ContainerMetadataFetcher.SLEEP_TIME", 0)
        monkeypatch.setattr("llmgateway_server.upstream.credentials.renewal.BACK_OFF_S", 0.0)
        async with serving("bedrock", bedrock(provider)) as served:
            error = await served.fail()
            assert error.reason == ProviderKeyRejected.reason
            assert str(error).startswith("bedrock has no usable credentials: the chain of AWS failed with ")
            container.answer = lambda _: json_answer(issued(1, 3600))
            provider.script(HELLO)
            assert await served.call() == "Hello"
    assert "provider bedrock has no usable credentials: the chain of AWS failed" in served.out
    assert "no role for ***" in served.out
    assert "canary" not in served.out


async def test_a_chain_that_finds_nothing_says_so_at_the_start_and_to_each_call() -> None:
    async with CannedProvider() as provider:
        async with serving("bedrock", bedrock(provider)) as served:
            error = await served.fail()
        assert error.reason == ProviderKeyRejected.reason
        assert error.provider_message == ""
        assert "container and instance metadata, and found none" in str(error)
        assert "give it `access_key_id` and `secret_access_key`, or `api_keys`" in str(error)
        assert provider.asked == []
    assert '"level":"warning"' in served.out
    assert "provider bedrock has no usable credentials: the chain of AWS looked in" in served.out


async def test_a_provider_moved_elsewhere_is_asked_without_credentials(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cloud's credentials, which are there, are not shown to a host that is not the cloud's."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-secret-that-must-not-travel")
    async with CannedProvider() as provider:
        provider.script(HELLO)
        elsewhere = ProviderSettings(base_url=provider.base_url, region="eu-north-1")
        async with serving("bedrock", elsewhere) as served:
            assert await served.call() == "Hello"
        assert "authorization" not in provider.asked[0].headers


async def test_a_chain_that_was_asked_for_says_which_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` refuses to start then; who builds the gateway by themselves is told by the calls."""
    monkeypatch.setitem(sys.modules, "botocore.session", None)
    async with CannedProvider() as provider:
        async with serving("bedrock", bedrock(provider)) as served:
            error = await served.fail()
        assert provider.asked == []
    assert "needs a library that is not installed. Run pip install 'llmgateway-grpc[aws]'." in str(error)


async def test_credentials_that_the_provider_refuses_are_looked_up_again(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that was replaced in a shared file: it has no end by which it would be renewed."""
    monkeypatch.setattr("llmgateway_server.upstream.credentials.renewal.PAUSE_S", 0.0)
    folder = home / ".aws"
    folder.mkdir()
    file = folder / "credentials"
    file.write_text(f"[default]\naws_access_key_id = AKID0\naws_secret_access_key = {SECRET}\n")
    old, new = AwsCredentials("AKID0", SECRET), AwsCredentials("AKID1", SECRET)
    refused = json_answer({"message": "The security token included in the request is invalid."}, 403)
    async with CannedProvider() as provider:
        async with serving("bedrock", bedrock(provider)) as served:
            provider.script(HELLO)
            await served.call()
            file.write_text(file.read_text().replace("AKID0", "AKID1"))
            provider.script(HELLO)
            await served.call()
            provider.script(refused)
            assert (await served.fail()).reason == ProviderKeyRejected.reason
            async with asyncio.timeout(SAFETY_S):
                while signer(provider, provider.asked[-1], old, new) != "AKID1":
                    provider.script(HELLO)
                    await served.call()
        assert [signer(provider, asked, old, new) for asked in provider.asked[:3]] == ["AKID0"] * 3
