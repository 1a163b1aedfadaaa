"""`:floor` and `:nitro` at the end of a name: the cheapest, or the fastest writer, of a route's targets.

The names are OpenRouter's ("Provider routing", read 2026-12-01). Where something bears such a name itself it is meant:
a route, a model of a provider that has tags of its own (Ollama's `model:tag`), or OpenRouter, which reads them itself.
"""

from __future__ import annotations

from collections.abc import Collection

from llmgateway_server.routing.routes import RouteTable

SORTS = {"floor": "price", "nitro": "throughput"}


class Suffixes:
    """Reads suffixes. `with_tags` are the providers whose models' names may end with a colon and a word."""

    def __init__(self, table: RouteTable, with_tags: Collection[str]) -> None:
        self._table = table
        self._with_tags = with_tags

    def read(self, name: str) -> tuple[str, str]:
        """Return the name that is meant, and what to sort its targets by; empty if nothing is asked."""
        base, colon, word = name.rpartition(":")
        if not colon or word not in SORTS or name in self._table.routes:
            return name, ""
        if base in self._table.routes:
            return base, SORTS[word]
        if base.partition("/")[0] in self._with_tags or not self._table.knows(base):
            return name, ""
        return base, SORTS[word]
