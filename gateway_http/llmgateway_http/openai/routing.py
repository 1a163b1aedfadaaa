"""`models` and `provider` of a body → RoutingPreferences.

The names are OpenRouter's ("Provider routing" and "Model fallbacks", read 2026-12-01), and mean the gateway's own
routes and providers. Where a model of the provider `openrouter` is asked for, they are OpenRouter's own, and pass.
"""

from __future__ import annotations

from typing import Annotated, Literal

from llmgateway.v1 import generation_pb2
from msgspec import Meta, Struct

from llmgateway_http.openai.errors import invalid

NANOS_PER_USD = 10**9
ROUTING_MEMBERS = frozenset({"models", "provider"})
OPENROUTER = "openrouter/"
Usd = Annotated[float, Meta(ge=0, le=1e6)]
Names = Annotated[list[str], Meta(max_length=64)]


class MaxPrice(Struct, forbid_unknown_fields=True):
    """US dollars for a million tokens that are read, and that are written."""

    prompt: Usd | None = None
    completion: Usd | None = None


class ProviderPreferences(Struct, forbid_unknown_fields=True):
    """Which of the gateway's providers to prefer.

    `require_parameters` says what becomes of parameters that a model does not take: with true it is skipped, with false
    they are left out. `zdr` asks for targets tagged `zero_retention: true`.
    """

    order: Names | None = None
    only: Names | None = None
    ignore: Names | None = None
    sort: Literal["price", "latency", "throughput"] | None = None
    max_price: MaxPrice | None = None
    allow_fallbacks: bool | None = None
    require_parameters: bool | None = None
    zdr: bool | None = None


def prefers_elsewhere(model: object) -> bool:
    """Whether preferences beside a model are for its provider to read, who has providers of its own."""
    return isinstance(model, str) and model.startswith(OPENROUTER)


def set_models(request: generation_pb2.GenerateRequest, model: str | None, models: list[str] | None) -> None:
    """Set the model and those to try after it; without `model` the first of `models` is it."""
    if model is not None:
        request.model = model
        others = [name for name in models or () if name != model]
    elif models:
        request.model, others = models[0], models[1:]
    else:
        raise invalid("model", "is required", "missing_required_parameter")
    if others:
        request.routing.fallback_models.extend(others)


def set_preferences(request: generation_pb2.GenerateRequest, preferences: ProviderPreferences) -> None:
    """Fill the request's preferences."""
    routing = request.routing
    routing.provider_order.extend(preferences.order or ())
    routing.allowed_providers.extend(preferences.only or ())
    routing.denied_providers.extend(preferences.ignore or ())
    if preferences.sort is not None:
        routing.sort = preferences.sort
    if preferences.allow_fallbacks is not None:
        routing.allow_fallback = preferences.allow_fallbacks
    if preferences.zdr:
        routing.required_tags["zero_retention"] = "true"
    most = preferences.max_price
    if most is not None and most.prompt is not None:
        routing.max_price.input_usd_nanos_per_million = round(most.prompt * NANOS_PER_USD)
    if most is not None and most.completion is not None:
        routing.max_price.output_usd_nanos_per_million = round(most.completion * NANOS_PER_USD)
    if preferences.require_parameters is not None and not request.unsupported_policy:
        request.unsupported_policy = (
            generation_pb2.UNSUPPORTED_POLICY_REFUSE
            if preferences.require_parameters
            else generation_pb2.UNSUPPORTED_POLICY_DROP
        )
