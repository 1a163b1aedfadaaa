"""All that the gateway knows of models beforehand: prices, abilities, terms; the configuration's word stands above the
catalogue's."""

from __future__ import annotations

from datetime import UTC, datetime

from llmgateway.v1 import model_pb2

from llmgateway_server.catalog.abilities import Abilities, AbilityBook, OwnAbilities, load_abilities
from llmgateway_server.catalog.prices import Price, PriceBook, load_prices
from llmgateway_server.catalog.vendors import Charge, Vendor, load_vendors
from llmgateway_server.config.settings import Settings

OWN_SOURCE = "configuration"
# How long a provider's prompt cache is taken to last where its vendor's row does not say.
PROMPT_CACHE_S = 300.0


class Knowledge:
    """What is known of each provider's models, by the provider's name in the configuration and the model's own."""

    def __init__(self, prices: PriceBook, abilities: AbilityBook, vendors: dict[str, Vendor]) -> None:
        self.prices = prices
        self._abilities = abilities
        self._vendors = vendors
        self._billing = {
            name: vendor.billing.message() for name, vendor in vendors.items() if vendor.billing is not None
        }

    def abilities(self, provider: str, model: str) -> Abilities:
        """Return what is known of what a model can do."""
        return self._abilities.find(provider, model)

    def context_token_count(self, provider: str, model: str) -> int:
        """Return how much a model reads and writes together, 0 where that is unknown."""
        return self._abilities.find(provider, model).context or self.prices.context_token_count(provider, model)

    def is_slow_first(self, provider: str, model: str) -> bool:
        """Whether a model may think for minutes before its first words without being asked to.

        Those that reason do by default, but Claude: it thinks where a request says so (Anthropic, "Extended thinking",
        read 2026-12-01).
        """
        return "reasoning" in self._abilities.find(provider, model).has and "claude" not in model.lower()

    def prompt_cache_s(self, provider: str) -> float:
        """Return how long a provider keeps a prompt that nobody uses."""
        vendor = self._vendors.get(provider)
        known = vendor.prompt_cache if vendor is not None else None
        return known.seconds if known is not None else PROMPT_CACHE_S

    def is_server_error_free(self, provider: str) -> bool:
        """Whether a provider says that it charges nothing for what it answers with a 5xx."""
        vendor = self._vendors.get(provider)
        return vendor is not None and vendor.billing is not None and vendor.billing.on_server_error == "nothing"

    def charge_on_cancel(self, provider: str) -> Charge:
        """Return what a provider charges for a stream that is cancelled."""
        vendor = self._vendors.get(provider)
        return "unspecified" if vendor is None or vendor.billing is None else vendor.billing.on_cancel

    def may_think(self, provider: str, model: str) -> bool:
        """Whether a model may write tokens that nobody sees: all may of which it is not known that they cannot."""
        return "reasoning" not in self._abilities.find(provider, model).lacks

    def describe(self, model: model_pb2.Model, provider: str, name: str) -> None:
        """Add what is known of a model where its provider does not say."""
        self._abilities.describe(model, provider, name)
        self.prices.describe(model, provider, name)
        if provider in self._billing:
            model.billing.CopyFrom(self._billing[provider])


def load_knowledge(settings: Settings) -> Knowledge:
    """Return what is known. Raise `CatalogError` where the catalogue's data is wrong."""
    return Knowledge(
        load_prices().with_own(own_prices(settings)),
        AbilityBook(load_abilities(), own_abilities(settings)),
        dict(load_vendors()),
    )


def own_prices(settings: Settings) -> dict[str, list[Price]]:
    """Return the configuration's prices, by `provider/model`."""
    today = datetime.now(UTC).date()
    return {
        name: [Price(kind, usd_nanos, OWN_SOURCE, today) for kind, usd_nanos in model.price.items()]
        for name, model in settings.models.items()
        if model.price
    }


def own_abilities(settings: Settings) -> dict[str, OwnAbilities]:
    """Return what the configuration says that models can do, by `provider/model`."""
    return {
        name: OwnAbilities(model.capabilities, model.max_output_tokens or 0, model.context_tokens or 0)
        for name, model in settings.models.items()
    }
