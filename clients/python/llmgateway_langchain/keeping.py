"""Parts go back to the gateway as they came, whatever a block of LangChain can say of them. Pure.

Where the part of a block would not be the part that the block was made from, the block also keeps that part whole.
It goes back in place of the block as long as the block is as it was: who edits a block means the edit.
"""

from __future__ import annotations

import base64
import binascii

from google.protobuf.message import DecodeError
from llmgateway.v1 import message_pb2

from llmgateway_langchain.decode_parts import decode_part
from llmgateway_langchain.encode_blocks import encode_block
from llmgateway_langchain.extras import Block, Json

# The key of a block's extras that holds the part, in base64.
KEPT = "llmgateway_part"
# What a block may gain or lose on its way without being another.
PASSING = frozenset({"index", "error", "id"})


def decode_kept(part: message_pb2.Part) -> Block:
    """Return the block of a part, which `encode_kept` makes the same part of."""
    wanted = message_pb2.Part()
    wanted.CopyFrom(part)
    # An answer has these for its reader alone, a request for the provider alone.
    wanted.ClearField("logprobs")
    wanted.ClearField("cache_breakpoint")
    block = decode_part(wanted)
    if not is_same(block, wanted):
        holder = holder_of(block)
        kept = base64.b64encode(wanted.SerializeToString(deterministic=True)).decode()
        holder["extras"] = {**holder.get("extras", {}), KEPT: kept}
    return block


def encode_kept(block: Block, made_by: str = "") -> message_pb2.Part | None:
    """Return the part that a block was made from, if it is as it was; else the part that it makes."""
    kept = (holder_of(block).get("extras") or {}).get(KEPT)
    if isinstance(kept, str):
        part = part_of(kept)
        if part is not None and essence(decode_part(part)) == essence(block):
            return part
    return encode_block(block, made_by)


def is_same(block: Block, wanted: message_pb2.Part) -> bool:
    """Whether a block makes the part it was made from, but for how JSON is spaced."""
    try:
        made = encode_block(block)
    except ValueError:
        return False
    if made is None:
        return False
    if made.tool_call.arguments_json and wanted.tool_call.arguments_json and decode_part(made) == block:
        made.tool_call.arguments_json = wanted.tool_call.arguments_json
    return made.SerializeToString(deterministic=True) == wanted.SerializeToString(deterministic=True)


def holder_of(block: Block) -> Json:
    """Return what has the extras: a block, or the value of one that is not standard."""
    value = block.get("value")
    return value if block.get("type") == "non_standard" and isinstance(value, dict) else block


def essence(block: Block) -> Json:
    """Return a block without what passes, and without the kept part."""
    if block.get("type") == "non_standard":
        return {"type": "non_standard", "value": essence(holder_of(block))}
    rest = {key: value for key, value in block.items() if key not in PASSING or (key == "id" and is_call(block))}
    extras = {key: value for key, value in (block.get("extras") or {}).items() if key != KEPT}
    rest.pop("extras", None)
    return {**rest, "extras": extras} if extras else rest


def is_call(block: Block) -> bool:
    """Whether a block's id is that of a call: others have ids of LangChain's own."""
    return str(block.get("type")).endswith("tool_call")


def part_of(kept: str) -> message_pb2.Part | None:
    """Return a kept part; None where something has broken it."""
    try:
        return message_pb2.Part.FromString(base64.b64decode(kept, validate=True))
    except (binascii.Error, DecodeError):
        return None
