"""How much models usually write for a key: what rates reserve, and what is comfortable for an answer."""

from __future__ import annotations

from cachetools import LRUCache

MAX_KNOWN = 8_192
# Taken where nothing is known yet.
FIRST_GUESS_TOKENS = 500
# The weight of the newest answer.
FRESHNESS = 0.1


class UsualOutput:
    """A moving average of output tokens, by key and model."""

    def __init__(self) -> None:
        self._averages: LRUCache[tuple[str, str], float] = LRUCache(MAX_KNOWN)

    def of(self, key: str, model: str) -> int:
        """Return how many tokens an answer usually takes."""
        return int(self._averages.get((key, model), FIRST_GUESS_TOKENS))

    def learn(self, key: str, model: str, output_token_count: int) -> None:
        """Take one more answer into account."""
        average = self._averages.get((key, model))
        learned = output_token_count if average is None else average + FRESHNESS * (output_token_count - average)
        self._averages[(key, model)] = learned
