"""What REST tells of quotas: headers like OpenAI's, 429 and 402 with what is used, held and left; keys with bounds."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from google.protobuf.duration_pb2 import Duration
from llmgateway.v1 import call_pb2
from llmgateway_http.rate_limits import duration_text, limit_headers, violation_headers
from llmgateway_server.app import Gateway
from llmgateway_server.config.auth import AuthSettings, KeySettings
from llmgateway_server.config.quotas import QuotaSettings
from llmgateway_server.config.settings import (
    ModelSettings,
    ProviderSettings,
    ServerSettings,
    Settings,
)
from llmgateway_server.telemetry.logs import LineWriter

Json = Any  # Any: decoded JSON

KEYS = {name: f"key-of-{name}-0123456789abcdef" for name in ("fast", "poor", "broke", "small", "looker")}
CHAT: Json = {"model": "mock/echo", "messages": [{"role": "user", "content": "Hello"}], "max_completion_tokens": 5}
QUOTAS = (
    QuotaSettings(scope="key/fast", metric="requests", window="minute", limit="2"),
    QuotaSettings(scope="key/fast", metric="tokens", window="minute", limit="100000"),
    QuotaSettings(scope="key/poor", metric="cost", window="day", limit="0.001"),
    QuotaSettings(scope="key/broke", metric="cost", window="total", limit="0"),
    QuotaSettings(scope="key/small", metric="cost", window="total", limit="0.000001"),
)


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    listen = "127.0.0.1:0"
    keys = tuple(
        KeySettings(name=name, key=key, role="viewer" if name == "looker" else "member") for name, key in KEYS.items()
    )
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        auth=AuthSettings(keys=keys),
        providers={"mock": ProviderSettings(), "other": ProviderSettings(dialect="mock")},
        models={"mock/echo": ModelSettings(price={"input": "1", "output": "2"})},
        quotas=QUOTAS,
    )
    writer = LineWriter(io.BytesIO())
    made = Gateway(settings, writer)
    await made.start()
    try:
        yield made
    finally:
        await made.close()
        writer.close()


class Answer:
    """A status, headers and body."""

    def __init__(self, status: int, headers: Any, body: Json) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def error(self) -> Json:
        return self.body["error"]


async def ask(gateway: Gateway, key: str, **changes: Json) -> Answer:
    headers = {"authorization": f"Bearer {KEYS[key]}"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"http://{gateway.listening.http}/v1/chat/completions", json={**CHAT, **changes}, headers=headers
        ) as response,
    ):
        is_json = response.content_type == "application/json"
        return Answer(response.status, response.headers, await (response.json() if is_json else response.text()))


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_tells_what_is_left_of_rates(gateway: Gateway, stream: bool) -> None:
    answer = await ask(gateway, "fast", stream=stream)
    assert answer.status == 200
    assert answer.headers["x-ratelimit-limit-requests"] == "2"
    assert answer.headers["x-ratelimit-remaining-requests"] == "1"
    assert answer.headers["x-ratelimit-limit-tokens"] == "100000"
    assert 99_000 < int(answer.headers["x-ratelimit-remaining-tokens"]) < 100_000
    assert answer.headers["x-ratelimit-reset-requests"].endswith("s")


async def test_a_rate_without_room_is_429_with_when_to_come_back(gateway: Gateway) -> None:
    for _ in range(2):
        assert (await ask(gateway, "fast")).status == 200
    answer = await ask(gateway, "fast")
    assert answer.status == 429
    assert (answer.error["type"], answer.error["code"]) == ("rate_limit_error", "rate_limit_exceeded")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert answer.headers["x-should-retry"] == "true"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"
    (broken,) = answer.error["quota_violations"]
    assert (broken["scope"], broken["metric"], broken["window"]) == ("key/fast", "requests", "minute")
    assert (broken["limit"], broken["used"], broken["held"]) == (2, 2, 0)


async def test_a_spent_budget_is_402_and_says_so_as_openai_does(gateway: Gateway) -> None:
    answer = await ask(gateway, "broke")
    assert answer.status == 402
    assert (answer.error["type"], answer.error["code"]) == ("insufficient_quota", "insufficient_quota")
    assert answer.headers["x-should-retry"] == "false"
    assert "retry-after" not in answer.headers
    assert "key/broke" in answer.error["message"]
    (broken,) = answer.error["quota_violations"]
    assert broken == {"scope": "key/broke", "metric": "cost", "window": "total", "limit": 0, "used": 0, "held": 0}


async def test_what_no_budget_could_hold_names_the_member_of_the_body(gateway: Gateway) -> None:
    answer = await ask(gateway, "small")
    assert answer.status == 400
    assert answer.error["param"] == "max_completion_tokens"
    assert "asks for too much" in answer.error["message"]


async def test_a_model_without_a_price_is_400_with_the_line_to_add(gateway: Gateway) -> None:
    answer = await ask(gateway, "poor", model="other/echo")
    assert (answer.status, answer.error["code"], answer.error["param"]) == (400, "price_unknown", "model")
    assert "models: {other/echo: {price:" in answer.error["message"]


async def test_an_output_limit_that_was_chosen_is_told_in_a_header(gateway: Gateway) -> None:
    answer = await ask(gateway, "poor", max_completion_tokens=None)
    assert answer.status == 200
    assert "max_output_token_count" in answer.headers["x-llmgateway-warnings"]
    assert float(answer.headers["x-llmgateway-cost-usd"]) > 0


async def test_a_key_that_looks_on_calls_no_model(gateway: Gateway) -> None:
    answer = await ask(gateway, "looker")
    assert (answer.status, answer.error["code"]) == (403, "model_not_allowed")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0ms"), (0.0124, "12ms"), (1.5, "1.5s"), (59.9994, "59.999s"), (60, "1m0s"), (360, "6m0s")],
)
def test_times_are_written_as_openai_does(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_only_rates_of_requests_and_tokens_have_headers() -> None:
    limits = [
        call_pb2.RateLimit(metric="requests", limit=10, remaining=9, reset_after=Duration(seconds=6)),
        call_pb2.RateLimit(metric="neurons", limit=1),
    ]
    assert limit_headers(limits) == {
        "x-ratelimit-limit-requests": "10",
        "x-ratelimit-remaining-requests": "9",
        "x-ratelimit-reset-requests": "6s",
    }
    violations = [
        call_pb2.QuotaViolation(metric="cost", window="minute", limit=1),
        call_pb2.QuotaViolation(metric="tokens", window="day", limit=1),
        call_pb2.QuotaViolation(metric="concurrency", limit=1),
    ]
    assert violation_headers(violations, 0.0) == {}
