"""The contract's messages → Cohere's.

Cohere's API reference, "Chat", and its guide "Usage patterns for tool use" (read 2026-11-25). What a model planned
before its calls is `tool_plan`; what it thought otherwise is a `thinking` piece of its content.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import msgspec
from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.cohere.options import NAME
from llmgateway_server.dialects.gaps import Gaps, invalid, own_block
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
DETAILS = ("auto", "low", "high")
# The bag of a thought that was no plan, so that it goes back as what it was.
THINKING_BAG = '{"type":"thinking"}'


class MessageEncoder:
    """Encodes the messages of one request."""

    def __init__(self, request: generation_pb2.GenerateRequest, gaps: Gaps) -> None:
        self._request = request
        self._gaps = gaps

    def messages(self) -> Iterator[Json]:
        """Yield the messages. Raise `InvalidField` for what has no place in one."""
        for index, message in enumerate(self._request.messages):
            path = f"messages[{index}]"
            if message.name:
                self._gaps.miss(f"{path}.name")
            if message.role == message_pb2.ROLE_TOOL:
                yield from encode_results(path, message)
                continue
            if message.role == message_pb2.ROLE_ASSISTANT:
                encoded = self._assistant(path, message)
            else:
                encoded = {"role": ROLES[message.role], "content": encode_content(path, message.parts)}
            merge_bag(encoded, message.provider_json, NAME)
            yield encoded

    def _assistant(self, path: str, message: message_pb2.ChatMessage) -> Json:
        calls = [
            encode_call(f"{path}.parts[{index}]", part)
            for index, part in enumerate(message.parts)
            if part.HasField("tool_call") and part.tool_call.executor != message_pb2.ToolCall.EXECUTOR_PROVIDER
        ]
        content: list[Json] = []
        plan: list[str] = []
        for index, part in enumerate(message.parts):
            self._add_piece(f"{path}.parts[{index}]", part, content, plan if calls else None)
        encoded: Json = {"role": "assistant"}
        if calls:
            encoded["tool_calls"] = calls
        planned = "".join(plan)
        if planned:
            encoded["tool_plan"] = planned
        if content:
            is_plain = all(piece.keys() == {"type", "text"} for piece in content)
            encoded["content"] = "".join([piece["text"] for piece in content]) if is_plain else content
        elif not calls:
            encoded["content"] = ""
        return encoded

    def _add_piece(self, path: str, part: Part, content: list[Json], plan: list[str] | None) -> None:
        """Add a part of the content or, beside calls, of the plan."""
        kind = part.WhichOneof("content")
        if kind == "text":
            content.append(encode_piece(path, part))
        elif kind == "refusal":  # its own words are all that tells a refusal from a text here
            content.append({"type": "text", "text": part.refusal})
        elif kind == "reasoning":
            if not part.reasoning.text:
                return
            if plan is not None and part.provider_json.get(NAME) != THINKING_BAG:
                plan.append(part.reasoning.text)
                return
            thought = {"type": "thinking", "thinking": part.reasoning.text}
            merge_bag(thought, part.provider_json, NAME)
            content.append(thought)
        elif kind == "provider_part":
            if not self._gaps.leaves_out(path, part, NAME):
                content.append(own_block(path, part.provider_part, NAME))
        elif kind is None:
            self._gaps.warn(path, "The part is empty: it was left out.")
        elif kind == "media":
            self._gaps.miss(f"{path}.media", " from the assistant")
        # A call is in its own list; a result of the provider's own call is not sent back.


def encode_content(path: str, parts: Any) -> str | list[Json]:  # parts: a repeated field
    """Encode what a system, a user or a tool says: one plain text as such, anything else as a list."""
    if len(parts) == 1 and parts[0].HasField("text") and not parts[0].provider_json:
        text: str = parts[0].text
        return text
    return [encode_piece(f"{path}.parts[{index}]", part) for index, part in enumerate(parts)]


def encode_piece(path: str, part: Part) -> Json:
    """Encode a text, an image, or a piece of Cohere's own, such as a document."""
    kind = part.WhichOneof("content")
    if kind == "text":
        encoded: Json = {"type": "text", "text": part.text}
    elif kind == "media":
        encoded = encode_image(path, part.media)
    elif kind == "provider_part":
        return own_block(path, part.provider_part, NAME)
    else:
        raise misplaced(f"{path}.{kind or 'content'}", "this message")
    merge_bag(encoded, part.provider_json, NAME)
    return encoded


def encode_image(path: str, media: message_pb2.Media) -> Json:
    """Encode an image, by its address or as a data URL: the only medium that Cohere takes."""
    source = media.WhichOneof("source")
    if source not in ("data", "uri"):
        raise invalid(f"{path}.media.{source or 'source'}", "must be data or an https URI here")
    if not media.mime_type.lower().startswith("image/"):
        description = "is none that the cohere dialect takes: send images"
        raise invalid(f"{path}.media.mime_type", description)
    if source == "uri" and not media.uri.lower().startswith("https:"):
        raise invalid(f"{path}.media.uri", "must be an https URI: Cohere fetches no other")
    image: Json = {"url": media.uri if source == "uri" else data_url(media)}
    if media.detail:
        if media.detail not in DETAILS:
            raise invalid(f"{path}.media.detail", f"must be one of {', '.join(DETAILS)}")
        image["detail"] = media.detail
    return {"type": "image_url", "image_url": image}


def data_url(media: message_pb2.Media) -> str:
    """Return bytes as a data URL."""
    return f"data:{media.mime_type};base64,{base64.b64encode(media.data).decode('ascii')}"


def encode_call(path: str, part: Part) -> Json:
    """Encode a call that the model made before."""
    call = part.tool_call
    if call.WhichOneof("input") == "text":
        raise misplaced(f"{path}.tool_call.text", "a call, whose input is JSON")
    function = {"name": call.name, "arguments": call.arguments_json or "{}"}
    encoded: Json = {"id": call.id, "type": "function", "function": function}
    merge_bag(encoded, part.provider_json, NAME)
    return encoded


def encode_results(path: str, message: message_pb2.ChatMessage) -> Iterator[Json]:
    """Encode the results of calls, a message each. An object is a document, which the model can cite."""
    for index, part in enumerate(message.parts):
        result = part.tool_result
        content: str | list[Json] = result.output_json
        if result.parts:
            content = encode_content(f"{path}.parts[{index}].tool_result", result.parts)
            if not isinstance(content, str):
                refuse_images(f"{path}.parts[{index}].tool_result", result.parts)
        elif result.output_json.lstrip().startswith("{"):
            document = {"data": msgspec.Raw(result.output_json.encode())}
            content = [{"type": "document", "document": document}]
        encoded: Json = {"role": "tool", "tool_call_id": result.tool_call_id, "content": content}
        merge_bag(encoded, part.provider_json, NAME)
        if index == 0:
            merge_bag(encoded, message.provider_json, NAME)
        yield encoded


def refuse_images(path: str, parts: Any) -> None:  # parts: a repeated field
    """Refuse images in a result: Cohere takes texts and documents there."""
    for index, part in enumerate(parts):
        if part.HasField("media"):
            raise misplaced(f"{path}.parts[{index}].media", "a result")


def misplaced(field: str, where: str) -> InvalidField:
    """Return the refusal of a part that has no place."""
    return invalid(field, f"has no place in {where} of the cohere dialect")
