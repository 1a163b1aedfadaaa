"""Asks a model, embeds texts, sorts documents and counts tokens."""

import asyncio
import os

from llmgateway import Client, text_of


async def main() -> None:
    target = os.environ.get("LLMGATEWAY_TARGET", "127.0.0.1:50051")
    async with Client(target, key=os.environ.get("LLMGATEWAY_KEY")) as client:
        answer = await client.generate("Hello, gateway!", model="mock/echo", system="Be kind.", temperature=0.5)
        print(text_of(answer))
        call, usage = answer.call, answer.usage
        print(f"{call.provider}/{call.model}: {usage.input_token_count} tokens in, {usage.output_token_count} out")

        embedded = await client.embed(["one", "two"], model="mock/embed", dimension_count=4)
        print(f"{len(embedded.embeddings)} vectors of {len(embedded.embeddings[0].values)} numbers")

        documents = ["The mountain is high.", "The river is long.", "The city is old."]
        ranked = await client.rerank("How long is the river?", documents, model="mock/rerank", result_count=1)
        print(f"best document: {documents[ranked.results[0].index]}")

        counted = await client.count_tokens("Hello, gateway!", model="mock/echo")
        print(f"{counted.input_token_count} tokens to read")

        explained = await client.explain("Hello, gateway!", model="mock/echo")
        print(f"would go to: {explained.targets[0].provider}/{explained.targets[0].model}")

        print(f"known: {(await client.model('mock/echo')).id}")
        print(f"listed: {'mock/echo' in [model.id for model in await client.models()]}".lower())


asyncio.run(main())
