"""One state of the configuration, ready to serve: immutable, with a revision. A reload builds another beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from llmgateway.v1 import model_pb2

from llmgateway_server import errors
from llmgateway_server.attempts.attempts import Attempts
from llmgateway_server.auth.keys import Keyring
from llmgateway_server.catalog.knowledge import load_knowledge
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.settings import Settings
from llmgateway_server.pipeline import Pipeline
from llmgateway_server.providers import build_upstreams
from llmgateway_server.routing.capabilities import CapabilityCheck
from llmgateway_server.routing.directory import ModelDirectory
from llmgateway_server.routing.plan import RouteTable, Target, target_of
from llmgateway_server.upstream.credentials.of_provider import Chains
from llmgateway_server.upstream.credentials.renewal import Clocks as ChainClocks
from llmgateway_server.upstream.http import HttpClient
from llmgateway_server.upstream.upstream import Upstream


@dataclass(frozen=True, slots=True)
class Shared:
    """What outlives a snapshot: connections, clocks, what has been learned of targets, and who is told of trouble.

    `clock` is monotonic, `wall_s` the time of day, both in seconds.
    """

    http: HttpClient
    clock: Callable[[], float]
    wall_s: Callable[[], float]
    report_credentials: Callable[[str, str], None]
    report_listing: Callable[[str, errors.CallError], None]


class Snapshot:
    """One state of the configuration. `start` begins to renew credentials, `close` lets go of what it opened."""

    def __init__(self, settings: Settings, revision: int, shared: Shared) -> None:
        self.settings = settings
        self.revision = revision
        self.keyring = Keyring.from_settings(settings.auth)
        self._chains = Chains(ChainClocks(shared.clock, shared.wall_s), shared.report_credentials)
        credentials = self._chains.open(settings.providers, load_vendors())
        self._upstreams = build_upstreams(settings, shared.http, shared.clock, credentials)
        self.providers = tuple(self._upstreams)
        self.pipeline = build_pipeline(settings, self._upstreams, shared.clock, shared.report_listing)

    def start(self) -> None:
        """Begin to renew credentials."""
        self._chains.start()

    async def close(self) -> None:
        """Let go of everything. No call may run on it any more."""
        self._chains.close()
        for upstream in self._upstreams.values():
            await upstream.close()


def build_pipeline(
    settings: Settings,
    upstreams: Mapping[str, Upstream],
    clock: Callable[[], float],
    report_listing: Callable[[str, errors.CallError], None],
) -> Pipeline:
    """Return the path of a call over the configured providers."""
    table = RouteTable(
        list(upstreams), {name: target_of(route.otherwise or "") for name, route in settings.routes.items()}
    )
    listings = {name: upstream.list_models for name, upstream in upstreams.items()}
    knowledge = load_knowledge(settings)

    def describe(model: model_pb2.Model, provider: str, name: str) -> None:
        knowledge.describe(model, provider, name)
        if not model.accepted_parameters:
            model.accepted_parameters.extend(upstreams[provider].accepted_parameters(name))

    def listed_name(target: Target) -> str:
        return upstreams[target.provider].listed_name(target.model)

    directory = ModelDirectory(table, listings, clock, report_listing, describe, listed_name)
    dropping = {name for name, provider in settings.providers.items() if provider.unsupported_policy == "drop"}
    capabilities = CapabilityCheck(knowledge.lacks, dropping)
    cost = knowledge.prices.cost_usd_nanos
    return Pipeline(settings.limits, table, upstreams, Attempts(clock), directory, capabilities, cost, clock)
