"""What a call would cost at a target, before it is made: to compare targets by, and as a bound to show."""

from __future__ import annotations

from collections.abc import Sequence

from llmgateway.v1 import generation_pb2

from llmgateway_server import tokens
from llmgateway_server.catalog.prices import TOKENS_PER_PRICE
from llmgateway_server.routing.ask import Request
from llmgateway_server.routing.profile import Profile, TextRate

# How much a model is taken to write where the request sets no limit: only targets are compared by it.
EXPECTED_OUTPUT_TOKENS = 500


def expected_output_token_count(request: Request) -> int:
    """Return about how many tokens a call makes a model write, to compare targets by."""
    if not isinstance(request, generation_pb2.GenerateRequest):
        return 0
    limit = request.max_output_token_count if request.HasField("max_output_token_count") else EXPECTED_OUTPUT_TOKENS
    return min(limit, EXPECTED_OUTPUT_TOKENS)


def most_cost_usd_nanos(request: generation_pb2.GenerateRequest, profile: Profile) -> int | None:
    """Return about the most that a generation could cost at a target; None where a price or a limit is unknown."""
    limit = request.max_output_token_count if request.HasField("max_output_token_count") else 0
    output = limit or profile.max_output_token_count
    if not profile.prices or not output:
        return None
    count = request.candidate_count if request.HasField("candidate_count") else 1
    return cost_of(tokens.estimate_generation(request), output * count, profile)


def cost_of(input_token_count: int, output_token_count: int, profile: Profile) -> int:
    """Return what so many tokens of text cost at a target, rounded up; where nothing is cached, as a bill would."""
    rate = rate_at(profile.text_rates, input_token_count)
    total = input_token_count * rate.input_usd_nanos + output_token_count * rate.output_usd_nanos
    return -(-total // TOKENS_PER_PRICE)


def rate_at(rates: Sequence[TextRate], input_token_count: int) -> TextRate:
    """Return the rate that holds for so many input tokens, of at least one; the highest step comes first."""
    for rate in rates:
        if input_token_count > rate.above_input_token_count:
            return rate
    return rates[-1]
