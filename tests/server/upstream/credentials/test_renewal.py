"""The life of one lease, with the clock and the chain in the test's hands."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest
from llmgateway_server.errors import CallError, ProviderKeyRejected, ProviderUnreachable
from llmgateway_server.upstream.credentials.credentials import ChainError, Lease
from llmgateway_server.upstream.credentials.renewal import BACK_OFF_S, FETCH_S, MAX_THREADS, PAUSE_S, Clocks, Renewal

SAFETY_S = 10


class Chain:
    """A chain whose answers the test gives, one for each time that it is asked."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.told: list[str] = []
        self.asked = 0
        self.threads: set[str] = set()
        self.holds = threading.Event()
        self.holds.set()
        self.answer: Callable[[], Lease[str]] = lambda: self.lease(3600)
        clocks = Clocks(lambda: self.now_s, lambda: self.now_s)
        self.renewal = Renewal("p", "X", self.fetch, clocks, lambda _, what: self.told.append(what))

    def lease(self, lasts_s: float, early_s: float = 300) -> Lease[str]:
        return Lease(f"value-{self.asked}", self.now_s + lasts_s, self.now_s + lasts_s - early_s)

    def fetch(self, now_s: float) -> Lease[str]:
        self.asked += 1
        self.threads.add(threading.current_thread().name)
        assert self.holds.wait(SAFETY_S)
        return self.answer()

    async def failure(self) -> CallError:
        with pytest.raises(CallError) as caught:
            await self.renewal.ready()
        return caught.value

    async def settled(self) -> None:
        """Wait until the renewal under way has ended."""
        flight = self.renewal._flight
        assert flight is not None
        await asyncio.wait({flight})


@pytest.fixture
def chain() -> Chain:
    return Chain()


def refuse() -> Lease[str]:
    raise ChainError("failed with Refused", "Look into the log.", detail="secret AKIA0123456789ABCDEF of x")


async def test_all_who_wait_wait_for_one_fetch_off_the_loop(chain: Chain) -> None:
    chain.holds.clear()
    waiting = [asyncio.create_task(chain.renewal.ready()) for _ in range(20)]
    left = asyncio.create_task(chain.renewal.ready())
    await asyncio.sleep(0)  # the tasks begin
    assert not chain.renewal.is_ready()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    chain.holds.set()
    await asyncio.gather(*waiting)
    assert (chain.asked, chain.renewal.value, chain.threads) == (1, "value-1", {"credentials-p"})
    assert chain.renewal.is_ready()


async def test_what_ends_soon_serves_on_and_is_renewed_once(chain: Chain) -> None:
    await chain.renewal.ready()
    chain.now_s += 3299
    assert chain.renewal.is_ready()
    assert chain.asked == 1
    chain.now_s += 1
    chain.holds.clear()
    assert all(chain.renewal.is_ready() for _ in range(20))
    assert chain.renewal.value == "value-1"
    chain.holds.set()
    await chain.settled()
    assert (chain.asked, chain.renewal.value) == (2, "value-2")


async def test_what_has_almost_ended_is_awaited(chain: Chain) -> None:
    await chain.renewal.ready()
    chain.now_s += 3589.9
    assert chain.renewal.is_ready()
    await chain.settled()
    chain.now_s += 3590
    assert not chain.renewal.is_ready()
    await chain.renewal.ready()
    assert chain.renewal.value == "value-3"


async def test_a_chain_that_gives_the_same_again_is_not_asked_at_every_call(chain: Chain) -> None:
    chain.answer = lambda: chain.lease(200)
    await chain.renewal.ready()
    chain.now_s += PAUSE_S - 1
    assert chain.renewal.is_ready()
    assert chain.asked == 1
    chain.now_s += 1
    assert chain.renewal.is_ready()
    await chain.settled()
    assert chain.asked == 2


async def test_a_renewal_that_fails_in_the_background_leaves_what_lasts(chain: Chain) -> None:
    await chain.renewal.ready()
    chain.answer = refuse
    chain.now_s += 3400
    assert chain.renewal.is_ready()
    await chain.settled()
    assert chain.renewal.is_ready()
    assert chain.renewal.value == "value-1"
    assert chain.told == [
        "cannot renew its credentials, which last for now: the chain of X failed with Refused. "
        "Look into the log. (secret *** of x)"
    ]


async def test_a_failure_is_kept_for_the_back_off_only(chain: Chain) -> None:
    chain.answer = refuse
    first, second = await chain.failure(), await chain.failure()
    assert chain.asked == 1
    assert (
        str(first)
        == str(second)
        == ("p has no usable credentials: the chain of X failed with Refused. Look into the log.")
    )
    assert (type(first), first.retry_after_s, first.metadata) == (ProviderKeyRejected, BACK_OFF_S, {"provider": "p"})
    chain.now_s += BACK_OFF_S
    await chain.failure()
    assert (chain.asked, len(chain.told)) == (2, 1)  # the same is not told again at once
    chain.now_s += BACK_OFF_S
    chain.answer = lambda: chain.lease(3600)
    await chain.renewal.ready()
    assert chain.renewal.value == "value-3"


async def test_whatever_a_library_raises_is_a_typed_error(chain: Chain) -> None:
    def break_down() -> Lease[str]:
        raise ZeroDivisionError("canary-0123456789abcdef")

    chain.answer = break_down
    error = await chain.failure()
    assert type(error) is ProviderKeyRejected
    assert "failed with ZeroDivisionError" in str(error)
    assert "canary" not in str(error) + str(chain.told)


async def test_a_chain_that_hangs_is_given_up_and_only_few_threads_hang(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("llmgateway_server.upstream.credentials.renewal.FETCH_S", 0.0)
    chain.holds.clear()
    for _ in range(MAX_THREADS + 2):
        error = await chain.failure()
        assert type(error) is ProviderUnreachable
        assert "gave no answer within 0 s" in str(error)
        chain.now_s += BACK_OFF_S
    assert chain.asked == MAX_THREADS
    # Once they come back there is room again; what they bring is too late to count.
    threads = list(chain.renewal._threads)
    chain.holds.set()
    for thread in threads:
        await asyncio.to_thread(thread.join, SAFETY_S)
    assert not chain.renewal.is_ready()
    monkeypatch.setattr("llmgateway_server.upstream.credentials.renewal.FETCH_S", FETCH_S)
    await chain.renewal.ready()
    assert chain.renewal.value == f"value-{MAX_THREADS + 1}"


async def test_a_gateway_that_stops_leaves_a_hanging_thread_alone(chain: Chain) -> None:
    chain.holds.clear()
    chain.renewal.start()
    (thread,) = chain.renewal._threads
    assert thread.daemon
    chain.renewal.close()
    chain.holds.set()
    await asyncio.to_thread(thread.join, SAFETY_S)
