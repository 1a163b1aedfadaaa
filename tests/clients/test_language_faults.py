"""Each client in trouble: what it leaves is closed upstream, wrong addresses are explained, restarts are survived."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import trustme
from llmgateway.v1 import generation_pb2, message_pb2

from tests.clients.building import languages_with, need
from tests.clients.languages.language import Language
from tests.clients.rolling import Service
from tests.conformance.driver import Runner, runner_of
from tests.e2e.serving import FREE_PORTS, ONE_TRY_YAML, Served, serving, write_config
from tests.fakes import faults
from tests.fakes.exchange import Reply
from tests.fakes.openai import FakeOpenAI

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = Any  # Any: decoded JSON.
MODEL = "fake/gpt-4o-mini"
KEY = "sk-trouble-0123456789abcdef"
CLOSE_S = 5.0
CLIENTS = languages_with(lambda language: language.runner)


def config_of(provider: FakeOpenAI, server: str = "", auth: str = "") -> str:
    """Return a gateway's configuration with a provider behind it."""
    return f"""{FREE_PORTS}
  lame_duck: 300ms
{server}
{auth}
{ONE_TRY_YAML}
providers:
  mock: {{}}
  fake: {{dialect: openai, base_url: "{provider.base_url}", api_keys: [none]}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def provider() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as started:
        yield started


@pytest.fixture
def fake(provider: FakeOpenAI) -> FakeOpenAI:
    provider.reset()
    return provider


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gateway(provider: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("gateway")
    async with serving(["serve", "--config", str(write_config(folder, config_of(provider)))], folder / "log") as served:
        yield served


class Certificates:
    """An authority, a server's certificate for 127.0.0.1 and a client's, as files."""

    def __init__(self, folder: Path) -> None:
        authority = trustme.CA()
        self.authority = folder / "ca.pem"
        authority.cert_pem.write_to_path(self.authority)
        self.other_authority = folder / "other.pem"
        trustme.CA().cert_pem.write_to_path(self.other_authority)
        server = authority.issue_cert("127.0.0.1", "localhost")
        self.server, self.server_key = folder / "server.pem", folder / "server-key.pem"
        server.private_key_pem.write_to_path(self.server_key)
        self.server.write_bytes(b"".join(part.bytes() for part in server.cert_chain_pems))
        client = authority.issue_cert("client@example.org")
        self.client, self.client_key = folder / "client.pem", folder / "client-key.pem"
        client.private_key_pem.write_to_path(self.client_key)
        self.client.write_bytes(b"".join(part.bytes() for part in client.cert_chain_pems))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tls_gateway(
    provider: FakeOpenAI, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("tls")
    tls = f"  grpc_tls: {{certificate: {certificates.server}, key: {certificates.server_key}}}"
    auth = 'auth: {keys: [{name: one, key: "${TROUBLE_KEY}", models: ["*"]}]}'
    config = write_config(folder, config_of(provider, tls, auth))
    async with serving(["serve", "--config", str(config)], folder / "log", {"TROUBLE_KEY": KEY}) as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def mtls_gateway(
    provider: FakeOpenAI, certificates: Certificates, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Served]:
    folder = tmp_path_factory.mktemp("mtls")
    pair = f"certificate: {certificates.server}, key: {certificates.server_key}"
    tls = f"  grpc_tls: {{{pair}, client_ca: {certificates.authority}}}"
    config = write_config(folder, config_of(provider, tls))
    async with serving(["serve", "--config", str(config)], folder / "log") as served:
        yield served


@pytest_asyncio.fixture(loop_scope="module")
async def runner(language: Language) -> AsyncIterator[Runner]:
    await asyncio.to_thread(need, language)
    async with runner_of(language) as started:
        yield started


NAMES = itertools.count()


def case(client: Mapping[str, Json], rpc: str = "Generate", model: str = MODEL, **orders: Json) -> str:
    """Return a line for a runner: one user's text to a model."""
    request = generation_pb2.GenerateRequest(model=model)
    request.messages.add(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hello")])
    data = base64.b64encode(request.SerializeToString()).decode()
    return json.dumps({"name": f"case {next(NAMES)}", "client": client, "rpc": rpc, "request_bytes": data, **orders})


# What is left is closed upstream.


@pytest.mark.parametrize("language", CLIENTS)
async def test_leaving_a_stream_early_closes_the_provider_s(runner: Runner, gateway: Served, fake: FakeOpenAI) -> None:
    fake.script(faults.stream_stalled(4))
    answer = await runner.ask(case({"target": gateway.grpc}, "StreamGenerate", leave_after=3))
    assert answer["left"] is True
    assert "error" not in answer
    await fake.closed(CLOSE_S)


@pytest.mark.parametrize("language", CLIENTS)
@pytest.mark.parametrize(
    ("rpc", "reply"),
    [
        ("Generate", faults.never_answer),
        ("StreamGenerate", faults.never_answer),
        ("StreamGenerate", faults.stream_stalled(4)),
    ],
    ids=["whole", "stream before content", "stream after content"],
)
async def test_cancelling_closes_the_provider_s(
    runner: Runner, gateway: Served, fake: FakeOpenAI, rpc: str, reply: Reply
) -> None:
    fake.script(reply)
    answer = await runner.ask(case({"target": gateway.grpc}, rpc, cancel_after_ms=500))
    assert answer["cancelled"] is True
    assert "error" not in answer
    await fake.closed(CLOSE_S)
    assert len(fake.calls) == 1


@pytest.mark.parametrize("language", CLIENTS)
@pytest.mark.parametrize("rpc", ["Generate", "StreamGenerate"])
async def test_a_deadline_closes_the_provider_s(runner: Runner, gateway: Served, fake: FakeOpenAI, rpc: str) -> None:
    fake.script(faults.never_answer)
    answer = await runner.ask(case({"target": gateway.grpc}, rpc, timeout_s=0.5))
    assert answer["error"]["kind"] == "DEADLINE_EXCEEDED"
    assert answer["error"]["is_deadline_error"] is True
    await fake.closed(CLOSE_S)


# Addresses, keys and certificates, right and wrong.


async def told(runner: Runner, client: Mapping[str, Json], rpc: str = "Generate") -> Json:
    """Return the error of a call that cannot work."""
    answer = await runner.ask(case(client, rpc, "mock/echo", timeout_s=20))
    return answer["error"]


@pytest.mark.parametrize("language", CLIENTS)
async def test_tls_and_a_key_work(runner: Runner, tls_gateway: Served, certificates: Certificates) -> None:
    client = {"target": tls_gateway.grpc, "key": KEY, "root_certificates": str(certificates.authority)}
    for rpc in ("Generate", "StreamGenerate"):
        assert "error" not in await runner.ask(case(client, rpc, "mock/echo"))
    wrong = await told(runner, {**client, "key": "sk-another-0123456789abcdef"})
    assert wrong["kind"] == "AUTHENTICATION"
    assert wrong["message"] == "The API key is not valid. Send a valid one as `Authorization: Bearer KEY`."


@pytest.mark.parametrize("language", CLIENTS)
async def test_mutual_tls_works(runner: Runner, mtls_gateway: Served, certificates: Certificates) -> None:
    client = {
        "target": mtls_gateway.grpc,
        "root_certificates": str(certificates.authority),
        "client_key": str(certificates.client_key),
        "client_certificate": str(certificates.client),
    }
    assert "error" not in await runner.ask(case(client, "Generate", "mock/echo"))


@pytest.mark.parametrize("language", CLIENTS)
@pytest.mark.parametrize("rpc", ["Generate", "StreamGenerate"])
async def test_where_nothing_listens_it_says_so(runner: Runner, rpc: str) -> None:
    error = await told(runner, {"target": "127.0.0.1:9"}, rpc)
    assert error["kind"] == "UNAVAILABLE"
    assert error["message"] == (
        "Nothing answers at 127.0.0.1:9: start the gateway there (llmgateway serve), or correct the target."
    )


@pytest.mark.parametrize("language", CLIENTS)
async def test_a_host_that_there_is_not_is_named(runner: Runner) -> None:
    error = await told(runner, {"target": "nohost.invalid:50051"})
    assert error["kind"] == "UNAVAILABLE"
    assert error["message"] == "nohost.invalid is no known host name: correct the target."


@pytest.mark.parametrize("language", CLIENTS)
@pytest.mark.parametrize("tls", [False, True])
async def test_the_rest_port_is_told_for_what_it_is(runner: Runner, gateway: Served, tls: bool) -> None:
    address = gateway.rest.removeprefix("http://")
    error = await told(runner, {"target": address, "tls": tls})
    assert error["kind"] == "UNAVAILABLE"
    assert error["message"] == (
        f"{address} speaks HTTP/1.1, not gRPC: it may be the gateway's REST port. "
        "Give its gRPC port (50051 unless configured otherwise)."
    )


@pytest.mark.parametrize("language", CLIENTS)
async def test_plain_text_to_tls_is_told(runner: Runner, tls_gateway: Served) -> None:
    error = await told(runner, {"target": tls_gateway.grpc, "key": KEY})
    assert error["kind"] == "UNAVAILABLE"
    assert error["message"] == (
        f"{tls_gateway.grpc} does not speak gRPC in plain text, so it may want TLS: connect with TLS."
    )


@pytest.mark.parametrize("language", CLIENTS)
async def test_tls_to_plain_text_is_told(runner: Runner, gateway: Served) -> None:
    error = await told(runner, {"target": gateway.grpc, "tls": True})
    assert error["kind"] == "UNAVAILABLE"
    assert error["message"] == (
        f"{gateway.grpc} speaks plain text, not TLS: connect without TLS, or give the port that has it."
    )


@pytest.mark.parametrize("language", CLIENTS)
async def test_a_certificate_that_nobody_signed_is_told(
    runner: Runner, tls_gateway: Served, certificates: Certificates
) -> None:
    client = {"target": tls_gateway.grpc, "key": KEY, "root_certificates": str(certificates.other_authority)}
    error = await told(runner, client)
    assert error["kind"] == "UNAVAILABLE"
    assert error["message"].startswith(
        f"The TLS handshake with {tls_gateway.grpc} failed: check that the root certificates sign the server's "
        "certificate, that the certificate names 127.0.0.1, and that a client certificate is given if the server "
        "asks for one. ("
    )


@pytest.mark.parametrize("language", CLIENTS)
async def test_a_client_certificate_that_is_absent_is_told(
    runner: Runner, mtls_gateway: Served, certificates: Certificates
) -> None:
    error = await told(runner, {"target": mtls_gateway.grpc, "root_certificates": str(certificates.authority)})
    assert error["kind"] == "UNAVAILABLE"
    assert error["message"].startswith(f"The TLS handshake with {mtls_gateway.grpc} failed: ")


# A name with two addresses.

HOST = "gateway.test"
# A view of the file system in which the name has its addresses; what follows runs in it.
IN_A_VIEW = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/hosts && exec "$@"')


async def call_count(served: Served) -> int:
    """Return how many generations a gateway has served."""
    async with httpx2.AsyncClient() as http:
        exposition = (await http.get(served.metrics)).text
    found = re.search(r'^llmgateway_overhead_seconds_count\{method="Generate"\} (\S+)$', exposition, re.MULTILINE)
    return 0 if found is None else int(float(found[1]))


@pytest.mark.opt_in("only root can give a name two addresses")
@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None,
    reason="only root, with unshare, can give a name two addresses",
)
@pytest.mark.parametrize("language", CLIENTS)
async def test_every_address_of_a_name_is_used_and_one_that_dies_costs_no_call(
    language: Language, provider: FakeOpenAI, tmp_path: Path
) -> None:
    await asyncio.to_thread(need, language)
    assert language.runner is not None
    hosts = tmp_path / "hosts"
    hosts.write_text(f"127.0.0.1 localhost\n127.0.0.1 {HOST}\n127.0.0.2 {HOST}\n")
    (tmp_path / "other").mkdir()
    config = config_of(provider)
    async with serving(["serve", "--config", str(write_config(tmp_path, config))], tmp_path / "log") as one:
        port = one.grpc.rpartition(":")[2]
        config = config.replace("grpc_listen: 127.0.0.1:0", f"grpc_listen: 127.0.0.2:{port}")
        arguments = ["serve", "--config", str(write_config(tmp_path / "other", config))]
        async with (
            serving(arguments, tmp_path / "other" / "log") as other,
            Runner([*IN_A_VIEW, str(hosts), *language.runner], language.folder, language.environment) as runner,
        ):
            line = case({"target": f"dns:///{HOST}:{port}"}, model="mock/echo", repeat={"count": 200, "concurrency": 8})
            answer = await runner.ask(line)
            assert answer["repeat"] == {"succeeded": 200, "failed": {}}
            served_counts = [await call_count(served) for served in (one, other)]
            assert sum(served_counts) == 200
            assert min(served_counts) > 0
            other.process.kill()
            await other.exit_code()
            answer = await runner.ask(line)
            assert answer["repeat"] == {"succeeded": 200, "failed": {}}


# Restarts.


@pytest.mark.parametrize("language", CLIENTS)
@pytest.mark.parametrize("rpc", ["Generate", "StreamGenerate"])
async def test_a_restart_under_load_costs_no_call(
    runner: Runner, provider: FakeOpenAI, fake: FakeOpenAI, tmp_path: Path, rpc: str
) -> None:
    """The old gateway is told to stop while calls run on it; new connections find the new one."""
    config = write_config(tmp_path, config_of(provider))
    arguments = ["serve", "--config", str(config)]
    async with (
        serving(arguments, tmp_path / "old") as old,
        serving(arguments, tmp_path / "new") as new,
        Service(old.grpc) as service,
    ):
        count = 600
        line = case({"target": service.address}, rpc, repeat={"count": count, "concurrency": 8})
        asking = asyncio.create_task(runner.ask(line))
        await fake.arrived(count // 6)
        service.target = new.grpc
        stopping = asyncio.create_task(old.stop())
        answer = await asking
        assert await stopping == 0
    assert answer["repeat"] == {"succeeded": count, "failed": {}}
    # A call that reached the provider twice would have been paid twice.
    assert len(fake.calls) <= count + 1


@pytest.mark.parametrize("language", CLIENTS)
async def test_a_gateway_that_dies_under_load_costs_no_call(
    runner: Runner, provider: FakeOpenAI, fake: FakeOpenAI, tmp_path: Path
) -> None:
    """It is killed while calls run on it: each of those is made once more, elsewhere."""
    config = write_config(tmp_path, config_of(provider))
    arguments = ["serve", "--config", str(config)]
    async with (
        serving(arguments, tmp_path / "old") as old,
        serving(arguments, tmp_path / "new") as new,
        Service(old.grpc) as service,
    ):
        count, concurrency = 300, 8
        line = case({"target": service.address}, repeat={"count": count, "concurrency": concurrency})
        asking = asyncio.create_task(runner.ask(line))
        await fake.arrived(count // 6)
        service.target = new.grpc
        old.process.kill()
        answer = await asking
    assert answer["repeat"] == {"succeeded": count, "failed": {}}
    assert len(fake.calls) <= count + concurrency
