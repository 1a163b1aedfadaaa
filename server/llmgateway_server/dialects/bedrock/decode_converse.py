"""A whole answer of Converse → GenerateResponse. Equals the fold of what the stream decoder makes of it."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2, message_pb2

from llmgateway_server.dialects.bedrock.errors import message_of, stream_error, type_of
from llmgateway_server.dialects.bedrock.finish import finish_reason
from llmgateway_server.dialects.bedrock.parts import read_block
from llmgateway_server.dialects.bedrock.usage import read_usage
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import Json, compact, decode, items, mapping, rest, text

# Members that have a home in the contract; `p` is padding, which hides how long a message is.
ANSWER_MEMBERS = frozenset({"output", "stopReason", "usage", "serviceTier", "p"})
MESSAGE_MEMBERS = frozenset({"role", "content", "p"})


def decode_object(provider: str, body: bytes) -> Json:
    """Return the object of a 200; raise where it is none."""
    try:
        raw = decode(body)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise bad_response(provider, "it is no JSON object")
    return raw


def decode_generate(body: bytes, provider: str) -> generation_pb2.GenerateResponse:
    """Return a whole answer. Raise `ProviderBadResponse` where there is none in the body."""
    raw = decode_object(provider, body)
    message = mapping(raw.get("output")).get("message")
    if not isinstance(message, dict):
        if type_of(raw) or message_of(raw):
            raise stream_error(provider, "", raw)
        raise bad_response(provider, "it holds no message")
    response = generation_pb2.GenerateResponse()
    describe(response.call, provider, raw)
    candidate = response.candidates.add()
    candidate.message.role = message_pb2.ROLE_ASSISTANT
    parts = candidate.message.parts
    for block in items(message.get("content")):
        part = read_block(mapping(block), provider, len(parts))
        if part is not None:
            parts.append(part)
    word = text(raw.get("stopReason"))
    candidate.finish_reason = finish_reason(word)
    candidate.provider_finish_reason = word
    candidate.stop_sequence = stop_sequence(raw)
    unknown = rest(message, MESSAGE_MEMBERS)
    if unknown:
        candidate.provider_json = compact({"message": unknown})
    usage = mapping(raw.get("usage"))
    if usage:
        response.call.warnings.extend(read_usage(usage, response.usage))
    return response


def describe(call: call_pb2.CallInfo, provider: str, raw: Json) -> None:
    """Fill in who answered: a prompt router says which model did, and nobody else does."""
    call.provider = provider
    router = mapping(mapping(raw.get("trace")).get("promptRouter"))
    call.model = text(router.get("invokedModelId"))
    call.service_tier = text(mapping(raw.get("serviceTier")).get("type"))
    unknown = rest(raw, ANSWER_MEMBERS)
    if unknown:
        call.provider_json = compact(dict(sorted(unknown.items())))  # a stream tells them in another order


def stop_sequence(raw: Json) -> str:
    """Return the stop sequence, which Claude tells where `additionalModelResponseFieldPaths` asks for it."""
    return text(mapping(raw.get("additionalModelResponseFields")).get("stop_sequence"))
