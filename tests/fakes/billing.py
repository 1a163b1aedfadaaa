"""A provider that keeps its own bill: what it charges for each request, by its own arithmetic, outside the gateway.

A request is billed when it comes, as a whole, whatever becomes of its answer: no provider charges more for one that is
cancelled. The model's name says how it behaves, up to an `@`, the prompt how much it would write: `write 300`. The member
`user` tells requests apart.

    async with BillingProvider() as provider:
        ...
        assert provider.billed_usd_nanos == 1_234_567
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from tests.fakes import faults, wire
from tests.fakes.answer import Answer
from tests.fakes.dialect import Place, Stream, after_content, before_terminal, opened
from tests.fakes.exchange import Exchange, Reply
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import chat, held, send_stream_head, stream_of, wait_for_either

# US dollars for a million tokens. Most counts of tokens do not come to whole 1e-9 dollars.
PRICES: Mapping[str, str] = {"input": "0.333333333", "output": "10.000000007"}
ANSWER = Answer(text="one two three four five six")
FRAME_TOKENS = 9
THOUGHT_TOKENS = 5_000
OVERRUN_TOKENS = 7_000
WRITTEN_A_SECOND = 5_000


def before_head(_: Stream) -> int:
    """Before anything at all is sent."""
    return -1


HELD_AT: Mapping[str, Place] = {
    "held-head": before_head,
    "held-open": opened,
    "held-middle": after_content(3),
    "held-end": before_terminal,
}
BEHAVIOURS = (
    "usual",  # writes what it is asked to, up to the limit
    "paced",  # the same, at the speed of a model
    *HELD_AT,  # a stream stands still at some place until `gate` is set; a whole answer waits for that from the start
    "silent",  # leaves usage out
    "partial",  # tells what it read, and not what it wrote
    "nonsensical",  # tells counts that are none
    "overrunning",  # ignores the limit
    "thinking",  # thinks beyond the limit, unseen, and bills it
    "failing",  # 500, and bills what it read
    "breaking",  # breaks off in the midst
    "hanging",  # never answers
    "limiting",  # 429, for nothing
)
UNTOLD = ("silent", "partial", "nonsensical", "failing", "breaking", "hanging", "limiting")
"""Those whose usage nobody can know."""
EXCEEDING = ("overrunning", "thinking")
"""Those that cost more than the request allows."""


class Line(msgspec.Struct, frozen=True):
    """What one request is charged. `limit` is the output limit that came, `is_told` whether its usage is told."""

    user: str
    model: str
    limit: int | None
    input_token_count: int
    output_token_count: int
    usd_nanos: int
    is_told: bool

    @property
    def behaviour(self) -> str:
        return behaviour_of(self.model)


class BillingProvider(FakeOpenAI):
    """The fake provider. `gate` lets go of what it holds back."""

    def __init__(self, prices: Mapping[str, str] = PRICES) -> None:
        super().__init__()
        self._prices = {kind: Fraction(price) for kind, price in prices.items()}
        self.bill: list[Line] = []
        self.gate = asyncio.Event()
        self.always(self._charge_and_reply)

    @property
    def billed_usd_nanos(self) -> int:
        """The sum of the bill."""
        return sum(line.usd_nanos for line in self.bill)

    def lines_of(self, user: str) -> Sequence[Line]:
        """Return what one user was charged."""
        return [line for line in self.bill if line.user == user]

    async def _charge_and_reply(self, exchange: Exchange) -> None:
        line = self._charge(exchange.request.body)
        self.bill.append(line)
        await reply_of(line, self.gate)(exchange)

    def _charge(self, body: Mapping[str, object]) -> Line:
        model, user, limit = str(body["model"]), str(body.get("user") or ""), limit_of(body)
        behaviour = behaviour_of(model)
        prompt = json.dumps(body["messages"])
        wanted = re.search(r"write (\d+)", prompt)
        wishes = int(wanted[1]) if wanted else 6
        read, written = FRAME_TOKENS + len(prompt) // 4, wishes if limit is None else min(wishes, limit)
        if behaviour == "limiting":
            read = written = 0
        elif behaviour == "failing":
            written = 0
        elif behaviour == "overrunning":
            written = (limit or 0) + OVERRUN_TOKENS
        elif behaviour == "thinking":
            written += (limit or 0) + THOUGHT_TOKENS
        is_told = behaviour not in UNTOLD
        return Line(user, model, limit, read, written, self.cost_usd_nanos(read, written), is_told)

    def cost_usd_nanos(self, input_token_count: int, output_token_count: int) -> int:
        """Return what tokens cost: exactly, then rounded up once."""
        usd = (input_token_count * self._prices["input"] + output_token_count * self._prices["output"]) / 10**6
        return math.ceil(usd * 10**9)


def behaviour_of(model: str) -> str:
    """Return how a model behaves, by its name."""
    return model.partition("@")[0]


def limit_of(body: Mapping[str, object]) -> int | None:
    """Return the output limit of a request."""
    limit = body.get("max_completion_tokens", body.get("max_tokens"))
    return limit if isinstance(limit, int) else None


def usage_of(line: Line) -> wire.Json:
    """Return a line as a usage."""
    usage = wire.usage_of(line.input_token_count, line.output_token_count)
    if line.behaviour == "thinking":
        usage["completion_tokens_details"]["reasoning_tokens"] = line.output_token_count - len(ANSWER.pieces)
    return usage


def reply_of(line: Line, gate: asyncio.Event) -> Reply:
    """Return how a request is answered."""
    usage = usage_of(line)
    if line.behaviour in HELD_AT:
        return held_at(HELD_AT[line.behaviour], gate, usage)
    if line.behaviour == "paced":
        return paced(line.output_token_count / WRITTEN_A_SECOND, chat(ANSWER, usage=usage))
    replies: Mapping[str, Reply] = {
        "silent": chat(ANSWER, usage=None),
        "partial": chat(ANSWER, usage={"prompt_tokens": line.input_token_count}),
        "nonsensical": chat(ANSWER, usage={"prompt_tokens": -5, "completion_tokens": "NaN"}),
        "failing": faults.status(500),
        "breaking": broken,
        "hanging": faults.never_answer,
        "limiting": faults.status(429, retry_after="0"),
    }
    return replies.get(line.behaviour) or chat(ANSWER, usage=usage)


def held_at(place: Place, gate: asyncio.Event, usage: wire.Json) -> Reply:
    """Stand still at a place of a stream, before a whole answer, until `gate` is set or the peer leaves."""
    whole = held(chat(ANSWER, usage=usage), gate)

    async def reply(exchange: Exchange) -> None:
        stream = stream_of(exchange, [ANSWER], usage)
        split = place if isinstance(place, int) else place(stream)
        if split < 0 or not exchange.dialect.is_stream(exchange.request):
            await whole(exchange)
            return
        await send_stream_head(exchange)
        for frame in stream.frames[:split]:
            await exchange.send(frame)
        await wait_for_either(gate, exchange.closed)
        for frame in stream.frames[split:]:
            await exchange.send(frame)
        await exchange.end()

    return reply


def paced(after_s: float, reply: Reply) -> Reply:
    """Reply after so long, as models do that write."""

    async def wait_and_reply(exchange: Exchange) -> None:
        await asyncio.sleep(after_s)
        await reply(exchange)

    return wait_and_reply


async def broken(exchange: Exchange) -> None:
    """Break off in the midst of an answer."""
    is_stream = exchange.dialect.is_stream(exchange.request)
    await (faults.stream_cut(after_content(3)) if is_stream else faults.whole_cut)(exchange)
