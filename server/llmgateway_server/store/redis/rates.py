"""Limits that several gateways share, kept in Redis or Valkey.

    shared ──no answer within 20 ms, or an error──▶ local ──a probe is answered in time──▶ shared

While the server is away each process goes on with its share of every limit. What many calls take at once travels
together, one batch at a time over one connection, so that none waits for more than two. What a process holds of calls
at once ends with its sign of life; with each connection it takes a new name, so that nothing still on its way over an
old one counts, and says anew how many calls it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import msgspec

from llmgateway_server.store.ledger import StoreAway, StoreRefused
from llmgateway_server.store.local_rates import Cells, LocalRates, lack_of, standing_of
from llmgateway_server.store.rates import Lack, Standing, Take
from llmgateway_server.store.redis.batch import (
    Change,
    Keys,
    decode_answers,
    decode_names,
    encode_beat,
    encode_takes,
)
from llmgateway_server.store.redis.fleet import Fleet, find_fleet, whole_lack

if TYPE_CHECKING:
    from llmgateway_server.store.redis.link import Link

SHARED = "shared"
LOCAL = "local"
# Calls of one batch: what a server does at a time for one of its clients.
MOST_CALLS = 256


class Timing(msgspec.Struct, frozen=True):
    """How long things may take, in seconds. A process gives signs of life, and is dead after so long without one."""

    answer_s: float = 0.02
    connect_s: float = 1.0
    probe_s: float = 1.0
    beat_s: float = 3.0
    life_s: float = 15.0


Asked = tuple[Sequence[Take], asyncio.Future[Sequence[Lack]]]
"""What a call would take, and its answer to come."""


class RedisRates:
    """Keeps limits in one Redis for all processes of a fleet.

    `process_id` is this process's own for ever; `clock` tells seconds that never run backwards. `on_mode` is told
    `shared` or `local` at the start and with each change; `trouble` says why it is local.
    """

    def __init__(
        self,
        url: str,
        process_id: str,
        clock: Callable[[], float],
        on_mode: Callable[[str], None],
        timing: Timing = Timing(),  # noqa: B008  # frozen
        prefix: str = "llmgateway",
    ) -> None:
        self.trouble = "it has not been started"
        self.mode = LOCAL
        self._url = url
        self._process_id = process_id
        self._clock = clock
        self._on_mode = on_mode
        self._timing = timing
        self._keys = Keys(prefix)
        self._connection_count = 0
        self._link: Link | None = None
        self._fleet = Fleet()
        # What this process has taken itself, against its share; and what the server said of the whole.
        self._own = LocalRates(clock)
        self._seen = Cells()
        self._calls: dict[str, int] = {}
        self._told_calls: set[str] = set()
        self._asked: list[Asked] = []
        self._flying: list[Asked] = []
        self._changes: list[Change] = []
        self._is_beat_due = False
        self._wake = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; where the server is away, begin on its own. Raise `StoreRefused` where it cannot keep limits."""
        try:
            await self._join()
        except StoreAway as away:
            self.trouble = str(away)
            self._on_mode(LOCAL)
            await self._drop_link()
        except StoreRefused:
            await self._drop_link()
            raise
        self._pump = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Leave the fleet: what this process holds is free at once."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.wait({self._pump})
            if not self._pump.cancelled():
                self._pump.result()
            self._pump = None
        link = self._link
        if link is not None:
            try:
                await link.remove(self._keys.processes, self._name, self._timing.answer_s)
            except (StoreAway, StoreRefused) as away:
                self.trouble = str(away)
        await self._drop_link()

    async def take(self, takes: Sequence[Take]) -> Sequence[Lack]:
        """Take all or nothing; return the limits without room."""
        if self.mode == LOCAL or not takes:
            return self._take_locally(takes)
        answer: asyncio.Future[Sequence[Lack]] = asyncio.get_running_loop().create_future()
        self._asked.append((takes, answer))
        self._wake.set()
        try:
            return await answer
        except asyncio.CancelledError:
            if not answer.cancelled() and not answer.result():
                self.give_back(takes)
            raise

    def count(self, takes: Sequence[Take]) -> None:
        """Take, whether or not there is room."""
        for take in takes:
            self._change(take, take.amount)

    def give_back(self, takes: Sequence[Take]) -> None:
        """Return what was taken."""
        for take in takes:
            self._change(take, -take.amount)

    def correct(self, take: Take, amount: int) -> None:
        """Make what was taken `amount` instead."""
        self._change(take, amount - take.amount)

    def standing(self, take: Take) -> Standing:
        """Return how a limit stands: by what the server said last, or this process's share. Of calls, its own count."""
        if self.mode == LOCAL:
            return self._own.standing(self._fleet.share_of(take))
        if not take.window_s:
            return self._own.standing(take)
        return standing_of(take, self._seen.level(take, self._clock()))

    @property
    def fleet(self) -> Fleet:
        """Who was seen alive last."""
        return self._fleet

    @property
    def _name(self) -> str:
        """What this process is called over its present connection."""
        return f"{self._process_id}:{self._connection_count}"

    def _take_locally(self, takes: Sequence[Take]) -> Sequence[Lack]:
        shares = [self._fleet.share_of(take) for take in takes]
        lacks = self._own.take_now(shares)
        if not lacks:
            for take in takes:
                self._count_call(take, take.amount)
        return [whole_lack(lack, takes[shares.index(lack.take)]) for lack in lacks]

    def _change(self, take: Take, amount: int) -> None:
        self._own.add(self._fleet.share_of(take), amount)
        self._count_call(take, amount)
        if self.mode == SHARED:
            if take.window_s:
                self._seen.open(take, self._clock()).add(amount)
            self._changes.append((take, amount))
            self._wake.set()

    def _count_call(self, take: Take, amount: int) -> None:
        if take.window_s:
            return
        count = self._calls.get(take.scope, 0) + amount
        if count > 0:
            self._calls[take.scope] = count
        else:
            self._calls.pop(take.scope, None)

    async def _run(self) -> None:
        """Serve while the server answers, probe while it does not."""
        try:
            while True:
                if self.mode == SHARED:
                    await self._serve()
                else:
                    await self._probe()
        finally:
            self._go_local("it was stopped")

    async def _serve(self) -> None:
        """Send what there is to send until the server is in trouble."""
        beat = asyncio.get_running_loop().call_later(self._timing.beat_s, self._ask_for_beat)
        try:
            while True:
                if self._is_beat_due:
                    beat.cancel()
                    beat = asyncio.get_running_loop().call_later(self._timing.beat_s, self._ask_for_beat)
                    await self._beat("")
                elif self._asked or self._changes:
                    await self._send()
                else:
                    self._wake.clear()
                    await self._wake.wait()
        except (StoreAway, StoreRefused) as away:
            self._go_local(str(away))
            await self._drop_link()
        finally:
            beat.cancel()

    async def _probe(self) -> None:
        """Try to come back, or wait until the next try is due."""
        try:
            await self._join()
        except (StoreAway, StoreRefused) as away:
            self.trouble = str(away)
            await self._drop_link()
            await asyncio.sleep(self._timing.probe_s)

    async def _join(self) -> None:
        """Connect, and share limits from now on."""
        former, link = self._name, load_link()(self._url)
        self._link = link
        await link.open(self._timing.connect_s)
        self._connection_count += 1
        self._told_calls.clear()
        await self._beat(former)
        self.mode, self.trouble = SHARED, ""
        # Calls have come and gone since: what it was told of them is told again, before anything else.
        self._is_beat_due = True
        self._on_mode(SHARED)

    def _ask_for_beat(self) -> None:
        self._is_beat_due = True
        self._wake.set()

    async def _beat(self, former: str) -> None:
        """Give a sign of life, say how many calls run, and learn who else lives."""
        self._is_beat_due = False
        counts = self._calls_to_tell()
        batch = encode_beat(self._keys, self._name, former, self._timing.life_s, counts)
        link = self._linked()
        alive = await link.run(link.beat, batch, self._timing.answer_s)
        self._fleet = find_fleet(self._name, decode_names(alive))

    def _calls_to_tell(self) -> dict[str, int]:
        """Return the calls that run, by scope: 0 where the server may know of some. No change is left to send."""
        stale = {take.scope for take, _ in self._changes if not take.window_s} | self._told_calls
        self._changes = [change for change in self._changes if change[0].window_s]
        self._told_calls = set(self._calls)
        return {**dict.fromkeys(stale, 0), **self._calls}

    async def _send(self) -> None:
        """Send changes and takes, and answer the calls that asked."""
        self._flying = [asked for asked in self._asked[:MOST_CALLS] if not asked[1].done()]
        del self._asked[:MOST_CALLS]
        changes, self._changes = self._changes, []
        groups = [takes for takes, _ in self._flying]
        batch = encode_takes(self._keys, self._name, self._timing.life_s, groups, changes)
        link = self._linked()
        answers = decode_answers(await link.run(link.take, batch, self._timing.answer_s))
        flying, self._flying = self._flying, []
        for (takes, answer), numbers in zip(flying, answers, strict=True):
            self._answer(takes, answer, numbers[::2], numbers[1::2])

    def _answer(
        self,
        takes: Sequence[Take],
        answer: asyncio.Future[Sequence[Lack]],
        fitting: Sequence[float],
        levels: Sequence[float],
    ) -> None:
        """Answer a call by whether each of its takes fits, and what counts against each limit by now."""
        is_granted = all(fitting)
        now_s = self._clock()
        for take, level in zip(takes, levels, strict=True):
            if take.window_s:
                self._seen.open(take, now_s).level = level
        if not is_granted:
            parts = zip(takes, fitting, levels, strict=True)
            lacks = [lack_of(take, level) for take, fits, level in parts if not fits]
            if not answer.done():
                answer.set_result(lacks)
        elif answer.done():
            # Whoever asked was cancelled meanwhile: nobody else will give this back.
            self._changes += [(take, -take.amount) for take in takes]
        else:
            for take in takes:
                self._own.note(self._fleet.share_of(take))
                self._count_call(take, take.amount)
            answer.set_result(())

    def _go_local(self, trouble: str) -> None:
        """Go on alone, and answer all who wait."""
        if self.mode == SHARED:
            self.mode, self.trouble = LOCAL, trouble
            self._on_mode(LOCAL)
        waiting = [*self._flying, *self._asked]
        self._flying, self._asked, self._changes = [], [], []
        for takes, answer in waiting:
            if not answer.done():
                answer.set_result(self._take_locally(takes))

    async def _drop_link(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def _linked(self) -> Link:
        if self._link is None:
            raise StoreAway("There is no connection to Redis")
        return self._link


def load_link() -> type[Link]:
    """Return what speaks with Redis. Raise `StoreRefused` where its library is not installed."""
    try:
        from llmgateway_server.store.redis.link import Link
    except ImportError as error:
        raise StoreRefused(f"Redis needs the extra `redis` ({error}): pip install 'llmgateway-grpc[redis]'") from error
    return Link
