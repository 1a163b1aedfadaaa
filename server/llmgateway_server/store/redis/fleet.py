"""The processes that share limits, and which part of a limit is whose while they cannot ask each other. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import msgspec

from llmgateway_server.store.rates import Lack, Take


class Fleet(msgspec.Struct, frozen=True):
    """How many processes were seen alive last, and which of them this one is, from 0."""

    count: int = 1
    rank: int = 0

    def share_of(self, take: Take) -> Take:
        """Return a take of this process's share of the limit; the shares of all are the limit.

        What does not divide is dealt round, to others for another scope: else the same would always go without.
        """
        if self.count == 1:
            return take
        share, rest = divmod(take.limit, self.count)
        if (self.rank + zlib.crc32(take.scope.encode(errors="surrogatepass"))) % self.count < rest:
            share += 1
        return Take(take.scope, take.metric, take.window_s, share, take.amount)


def find_fleet(name: str, alive: Sequence[str]) -> Fleet:
    """Return the fleet of the processes alive, as all of them see it."""
    others = sorted({name, *alive})
    return Fleet(len(others), others.index(name))


def whole_lack(lack: Lack, take: Take) -> Lack:
    """Return a lack of a share as one of the whole limit: what others may take counts as used."""
    return Lack(take, take.limit - lack.take.limit + lack.used, lack.retry_after_s)
