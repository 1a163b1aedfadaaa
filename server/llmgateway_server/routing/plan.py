"""From the name that a caller uses to the target that answers. Pure.

A name is a route of the configuration, or `provider/model` with a configured provider.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import msgspec
from llmgateway.v1 import generation_pb2

from llmgateway_server import errors


class Target(msgspec.Struct, frozen=True):
    """One provider's model. `provider` is its name in the configuration, `model` the provider's own name."""

    provider: str
    model: str

    @property
    def id(self) -> str:
        """The name under which a caller may always ask for it."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class RouteTable:
    """The names that callers may use. Immutable: a new configuration is a new table.

    `providers` holds the names of the configured providers, `routes` the targets of the routes by name.
    """

    providers: Collection[str]
    routes: Mapping[str, Target]

    def resolve(self, name: str) -> Target:
        """Return the target that `name` stands for; raise `ModelNotFound` with the nearest names."""
        target = self.routes.get(name)
        if target is not None:
            return target
        provider, _, model = name.partition("/")
        if model and provider in self.providers:
            return Target(provider, model)
        raise self._not_found(name)

    def _not_found(self, name: str) -> errors.ModelNotFound:
        shown = name[:100]
        known = [*self.routes, *(f"{provider}/" for provider in self.providers)]
        near = difflib.get_close_matches(shown, known, n=1) or difflib.get_close_matches(
            shown.partition("/")[0] + "/", known, n=1
        )
        nearest = near[0] if near else ""
        hint = f" Did you mean {nearest}{'MODEL' if nearest.endswith('/') else ''}?" if nearest else ""
        message = f"No model and no route is named {shown!r}.{hint} Name a model as provider/model, or list the models."
        return errors.ModelNotFound(message, metadata={"model": shown, "nearest": nearest})


def target_of(text: str) -> Target:
    """Read `provider/model`; the model may hold further slashes."""
    provider, _, model = text.partition("/")
    return Target(provider, model)


def check_preferences(target: Target, request: generation_pb2.GenerateRequest) -> None:
    """Refuse a target that the request's own preferences exclude.

    With one target, an order or a sort of targets changes nothing.
    """
    if not request.HasField("routing"):
        return
    preferences = request.routing
    excluded = ""
    if preferences.allowed_providers and target.provider not in preferences.allowed_providers:
        excluded = "routing.allowed_providers leaves it out"
    elif target.provider in preferences.denied_providers:
        excluded = "routing.denied_providers names it"
    elif preferences.required_tags:
        excluded = "it has none of routing.required_tags"
    if excluded:
        raise errors.CapabilityMissing(
            f"{target.id} is the only target, and {excluded}. Change the preference, or name another model.",
            metadata={"model": target.id, "capability": "routing"},
        )
