"""What goes over the link at once: takes of many calls and changes of what was taken, and what comes back. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import msgspec

from llmgateway_server.store.ledger import StoreAway
from llmgateway_server.store.rates import Take

MICROS_PER_S = 1_000_000
# Lua's numbers are exact up to here.
MOST = 2**53

Decoded = TypeVar("Decoded")

Change = tuple[Take, int]
"""A limit, by a take from it, and by how much what counts against it changes."""


class Keys:
    """Names of keys. All lie in one slot, in case a proxy minds."""

    def __init__(self, prefix: str) -> None:
        self._prefix = f"{{{prefix}}}:"
        self.processes = f"{self._prefix}processes"

    def of(self, take: Take) -> str:
        return f"{self._prefix}{take.metric}:{take.window_s}:{take.scope}"

    def of_calls(self, scope: str) -> str:
        return f"{self._prefix}concurrency:0:{scope}"


class Batch(msgspec.Struct, frozen=True):
    """The keys and the argument of a script."""

    keys: Sequence[str]
    argument: bytes


def encode_takes(
    keys: Keys, process: str, life_s: float, groups: Sequence[Sequence[Take]], changes: Sequence[Change]
) -> Batch:
    """Encode what `take.lua` reads: takes by call, and changes."""
    # Lua counts from 1, and the first key is that of the processes.
    indices: dict[str, int] = {keys.processes: 1}

    def encode(take: Take, amount: int) -> tuple[int, int, int, int]:
        index = indices.setdefault(keys.of(take), len(indices) + 1)
        return index, max(-MOST, min(amount, MOST)), min(take.limit, MOST), take.window_s * MICROS_PER_S

    encoded_changes = [encode(take, amount) for take, amount in changes]
    encoded_groups = [[encode(take, take.amount) for take in group] for group in groups]
    argument = msgspec.msgpack.encode((process, int(life_s * MICROS_PER_S), encoded_groups, encoded_changes))
    return Batch(tuple(indices), argument)


def encode_beat(keys: Keys, process: str, former: str, life_s: float, counts: dict[str, int]) -> Batch:
    """Encode what `beat.lua` reads: a sign of life, and how many calls run by scope."""
    argument = msgspec.msgpack.encode((process, former, int(life_s * MICROS_PER_S), list(counts.values())))
    return Batch((keys.processes, *map(keys.of_calls, counts)), argument)


def decode_answers(packed: bytes) -> list[list[float]]:
    """Decode what `take.lua` returns. Raise `StoreAway` where it is something else."""
    return decode(packed, list[list[float]])


def decode_names(packed: bytes) -> list[str]:
    """Decode what `beat.lua` returns. Raise `StoreAway` where it is something else."""
    return decode(packed, list[str])


def decode(packed: bytes, kind: type[Decoded]) -> Decoded:
    try:
        return msgspec.msgpack.decode(packed, type=kind)
    except msgspec.MsgspecError as error:
        raise StoreAway(f"Redis gave an answer that is none: {error}") from error
