"""One state of the configuration, ready to serve: immutable, with a revision. A reload builds another beside it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from llmgateway.v1 import model_pb2

from llmgateway_server import errors
from llmgateway_server.attempts.attempt import Books
from llmgateway_server.attempts.attempts import Attempts
from llmgateway_server.auth.keys import NO_KEYS, Keyring, OtherKeys
from llmgateway_server.catalog.knowledge import Knowledge, load_knowledge
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.settings import Settings
from llmgateway_server.endings import Observer
from llmgateway_server.pipeline import Pipeline
from llmgateway_server.providers import build_upstreams
from llmgateway_server.quota.accounts import Accounts
from llmgateway_server.quota.desk import Desk
from llmgateway_server.rooms import Rooms
from llmgateway_server.routing.ask import Clocks
from llmgateway_server.routing.directory import ModelDirectory
from llmgateway_server.routing.health import HealthBook
from llmgateway_server.routing.plan import Planner
from llmgateway_server.routing.profile import ProfileBook
from llmgateway_server.routing.routes import RouteTable
from llmgateway_server.routing.sticky import StickyBook
from llmgateway_server.routing.suffix import Suffixes
from llmgateway_server.routing.target import Target
from llmgateway_server.upstream.credentials.of_provider import Chains
from llmgateway_server.upstream.credentials.renewal import Clocks as ChainClocks
from llmgateway_server.upstream.http import HttpClient
from llmgateway_server.upstream.upstream import Upstream


class Reporter(Protocol):
    """Is told of trouble that concerns no single call."""

    def credentials(self, provider: str, what: str) -> None:
        """Tell what became of a provider's credentials."""
        ...

    def listing(self, provider: str, error: errors.CallError) -> None:
        """Tell of a provider that did not list its models."""
        ...

    def rule(self, route: str, condition: str, what: str) -> None:
        """Tell of a rule that could not be evaluated."""
        ...

    def circuit(self, name: str, for_s: float | None) -> None:
        """Tell of a circuit, of a target or of a key, that opened for some seconds, or closed: None."""
        ...


@dataclass(frozen=True, slots=True)
class Shared:
    """What outlives a snapshot: connections, clocks, room, what has been learned of targets, who is told of trouble,
    the desk with the ledger and the quotas. `stored_keys` come and go with the store.

    `clock` is monotonic, `wall_s` the time of day, both in seconds.
    """

    http: HttpClient
    clock: Callable[[], float]
    wall_s: Callable[[], float]
    rooms: Rooms
    books: Books
    reporter: Reporter
    observer: Observer
    desk: Desk
    stored_keys: OtherKeys = NO_KEYS


def make_shared(
    settings: Settings,
    http: HttpClient,
    clock: Callable[[], float],
    wall_s: Callable[[], float],
    reporter: Reporter,
    observer: Observer,
    desk: Desk,
    stored_keys: OtherKeys = NO_KEYS,
) -> Shared:
    """Return what all snapshots of one gateway share."""
    rooms = Rooms(settings.limits, clock)

    def report(name: str, until_s: float | None) -> None:
        reporter.circuit(name, None if until_s is None else until_s - clock())

    lots = random.Random()  # noqa: S311  # it spreads load, and guards nothing
    clocks = Clocks(clock, lambda: datetime.fromtimestamp(wall_s(), UTC), lots.random)
    books = Books(clocks, HealthBook(rooms.of, report), StickyBook(clock))
    return Shared(http, clock, wall_s, rooms, books, reporter, observer, desk, stored_keys)


class Snapshot:
    """One state of the configuration. `start` begins to renew credentials, `close` lets go of what it opened."""

    def __init__(self, settings: Settings, revision: int, shared: Shared) -> None:
        self.settings = settings
        self.revision = revision
        self.keyring = Keyring.from_settings(settings.auth, shared.stored_keys)
        self._chains = Chains(ChainClocks(shared.clock, shared.wall_s), shared.reporter.credentials)
        credentials = self._chains.open(settings.providers, load_vendors())
        self._upstreams = build_upstreams(settings, shared.http, shared.clock, credentials)
        self.providers = tuple(self._upstreams)
        self._shared = shared
        knowledge = load_knowledge(settings)
        self._profiles = ProfileBook(settings, knowledge, lambda provider: self._upstreams[provider].key_count)
        self.pipeline = build_pipeline(settings, self._upstreams, knowledge, self._profiles, shared, revision)

    def start(self) -> None:
        """Begin to serve: bound what runs as this configuration says, and renew credentials."""
        shared, profiles = self._shared, self._profiles
        shared.desk.patience_s = self.settings.limits.queue_timeout_s
        shared.rooms.follow(self.settings.limits, profiles.call_limit)
        shared.books.health.follow_keys({name: provider.api_keys for name, provider in self.settings.providers.items()})
        self._chains.start()

    async def close(self) -> None:
        """Let go of everything. No call may run on it any more."""
        self._chains.close()
        for upstream in self._upstreams.values():
            await upstream.close()


def build_pipeline(
    settings: Settings,
    upstreams: Mapping[str, Upstream],
    knowledge: Knowledge,
    profiles: ProfileBook,
    shared: Shared,
    revision: int,
) -> Pipeline:
    """Return the path of a call over the configured providers."""
    books = shared.books
    table = RouteTable(settings, profiles)
    planner = Planner(table, books.health, books.sticky, books.clocks, shared.reporter.rule)
    return Pipeline(
        limits=settings.limits,
        table=table,
        planner=planner,
        suffixes=Suffixes(table, {name for name in upstreams if has_tags(name, upstreams[name])}),
        room=shared.rooms.gateway,
        upstreams=upstreams,
        attempts=Attempts(books, upstreams, asyncio.sleep),
        directory=build_directory(table, upstreams, knowledge, shared),
        accounts=Accounts(shared.desk),
        clock=shared.clock,
        wall_s=shared.wall_s,
        revision=revision,
        observer=shared.observer,
    )


def build_directory(
    table: RouteTable, upstreams: Mapping[str, Upstream], knowledge: Knowledge, shared: Shared
) -> ModelDirectory:
    """Return the list of models, each with all that is known of it."""

    def describe(model: model_pb2.Model, provider: str, name: str) -> None:
        knowledge.describe(model, provider, name)
        if not model.accepted_parameters:
            model.accepted_parameters.extend(upstreams[provider].accepted_parameters(name))

    def listed_name(target: Target) -> str:
        return upstreams[target.provider].listed_name(target.model)

    listings = {name: upstream.list_models for name, upstream in upstreams.items()}
    return ModelDirectory(table, listings, shared.clock, shared.reporter.listing, describe, listed_name)


def has_tags(provider: str, upstream: Upstream) -> bool:
    """Whether a provider's models bear tags behind a colon, so that such a word is the model's own."""
    return upstream.dialect == "ollama" or provider in ("openrouter", "huggingface")
