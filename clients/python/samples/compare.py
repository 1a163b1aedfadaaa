"""Asks several models the same at once."""

import asyncio
import os

from llmgateway import Client, text_of


async def main() -> None:
    target = os.environ.get("LLMGATEWAY_TARGET", "127.0.0.1:50051")
    models = ["mock/echo", "mock/lorem", "mock/error-503"]
    async with Client(target, key=os.environ.get("LLMGATEWAY_KEY")) as client:
        async with client.compare("Hello, gateway!", models=models, max_output_token_count=6) as comparison:
            async for model, event in comparison:
                if event is None:
                    print(f"failed: {model.name}")
        for model in comparison.models:
            print(f"{model.name}: {model.error.reason_name if model.error else text_of(model.response)}")


asyncio.run(main())
