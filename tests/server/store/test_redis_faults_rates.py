"""Limits while their Valkey is in trouble: away, slow, full, forgetful. Each process goes on with its share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest
from llmgateway_server.store.rates import Lack, Standing
from llmgateway_server.store.redis.rates import LOCAL, SHARED, Timing

from tests.server.store.redis_rates import (
    PATIENT,
    PROCESSES,
    PROMPT,
    Process,
    arrive,
    calls,
    fleet,
    process,
    requests,
    tokens,
    until,
)
from tests.valkey import SlowWay, Valkey


@pytest.fixture
def server() -> Iterator[Valkey]:
    with Valkey() as valkey:
        yield valkey


# Answers are waited for as long as the machine likes; what fails here fails by itself.
STEADY = Timing(answer_s=10.0, probe_s=0.01)


async def notice(rates: Process) -> None:
    """Let a process see at its next sign of life, and not only in seconds, that its connection is gone."""
    rates._ask_for_beat()
    await rates.modes.wait(LOCAL)


async def come_back(rates: Process) -> None:
    """Return once limits are kept in the server: what is taken shows there."""
    async with asyncio.timeout(30):
        while True:
            await rates.modes.wait(SHARED)
            take = requests(1, f"key/{time.monotonic_ns()}")
            if not await rates.take([take]) and await rates.take([take]) and rates.mode == SHARED:
                return


async def test_while_it_is_paused_each_process_has_its_share_and_all_come_back(server: Valkey) -> None:
    async with fleet(server.url, 3, PROMPT) as processes:
        for rates in processes:
            await rates.modes.wait(SHARED)
        server.pause()
        try:
            for _ in range(40):
                for rates in processes:
                    async with asyncio.timeout(20):
                        await rates.take([calls(100)])
            assert {rates.mode for rates in processes} == {LOCAL}
            assert sum(rates._calls["team/a"] for rates in processes) == 100
            granted = [not await rates.take([requests(10)]) for rates in processes for _ in range(10)]
            assert sum(granted) == 10
            (lack,) = await processes[0].take([calls(100)])
            assert (lack.take, lack.used, lack.retry_after_s) == (calls(100), 100, None)
        finally:
            server.resume()
        for rates in processes:
            await come_back(rates)
        # All that runs is told to the server again, whoever admitted it.
        await processes[0].modes.wait(SHARED)
        async with process(server.url, "other") as other:
            assert await other.take([calls(100)]) == [Lack(calls(100), 100, None)]


async def test_it_is_waited_for_50_ms_at_most_by_all_who_wait_at_once(server: Valkey) -> None:
    # What flies, and what waits for that.
    assert 2 * Timing().answer_s < 0.05
    async with process(server.url, timing=PROMPT) as rates:
        await rates.modes.wait(SHARED)
        server.pause()
        try:
            async with asyncio.timeout(30):
                lacks = await asyncio.gather(*(rates.take([requests(10)]) for _ in range(600)))
            assert sum(not lack for lack in lacks) == 10
            assert rates.mode == LOCAL
            assert "did not answer within 20 ms" in rates.trouble
        finally:
            server.resume()


async def test_once_it_is_in_trouble_nobody_waits_at_all(server: Valkey) -> None:
    async with process(server.url, timing=PROMPT) as rates:
        server.pause()
        await rates.take([requests(10)])
        await rates.modes.wait(LOCAL)
        answer = rates.take([requests(10)])
        with pytest.raises(StopIteration):
            answer.send(None)
        server.resume()


async def test_killed_and_started_empty_it_knows_again_who_runs_what(server: Valkey) -> None:
    async with fleet(server.url, 2, STEADY) as (one, two):
        assert not await one.take([calls(3)])
        server.kill()
        await notice(one)
        await notice(two)
        # Three calls at once are one for one of the two processes, and two for the other.
        lacks = [await rates.take([calls(3)]) for rates in (one, two, one, two)]
        assert sum(not lack for lack in lacks) == 2
        one.give_back([calls(3)])
        server.start()
        await come_back(one)
        await come_back(two)
        assert [bool(await two.take([calls(3)])) for _ in range(2)] == [False, True]
        assert one.modes.told == two.modes.told == [SHARED, LOCAL, SHARED]


async def test_what_was_used_before_it_went_away_counts_against_the_share(server: Valkey) -> None:
    async with process(server.url, timing=STEADY) as rates:
        assert not await rates.take([tokens(1000, 900)])
        server.kill()
        await notice(rates)
        (lack,) = await rates.take([tokens(1000, 200)])
        assert lack.used == pytest.approx(900, abs=90)
        assert rates.standing(tokens(1000, 1)).remaining == pytest.approx(100, abs=90)


async def test_what_was_used_beyond_the_share_is_not_waited_for(server: Valkey) -> None:
    async with fleet(server.url, 2, STEADY) as (one, _):
        assert not await one.take([tokens(1000, 1000)])
        server.kill()
        await notice(one)
        (lack,) = await one.take([tokens(1000, 100)])
        assert lack.used == pytest.approx(1000, abs=50)
        assert lack.retry_after_s is not None
        assert lack.retry_after_s <= 12.0


async def test_read_only_it_is_left_alone_until_it_takes_writes_again(server: Valkey) -> None:
    async with process(server.url, timing=STEADY) as rates:
        with server.client() as client:
            client.replicaof("127.0.0.1", "1")
            assert not await rates.take([requests(1)])
            assert rates.mode == LOCAL
            assert "read only" in rates.trouble.lower()
            client.replicaof("NO", "ONE")
        await come_back(rates)


async def test_full_it_is_left_alone_until_it_has_room_again(server: Valkey) -> None:
    async with process(server.url, timing=STEADY) as rates:
        with server.client() as client:
            client.config_set("maxmemory", 1)
            assert not await rates.take([requests(1)])
            assert rates.mode == LOCAL
            client.config_set("maxmemory", 0)
        await come_back(rates)


async def test_one_that_evicts_by_now_is_not_come_back_to(server: Valkey) -> None:
    async with process(server.url, timing=STEADY) as rates:
        with server.client() as client:
            client.config_set("maxmemory", 100_000_000)
            client.config_set("maxmemory-policy", "allkeys-lru")
            client.client_kill_filter(skipme=True, _type="normal")
            await notice(rates)
            await until(lambda: "evicts" in rates.trouble)
            assert rates.mode == LOCAL
            client.config_set("maxmemory", 0)
        await come_back(rates)


async def test_slow_it_is_left_alone_until_it_is_fast_again(server: Valkey) -> None:
    async with SlowWay(server.port).open() as way, process(way.url, timing=PROMPT) as rates:
        await rates.modes.wait(SHARED)
        way.delay_s = 0.2
        assert not await rates.take([requests(1)])
        assert rates.mode == LOCAL
        assert await rates.take([requests(1)])
        way.delay_s = 0.0
        await come_back(rates)


async def test_so_slow_that_only_connecting_works_it_stays_left_alone(server: Valkey) -> None:
    timing = Timing(answer_s=0.02, connect_s=10.0, probe_s=0.01)
    async with SlowWay(server.port).open() as way, process(way.url, timing=timing) as rates:
        await rates.modes.wait(SHARED)
        way.delay_s = 0.1
        await rates.take([requests(1)])
        await until(lambda: rates._connection_count >= 3)
        assert rates.modes.told[-1] == LOCAL
        way.delay_s = 0.0
        await come_back(rates)
        # None of its connections of meanwhile counts as a process of its own.
        rates._ask_for_beat()
        await rates.take([requests(1, "key/b")])
        assert rates.fleet.count == 1


async def test_a_loop_that_lags_is_not_the_servers_fault(server: Valkey) -> None:
    loop = asyncio.get_running_loop()
    async with process(server.url, timing=Timing(answer_s=0.06)) as rates:
        await rates.modes.wait(SHARED)
        rates.modes.told.clear()

        def be_busy() -> None:
            """Let each turn of the loop take longer than an answer may."""
            nonlocal busy
            time.sleep(0.08)
            busy = loop.call_soon(be_busy)

        busy = loop.call_soon(be_busy)
        for _ in range(3):
            await rates.take([requests(100)])
        busy.cancel()
        assert rates.modes.told == []


async def test_scripts_that_it_forgot_are_loaded_again(server: Valkey) -> None:
    async with process(server.url, timing=STEADY) as rates:
        with server.client() as client:
            client.script_flush()
        assert not await rates.take([requests(1)])
        assert LOCAL in rates.modes.told
        await come_back(rates)


async def test_a_process_that_was_taken_for_dead_says_anew_what_it_runs(server: Valkey) -> None:
    async with fleet(server.url, 2, STEADY) as (one, two):
        assert not await one.take([calls(2)])
        with server.client() as client:
            client.zrem(PROCESSES, one._name)
        assert not await two.take([calls(2)])
        assert "taken for dead" in str(await one.take([requests(1)])) or "taken for dead" in one.trouble
        await come_back(one)
        assert await two.take([calls(2)]) == [Lack(calls(2), 2, None)]


async def test_calls_that_come_and_go_while_it_comes_back_are_counted_right(server: Valkey) -> None:
    async with process(server.url, timing=STEADY) as rates, process(server.url, "other", STEADY) as other:
        take = calls(1000)
        running = 0
        for round_number in range(5):
            with server.client() as client:
                client.client_kill_filter(skipme=True, _type="normal")
            await notice(rates)
            while rates.mode == LOCAL:
                assert not await rates.take([take])
                running += 1
                if running > 3 + round_number:
                    rates.give_back([take, take])
                    running -= 2
                await asyncio.sleep(0)
            await come_back(rates)
        # Its connections have gone, too, which it has not seen yet.
        await arrive(other)
        await come_back(other)
        (lack,) = await other.take([calls(1)])
        assert lack.used == running == rates._calls["team/a"]


async def test_it_may_be_stopped_while_it_is_away(server: Valkey) -> None:
    async with process(server.url, timing=Timing(answer_s=1.0)) as rates:
        await arrive(rates)
        server.pause()
        waiting = [asyncio.create_task(rates.take([calls(1)])) for _ in range(3)]
        await until(lambda: rates._flying)
        await rates.stop()
        assert sorted(bool(lacks) for lacks in await asyncio.gather(*waiting)) == [False, True, True]
        assert rates.standing(calls(1)) == Standing(0, 0.0)
        rates.give_back([calls(1)])
        assert not await rates.take([calls(1)])
        server.resume()


async def test_it_may_be_stopped_without_a_start(server: Valkey) -> None:
    rates = Process(server.url, timing=PATIENT)
    assert not await rates.take([calls(1)])
    await rates.stop()
