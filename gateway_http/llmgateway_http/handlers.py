"""One handler an endpoint: read the body, make the call, tell the answer or the failure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from aiohttp import web
from llmgateway.errors import error_from_rpc
from llmgateway.v1 import generation_pb2, model_pb2

from llmgateway_http import sse
from llmgateway_http.door import Door, call_metadata, call_timeout_s
from llmgateway_http.openai import errors
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.chat_response import to_chat_completion
from llmgateway_http.openai.chat_stream import ChatChunks
from llmgateway_http.openai.completions import CompletionChunks, to_completion, to_raw_prompt_request
from llmgateway_http.openai.embeddings import to_embed_request, to_embedding_list
from llmgateway_http.openai.errors import RestError, from_gateway_error
from llmgateway_http.openai.functions import (
    speaks_of_functions,
    to_function_calls,
    to_function_deltas,
    to_tools,
    with_calls,
)
from llmgateway_http.openai.json_body import parse_object
from llmgateway_http.openai.models import to_model
from llmgateway_http.responses import call_response, json_response, stream_headers
from llmgateway_http.settings import ShimSettings

Json = dict[str, Any]  # Any: decoded JSON
Params = tuple[tuple[str, str], ...]

LARGE_BODY_BYTES = 1024 * 1024
# Parsed, a body takes several times its size, and their threads share one interpreter: more at once are no faster.
LARGE_BODIES_AT_ONCE = 4


class Handlers:
    """The endpoints over one stub. `stub` has the generated async stub's interface."""

    def __init__(self, stub: Any, settings: ShimSettings, door: Door, is_ready: Callable[[], Awaitable[bool]]) -> None:
        self._stub = stub  # Any: a channel's stub, or the gateway's own in process
        self._settings = settings
        self._door = door
        self._is_ready = is_ready
        self._large = asyncio.Semaphore(LARGE_BODIES_AT_ONCE)

    async def chat_completions(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = with_calls(await self._body(request))
        is_old = speaks_of_functions(raw)
        call, body = to_generate_request(to_tools(raw) if is_old else raw)
        options = body.stream_options
        self._take_idempotency_key(request, call)
        if body.stream:
            chunks = ChatChunks(call.model, with_usage=bool(options is not None and options.include_usage))
            to_chunks = (lambda events: to_function_deltas(chunks.chunks(events))) if is_old else chunks.chunks
            return await self._stream(request, call, to_chunks, errors.CHAT_PARAMS)
        answer = await self._unary(self._stub.Generate, request, call, errors.CHAT_PARAMS)
        completion = to_chat_completion(answer, call.model)
        if is_old:
            completion = to_function_calls(completion)
        return call_response(completion, answer.call, answer.usage)

    async def completions(self, request: web.BaseRequest) -> web.StreamResponse:
        call, body = to_raw_prompt_request(await self._body(request))
        options = body.stream_options
        self._take_idempotency_key(request, call)
        if body.stream:
            chunks = CompletionChunks(body.model, with_usage=bool(options is not None and options.include_usage))
            return await self._stream(request, call, chunks.chunks, errors.COMPLETION_PARAMS)
        answer = await self._unary(self._stub.Generate, request, call, errors.COMPLETION_PARAMS)
        return call_response(to_completion(answer, body.model), answer.call, answer.usage)

    async def embeddings(self, request: web.BaseRequest) -> web.StreamResponse:
        call, body = to_embed_request(await self._body(request))
        self._take_idempotency_key(request, call)
        answer = await self._unary(self._stub.Embed, request, call, errors.EMBEDDING_PARAMS)
        as_base64 = body.encoding_format == "base64"
        return call_response(to_embedding_list(answer, body.model, as_base64=as_base64), answer.call, answer.usage)

    async def list_models(self, request: web.BaseRequest) -> web.StreamResponse:
        models: list[Json] = []
        page = model_pb2.ListModelsRequest(page_size=1000)
        while True:
            answer = await self._unary(self._stub.ListModels, request, page, errors.NO_PARAMS)
            models += [to_model(model) for model in answer.models]
            if not answer.next_page_token:
                return json_response({"object": "list", "data": models})
            page.page_token = answer.next_page_token

    async def get_model(self, request: web.BaseRequest, model_id: str) -> web.StreamResponse:
        call = model_pb2.GetModelRequest(id=model_id)
        answer = await self._unary(self._stub.GetModel, request, call, (("id", "model"),))
        return json_response(to_model(answer.model))

    async def livez(self, _: web.BaseRequest) -> web.StreamResponse:
        return web.Response(text="ok\n")

    async def readyz(self, _: web.BaseRequest) -> web.StreamResponse:
        if await self._is_ready():
            return web.Response(text="ok\n")
        return web.Response(text="not ready\n", status=503)

    async def _body(self, request: web.BaseRequest) -> Json:
        data = self._door.take(request)
        if data is None:
            data = await self._door.read(request)
        if len(data) > LARGE_BODY_BYTES:  # Parsing holds up all other calls: large bodies are parsed beside them.
            async with self._large:
                return await asyncio.to_thread(parse_object, data, self._settings.json_depth)
        return parse_object(data, self._settings.json_depth)

    def _take_idempotency_key(self, request: web.BaseRequest, call: Any) -> None:  # a request of the contract
        key = request.headers.get("idempotency-key")
        if key is not None:
            call.idempotency_key = key.encode("ascii", "replace").decode("ascii")

    async def _unary(
        self, method: Any, request: web.BaseRequest, call: Any, params: Params
    ) -> Any:  # messages vary by RPC
        metadata, timeout_s = call_metadata(request), call_timeout_s(request)
        try:
            return await method(call, timeout=timeout_s, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise rest_error(error, params) from error

    async def _stream(
        self,
        request: web.BaseRequest,
        call: generation_pb2.GenerateRequest,
        to_chunks: Callable[[Any], list[Json]],  # events
        params: Params,
    ) -> web.StreamResponse:
        settings = self._settings
        metadata, timeout_s = call_metadata(request), call_timeout_s(request)
        reader = sse.Reader(self._stub.StreamGenerate(call, timeout=timeout_s, metadata=metadata))
        stream = sse.EventStream(request, settings.reader_stall_s)
        try:
            return await sse.relay(
                reader,
                stream,
                lambda message: to_chunks(message.events),
                settings.header_hold_s,
                settings.keep_alive_s,
                stream_headers,
            )
        except grpc.aio.AioRpcError as error:
            failure = rest_error(error, params)
            if not stream.is_open:
                raise failure from error
            return await stream.fail(failure)
        finally:
            await reader.close()


def rest_error(error: grpc.aio.AioRpcError, params: Params) -> RestError:
    """Return how gRPC's error looks over REST."""
    return from_gateway_error(error_from_rpc(error), lambda path: errors.rename(path, params))
