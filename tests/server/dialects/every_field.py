"""What the dialects' proofs share that no field of a request is ignored in silence: which fields there are, which ones
reach the provider, and which are the gateway's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message
from llmgateway.v1 import message_pb2

M = TypeVar("M", bound=Message)
Clear = Callable[[Message], None]

# What the gateway itself honours, before any codec sees it.
GATEWAY = {
    "labels",
    "unsupported_policy",
    "heartbeat_interval",
    "cache_policy.mode",
    "cache_policy.max_age",
    "cache_policy.scope",
    "cache_policy.min_similarity",
    "routing.provider_order",
    "routing.allowed_providers",
    "routing.denied_providers",
    "routing.allow_fallback",
    "routing.required_tags",
    "routing.sort",
    "routing.fallback_models",
    "routing.max_price.input_usd_nanos_per_million",
    "routing.max_price.output_usd_nanos_per_million",
}
EMBED_GATEWAY = {path for path in GATEWAY if path.startswith(("labels", "cache_policy"))}


def message(role: str, *parts: message_pb2.Part, **fields: object) -> message_pb2.ChatMessage:
    """Return a message of a role, named without its prefix."""
    return message_pb2.ChatMessage(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts, **fields)  # type: ignore[arg-type]  # rows vary by field


def leaves(descriptor: Descriptor, path: str = "", seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the path of every field that holds a value; a message within itself is walked once."""
    for field in descriptor.fields:
        inner = field.message_type
        here = f"{path}{field.name}"
        is_leaf = inner is None or inner.GetOptions().map_entry or not inner.full_name.startswith("llmgateway")
        if (
            is_leaf
            or not inner.fields
            or inner.full_name in seen
            or inner is message_pb2.Annotation.DESCRIPTOR
            or inner.name == "TokenLogprob"
        ):
            yield here
        else:
            yield from leaves(inner, f"{here}.", seen | {inner.full_name})


def set_leaves(holder: Message, path: str = "") -> Iterator[tuple[str, Clear]]:
    """Yield each value that is set: its path, and what clears it in a copy. Annotations count as one value."""
    for field, value in holder.ListFields():
        here, name = f"{path}{field.name}", field.name
        is_message = field.message_type is not None and not field.message_type.GetOptions().map_entry
        if is_message and field.is_repeated and name != "annotations":
            for index, item in enumerate(value):
                for inner_path, clear in set_leaves(item, f"{here}."):
                    yield inner_path, lambda copy, n=name, i=index, c=clear: c(getattr(copy, n)[i])  # type: ignore[misc]
            yield here, lambda copy, n=name: copy.ClearField(n)  # type: ignore[misc]
        elif is_message and not field.is_repeated and value.DESCRIPTOR.fields:
            for inner_path, clear in set_leaves(value, f"{here}."):
                yield inner_path, lambda copy, n=name, c=clear: c(getattr(copy, n))  # type: ignore[misc]
        else:
            yield here, lambda copy, n=name: copy.ClearField(n)  # type: ignore[misc]


def honoured_paths(encode: Callable[[M], bytes | str], requests: Iterable[M]) -> set[str]:
    """Return the paths of the fields without which something else is sent.

    `encode` returns what is sent, or as text how a request is refused; these must all be sent.
    """
    honoured = set()
    for request in requests:
        whole = encode(request)
        assert isinstance(whole, bytes), whole
        for path, clear in set_leaves(request):
            copy = type(request)()
            copy.CopyFrom(request)
            clear(copy)
            if encode(copy) != whole:
                honoured.add(path)
    return honoured
