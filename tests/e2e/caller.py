"""One call over REST or over gRPC, told by how it ended: the same words for both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import grpc
import httpx2
import openai
from llmgateway import GatewayError
from llmgateway.errors import error_from_rpc
from llmgateway.v1 import gateway_pb2_grpc, generation_pb2, message_pb2, usage_pb2
from openai.types.chat import ChatCompletionMessageParam

TEXT = "Hello there"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": TEXT}]
Protocol = Literal["rest", "grpc"]
# What REST calls the reasons of the contract, where it has a word of OpenAI's.
REST_NAMES = {
    "total_timeout": "timeout",
    "provider_rate_limited": "rate_limit_exceeded",
    "context_too_long": "context_length_exceeded",
    "content_filtered": "content_filter",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call. `content` came before it; `retry_after_s` is None where the gateway does not say.

    `said` is all that the caller can read of it.
    """

    code: str
    content: str = ""
    said: str = ""
    usage: usage_pb2.Usage | None = None
    retry_after_s: float | None = None


class Caller:
    """Makes one call over either protocol; raises nothing, but tells how it ended."""

    def __init__(
        self, protocol: Protocol, client: openai.AsyncOpenAI, stub: gateway_pb2_grpc.LLMGatewayAsyncStub
    ) -> None:
        self._is_rest = protocol == "rest"
        self._client = client
        self._stub = stub

    async def call(self, model: str, *, streams: bool) -> str | Failure:
        """Return the text of an answer, or how the call failed."""
        if self._is_rest:
            return await (self._rest_stream(model) if streams else self._rest_whole(model))
        return await (self._grpc_stream(model) if streams else self._grpc_whole(model))

    async def _rest_whole(self, model: str) -> str | Failure:
        try:
            answer = await self._client.chat.completions.create(model=model, messages=MESSAGES)
        except openai.APIError as error:
            return rest_failure(error, "")
        return answer.choices[0].message.content or ""

    async def _rest_stream(self, model: str) -> str | Failure:
        content = ""
        try:
            stream = await self._client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
            async for chunk in stream:
                content += chunk.choices[0].delta.content or ""
        except openai.APIError as error:
            return rest_failure(error, content)
        return content

    async def _grpc_whole(self, model: str) -> str | Failure:
        try:
            response = await self._stub.Generate(grpc_request(model))
        except grpc.aio.AioRpcError as error:
            return failure_of(error_from_rpc(error), "")
        return "".join(part.text for part in response.candidates[0].message.parts)

    async def _grpc_stream(self, model: str) -> str | Failure:
        content = ""
        try:
            async for message in self._stub.StreamGenerate(grpc_request(model)):
                content += "".join(event.part_delta.text for event in message.events)
        except grpc.aio.AioRpcError as error:
            return failure_of(error_from_rpc(error), content)
        return content


def grpc_request(model: str) -> generation_pb2.GenerateRequest:
    """Return the request that REST is sent, too."""
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=TEXT)])
    return generation_pb2.GenerateRequest(model=model, messages=[message])


def rest_failure(error: openai.APIError, content: str) -> Failure:
    """Read a failure as the SDK raises it, before a stream or in it."""
    told = error.response.headers.get("retry-after") if isinstance(error, openai.APIStatusError) else None
    said = f"{error.message} {error.body} {told}"
    return Failure(str(error.code), content, said, retry_after_s=None if told is None else float(told))


def failure_of(error: GatewayError, content: str) -> Failure:
    """Name a reason as REST names it."""
    code = error.reason_name.removeprefix("ERROR_REASON_").lower()
    said = f"{error.message} {error.provider_message} {error.metadata} {error.attempts}"
    return Failure(REST_NAMES.get(code, code), content, said, error.usage, error.retry_after_s)


@asynccontextmanager
async def callers(rest: str, grpc_target: str) -> AsyncIterator[Mapping[Protocol, Caller]]:
    """Open a caller for each protocol. `rest` is the base URL without `/v1`."""
    async with (
        openai.AsyncOpenAI(
            base_url=f"{rest}/v1", api_key="none", max_retries=0, http_client=httpx2.AsyncClient(trust_env=False)
        ) as client,
        grpc.aio.insecure_channel(grpc_target, options=[("grpc.enable_retries", 0)]) as channel,
    ):
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        yield {"rest": Caller("rest", client, stub), "grpc": Caller("grpc", client, stub)}
