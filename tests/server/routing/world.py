"""A planner over providers that are never asked, with a clock and lots of the test's own."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.admission.gate import Gate
from llmgateway_server.attempts.attempt import Books
from llmgateway_server.call import Principal
from llmgateway_server.catalog.knowledge import load_knowledge
from llmgateway_server.config.section import FROM_FILE
from llmgateway_server.config.settings import Settings
from llmgateway_server.routing.ask import Ask, Clocks, Request
from llmgateway_server.routing.health import HealthBook, TargetHealth
from llmgateway_server.routing.plan import Plan, Planner
from llmgateway_server.routing.profile import ProfileBook
from llmgateway_server.routing.routes import RouteTable
from llmgateway_server.routing.sticky import StickyBook
from llmgateway_server.routing.target import Target, target_of

START = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)  # a Tuesday
PROVIDERS = ("a", "b", "c", "d")
CI = Principal("ci")

Json = Mapping[str, Any]  # Any: a part of a configuration


class World:
    """All that a planner needs. `sections` are those of a configuration file, as values.

    `now_s` is the monotonic time; `told` are reports of circuits and rules. `slots` bounds what runs at each target.
    """

    def __init__(
        self,
        routes: Json | None = None,
        *,
        providers: Sequence[str] = PROVIDERS,
        key_counts: Mapping[str, int] | None = None,
        slots: int = 1_000,
        seed: int = 1,
        **sections: object,
    ) -> None:
        configured = sections.pop("provider_settings", {})
        assert isinstance(configured, dict)
        document = {
            "providers": {
                name: {"dialect": "openai", "base_url": "http://127.0.0.1:1/v1", **configured.get(name, {})}
                for name in providers
            },
            "routes": routes or {},
            **sections,
        }
        self.settings = Settings.model_validate(document, context=FROM_FILE, by_alias=True, by_name=False)
        self.now_s = 1_000.0
        self.told: list[tuple[object, ...]] = []
        self.random = random.Random(seed)
        self.clocks = Clocks(lambda: self.now_s, self.now, self.random.random)
        self.health = HealthBook(
            lambda _: Gate(slots, 100, 10.0, self.clocks.monotonic_s), lambda *circuit: self.told.append(circuit)
        )
        self.sticky = StickyBook(self.clocks.monotonic_s)
        self.books = Books(self.clocks, self.health, self.sticky)
        counts = key_counts or {}
        profiles = ProfileBook(self.settings, load_knowledge(self.settings), lambda name: counts.get(name, 1))
        self.table = RouteTable(self.settings, profiles)
        self.planner = Planner(self.table, self.health, self.sticky, self.clocks, lambda *rule: self.told.append(rule))

    def now(self) -> datetime:
        return START + timedelta(seconds=self.now_s - 1_000.0)

    def of(self, target: str) -> TargetHealth:
        """Return what is known of `provider/model`."""
        return self.health.of(target_of(target))

    def open(self, *targets: str) -> None:
        """Open the circuits of targets now."""
        for target in targets:
            for _ in range(5):
                self.health.note_failure(target_of(target), self.settings.resilience.breaker, self.now_s)

    def ask(
        self,
        name: str,
        request: Request | None = None,
        principal: Principal = CI,
        may_use: Callable[[str], bool] = lambda _: True,
        sort: str = "",
    ) -> Ask:
        return Ask(name, request if request is not None else chat("Hello"), principal, may_use, sort)

    def plan(self, name: str, request: Request | None = None, **more: Any) -> Plan:  # Any: see `ask`
        return self.planner.plan(self.ask(name, request, **more))

    def order(self, name: str, request: Request | None = None, **more: Any) -> list[str]:  # Any: see `ask`
        """Return the targets that would be tried, in order."""
        return [choice.target.id for choice in self.plan(name, request, **more).choices]


def chat(*texts: str, **fields: Any) -> generation_pb2.GenerateRequest:  # Any: fields of the request
    """Return a conversation in which user and assistant take turns."""
    roles = (message_pb2.ROLE_USER, message_pb2.ROLE_ASSISTANT)
    messages = [
        message_pb2.ChatMessage(role=roles[place % 2], parts=[message_pb2.Part(text=text)])
        for place, text in enumerate(texts)
    ]
    return generation_pb2.GenerateRequest(messages=messages, **fields)


def preferring(**preferences: Any) -> generation_pb2.GenerateRequest:  # Any: fields of the preferences
    """Return a request with preferences."""
    return chat("Hello", routing=generation_pb2.RoutingPreferences(**preferences))


def targets(*names: str) -> list[Target]:
    return [target_of(name) for name in names]
