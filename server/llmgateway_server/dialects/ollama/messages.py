"""The contract's messages → Ollama's: one text a message, images beside it, arguments as objects.

Ollama's API reference, "Generate a chat message", and its `api/types.go` (read 2026-11-25).
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator

import msgspec
from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.gaps import Gaps, invalid
from llmgateway_server.dialects.ollama.options import NAME
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.dialects.options import merge_bag
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import InvalidField

Part = message_pb2.Part

# There is no developer here: what it says is the system's.
ROLES = {
    message_pb2.ROLE_SYSTEM: "system",
    message_pb2.ROLE_DEVELOPER: "system",
    message_pb2.ROLE_USER: "user",
}


class MessageEncoder:
    """Encodes the messages of one request. Remembers the names of calls: a result names its tool, not its call."""

    def __init__(self, request: generation_pb2.GenerateRequest, gaps: Gaps, quirks: Quirks) -> None:
        self._request = request
        self._gaps = gaps
        self._quirks = quirks
        self._called: dict[str, str] = {}

    def messages(self) -> Iterator[Json]:
        """Yield the messages. Raise `InvalidField` for what has no place in one."""
        for index, message in enumerate(self._request.messages):
            path = f"messages[{index}]"
            if message.name:
                self._gaps.miss(f"{path}.name")
            if message.role == message_pb2.ROLE_TOOL:
                yield from self._results(path, message)
            elif message.role == message_pb2.ROLE_ASSISTANT:
                yield self._assistant(path, message)
            else:
                yield self._said(path, message)

    def _said(self, path: str, message: message_pb2.ChatMessage) -> Json:
        encoded: Json = {"role": ROLES[message.role]}
        parts = message.parts
        if len(parts) == 1 and parts[0].HasField("text"):
            encoded["content"] = parts[0].text
        else:
            add_content(encoded, path, parts)
        merge_bags(encoded, message)
        return encoded

    def _assistant(self, path: str, message: message_pb2.ChatMessage) -> Json:
        said: list[str] = []
        thought: list[str] = []
        images: list[str] = []
        calls: list[Json] = []
        for index, part in enumerate(message.parts):
            part_path = f"{path}.parts[{index}]"
            kind = part.WhichOneof("content")
            if kind == "text":
                said.append(part.text)
            elif kind == "refusal":  # its own words are all that tells a refusal from a text here
                said.append(part.refusal)
            elif kind == "reasoning":
                thought.append(part.reasoning.text)
            elif kind == "tool_call":
                if part.tool_call.executor != message_pb2.ToolCall.EXECUTOR_PROVIDER:
                    calls.append(self._call(part_path, part))
            elif kind == "media":
                images.append(encode_image(part_path, part.media))
            elif kind is None:
                self._gaps.warn(part_path, "The part is empty: it was left out.")
            elif kind == "provider_part" and not self._gaps.leaves_out(part_path, part, NAME):
                raise misplaced(f"{part_path}.provider_part", "an assistant's message")
            # What is left is a result of the provider's own call, which is not sent back.
        encoded: Json = {"role": "assistant", "content": "".join(said)}
        thoughts = "".join(thought)
        if thoughts:
            encoded["thinking"] = thoughts
        if images:
            encoded["images"] = images
        if calls:
            encoded["tool_calls"] = calls
        merge_bags(encoded, message)
        return encoded

    def _call(self, path: str, part: Part) -> Json:
        call = part.tool_call
        self._called[call.id] = call.name
        if call.WhichOneof("input") == "text":
            raise misplaced(f"{path}.tool_call.text", "a call, whose input is JSON")
        arguments = decode_arguments(f"{path}.tool_call.arguments_json", call.arguments_json)
        encoded: Json = {"function": {"name": call.name, "arguments": arguments}}
        if self._quirks.tool_call_ids and call.id:
            encoded["id"] = call.id
        merge_bag(encoded, part.provider_json, NAME)
        return encoded

    def _results(self, path: str, message: message_pb2.ChatMessage) -> Iterator[Json]:
        for index, part in enumerate(message.parts):
            result = part.tool_result
            encoded: Json = {"role": "tool"}
            name = result.tool_name or self._called.get(result.tool_call_id, "")
            if name:
                encoded["tool_name"] = name
            if self._quirks.tool_call_ids:
                encoded["tool_call_id"] = result.tool_call_id
            if result.parts:
                add_content(encoded, f"{path}.parts[{index}].tool_result", result.parts)
                for inner in result.parts:
                    merge_bag(encoded, inner.provider_json, NAME)
            else:
                encoded["content"] = result.output_json
            merge_bag(encoded, part.provider_json, NAME)
            if index == 0:
                merge_bag(encoded, message.provider_json, NAME)
            yield encoded


def add_content(encoded: Json, path: str, parts: Iterable[Part]) -> None:
    """Add texts, a line each, and the images; Ollama puts images before the text."""
    said: list[str] = []
    images: list[str] = []
    for index, part in enumerate(parts):
        kind = part.WhichOneof("content")
        if kind == "text":
            said.append(part.text)
        elif kind == "media":
            images.append(encode_image(f"{path}.parts[{index}]", part.media))
        else:
            raise misplaced(f"{path}.parts[{index}].{kind or 'content'}", "this message")
    encoded["content"] = "\n".join(said)
    if images:
        encoded["images"] = images


def merge_bags(encoded: Json, message: message_pb2.ChatMessage) -> None:
    """Merge what came with a message or with its texts: here they are one object."""
    merge_bag(encoded, message.provider_json, NAME)
    for part in message.parts:
        if part.provider_json and not part.HasField("tool_call"):
            merge_bag(encoded, part.provider_json, NAME)


def encode_image(path: str, media: message_pb2.Media) -> str:
    """Return an image as bare base64: the only medium and the only form that Ollama takes."""
    source = media.WhichOneof("source")
    if source != "data":
        description = "must be data: the ollama dialect takes images by no other way"
        raise invalid(f"{path}.media.{source or 'source'}", description)
    if not media.mime_type.lower().startswith("image/"):
        description = "is none that the ollama dialect takes: send images"
        raise invalid(f"{path}.media.mime_type", description)
    return base64.b64encode(media.data).decode("ascii")


def decode_arguments(path: str, text: str) -> msgspec.Raw | Json:
    """Return a call's arguments as the object that Ollama wants; none are an empty one."""
    if not text:
        return {}
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise invalid(path, "must be a JSON object: the ollama dialect has no other arguments")
    return msgspec.Raw(text.encode())


def misplaced(field: str, where: str) -> InvalidField:
    """Return the refusal of a part that has no place."""
    return invalid(field, f"has no place in {where} of the ollama dialect")
