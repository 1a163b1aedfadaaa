"""What Google's generative APIs put on the wire, as plain JSON values. Pure.

After ai.google.dev: "Generating content", "Embeddings", "Counting tokens", "Models", "Thought signatures", and the text
embeddings of docs.cloud.google.com (read 2026-11); ids and token counts are fixed, so that a test can compare whole
bodies.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes.answer import PROMPT_TOKEN_COUNT, Answer, Counts, ToolCall
from tests.fakes.wire import unit_vector

# Any: JSON values of every shape are built here.
Json = dict[str, Any]

RESPONSE_ID = "fake0001aGVsbG8"
SIGNATURE = "c2lnbmF0dXJlIG9mIGEgZmFrZQ=="
BLOCKED = "PROHIBITED_CONTENT"
DIMENSION_COUNT = 8
EMBEDDER = "gemini-embedding-001"
MODELS = {"gemini-3-pro-preview": "Gemini 3 Pro", "gemini-2.5-flash": "Gemini 2.5 Flash", EMBEDDER: "Gemini Embedding"}


def signature_of(answer: Answer) -> Json:
    """Return the proof of an answer's thoughts, where there are any; calls are always thought over."""
    proof = answer.signature
    if proof is None and (answer.reasoning is not None or answer.tool_calls):
        proof = SIGNATURE
    return {"thoughtSignature": proof} if proof else {}


def call_part(call: ToolCall) -> Json:
    """Return a call; one with an empty id goes without, as those of older models do."""
    inner = {"name": call.name, "args": json.loads(call.arguments)}
    return {"functionCall": {**inner, "id": call.id} if call.id else inner}


def parts_of(answer: Answer, thoughts: Sequence[str], texts: Sequence[str]) -> list[Json]:
    """Return the parts of an answer as it is cut. The first call is signed; without any, what ends the answer is."""
    parts: list[Json] = [{"text": piece, "thought": True} for piece in thoughts]
    parts += [{"text": piece} for piece in texts]
    calls = [call_part(call) for call in answer.tool_calls]
    if calls:
        calls[0].update(signature_of(answer))
    return parts + calls


def candidate(index: int, parts: Sequence[Json]) -> Json:
    """Return a candidate that goes on; without parts it has none."""
    content = {"role": "model", **({"parts": list(parts)} if parts else {})}
    return {"content": content, "index": index}


def ended(made: Json, answer: Answer) -> Json:
    """Return a candidate with why it ended; Google says STOP after calls, too."""
    return {**made, "finishReason": answer.finish_reason or "STOP", **answer.extra}


def whole_candidate(index: int, answer: Answer) -> Json:
    """Return a whole candidate."""
    thoughts = [] if answer.reasoning is None else [answer.reasoning]
    parts = parts_of(answer, thoughts, [answer.text] if answer.text else [])
    if not answer.tool_calls and signature_of(answer):
        if "thought" in parts[-1]:
            parts.append({"text": ""})
        parts[-1].update(signature_of(answer))
    return ended(candidate(index, parts), answer)


def last_candidate(index: int, answer: Answer) -> Json:
    """Return what ends a streamed candidate: an empty text, with the signature where no call had it."""
    signature = {} if answer.tool_calls else signature_of(answer)
    return ended(candidate(index, [{"text": "", **signature}]), answer)


def response(model: str, candidates: Sequence[Json], usage: object) -> Json:
    """Return an answer, or a chunk of one; `usage` None leaves it out."""
    told = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": list(candidates), **told, "modelVersion": model, "responseId": RESPONSE_ID}


def blocked(model: str, usage: object) -> Json:
    """Return the answer to a prompt that Google does not answer: there are no candidates."""
    body = {"promptFeedback": {"blockReason": BLOCKED}, **response(model, [], usage)}
    del body["candidates"]
    return body


def usage_of(counts: Counts) -> Json:
    """Return a usage object."""
    usage = {
        "promptTokenCount": counts.input,
        "candidatesTokenCount": counts.output,
        "totalTokenCount": counts.total,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": counts.input}],
    }
    return {**usage, "cachedContentTokenCount": counts.cached} if counts.cached else usage


def usage_so_far(usage: object, written_count: int) -> object:
    """Return what a chunk tells of a usage that has not ended; one that is no object is told at the end alone."""
    if not isinstance(usage, dict):
        return None
    return {
        "promptTokenCount": usage["promptTokenCount"],
        "candidatesTokenCount": written_count,
        "totalTokenCount": Counts(usage["promptTokenCount"], written_count).total,
    }


def counted() -> Json:
    """Return a count of tokens."""
    details = [{"modality": "TEXT", "tokenCount": PROMPT_TOKEN_COUNT}]
    return {"totalTokens": PROMPT_TOKEN_COUNT, "promptTokensDetails": details}


def embedding(request: Json) -> Json:
    """Return a vector of length one for a request of `embedContent`."""
    # Newer clients say how to embed in an object of its own.
    chosen = {**request, **request.get("embedContentConfig", {})}
    return {"values": unit_vector(request["content"], chosen.get("outputDimensionality", DIMENSION_COUNT))}


def predictions(body: Json) -> Json:
    """Return the vectors for the texts of Vertex AI's `predict`."""
    dimension_count = body.get("parameters", {}).get("outputDimensionality", DIMENSION_COUNT)
    rows = [
        {
            "values": unit_vector(instance["content"], dimension_count),
            "statistics": {"truncated": False, "token_count": 3},
        }
        for instance in body["instances"]
    ]
    return {"predictions": [{"embeddings": row} for row in rows]}


def model_row(name: str) -> Json:
    """Describe a model."""
    methods = ["embedContent", "countTextTokens"] if name == EMBEDDER else ["generateContent", "countTokens"]
    return {
        "name": f"models/{name}",
        "baseModelId": name,
        "version": "001",
        "displayName": MODELS[name],
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": methods,
    }


def error_body(code: int, status: str, text: str, details: Sequence[Mapping[str, object]] = ()) -> Json:
    """Return a `google.rpc.Status` as Google words it, in an answer or in a stream."""
    error: Json = {"code": code, "message": text, "status": status}
    return {"error": {**error, "details": list(details)} if details else error}


def rpc_detail(name: str, **members: object) -> Json:
    """Return one detail of an error, a message of `google.rpc`."""
    return {"@type": f"type.googleapis.com/google.rpc.{name}", **members}
