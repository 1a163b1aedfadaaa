"""A whole answer of `/api/chat` or `/api/generate` → GenerateResponse. Equals the fold of the same answer's stream."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.ollama import parts
from llmgateway_server.dialects.ollama.errors import stream_error
from llmgateway_server.dialects.ollama.finish import finish_reason
from llmgateway_server.dialects.ollama.usage import read_usage
from llmgateway_server.dialects.reading import Json, compact, decode, items, rest, text


def decode_object(provider: str, body: bytes) -> Json:
    """Return the object of a 200; raise where it is none, or an error in disguise."""
    try:
        raw = decode(body)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise bad_response(provider, "it is no JSON object")
    if raw.get("error"):
        raise stream_error(provider, raw)
    return raw


def decode_generate(
    request: generation_pb2.GenerateRequest, body: bytes, provider: str
) -> generation_pb2.GenerateResponse:
    """Return a whole answer. Raise `ProviderBadResponse` where there is none in the body, or it is not done."""
    raw = decode_object(provider, body)
    message = message_of(raw)
    if message is None:
        raise bad_response(provider, "it holds no message")
    if raw.get("done") is False:
        raise bad_response(provider, "it is not done")
    response = generation_pb2.GenerateResponse()
    parts.describe(response.call, provider, text(raw.get("model")), rest(raw, parts.ANSWER_MEMBERS))
    candidate = response.candidates.add()
    candidate.message.role = message_pb2.ROLE_ASSISTANT
    has_calls = add_parts(candidate.message, message, raw, request)
    word = text(raw.get("done_reason"))
    candidate.finish_reason = finish_reason(word, has_calls=has_calls)
    candidate.provider_finish_reason = word
    candidate.provider_json = candidate_json(rest(message, parts.MESSAGE_MEMBERS))
    warnings = read_usage(raw, response.usage)
    if warnings:
        response.call.warnings.extend(warnings)
    return response


def message_of(raw: Json) -> Json | None:
    """Return the message of an answer; that of `/api/generate` lies in the answer itself."""
    message = raw.get("message")
    if isinstance(message, dict):
        return message
    if "response" in raw or "thinking" in raw:
        return {"content": raw.get("response"), "thinking": raw.get("thinking")}
    return None


def add_parts(chat: message_pb2.ChatMessage, message: Json, raw: Json, request: generation_pb2.GenerateRequest) -> bool:
    """Add thoughts, text, images and calls, in this order. Return whether there are calls."""
    thought, said = text(message.get("thinking")), text(message.get("content"))
    if thought:
        chat.parts.add().reasoning.text = thought
    logprobs = parts.read_logprobs(raw["logprobs"]) if raw.get("logprobs") else []
    if said or logprobs:
        part = chat.parts.add()
        part.text = said
        if logprobs:
            part.logprobs.extend(logprobs)
    for drawn in items(message.get("images")):
        image = parts.image_part(drawn)
        if image is not None:
            chat.parts.append(image)
    calls = [call for call in items(message.get("tool_calls")) if isinstance(call, dict)]
    for place, call in enumerate(calls):
        chat.parts.append(parts.call_part(request, call, place))
    return bool(calls)


def candidate_json(message: Json) -> str:
    """Return what a message holds beyond the contract, empty where that is nothing."""
    return compact({"message": message}) if message else ""
