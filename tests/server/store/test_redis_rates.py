"""Limits in a real Valkey while all is well: as in the process, but for all processes at once."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llmgateway_server.store.ledger import StoreRefused
from llmgateway_server.store.local_rates import LocalRates
from llmgateway_server.store.rates import Lack, Rates, Standing, Take
from llmgateway_server.store.redis.fleet import Fleet, find_fleet
from llmgateway_server.store.redis.rates import LOCAL, SHARED, RedisRates, Timing
from redis import Redis

from tests.server.store.redis_rates import PROCESSES, arrive, calls, fleet, process, requests, tokens, until
from tests.valkey import Valkey, free_port

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def server() -> Iterator[Valkey]:
    with Valkey("--requirepass", "s3cret") as valkey:
        yield valkey


def with_password(server: Valkey) -> str:
    return server.url.replace("//", "//:s3cret@")


@pytest.fixture
def url(server: Valkey) -> str:
    """The URL of a server that has nothing yet."""
    url = with_password(server)
    with Redis.from_url(url) as client:
        client.flushall()
    return url


def age(url: str, seconds: float) -> None:
    """Let time pass on the server: what it has written is so much older."""
    with Redis.from_url(url, decode_responses=True) as client:
        for key in client.scan_iter():
            if client.type(key) == "string":
                level, at_us = client.get(key).split()
                client.set(key, f"{level} {int(at_us) - int(seconds * 1e6)}", keepttl=True)
            elif client.type(key) == "zset":
                for name, at_us in client.zrange(key, 0, -1, withscores=True):
                    client.zadd(key, {name: at_us - seconds * 1e6})


async def test_a_minutes_requests_pass_at_once_and_then_one_by_one(url: str) -> None:
    async with process(url) as rates:
        assert rates.mode == SHARED
        take = requests(6)
        assert [await rates.take([take]) for _ in range(6)] == [()] * 6
        (lack,) = await rates.take([take])
        assert (lack.take, lack.used) == (take, 6)
        assert lack.retry_after_s == pytest.approx(10.0, abs=5.0)
        age(url, 10.0)
        assert not await rates.take([take])
        assert await rates.take([take])


async def test_all_is_taken_or_nothing_and_every_limit_without_room_is_named(url: str) -> None:
    async with process(url) as rates:
        assert not await rates.take([requests(1, "key/a"), calls(1, "team/b")])
        plenty = [tokens(1_000_000, 400_000), calls(5)]
        lacks = await rates.take([plenty[0], requests(1, "key/a"), plenty[1], calls(1, "team/b")])
        assert [(lack.take.scope, lack.used, lack.retry_after_s is None) for lack in lacks] == [
            ("key/a", 1, False),
            ("team/b", 1, True),
        ]
        assert rates.standing(plenty[0]) == Standing(1_000_000, 0.0)
        assert not await rates.take(plenty)
        assert rates.standing(plenty[0]).remaining == pytest.approx(600_000, abs=60_000)
        assert rates.standing(plenty[1]) == Standing(4, 0.0)


@st.composite
def histories(draw: st.DrawFn) -> tuple[int, list[tuple[str, int, float]]]:
    """A limit, and steps on it: what is done, to how much, after which pause as a part of the window."""
    step = st.tuples(
        st.sampled_from(("take", "take", "take", "give back", "correct")),
        st.integers(1, 130),
        st.one_of(st.just(0.0), st.floats(0, 0.3)),
    )
    return draw(st.sampled_from((0, 50, 100))), draw(st.lists(step, min_size=1, max_size=12))


@settings(max_examples=25)
@given(histories())
def test_the_server_reckons_as_the_process_does(
    server: Valkey, history: tuple[int, list[tuple[str, int, float]]]
) -> None:
    """The window is ten weeks long, so that the time that passes by itself does not show."""
    url = with_password(server)
    with Redis.from_url(url) as client:
        client.flushall()
    asyncio.run(play(url, *history))


async def play(url: str, limit: int, steps: list[tuple[str, int, float]]) -> None:
    """Do the same in the process and in the server, and compare."""
    now_s, window_s = 0.0, 6_000_000
    local = LocalRates(lambda: now_s)
    async with process(url) as shared:
        for kind, amount, pause in steps:
            now_s += pause * window_s
            if pause:
                age(url, pause * window_s)
                # A process would have given signs of life.
                shared._ask_for_beat()
                await arrive(shared)
            takes = [Take("key/a", "tokens", window_s, limit, amount), calls(4)]
            expected, found = await step(local, kind, takes), await step(shared, kind, takes)
            assert [metric for metric, _ in found] == [metric for metric, _ in expected]
            assert [used for _, used in found] == pytest.approx([used for _, used in expected], abs=1)
        assert shared.modes.told == [SHARED]


async def step(rates: Rates, kind: str, takes: list[Take]) -> list[tuple[str, int]]:
    if kind == "give back":
        rates.give_back(takes)
    elif kind == "correct":
        rates.correct(takes[0], 150 - takes[0].amount)
    else:
        return [(lack.take.metric, lack.used) for lack in await rates.take(takes)]
    await arrive(rates)
    return []


async def test_three_processes_admit_one_limit_together(url: str) -> None:
    async with fleet(url, 3) as processes:
        since_s = time.monotonic()
        asked = [rates.take([requests(600), tokens(10**9, 100)]) for _ in range(400) for rates in processes]
        granted = [not lacks for lacks in await asyncio.gather(*asked)]
        flown_off = 600 * (time.monotonic() - since_s) / 60
        assert 600 <= sum(granted) <= 600 + flown_off + 1


async def test_calls_at_once_are_counted_over_all_processes(url: str) -> None:
    async with fleet(url, 3) as (one, two, three):
        take = calls(2)
        assert not await one.take([take])
        assert not await two.take([take])
        assert await three.take([take]) == [Lack(take, 2, None)]
        two.give_back([take])
        # What is given back travels with what is taken next by the same process.
        assert not await two.take([take])
        one.give_back([take])
        assert not await one.take([requests(1)])
        assert not await three.take([take])


async def test_a_process_that_leaves_gives_back_what_it_holds(url: str) -> None:
    async with process(url, "two") as two:
        async with process(url, "one") as one:
            assert not await one.take([calls(1)])
            assert await two.take([calls(1)])
        assert not await two.take([calls(1)])


HOLDER = """
import asyncio, sys, time
from llmgateway_server.store.redis.rates import RedisRates, Timing
from llmgateway_server.store.rates import Take

async def hold():
    rates = RedisRates(sys.argv[1], "holder", time.monotonic, lambda mode: None, Timing(10.0, 10.0))
    await rates.start()
    assert not await rates.take([Take("team/a", "concurrency", 0, 1)])
    print(rates.mode, flush=True)
    await asyncio.Event().wait()

asyncio.run(hold())
"""


async def test_calls_of_a_process_that_was_killed_end_with_its_sign_of_life(url: str) -> None:
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLDER, url, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    try:
        assert await holder.stdout.readline() == b"shared\n"
        async with process(url) as rates:
            holder.kill()
            await holder.wait()
            assert await rates.take([calls(1)]) == [Lack(calls(1), 1, None)]
            with Redis.from_url(url, decode_responses=True) as client:
                (name,) = (name for name in client.zrange(PROCESSES, 0, -1) if name.startswith("holder"))
                last_us = client.zscore(PROCESSES, name)
                client.zadd(PROCESSES, {name: last_us - 10_000_000})
                assert await rates.take([calls(1)])
                client.zadd(PROCESSES, {name: last_us - 15_000_000})
            assert not await rates.take([calls(1)])
    finally:
        if holder.returncode is None:
            holder.kill()
        await holder.communicate()


async def test_whoever_is_cancelled_while_it_waits_holds_nothing(server: Valkey, url: str) -> None:
    async with process(url) as rates:
        await arrive(rates)
        server.pause()
        try:
            waiting = asyncio.create_task(rates.take([calls(1), requests(1)]))
            queued = asyncio.create_task(rates.take([calls(1), requests(1)]))
            await until(lambda: rates._flying)
            for task in (waiting, queued):
                task.cancel()
            await asyncio.wait({waiting, queued})
        finally:
            server.resume()
        assert not await rates.take([tokens(10, 1)])
        assert not await rates.take([calls(1), requests(1)])


async def test_whoever_is_cancelled_as_it_is_answered_holds_nothing(url: str) -> None:
    async with process(url) as rates:
        waiting = asyncio.create_task(rates.take([calls(1), requests(1)]))
        await until(lambda: rates._calls)
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})
        assert waiting.cancelled()
        assert not await rates.take([calls(1), requests(1)])


async def test_a_guess_is_corrected_for_all(url: str) -> None:
    async with fleet(url, 2) as (one, two):
        guess = tokens(1000, 100)
        assert not await one.take([guess])
        one.correct(guess, 3000)
        assert not await one.take([requests(1)])
        (lack,) = await two.take([guess])
        assert lack.used == pytest.approx(3000, abs=300)
        assert two.standing(guess).remaining == 0
        one.correct(guess, 0)
        one.correct(guess, 0)
        one.give_back([tokens(1000, 2800)])
        assert not await one.take([requests(1, "key/b")])
        assert not await two.take([tokens(1000, 1000)])


async def test_a_changed_limit_keeps_what_is_used(url: str) -> None:
    async with process(url) as rates:
        assert not await rates.take([requests(10), calls(3)])
        (lack, other) = await rates.take([requests(1), calls(1)])
        assert (lack.used, other.used) == (1, 1)
        assert await rates.take([requests(0), calls(0)])
        assert not await rates.take([requests(2), calls(2)])


async def test_every_key_ends_by_itself(url: str) -> None:
    async with process(url) as rates:
        for scope in ("key/a", "end_user/" + "x" * 1000, "end_user/ü \n{"):
            assert not await rates.take([requests(10, scope), tokens(10, 100_000, scope), calls(1, scope)])
        with Redis.from_url(url, decode_responses=True) as client:
            keys = list(client.scan_iter())
            assert len(keys) == 10
            for key in keys:
                # A debt of ten thousand minutes is not kept that long.
                assert 0 < client.pttl(key) <= 86_400_000


async def test_a_sign_of_life_keeps_long_calls_counted(url: str) -> None:
    async with fleet(url, 2) as (one, two):
        assert not await one.take([calls(1)])
        key = one._keys.of_calls("team/a")
        with Redis.from_url(url, decode_responses=True) as client:
            client.pexpire(key, 30_000)
            one._ask_for_beat()
            assert not await one.take([requests(1)])
            assert client.pttl(key) > 500_000
        assert await two.take([calls(1)])


async def test_a_sign_of_life_that_crosses_what_is_given_back_settles_it(url: str) -> None:
    async with fleet(url, 2) as (one, two):
        for _ in range(3):
            assert not await one.take([calls(3)])
            assert not await one.take([calls(3, "team/b")])
        one.give_back([calls(3)] * 3)
        one._ask_for_beat()
        one.give_back([calls(3, "team/b")])
        await arrive(one)
        assert [bool(await two.take([calls(3)])) for _ in range(4)] == [False, False, False, True]
        assert [bool(await two.take([calls(3, "team/b")])) for _ in range(2)] == [False, True]


async def test_a_thousand_at_once_get_what_there_is(url: str) -> None:
    async with process(url) as rates:
        lacks = await asyncio.gather(*(rates.take([calls(10)]) for _ in range(1000)))
        assert sum(not lack for lack in lacks) == 10


@pytest.mark.parametrize(
    "take", [requests(10**30), tokens(10**30, 10**25), requests(5, "end_user/\ud800"), calls(2**63)]
)
async def test_odd_names_and_numbers_do_no_harm(url: str, take: Take) -> None:
    async with process(url) as rates:
        assert not await rates.take([take])
        rates.correct(take, -(10**30))
        await arrive(rates)
        assert rates.mode == SHARED


async def test_nothing_taken_is_nothing_asked(url: str) -> None:
    async with process(url) as rates:
        assert not await rates.take([])


def test_shares_of_a_limit_are_the_limit_and_the_rest_goes_round() -> None:
    names = ["c:1", "a:7", "b:2"]
    processes = [find_fleet(name, names) for name in names]
    assert sorted(one.rank for one in processes) == [0, 1, 2]
    luckiest = set()
    for limit in (0, 1, 2, 3, 100, 1000):
        for number in range(20):
            shares = [one.share_of(requests(limit, f"end_user/{number}")).limit for one in processes]
            assert sum(shares) == limit
            assert max(shares) - min(shares) <= 1
            luckiest.add(shares.index(max(shares)))
    assert luckiest == {0, 1, 2}
    assert find_fleet("a:1", []) == Fleet(1, 0)


async def test_processes_learn_of_each_other(url: str) -> None:
    async with fleet(url, 3) as processes:
        assert sorted(one.fleet.rank for one in processes) == [0, 1, 2]
        assert {one.fleet.count for one in processes} == {3}


async def beat(url: str, name: str) -> set[str]:
    """Give a sign of life; return who is alive."""
    async with process(url, name) as rates:
        await arrive(rates)
        with Redis.from_url(url, decode_responses=True) as client:
            alive = set(client.zrange(PROCESSES, 0, -1))
        # It goes without a word.
        assert rates._pump is not None
        rates._pump.cancel()
        await asyncio.wait({rates._pump})
        await rates._drop_link()
    return {one.partition(":")[0] for one in alive}


async def test_who_gives_no_sign_of_life_is_dead(url: str) -> None:
    assert await beat(url, "a") == {"a"}
    age(url, 5.0)
    assert await beat(url, "b") == {"a", "b"}
    age(url, 5.5)
    assert await beat(url, "c") == {"a", "b", "c"}
    age(url, 5.0)
    assert await beat(url, "d") == {"b", "c", "d"}


async def test_a_server_that_was_away_gives_all_some_time_to_come_back(url: str) -> None:
    assert await beat(url, "dead") == {"dead"}
    for name in ("b", "c", "d"):
        age(url, 5.2)
        await beat(url, name)
    age(url, 60.0)
    assert await beat(url, "d") == {"b", "c", "d"}
    age(url, 5.1)
    assert await beat(url, "d") == {"d"}


async def test_a_servers_clock_that_was_put_back_makes_nobody_immortal(url: str) -> None:
    await beat(url, "a")
    age(url, -3600.0)
    assert await beat(url, "b") == {"a", "b"}
    for _ in range(4):
        age(url, 5.0)
        await beat(url, "b")
    assert await beat(url, "b") == {"b"}


async def test_a_server_that_evicts_is_refused() -> None:
    with Valkey("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru") as valkey:
        with pytest.raises(StoreRefused, match=r"evicts .*allkeys-lru.*set maxmemory-policy to noeviction"):
            await start(valkey.url)
        with valkey.client() as client:
            client.config_set("maxmemory-policy", "noeviction")
        assert await start(valkey.url) == SHARED


async def test_a_server_that_evicts_is_refused_where_its_configuration_is_hidden() -> None:
    with (
        Valkey(
            "--maxmemory", "100mb", "--maxmemory-policy", "volatile-ttl", "--rename-command", "CONFIG", ""
        ) as valkey,
        pytest.raises(StoreRefused, match="volatile-ttl"),
    ):
        await start(valkey.url)


async def test_a_server_without_a_bound_of_memory_never_evicts() -> None:
    with Valkey("--maxmemory-policy", "allkeys-lru") as valkey:
        assert await start(valkey.url) == SHARED


async def test_a_replica_is_refused() -> None:
    with (
        Valkey() as primary,
        Valkey("--replicaof", "127.0.0.1", str(primary.port)) as replica,
        pytest.raises(StoreRefused, match="replica: use the address of its primary"),
    ):
        await start(replica.url)


async def test_a_cluster_is_refused() -> None:
    with (
        Valkey("--cluster-enabled", "yes", "--cluster-port", str(free_port())) as valkey,
        pytest.raises(StoreRefused, match=r"cluster.*use a single server"),
    ):
        await start(valkey.url)


async def test_a_wrong_password_is_refused_and_never_told(server: Valkey) -> None:
    with pytest.raises(StoreRefused, match="give the right user and password") as refused:
        await start(server.url.replace("//", "//:canary-password@"))
    assert "canary" not in str(refused.value)


async def test_a_user_without_the_rights_is_refused(server: Valkey, url: str) -> None:
    with Redis.from_url(url) as client:
        client.execute_command("ACL", "SETUSER", "reader", "on", ">pw", "~*", "+get", "+info", "+client")
    with pytest.raises(StoreRefused, match="let that user run EVALSHA"):
        await start(server.url.replace("//", "//reader:pw@"))


@pytest.mark.parametrize("url", ["http://:canary@127.0.0.1:1", "redis://:canary@127.0.0.1:port/0", ":canary"])
async def test_a_url_of_something_else_is_refused_and_never_told(url: str) -> None:
    with pytest.raises(StoreRefused, match="write it as redis://") as refused:
        await start(url)
    assert "canary" not in str(refused.value)


async def test_a_missing_library_is_told_with_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "llmgateway_server.store.redis.link")
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(StoreRefused, match=r"pip install 'llmgateway-grpc\[redis\]'"):
        await start("redis://127.0.0.1:1")


async def test_a_server_that_is_away_at_the_start_is_waited_for() -> None:
    valkey = Valkey()
    async with process(valkey.url, timing=Timing(answer_s=10.0, probe_s=0.01)) as rates:
        assert rates.modes.told == [LOCAL]
        assert not await rates.take([requests(1)])
        assert await rates.take([requests(1)])
        with valkey:
            await rates.modes.wait(SHARED)
            assert rates.trouble == ""


async def start(url: str) -> str:
    rates = RedisRates(url, "one", time.monotonic, lambda mode: None, Timing(answer_s=10.0))
    try:
        await rates.start()
        return rates.mode
    finally:
        await rates.stop()
