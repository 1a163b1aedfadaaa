"""How each kind of request is put to one target, and what the gateway adds to the answer."""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway.v1 import embedding_pb2, generation_pb2, rerank_pb2

from llmgateway_server import tokens
from llmgateway_server.attempts.delivery import counted_usage, is_uncounted
from llmgateway_server.attempts.doubts import Doubts
from llmgateway_server.dialects.options import other_models
from llmgateway_server.routing.capabilities import fit
from llmgateway_server.routing.eligibility import DROP, drops_for
from llmgateway_server.routing.plan import Plan
from llmgateway_server.routing.refusals import not_allowed
from llmgateway_server.routing.routes import Choice
from llmgateway_server.routing.target import Target
from llmgateway_server.upstream.upstream import AttemptState, Upstream

Generation = generation_pb2.GenerateRequest


async def send_generation(
    upstream: Upstream, request: Generation, plan: Plan, choice: Choice, state: AttemptState
) -> generation_pb2.GenerateResponse:
    """Ask for a whole answer; say what is doubtful in it, and count its usage where none came."""
    response = await upstream.generate(prepare(upstream, request, plan, choice, state), choice.target.model, state)
    doubts = Doubts(request)
    doubts.see_response(response)
    if doubts.warnings:
        response.call.warnings.extend(doubts.warnings)
    if is_uncounted(response.usage):
        count = tokens.estimate_candidates(response.candidates)
        response.usage.CopyFrom(counted_usage(tokens.estimate_generation(request), count))
    return response


async def send_embedding(
    upstream: Upstream, request: embedding_pb2.EmbedRequest, plan: Plan, choice: Choice, state: AttemptState
) -> embedding_pb2.EmbedResponse:
    """Ask for vectors; count their usage where none came."""
    check_other_models(request.provider_options_json, plan, choice, upstream)
    response = await upstream.embed(request, choice.target.model, state)
    if is_uncounted(response.usage):
        response.usage.CopyFrom(counted_usage(tokens.estimate_embedding(request), 0))
    return response


async def send_reranking(
    upstream: Upstream, request: rerank_pb2.RerankRequest, _: Plan, choice: Choice, state: AttemptState
) -> rerank_pb2.RerankResponse:
    """Ask for documents in order; count their usage where none came."""
    response = await upstream.rerank(request, choice.target.model, state)
    if is_uncounted(response.usage):
        response.usage.CopyFrom(counted_usage(tokens.estimate_rerank(request), 0))
    return response


def prepare(upstream: Upstream, request: Generation, plan: Plan, choice: Choice, state: AttemptState) -> Generation:
    """Return a generation as a target takes it, with warnings of what was left out. Raise `ModelNotAllowed`.

    The request itself is changed in nothing but its policy, and the output limit that is chosen for it: each attempt
    sets both anew.
    """
    check_other_models(request.provider_options_json, plan, choice, upstream)
    drops = drops_for(plan.policy, plan.drops, choice.profile)
    request.unsupported_policy = DROP if drops else plan.policy
    if not drops or not choice.profile.lacks:
        return request
    fitted, warnings = fit(request, choice.target, choice.profile.lacks)
    state.warnings.extend(warnings)
    return fitted


def check_other_models(options: Mapping[str, str], plan: Plan, choice: Choice, upstream: Upstream) -> None:
    """Refuse options that reach models of the same provider which the caller may not use."""
    for model in other_models(options, upstream.dialect) if options else ():
        other = Target(choice.target.provider, model)
        if not plan.ask.may_use(other.id):
            raise not_allowed(plan.ask.principal, other.id)
