"""The fake Azure OpenAI, checked by the client that the real one's users have."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionChunk, ChatCompletionMessageParam, ChatCompletionToolParam

from tests.fakes import faults
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.azure import AZURE
from tests.fakes.dialect import after_content
from tests.fakes.provider import FakeProvider
from tests.fakes.replies import chat

MODEL = "my-gpt"
VERSION = "2024-10-21"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
TOOLS: list[ChatCompletionToolParam] = [{"type": "function", "function": {"name": "first", "parameters": {}}}]


@pytest.fixture
async def fake() -> AsyncIterator[FakeProvider]:
    async with FakeProvider(AZURE) as started:
        yield started


@pytest.fixture(params=["dated", "v1"])
async def client(request: pytest.FixtureRequest, fake: FakeProvider) -> AsyncIterator[openai.AsyncOpenAI]:
    """Azure's own class for the dated API, OpenAI's with another base URL for the v1 API: as Microsoft documents it."""
    http = httpx2.AsyncClient(trust_env=False)
    common: dict[str, Any] = {"max_retries": 0, "timeout": 10, "http_client": http}
    made: openai.AsyncOpenAI
    if request.param == "dated":
        made = openai.AsyncAzureOpenAI(azure_endpoint=fake.origin, api_key="fake", api_version=VERSION, **common)
    else:
        made = openai.AsyncOpenAI(base_url=f"{fake.origin}/openai/v1/", api_key="fake", **common)
    async with made:
        yield made


async def read(client: openai.AsyncOpenAI, **more: Any) -> Sequence[ChatCompletionChunk]:
    """Ask for a stream; return its chunks."""
    stream = await client.chat.completions.create(**{"model": MODEL, "messages": HELLO, "stream": True, **more})
    async with stream:
        return [chunk async for chunk in stream]


def text_of(chunks: Sequence[ChatCompletionChunk]) -> str:
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


async def test_it_answers_with_its_verdicts(fake: FakeProvider, client: openai.AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model=MODEL, messages=HELLO)
    assert answer.choices[0].message.content == "Hello there"
    assert (answer.choices[0].model_extra or {})["content_filter_results"]["hate"] == {
        "filtered": False,
        "severity": "safe",
    }
    assert (answer.model_extra or {})["prompt_filter_results"][0]["prompt_index"] == 0
    (request,) = fake.calls
    if isinstance(client, openai.AsyncAzureOpenAI):
        assert request.path == f"/openai/deployments/{MODEL}/chat/completions?api-version={VERSION}"
        assert request.headers["api-key"] == "fake"
    else:
        assert (request.path, request.headers["authorization"]) == ("/openai/v1/chat/completions", "Bearer fake")


async def test_a_stream_begins_with_the_verdict_of_the_prompt(client: openai.AsyncOpenAI) -> None:
    first, *others = await read(client, stream_options={"include_usage": True})
    assert (first.id, first.model, first.choices) == ("", "", [])
    assert "prompt_filter_results" in (first.model_extra or {})
    assert text_of(others) == "Hello there"
    assert others[-1].usage is not None
    assert others[-1].usage.total_tokens == 12
    judged = [(choice.model_extra or {})["content_filter_results"] for chunk in others for choice in chunk.choices]
    assert [bool(verdict) for verdict in judged] == [False, True, True, False]


async def test_calls_add_up_to_the_whole_answer(fake: FakeProvider, client: openai.AsyncOpenAI) -> None:
    answer = Answer(tool_calls=[ToolCall("call_a", "first", '{"x": 1}')])
    fake.script(chat(answer), chat(answer))
    whole = await client.chat.completions.create(model=MODEL, messages=HELLO, tools=TOOLS)
    calls = whole.choices[0].message.tool_calls or []
    assert [(call.id, call.type == "function" and call.function.arguments) for call in calls] == [
        ("call_a", '{"x": 1}')
    ]
    deltas = [choice.delta.tool_calls or [] for chunk in await read(client, tools=TOOLS) for choice in chunk.choices]
    pieces = [(call.function and call.function.arguments) or "" for delta in deltas for call in delta]
    assert "".join(pieces) == '{"x": 1}'


async def test_it_embeds_and_lists_models(client: openai.AsyncOpenAI) -> None:
    made = await client.embeddings.create(model=MODEL, input=["a", "b"], dimensions=5)
    assert [len(row.embedding) for row in made.data] == [5, 5]
    assert [model.id async for model in client.models.list()] == list(AZURE.models)


STATUS_ERRORS: list[tuple[Any, type[openai.APIStatusError], str]] = [
    ("content_filtered", openai.BadRequestError, "content_filter"),
    ("context_too_long", openai.BadRequestError, "context_length_exceeded"),
    ("key_rejected", openai.AuthenticationError, "401"),
    ("key_forbidden", openai.PermissionDeniedError, "AuthorizationFailed"),
    ("model_unknown", openai.NotFoundError, "DeploymentNotFound"),
    ("rate_limited", openai.RateLimitError, "429"),
    ("server", openai.InternalServerError, "None"),
]


@pytest.mark.parametrize(("trouble", "error", "code"), STATUS_ERRORS)
async def test_it_refuses_with_a_status(
    fake: FakeProvider, client: openai.AsyncOpenAI, trouble: Any, error: type[openai.APIStatusError], code: str
) -> None:
    fake.script(faults.refusal(trouble, retry_after="7"))
    with pytest.raises(error) as caught:
        await client.chat.completions.create(model=MODEL, messages=HELLO)
    assert isinstance(caught.value, error)
    assert (str(caught.value.code), caught.value.response.headers["retry-after"]) == (code, "7")
    if trouble == "content_filtered":
        assert isinstance(caught.value.body, dict)
        assert caught.value.body["innererror"]["code"] == "ResponsibleAIPolicyViolation"


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/openai/v1/models", {}, 401),
        ("/openai/v1/models", {"api-key": "k"}, 200),
        ("/openai/v1/models", {"authorization": "Bearer k"}, 200),
        ("/openai/models?api-version=2024-10-21", {"api-key": "k"}, 200),
        ("/openai/models", {"api-key": "k"}, 404),
        ("/openai/models?api-version=latest", {"api-key": "k"}, 404),
        ("/v1/models", {"api-key": "k"}, 404),
    ],
)
async def test_it_wants_a_key_and_a_version_in_its_paths(
    fake: FakeProvider, path: str, headers: dict[str, str], status: int
) -> None:
    async with httpx2.AsyncClient(trust_env=False) as http:
        assert (await http.get(f"{fake.origin}{path}", headers=headers)).status_code == status


async def test_an_error_inside_a_stream_and_a_cut_are_seen(fake: FakeProvider, client: openai.AsyncOpenAI) -> None:
    fake.script(faults.refusal_in_stream(after_content(1), "rate_limited"), faults.stream_cut(after_content(1)))
    with pytest.raises(openai.APIError, match="token rate limit"):
        await read(client)
    with pytest.raises((httpx2.TransportError, openai.APIConnectionError)):
        await read(client)
