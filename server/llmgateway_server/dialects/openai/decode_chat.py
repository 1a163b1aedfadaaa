"""A whole chat or legacy completion → GenerateResponse. Equals the fold of what the stream decoder makes of it."""

from __future__ import annotations

from typing import Any

from llmgateway.v1 import call_pb2, generation_pb2, message_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.openai import parts
from llmgateway_server.dialects.openai.errors import check_choice, stream_error
from llmgateway_server.dialects.openai.finish import finish_reason
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.openai.stream_chat import CHUNK_MEMBERS, candidate_json
from llmgateway_server.dialects.openai.usage import UsageReader
from llmgateway_server.dialects.reading import Json, compact, decode, index, items, mapping, rest, text

Candidate = generation_pb2.Candidate


def decode_object(provider: str, body: bytes) -> Json:
    """Return the object of a 200; raise where it is none, or an error in disguise."""
    try:
        raw = decode(body)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise bad_response(provider, "it is no JSON object")
    if raw.get("error") or raw.get("object") == "error":
        raise stream_error(provider, raw)
    return raw


def decode_generate(
    request: generation_pb2.GenerateRequest, body: bytes, provider: str, quirks: Quirks
) -> generation_pb2.GenerateResponse:
    """Return a whole answer. Raise `ProviderBadResponse` where there is none in the body."""
    raw = decode_object(provider, body)
    choices = [choice for choice in items(raw.get("choices")) if isinstance(choice, dict)]
    if not choices:
        raise bad_response(provider, "it holds no choices")
    response = generation_pb2.GenerateResponse()
    describe(response.call, raw, provider)
    candidates, response_id = response.candidates, response.call.provider_response_id
    audio_format = request.audio.format if request.HasField("audio") else ""
    for place, choice in enumerate(choices):
        check_choice(provider, choice)
        add_candidate(candidates.add(), choice, place, response_id, audio_format)
    usage = mapping(raw.get("usage")) or mapping(mapping(raw.get("x_groq")).get("usage"))
    if usage:
        reader = UsageReader(quirks)
        reader.read(usage, response.usage)
        if reader.warnings:
            response.call.warnings.extend(reader.warnings)
    return response


def describe(call: call_pb2.CallInfo, raw: Json, provider: str) -> None:
    """Fill in who answered."""
    call.provider = provider
    call.model = text(raw.get("model"))
    call.provider_response_id = text(raw.get("id"))
    call.service_tier = text(raw.get("service_tier"))
    unknown = rest(raw, CHUNK_MEMBERS)
    unknown.pop("x_groq", None)
    if unknown:
        call.provider_json = compact(unknown)


def add_candidate(candidate: Candidate, choice: Json, place: int, response_id: str, audio_format: str) -> None:
    """Fill in one choice."""
    candidate.index = index(choice.get("index"), place)
    word = text(choice.get("finish_reason"))
    candidate.finish_reason = finish_reason(word)
    candidate.provider_finish_reason = word
    chat = candidate.message
    chat.role = message_pb2.ROLE_ASSISTANT
    message = mapping(choice.get("message"))
    if not message and "text" in choice:
        add_completion(chat, text(choice["text"]), choice.get("logprobs"))
    else:
        add_parts(chat, message, choice.get("logprobs"))
        add_calls(chat, message, response_id, candidate.index)
        add_audio(chat, message, audio_format)
    if not (choice.keys() <= parts.CHOICE_MEMBERS and message.keys() <= parts.MESSAGE_MEMBERS):
        unknown = rest(choice, parts.CHOICE_MEMBERS)
        candidate.provider_json = candidate_json(unknown, rest(message, parts.MESSAGE_MEMBERS))


def add_completion(chat: message_pb2.ChatMessage, said: str, logprobs: Any) -> None:
    """Add the text of a legacy completion."""
    tokens = parts.read_logprobs(logprobs, "content") if logprobs else []
    if said or tokens:
        part = chat.parts.add()
        part.text = said
        part.logprobs.extend(tokens)


def add_parts(chat: message_pb2.ChatMessage, message: Json, logprobs: Any) -> None:
    """Add thoughts, text and refusal, in this order."""
    said, thought = parts.content_text(message.get("content"))
    thought = parts.reasoning_text(message) + thought
    if thought:
        chat.parts.add().reasoning.text = thought
    tokens = parts.read_logprobs(logprobs, "content") if logprobs else []
    annotations = parts.read_annotations(message["annotations"]) if message.get("annotations") else []
    if said or tokens or annotations:
        part = chat.parts.add()
        part.text = said
        if tokens:
            part.logprobs.extend(tokens)
        if annotations:
            part.annotations.extend(annotations)
    refusal = text(message.get("refusal"))
    if refusal:
        part = chat.parts.add()
        part.refusal = refusal
        if logprobs:
            part.logprobs.extend(parts.read_logprobs(logprobs, "refusal"))


def add_calls(chat: message_pb2.ChatMessage, message: Json, response_id: str, candidate_index: int) -> None:
    """Add the tool calls; a legacy function call is one."""
    if not message.get("tool_calls") and not message.get("function_call"):
        return
    calls = [call for call in items(message.get("tool_calls")) if isinstance(call, dict)]
    if isinstance(message.get("function_call"), dict):
        calls.append({"function": message["function_call"]})
    for place, raw in enumerate(calls):
        custom = parts.is_custom(raw)
        inner = mapping(raw.get("custom" if custom else "function"))
        call_id = text(raw.get("id")) or parts.minted_id(response_id, candidate_index, place)
        part = parts.tool_call_part(raw, call_id, text(inner.get("name")))
        if custom:
            part.tool_call.text = text(inner.get("input"))
        else:
            part.tool_call.arguments_json = parts.arguments_text(inner.get("arguments")) or "{}"
        chat.parts.append(part)


def add_audio(chat: message_pb2.ChatMessage, message: Json, audio_format: str) -> None:
    """Add what was spoken."""
    raw = message.get("audio")
    if isinstance(raw, dict):
        part = parts.audio_part(raw, audio_format)
        part.media.data = parts.audio_data(raw.get("data"))
        part.media.transcript = text(raw.get("transcript"))
        chat.parts.append(part)
