"""One gateway, one shim and one fake provider for all tests of the session; each test starts with a clean fake.

Everything here lives in the session's event loop, so the tests do, too: `pytest.mark.asyncio(loop_scope="session")`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator

import httpx2
import openai
import pytest
import pytest_asyncio

from tests.e2e import canaries
from tests.e2e.oracle import SCHEMA, CheckingTransport, Oracle
from tests.e2e.serving import FREE_PORTS, ONE_TRY_YAML, Served, serving, write_config
from tests.fakes.openai import FakeOpenAI

PROVIDER_KEY = f"sk-{canaries.MARK}-provider"
BINDINGS = ("in_process", "channel")


@pytest.fixture(scope="session", autouse=True)
def look_for_canaries(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """When the session ends, look through all that its tests have left: logs, ledgers and spools of gateways."""
    yield
    canaries.check_folder(tmp_path_factory.getbasetemp())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail a test whose standard output, standard error or log tells a canary: some gateways run in its process."""
    report = yield
    if report.passed and any(canaries.MARK in text for _, text in report.sections):
        report.outcome = "failed"
        report.longrepr = "a canary is in what the test wrote to its standard output, standard error or log"
    return report


@pytest.fixture(scope="session")
def oracle() -> Oracle | None:
    """OpenAI's schema, or None where the shared folder is absent."""
    return Oracle() if SCHEMA.exists() else None


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def provider() -> AsyncIterator[FakeOpenAI]:
    """The provider behind the gateway; tests take it as `fake`."""
    async with FakeOpenAI() as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def gateway(provider: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """`llmgateway serve` with the mock, and with the fake as provider `fake`."""
    folder = tmp_path_factory.mktemp("gateway")
    config = write_config(
        folder,
        f"""{FREE_PORTS}
  lame_duck: 0s
{ONE_TRY_YAML}
providers:
  mock: {{}}
  fake: {{dialect: openai, base_url: "{provider.base_url}", api_keys: ["${{PROVIDER_KEY}}"]}}
routes:
  small: mock/lorem
  embedder: fake/text-embedding-3-small
""",
    )
    arguments = ["serve", "--config", str(config)]
    async with serving(arguments, folder / "log", {"PROVIDER_KEY": PROVIDER_KEY}) as served:
        yield served
        assert await served.stop() == 0


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shim(gateway: Served, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """`llmgateway serve-http`, over a channel to the same gateway."""
    log = tmp_path_factory.mktemp("shim") / "log"
    arguments = ["serve-http", "--target", gateway.grpc, "--http-listen", "127.0.0.1:0"]
    async with serving(arguments, log, names=("REST",)) as served:
        yield served
        assert await served.stop() == 0


@pytest.fixture(params=BINDINGS)
def binding(request: pytest.FixtureRequest) -> str:
    """How REST reaches the gateway: in its process, or over a channel."""
    assert isinstance(request.param, str)
    return request.param


@pytest.fixture
def rest(binding: str, gateway: Served, shim: Served) -> str:
    """The base URL that an OpenAI client takes, over one binding and the other."""
    return f"{(gateway if binding == 'in_process' else shim).rest}/v1"


@pytest_asyncio.fixture(loop_scope="session")
async def fake(provider: FakeOpenAI, gateway: Served, oracle: Oracle | None) -> AsyncIterator[FakeOpenAI]:
    """The provider with nothing scripted. What the gateway sent it must fit OpenAI's schema, and nothing more."""
    provider.reset()
    yield provider
    requests = provider.calls
    provider.reset()
    if oracle is not None:
        wrong = [
            violation
            for request in requests
            for violation in oracle.violations("POST", request.path, "request", request.body)
        ]
        assert not wrong, "the gateway sent what OpenAI does not declare:\n" + "\n".join(wrong)
    assert all(request.headers["authorization"] == f"Bearer {PROVIDER_KEY}" for request in requests)


async def check_answer(answer: httpx2.Response) -> None:
    """Fail if an answer tells a canary in its headers or, where it is an error, in its body."""
    canaries.check(answer.url, str(answer.headers.multi_items()))
    if answer.is_error:
        canaries.check(answer.url, await answer.aread())


@pytest_asyncio.fixture(loop_scope="session")
async def client(rest: str, oracle: Oracle | None) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official SDK. Every answer and chunk that it reads must fit OpenAI's schema."""
    transport = CheckingTransport(oracle) if oracle is not None else httpx2.AsyncHTTPTransport()
    # Proxies of the environment are no business of loopback.
    http = httpx2.AsyncClient(transport=transport, trust_env=False, timeout=30)
    http.event_hooks["response"].append(check_answer)
    async with openai.AsyncOpenAI(base_url=rest, api_key="none", http_client=http, max_retries=0) as made:
        yield made
    if isinstance(transport, CheckingTransport):
        assert not transport.violations, "OpenAI's schema refuses:\n" + "\n".join(transport.violations)
