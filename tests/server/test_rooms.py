"""Room for calls follows the configuration, and says whose room is full."""

from __future__ import annotations

import pytest
from llmgateway_server import errors
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.rooms import Rooms
from llmgateway_server.routing.target import Target

TARGET = Target("a", "m")


def rooms(**limits: int) -> Rooms:
    return Rooms(LimitSettings(**limits), lambda: 0.0)


@pytest.mark.parametrize("is_gateway", [True, False])
async def test_a_refusal_says_whose_room_is_full_and_when_to_come_back(is_gateway: bool) -> None:
    made = rooms(concurrent_calls=1, target_calls=1, queued_calls=0)
    room = made.gateway if is_gateway else made.of(TARGET)
    assert room.try_enter()
    with pytest.raises(errors.GatewayOverloaded, match="The gateway runs" if is_gateway else "a/m runs") as caught:
        await room.enter("ci", 1, 600.0)
    assert caught.value.retry_after_s is not None
    room.leave()
    assert room.try_enter()


def test_another_configuration_bounds_what_is_there_and_what_comes() -> None:
    made = rooms(concurrent_calls=5, target_calls=3)
    known = made.of(TARGET)
    assert (made.gateway.limit, known.limit) == (5, 3)
    made.follow(LimitSettings(concurrent_calls=7), lambda target: 2 if target == TARGET else 9)
    assert (made.gateway.limit, known.limit, made.of(Target("b", "m")).limit) == (7, 2, 9)


async def test_another_configuration_bounds_who_waits() -> None:
    made = rooms(concurrent_calls=1, queued_calls=5)
    assert made.gateway.try_enter()
    made.follow(LimitSettings(concurrent_calls=1, queued_calls=0), lambda _: 1)
    with pytest.raises(errors.GatewayOverloaded):
        await made.gateway.enter("ci", 1, 600.0)


def test_a_room_that_nobody_holds_is_forgotten() -> None:
    made = rooms()
    made.of(TARGET)
    kept = made.of(Target("b", "m"))
    made.follow(LimitSettings(), lambda _: 4)
    assert kept.limit == 4
    assert len(made._targets) == 1
