"""A real grpc.aio server of the contract whose answers a test scripts, call by call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from llmgateway.v1 import (
    count_tokens_pb2,
    embedding_pb2,
    gateway_pb2_grpc,
    generation_pb2,
    message_pb2,
    model_pb2,
    rerank_pb2,
    stream_pb2,
)

Event = stream_pb2.GenerationEvent
Context = Any  # grpc.aio's, whose published types differ between stub packages
Step = Callable[[Context], Awaitable[None]]
Item = Event | Step

STARTED = Event(started=stream_pb2.GenerationStarted())
OPENED = Event(part_started=stream_pb2.PartStarted(part=message_pb2.Part(text="")))
CLOSED = Event(part_finished=stream_pb2.PartFinished())
ENDED = Event(candidate_finished=stream_pb2.CandidateFinished(finish_reason=generation_pb2.FINISH_REASON_STOP))
FINISHED = Event(finished=stream_pb2.GenerationFinished())

WAIT_S = 10.0


def delta(text: str) -> Event:
    return Event(part_delta=stream_pb2.PartDelta(text=text))


def whole(text: str) -> list[Item]:
    return [STARTED, OPENED, delta(text), CLOSED, ENDED, FINISHED]


def fail(code: grpc.StatusCode, *details: Message, trailing: tuple[tuple[str, str | bytes], ...] = ()) -> Step:
    """Return a step that ends the call as the gateway would."""
    status = status_pb2.Status(code=code.value[0], message="It failed.")
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        status.details.append(packed)
    metadata = (("x-request-id", "call_1"), *trailing)
    if details:
        metadata = (*metadata, ("grpc-status-details-bin", status.SerializeToString()))

    async def step(context: Context) -> None:
        await context.abort(code, "It failed.", metadata)

    return step


def reason(name: str, **metadata: str) -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(domain="llmgateway.dev", reason=f"ERROR_REASON_{name}", metadata=metadata)


class Scripted(gateway_pb2_grpc.LLMGatewayServicer):
    """Answers each generation with the next row of `script`; of the last row again where there is no other.

    `requests`, `metadata`, `peers` and `remaining_s` hold what each call brought. `left` is set once a caller has
    left a call that runs, `arrived` once a call waits.
    """

    def __init__(self) -> None:
        self.script: list[list[Item]] = [whole("Hello")]
        self.pages: list[model_pb2.ListModelsResponse] = []
        self.requests: list[Any] = []
        self.metadata: list[dict[str, Any]] = []
        self.peers: list[str] = []
        self.remaining_s: list[float | None] = []
        self.arrived = asyncio.Event()
        self.left = asyncio.Event()
        self.released = asyncio.Event()

    async def wait(self, context: Context) -> None:
        """Hold a call until the test releases it or its caller leaves."""
        self.arrived.set()
        await self.released.wait()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Notice a caller who leaves, however far the call has got."""
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            self.left.set()
            raise

    def note(self, request: Any, context: Context) -> None:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        self.peers.append(context.peer())
        self.remaining_s.append(context.time_remaining())

    def row(self) -> list[Item]:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    async def Generate(self, request: Any, context: Context) -> generation_pb2.GenerateResponse:
        self.note(request, context)
        response = generation_pb2.GenerateResponse()
        candidate = response.candidates.add()
        candidate.message.role = message_pb2.ROLE_ASSISTANT
        with self.watching():
            for item in self.row():
                if not isinstance(item, Event):
                    await item(context)
                elif item.HasField("part_delta"):
                    candidate.message.parts.add(text=item.part_delta.text)
        return response

    async def StreamGenerate(self, request: Any, context: Context) -> AsyncIterator[stream_pb2.StreamGenerateResponse]:
        self.note(request, context)
        with self.watching():
            for item in self.row():
                if isinstance(item, Event):
                    yield stream_pb2.StreamGenerateResponse(events=[item])
                else:
                    await item(context)

    async def Embed(self, request: Any, context: Context) -> embedding_pb2.EmbedResponse:
        self.note(request, context)
        vectors = [embedding_pb2.Embedding(values=[len(item.text)]) for item in request.inputs]
        return embedding_pb2.EmbedResponse(embeddings=vectors)

    async def Rerank(self, request: Any, context: Context) -> rerank_pb2.RerankResponse:
        self.note(request, context)
        count = request.result_count or len(request.documents)
        return rerank_pb2.RerankResponse(results=[rerank_pb2.RerankResult(index=index) for index in range(count)])

    async def CountTokens(self, request: Any, context: Context) -> count_tokens_pb2.CountTokensResponse:
        self.note(request, context)
        return count_tokens_pb2.CountTokensResponse(input_token_count=7)

    async def GetModel(self, request: Any, context: Context) -> model_pb2.GetModelResponse:
        self.note(request, context)
        return model_pb2.GetModelResponse(model=model_pb2.Model(id=request.id))

    async def ListModels(self, request: Any, context: Context) -> model_pb2.ListModelsResponse:
        copied = model_pb2.ListModelsRequest()
        copied.CopyFrom(request)
        self.note(copied, context)
        return self.pages.pop(0)


@asynccontextmanager
async def serving(servicer: Scripted, credentials: grpc.ServerCredentials | None = None) -> AsyncIterator[str]:
    """Serve on a free port of loopback; yield the address."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.max_send_message_length", -1)])
    gateway_pb2_grpc.add_LLMGatewayServicer_to_server(servicer, server)
    if credentials is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        port = server.add_secure_port("127.0.0.1:0", credentials)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)
