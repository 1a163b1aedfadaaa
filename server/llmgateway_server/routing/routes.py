"""The names that callers may use, and the targets behind them. Immutable: a new configuration is a new table."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from functools import lru_cache

import msgspec

from llmgateway_server import errors
from llmgateway_server.config.resilience import BreakerSettings, TimeoutSettings, over, timeouts_over
from llmgateway_server.config.routes import RouteSettings, Strategy
from llmgateway_server.config.settings import Settings
from llmgateway_server.routing.profile import Profile, ProfileBook
from llmgateway_server.routing.rules import Rule, compile_rule
from llmgateway_server.routing.target import Target, target_of

MAX_KNOWN = 4096
NO_SETTINGS = RouteSettings()


class Choice(msgspec.Struct, frozen=True):
    """A target as one route uses it: with the route's own timers and circuits. `retry_share` is its retry budget."""

    target: Target
    profile: Profile
    timeouts: TimeoutSettings
    breaker: BreakerSettings
    retry_share: float
    weight: int = 1
    is_fallback: bool = False


class Route(msgspec.Struct, frozen=True):
    """One name: either targets, or rules and where they lead.

    What a fallback names is a choice, or the name of another route. `most_attempts` bounds the tries of one call.
    `is_direct` says that it is no route of the configuration but a model by its own name, with no choice of keys.
    """

    name: str
    strategy: Strategy
    targets: tuple[Choice, ...]
    most_attempts: int
    fallback: tuple[Choice | str, ...] = ()
    content_filter_fallback: tuple[Choice | str, ...] = ()
    rules: tuple[Rule, ...] = ()
    otherwise: str = ""
    require: Mapping[str, str] = {}
    drops: bool | None = None
    is_direct: bool = False


class RouteTable:
    """Finds routes by name. `routes` are those of the configuration; any `provider/model` is a route of its own.

    `targets` holds all targets that a route of the configuration may lead to, the likeliest first.
    """

    def __init__(self, settings: Settings, profiles: ProfileBook) -> None:
        self._settings = settings
        self._profiles = profiles
        self.routes: Mapping[str, Route] = {name: self._make(name, route) for name, route in settings.routes.items()}
        self.targets: Mapping[str, tuple[Target, ...]] = {name: self._reach(name) for name in self.routes}
        # Callers name models again and again.
        self._direct = lru_cache(maxsize=MAX_KNOWN)(self._make_direct)

    def find(self, name: str) -> Route:
        """Return the route that a name stands for; raise `ModelNotFound` with the nearest names."""
        return self.routes.get(name) or self._direct(name)

    def targets_of(self, name: str) -> tuple[Target, ...]:
        """Return all targets that a name may lead to, the likeliest first; raise `ModelNotFound`."""
        known = self.targets.get(name)
        return known if known is not None else tuple(choice.target for choice in self._direct(name).targets)

    def requires(self, name: str) -> bool:
        """Whether a route of the configuration has a data policy of its own."""
        route = self.routes.get(name)
        return route is not None and bool(route.require)

    def _reach(self, name: str) -> tuple[Target, ...]:
        """Return the targets behind a route: its own, what otherwise leads to, its fallbacks, its rules."""
        if name not in self.routes:
            return (target_of(name),)
        route = self.routes[name]
        found = [choice.target for choice in route.targets]
        leads = [route.otherwise] if route.otherwise else []
        for one in (*leads, *route.fallback, *(rule.target for rule in route.rules), *route.content_filter_fallback):
            found += [one.target] if isinstance(one, Choice) else self._reach(one)
        return tuple(dict.fromkeys(found))

    def knows(self, name: str) -> bool:
        """Whether a name is a route, or begins with a provider."""
        provider, _, model = name.partition("/")
        return name in self.routes or bool(model and provider in self._settings.providers)

    def _make_direct(self, name: str) -> Route:
        if not self.knows(name):
            raise self._not_found(name)
        choice = self._choose(target_of(name), NO_SETTINGS)
        return Route(
            name,
            "priority",
            (choice,),
            self._settings.resilience.retry.attempts,
            is_direct=choice.profile.key_count == 1,
        )

    def _make(self, name: str, settings: RouteSettings) -> Route:
        return Route(
            name,
            settings.strategy,
            tuple(self._choose(target_of(target.model), settings, target.weight) for target in settings.targets),
            over(settings.resilience, self._settings.resilience).retry.attempts,
            self._fallbacks(settings.fallback, settings),
            self._fallbacks(settings.content_filter_fallback, settings),
            tuple(compile_rule(rule) for rule in settings.rules),
            settings.otherwise or "",
            settings.require,
            None if settings.unsupported_policy is None else settings.unsupported_policy == "drop",
        )

    def _fallbacks(self, names: Sequence[str], settings: RouteSettings) -> tuple[Choice | str, ...]:
        return tuple(
            name if name in self._settings.routes else self._choose(target_of(name), settings, is_fallback=True)
            for name in names
        )

    def _choose(self, target: Target, settings: RouteSettings, weight: int = 1, *, is_fallback: bool = False) -> Choice:
        profile = self._profiles.of(target)
        resilience = over(settings.resilience, profile.resilience)
        timeouts = timeouts_over(settings.timeouts, profile.timeouts)
        return Choice(target, profile, timeouts, resilience.breaker, resilience.retry.budget, weight, is_fallback)

    def _not_found(self, name: str) -> errors.ModelNotFound:
        shown = name[:100]
        known = [*self.routes, *(f"{provider}/" for provider in self._settings.providers)]
        near = difflib.get_close_matches(shown, known, n=1) or difflib.get_close_matches(
            shown.partition("/")[0] + "/", known, n=1
        )
        nearest = near[0] if near else ""
        hint = f" Did you mean {nearest}{'MODEL' if nearest.endswith('/') else ''}?" if nearest else ""
        message = f"No model and no route is named {shown!r}.{hint} Name a model as provider/model, or list the models."
        return errors.ModelNotFound(message, metadata={"model": shown, "nearest": nearest})
