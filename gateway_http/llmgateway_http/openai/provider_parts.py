"""What OpenAI's messages have no place for: a provider's own calls, results and blocks, and the images of an answer.

`provider_parts` of an assistant's message holds the parts that only their provider has a use for, such as a web search
that it ran and what it found, each as the contract's `Part` in ProtoJSON with the place it had among the parts.
`images` holds what the model drew, as OpenRouter has it ("Image generation", read 2026-11-25), with the place and the
signature beside it. A client that sends its messages back as they came loses nothing; clients written for OpenAI's API
alone skip both.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from google.protobuf import json_format
from llmgateway.v1 import message_pb2

from llmgateway_http.openai.chat_types import INT32_MAX, ProviderPart
from llmgateway_http.openai.errors import invalid
from llmgateway_http.openai.media import check_url, split_data_url
from llmgateway_http.openai.signatures import set_signature, to_extra_content

Json = dict[str, Any]  # Any: decoded JSON
Part = message_pb2.Part

PROVIDER = message_pb2.ToolCall.EXECUTOR_PROVIDER
IMAGE, VIDEO = "image/", "video/"


def is_provider_part(part: Part) -> bool:
    """Whether a part of an answer stands in `provider_parts`."""
    kind = part.WhichOneof("content")
    if kind == "tool_call":
        return part.tool_call.executor == PROVIDER
    return kind in ("tool_result", "provider_part") or (kind == "media" and part.media.mime_type.startswith(VIDEO))


def is_image(part: Part) -> bool:
    """Whether a part of an answer stands in `images`."""
    return part.HasField("media") and part.media.mime_type.startswith(IMAGE)


def to_provider_part(part: Part, part_index: int, index: int) -> Json:
    """Return an entry of `provider_parts`; `index` counts the entries, as clients that add deltas up ask for it."""
    told = json_format.MessageToDict(part, preserving_proto_field_name=True)
    return {"index": index, "part_index": part_index, "part": told}


def to_image(part: Part, part_index: int, index: int) -> Json:
    """Return an entry of `images`."""
    media = part.media
    url = media.uri or f"data:{media.mime_type};base64,{base64.b64encode(media.data).decode('ascii')}"
    entry: Json = {"type": "image_url", "image_url": {"url": url}, "index": index, "part_index": part_index}
    if part.HasField("signature"):
        entry["extra_content"] = to_extra_content(part.signature)
    return entry


def add_provider_parts(turn: message_pb2.ChatMessage, entries: Sequence[ProviderPart], path: str) -> None:
    """Put the entries of a message that came back where they were. Raises `RestError` for what no answer had."""
    placed: list[tuple[int, Part]] = []
    for index, entry in enumerate(entries):
        entry_path = f"{path}[{index}].part"
        try:
            part = json_format.ParseDict(entry.part, Part())
        except (json_format.ParseError, ValueError, TypeError) as error:
            raise invalid(entry_path, "must be as the gateway gave it, or be left out") from error
        if not is_provider_part(part):
            raise invalid(entry_path, "must be a call, a result or a block of a provider's own")
        placed.append((entry.part_index, part))
    place_parts(turn, placed)


def take_images(turn: message_pb2.ChatMessage, raw: object, path: str) -> list[Any]:
    """Put the images that the gateway told back where they were; return the entries that it did not write."""
    if not isinstance(raw, list):
        return [raw]
    placed: list[tuple[int, Part]] = []
    others: list[Any] = []
    for index, entry in enumerate(raw):
        place = entry.get("part_index") if isinstance(entry, dict) else None
        image = entry.get("image_url") if isinstance(entry, dict) else None
        url = image.get("url") if isinstance(image, dict) else None
        if not isinstance(place, int) or not 0 <= place <= INT32_MAX or not isinstance(url, str):
            others.append(entry)
            continue
        part = Part()
        if url.startswith("data:"):
            part.media.mime_type, part.media.data = split_data_url(url, f"{path}[{index}].image_url.url")
        else:
            check_url(url, f"{path}[{index}].image_url.url")
            part.media.mime_type, part.media.uri = "image/*", url
        set_signature(part, entry.get("extra_content"))
        placed.append((place, part))
    place_parts(turn, placed)
    return others


def place_parts(turn: message_pb2.ChatMessage, placed: Iterable[tuple[int, Part]]) -> None:
    """Insert parts at their places among those of OpenAI's shape, which may have become fewer: then at the end."""
    for place, part in sorted(placed, key=lambda entry: entry[0]):
        turn.parts.insert(min(place, len(turn.parts)), part)
