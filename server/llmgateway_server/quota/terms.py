"""What is known of a target before a call: where it is, which dialect it speaks, what it costs and holds."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property

import msgspec

from llmgateway_server.catalog.knowledge import OWN_SOURCE
from llmgateway_server.catalog.prices import Price, Tariff
from llmgateway_server.catalog.vendors import Charge
from llmgateway_server.errors import PriceUnknown

# What stands in YAML's braces without quotes.
PLAIN_NAME = re.compile(r"[\w./:@-]*[\w./@-]")
# OpenAI's models that search or research; Perplexity's Sonar; Groq's Compound, as commonly known; and of the suffix
# OpenRouter, "Web search", a stored copy read 2026-12-01.
SEARCHES = re.compile(r"-search-(?:preview|api)|deep-research|(?:^|/)sonar|(?:^|[/-])compound(?:$|-)|:online(?:$|:)")
MAX_NAME_CHARACTERS = 200
MAX_PATH_CHARACTERS = 200
NO_RATES: Mapping[str, int] = dict.fromkeys((), 0)


class Terms(msgspec.Struct, frozen=True, dict=True):
    """One target. Make it once a target: what follows from the prices is worked out once.

    `target_id` is `provider/model`; `dialect` that of the codec which serves the model (`anthropic` for Claude on
    Vertex AI). Counts are in tokens, 0 where unknown. `on_cancel` is what its provider charges for a stream that its
    caller leaves, and `may_think` whether it may write unseen.
    """

    target_id: str
    dialect: str
    prices: Sequence[Price]
    context_token_count: int
    max_output_token_count: int
    on_cancel: Charge = "unspecified"
    may_think: bool = True

    @cached_property
    def model(self) -> str:
        """The model's name in lower case, without its provider."""
        return self.target_id.partition("/")[2].lower()

    @cached_property
    def kinds(self) -> frozenset[str]:
        """The kinds of token that have a price."""
        return frozenset(price.token_kind for price in self.prices)

    @cached_property
    def tariff(self) -> Tariff:
        """What calls are charged."""
        return Tariff(self.prices)

    @cached_property
    def searches(self) -> bool:
        """Whether the model searches, or has other models work, of itself, and is charged for by that."""
        return SEARCHES.search(self.model) is not None

    @cached_property
    def is_priced_to_generate(self) -> bool:
        """Whether what is read has a price, and what is written."""
        return {"input", "output"} <= self.kinds

    @cached_property
    def is_free(self) -> bool:
        """Whether the configuration itself says that it costs nothing. A zero of a price list is no such word."""
        return bool(self.prices) and all(
            price.usd_nanos_per_million == 0 and price.source == OWN_SOURCE for price in self.prices
        )

    @cached_property
    def _steps(self) -> Sequence[tuple[int, Mapping[str, int]]]:
        """The dearest price of each kind that calls reach above so many input tokens, the highest step first."""
        dearest: dict[str, int] = {}
        steps: dict[int, Mapping[str, int]] = {}
        for price in sorted(self.prices, key=lambda price: price.above_input_token_count):
            kind = price.token_kind
            dearest[kind] = max(dearest.get(kind, 0), price.usd_nanos_per_million)
            steps[price.above_input_token_count] = dict(dearest)
        return sorted(steps.items(), key=lambda step: -step[0])

    def rates(self, input_token_count: int) -> Mapping[str, int]:
        """Return the dearest price of each kind that a call of up to so many input tokens can reach."""
        for above, rates in self._steps:
            if input_token_count > above or not above:
                return rates
        return NO_RATES

    def refusal(self, path: str, what: str = "") -> PriceUnknown:
        """Return the refusal of what could cost no one knows how much. `what` says more, as a sentence's end."""
        path = path[:MAX_PATH_CHARACTERS]
        return self._unknown(
            path,
            f"{path}: what it can cost at {self.target_id[:MAX_NAME_CHARACTERS]} is not known{what}, and a"
            " cost quota applies: leave it out, or name a model that it costs nothing at.",
        )

    def lacks_price(self, price: str) -> PriceUnknown:
        """Return the refusal of a target without a price, with the line that gives it one, such as `{input: 1}`."""
        return self._unknown(
            "model",
            f"The price of {self.target_id[:MAX_NAME_CHARACTERS]} is not known, and a cost quota applies: name another"
            " model, or have the configuration say it in US dollars per million tokens:"
            f" {self._line(f'price: {price}')}",
        )

    def lacks_context(self, path: str) -> PriceUnknown:
        """Return the refusal of media whose tokens nothing bounds, with the line that would bound them."""
        path = path[:MAX_PATH_CHARACTERS]
        return self._unknown(
            path,
            f"{path}: how many tokens it is at {self.target_id[:MAX_NAME_CHARACTERS]} is not known, and a cost quota"
            " applies: leave it out, or have the configuration say how much the model reads at most:"
            f" {self._line('context_tokens: 128000')}",
        )

    def _line(self, setting: str) -> str:
        name = self.target_id[:MAX_NAME_CHARACTERS]
        quoted = name if PLAIN_NAME.fullmatch(name) else msgspec.json.encode(name).decode()
        return f"models: {{{quoted}: {{{setting}}}}}"

    def _unknown(self, path: str, message: str) -> PriceUnknown:
        return PriceUnknown(message, metadata={"model": self.target_id[:MAX_NAME_CHARACTERS], "field": path})
