"""Loads one gRPC endpoint: so many callers, each calling again when its last call is answered.

    python -m tests.bench.grpc_load PORT chat|stream --connections 16 --seconds 2

Answers stay bytes, but for the first: the driver must cost less than what it measures.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable

import grpc
import msgspec
import uvloop
from llmgateway.v1 import generation_pb2, stream_pb2

from tests.bench.load import summarize
from tests.bench.payload import generate_request

SERVICE = "/llmgateway.v1.LLMGateway"
TIMEOUT_S = 20.0
CHANNEL_COUNT = 4
CALLS = ("chat", "stream")

CallOnce = Callable[[], Awaitable[bytes]]


def call_once(channel: grpc.aio.Channel, kind: str) -> CallOnce:
    """Return a function that makes one call and returns the last message's bytes."""
    request = generate_request().SerializeToString()
    if kind == "chat":
        generate = channel.unary_unary(f"{SERVICE}/Generate", None, None)

        async def call() -> bytes:
            answer: bytes = await generate(request, timeout=TIMEOUT_S)
            return answer
    else:
        stream_generate = channel.unary_stream(f"{SERVICE}/StreamGenerate", None, None)

        async def call() -> bytes:
            last = b""
            async for message in stream_generate(request, timeout=TIMEOUT_S):
                last = message
            return last

    return call


def is_whole(kind: str, last: bytes) -> bool:
    """Whether a call's last message is what it should be."""
    if kind == "chat":
        response = generation_pb2.GenerateResponse.FromString(last)
        return bool(response.candidates[0].message.parts[0].text)
    return stream_pb2.StreamGenerateResponse.FromString(last).events[-1].HasField("finished")


async def load(port: int, kind: str, caller_count: int, seconds: float) -> bytes:
    """Drive the load; return its result as JSON."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    channels = [grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=options) for _ in range(CHANNEL_COUNT)]
    calls = [call_once(channel, kind) for channel in channels]
    latencies_s: list[float] = []
    failed_count = 0
    started_s = time.perf_counter()

    async def caller(call: CallOnce) -> None:
        nonlocal failed_count
        while (sent_s := time.perf_counter()) < started_s + seconds:
            try:
                last = await call()
            except grpc.aio.AioRpcError:
                failed_count += 1
                continue
            failed_count += not last
            latencies_s.append(time.perf_counter() - sent_s)

    if not is_whole(kind, await calls[0]()):
        raise SystemExit("the first answer is not whole")
    started_s = time.perf_counter()
    await asyncio.gather(*(caller(calls[number % CHANNEL_COUNT]) for number in range(caller_count)))
    result = summarize(latencies_s, failed_count, time.perf_counter() - started_s)
    await asyncio.gather(*(channel.close(None) for channel in channels))
    return msgspec.json.encode(result)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("port", type=int)
    parser.add_argument("kind", choices=CALLS)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    result = uvloop.run(load(arguments.port, arguments.kind, arguments.connections, arguments.seconds))
    sys.stdout.buffer.write(result)


if __name__ == "__main__":
    main()
