"""Lists the models that callers may name: routes, and what each provider says it serves.

A provider's list is asked for when someone wants it and kept for a minute; a provider that does not answer is
left out and asked again, so that listing never fails because of one of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from cachetools import TTLCache
from llmgateway.v1 import model_pb2

from llmgateway_server import errors
from llmgateway_server.routing.routes import RouteTable
from llmgateway_server.routing.target import Target

KEPT_S = 60.0

DESCRIBED_AT_ONCE = 16

# Adds to a model what else is known of a provider's model of a name.
Describe = Callable[[model_pb2.Model, str, str], None]
# Says under which name the provider of a target lists its model, if not under its own; empty: under none.
ListedName = Callable[[Target], str]
Listing = Callable[[], Awaitable[list[model_pb2.Model]]]


class ModelDirectory:
    """The models behind a route table. `listings` asks each provider; `report` is told of one that fails.

    `describe` adds to each model what the catalogue knows of it. `listed_name` finds a model by another of its names,
    such as that of an inference profile.
    """

    def __init__(
        self,
        table: RouteTable,
        listings: Mapping[str, Listing],
        clock: Callable[[], float],
        report: Callable[[str, errors.CallError], None],
        describe: Describe = lambda *_: None,
        listed_name: ListedName = lambda target: target.model,
    ) -> None:
        self._table = table
        self._listings = listings
        self._report = report
        self._describe = describe
        self._listed_name = listed_name
        self._kept: TTLCache[str, list[model_pb2.Model]] = TTLCache(max(len(listings), 1), KEPT_S, timer=clock)

    async def list_models(self) -> list[model_pb2.Model]:
        """Return all models and routes, by id."""
        lists = await asyncio.gather(*(self._provider_models(provider) for provider in self._listings))
        models = {model.id: model for models in lists if models is not None for model in models}
        for name, targets in self._table.targets.items():
            models[name] = route_model(name, self._known(targets[0], models))
        return [models[model_id] for model_id in sorted(models)]

    async def get_model(self, model_id: str) -> model_pb2.Model:
        """Return one model or route. Raise `ModelNotFound` where its provider says it has none such."""
        known = await self._find(self._table.targets_of(model_id)[0])
        return route_model(model_id, known) if model_id in self._table.routes else known

    async def _find(self, target: Target) -> model_pb2.Model:
        models = await self._provider_models(target.provider)
        listed = {model.id: model for model in models or ()}
        known = self._known(target, listed)
        if known is not None:
            return known
        # Any model may be tried where the provider does not list, or not this kind.
        if models is None or not self._listed_name(target):
            unlisted = model_pb2.Model(id=target.id, provider=target.provider)
            self._describe(unlisted, target.provider, target.model)
            return unlisted
        raise errors.ModelNotFound(
            f"{target.provider} lists no model {target.model[:100]!r}. List the models to see those it has.",
            metadata={"model": target.id[:200]},
        )

    def _known(self, target: Target, listed: Mapping[str, model_pb2.Model]) -> model_pb2.Model | None:
        """Return the model of a target as a list has it, by whichever of its names."""
        known = listed.get(target.id) or listed.get(f"{target.provider}/{self._listed_name(target)}")
        if known is None or known.id == target.id:
            return known
        named = model_pb2.Model()
        named.CopyFrom(known)
        named.id = target.id
        return named

    async def _provider_models(self, provider: str) -> list[model_pb2.Model] | None:
        kept = self._kept.get(provider)
        if kept is not None:
            return kept
        try:
            models = await self._listings[provider]()
        except errors.CallError as error:
            self._report(provider, error)
            return None
        named = [name_model(provider, model) for model in models]
        for count, (model, made) in enumerate(zip(models, named, strict=True)):
            self._describe(made, provider, model.id)
            if count % DESCRIBED_AT_ONCE == 0:
                await asyncio.sleep(0)  # A long list must not hold up the calls.
        self._kept[provider] = named
        return named


def name_model(provider: str, model: model_pb2.Model) -> model_pb2.Model:
    """Return a provider's model under the name by which callers ask for it."""
    named = model_pb2.Model()
    named.CopyFrom(model)
    named.id, named.provider = f"{provider}/{model.id}", provider
    return named


def route_model(name: str, known: model_pb2.Model | None) -> model_pb2.Model:
    """Return a route as a model: its target's abilities under its own name."""
    route = model_pb2.Model()
    if known is not None:
        route.CopyFrom(known)
    route.id = name
    route.ClearField("provider")
    return route
