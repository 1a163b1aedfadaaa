"""The pieces of an answer that are no plain text: calls, code and its results, media, what the contract lacks."""

from __future__ import annotations

import base64
import binascii

from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.gemini.options import NAME
from llmgateway_server.dialects.reading import Json, compact, items, mapping, number, rest, text

Part = message_pb2.Part
Call = message_pb2.ToolCall

# What the contract calls the code that Google runs; Google itself has no name for it.
CODE_TOOL = "code_execution"
OUTCOME_OK = "OUTCOME_OK"
OUTCOME_FAILED = "OUTCOME_FAILED"
# Members that any part may have beside its content.
ASIDE_MEMBERS = frozenset({"thought", "thoughtSignature", "partMetadata", "videoMetadata", "mediaResolution"})


def minted_id(response_id: str, candidate: int, place: int) -> str:
    """Return an id for a call that came without one: always the same for the same answer."""
    return f"call_{response_id or 'x'}_{candidate}_{place}"


def fill_call(part: Part, inner: Json, call_id: str) -> Json:
    """Fill in a function call; return the members that the contract has no field for."""
    call = part.tool_call
    call.id, call.name, call.executor = call_id, text(inner.get("name")), Call.EXECUTOR_CALLER
    arguments = inner.get("args")
    call.arguments_json = compact(arguments) if arguments else "{}"
    return rest(inner, frozenset({"id", "name", "args", "willContinue", "partialArgs"}))


def fill_code(part: Part, inner: Json, call_id: str) -> Json:
    """Fill in code that Google runs; return the members without a field, its own id among them."""
    call = part.tool_call
    call.id, call.name, call.executor = call_id, CODE_TOOL, Call.EXECUTOR_PROVIDER
    call.arguments_json = compact({"language": text(inner.get("language")), "code": text(inner.get("code"))})
    return rest(inner, frozenset({"language", "code"}))


def fill_code_result(part: Part, inner: Json, call_id: str) -> Json:
    """Fill in what such code returned; return the members without a field, an unusual outcome among them."""
    result = part.tool_result
    result.tool_call_id, result.tool_name = call_id, CODE_TOOL
    outcome, output = text(inner.get("outcome")), text(inner.get("output"))
    if output:
        result.parts.add().text = output
    result.failed = outcome != OUTCOME_OK
    known = {"output", "outcome"} if outcome in (OUTCOME_OK, OUTCOME_FAILED) else {"output"}
    return rest(inner, frozenset(known))


def fill_inline(part: Part, inner: Json) -> Json:
    """Fill in the type of inline bytes, without the bytes."""
    part.media.mime_type = text(inner.get("mimeType"))
    part.media.data = b""
    return rest(inner, frozenset({"mimeType", "data"}))


def fill_file(part: Part, inner: Json) -> Json:
    """Fill in a file that lies elsewhere."""
    part.media.mime_type, part.media.uri = text(inner.get("mimeType")), text(inner.get("fileUri"))
    return rest(inner, frozenset({"mimeType", "fileUri"}))


def fill_unknown(part: Part, raw: Json) -> None:
    """Fill in a part that the contract does not know, complete but for its signature, which has a field."""
    block = part.provider_part
    block.dialect, block.json = NAME, compact(rest(raw, frozenset({"thoughtSignature"})))
    block.type = text(next((member for member in raw if member not in ASIDE_MEMBERS), ""))


def bytes_of(value: object) -> bytes:
    """Return bytes from base64 of either alphabet; none where it is not."""
    try:
        return base64.b64decode(text(value).replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return b""


def read_logprobs(raw: Json) -> list[message_pb2.TokenLogprob]:
    """Return the log probabilities of a `logprobsResult`: chosen tokens, and their rivals in a list beside them."""
    chosen, rivals = items(raw.get("chosenCandidates")), items(raw.get("topCandidates"))
    tokens = []
    for place, token in enumerate(chosen):
        entry = read_token(mapping(token))
        if place < len(rivals):
            entry.top_logprobs.extend(
                [read_token(mapping(rival)) for rival in items(mapping(rivals[place]).get("candidates"))]
            )
        tokens.append(entry)
    return tokens


def read_token(raw: Json) -> message_pb2.TokenLogprob:
    """Return one token."""
    return message_pb2.TokenLogprob(token=text(raw.get("token")), logprob=number(raw.get("logProbability")))
