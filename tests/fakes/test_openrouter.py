"""The fake OpenRouter, checked by the client that its documentation names: OpenAI's, with another base URL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from tests.fakes import faults
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.dialect import Stream, after_content, opened
from tests.fakes.openrouter import COMMENT, COST_USD, MODELS, OPENROUTER, OWN_TROUBLES, error_body
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat
from tests.fakes.request import RecordedRequest
from tests.specs import needs_specs, validator

MODEL = MODELS[0]
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
TOOLS: list[ChatCompletionToolParam] = [
    {"type": "function", "function": {"name": name, "parameters": {}}} for name in ("first", "second")
]


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(OPENROUTER) as started:
        yield started


@pytest.fixture
async def client(fake: FakeProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    http = httpx2.AsyncClient(trust_env=False)
    async with openai.AsyncOpenAI(
        base_url=fake.base_url, api_key="fake", max_retries=0, timeout=10, http_client=http
    ) as made:
        yield made


async def read(client: openai.AsyncOpenAI, **more: Any) -> Sequence[ChatCompletionChunk]:
    """Ask for a stream; return its chunks."""
    stream = await client.chat.completions.create(**{"model": MODEL, "messages": HELLO, "stream": True, **more})
    async with stream:
        return [chunk async for chunk in stream]


async def test_it_names_the_provider_behind_it_and_the_cost(fake: FakeProvider, client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=HELLO)
    assert (answer.choices[0].message.content, answer.model) == ("Hello there", MODEL)
    assert (answer.model_extra or {})["provider"] == "Anthropic"
    assert (answer.choices[0].model_extra or {})["native_finish_reason"] == "end_turn"
    assert answer.usage is not None
    assert (answer.usage.total_tokens, (answer.usage.model_extra or {})["cost"]) == (12, COST_USD)
    (request,) = fake.calls
    assert (request.path, request.headers["authorization"]) == ("/api/v1/chat/completions", "Bearer fake")


async def test_the_last_chunk_repeats_its_choice_and_tells_usage_and_cost_unasked(client: openai.AsyncOpenAI) -> None:
    *content, end, last = await read(client)
    assert [chunk.choices[0].delta.content for chunk in content] == ["Hello", " there"]
    assert {chunk.choices[0].delta.role for chunk in [*content, end, last]} == {"assistant"}
    assert (end.choices, end.usage) == (last.choices, None)
    assert last.choices[0].finish_reason == "stop"
    assert last.usage is not None
    assert (last.usage.total_tokens, (last.usage.model_extra or {})["cost"]) == (12, COST_USD)


ANSWERS = {
    "a text": Answer("one two  three\n"),
    "thoughts": Answer("42", reasoning="It must be so."),
    "calls": Answer("Let me see.", [ToolCall("a", "first", '{"x":1}'), ToolCall("b", "second")]),
    "thoughts and a call": Answer(tool_calls=[ToolCall("a", "first")], reasoning="I look."),
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_a_stream_adds_up_to_the_whole_answer(
    fake: FakeProvider, client: openai.AsyncOpenAI, answer: Answer
) -> None:
    fake.script(chat(answer), chat(answer))
    whole = (await client.chat.completions.create(model=MODEL, messages=HELLO, tools=TOOLS)).choices[0]
    choices = [chunk.choices[0] for chunk in await read(client, tools=TOOLS)]
    deltas = [choice.delta for choice in choices]
    assert "".join(delta.content or "" for delta in deltas) == (whole.message.content or "") == (answer.text or "")
    thoughts = [(delta.model_extra or {}).get("reasoning") or "" for delta in deltas]
    assert "".join(thoughts) == ((whole.message.model_extra or {}).get("reasoning") or "") == (answer.reasoning or "")
    pieces = [
        (call.index, call.function and call.function.arguments) for delta in deltas for call in delta.tool_calls or []
    ]
    for place, call in enumerate(answer.tool_calls):
        assert "".join(piece or "" for index, piece in pieces if index == place) == call.arguments
    assert choices[-1].finish_reason == whole.finish_reason
    details = [detail for delta in deltas for detail in (delta.model_extra or {}).get("reasoning_details") or []]
    signed = (whole.message.model_extra or {}).get("reasoning_details") or []
    assert [detail["signature"] for detail in details if "signature" in detail] == [
        detail["signature"] for detail in signed
    ]


def streamed(answer: Answer) -> Stream:
    asked = RecordedRequest("POST", "/api/v1/chat/completions", {}, b"", {"model": MODEL, "stream": True})
    return OPENROUTER.stream(asked, [answer], None)


def test_comments_come_before_the_answer_and_before_the_usage() -> None:
    stream = streamed(Answer("one two"))
    assert [frame == COMMENT for frame in stream.frames] == [True, True, False, False, False, True, False, False]


async def test_the_client_hears_nothing_of_comments(fake: FakeProvider, client: openai.AsyncOpenAI) -> None:
    fake.script(faults.stream_ended(opened))
    assert await read(client) == []


async def test_it_lists_models(client: openai.AsyncOpenAI) -> None:
    assert [model.id async for model in client.models.list()] == list(MODELS)


async def test_it_embeds(client: openai.AsyncOpenAI) -> None:
    made = await client.embeddings.create(model=MODEL, input=["a", "b"])
    assert made.data[0].embedding != made.data[1].embedding


STATUS_ERRORS: list[tuple[Any, type[openai.APIStatusError], int]] = [
    ("invalid", openai.BadRequestError, 400),
    ("key_rejected", openai.AuthenticationError, 401),
    ("content_filtered", openai.PermissionDeniedError, 403),
    ("model_unknown", openai.BadRequestError, 400),
    ("rate_limited", openai.RateLimitError, 429),
    ("server", openai.InternalServerError, 500),
    ("unavailable", openai.InternalServerError, 503),
    ("overloaded", openai.InternalServerError, 529),
]


@pytest.mark.parametrize(("trouble", "error", "status"), STATUS_ERRORS)
async def test_it_refuses_with_a_status_which_is_the_code(
    fake: FakeProvider, client: openai.AsyncOpenAI, trouble: Any, error: type[openai.APIStatusError], status: int
) -> None:
    fake.script(faults.refusal(trouble, retry_after="7"))
    with pytest.raises(error) as caught:
        await read(client)
    assert isinstance(caught.value, error)
    assert (caught.value.status_code, caught.value.code) == (status, str(status))
    assert caught.value.response.headers["retry-after"] == "7"


@pytest.mark.parametrize(("status", "said"), OWN_TROUBLES.values(), ids=OWN_TROUBLES)
async def test_it_has_statuses_of_its_own(
    fake: FakeProvider, client: openai.AsyncOpenAI, status: int, said: str
) -> None:
    fake.script(faults.error(status, error_body(status, said)))
    with pytest.raises(openai.APIStatusError, match=said) as caught:
        await read(client)
    assert caught.value.status_code == status


@pytest.mark.parametrize("place", [opened, after_content(3)])
async def test_an_error_inside_a_stream_has_choices_beside_it(
    fake: FakeProvider, client: openai.AsyncOpenAI, place: Any
) -> None:
    fake.script(faults.refusal_in_stream(place, "overloaded"))
    with pytest.raises(openai.APIError, match="Provider is overloaded"):
        await read(client)
    assert b'"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"' in OPENROUTER.error_frame(
        "overloaded"
    )


async def test_it_wants_a_key_for_answers_only(fake: FakeProvider) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        told = await http.post(f"{fake.base_url}/chat/completions", json={"model": "m", "messages": HELLO})
        assert (told.status_code, told.json()["error"]["message"]) == (401, "Missing Authentication header")
        assert (await http.get(f"{fake.base_url}/models")).status_code == 200


@needs_specs
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_fit_openrouter_s_schema(answer: Answer) -> None:
    asked = RecordedRequest("POST", "/api/v1/chat/completions", {}, b"", {"model": MODEL})
    assert validator("openrouter", "POST /chat/completions", "response")(OPENROUTER.whole(asked, [answer], None)) == []
