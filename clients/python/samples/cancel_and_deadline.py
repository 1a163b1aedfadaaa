"""Bounds a call in time, leaves a stream early, and cancels a call that runs."""

import asyncio
import os

from llmgateway import Client, DeadlineExceededError, text_of


async def main() -> None:
    target = os.environ.get("LLMGATEWAY_TARGET", "127.0.0.1:50051")
    async with Client(target, key=os.environ.get("LLMGATEWAY_KEY")) as client:
        try:
            await client.generate("Hello", model="mock/slow", timeout_s=0.2)
        except DeadlineExceededError as error:
            print(f"deadline: {error.code.name}")

        # Leaving the block ends the call, at the provider, too.
        async with client.stream("Hello", model="mock/lorem") as stream:
            async for _ in stream:
                break
        print(f"left early, finished: {stream.is_finished}".lower())

        running = asyncio.create_task(client.generate("Hello", model="mock/slow"))
        await asyncio.sleep(0.1)
        running.cancel()
        try:
            await running
        except asyncio.CancelledError:
            print("cancelled")

        print(text_of(await client.generate("Still here.", model="mock/echo")))


asyncio.run(main())
