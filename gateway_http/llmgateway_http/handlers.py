"""One handler an endpoint: read the body, make the call, tell the answer or the failure."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import msgspec
from aiohttp import web
from llmgateway.errors import error_from_rpc
from llmgateway.v1 import call_pb2, generation_pb2, model_pb2, stream_pb2, usage_pb2

from llmgateway_http import sse
from llmgateway_http.door import Door, call_metadata, call_timeout_s
from llmgateway_http.openai import errors
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.chat_response import to_chat_completion
from llmgateway_http.openai.chat_stream import ChatChunks
from llmgateway_http.openai.completions import CompletionChunks, to_completion, to_raw_prompt_request
from llmgateway_http.openai.embeddings import to_embed_request, to_embedding_list
from llmgateway_http.openai.errors import RestError, from_gateway_error
from llmgateway_http.openai.json_body import parse_object
from llmgateway_http.openai.models import to_model
from llmgateway_http.settings import ShimSettings

Json = dict[str, Any]  # Any: decoded JSON
Params = tuple[tuple[str, str], ...]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

LARGE_BODY_BYTES = 1024 * 1024
MAX_WARNINGS_CHARACTERS = 1024
JSON_HEADERS = {"content-type": "application/json"}
INTERNAL = errors.ErrorRow(500, errors.SERVER_ERROR, "internal_error")
NOT_FOUND = errors.ErrorRow(404, errors.INVALID_REQUEST, "unknown_url")
NOT_ALLOWED = errors.ErrorRow(405, errors.INVALID_REQUEST, "method_not_allowed")

log = logging.getLogger("llmgateway.rest")


class Handlers:
    """The endpoints over one stub. `stub` has the generated async stub's interface."""

    def __init__(self, stub: Any, settings: ShimSettings, is_ready: Callable[[], Awaitable[bool]]) -> None:
        self._stub = stub  # Any: a channel's stub, or the gateway's own in process
        self._settings = settings
        self._is_ready = is_ready
        self._door = Door(settings)
        self._encode = msgspec.json.Encoder().encode
        self.served: set[Any] = set()  # Any: aiohttp's connections; those that have sent a whole head
        self.running = 0
        self.idle = asyncio.Event()
        self.idle.set()

    def guarded(self, handler: Handler) -> Handler:
        """Return a handler whose failures go out as OpenAI's clients read them."""

        async def guard(request: web.Request) -> web.StreamResponse:
            self.served.add(request.protocol)
            self.running += 1
            self.idle.clear()
            try:
                self._door.check_caller(request)
                return await handler(request)
            except RestError as error:
                return error_response(error)
            except ConnectionError:
                raise  # The client left, or was cut off: nobody reads an answer.
            except Exception as error:
                log.error("%s %s failed by a fault of the gateway", request.method, request.path, exc_info=error)
                return error_response(RestError(INTERNAL, "The gateway failed. Report it to whoever runs it."))
            finally:
                self.running -= 1
                if self.running == 0:
                    self.idle.set()

        return guard

    async def chat_completions(self, request: web.Request) -> web.StreamResponse:
        call, body = to_generate_request(await self._body(request))
        options = body.stream_options
        self._take_idempotency_key(request, call)
        if body.stream:
            chunks = ChatChunks(body.model, with_usage=bool(options is not None and options.include_usage))
            return await self._stream(request, call, chunks.chunks, errors.CHAT_PARAMS)
        answer = await self._unary(self._stub.Generate, request, call, errors.CHAT_PARAMS)
        return self._answer(to_chat_completion(answer, body.model), answer.call, answer.usage)

    async def completions(self, request: web.Request) -> web.StreamResponse:
        call, body = to_raw_prompt_request(await self._body(request))
        options = body.stream_options
        self._take_idempotency_key(request, call)
        if body.stream:
            chunks = CompletionChunks(body.model, with_usage=bool(options is not None and options.include_usage))
            return await self._stream(request, call, chunks.chunks, errors.COMPLETION_PARAMS)
        answer = await self._unary(self._stub.Generate, request, call, errors.COMPLETION_PARAMS)
        return self._answer(to_completion(answer, body.model), answer.call, answer.usage)

    async def embeddings(self, request: web.Request) -> web.StreamResponse:
        call, body = to_embed_request(await self._body(request))
        self._take_idempotency_key(request, call)
        answer = await self._unary(self._stub.Embed, request, call, errors.EMBEDDING_PARAMS)
        as_base64 = body.encoding_format == "base64"
        return self._answer(to_embedding_list(answer, body.model, as_base64=as_base64), answer.call, answer.usage)

    async def list_models(self, request: web.Request) -> web.StreamResponse:
        models: list[Json] = []
        page = model_pb2.ListModelsRequest(page_size=1000)
        while True:
            answer = await self._unary(self._stub.ListModels, request, page, errors.NO_PARAMS)
            models += [to_model(model) for model in answer.models]
            if not answer.next_page_token:
                return self._json({"object": "list", "data": models})
            page.page_token = answer.next_page_token

    async def get_model(self, request: web.Request) -> web.StreamResponse:
        call = model_pb2.GetModelRequest(id=request.match_info["id"])
        answer = await self._unary(self._stub.GetModel, request, call, (("id", "model"),))
        return self._json(to_model(answer.model))

    async def livez(self, _: web.Request) -> web.StreamResponse:
        return web.Response(text="ok\n")

    async def readyz(self, _: web.Request) -> web.StreamResponse:
        if await self._is_ready():
            return web.Response(text="ok\n")
        return web.Response(text="not ready\n", status=503)

    async def not_found(self, request: web.Request) -> web.StreamResponse:
        raise RestError(NOT_FOUND, f"Nothing is served at {request.path[:200]}. The endpoints are in /openapi.json.")

    async def not_allowed(self, request: web.Request) -> web.StreamResponse:
        raise RestError(NOT_ALLOWED, f"{request.method} is not served at {request.path[:200]}. See /openapi.json.")

    async def _body(self, request: web.Request) -> Json:
        data = await self._door.read(request)
        if len(data) > LARGE_BODY_BYTES:  # Parsing holds up all other calls: large bodies are parsed beside them.
            return await asyncio.to_thread(parse_object, data, self._settings.json_depth)
        return parse_object(data, self._settings.json_depth)

    def _take_idempotency_key(self, request: web.Request, call: Any) -> None:  # a request of the contract
        key = request.headers.get("idempotency-key")
        if key is not None:
            call.idempotency_key = key.encode("ascii", "replace").decode("ascii")

    async def _unary(self, method: Any, request: web.Request, call: Any, params: Params) -> Any:  # messages vary by RPC
        metadata, timeout_s = call_metadata(request), call_timeout_s(request)
        try:
            return await method(call, timeout=timeout_s, metadata=metadata)
        except grpc.aio.AioRpcError as error:
            raise rest_error(error, params) from error

    async def _stream(
        self,
        request: web.Request,
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

    def _answer(self, body: Json, call: call_pb2.CallInfo, usage: usage_pb2.Usage) -> web.Response:
        headers = call_headers(call)
        headers |= JSON_HEADERS
        headers["x-llmgateway-attempts"] = str(len(call.attempts))
        overhead = call.gateway_latency
        headers["x-llmgateway-overhead-ms"] = f"{overhead.seconds * 1000 + overhead.nanos / 1e6:.3f}"
        if usage.HasField("cost_usd_nanos"):
            headers["x-llmgateway-cost-usd"] = f"{usage.cost_usd_nanos / 1e9:.9f}"
        if call.warnings:
            headers["x-llmgateway-warnings"] = warnings_text(call)
        return web.Response(body=self._encode(body), headers=headers)

    def _json(self, body: Json) -> web.Response:
        return web.Response(body=self._encode(body), headers=JSON_HEADERS)


def call_headers(call: call_pb2.CallInfo) -> dict[str, str]:
    """Return who answered, as headers."""
    return {
        "x-request-id": call.call_id,
        "x-llmgateway-provider": header_text(call.provider),
        "x-llmgateway-model": header_text(call.model),
    }


def stream_headers(message: stream_pb2.StreamGenerateResponse) -> dict[str, str]:
    """Return who answers a stream; what it took is known only at its end, and comes with its usage."""
    for event in message.events:
        if event.HasField("started"):
            return call_headers(event.started.call)
    return {}


def warnings_text(call: call_pb2.CallInfo) -> str:
    """Return a call's warnings on one line."""
    told = "; ".join(f"{warning.field}: {warning.description}" for warning in call.warnings)
    return header_text(told)[:MAX_WARNINGS_CHARACTERS]


def header_text(text: str) -> str:
    """Return text fit for a header: whatever is not printable ASCII becomes `?`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def rest_error(error: grpc.aio.AioRpcError, params: Params) -> RestError:
    """Return how gRPC's error looks over REST."""
    return from_gateway_error(error_from_rpc(error), lambda path: errors.rename(path, params))


def error_response(error: RestError) -> web.Response:
    """Return a failure with its status, and whether and when to try again."""
    headers = {**JSON_HEADERS, "x-should-retry": "true" if error.row.should_retry else "false"}
    # What is refused before it is a call has no id of the gateway's; its client asks for one all the same.
    headers["x-request-id"] = error.call_id or f"rest_{secrets.token_hex(12)}"
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, -(-int(error.retry_after_s * 1000) // 1000)))
        headers["retry-after-ms"] = str(int(error.retry_after_s * 1000))
    if error.row.status in (408, 413):
        headers["connection"] = "close"  # What is left of the body is not read.
    return web.Response(body=error.body(), status=error.row.status, headers=headers)
