"""A whole answer of `/v2/chat` → GenerateResponse. Equals the fold of what the stream decoder makes of it."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.cohere import parts
from llmgateway_server.dialects.cohere.errors import FAILED_FINISHES, answer_error
from llmgateway_server.dialects.cohere.finish import finish_reason
from llmgateway_server.dialects.cohere.parts import PartKey
from llmgateway_server.dialects.cohere.usage import read_usage
from llmgateway_server.dialects.failures import bad_response
from llmgateway_server.dialects.reading import Json, compact, decode, items, mapping, rest, text


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
    """Return a whole answer. Raise a leaf where it is an error, or where there is none in the body."""
    raw = decode_object(provider, body)
    word = text(raw.get("finish_reason"))
    message = raw.get("message")
    if word in FAILED_FINISHES or raw.get("error") or isinstance(message, str):
        raise answer_error(provider, raw, word)
    if not isinstance(message, dict):
        raise bad_response(provider, "it holds no message")
    response = generation_pb2.GenerateResponse()
    response_id = text(raw.get("id"))
    parts.describe(response.call, provider, response_id, rest(raw, parts.ANSWER_MEMBERS))
    candidate = response.candidates.add()
    candidate.message.role = message_pb2.ROLE_ASSISTANT
    MessageReader(candidate.message).read(message, raw, response_id)
    candidate.finish_reason = finish_reason(word)
    candidate.provider_finish_reason = word
    candidate.provider_json = candidate_json(rest(message, parts.MESSAGE_MEMBERS))
    warnings = read_usage(raw.get("usage"), response.usage)
    if warnings:
        response.call.warnings.extend(warnings)
    return response


class MessageReader:
    """Reads one message into `chat`: content, plan, then calls."""

    def __init__(self, chat: message_pb2.ChatMessage) -> None:
        self._chat = chat
        self._places: dict[PartKey, message_pb2.Part] = {}
        self._last_text = 0

    def read(self, message: Json, raw: Json, response_id: str) -> None:
        """Fill in everything."""
        content = message.get("content")
        if isinstance(content, str):
            content = [{"type": "text", "text": content}]
        for place, piece in enumerate(items(content)):
            if isinstance(piece, dict):
                self._read_piece(place, piece)
        plan = text(message.get("tool_plan"))
        if plan:
            self._part(parts.PLAN).reasoning.text = plan
        for citation in items(message.get("citations")):
            if isinstance(citation, dict):
                part = self._part(parts.citation_key(citation, self._last_text))
                part.annotations.extend(parts.read_citation(citation))
        if raw.get("logprobs"):
            tokens = parts.read_logprobs(raw["logprobs"])
            if tokens:
                self._part(PartKey("text", self._last_text)).logprobs.extend(tokens)
        calls = [call for call in items(message.get("tool_calls")) if isinstance(call, dict)]
        for place, call in enumerate(calls):
            self._read_call(place, call, response_id)

    def _read_piece(self, place: int, piece: Json) -> None:
        kind = piece.get("type")
        if kind == "text":
            self._last_text = place
            if text(piece.get("text")):
                self._part(PartKey("text", place)).text = text(piece["text"])
        elif kind == "thinking":
            if text(piece.get("thinking")):
                self._part(PartKey("thinking", place)).reasoning.text = text(piece["thinking"])
        else:
            self._chat.parts.append(parts.provider_part(piece))

    def _read_call(self, place: int, call: Json, response_id: str) -> None:
        part = parts.call_part(call, text(call.get("id")) or parts.minted_id(response_id, place))
        arguments = parts.arguments_text(mapping(call.get("function")).get("arguments"))
        part.tool_call.arguments_json = "{}" if arguments in ("", "null") else arguments
        self._chat.parts.append(part)

    def _part(self, key: PartKey) -> message_pb2.Part:
        part = self._places.get(key)
        if part is None:
            part = self._places[key] = self._chat.parts.add()
            part.CopyFrom(parts.empty_part(key))
        return part


def candidate_json(message: Json) -> str:
    """Return what a message holds beyond the contract, empty where that is nothing."""
    return compact({"message": message}) if message else ""
