"""A model that thinks for 90 s before it says a word, at default timers: served once, billed once.

The event loop's clock runs 60 times as fast, so that a minute and a half takes a second and a half. All timers of the
gateway are the loop's; the provider's silence is, too.
"""

from __future__ import annotations

import asyncio
import io
import selectors
from collections.abc import Coroutine, Sequence
from typing import Any

import aiohttp
import pytest
from llmgateway import Client
from llmgateway_server.app import Gateway
from llmgateway_server.config.section import FROM_FILE
from llmgateway_server.config.settings import Settings
from llmgateway_server.telemetry.logs import LineWriter

from tests.fakes.exchange import Exchange, Reply
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import chat

SPEED = 60
SILENCE_S = 90.0
HELLO = [{"role": "user", "content": "Hello there"}]


class FastSelector(selectors.DefaultSelector):
    """Waits for a sixtieth of the time."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout if timeout is None or timeout <= 0 else timeout / SPEED)


class FastLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock runs fast."""

    def __init__(self) -> None:
        super().__init__(FastSelector())

    def time(self) -> float:
        return super().time() * SPEED


def silent(reply: Reply) -> Reply:
    """Reply after the silence."""

    async def wait_and_reply(exchange: Exchange) -> None:
        await asyncio.sleep(SILENCE_S)
        await reply(exchange)

    return wait_and_reply


async def serve(model: str, streams: bool) -> tuple[int, int, Sequence[str]]:
    """Ask once over each protocol; return how often both providers were asked, and what came."""
    clock = asyncio.get_running_loop().time
    listen = "127.0.0.1:0"
    async with FakeOpenAI() as first, FakeOpenAI() as second:
        first.always(silent(chat("Hello there")))
        document = {
            "server": {"grpc_listen": listen, "http_listen": listen, "metrics_listen": listen, "admin_listen": listen},
            "providers": {
                name: {"dialect": "openai", "base_url": fake.base_url} for name, fake in (("a", first), ("b", second))
            },
            "routes": {"r": {"targets": ["a/m", "b/m"]}},
            "models": {"a/thinker": {"slow_first": True}},
        }
        settings = Settings.model_validate(document, context=FROM_FILE, by_alias=True, by_name=False)
        writer = LineWriter(io.BytesIO())
        gateway = Gateway(settings, writer, clock=clock)
        await gateway.start()
        try:
            answers = await asyncio.gather(
                over_rest(gateway.listening.http, model, streams), over_grpc(gateway.listening.grpc, model, streams)
            )
        finally:
            await gateway.close()
            writer.close()
        return len(first.calls), len(second.calls), answers


async def over_rest(address: str, model: str, streams: bool) -> str:
    body = {"model": model, "messages": HELLO, "stream": streams}
    no_timers = aiohttp.ClientTimeout(total=None, sock_read=None)
    async with (
        aiohttp.ClientSession(f"http://{address}", timeout=no_timers) as session,
        session.post("/v1/chat/completions", json=body) as answer,
    ):
        assert answer.status == 200
        text = await answer.text()
        assert not streams or text.endswith("data: [DONE]\n\n")
        return text


async def over_grpc(address: str, model: str, streams: bool) -> str:
    async with Client(address) as client:
        if not streams:
            return str(await client.generate("Hello there", model=model))
        async with client.stream("Hello there", model=model) as stream:
            async for _ in stream:
                pass
        return str(stream.response)


def run(work: Coroutine[Any, Any, tuple[int, int, Sequence[str]]]) -> tuple[int, int, Sequence[str]]:
    with asyncio.Runner(loop_factory=FastLoop) as runner:
        return runner.run(work)


@pytest.mark.parametrize(("model", "streams"), [("r", False), ("a/m", False), ("a/thinker", True)])
def test_a_long_silence_is_served_once_and_billed_once(model: str, streams: bool) -> None:
    asked_first, asked_second, answers = run(serve(model, streams))
    assert (asked_first, asked_second) == (2, 0)  # once a protocol
    assert all("there" in answer for answer in answers)


def test_a_stream_of_a_model_that_should_not_be_silent_goes_to_the_next_target() -> None:
    asked_first, asked_second, answers = run(serve("r", streams=True))
    assert (asked_first, asked_second) == (2, 2)
    assert all("there" in answer for answer in answers)
