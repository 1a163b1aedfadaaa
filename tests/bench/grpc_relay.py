"""A bare relay, grpc.aio in and aiohttp out, of the contract's own messages, no features: the yardstick of gRPC.

    python -m tests.bench.grpc_relay UPSTREAM_URL

One message a delta, as a relay without joining sends them.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import grpc
import msgspec
from llmgateway.v1 import generation_pb2, stream_pb2

from tests.bench.serving import run_server

HEADERS = {"content-type": "application/json", "authorization": "Bearer none"}

Context = grpc.aio.ServicerContext[Any, Any]

decode, encode = msgspec.json.decode, msgspec.json.encode


class Relay:
    """Turns text messages into a chat completion and back."""

    def __init__(self, upstream_url: str, session: aiohttp.ClientSession) -> None:
        self._url = f"{upstream_url}/chat/completions"
        self._session = session

    def handler(self) -> grpc.GenericRpcHandler[Any, Any]:
        """Return the two methods by name, as the generated code would register them."""
        methods = {
            "Generate": grpc.unary_unary_rpc_method_handler(
                self.generate,
                request_deserializer=generation_pb2.GenerateRequest.FromString,
                response_serializer=generation_pb2.GenerateResponse.SerializeToString,
            ),
            "StreamGenerate": grpc.unary_stream_rpc_method_handler(
                self.stream_generate,
                request_deserializer=generation_pb2.GenerateRequest.FromString,
                response_serializer=stream_pb2.StreamGenerateResponse.SerializeToString,
            ),
        }
        return grpc.method_handlers_generic_handler("llmgateway.v1.LLMGateway", methods)

    async def generate(
        self, request: generation_pb2.GenerateRequest, context: Context
    ) -> generation_pb2.GenerateResponse:
        body = encode(body_of(request, stream=False))
        async with self._session.post(self._url, data=body, headers=HEADERS) as answer:
            completion = decode(await answer.read())
        response = generation_pb2.GenerateResponse()
        response.call.provider_response_id = completion["id"]
        response.call.model = completion["model"]
        for choice in completion["choices"]:
            candidate = response.candidates.add()
            candidate.index = choice["index"]
            candidate.finish_reason = generation_pb2.FINISH_REASON_STOP
            candidate.message.parts.add().text = choice["message"]["content"]
        response.usage.input_token_count = completion["usage"]["prompt_tokens"]
        response.usage.output_token_count = completion["usage"]["completion_tokens"]
        return response

    async def stream_generate(
        self, request: generation_pb2.GenerateRequest, context: Context
    ) -> AsyncIterator[stream_pb2.StreamGenerateResponse]:
        body = encode(body_of(request, stream=True))
        async with self._session.post(self._url, data=body, headers=HEADERS) as answer:
            async for line in answer.content:
                if not line.startswith(b"data: {"):
                    continue
                for choice in decode(line[6:])["choices"]:
                    response = stream_pb2.StreamGenerateResponse()
                    delta = response.events.add().part_delta
                    delta.text = choice["delta"].get("content", "")
                    yield response
        last = stream_pb2.StreamGenerateResponse()
        last.events.add().finished.usage.output_token_count = 100
        yield last


def body_of(request: generation_pb2.GenerateRequest, *, stream: bool) -> dict[str, object]:
    """Return a chat completion's body."""
    messages = [{"role": "user", "content": message.parts[0].text} for message in request.messages]
    body: dict[str, object] = {"model": request.model, "messages": messages}
    body["temperature"] = request.sampling.temperature
    if stream:
        body["stream"] = True
    return body


async def serve() -> tuple[int, object]:
    """Listen; return the port and the server."""
    relay = Relay(sys.argv[1], aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((relay.handler(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return port, server


if __name__ == "__main__":
    run_server(serve)
