"""The official Node SDK against REST, in the gateway's process and over a channel."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests import toolchains
from tests.fakes import faults, wire
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import answer_by_default, chat

pytestmark = pytest.mark.asyncio(loop_scope="session")

DRIVE_TIMEOUT_S = 60.0
OSLO = ToolCall("call_1", "get_weather", '{"city": "Oslo"}')
ROME = ToolCall("call_2", "get_time", '{"city": "Rome"}')


async def drive(rest: str) -> dict[str, Any]:  # Any: decoded JSON.
    """Run the script against a gateway; return what it printed."""
    node, project = await asyncio.to_thread(lambda: (toolchains.node(), toolchains.node_project()))
    process = await asyncio.create_subprocess_exec(
        node,
        str(project / "drive.mjs"),
        rest,
        "fake/gpt-4o-mini",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(DRIVE_TIMEOUT_S):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    seen: dict[str, Any] = json.loads(output)
    return seen


async def test_the_node_sdk_sees_what_the_provider_sent(rest: str, fake: FakeOpenAI) -> None:
    parallel = chat(Answer(tool_calls=[OSLO, ROME]))
    fake.script(
        chat("A whole answer."),
        chat("A streamed answer."),
        chat(Answer(tool_calls=[OSLO])),
        chat("It rains."),
        parallel,
        parallel,
        chat('{"name": "Oslo"}'),
        answer_by_default,
        answer_by_default,
        faults.status(429, retry_after="7"),
        faults.stream_cut(4),
        faults.stream_stalled(4),
    )
    seen = await drive(rest)

    assert seen["chat"]["content"] == "A whole answer."
    assert seen["chat"]["finish"] == "stop"
    assert seen["chat"]["provider"] == "fake"
    assert seen["chat"]["usage"]["total_tokens"] == 13
    assert seen["stream"]["content"] == "A streamed answer."
    assert seen["stream"]["usage"]["total_tokens"] == 13

    oslo, rome = [[call.id, call.name, call.arguments] for call in (OSLO, ROME)]
    assert seen["tools"] == {"calls": [oslo], "finish": "tool_calls", "content": "It rains."}
    assert seen["parallelTools"] == {"whole": [oslo, rome], "streamed": [oslo, rome]}
    assert seen["structuredOutput"] == {"name": "Oslo"}

    vectors = [wire.unit_vector(text, 6) for text in ("one", "two")]
    assert seen["embeddings"] == {"byDefault": vectors, "plain": vectors}
    assert {"mock/echo", "small", "fake/gpt-4.1"} <= set(seen["models"]["names"])
    assert seen["models"]["one"] == "mock/echo"

    limited, missing, wrong = (seen["errors"][name] for name in ("limited", "missing", "wrong"))
    assert (limited["name"], limited["status"], limited["code"]) == ("RateLimitError", 429, "rate_limit_exceeded")
    assert limited["retryAfter"] == "7"
    assert (missing["name"], missing["status"], missing["code"]) == ("NotFoundError", 404, "model_not_found")
    assert (wrong["name"], wrong["status"], wrong["param"]) == ("BadRequestError", 400, "temperature")
    assert all(error["hasRequestId"] for error in (limited, missing, wrong))

    assert "one two three".startswith(seen["brokenStream"]["content"])
    assert seen["brokenStream"]["failure"]["code"] == "stream_broken"
    assert seen["cancellation"] == {"sawContent": True}
    await fake.closed(timeout_s=5)
