"""An async client of the gateway: the contract's RPCs as methods, with typed errors and deadlines."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Sequence
from types import TracebackType
from typing import Protocol, Self, TypeVar, Unpack

import grpc

from llmgateway.channel import DEFAULT_CHANNELS, DEFAULT_TARGET, open_channel
from llmgateway.compare import Comparison
from llmgateway.diagnosis import Lookout
from llmgateway.errors import error_from_rpc
from llmgateway.request import Inputs, Prompt, PromptOptions, embedding, generation
from llmgateway.running import MessageCall
from llmgateway.stream import GenerationStream
from llmgateway.v1 import (
    compare_pb2,
    count_tokens_pb2,
    embedding_pb2,
    explain_pb2,
    gateway_pb2_grpc,
    generation_pb2,
    model_pb2,
    rerank_pb2,
    stream_pb2,
)

DEFAULT_TIMEOUT_S = 600.0
PAGE_SIZE = 1_000

Metadata = tuple[tuple[str, str], ...]
Request = TypeVar("Request", contravariant=True)
Response = TypeVar("Response")
Answer = TypeVar("Answer", covariant=True)


class UnaryRpc(Protocol[Request, Answer]):
    """One unary RPC of the generated stub."""

    def __call__(
        self, request: Request, *, timeout: float | None = None, metadata: Metadata | None = None
    ) -> Awaitable[Answer]: ...


class Client:
    """Calls a gateway.

        async with Client(key="…") as client:
            response = await client.generate("Hello", model="mock/echo")

    `target`, certificates and `channels` are as in `open_channel`. `key` travels as `authorization: Bearer` with
    every call, and in plain text where there is no TLS. `timeout_s` bounds a call that names no time of its own,
    retries and waits included; None leaves the bound to the gateway.

    A `prompt` is the user's text, or the messages of a conversation, or a whole `GenerateRequest`; with the last
    no option may stand beside it. Every method raises a `GatewayError` for a call that failed, and leaves
    nothing running when it is cancelled. The channel is opened with the first call, in its event loop.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        key: str | None = None,
        tls: bool = False,
        root_certificates: bytes | None = None,
        client_key: bytes | None = None,
        client_certificate: bytes | None = None,
        timeout_s: float | None = DEFAULT_TIMEOUT_S,
        channels: int = DEFAULT_CHANNELS,
    ) -> None:
        self._metadata = authorization(key)
        self._timeout_s = timeout_s
        self._open = functools.partial(
            open_channel,
            target,
            tls=tls,
            root_certificates=root_certificates,
            client_key=client_key,
            client_certificate=client_certificate,
            channels=channels,
        )
        is_secure = tls or root_certificates is not None or client_certificate is not None
        self._lookout = Lookout(target, tls=is_secure)
        self._channel: grpc.aio.Channel | None = None
        self._opened_stub: gateway_pb2_grpc.LLMGatewayAsyncStub | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the channel; running calls are cancelled."""
        channel, self._channel, self._opened_stub = self._channel, None, None
        if channel is not None:
            await channel.close(None)
        await self._lookout.close()

    async def generate(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> generation_pb2.GenerateResponse:
        """Return a whole answer."""
        return await self._call(self._stub.Generate, generation(prompt, options), timeout_s)

    def stream(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> GenerationStream:
        """Return an answer as it is written. `timeout_s` bounds the stream as a whole."""
        request = generation(prompt, options)

        def start() -> MessageCall[stream_pb2.StreamGenerateResponse]:
            return self._stub.StreamGenerate(request, timeout=self._bound(timeout_s), metadata=self._metadata)

        return GenerationStream(start, self._lookout.explain)

    def compare(
        self,
        prompt: Prompt,
        *,
        models: Sequence[str],
        timeout_s: float | None = None,
        **options: Unpack[PromptOptions],
    ) -> Comparison:
        """Return what 2 to 16 models answer, as each writes it. The prompt names no model: `models` does.

        `timeout_s` bounds the comparison as a whole.
        """
        request = compare_pb2.CompareRequest(generation=generation(prompt, options), models=models)

        def start() -> MessageCall[compare_pb2.CompareResponse]:
            return self._stub.Compare(request, timeout=self._bound(timeout_s), metadata=self._metadata)

        return Comparison(start, models, self._lookout.explain)

    async def embed(
        self,
        inputs: Inputs,
        *,
        model: str = "",
        dimension_count: int | None = None,
        timeout_s: float | None = None,
    ) -> embedding_pb2.EmbedResponse:
        """Return a vector for each input: one text, several, or a whole `EmbedRequest`."""
        return await self._call(self._stub.Embed, embedding(inputs, model, dimension_count), timeout_s)

    async def rerank(
        self,
        query: str,
        documents: Sequence[str],
        *,
        model: str,
        result_count: int | None = None,
        timeout_s: float | None = None,
    ) -> rerank_pb2.RerankResponse:
        """Return how well documents answer a query, best first."""
        request = rerank_pb2.RerankRequest(model=model, query=query, documents=documents)
        if result_count is not None:
            request.result_count = result_count
        return await self._call(self._stub.Rerank, request, timeout_s)

    async def count_tokens(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> count_tokens_pb2.CountTokensResponse:
        """Return how many tokens a generation would read."""
        request = count_tokens_pb2.CountTokensRequest(generation=generation(prompt, options))
        return await self._call(self._stub.CountTokens, request, timeout_s)

    async def explain(
        self, prompt: Prompt, *, timeout_s: float | None = None, **options: Unpack[PromptOptions]
    ) -> explain_pb2.ExplainRouteResponse:
        """Return where a generation would go now, and why. Nothing is sent to any model."""
        request = explain_pb2.ExplainRouteRequest(generation=generation(prompt, options))
        return await self._call(self._stub.ExplainRoute, request, timeout_s)

    async def model(self, id: str, *, timeout_s: float | None = None) -> model_pb2.Model:  # noqa: A002  # the field's name
        """Return one model or route; raise `NotFoundError` where there is none of that name."""
        request = model_pb2.GetModelRequest(id=id)
        return (await self._call(self._stub.GetModel, request, timeout_s)).model

    async def models(self, *, timeout_s: float | None = None) -> list[model_pb2.Model]:
        """Return all models and routes that the key may use. `timeout_s` bounds all pages together."""
        bound_s = self._bound(timeout_s)
        started_s = time.monotonic()
        models: list[model_pb2.Model] = []
        request = model_pb2.ListModelsRequest(page_size=PAGE_SIZE)
        while True:
            # What is left may be nothing: the library then answers DEADLINE_EXCEEDED.
            left_s = None if bound_s is None else max(0.0, bound_s - (time.monotonic() - started_s))
            page = await self._call(self._stub.ListModels, request, left_s)
            models.extend(page.models)
            if not page.next_page_token:
                return models
            request.page_token = page.next_page_token

    @property
    def _stub(self) -> gateway_pb2_grpc.LLMGatewayAsyncStub:
        if self._opened_stub is None:
            self._channel = self._open()
            self._opened_stub = gateway_pb2_grpc.LLMGatewayStub(self._channel)
        return self._opened_stub

    def _bound(self, timeout_s: float | None) -> float | None:
        return self._timeout_s if timeout_s is None else timeout_s

    async def _call(self, rpc: UnaryRpc[Request, Response], request: Request, timeout_s: float | None) -> Response:
        try:
            return await rpc(request, timeout=self._bound(timeout_s), metadata=self._metadata)
        except grpc.aio.AioRpcError as error:
            raise await self._lookout.explain(error_from_rpc(error)) from error


def authorization(key: str | None) -> Metadata:
    """Return the metadata that carries a key; raise `ValueError` for one that cannot be sent."""
    if key is None:
        return ()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError("The key must be printable ASCII without spaces. Was it copied with a line break?")
    return (("authorization", f"Bearer {key}"),)
