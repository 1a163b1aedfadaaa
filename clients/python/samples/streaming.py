"""Prints an answer as it is written."""

import asyncio
import os

from llmgateway import Client
from llmgateway.v1 import generation_pb2


async def main() -> None:
    target = os.environ.get("LLMGATEWAY_TARGET", "127.0.0.1:50051")
    async with Client(target, key=os.environ.get("LLMGATEWAY_KEY")) as client:
        async with client.stream("Tell me more.", model="mock/lorem", max_output_token_count=20) as stream:
            async for piece in stream.text():
                print(piece, end="", flush=True)
        print()
        candidate = stream.response.candidates[0]
        print(f"finished: {stream.is_finished}".lower())
        print(generation_pb2.FinishReason.Name(candidate.finish_reason))
        print(f"{stream.response.usage.output_token_count} tokens")


asyncio.run(main())
