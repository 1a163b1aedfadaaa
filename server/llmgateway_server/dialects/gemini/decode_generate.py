"""A whole answer → GenerateResponse. Equals the fold of what the stream decoder makes of it."""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2, message_pb2

from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.gemini.candidates import CandidateReader
from llmgateway_server.dialects.gemini.errors import decode_object
from llmgateway_server.dialects.gemini.options import NAME
from llmgateway_server.dialects.gemini.usage import UsageReader, service_tier
from llmgateway_server.dialects.reading import Json, compact, index, items, mapping, rest, text

RESPONSE_MEMBERS = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "error"})


class MessageWriter:
    """`PartWriter` into a message."""

    def __init__(self, message: message_pb2.ChatMessage, provider: str) -> None:
        self._parts = message.parts
        self._provider = provider

    def add(self, place: int) -> message_pb2.Part:  # noqa: ARG002  # parts come in order
        return self._parts.add()

    def append(self, place: int, said: str) -> None:
        """Wait for `close`, which brings the whole text."""

    def append_data(self, place: int, data: bytes) -> None:
        self._parts[place].media.data += data

    def extend(
        self, place: int, annotations: list[message_pb2.Annotation], logprobs: list[message_pb2.TokenLogprob]
    ) -> None:
        part = self._parts[place]
        part.annotations.extend(annotations)
        part.logprobs.extend(logprobs)

    def close(self, place: int, said: str, signature: str, bag: str) -> None:
        part = self._parts[place]
        if said:
            if part.HasField("reasoning"):
                part.reasoning.text = said
            else:
                part.text = said
        if signature:
            part.signature.provider, part.signature.value = self._provider, signature
        if bag:
            part.provider_json[NAME] = bag


def decode_generate(body: bytes, provider: str) -> generation_pb2.GenerateResponse:
    """Return a whole answer. Raise `ProviderBadResponse` where there is none in the body."""
    raw = decode_object(provider, body)
    response = generation_pb2.GenerateResponse()
    response_id = text(raw.get("responseId"))
    made: dict[int, generation_pb2.Candidate] = {}
    readers: dict[int, CandidateReader] = {}
    for place, candidate in enumerate(items(raw.get("candidates"))):
        if isinstance(candidate, dict):
            number = index(candidate.get("index"), place)
            if number not in readers:
                made[number], readers[number] = new_candidate(number, provider)
            readers[number].read(candidate, response_id)
    block = block_word(raw)
    if not readers:
        if not block:
            raise bad_response(provider, "it holds no candidates")
        made[0], readers[0] = new_candidate(0, provider)
    for number, reader in sorted(readers.items()):
        is_blocked = bool(block) and not reader.ended
        if is_blocked:
            reader.finish(block)
        reader.end(response_id)
        fill_finish(made[number], reader, is_blocked=is_blocked)
        response.candidates.append(made[number])
    usage = mapping(raw.get("usageMetadata"))
    describe(response.call, raw, provider, usage)
    if usage:
        usage_reader = UsageReader()
        usage_reader.read(usage, response.usage)
        if usage_reader.warnings:
            response.call.warnings.extend(usage_reader.warnings)
    return response


def new_candidate(number: int, provider: str) -> tuple[generation_pb2.Candidate, CandidateReader]:
    """Return an empty candidate, and what reads into it."""
    candidate = generation_pb2.Candidate(index=number)
    candidate.message.role = message_pb2.ROLE_ASSISTANT
    return candidate, CandidateReader(number, MessageWriter(candidate.message, provider))


def fill_finish(candidate: generation_pb2.Candidate, reader: CandidateReader, *, is_blocked: bool) -> None:
    """Fill in how a candidate ended."""
    candidate.finish_reason = reader.reason(is_blocked=is_blocked)
    candidate.provider_finish_reason = reader.finish_word
    candidate.provider_json = reader.provider_json


def describe(call: call_pb2.CallInfo, raw: Json, provider: str, usage: Json) -> None:
    """Fill in who answered."""
    call.provider = provider
    call.model = text(raw.get("modelVersion"))
    call.provider_response_id = text(raw.get("responseId"))
    call.service_tier = service_tier(usage)
    unknown = rest(raw, RESPONSE_MEMBERS)
    if unknown:
        call.provider_json = compact(unknown)


def block_word(raw: Json) -> str:
    """Return why a prompt was not answered, empty where it was."""
    reason = mapping(raw.get("promptFeedback")).get("blockReason")
    if reason is None:
        return ""
    return text(reason) if isinstance(reason, str) else compact(reason)
