"""The check that the other tests rely on: it sees what is wrong, whole and in a stream."""

from __future__ import annotations

import httpx2
import pytest

from tests.e2e.oracle import SCHEMA, CheckingTransport, Oracle
from tests.fakes import faults, wire
from tests.fakes.answer import Answer
from tests.fakes.exchange import Reply
from tests.fakes.framing import sse_event
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import answer_by_default, raw_stream

pytestmark = pytest.mark.skipif(not SCHEMA.exists(), reason="the shared folder with OpenAI's schema is absent")

GOOD_CHUNK = wire.chunks("m", [Answer("x")], None, include_usage=False)[0]
ODD_CHUNK = {**GOOD_CHUNK, "object": "chunk"}

ANSWERS: list[tuple[str, Reply, int, int]] = [
    ("good", answer_by_default, 1, 0),
    ("without choices", faults.body(b'{"id": "x", "created": 1, "model": "m", "object": "chat.completion"}'), 1, 1),
    ("no JSON", faults.body(b"{"), 1, 1),
    ("good error", faults.status(429), 1, 0),
    ("error without its members", faults.error(400, {"error": {"message": "no"}}), 1, 3),
    ("good stream", raw_stream(sse_event(GOOD_CHUNK) + wire.DONE, 7), 1, 0),
    ("odd chunk", raw_stream(sse_event(GOOD_CHUNK) + sse_event(ODD_CHUNK) + wire.DONE, 7), 2, 1),
    ("comment", raw_stream(b": ping\n\n" + sse_event(GOOD_CHUNK), 7), 1, 0),
]


@pytest.mark.parametrize(
    ("reply", "checked_count", "violation_count"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS]
)
async def test_answers_are_checked(reply: Reply, checked_count: int, violation_count: int) -> None:
    transport = CheckingTransport(Oracle())
    async with FakeOpenAI() as fake, httpx2.AsyncClient(transport=transport) as client:
        fake.script(reply)
        await client.post(
            f"{fake.base_url}/chat/completions",
            json={"model": "m", "messages": [{"role": "user", "content": "Hello"}]},
        )
    assert transport.checked_count == checked_count
    assert len(transport.violations) == violation_count


async def test_requests_may_hold_nothing_undeclared() -> None:
    oracle = Oracle()
    request = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "temperature": 1}
    assert oracle.violations("POST", "/v1/chat/completions", "request", request) == []
    assert oracle.violations("POST", "/v1/chat/completions", "request", {**request, "temprature": 1})
