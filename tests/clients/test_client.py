"""Calls, options, deadlines and typed errors of the client, against a real server."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import grpc
import llmgateway
import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2
from llmgateway import (
    Client,
    DeadlineExceededError,
    GatewayError,
    InvalidRequestError,
    RateLimitedError,
    UnavailableError,
    text_of,
)
from llmgateway.v1 import call_pb2, embedding_pb2, generation_pb2, message_pb2, model_pb2, usage_pb2

from tests.clients.scripted import WAIT_S, Scripted, delta, fail, reason


async def test_a_text_becomes_the_message_of_a_user(client: Client, gateway: Scripted) -> None:
    answer = await client.generate(
        "Hi", model="mock/echo", system="Be brief.", temperature=0.7, max_output_token_count=9
    )
    assert text_of(answer) == "Hello"
    (request,) = gateway.requests
    assert [(message.role, message.parts[0].text) for message in request.messages] == [
        (message_pb2.ROLE_SYSTEM, "Be brief."),
        (message_pb2.ROLE_USER, "Hi"),
    ]
    assert (request.model, request.sampling.temperature, request.max_output_token_count) == ("mock/echo", 0.7, 9)


async def test_options_that_are_not_given_stay_unset(client: Client, gateway: Scripted) -> None:
    await client.generate("Hi", model="m")
    (request,) = gateway.requests
    assert not request.HasField("sampling")
    assert not request.HasField("max_output_token_count")


async def test_a_conversation_goes_as_it_is(client: Client, gateway: Scripted) -> None:
    messages = [
        message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="a")]),
        message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[message_pb2.Part(text="b")]),
    ]
    await client.generate(messages, model="m")
    assert list(gateway.requests[0].messages) == messages


async def test_a_whole_request_goes_as_it_is_and_takes_no_option(client: Client, gateway: Scripted) -> None:
    request = generation_pb2.GenerateRequest(model="m", candidate_count=2)
    await client.generate(request)
    assert gateway.requests == [request]
    with pytest.raises(TypeError, match="model"):
        await client.generate(request, model="other")
    with pytest.raises(TypeError, match="model"):
        client.stream(request, model="other")
    with pytest.raises(TypeError, match="dimension_count"):
        await client.embed(embedding_pb2.EmbedRequest(model="m"), dimension_count=3)
    assert len(gateway.requests) == 1


async def test_an_option_that_there_is_not_is_refused(client: Client) -> None:
    with pytest.raises(TypeError, match="top_k: no such option"):
        await client.generate("Hi", model="m", top_k=3)  # type: ignore[call-arg]


async def test_it_embeds_one_text_or_several(client: Client, gateway: Scripted) -> None:
    one = await client.embed("abc", model="m", dimension_count=1)
    several = await client.embed(["a", "bb"], model="m")
    assert [list(item.values) for item in (*one.embeddings, *several.embeddings)] == [[3], [1], [2]]
    assert gateway.requests[0].dimension_count == 1
    assert not gateway.requests[1].HasField("dimension_count")


async def test_it_reranks(client: Client, gateway: Scripted) -> None:
    answer = await client.rerank("Hi", ["a", "b"], model="m", result_count=1)
    assert [result.index for result in answer.results] == [0]
    (request,) = gateway.requests
    assert (request.query, list(request.documents), request.model) == ("Hi", ["a", "b"], "m")


async def test_it_counts_tokens_and_finds_a_model(client: Client, gateway: Scripted) -> None:
    assert (await client.count_tokens("Hi", model="m")).input_token_count == 7
    assert gateway.requests[0].generation.messages[0].parts[0].text == "Hi"
    assert (await client.model("mock/echo")).id == "mock/echo"


async def test_it_reads_all_pages_of_models(client: Client, gateway: Scripted) -> None:
    gateway.pages = [
        model_pb2.ListModelsResponse(models=[model_pb2.Model(id="a")], next_page_token="2"),
        model_pb2.ListModelsResponse(models=[model_pb2.Model(id="b"), model_pb2.Model(id="c")]),
    ]
    assert [model.id for model in await client.models()] == ["a", "b", "c"]
    assert [request.page_token for request in gateway.requests] == ["", "2"]


async def test_pages_without_an_end_end_at_the_deadline_that_they_share(client: Client, gateway: Scripted) -> None:
    gateway.pages = [model_pb2.ListModelsResponse(next_page_token="again")] * 100_000
    with pytest.raises(DeadlineExceededError):
        await client.models(timeout_s=0.2)
    assert len(gateway.requests) > 1


async def test_the_key_travels_with_every_call(target: str, gateway: Scripted) -> None:
    async with Client(target, key="secret") as client:
        await client.generate("Hi", model="m")
        await client.stream("Hi", model="m").collect()
    assert [metadata["authorization"] for metadata in gateway.metadata] == ["Bearer secret"] * 2


async def test_without_a_key_none_is_sent(client: Client, gateway: Scripted) -> None:
    await client.generate("Hi", model="m")
    assert "authorization" not in gateway.metadata[0]


@pytest.mark.parametrize("key", ["", "a b", "line\n", "schlüssel"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="key") as caught:
        Client(key=key)
    assert not key or key not in str(caught.value)


async def test_a_call_carries_its_own_deadline_or_the_client_s(target: str, gateway: Scripted) -> None:
    async with Client(target, timeout_s=50) as client:
        await client.generate("Hi", model="m")
        await client.generate("Hi", model="m", timeout_s=5)
    async with Client(target, timeout_s=None) as client:
        await client.generate("Hi", model="m")
    by_client, by_call, unbounded = gateway.remaining_s
    assert by_client is not None
    assert by_call is not None
    # On the wire a time-out is rounded up.
    assert 6 < by_client < 51
    assert by_call < 6
    # Without a deadline the library says None, or a time without an end.
    assert unbounded is None or unbounded > 600


async def test_a_deadline_that_passes_is_typed_and_seen_by_the_server(client: Client, gateway: Scripted) -> None:
    gateway.script = [[gateway.wait]]
    with pytest.raises(DeadlineExceededError) as caught:
        await client.generate("Hi", model="m", timeout_s=0.2)
    assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert caught.value.call_id == ""
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_cancelling_a_call_is_seen_by_the_server(client: Client, gateway: Scripted) -> None:
    gateway.script = [[gateway.wait]]
    asking = asyncio.create_task(client.generate("Hi", model="m"))
    await asyncio.wait_for(gateway.arrived.wait(), WAIT_S)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_a_failure_tells_all_that_the_gateway_said(client: Client, gateway: Scripted) -> None:
    failure = call_pb2.CallFailure(
        call_id="call_1",
        attempts=[call_pb2.Attempt(provider="openai", http_status=429)],
        usage=usage_pb2.Usage(input_token_count=3),
        provider_message="slow down",
        quota_violations=[call_pb2.QuotaViolation(scope="team/a", limit=5)],
    )
    quota = error_details_pb2.QuotaFailure()
    quota.violations.add(subject="team/a", description="tokens a minute")
    retry = error_details_pb2.RetryInfo(retry_delay=Duration(seconds=7, nanos=500_000_000))
    info = reason("PROVIDER_RATE_LIMITED", provider="openai")
    gateway.script = [[fail(grpc.StatusCode.RESOURCE_EXHAUSTED, info, retry, quota, failure)]]
    with pytest.raises(RateLimitedError) as caught:
        await client.generate("Hi", model="m")
    error = caught.value
    assert (error.code, error.reason_name) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "ERROR_REASON_PROVIDER_RATE_LIMITED",
    )
    assert (error.message, error.retry_after_s, error.call_id) == ("It failed.", 7.5, "call_1")
    assert error.metadata == {"provider": "openai"}
    assert list(error.attempts) == list(failure.attempts)
    assert error.usage == failure.usage
    assert error.provider_message == "slow down"
    assert list(error.quota_violations) == list(failure.quota_violations)
    assert [violation.subject for violation in error.quota_failures] == ["team/a"]
    assert not error.started
    # A rate limit may last for minutes: the caller decides.
    assert len(gateway.requests) == 1


async def test_wrong_fields_are_named(client: Client, gateway: Scripted) -> None:
    bad_request = error_details_pb2.BadRequest()
    bad_request.field_violations.add(field="model", description="is required")
    gateway.script = [[fail(grpc.StatusCode.INVALID_ARGUMENT, reason("INVALID_FIELD"), bad_request)]]
    with pytest.raises(InvalidRequestError) as caught:
        await client.generate("Hi")
    assert [tuple(violation) for violation in caught.value.violations] == [("model", "is required")]


async def test_every_method_raises_the_typed_error() -> None:
    bare = grpc.aio.server()
    port = bare.add_insecure_port("127.0.0.1:0")
    await bare.start()
    async with Client(f"127.0.0.1:{port}", timeout_s=5) as client:
        for call in (
            client.generate("Hi", model="m"),
            client.stream("Hi", model="m").collect(),
            client.embed("Hi", model="m"),
            client.rerank("Hi", ["a"], model="m"),
            client.count_tokens("Hi", model="m"),
            client.model("m"),
            client.models(),
        ):
            with pytest.raises(GatewayError) as caught:
                await call
            assert caught.value.code is grpc.StatusCode.UNIMPLEMENTED
    await bare.stop(0)


async def test_a_gateway_that_is_not_there_is_unavailable() -> None:
    async with Client("127.0.0.1:1", timeout_s=5) as client:
        with pytest.raises(UnavailableError) as caught:
            await client.generate("Hi", model="m")
    assert (caught.value.call_id, caught.value.started) == ("", False)


async def test_an_answer_above_the_library_s_own_limit_is_received(client: Client, gateway: Scripted) -> None:
    text = "x" * (6 * 1024**2)
    gateway.script = [[delta(text)]]
    assert text_of(await client.generate("Hi", model="m")) == text


def test_a_client_may_be_made_where_no_loop_runs() -> None:
    client = Client("127.0.0.1:1")
    asyncio.run(client.close())


def test_the_public_names_exist_and_the_contract_alone_loads_no_grpc() -> None:
    for name in llmgateway.__all__:
        assert getattr(llmgateway, name).__name__ == name
    assert set(llmgateway.__all__) <= set(dir(llmgateway))
    with pytest.raises(AttributeError, match="nothing"):
        _ = llmgateway.nothing
    script = (
        "import sys; from llmgateway.v1 import stream_pb2; from llmgateway import fold\n"
        "assert 'grpc' not in sys.modules\n"
        "from llmgateway.fold import unfold; import llmgateway; assert llmgateway.fold is fold and callable(fold)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
