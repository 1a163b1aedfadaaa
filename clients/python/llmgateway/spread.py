"""One channel made of several, each with connections of its own: a call goes to the one with the fewest running.

A caller that makes one call at a time uses one connection; the others are opened as calls run at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

import grpc


class RunningCall(Protocol):
    """What is asked of a call: to tell when it has ended."""

    def add_done_callback(self, callback: Callable[[Any], None]) -> None: ...


AnyCall = TypeVar("AnyCall", bound=RunningCall)
# What the library hands through without a look: serializers, requests, time-outs, metadata.
Anything = Any


class Lane:
    """One of the channels, and how many calls run on it."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.channel = channel
        self.running = 0

    def release(self, _: object) -> None:
        """Count a call that has ended."""
        self.running -= 1


class SpreadCallable(Generic[AnyCall]):
    """Makes calls of one RPC, each on the channel with the fewest running; of equals on the first."""

    def __init__(self, lanes: Sequence[tuple[Lane, Callable[..., AnyCall]]]) -> None:
        self._lanes = lanes

    def __call__(self, *arguments: Anything, **options: Anything) -> AnyCall:
        lane, make_call = min(self._lanes, key=running)
        call = make_call(*arguments, **options)
        lane.running += 1
        call.add_done_callback(lane.release)
        return call


class SpreadChannel(grpc.aio.Channel):
    """A channel for generated stubs. State and readiness are those of the first member, which serves first."""

    def __init__(self, channels: Sequence[grpc.aio.Channel]) -> None:
        self._lanes = [Lane(channel) for channel in channels]

    async def __aenter__(self) -> SpreadChannel:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close(None)

    async def close(self, grace: float | None = None) -> None:
        """Close every member; running calls have `grace` seconds to end."""
        await asyncio.gather(*(lane.channel.close(grace) for lane in self._lanes))

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        return self._first.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        await self._first.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        await self._first.channel_ready()

    def unary_unary(self, *arguments: Anything, **options: Anything) -> Anything:
        return self._spread(lambda channel: channel.unary_unary(*arguments, **options))

    def unary_stream(self, *arguments: Anything, **options: Anything) -> Anything:
        return self._spread(lambda channel: channel.unary_stream(*arguments, **options))

    def stream_unary(self, *arguments: Anything, **options: Anything) -> Anything:
        return self._spread(lambda channel: channel.stream_unary(*arguments, **options))

    def stream_stream(self, *arguments: Anything, **options: Anything) -> Anything:
        return self._spread(lambda channel: channel.stream_stream(*arguments, **options))

    @property
    def _first(self) -> grpc.aio.Channel:
        return self._lanes[0].channel

    def _spread(self, bind: Callable[[grpc.aio.Channel], Callable[..., AnyCall]]) -> SpreadCallable[AnyCall]:
        return SpreadCallable([(lane, bind(lane.channel)) for lane in self._lanes])


def running(member: tuple[Lane, object]) -> int:
    """Return how many calls run on a member."""
    return member[0].running
