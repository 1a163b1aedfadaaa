"""Providers that cannot be reached at all, from the installed command. What those do wrong that can: test_dialect_faults."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio

from tests.e2e.caller import Caller, Failure, Protocol, callers
from tests.e2e.serving import FREE_PORTS, ONE_TRY_YAML, Served, serving, write_config
from tests.fakes.openai import FakeOpenAI

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "sk-provider-of-this-test-0123456789"
UNREACHABLE = "provider_unreachable"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hasty(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A gateway that waits for little."""
    folder = tmp_path_factory.mktemp("hasty")
    async with FakeOpenAI() as upstream:
        config = write_config(
            folder,
            f"""{FREE_PORTS}
  lame_duck: 0s
{ONE_TRY_YAML}
timeouts: {{connect: 2s, first_content: 800ms, gap: 800ms, total: 2500ms}}
providers:
  fake: {{dialect: openai, base_url: "{upstream.base_url}", api_keys: ["${{PROVIDER_KEY}}"]}}
  dead: {{dialect: openai, base_url: "http://127.0.0.1:1/v1", api_keys: ["${{PROVIDER_KEY}}"]}}
  nameless: {{dialect: openai, base_url: "http://no-such-host.invalid/v1"}}
  wrong-tls: {{dialect: openai, base_url: "{upstream.base_url.replace("http:", "https:")}"}}
""",
        )
        async with serving(["serve", "--config", str(config)], folder / "log", {"PROVIDER_KEY": KEY}) as served:
            yield served
            assert await served.stop() == 0
            log = served.log.read_text()
            assert [line for line in log.splitlines() if "Traceback" in line] == []
            assert KEY not in log


@pytest_asyncio.fixture(loop_scope="session")
async def made(hasty: Served) -> AsyncIterator[Mapping[Protocol, Caller]]:
    """Callers, after whose test the gateway must still serve."""
    async with callers(hasty.rest, hasty.grpc) as opened:
        yield opened
        for caller in opened.values():
            assert [await caller.call("fake/m", streams=streams) for streams in (False, True)] == ["Hello there"] * 2


@pytest.mark.parametrize("model", ["dead/m", "nameless/m", "wrong-tls/m"])
@pytest.mark.parametrize("protocol", ["rest", "grpc"])
@pytest.mark.parametrize("streams", [False, True])
async def test_u4_a_provider_that_cannot_be_reached_is_typed(
    made: Mapping[Protocol, Caller], protocol: Protocol, streams: bool, model: str
) -> None:
    outcome = await made[protocol].call(model, streams=streams)
    assert isinstance(outcome, Failure)
    assert outcome.code in (UNREACHABLE, "connect_timeout", "first_content_timeout", "timeout")
    if not model.startswith("nameless"):  # How long a name takes to fail is not ours to say.
        assert outcome.code == UNREACHABLE
