"""Trying again what failed and may succeed, as often as `max_retries` says."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from langchain_core.exceptions import ModelError
from llmgateway import GatewayError

from llmgateway_langchain.failures import model_error

T = TypeVar("T")

FIRST_WAIT_S = 0.5
MAX_WAIT_S = 8.0
# Who is told to come back later than this decides for themselves.
MAX_RETRY_AFTER_S = 60.0


@dataclass(frozen=True, slots=True)
class Retries:
    """How often to try again, and how to wait.

    The client and the gateway have tried again already where that was safe. What is left are limits of rate and
    outages, which only the caller knows whether to wait for.
    """

    most: int = 0
    sleep: Callable[[float], None] = time.sleep
    asleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    chance: Callable[[], float] = random.random

    def call(self, call: Callable[[], T]) -> T:
        """Return what a call returns."""
        tried = 0
        while True:
            try:
                return call()
            except GatewayError as error:
                wait_s = self._wait_s(error, tried)
            tried += 1
            self.sleep(wait_s)

    async def acall(self, call: Callable[[], Awaitable[T]]) -> T:
        """Return what a call returns."""
        tried = 0
        while True:
            try:
                return await call()
            except GatewayError as error:
                wait_s = self._wait_s(error, tried)
            tried += 1
            await self.asleep(wait_s)

    def stream(self, start: Callable[[], Iterator[T]]) -> Iterator[T]:
        """Yield what a stream yields; it is begun again only while nothing has come of it."""
        tried, came = 0, False
        while True:
            try:
                for item in start():
                    came = True
                    yield item
                return
            except GatewayError as error:
                wait_s = self._wait_s(error, tried, came=came)
            tried += 1
            self.sleep(wait_s)

    async def astream(self, start: Callable[[], AsyncGenerator[T, None]]) -> AsyncGenerator[T, None]:
        """Yield what a stream yields; it is begun again only while nothing has come of it."""
        tried, came = 0, False
        while True:
            try:
                async with contextlib.aclosing(start()) as items:
                    async for item in items:
                        came = True
                        yield item
                return
            except GatewayError as error:
                wait_s = self._wait_s(error, tried, came=came)
            tried += 1
            await self.asleep(wait_s)

    def _wait_s(self, error: GatewayError, tried: int, *, came: bool = False) -> float:
        """Return how long to wait before the next try; raise the error, as LangChain's, where there is none."""
        failed = model_error(error)
        is_retryable = isinstance(failed, ModelError) and failed.is_retryable
        is_too_far = failed.retry_after_s is not None and failed.retry_after_s > MAX_RETRY_AFTER_S
        if tried >= self.most or not is_retryable or is_too_far or failed.started or came:
            raise failed from error
        if failed.retry_after_s is not None:
            return failed.retry_after_s
        return min(FIRST_WAIT_S * 2.0**tried, MAX_WAIT_S) * (0.5 + self.chance() / 2)
