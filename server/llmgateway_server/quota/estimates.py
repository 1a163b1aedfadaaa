"""How much an attempt may reserve: what its caller asks for, or what is chosen where the caller sets no limit. Pure."""

from __future__ import annotations

from typing import Final

import msgspec
from llmgateway.v1 import embedding_pb2, generation_pb2, rerank_pb2, usage_pb2

from llmgateway_server import tokens
from llmgateway_server.quota.bound import Bound, bound_embedding, bound_generation, bound_rerank
from llmgateway_server.quota.terms import Terms
from llmgateway_server.store.ledger import CostRange

Request = generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest | rerank_pb2.RerankRequest

# No answer is cut shorter than this for want of money: the call waits, or is refused.
LEAST_OUTPUT_TOKENS = 256
# What is comfortable: nearly all answers are shorter than so many times the usual one.
COMFORT = 4
LIMIT_FIELD: Final = "max_output_token_count"
EXAMPLE_PRICE = "{input: 0.15, output: 0.60}"


class Reach(msgspec.Struct, frozen=True):
    """What an attempt may hold. `bound` is a generation's; `most_output` is None where no limit is to be chosen."""

    cost: CostRange
    bound: Bound | None = None
    most_output: int | None = None

    def output_limit(self, granted_usd_nanos: int) -> int | None:
        """Return the output limit that goes with what was granted; None where none is to be chosen."""
        if self.bound is None or self.most_output is None:
            return None
        return min(self.most_output, self.bound.output_token_count_within(granted_usd_nanos))

    @classmethod
    def nothing(cls) -> Reach:
        """Return what an attempt holds whose cost nobody limits."""
        return cls(CostRange(0, 0, 0))

    @classmethod
    def fixed(cls, usd_nanos: int, bound: Bound | None = None) -> Reach:
        """Return what an attempt holds that costs so much at most, whatever is chosen."""
        return cls(CostRange(usd_nanos, usd_nanos, usd_nanos), bound)

    @classmethod
    def estimated(cls, request: Request, terms: Terms, usual_output: int) -> Reach:
        """Return what such an attempt usually costs. Raise `PriceUnknown`."""
        if not terms.prices:
            raise terms.lacks_price(EXAMPLE_PRICE)
        if isinstance(request, generation_pb2.GenerateRequest):
            count = request.candidate_count if request.HasField("candidate_count") else 1
            usage = usage_pb2.Usage(
                input_token_count=tokens.estimate_generation(request), output_token_count=usual_output * count
            )
        elif isinstance(request, embedding_pb2.EmbedRequest):
            usage = usage_pb2.Usage(input_token_count=tokens.estimate_embedding(request))
        else:
            usage = usage_pb2.Usage(input_token_count=tokens.estimate_rerank(request), search_unit_count=1)
        return cls.fixed(terms.tariff.cost_usd_nanos(usage))


def reach_of(request: Request, terms: Terms, usual_output: int, default_output_limit: int) -> Reach:
    """Return the most that an attempt may cost: a range where its output limit is ours to choose.

    Raise `PriceUnknown`.
    """
    if isinstance(request, embedding_pb2.EmbedRequest):
        return Reach.fixed(bound_embedding(request, terms))
    if isinstance(request, rerank_pb2.RerankRequest):
        return Reach.fixed(bound_rerank(request, terms))
    bound = bound_generation(request, terms)
    if request.HasField(LIMIT_FIELD):
        return Reach.fixed(bound.usd_nanos(request.max_output_token_count), bound)
    if not bound.output_rate:
        return Reach.fixed(bound.usd_nanos(0))
    most = min(default_output_limit, bound.most_output_token_count or default_output_limit)
    least = min(most, LEAST_OUTPUT_TOKENS)
    fair = min(most, max(least, COMFORT * usual_output))
    cost = CostRange(bound.usd_nanos(least), bound.usd_nanos(fair), bound.usd_nanos(most))
    return Reach(cost, bound, most)


def output_field(request: Request) -> str:
    """Return the field that makes a request cost so much, for who is told that it is too much."""
    if isinstance(request, generation_pb2.GenerateRequest):
        return LIMIT_FIELD if request.HasField(LIMIT_FIELD) else "messages"
    return "inputs" if isinstance(request, embedding_pb2.EmbedRequest) else "documents"
