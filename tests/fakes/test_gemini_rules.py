"""What the fake Google provider refuses: requests that its client would not send, or whose refusal it would hide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from tests.fakes.gemini import GEMINI, VERTEX
from tests.fakes.provider import FakeProvider

MODEL = "gemini-3-pro-preview"
USER = {"role": "user", "parts": [{"text": "Hi"}]}
CALL = {"role": "model", "parts": [{"functionCall": {"name": "first"}, "thoughtSignature": "c2ln"}]}
UNSIGNED = {"role": "model", "parts": [{"functionCall": {"name": "first"}}]}
RESULT = {"role": "user", "parts": [{"functionResponse": {"name": "first", "response": {}}}]}
BAD_REQUESTS: dict[str, tuple[list[dict[str, Any]], str]] = {
    "nothing": ([], "contents is not specified"),
    "a role": ([{"role": "assistant", "parts": [{"text": "Hi"}]}], "Please use a valid role: user, model."),
    "no parts": ([{"role": "user"}], "contents[0].parts: contents.parts must not be empty"),
    "an empty part": ([{"parts": [{"thought": True}]}], "required oneof field 'data'"),
    "a result without a call": ([USER, RESULT], "number of function response parts"),
    "a call without a result": ([USER, CALL, USER], "number of function response parts"),
    "a call after words": (
        [USER, {"role": "model", "parts": [{"text": "x"}]}, CALL, RESULT],
        "immediately after a user",
    ),
    "a call without a signature": ([USER, UNSIGNED, RESULT], "missing a thought_signature"),
}


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(GEMINI) as started:
        yield started


async def post(
    fake: FakeProvider, body: object, headers: dict[str, str], *, method: str = "generateContent"
) -> tuple[int, Any]:
    """Ask for a generation; return the status, and the JSON that came."""
    where = "publishers/google/models" if fake.dialect is VERTEX else "models"
    url = f"{fake.base_url}/{where}/{MODEL}:{method}"
    async with aiohttp.ClientSession() as http, http.post(url, json=body, headers=headers) as got:
        return got.status, await got.json()


@pytest.mark.parametrize(("contents", "words"), BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_it_refuses_what_the_real_one_refuses(fake: FakeProvider, contents: Any, words: str) -> None:
    status, said = await post(fake, {"contents": contents}, {"x-goog-api-key": "k"})
    assert (status, said["error"]["status"]) == (400, "INVALID_ARGUMENT")
    assert words in said["error"]["message"]


async def test_a_signature_is_asked_of_the_current_turn_alone(fake: FakeProvider) -> None:
    status, _ = await post(fake, {"contents": [USER, UNSIGNED, RESULT, USER]}, {"x-goog-api-key": "k"})
    assert status == 200


async def test_a_caller_without_a_key_is_refused(fake: FakeProvider) -> None:
    status, said = await post(fake, {"contents": [USER]}, {})
    assert (status, said["error"]["status"]) == (403, "PERMISSION_DENIED")


async def test_vertex_refuses_a_caller_without_a_token() -> None:
    async with FakeProvider(VERTEX) as vertex:
        status, said = await post(vertex, {"contents": [USER]}, {"x-goog-api-key": "k"})
    assert (status, said["error"]["status"]) == (401, "UNAUTHENTICATED")


async def test_it_streams_events_alone(fake: FakeProvider) -> None:
    method, headers = "streamGenerateContent", {"x-goog-api-key": "k"}
    status, said = await post(fake, {"contents": [USER]}, headers, method=method)
    assert (status, "alt=sse" in said["error"]["message"]) == (400, True)
