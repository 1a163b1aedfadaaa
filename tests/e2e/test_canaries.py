"""A gateway with a canary in every place that holds a secret is put to trouble, and none is seen again.

What it tells is read whole: answers, errors, metrics, probes, reflection, logs and what commands print. That gateways of
all other tests tell none is seen to by `serving.py` and by the session's last look at what they have left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
import pytest_asyncio
import yaml
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from llmgateway import Client, GatewayError
from llmgateway.admin.v1 import (
    key_service_pb2,
    key_service_pb2_grpc,
    quota_service_pb2,
    quota_service_pb2_grpc,
    usage_service_pb2,
    usage_service_pb2_grpc,
)
from llmgateway.v1 import generation_pb2

from tests.e2e import canaries
from tests.e2e.canaries import MARK, VARIABLES, check, check_folder, planted
from tests.e2e.serving import (
    FREE_PORTS,
    ONE_TRY_YAML,
    SAFETY_S,
    WHOLE_GATEWAY,
    Served,
    run_to_end,
    serving,
    text_of,
    write_config,
)
from tests.fakes import faults
from tests.fakes.dialect import TROUBLE_BY_STATUS, after_content
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.framing import encode_json
from tests.fakes.openai import FakeOpenAI
from tests.postgres import emptied, shared_server
from tests.valkey import Valkey

ROOT = Path(__file__).parents[2]
CALLER, PROVIDER = VARIABLES["CANARY_CALLER_KEY"], VARIABLES["CANARY_PROVIDER_KEY"]
REDIS_PASSWORD = f"{MARK}-redis"
SHOWN = (("authorization", f"Bearer {CALLER}"),)
FACES = ("grpc", "http", "metrics", "admin")
STATUSES = (400, 401, 403, 404, 429, 500, 503)
CHAT = {"model": "fake/m", "messages": [{"role": "user", "content": "Hello"}]}


def configuration(base_url: str, database: str, redis: str) -> str:
    """Return a configuration that is planted once it is written."""
    return f"""{FREE_PORTS}
  lame_duck: 0s
  channelz: true
{ONE_TRY_YAML}
log: {{level: debug}}
auth:
  keys:
    - {{name: root, key: "${{CANARY_CALLER_KEY}}", role: owner}}
store: {{url: "{database}", redis: {{url: "{redis}"}}}}
quotas:
  - {{scope: organization, metric: requests, window: minute, limit: 1000}}
providers:
  mock: {{}}
  fake: {{dialect: openai, base_url: "{base_url}", api_keys: [none]}}
  gone: {{dialect: openai, base_url: "http://127.0.0.1:9/v1", api_keys: [none]}}
  aws:
    dialect: bedrock
    base_url: "http://127.0.0.1:9"
    region: eu-central-1
    access_key_id: "${{CANARY_PROVIDER_KEY}}"
    secret_access_key: "${{CANARY_PROVIDER_KEY}}"
"""


class Trouble:
    """The gateway, what stands behind it, and its configuration's file."""

    def __init__(self, served: Served, provider: FakeOpenAI, valkey: Valkey, config: Path) -> None:
        self.served = served
        self.provider = provider
        self.valkey = valkey
        self.config = config


@pytest_asyncio.fixture
async def trouble(tmp_path: Path) -> AsyncIterator[Trouble]:
    """Start it. It is stopped in order, and its log read, when the test is over."""
    database = await emptied(shared_server())
    with Valkey("--requirepass", REDIS_PASSWORD) as valkey:
        redis = valkey.url.replace("redis://", "redis://:${REDIS_PASSWORD}@")
        async with FakeOpenAI() as provider:
            text = configuration(provider.base_url, database, redis)
            # The planted key would be the same as root's.
            config = write_config(tmp_path, text)
            config.write_text(config.read_text().replace(f"    - {canaries.KEY}\n", ""))
            variables = {"REDIS_PASSWORD": REDIS_PASSWORD}
            arguments, names = ["serve", "--config", str(config)], (*WHOLE_GATEWAY, "admin")
            async with serving(arguments, tmp_path / "log", variables, names) as served:
                yield Trouble(served, provider, valkey, config)
                assert await served.stop() == 0


def quoting(status: int) -> Reply:
    """Refuse, and quote the key as it came: providers do."""

    async def reply(exchange: Exchange) -> None:
        sent = exchange.request.headers["authorization"]
        refusal = faults.refusal(TROUBLE_BY_STATUS[status], f"Not {sent}, {sent.removeprefix('Bearer ')}")
        await refusal(exchange)

    return reply


async def test_every_place_is_planted(trouble: Trouble) -> None:
    text = trouble.config.read_text()
    for name in ("CALLER_KEY", "PROVIDER_KEY", "PEPPER", "DATABASE_PASSWORD"):
        assert f"${{CANARY_{name}}}" in text
    assert "${REDIS_PASSWORD}@" in text
    async with Client(trouble.served.grpc, key=CALLER) as client:
        await client.generate("Hello", model="fake/m")
    assert [asked.headers["authorization"] for asked in trouble.provider.calls] == [f"Bearer {PROVIDER}"]


@pytest.mark.parametrize("status", STATUSES)
async def test_a_provider_that_quotes_its_key_has_it_told_to_nobody(trouble: Trouble, status: int) -> None:
    trouble.provider.always(quoting(status))
    async with Client(trouble.served.grpc, key=CALLER) as client:
        with pytest.raises(GatewayError) as caught:
            await client.generate("Hello", model="fake/m")
        check("an error over gRPC", str(vars(caught.value)))
        stream = client.stream("Hello", model="fake/m")
        with pytest.raises(GatewayError) as caught:
            async with stream:
                await stream.collect()
        check("a stream's error over gRPC", str(vars(caught.value)))
    async with aiohttp.ClientSession(trouble.served.rest) as http:
        for body in (CHAT, {**CHAT, "stream": True}):
            async with http.post("/v1/chat/completions", json=body, headers=dict(SHOWN)) as answer:
                assert answer.status >= 400
                check("an error over REST", f"{answer.headers} {await answer.text()}")


async def test_a_key_that_is_quoted_in_a_stream_or_in_a_good_answer_is_told_to_nobody(trouble: Trouble) -> None:
    said = f"Not {PROVIDER}"
    in_200 = encode_json({"error": {"message": said, "type": "server_error", "code": None}})
    trouble.provider.script(
        faults.refusal_in_stream(after_content(3), "server", said), faults.body(in_200), faults.body(in_200)
    )
    async with Client(trouble.served.grpc, key=CALLER) as client:
        for _ in range(2):
            with pytest.raises(GatewayError) as caught:
                async with client.stream("Hello", model="fake/m") as stream:
                    await stream.collect()
            assert "Not ***" in caught.value.message
            check("a stream's error", str(vars(caught.value)))
        with pytest.raises(GatewayError) as caught:
            await client.generate("Hello", model="fake/m")
        assert "Not ***" in caught.value.message
        check("an error", str(vars(caught.value)))


# What callers and administrators are told.


async def test_refusals_and_readings_tell_none(trouble: Trouble) -> None:
    served, wrong = trouble.served, f"{CALLER}x"
    async with aiohttp.ClientSession(served.rest) as http:
        for path in ("/v1/models", "/v1/models/fake/m", f"/v1/{CALLER}", "/readyz"):
            for key in (CALLER, wrong):
                async with http.get(path, headers={"authorization": f"Bearer {key}"}) as answer:
                    told = (await answer.text()).replace(f"/v1/{CALLER}", "")  # the caller's own words
                    check(path, f"{answer.headers} {told}")
    async with Client(served.grpc, key=CALLER) as client:
        for model in ("gone/m", "aws/m", "nobody/m"):
            with pytest.raises(GatewayError) as caught:
                await client.generate("Hello", model=model)
            check(model, str(vars(caught.value)))
            request = generation_pb2.GenerateRequest(model=model)
            request.messages.add(role="ROLE_USER").parts.add(text="Hello")
            with contextlib.suppress(GatewayError):
                check("a route, explained", str(await client.explain(request)))
        check("models", str(await client.models()))


async def test_the_admin_services_tell_none(trouble: Trouble) -> None:
    async with grpc.aio.insecure_channel(trouble.served.addresses["admin"]) as channel:
        keys: Any = key_service_pb2_grpc.KeyServiceStub(channel)  # Any: its types know no asyncio.
        quotas: Any = quota_service_pb2_grpc.QuotaServiceStub(channel)
        usage: Any = usage_service_pb2_grpc.UsageServiceStub(channel)
        made = await keys.CreateKey(key_service_pb2.CreateKeyRequest(key_id="made"), metadata=SHOWN)
        listed = await keys.ListKeys(key_service_pb2.ListKeysRequest(), metadata=SHOWN)
        assert {key.name for key in listed.keys} == {"keys/root", "keys/made"}
        # The new key's secret is told once, and is a secret from then on.
        export = usage_service_pb2.ExportUsageRequest(start_time={"seconds": 0})
        told = [
            listed,
            await quotas.ListQuotas(quota_service_pb2.ListQuotasRequest(), metadata=SHOWN),
            *[chunk async for chunk in usage.ExportUsage(export, metadata=SHOWN)],
        ]
        for metadata in ((), (("authorization", f"Bearer {CALLER}x"),)):
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await keys.ListKeys(key_service_pb2.ListKeysRequest(), metadata=metadata)
            told.append(repr(caught.value))
    for one in told:
        check("the admin services", str(one), [made.secret])
    check(trouble.served.log, trouble.served.log.read_bytes(), [made.secret])


@pytest.mark.parametrize("face", ["gRPC", "admin"])
async def test_reflection_tells_none_of_any_service(trouble: Trouble, face: str) -> None:
    async with grpc.aio.insecure_channel(trouble.served.addresses[face]) as channel:
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(channel)  # Any: as above
        ask = reflection_pb2.ServerReflectionRequest
        (listed,) = [answer async for answer in stub.ServerReflectionInfo(iter([ask(list_services="")]))]
        names = [service.name for service in listed.list_services_response.service]
        found = [ask(file_containing_symbol=name) for name in names]
        answers = [answer async for answer in stub.ServerReflectionInfo(iter(found))]
    assert all(answer.HasField("file_descriptor_response") for answer in answers)
    check("reflection", b"".join(answer.SerializeToString() for answer in answers))


# What logs and commands tell when what stands behind fails.


async def test_a_store_that_goes_away_is_told_of_without_its_password(trouble: Trouble) -> None:
    trouble.valkey.kill()
    async with Client(trouble.served.grpc, key=CALLER) as client:
        with contextlib.suppress(GatewayError):
            await client.generate("Hello", model="mock/echo")
    await until_logged(trouble.served.log, "Redis")


async def test_a_reload_that_is_refused_quotes_no_secret(trouble: Trouble) -> None:
    literal = json.dumps({"auth": {"keys": [{"name": "ci", "key": CALLER}], "pepper": VARIABLES["CANARY_PEPPER"]}})
    trouble.config.write_text(literal)
    trouble.served.process.send_signal(signal.SIGHUP)
    await until_logged(trouble.served.log, "configuration refused")


async def until_logged(log: Path, words: str) -> None:
    """Read the log until something stands in it, which nobody is told of."""
    async with asyncio.timeout(SAFETY_S):
        while words not in text_of(log):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


WRONG = {
    "a store that cannot be reached": 'store: {url: "postgresql://x:${CANARY_DATABASE_PASSWORD}@127.0.0.1:9/x"}',
    "a store's address that is none": 'store: {url: "postgres//x:${CANARY_DATABASE_PASSWORD}@127.0.0.1:9/x"}',
    "a Redis' address that is none": 'store: {redis: {url: "ftp://:${CANARY_DATABASE_PASSWORD}@127.0.0.1:9"}}',
    "a provider's address with a password": (
        'providers: {fake: {dialect: openai, base_url: "http://x:${CANARY_PROVIDER_KEY}@127.0.0.1:9/v1"}}'
    ),
    "a key in the place of a model": 'routes: {small: {targets: ["${CANARY_PROVIDER_KEY}"]}}',
    "a key in the place of an address": 'server: {grpc_listen: "${CANARY_PROVIDER_KEY}"}',
    "a key in the place of a number": 'limits: {concurrent_calls: "${CANARY_PROVIDER_KEY}"}',
    "a key with a space": 'providers: {fake: {dialect: openai, base_url: "http://x", api_keys: ["${CANARY_PEPPER} x"]}}',
    "a literal key": f'auth: {{keys: [{{name: ci, key: "{CALLER}"}}], pepper: "{VARIABLES["CANARY_PEPPER"]}"}}',
    "a literal provider key": f'providers: {{openai: {{api_keys: ["sk-{PROVIDER}-0123456789abcdef"], nonsense: 1}}}}',
}


COMMANDS = [
    *[(command, what) for command in ("serve", "check-config") for what in WRONG],
    ("migrate", "a store that cannot be reached"),
    ("migrate", "a store's address that is none"),
    ("keys", "a literal key"),
]


@pytest.mark.parametrize(("command", "what"), COMMANDS)
async def test_what_is_wrong_is_told_without_the_secrets_beside_it(tmp_path: Path, command: str, what: str) -> None:
    config = str(write_config(tmp_path, f"{WRONG[what]}\n"))
    before = {"check-config": [], "keys": ["new", "--config"]}.get(command, ["--config"])
    listen = [word for face in FACES for word in (f"--{face}-listen", "127.0.0.1:0")] if command == "serve" else []
    code, output, errors = await run_to_end([command, *before, config, *listen], tmp_path / "log")
    assert output + errors
    check(command, output + errors)
    assert code == 0 or errors.strip()


# The tests of the tests.


async def test_a_secret_in_what_is_told_fails_the_check(tmp_path: Path) -> None:
    for told in (PROVIDER, f"x{CALLER}y".encode(), "the test's own s3cret"):
        with pytest.raises(AssertionError, match="somewhere tells a secret"):
            check("somewhere", told, ["own s3cret"])
    check("somewhere", "nothing", ["own s3cret"])


@pytest.mark.parametrize("name", ["log", "log.data/llmgateway/ledger.db", "deep/er/spool"])
async def test_a_secret_in_a_file_fails_the_scan_of_its_folder(tmp_path: Path, name: str) -> None:
    config = write_config(tmp_path, FREE_PORTS)
    config.write_text(CALLER)  # where it may lie
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"\xff\x00 something")
    assert check_folder(tmp_path) == 1
    file.write_bytes(b"\xff\x00 something " + PROVIDER.encode())
    with pytest.raises(AssertionError, match="tells a secret"):
        check_folder(tmp_path)
    file.unlink()  # the session's own look must not find it


LEAKS = {
    "in its folder": "def test_it(tmp_path):\n    (tmp_path / 'log').write_text({mark!r})",
    "on its standard output": "def test_it():\n    print({mark!r})",
    "on its standard error": "import sys\ndef test_it():\n    print({mark!r}, file=sys.stderr)",
    "in its log": "import logging\ndef test_it():\n    logging.getLogger().warning({mark!r})",
}


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
def test_a_session_whose_tests_leave_a_secret_fails(code: str, tmp_path: Path) -> None:
    """In a process of its own, in a folder of its own: this session's look at what is left must not find it."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "conftest.py").write_text("from tests.e2e.conftest import *")
        (Path(folder) / "pytest.ini").write_text(f"[pytest]\npythonpath = {ROOT}\n")
        for mark, outcome in ((MARK, "1 error" if "tmp_path" in code else "1 failed"), ("nothing", "1 passed")):
            (Path(folder) / "test_it.py").write_text(code.format(mark=mark))
            command = [sys.executable, "-m", "pytest", "-q", "--basetemp", f"{folder}/temp", folder]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
            assert outcome in done.stdout, done.stdout + done.stderr
            assert (done.returncode == 0) == (mark != MARK)
            assert mark == "nothing" or "tells a secret" in done.stdout or "a canary is in what" in done.stdout


SHAPES = {
    "block": "auth:\n  keys:\n    - {name: ci, key: x}\nproviders:\n  a:\n    dialect: openai\n    base_url: u\n  b: {}\n",
    "flow": "auth: {keys: [{name: ci, key: x}]}\nproviders: {a: {dialect: openai, base_url: u}, b: {}}\n",
    "placeholder": "auth: {keys: [{name: ci, key: x}]}\nproviders: {a: {dialect: openai, base_url: u, api_keys: [none]}, b: {}}",
}


@pytest.mark.parametrize("text", SHAPES.values(), ids=SHAPES)
def test_a_configuration_is_planted_in_any_style(text: str) -> None:
    read = yaml.safe_load(planted(text))
    assert read["auth"]["keys"] == [{"name": "ci", "key": "x"}, {"name": "planted", "key": "${CANARY_CALLER_KEY}"}]
    assert read["auth"]["pepper"] == "${CANARY_PEPPER}"
    assert read["providers"]["a"]["api_keys"] == ["${CANARY_PROVIDER_KEY}"]
    assert read["providers"]["b"] == {}


def test_what_is_planted_opens_no_gateway_that_asked_and_asks_where_none_was_asked() -> None:
    assert yaml.safe_load(planted("server: {a: b}\n"))["auth"] == {"pepper": "${CANARY_PEPPER}"}
    assert yaml.safe_load(planted("auth: {keys: []}\n"))["auth"]["keys"] == []
    assert planted("server: [\n") == "server: [\n"
