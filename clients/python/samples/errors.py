"""Reads what a failed call says."""

import asyncio
import os

from llmgateway import Client, GatewayError, InvalidRequestError, NotFoundError, RateLimitedError


async def main() -> None:
    target = os.environ.get("LLMGATEWAY_TARGET", "127.0.0.1:50051")
    async with Client(target, key=os.environ.get("LLMGATEWAY_KEY")) as client:
        try:
            await client.generate("Hello", model="mock/error-429")
        except RateLimitedError as error:
            print(f"rate limited: {error.reason_name}")
            print(f"try again after {error.retry_after_s:g} s")
            print(f"attempts: {len(error.attempts)}, the last one's HTTP status: {error.attempts[-1].http_status}")

        try:
            await client.generate("Hello", model="mock/ecko")
        except NotFoundError as error:
            print(f"not found: {error.reason_name}, nearest: {error.metadata['nearest']}")

        try:
            await client.generate("", model="")
        except InvalidRequestError as error:
            print(f"invalid: {error.reason_name}, field: {error.violations[0].field}")

        for model in ("limited/echo", "limited/lorem"):
            refusal = await use_up(client, model)
            later = "no" if refusal.retry_after_s is None else "yes"
            print(f"refused: {refusal.reason_name}, try again later: {later}")
            # Cost counts 1e-9 US dollars.
            for quota in refusal.quota_violations:
                counts = f"limit {quota.limit}, used {quota.used}, held {quota.held}"
                print(f"{quota.metric} of {quota.scope}, {quota.window}: {counts}")

        try:
            async with client.stream("Hello", model="mock/cut") as stream:
                async for _ in stream:
                    pass
        except GatewayError as error:
            # Content had come: trying again means paying again.
            print(f"broken off: {error.reason_name}, started: {'true' if error.started else 'false'}")
            print(f"kept: {stream.response.candidates[0].message.parts[0].text}")


async def use_up(client: Client, model: str) -> GatewayError:
    """Call until a quota refuses; return the refusal."""
    while True:
        try:
            await client.generate("Hello", model=model)
        except GatewayError as error:
            return error


asyncio.run(main())
