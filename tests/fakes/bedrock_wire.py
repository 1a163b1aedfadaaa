"""What Amazon Bedrock Runtime puts on the wire, as plain JSON values. Pure.

After the Amazon Bedrock API reference ("Converse", "ConverseStream", "InvokeModel", "CountTokens") and User Guide
("Amazon Titan Embeddings G1 - Text", "Amazon Titan Multimodal Embeddings G1", "Cohere Embed v3", read 2026-11); ids
and token counts are fixed, so that a test can compare whole bodies.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tests.fakes.answer import Answer, Counts, ToolCall, halves_of, pieces_of
from tests.fakes.cohere_wire import encoded
from tests.fakes.wire import unit_vector

# Any: JSON values of every shape are built here.
Json = dict[str, Any]
# An event: its type and its payload.
Event = tuple[str, Json]

REQUEST_ID = "5ca1ab1e-0000-4000-8000-000000000001"
LATENCY = {"latencyMs": 1}
# Every event of a stream is padded, so that its size does not tell the length of what is said.
PADDING = {"p": "abcdefghijklmn"}
DIMENSION_COUNT = 256
# The exceptions that a stream may end in: all others are told by a status.
STREAM_EXCEPTIONS = (
    *("InternalServerException", "ModelStreamErrorException", "ValidationException"),
    *("ThrottlingException", "ServiceUnavailableException"),
)


def blocks_of(answer: Answer) -> list[Json]:
    """Return an answer's content, thoughts first; some models sign them. There is no word for a refusal: it is a text."""
    blocks: list[Json] = []
    if answer.reasoning is not None:
        proof = {} if answer.signature is None else {"signature": answer.signature}
        blocks.append({"reasoningContent": {"reasoningText": {"text": answer.reasoning, **proof}}})
    if answer.redacted is not None:
        blocks.append({"reasoningContent": {"redactedContent": answer.redacted}})
    blocks += [{"text": text} for text in (answer.text, answer.refusal) if text]
    return blocks + [{"toolUse": {**named(call), "input": input_of(call)}} for call in answer.tool_calls]


def named(call: ToolCall) -> Json:
    return {"toolUseId": call.id, "name": call.name}


def input_of(call: ToolCall) -> object:
    """Return a call's arguments as the value that they are; a whole answer has no place for broken ones."""
    try:
        return json.loads(call.arguments)
    except ValueError:
        return call.arguments


def stop_reason_of(answer: Answer) -> str:
    return answer.finish_reason or ("tool_use" if answer.tool_calls else "end_turn")


def whole(answer: Answer, usage: object) -> Json:
    """Return a whole answer; `usage` None leaves it out."""
    message = {"role": "assistant", "content": blocks_of(answer), **answer.extra}
    body: Json = {"output": {"message": message}, "stopReason": stop_reason_of(answer), "metrics": LATENCY}
    return body if usage is None else {**body, "usage": usage}


def events(answer: Answer, usage: object) -> list[Event]:
    """Return the events of an answer's stream. The last two end it: why, and what it used."""
    told: Json = {} if usage is None else {"usage": usage}
    made = [
        ("messageStart", {"role": "assistant", **answer.extra}),
        *[event for index, block in enumerate(blocks_of(answer)) for event in block_events(index, block, answer)],
        ("messageStop", {"stopReason": stop_reason_of(answer)}),
        ("metadata", {**told, "metrics": LATENCY}),
    ]
    return [(name, {**payload, **PADDING}) for name, payload in made]


def block_events(index: int, block: Json, answer: Answer) -> Iterator[Event]:
    """Yield the events of one block: a start where it is a call, its content in pieces, its end."""
    place = {"contentBlockIndex": index}
    if "toolUse" in block:
        (call,) = [call for call in answer.tool_calls if call.id == block["toolUse"]["toolUseId"]]
        yield "contentBlockStart", {**place, "start": {"toolUse": named(call)}}
        deltas: list[Json] = [{"toolUse": {"input": piece}} for piece in halves_of(call.arguments)]
    elif "text" in block:
        deltas = [{"text": piece} for piece in pieces_of(block["text"])]
    else:
        deltas = [{"reasoningContent": delta} for delta in reasoning_deltas(block["reasoningContent"])]
    for delta in deltas:
        yield "contentBlockDelta", {**place, "delta": delta}
    yield "contentBlockStop", place


def reasoning_deltas(block: Json) -> list[Json]:
    """Return a thought in pieces, then its signature; one that is withheld comes as it is."""
    if "redactedContent" in block:
        return [block]
    thought = block["reasoningText"]
    proof = [{"signature": thought["signature"]}] if "signature" in thought else []
    return [*[{"text": piece} for piece in pieces_of(thought["text"])], *proof]


def content_bounds(made: Sequence[Event]) -> tuple[int, int]:
    """Return where the content begins, and where it has ended; an answer without any has its bounds before its end."""
    places = [index for index, (name, _) in enumerate(made) if name in ("contentBlockStart", "contentBlockDelta")]
    return (places[0], places[-1] + 1) if places else (len(made) - 2, len(made) - 2)


def usage_of(input_token_count: object, output_token_count: object, cached_token_count: int = 0) -> Json:
    """Return a usage object. What came from a cache is no part of `inputTokens`, but of the total."""
    total = Counts(input_token_count, output_token_count).total
    if isinstance(input_token_count, int):
        input_token_count -= cached_token_count
    return {
        "inputTokens": input_token_count,
        "outputTokens": output_token_count,
        "totalTokens": total,
        "cacheReadInputTokens": cached_token_count,
        "cacheWriteInputTokens": 0,
    }


def titan_text(body: Json, *, is_v2: bool) -> Json:
    """Return Titan's vector of a text; version 2 tells it by type, too, and its bits a number each."""
    vector = unit_vector(body["inputText"], body.get("dimensions") or DIMENSION_COUNT)
    kinds = body.get("embeddingTypes") or ["float"]
    by_type = {"float": vector, "binary": [int(value > 0) for value in vector]}
    told: Json = {"inputTextTokenCount": len(body["inputText"].split())}
    if not is_v2:
        return {"embedding": vector, **told}
    if "float" in kinds:
        told["embedding"] = vector
    return {**told, "embeddingsByType": {kind: by_type[kind] for kind in kinds}}


def titan_image(body: Json) -> Json:
    """Return Titan's vector of a text, a picture, or both."""
    length = body.get("embeddingConfig", {}).get("outputEmbeddingLength") or DIMENSION_COUNT
    item = [body.get("inputText"), body.get("inputImage")]
    count = len((body.get("inputText") or "").split())
    return {"embedding": unit_vector(item, length), "inputTextTokenCount": count, "message": None}


def cohere_vectors(body: Json) -> Json:
    """Return Cohere's vectors: a bare list, or by type where types are asked for. It counts no tokens."""
    inputs = body.get("texts") or body.get("images") or body["inputs"]
    vectors = [unit_vector(item, body.get("output_dimension") or DIMENSION_COUNT) for item in inputs]
    kinds = body.get("embedding_types")
    told: Json = {"id": REQUEST_ID, "texts": body.get("texts") or []}
    if not kinds:
        return {**told, "embeddings": vectors, "response_type": "embeddings_floats"}
    by_type = {kind: [encoded(vector, kind) for vector in vectors] for kind in kinds}
    return {**told, "embeddings": by_type, "response_type": "embeddings_by_type"}


def error_headers(name: str) -> dict[str, str]:
    """Return the headers that name an exception."""
    return {
        "x-amzn-requestid": REQUEST_ID,
        "x-amzn-errortype": f"{name}:http://internal.amazon.com/coral/com.amazon.bedrock/",
    }


def stream_exception(name: str) -> str:
    """Return what a stream calls an exception; what it has no name for is a failure of the server."""
    told = name if name in STREAM_EXCEPTIONS else STREAM_EXCEPTIONS[0]
    return told[0].lower() + told[1:]
