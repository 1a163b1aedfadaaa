"""Makes the calls of conformance cases by the Python client, and writes what it saw.

A case is a line of JSON on standard input, an answer a line on standard output; `tests/conformance/README.md` has both.
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from google.protobuf.message import Message
from llmgateway import (
    AuthenticationError,
    Client,
    Comparison,
    DeadlineExceededError,
    GatewayError,
    GenerationStream,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    StreamBrokenError,
    UnavailableError,
    text_of,
)
from llmgateway.v1 import (
    compare_pb2,
    count_tokens_pb2,
    embedding_pb2,
    explain_pb2,
    generation_pb2,
    model_pb2,
    rerank_pb2,
)

Case = dict[str, Any]  # Any: decoded JSON.
Answer = dict[str, Any]

KINDS = {
    InvalidRequestError: "INVALID_REQUEST",
    AuthenticationError: "AUTHENTICATION",
    PermissionDeniedError: "PERMISSION_DENIED",
    NotFoundError: "NOT_FOUND",
    RateLimitedError: "RATE_LIMITED",
    UnavailableError: "UNAVAILABLE",
    DeadlineExceededError: "DEADLINE_EXCEEDED",
    StreamBrokenError: "STREAM_BROKEN",
    GatewayError: "OTHER",
}


def encode(message: Message) -> str:
    return base64.b64encode(message.SerializeToString()).decode()


def read(path: str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()


def describe(error: GatewayError) -> Answer:
    """Return an error as the cases expect it."""
    return {
        "kind": KINDS[type(error)],
        "code": error.code.name,
        "reason": error.reason_name,
        "message": error.message,
        "metadata": error.metadata,
        "retry_after_ms": None if error.retry_after_s is None else round(error.retry_after_s * 1000),
        "call_id": error.call_id,
        "started": error.started,
        "attempts": [encode(attempt) for attempt in error.attempts],
        "usage": None if error.usage is None else encode(error.usage),
        "provider_message": error.provider_message,
        "violations": [{"field": wrong.field, "description": wrong.description} for wrong in error.violations],
        "quota_violations": [encode(violation) for violation in error.quota_violations],
        "is_deadline_error": isinstance(error, DeadlineExceededError),
    }


class Runner:
    """Makes calls; keeps one client for each way to connect."""

    def __init__(self) -> None:
        self._clients: dict[str, Client] = {}

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()

    async def run(self, case: Case) -> Answer:
        """Make the call of a case; return what came of it."""
        answer: Answer = {"name": case["name"]}
        started_s = time.monotonic()
        calls = self._client(case["client"])
        if "repeat" in case:
            answer["repeat"] = await self._repeat(case, calls)
        else:
            calling = asyncio.ensure_future(self._call(case, calls, answer))
            if "cancel_after_ms" in case:
                asyncio.get_running_loop().call_later(case["cancel_after_ms"] / 1000, calling.cancel)
            try:
                await calling
            except GatewayError as error:
                answer["error"] = describe(error)
            except asyncio.CancelledError:
                answer["cancelled"] = True
        answer["elapsed_ms"] = round((time.monotonic() - started_s) * 1000)
        return answer

    def _client(self, how: dict[str, Any]) -> Client:
        name = json.dumps(how, sort_keys=True)
        if name not in self._clients:
            self._clients[name] = Client(
                how["target"],
                key=how.get("key"),
                tls=how.get("tls", False),
                root_certificates=read(how.get("root_certificates")),
                client_key=read(how.get("client_key")),
                client_certificate=read(how.get("client_certificate")),
            )
        return self._clients[name]

    async def _call(self, case: Case, client: Client, answer: Answer) -> None:
        rpc = case["rpc"]
        data = base64.b64decode(case["request_bytes"])
        timeout_s = case.get("timeout_s")
        if rpc == "StreamGenerate":
            request = generation_pb2.GenerateRequest.FromString(data)
            await self._stream(client.stream(request, timeout_s=timeout_s), case, answer)
        elif rpc == "Compare":
            comparing = compare_pb2.CompareRequest.FromString(data)
            models = list(comparing.models)
            await self._compare(client.compare(comparing.generation, models=models, timeout_s=timeout_s), case, answer)
        elif rpc == "ListModels":
            answer["model_ids"] = [model.id for model in await client.models(timeout_s=timeout_s)]
        else:
            answer["response"] = encode(await self._unary(rpc, data, client, timeout_s))
        if "follow_up_bytes" in case:
            await self._follow_up(case, client, answer)

    async def _unary(self, rpc: str, data: bytes, client: Client, timeout_s: float | None) -> Message:
        if rpc == "Generate":
            return await client.generate(generation_pb2.GenerateRequest.FromString(data), timeout_s=timeout_s)
        if rpc == "Embed":
            return await client.embed(embedding_pb2.EmbedRequest.FromString(data), timeout_s=timeout_s)
        if rpc == "CountTokens":
            counted = count_tokens_pb2.CountTokensRequest.FromString(data)
            return await client.count_tokens(counted.generation, timeout_s=timeout_s)
        if rpc == "ExplainRoute":
            explained = explain_pb2.ExplainRouteRequest.FromString(data)
            return await client.explain(explained.generation, timeout_s=timeout_s)
        if rpc == "GetModel":
            return await client.model(model_pb2.GetModelRequest.FromString(data).id, timeout_s=timeout_s)
        if rpc == "Rerank":
            ranked = rerank_pb2.RerankRequest.FromString(data)
            count = ranked.result_count if ranked.HasField("result_count") else None
            return await client.rerank(
                ranked.query, list(ranked.documents), model=ranked.model, result_count=count, timeout_s=timeout_s
            )
        raise ValueError(f"no such RPC: {rpc}")

    async def _stream(self, stream: GenerationStream, case: Case, answer: Answer) -> None:
        events: list[str] = []
        answer["events"] = events
        try:
            async with stream:
                async for event in stream:
                    events.append(encode(event))
                    if len(events) == case.get("leave_after"):
                        answer["left"] = True
                        break
        finally:
            answer["response"] = encode(stream.response)
            answer["text"] = text_of(stream.response)
            answer["is_finished"] = stream.is_finished

    async def _compare(self, comparison: Comparison, case: Case, answer: Answer) -> None:
        events: list[Answer] = []
        answer["events"] = events
        try:
            async with comparison:
                async for model, event in comparison:
                    if event is not None:
                        events.append({"model_index": model.index, "event": encode(event)})
                    elif model.error is not None:
                        events.append({"model_index": model.index, "error": describe(model.error)})
                    if len(events) == case.get("leave_after"):
                        answer["left"] = True
                        break
        finally:
            answer["models"] = [
                {
                    "name": model.name,
                    "response": encode(model.response),
                    "error": None if model.error is None else describe(model.error),
                }
                for model in comparison.models
            ]

    async def _follow_up(self, case: Case, client: Client, answer: Answer) -> None:
        """Ask once more with the answer's message before the last one."""
        request = generation_pb2.GenerateRequest.FromString(base64.b64decode(case["follow_up_bytes"]))
        first = generation_pb2.GenerateResponse.FromString(base64.b64decode(answer["response"]))
        request.messages.insert(len(request.messages) - 1, first.candidates[0].message)
        answer["sent"] = encode(request)
        answer["follow_up"] = encode(await client.generate(request, timeout_s=case.get("timeout_s")))

    async def _repeat(self, case: Case, client: Client) -> Answer:
        """Make the call many times, several at once."""
        left = case["repeat"]["count"]
        failed: Counter[str] = Counter()
        succeeded = 0

        async def work() -> None:
            nonlocal left, succeeded
            while left > 0:
                left -= 1
                try:
                    await self._call(case, client, {})
                    succeeded += 1
                except GatewayError as error:
                    failed[f"{KINDS[type(error)]}: {error}"] += 1

        await asyncio.gather(*(work() for _ in range(case["repeat"]["concurrency"])))
        return {"succeeded": succeeded, "failed": failed}


async def main() -> None:
    runner = Runner()
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(await runner.run(json.loads(line))), flush=True)
    await runner.close()


if __name__ == "__main__":
    asyncio.run(main())
