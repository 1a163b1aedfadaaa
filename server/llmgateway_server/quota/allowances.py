"""What of a request costs nothing beyond its tokens; all else is refused, by its path, where a cost quota applies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llmgateway.v1 import message_pb2, tool_pb2

from llmgateway_server.dialects.options import decode_object
from llmgateway_server.quota.free_options import FREE_BLOCKS, FREE_TIERS, WITHOUT_TIERS
from llmgateway_server.quota.option_rules import PLAIN, Rule, find_member
from llmgateway_server.quota.terms import Terms

# What another gateway is sent whole, whatever dialects its own targets speak.
GATEWAY = "llmgateway"
NO_RULES: Mapping[str, Rule] = dict.fromkeys((), PLAIN)
RulesByDialect = Mapping[str, Mapping[str, Rule]]


def check_model(terms: Terms) -> None:
    """Refuse a model that is charged for by more than its tokens."""
    if terms.searches:
        raise terms.refusal("model", ", because the model searches of itself")


def check_tier(service_tier: str, terms: Terms) -> None:
    """Refuse a tier that may be dearer than the standard."""
    if not service_tier or terms.dialect in WITHOUT_TIERS or service_tier in FREE_TIERS.get(terms.dialect, ()):
        return
    raise terms.refusal("service_tier")


def own_bags(bag: Mapping[str, str], dialect: str) -> Iterator[tuple[str, str]]:
    """Yield what of a bag is sent to a target: that of its dialect, with the dialect."""
    if dialect == GATEWAY:
        yield from sorted(bag.items())
    elif dialect in bag:
        yield dialect, bag[dialect]


def check_bag(bag: Mapping[str, str], path: str, terms: Terms, free: RulesByDialect) -> Sequence[Mapping[str, Any]]:
    """Return the objects of a bag that are sent. Raise `PriceUnknown` for a member not known to cost nothing."""
    sent = []
    for dialect, text in own_bags(bag, terms.dialect):
        value = decode_object(text)
        costly = find_member(value, free.get(dialect, NO_RULES), f'{path}["{dialect}"]')
        if costly is not None:
            raise terms.refusal(costly)
        sent.append(value)
    return sent


def check_block(block: message_pb2.ProviderPart, path: str, terms: Terms) -> Mapping[str, Any]:
    """Return a block of the provider's own. Raise `PriceUnknown` unless it is known to hold texts alone."""
    if terms.dialect not in (block.dialect, GATEWAY):
        return NO_RULES  # it is not sent
    value = decode_object(block.json)
    kind = value.get("type", next(iter(value), ""))
    rules = FREE_BLOCKS.get(block.dialect, {}).get(kind if isinstance(kind, str) else "")
    if rules is None:
        raise terms.refusal(f"{path}.provider_part")
    costly = find_member(value, rules, f"{path}.provider_part.json")
    if costly is not None:
        raise terms.refusal(costly)
    return value


def check_tool(tool: tool_pb2.Tool, path: str, terms: Terms) -> None:
    """Refuse a tool that the provider runs or defines: each has a price, or tokens, of its own."""
    if tool.HasField("provider_tool"):
        raise terms.refusal(f"{path}.provider_tool")
