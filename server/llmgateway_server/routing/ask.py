"""What is asked for, by whom, and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, rerank_pb2

from llmgateway_server.call import Principal

Request = generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest | rerank_pb2.RerankRequest

NO_PREFERENCES = generation_pb2.RoutingPreferences()


class Clocks(msgspec.Struct, frozen=True):
    """The event loop's clock, in seconds; the wall clock; and a source of lots from 0 to 1."""

    monotonic_s: Callable[[], float]
    now: Callable[[], datetime]
    random: Callable[[], float]


class Ask(msgspec.Struct, frozen=True):
    """What is asked for, and by whom.

    `may_use` says whether the caller may use a model or route by a name. `sort` is what the name itself asks to sort
    by, empty if nothing.
    """

    name: str
    request: Request
    principal: Principal
    may_use: Callable[[str], bool]
    sort: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether there are no preferences and no policy to look at, and the caller may use the very name."""
        request, principal = self.request, self.principal
        if principal.require or (isinstance(request, generation_pb2.GenerateRequest) and request.HasField("routing")):
            return False
        return self.may_use(self.name)

    @property
    def preferences(self) -> generation_pb2.RoutingPreferences:
        """What the request prefers; embeddings and rerankings have no say."""
        request = self.request
        if isinstance(request, generation_pb2.GenerateRequest) and request.HasField("routing"):
            return request.routing
        return NO_PREFERENCES

    @property
    def policy(self) -> generation_pb2.UnsupportedPolicy.ValueType:
        """What the request says of what a target cannot do."""
        request = self.request
        if isinstance(request, generation_pb2.GenerateRequest):
            return request.unsupported_policy
        return generation_pb2.UNSUPPORTED_POLICY_UNSPECIFIED
