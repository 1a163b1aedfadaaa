"""The chat model against a gateway: what it sends, streams, raises, and lets go of."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import grpc
import pytest
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2
from langchain_core import exceptions
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumps, loads
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.runnables import ConfigurableField
from llmgateway import GatewayError, StreamBrokenError
from llmgateway.v1 import call_pb2
from llmgateway_langchain import ChatLLMGateway
from llmgateway_langchain.failures import CLASSES, class_for, model_error
from llmgateway_langchain.retrying import Retries
from pydantic import BaseModel, ValidationError

from tests.clients.scripted import CLOSED, ENDED, FINISHED, OPENED, STARTED, Scripted, delta, fail, reason, whole
from tests.e2e.serving import Served


@pytest.fixture
async def model(target: str) -> AsyncIterator[ChatLLMGateway]:
    """A model of the scripted gateway."""
    async with ChatLLMGateway(model="scripted/one", target=target, timeout=30) as made:
        yield made


async def in_thread(call: Callable[[], Any]) -> Any:
    """Make a blocking call; the scripted gateway answers in this thread's loop."""
    return await asyncio.to_thread(call)


async def test_a_call_sends_the_whole_request(gateway: Scripted, target: str) -> None:
    model = ChatLLMGateway(
        model="scripted/one", target=target, key="secret", temperature=0, stop=["x"], labels={"team": "a"}, timeout=30
    )
    async with model:
        messages = [SystemMessage("Be brief."), HumanMessage("Hi")]
        assert (await model.ainvoke(messages, seed=7, stop=["y"], temperature=None)).text == "Hello"
        assert (await in_thread(lambda: model.invoke(messages, seed=7, stop=["y"], temperature=None))).text == "Hello"
    of_async, of_sync = gateway.requests
    assert of_async == of_sync
    assert [part.text for message in of_sync.messages for part in message.parts] == ["Be brief.", "Hi"]
    assert (of_sync.sampling.seed, list(of_sync.sampling.stop_sequences), of_sync.labels["team"]) == (7, ["y"], "a")
    assert of_sync.sampling.HasField("temperature")
    assert [metadata["authorization"] for metadata in gateway.metadata] == ["Bearer secret"] * 2


@pytest.mark.parametrize("how", ["ainvoke", "astream", "invoke", "stream"])
async def test_a_call_may_have_a_time_of_its_own(how: str, gateway: Scripted, model: ChatLLMGateway) -> None:
    await called(model, how, timeout=5)
    await called(model, how)
    own, usual = gateway.remaining_s
    assert own is not None
    assert usual is not None
    # The library rounds up.
    assert own < 6 < usual < 31


async def called(model: ChatLLMGateway, how: str, **options: Any) -> str:
    """Return the text of an answer that came in one of four ways."""
    if how == "ainvoke":
        return (await model.ainvoke("Hi", **options)).text
    if how == "astream":
        return "".join([chunk.text async for chunk in model.astream("Hi", **options)])
    if how == "invoke":
        return str((await in_thread(lambda: model.invoke("Hi", **options))).text)
    return str(await in_thread(lambda: "".join(chunk.text for chunk in model.stream("Hi", **options))))


async def test_a_stream_is_chunks_as_they_come(gateway: Scripted, model: ChatLLMGateway) -> None:
    gateway.script = [[STARTED, OPENED, delta("Hel"), gateway.wait, delta("lo"), CLOSED, ENDED, FINISHED]]
    stream = model.astream("Hi")
    assert (await anext(stream)).content == "Hel"
    gateway.released.set()
    rest = [chunk async for chunk in stream]
    assert [chunk.content for chunk in rest] == ["lo", ""]
    assert rest[-1].chunk_position == "last"


async def test_leaving_an_async_stream_cancels_the_call(gateway: Scripted, model: ChatLLMGateway) -> None:
    gateway.script = [[STARTED, OPENED, delta("Hel"), gateway.wait]]
    async for chunk in model.astream("Hi"):
        assert chunk.text == "Hel"
        break
    async with asyncio.timeout(10):
        await gateway.left.wait()


async def test_leaving_a_stream_cancels_the_call(gateway: Scripted, model: ChatLLMGateway) -> None:
    gateway.script = [[STARTED, OPENED, delta("Hel"), gateway.wait]]

    def take_one() -> str:
        for chunk in model.stream("Hi"):
            return chunk.text
        raise AssertionError("nothing came")

    assert await in_thread(take_one) == "Hel"
    async with asyncio.timeout(10):
        await gateway.left.wait()


async def test_cancelling_a_task_cancels_the_call(gateway: Scripted, model: ChatLLMGateway) -> None:
    gateway.script = [[gateway.wait]]
    task = asyncio.create_task(model.ainvoke("Hi"))
    await gateway.arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(10):
        await gateway.left.wait()


def test_several_answers_cannot_be_streamed() -> None:
    model = ChatLLMGateway(model="mock/echo", n=2)
    with pytest.raises(ValueError, match="one answer"):
        list(model.stream("Hi"))


FAILURES: list[tuple[grpc.StatusCode, Sequence[Any], type[exceptions.ModelError], bool]] = [
    (grpc.StatusCode.UNAUTHENTICATED, [reason("API_KEY_INVALID")], exceptions.ModelAuthenticationError, False),
    (grpc.StatusCode.PERMISSION_DENIED, [reason("MODEL_NOT_ALLOWED")], exceptions.ModelPermissionDeniedError, False),
    (grpc.StatusCode.INVALID_ARGUMENT, [reason("INVALID_FIELD")], exceptions.ModelInvalidRequestError, False),
    (grpc.StatusCode.INVALID_ARGUMENT, [reason("CONTEXT_TOO_LONG")], exceptions.ContextOverflowError, False),
    (grpc.StatusCode.NOT_FOUND, [reason("MODEL_NOT_FOUND")], exceptions.ModelNotFoundError, False),
    (grpc.StatusCode.RESOURCE_EXHAUSTED, [reason("PROVIDER_RATE_LIMITED")], exceptions.ModelRateLimitError, True),
    (grpc.StatusCode.DEADLINE_EXCEEDED, [reason("TOTAL_TIMEOUT")], exceptions.ModelTimeoutError, True),
    (grpc.StatusCode.INTERNAL, [reason("INTERNAL_ERROR")], exceptions.ModelError, False),
]


@pytest.mark.parametrize("how", ["ainvoke", "astream", "invoke", "stream"])
@pytest.mark.parametrize(("code", "details", "kind", "is_retryable"), FAILURES)
async def test_a_failure_is_the_client_s_error_and_langchain_s(
    how: str,
    code: grpc.StatusCode,
    details: Sequence[Any],
    kind: type[exceptions.ModelError],
    is_retryable: bool,
    gateway: Scripted,
    model: ChatLLMGateway,
) -> None:
    gateway.script = [[fail(code, *details)]]
    with pytest.raises(GatewayError, match="It failed") as raised:
        await called(model, how)
    error = raised.value
    assert isinstance(error, kind)
    assert (error.code, error.call_id, error.is_retryable) == (code, "call_1", is_retryable)
    assert isinstance(error.__cause__, GatewayError)
    assert str(error) == str(error.__cause__)


def test_every_class_of_the_client_s_has_one_of_langchain_s() -> None:
    assert set(CLASSES) == set(GatewayError.__subclasses__()) - {
        kind for kind in GatewayError.__subclasses__() if kind.__module__.startswith("llmgateway_langchain")
    }
    for known, raised in CLASSES.items():
        assert issubclass(raised, known)
        assert isinstance(model_error(known("It failed.")), exceptions.ModelError)


@pytest.mark.parametrize(
    ("call_id", "kind"), [("", exceptions.ModelConnectionError), ("call_1", exceptions.ModelAPIError)]
)
def test_a_gateway_out_of_reach_is_no_failure_of_a_model(call_id: str, kind: type[Exception]) -> None:
    error = next(known for known in CLASSES if known.__name__ == "UnavailableError")("It failed.", call_id=call_id)
    assert issubclass(class_for(error), kind)


async def test_a_stream_that_breaks_is_not_retryable(gateway: Scripted, model: ChatLLMGateway) -> None:
    gateway.script = [[STARTED, OPENED, delta("Hel"), fail(grpc.StatusCode.UNAVAILABLE, reason("STREAM_BROKEN"))]]
    with pytest.raises(StreamBrokenError) as raised:
        await called(model, "astream", max_tokens=3)
    assert isinstance(raised.value, exceptions.ModelError)
    assert not raised.value.is_retryable
    assert raised.value.started


LIMITED = error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=7))


def limit(*details: Any) -> list[Any]:
    return [fail(grpc.StatusCode.RESOURCE_EXHAUSTED, reason("PROVIDER_RATE_LIMITED"), *details)]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long retries have waited, without waiting."""
    waited: list[float] = []

    async def asleep(seconds: float) -> None:
        waited.append(seconds)

    def make(self: ChatLLMGateway) -> Retries:
        return Retries(self.max_retries, waited.append, asleep, lambda: 1.0)

    monkeypatch.setattr(ChatLLMGateway, "_retries", property(make))
    return waited


@pytest.mark.parametrize("how", ["ainvoke", "astream", "invoke", "stream"])
async def test_retries_wait_as_long_as_they_are_told(
    how: str, gateway: Scripted, target: str, waits: list[float]
) -> None:
    gateway.script = [limit(LIMITED), limit(), limit(), whole("Hello")]
    async with ChatLLMGateway(model="scripted/one", target=target, max_retries=3) as model:
        assert await called(model, how) == "Hello"
    assert waits == [7.0, 1.0, 2.0]
    assert len(gateway.requests) == 4


NOT_AGAIN: dict[str, list[Any]] = {
    "it is no use": [fail(grpc.StatusCode.INVALID_ARGUMENT, reason("INVALID_FIELD"))],
    "it is too far": limit(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=61))),
    "it is paid": [
        fail(grpc.StatusCode.RESOURCE_EXHAUSTED, reason("PROVIDER_RATE_LIMITED"), call_pb2.CallFailure(started=True))
    ],
}


@pytest.mark.parametrize("how", ["ainvoke", "astream", "invoke", "stream"])
@pytest.mark.parametrize("why", NOT_AGAIN)
async def test_nothing_is_tried_again_where(
    why: str, how: str, gateway: Scripted, target: str, waits: list[float]
) -> None:
    gateway.script = [NOT_AGAIN[why]]
    async with ChatLLMGateway(model="scripted/one", target=target, max_retries=3) as model:
        with pytest.raises(GatewayError):
            await called(model, how)
    assert (waits, len(gateway.requests)) == ([], 1)


@pytest.mark.parametrize("how", ["astream", "stream"])
async def test_a_stream_is_not_begun_again_once_it_has_said_something(
    how: str, gateway: Scripted, target: str, waits: list[float]
) -> None:
    gateway.script = [[STARTED, OPENED, delta("Hel"), *limit()]]
    async with ChatLLMGateway(model="scripted/one", target=target, max_retries=3) as model:
        with pytest.raises(GatewayError):
            await called(model, how)
    assert (waits, len(gateway.requests)) == ([], 1)


async def test_the_gateway_counts_tokens(gateway: Scripted, model: ChatLLMGateway) -> None:
    tools = [{"name": "f", "description": "Does it."}]
    messages = [HumanMessage("Hi")]
    assert await in_thread(lambda: model.get_num_tokens_from_messages(messages, tools)) == 7
    assert await in_thread(lambda: model.get_num_tokens("Hi")) == 7
    of_messages, of_text = (request.generation for request in gateway.requests)
    assert of_messages.tools[0].function.name == "f"
    assert of_text.messages[0].parts[0].text == "Hi"


def test_the_gateway_numbers_no_tokens() -> None:
    with pytest.raises(NotImplementedError, match="use get_num_tokens"):
        ChatLLMGateway(model="mock/echo").get_token_ids("Hi")
    assert ChatLLMGateway(model="mock/echo", custom_get_token_ids=lambda text: [len(text)]).get_token_ids("Hi") == [2]


def test_one_model_serves_one_event_loop_after_another(served: Served) -> None:
    with ChatLLMGateway(model="mock/echo") as model:

        async def ask() -> str:
            try:
                return (await model.ainvoke("Hi")).text
            finally:
                await model.aclose()

        assert [asyncio.run(ask()), asyncio.run(ask()), model.invoke("Hi").text] == ["Hi"] * 3


def test_the_client_of_an_event_loop_goes_with_it(served: Served) -> None:
    model = ChatLLMGateway(model="mock/echo")
    for _ in range(3):
        assert asyncio.run(model.ainvoke("Hi")).text == "Hi"
        assert len(model._clients._running) == 1


async def test_a_closed_model_opens_again(served: Served) -> None:
    model = ChatLLMGateway(model="mock/echo")
    for _ in range(2):
        async with model:
            assert (await model.ainvoke("Hi")).text == "Hi"
        with model:
            assert (await in_thread(lambda: model.invoke("Hi"))).text == "Hi"


async def test_closing_leaves_the_clients_of_other_loops_alone(served: Served) -> None:
    model = ChatLLMGateway(model="mock/echo")
    await model.ainvoke("Hi")

    async def ask_and_close() -> None:
        await model.ainvoke("Hi")
        await model.aclose()

    await in_thread(lambda: asyncio.run(ask_and_close()))
    assert (await model.ainvoke("Hi")).text == "Hi"
    await model.aclose()


def test_copies_have_connections_of_their_own(served: Served) -> None:
    with ChatLLMGateway(model="mock/echo") as model:
        assert model.invoke("Hi").text == "Hi"
        for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
            with made:
                assert made.invoke("Hi").text == "Hi"
        assert model.model_copy(update={"target": "127.0.0.1:1"})._settings.target == "127.0.0.1:1"
        elsewhere = model.model_copy(update={"target": "127.0.0.1:1", "timeout": 0.01})
        with pytest.raises(GatewayError):
            elsewhere.invoke("Hi")


SECRET = "sk-very-secret"


@pytest.mark.filterwarnings("ignore::langchain_core._api.beta_decorator.LangChainBetaWarning")
def test_serialising_leaves_the_key_out(monkeypatch: pytest.MonkeyPatch) -> None:
    model = ChatLLMGateway(model="mock/echo", api_key=SECRET, client_key=b"PRIVATE", client_certificate=b"PUBLIC")
    text = dumps(model)
    assert SECRET not in text + repr(model) + str(model._identifying_params)
    assert "PRIVATE" not in text + repr(model)
    monkeypatch.setenv("LLMGATEWAY_KEY", SECRET)
    loaded = loads(
        text, allowed_objects=[ChatLLMGateway], valid_namespaces=["llmgateway_langchain"], secrets_from_env=True
    )
    assert (loaded.model, loaded.key.get_secret_value()) == ("mock/echo", SECRET)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"key": f"{SECRET}\n"}, "Was it copied with a line break?"),
    ({"temprature": 1}, "Extra inputs are not permitted"),
    ({"max_retries": -1}, "greater than or equal to 0"),
]


@pytest.mark.parametrize(("fields", "says"), WRONG)
def test_what_is_wrong_is_refused_without_showing_the_key(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        ChatLLMGateway(model="mock/echo", **{"key": SECRET, **fields})
    assert says.replace("?", "") in str(raised.value)
    assert SECRET not in str(raised.value)


class Joke(BaseModel):
    setup: str
    punchline: str


def scripted_mock(**script: Any) -> ChatLLMGateway:
    """A model of the mock's that answers as told."""
    return ChatLLMGateway(model="mock/echo", provider_options_json={"mock": script})


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
def test_a_refusal_of_structured_output_says_so(method: Any, served: Served) -> None:
    with scripted_mock(refusal="I will not.") as model:
        asked = model.with_structured_output(Joke, method=method)
        with pytest.raises(exceptions.ModelRefusalError, match=r"I will not\."):
            asked.invoke("A joke, please")
        with pytest.raises(exceptions.ModelRefusalError, match=r"I will not\."):
            list(asked.stream("A joke, please"))
        raw = model.with_structured_output(Joke, method=method, include_raw=True).invoke("A joke, please")
        assert isinstance(raw, dict)
        assert isinstance(raw["parsing_error"], exceptions.ModelRefusalError)


@pytest.mark.parametrize("method", ["json_schema", "function_calling", "json_mode"])
@pytest.mark.parametrize("strict", [None, True])
def test_raw_answers_stand_beside_what_was_read(method: Any, strict: bool | None, served: Served) -> None:
    joke = {"setup": "Why?", "punchline": "Because."}
    script = {"tool_calls": [{"name": "Joke", "arguments": joke}]} if method == "function_calling" else {"json": joke}
    with scripted_mock(**script) as model:
        answer = model.with_structured_output(Joke, method=method, include_raw=True, strict=strict).invoke("A joke")
        assert isinstance(answer, dict)
        assert isinstance(answer["raw"], AIMessage)
        assert (answer["parsed"], answer["parsing_error"]) == (Joke(**joke), None)


def test_structured_output_streams_what_has_come(served: Served) -> None:
    with scripted_mock(json={"setup": "Why does it?", "punchline": "Because."}) as model:
        asked = model.with_structured_output(Joke.model_json_schema())
        pieces = list(asked.stream("A joke, please"))
    assert len(pieces) > 2
    assert pieces[-1] == {"setup": "Why does it?", "punchline": "Because."}


def test_thoughts_and_log_probabilities_come_once_and_go_back(served: Served) -> None:
    with ChatLLMGateway(model="mock/echo", reasoning_effort="low", top_logprobs=1) as model:
        answer = model.invoke("Hi there")
        chunks = list(model.stream("Hi there"))
        streamed = chunks[0]
        for chunk in chunks[1:]:
            streamed = streamed + chunk
        assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]
        tokens = [token["token"] for token in answer.response_metadata["logprobs"]["content"]]
        assert "".join(tokens) == "Hi there"
        assert len([chunk for chunk in chunks if "logprobs" in chunk.response_metadata]) == 1
        assert streamed.response_metadata["logprobs"] == answer.response_metadata["logprobs"]
        assert model.invoke(["Hi there", answer, "And now?"]).text == "And now?"
        assert model.invoke(["Hi there", streamed, "And now?"]).text == "And now?"


def test_several_answers_are_as_many_generations(served: Served) -> None:
    with ChatLLMGateway(model="mock/echo", n=2) as model:
        (generations,) = model.generate([[HumanMessage("Hi")]]).generations
    assert [generation.text for generation in generations] == ["Hi", "Hi"]


def test_streaming_of_invoke_may_be_asked_for(served: Served) -> None:
    came: list[str] = []

    class Told(BaseCallbackHandler):
        def on_llm_new_token(self, token: Any, **_: Any) -> None:
            came.append(token)

    with ChatLLMGateway(model="mock/echo", streaming=True, callbacks=[Told()]) as model:
        answer = model.invoke("Hi there")
    assert isinstance(answer, AIMessage)
    assert (answer.text, "".join(came)) == ("Hi there", "Hi there")
    assert len(came) == 3


def test_a_runnable_s_fields_may_be_chosen_for_a_call(served: Served) -> None:
    with ChatLLMGateway(model="mock/echo") as model:
        assert model.invoke("Hi").text == "Hi"
        chosen = model.configurable_fields(model=ConfigurableField(id="model"))
        answer = chosen.invoke("Hi", config={"configurable": {"model": "mock/lorem"}})
    assert isinstance(answer, AIMessage)
    assert answer.response_metadata["model_name"] == "mock/lorem"
