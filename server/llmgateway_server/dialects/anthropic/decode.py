"""A whole message → GenerateResponse. Equals the fold of what the stream decoder makes of it."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2, message_pb2

from llmgateway_server.dialects.anthropic.errors import stream_error
from llmgateway_server.dialects.anthropic.finish import finish_reason
from llmgateway_server.dialects.anthropic.parts import block_part
from llmgateway_server.dialects.anthropic.usage import UsageReader
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import INT32_MAX, Json, compact, decode, mapping, rest, text

# Members of a message that have a home in the contract; `stop_details` lies in the candidate's bag.
MESSAGE_MEMBERS = frozenset(
    {"id", "type", "role", "content", "model", "stop_reason", "stop_sequence", "stop_details", "usage"}
)

TOO_DEEP = "it nests too deep"


def decode_object(body: bytes, provider: str) -> Json:
    """Return the object of a 200; raise where it is none, or an error in disguise."""
    try:
        raw = decode(body)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        raise bad_response(provider, "it is no JSON object")
    if raw.get("error") or raw.get("type") == "error":
        raise stream_error(provider, raw)
    return raw


def decode_generate(body: bytes, provider: str) -> generation_pb2.GenerateResponse:
    """Return a whole answer. Raise `ProviderBadResponse` where there is none in the body."""
    raw = decode_object(body, provider)
    try:
        return read_message(raw, provider)
    except RecursionError as error:  # what could just be read may nest too deep to be written again
        raise bad_response(provider, TOO_DEEP) from error


def read_message(raw: Json, provider: str) -> generation_pb2.GenerateResponse:
    """Return a message's answer."""
    content = raw.get("content")
    if not isinstance(content, list):
        raise bad_response(provider, "it holds no content")
    response = generation_pb2.GenerateResponse()
    usage = mapping(raw.get("usage"))
    describe(response.call, raw, usage, provider)
    candidate = response.candidates.add()
    candidate.message.role = message_pb2.ROLE_ASSISTANT
    parts, call_names = candidate.message.parts, dict[str, str]()
    for block in content:
        if isinstance(block, dict):
            parts.append(block_part(block, provider, call_names))
    word = text(raw.get("stop_reason"))
    candidate.finish_reason = finish_reason(word)
    candidate.provider_finish_reason = word
    candidate.stop_sequence = text(raw.get("stop_sequence"))
    candidate.provider_json = candidate_json(raw)
    if usage:
        reader = UsageReader()
        reader.read(usage, response.usage)
        if reader.warnings:
            response.call.warnings.extend(reader.warnings)
    return response


def describe(call: call_pb2.CallInfo, message: Json, usage: Json, provider: str) -> None:
    """Fill in who answered."""
    call.provider = provider
    call.model = text(message.get("model"))
    call.provider_response_id = text(message.get("id"))
    call.service_tier = text(usage.get("service_tier"))
    unknown = rest(message, MESSAGE_MEMBERS)
    if unknown:
        call.provider_json = compact(unknown)


def candidate_json(message: Json) -> str:
    """Return why a message stopped, beyond the word; empty where there is no more to say."""
    details = message.get("stop_details")
    return compact({"stop_details": details}) if details is not None else ""


def decode_count_tokens(body: bytes, provider: str, member: str = "input_tokens") -> int:
    """Return how many tokens a generation would read, from the member that holds it."""
    count = decode_object(body, provider).get(member)
    if type(count) is not int or not 0 <= count <= INT32_MAX:
        raise bad_response(provider, "it holds no count of tokens")
    return count
