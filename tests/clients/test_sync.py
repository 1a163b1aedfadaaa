"""The blocking client: the same calls from threads without an event loop, and nothing left running."""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator

import grpc
import pytest
from llmgateway import (
    Client,
    GatewayError,
    InvalidRequestError,
    RateLimitedError,
    SyncClient,
    SyncComparison,
    SyncGenerationStream,
    text_of,
)
from llmgateway.compare import Comparison
from llmgateway.stream import GenerationStream
from llmgateway.v1 import model_pb2

from tests.clients.scripted import CLOSED, ENDED, FINISHED, OPENED, STARTED, WAIT_S, Scripted, delta, fail, reason


@pytest.fixture
async def sync_client(target: str) -> AsyncIterator[SyncClient]:
    client = SyncClient(target, timeout_s=30)
    yield client
    await asyncio.to_thread(client.close)


def names(kind: type) -> dict[str, inspect.Signature]:
    """Return what a class offers, with its parameters."""
    return {
        name: inspect.signature(member) if callable(member) else inspect.Signature()
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_")
    }


@pytest.mark.parametrize(
    ("blocking", "original"),
    [(SyncClient, Client), (SyncGenerationStream, GenerationStream), (SyncComparison, Comparison)],
)
def test_it_offers_what_the_async_client_offers(blocking: type, original: type) -> None:
    mine, theirs = names(blocking), names(original)
    mine.pop("models" if blocking is SyncComparison else "", None)  # an attribute there
    assert mine.keys() == theirs.keys()
    assert {name: list(signature.parameters) for name, signature in mine.items()} == {
        name: list(signature.parameters) for name, signature in theirs.items()
    }
    assert list(inspect.signature(blocking).parameters)[:1] == (["target"] if blocking is SyncClient else ["source"])


async def test_it_makes_every_call(sync_client: SyncClient, gateway: Scripted) -> None:
    def work() -> None:
        assert text_of(sync_client.generate("Hi", model="m")) == "Hello"
        assert "".join(sync_client.stream("Hi", model="m").text()) == "Hello"
        assert text_of(sync_client.stream("Hi", model="m").collect()) == "Hello"
        with sync_client.stream("Hi", model="m") as stream:
            assert [event.WhichOneof("event") for event in stream][-1] == "finished"
        assert stream.is_finished
        assert text_of(stream.response) == "Hello"
        assert len(sync_client.embed(["a", "b"], model="m").embeddings) == 2
        assert sync_client.rerank("q", ["a"], model="m", result_count=1).results[0].index == 0
        assert sync_client.count_tokens("Hi", model="m").input_token_count == 7
        assert sync_client.model("mock/echo").id == "mock/echo"
        gateway.pages = [model_pb2.ListModelsResponse(models=[model_pb2.Model(id="a")])]
        assert [model.id for model in sync_client.models()] == ["a"]

    await asyncio.to_thread(work)


async def test_it_raises_what_the_async_client_raises(sync_client: SyncClient, gateway: Scripted) -> None:
    gateway.script = [[fail(grpc.StatusCode.RESOURCE_EXHAUSTED, reason("PROVIDER_RATE_LIMITED"))]]

    def work() -> None:
        with pytest.raises(RateLimitedError):
            sync_client.generate("Hi", model="m")
        with pytest.raises(RateLimitedError):
            list(sync_client.stream("Hi", model="m"))
        with pytest.raises(TypeError, match="top_k"):
            sync_client.generate("Hi", model="m", top_k=1)  # type: ignore[call-arg]

    await asyncio.to_thread(work)


async def test_leaving_a_stream_early_ends_the_call(sync_client: SyncClient, gateway: Scripted) -> None:
    gateway.script = [[STARTED, OPENED, delta("a"), gateway.wait]]
    loop = asyncio.get_running_loop()

    def work() -> None:
        with sync_client.stream("Hi", model="m") as stream:
            assert next(stream.text()) == "a"
            asyncio.run_coroutine_threadsafe(gateway.arrived.wait(), loop).result(WAIT_S)

    await asyncio.to_thread(work)
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_dropping_a_stream_ends_the_call(sync_client: SyncClient, gateway: Scripted) -> None:
    gateway.script = [[STARTED, OPENED, delta("a"), gateway.wait]]
    loop = asyncio.get_running_loop()

    def work() -> None:
        stream = sync_client.stream("Hi", model="m")
        next(iter(stream))
        asyncio.run_coroutine_threadsafe(gateway.arrived.wait(), loop).result(WAIT_S)
        del stream

    await asyncio.to_thread(work)
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_threads_share_one(sync_client: SyncClient, gateway: Scripted) -> None:
    gateway.script = [[gateway.wait, STARTED, OPENED, delta("Hello"), CLOSED, ENDED, FINISHED]]
    calls = [asyncio.create_task(asyncio.to_thread(sync_client.generate, "Hi", model="m")) for _ in range(4)]
    async with asyncio.timeout(WAIT_S):
        while len(gateway.requests) < len(calls):
            await gateway.arrived.wait()
            gateway.arrived.clear()
    gateway.released.set()
    assert {text_of(answer) for answer in await asyncio.gather(*calls)} == {"Hello"}


async def test_it_works_where_an_event_loop_runs(sync_client: SyncClient) -> None:
    """As in a notebook: it holds that loop up, so the server must be elsewhere."""

    def work() -> str:
        async def main() -> str:
            return text_of(sync_client.generate("Hi", model="m"))

        return asyncio.run(main())

    assert await asyncio.to_thread(work) == "Hello"


async def test_a_closed_client_says_so_and_leaves_no_thread(target: str) -> None:
    def work() -> None:
        before = threading.active_count()
        with SyncClient(target) as client:
            client.generate("Hi", model="m")
            assert threading.active_count() > before
        client.close()
        assert "llmgateway" not in [thread.name for thread in threading.enumerate()]
        with pytest.raises(RuntimeError, match="closed"):
            client.generate("Hi", model="m")
        with pytest.raises(RuntimeError, match="closed"):
            client.stream("Hi", model="m")
        with pytest.raises(RuntimeError, match="closed"):
            client.compare("Hi", models=["a", "b"])
        assert "llmgateway" not in [thread.name for thread in threading.enumerate()]

    await asyncio.to_thread(work)


async def test_a_client_that_is_let_go_of_in_its_own_thread_ends_without_waiting_for_itself(target: str) -> None:
    """As where the garbage collector finds a cycle of which it is a part while that thread runs."""
    held: list[SyncClient] = []

    def work() -> threading.Thread:
        client = SyncClient(target)
        client.generate("Hi", model="m")
        (thread,) = [thread for thread in threading.enumerate() if thread.name == "llmgateway"]
        held.append(client)
        loop = client._loop
        del client
        loop.soon(held.clear)
        thread.join(WAIT_S)
        return thread

    assert not (await asyncio.to_thread(work)).is_alive()


async def test_closing_ends_the_calls_of_other_threads(target: str, gateway: Scripted) -> None:
    gateway.script = [[gateway.wait]]
    client = SyncClient(target)
    calling = asyncio.create_task(asyncio.to_thread(client.generate, "Hi", model="m"))
    await asyncio.wait_for(gateway.arrived.wait(), WAIT_S)
    await asyncio.to_thread(client.close)
    with pytest.raises((concurrent.futures.CancelledError, asyncio.CancelledError, GatewayError)):
        await asyncio.wait_for(calling, WAIT_S)
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


def test_a_wrong_key_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="line break"):
        SyncClient(key="a\n")


PROGRAM = """
import sys
from llmgateway import SyncClient
client = SyncClient(sys.argv[1])
{work}
print("done")
"""


@pytest.mark.parametrize(
    "work",
    ["", 'client.generate("Hi", model="m")', 'stream = client.stream("Hi", model="m"); next(iter(stream))'],
    ids=["unused", "used", "in a stream"],
)
async def test_a_program_that_closes_nothing_ends_quietly(target: str, work: str) -> None:
    command = [sys.executable, "-W", "error", "-c", PROGRAM.format(work=work), target]
    finished = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "done\n", "")


async def test_ctrl_c_ends_the_call_that_is_waited_for(target: str, gateway: Scripted) -> None:
    gateway.script = [[gateway.wait]]
    # Whatever starts the tests in the background may have it ignored.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    program = PROGRAM.format(work=f'{heed}; client.generate("Hi", model="m")')
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, target, stderr=asyncio.subprocess.PIPE
    )
    await asyncio.wait_for(gateway.arrived.wait(), WAIT_S)
    process.send_signal(signal.SIGINT)
    _, errors = await asyncio.wait_for(process.communicate(), WAIT_S)
    assert b"KeyboardInterrupt" in errors
    await asyncio.wait_for(gateway.left.wait(), WAIT_S)


async def test_invalid_requests_are_typed(sync_client: SyncClient, gateway: Scripted) -> None:
    gateway.script = [[fail(grpc.StatusCode.INVALID_ARGUMENT, reason("INVALID_FIELD"))]]
    with pytest.raises(InvalidRequestError):
        await asyncio.to_thread(sync_client.generate, "Hi", model="m")
