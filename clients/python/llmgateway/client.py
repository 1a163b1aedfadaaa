"""The gateway's Python client: typed calls, typed errors, streams that close what they leave."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

import grpc

from llmgateway.channel import open_channel
from llmgateway.errors import error_from_rpc
from llmgateway.fold import Fold
from llmgateway.v1 import (
    count_tokens_pb2,
    embedding_pb2,
    gateway_pb2_grpc,
    generation_pb2,
    message_pb2,
    model_pb2,
    stream_pb2,
)

if TYPE_CHECKING:
    from typing import Self

PAGE_SIZE = 1000


class Client:
    """Calls one gateway.

    `key` travels as `authorization: Bearer`. TLS parameters are PEM bytes, as in `open_channel`. `timeout_s`
    is the deadline of each call that names none; None leaves it to the gateway (600 s). `channels` opens
    several connections and takes them in turn: one HTTP/2 connection sticks to one server process.

    Every method raises a `GatewayError`. Cancelling a task cancels its call, at the provider, too.
    """

    def __init__(
        self,
        target: str = "127.0.0.1:50051",
        *,
        key: str | None = None,
        tls: bool = False,
        root_certificates: bytes | None = None,
        client_key: bytes | None = None,
        client_certificate: bytes | None = None,
        timeout_s: float | None = None,
        channels: int = 1,
    ) -> None:
        if channels < 1:
            raise ValueError("channels must be at least 1")
        self._metadata = (("authorization", f"Bearer {key}"),) if key is not None else ()
        self._timeout_s = timeout_s
        self._channels = [
            open_channel(
                target,
                tls=tls,
                root_certificates=root_certificates,
                client_key=client_key,
                client_certificate=client_certificate,
                # Equal channels would share one connection.
                options=[("grpc.use_local_subchannel_pool", 1)] if channels > 1 else [],
            )
            for _ in range(channels)
        ]
        self._stubs: Iterator[gateway_pb2_grpc.LLMGatewayAsyncStub] = itertools.cycle(
            [gateway_pb2_grpc.LLMGatewayStub(channel) for channel in self._channels]
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Running calls are cancelled."""
        for channel in self._channels:
            await channel.close(None)

    async def generate(
        self,
        request: generation_pb2.GenerateRequest | str,
        *,
        model: str = "",
        timeout_s: float | None = None,
    ) -> generation_pb2.GenerateResponse:
        """Generate, and return the whole answer. A text is the one message of a user; it needs `model`."""
        stub = next(self._stubs)
        with typed_errors():
            return await stub.Generate(
                as_request(request, model), timeout=self._deadline(timeout_s), metadata=self._metadata
            )

    @asynccontextmanager
    async def stream(
        self,
        request: generation_pb2.GenerateRequest | str,
        *,
        model: str = "",
        timeout_s: float | None = None,
    ) -> AsyncGenerator[GenerationStream, None]:
        """Generate, and iterate over the events as they come; leaving the block early cancels the call.

        async with client.stream("Hello", model="mock/lorem") as stream:
            async for event in stream: ...
        """
        stub = next(self._stubs)
        call = stub.StreamGenerate(
            as_request(request, model), timeout=self._deadline(timeout_s), metadata=self._metadata
        )
        try:
            yield GenerationStream(call)
        finally:
            call.cancel()

    async def embed(
        self,
        request: embedding_pb2.EmbedRequest | Sequence[str],
        *,
        model: str = "",
        timeout_s: float | None = None,
    ) -> embedding_pb2.EmbedResponse:
        """Return a vector for each input, in order. Texts need `model`."""
        if not isinstance(request, embedding_pb2.EmbedRequest):
            if isinstance(request, str):
                raise TypeError("embed takes a sequence of texts, or an EmbedRequest: wrap the text in a list")
            inputs = [embedding_pb2.EmbedInput(text=text) for text in request]
            request = embedding_pb2.EmbedRequest(model=model, inputs=inputs)
        stub = next(self._stubs)
        with typed_errors():
            return await stub.Embed(request, timeout=self._deadline(timeout_s), metadata=self._metadata)

    async def count_tokens(
        self, request: generation_pb2.GenerateRequest | str, *, model: str = "", timeout_s: float | None = None
    ) -> count_tokens_pb2.CountTokensResponse:
        """Return how many tokens a generation would read; `exact` says whether the provider counted."""
        message = count_tokens_pb2.CountTokensRequest(generation=as_request(request, model))
        stub = next(self._stubs)
        with typed_errors():
            return await stub.CountTokens(message, timeout=self._deadline(timeout_s), metadata=self._metadata)

    async def models(self, *, timeout_s: float | None = None) -> list[model_pb2.Model]:
        """Return every model and route that the key may use, by id."""
        models: list[model_pb2.Model] = []
        request = model_pb2.ListModelsRequest(page_size=PAGE_SIZE)
        while True:
            stub = next(self._stubs)
            with typed_errors():
                page = await stub.ListModels(request, timeout=self._deadline(timeout_s), metadata=self._metadata)
            models.extend(page.models)
            if not page.next_page_token:
                return models
            request.page_token = page.next_page_token

    async def model(self, id: str, *, timeout_s: float | None = None) -> model_pb2.Model:  # noqa: A002  # the field's name
        """Return one model or route."""
        stub = next(self._stubs)
        with typed_errors():
            response = await stub.GetModel(
                model_pb2.GetModelRequest(id=id), timeout=self._deadline(timeout_s), metadata=self._metadata
            )
        return response.model

    def _deadline(self, timeout_s: float | None) -> float | None:
        return self._timeout_s if timeout_s is None else timeout_s


class GenerationStream:
    """The events of one generation, one by one. `response` is what they add up to so far."""

    def __init__(self, call: grpc.aio.UnaryStreamCall[Any, stream_pb2.StreamGenerateResponse]) -> None:
        self._call = call
        self._fold = Fold()

    @property
    def response(self) -> generation_pb2.GenerateResponse:
        """The answer: whole once the iteration has ended."""
        return self._fold.response

    async def __aiter__(self) -> AsyncIterator[stream_pb2.GenerationEvent]:
        with typed_errors():
            async for message in self._call:
                for event in message.events:
                    self._fold.add(event)
                    yield event

    async def text(self) -> AsyncIterator[str]:
        """Iterate over the pieces of the first candidate's text alone."""
        texts: set[int] = set()
        async for event in self:
            if event.candidate_index != 0:
                continue
            started = event.part_started
            if event.HasField("part_started") and started.part.HasField("text"):
                texts.add(started.index)
                if started.part.text:
                    yield started.part.text
            elif event.part_delta.text and event.part_delta.index in texts:
                yield event.part_delta.text


@contextmanager
def typed_errors() -> Iterator[None]:
    """Turn gRPC's error into the client's."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise error_from_rpc(error) from error


def as_request(request: generation_pb2.GenerateRequest | str, model: str) -> generation_pb2.GenerateRequest:
    """Return a text as a request; a request is left as it is."""
    if not isinstance(request, str):
        if model:
            raise TypeError("model goes with a text only: a GenerateRequest has its own")
        return request
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=request)])
    return generation_pb2.GenerateRequest(model=model, messages=[message])
