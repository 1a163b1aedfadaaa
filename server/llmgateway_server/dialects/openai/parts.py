"""The pieces of a message that whole answers and streams share: log probabilities, annotations, tool calls."""

from __future__ import annotations

import base64
import binascii
from itertools import zip_longest
from typing import Any

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.openai.options import NAME
from llmgateway_server.dialects.reading import Json, compact, index, items, mapping, number, rest, text

# Members of a message, or of a stream's delta, that have a home in the contract.
MESSAGE_MEMBERS = frozenset(
    {
        "role",
        "content",
        "refusal",
        "tool_calls",
        "function_call",
        "audio",
        "annotations",
        "reasoning_content",
        "reasoning",
    }
)
CHOICE_MEMBERS = frozenset({"index", "message", "delta", "finish_reason", "logprobs", "text"})
CALL_MEMBERS = frozenset({"id", "type", "index", "function", "custom"})
EXECUTOR = message_pb2.ToolCall.EXECUTOR_CALLER


def content_text(content: Any) -> tuple[str, str]:
    """Return the text and the thoughts of a `content`: a text, or a list of parts (Mistral)."""
    if isinstance(content, str):
        return text(content), ""
    said, thought = [], []
    for piece in items(content):
        part = mapping(piece)
        if part.get("type") == "thinking":
            inner = part.get("thinking")
            thought.append(text(inner) or "".join([text(mapping(item).get("text")) for item in items(inner)]))
        else:
            said.append(text(part.get("text")))
    return "".join(said), "".join(thought)


def reasoning_text(message: Json) -> str:
    """Return the thoughts of a message or delta, under either name."""
    return text(message.get("reasoning_content")) or text(message.get("reasoning"))


def arguments_text(arguments: Any) -> str:
    """Return arguments as JSON text; some servers send them as an object."""
    if isinstance(arguments, dict | list):
        return compact(arguments)
    return text(arguments)


def minted_id(response_id: str, candidate: int, place: int) -> str:
    """Return an id for a call that came without one: always the same for the same answer."""
    return f"call_{response_id or 'x'}_{candidate}_{place}"


def read_logprobs(raw: Any, member: str) -> list[message_pb2.TokenLogprob]:
    """Return the log probabilities of `content` or `refusal`; legacy completions have a shape of their own."""
    shape = mapping(raw)
    if "tokens" in shape:
        return read_legacy_logprobs(shape)
    return [read_token(mapping(token)) for token in items(shape.get(member))]


def read_legacy_logprobs(raw: Json) -> list[message_pb2.TokenLogprob]:
    """Return the log probabilities of a legacy completion: lists side by side. A prompt's first token has none: 0."""
    read = []
    pairs = zip_longest(items(raw["tokens"]), items(raw.get("token_logprobs")), items(raw.get("top_logprobs")))
    for token, logprob, rivals in pairs:
        if not isinstance(token, str):
            break
        entry = message_pb2.TokenLogprob(token=text(token), logprob=number(logprob))
        ranked = sorted(mapping(rivals).items(), key=lambda rival: -number(rival[1]))
        entry.top_logprobs.extend(
            [message_pb2.TokenLogprob(token=text(rival), logprob=number(value)) for rival, value in ranked]
        )
        read.append(entry)
    return read


def read_token(raw: Json) -> message_pb2.TokenLogprob:
    token = message_pb2.TokenLogprob(token=text(raw.get("token")), logprob=number(raw.get("logprob")))
    octets = raw.get("bytes")
    if isinstance(octets, list) and all(isinstance(octet, int) and 0 <= octet < 256 for octet in octets):
        token.utf8 = bytes(octets)
    token.top_logprobs.extend([read_token(mapping(top)) for top in items(raw.get("top_logprobs"))])
    return token


def read_annotations(raw: Any) -> list[message_pb2.Annotation]:
    """Return what a text rests on."""
    annotations = []
    for item in items(raw):
        value = mapping(item)
        citation = mapping(value.get("url_citation")) or value
        annotation = message_pb2.Annotation(
            uri=text(citation.get("url")),
            title=text(citation.get("title")),
            cited_text=text(citation.get("content")),
            provider_json=compact(value),
        )
        if isinstance(citation.get("start_index"), int) and isinstance(citation.get("end_index"), int):
            annotation.start_index = index(citation["start_index"], 0)
            annotation.end_index = index(citation["end_index"], 0)
        annotations.append(annotation)
    return annotations


def audio_data(raw: Any) -> bytes:
    """Return the bytes of a piece of audio; none where they are not base64."""
    try:
        return base64.b64decode(text(raw), validate=True)
    except (binascii.Error, ValueError):
        return b""


def audio_part(raw: Json, audio_format: str) -> message_pb2.Part:
    """Return an audio part without its data: id, format, when it expires."""
    part = message_pb2.Part(item_id=text(raw.get("id")))
    part.media.mime_type = f"audio/{audio_format or 'wav'}"
    part.media.data = b""
    expires = raw.get("expires_at")
    if isinstance(expires, int) and 0 < expires < 2**40:
        part.media.expire_time.seconds = expires
    return part


def tool_call_part(raw: Json, call_id: str, name: str) -> message_pb2.Part:
    """Return a tool call's part without its input."""
    part = message_pb2.Part()
    call = part.tool_call
    call.id, call.name, call.executor = call_id, name, EXECUTOR
    if is_custom(raw):
        call.text = ""
    else:
        call.arguments_json = ""
    unknown = rest(raw, CALL_MEMBERS)
    if unknown:
        part.provider_json[NAME] = compact(unknown)
    return part


def is_custom(raw: Json) -> bool:
    """Whether a tool call has free text for its input."""
    return "custom" in raw and "function" not in raw
