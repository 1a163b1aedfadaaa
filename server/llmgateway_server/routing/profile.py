"""What is known of each target before any call: by the configuration, the catalogue, and its provider's set-up."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache

import msgspec

from llmgateway_server.catalog.knowledge import Knowledge
from llmgateway_server.catalog.prices import Price
from llmgateway_server.catalog.vendors import Charge
from llmgateway_server.config.resilience import ResilienceSettings, TimeoutSettings, over, timeouts_over
from llmgateway_server.config.settings import Settings
from llmgateway_server.routing.target import Target

MAX_KNOWN = 4096
DEFAULT_OUTPUT_LIMIT = 4_096
NO_TAGS: Mapping[str, str] = {"": ""}


class TextRate(msgspec.Struct, frozen=True):
    """What plain text costs there above so many input tokens of a call, in 1e-9 US dollars for a million tokens."""

    above_input_token_count: int
    input_usd_nanos: int
    output_usd_nanos: int


class Profile(msgspec.Struct, frozen=True):
    """One target.

    `lacks` is what it surely cannot do; counts are in tokens, 0 where unknown. `prompt_cache_s` is how long its
    provider keeps a prompt. `most_tries` bounds the tries of one call there. `drops` says that what it cannot do is
    left out where neither the request nor its route says. `default_output_limit` is the most tokens to write where the
    caller sets no limit and cost is limited; `is_server_error_free` says that its provider charges nothing for a 5xx,
    `on_cancel` what it charges for a stream that its caller leaves, `may_think` that the model may write unseen.
    """

    target: Target
    tags: Mapping[str, str]
    lacks: Collection[str]
    context_token_count: int
    max_output_token_count: int
    prices: Sequence[Price]
    text_rates: Sequence[TextRate]
    prompt_cache_s: float
    key_count: int
    timeouts: TimeoutSettings
    resilience: ResilienceSettings
    most_tries: int
    is_slow_first: bool
    drops: bool
    default_output_limit: int
    is_server_error_free: bool
    on_cancel: Charge
    may_think: bool


class ProfileBook:
    """Makes profiles. `key_count` says how many keys a provider has."""

    def __init__(self, settings: Settings, knowledge: Knowledge, key_count: Callable[[str], int]) -> None:
        self._settings = settings
        self._knowledge = knowledge
        self._key_count = key_count
        # Callers name models again and again.
        self.of = lru_cache(maxsize=MAX_KNOWN)(self._make)

    def call_limit(self, target: Target) -> int:
        """Return the most calls that may run at a target at once."""
        settings = self._settings
        model, provider = settings.models.get(target.id), settings.providers.get(target.provider)
        if model is not None and model.concurrent_calls is not None:
            return model.concurrent_calls
        if provider is not None and provider.concurrent_calls is not None:
            return provider.concurrent_calls
        return settings.limits.target_calls

    def _make(self, target: Target) -> Profile:
        settings, knowledge = self._settings, self._knowledge
        provider = settings.providers[target.provider]
        model = settings.models.get(target.id)
        abilities = knowledge.abilities(target.provider, target.model)
        resilience = over(provider.resilience, settings.resilience)
        prices = knowledge.prices.find(target.provider, target.model)
        own_retry = provider.resilience.retry if provider.resilience is not None else None
        slow_first = model.slow_first if model is not None else None
        return Profile(
            target=target,
            tags={**provider.tags, **(model.tags if model is not None else {})} or NO_TAGS,
            lacks=abilities.lacks,
            context_token_count=knowledge.context_token_count(target.provider, target.model),
            max_output_token_count=abilities.max_output,
            prices=prices,
            text_rates=text_rates(prices),
            prompt_cache_s=knowledge.prompt_cache_s(target.provider),
            key_count=self._key_count(target.provider),
            timeouts=timeouts_over(provider.timeouts, settings.timeouts),
            resilience=resilience,
            most_tries=own_retry.attempts if own_retry is not None else resilience.retry.attempts,
            is_slow_first=knowledge.is_slow_first(target.provider, target.model) if slow_first is None else slow_first,
            drops=provider.unsupported_policy == "drop",
            default_output_limit=(model.default_output_limit if model is not None else None) or DEFAULT_OUTPUT_LIMIT,
            is_server_error_free=knowledge.is_server_error_free(target.provider),
            on_cancel=knowledge.charge_on_cancel(target.provider),
            may_think=knowledge.may_think(target.provider, target.model),
        )


def text_rates(prices: Sequence[Price]) -> tuple[TextRate, ...]:
    """Return what text costs, a rate for each step of the prices, the highest first; none where no price is known."""
    steps = sorted({price.above_input_token_count for price in prices}, reverse=True)
    return tuple(TextRate(step, rate_at(prices, "input", step), rate_at(prices, "output", step)) for step in steps)


def rate_at(prices: Sequence[Price], kind: str, step: int) -> int:
    """Return the price of a kind of token that holds from a step on; 0 where it has none."""
    fitting = [price for price in prices if price.token_kind == kind and price.above_input_token_count <= step]
    return max(fitting, key=lambda price: price.above_input_token_count).usd_nanos_per_million if fitting else 0
