"""What a part of the contract holds and a content block of LangChain has no key for. Pure.

A block keeps it under `extras`, in JSON's own types, so that it survives where messages are stored as JSON. A tool
call keeps it in its message's `additional_kwargs`: `AIMessage.tool_calls` has no room for it, and LangChain's event
stream drops what a call learns at its end, as signatures are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmgateway.v1 import message_pb2

Block = dict[str, Any]  # any JSON object: a content block, whose keys depend on its type
Json = dict[str, Any]  # any JSON object

# The key of `additional_kwargs`: what calls hold, by their ids.
CALL_EXTRAS = "llmgateway_tool_calls"


def decode_extras(part: message_pb2.Part) -> Json:
    """Return what must be sent back with a part: item id, signature and `provider_json`."""
    extras: Json = {}
    if part.item_id:
        extras["item_id"] = part.item_id
    if part.HasField("signature"):
        extras["signature"] = {"provider": part.signature.provider, "value": part.signature.value}
    if part.provider_json:
        extras["provider_json"] = dict(part.provider_json)
    return extras


def encode_extras(part: message_pb2.Part, extras: Mapping[str, Any], made_by: str = "") -> None:
    """Put into a part what `decode_extras` took from one.

    A signature that is a bare string is another integration's: then `made_by` names the provider that made it, and
    without one it is left out, since nobody could tell to whom it may be sent.
    """
    part.item_id = text_at(extras, "item_id")
    signature = extras.get("signature")
    if isinstance(signature, Mapping):
        part.signature.provider = text_at(signature, "provider")
        part.signature.value = text_at(signature, "value")
    elif isinstance(signature, str) and signature and made_by:
        part.signature.provider = made_by
        part.signature.value = signature
    provider_json = extras.get("provider_json")
    if isinstance(provider_json, Mapping):
        for dialect, text in provider_json.items():
            part.provider_json[str(dialect)] = str(text)


def text_at(values: Mapping[str, Any], key: str) -> str:
    """Return the string under a key, empty where there is none."""
    value = values.get(key)
    return value if isinstance(value, str) else ""
