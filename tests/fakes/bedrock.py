"""Amazon Bedrock's dialect: Converse, ConverseStream, CountTokens, and the embedding models behind InvokeModel."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from tests.fakes import bedrock_wire as wire
from tests.fakes.answer import PROMPT_TOKEN_COUNT, Answer, Counts, Prompt
from tests.fakes.bedrock_rules import NO_TOKEN, complaint
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import AWS, aws_bytes, aws_message
from tests.fakes.request import RecordedRequest

REQUEST_ID = {"x-amzn-requestid": wire.REQUEST_ID}
# The Amazon Bedrock User Guide, "Troubleshooting Amazon Bedrock API Error Codes", and the API reference of Converse
# (read 2026-11). What the model behind it refuses is an invalid request, told in words alone.
BY_MODEL = "The model returned the following errors: "
TROUBLES: Mapping[Trouble, tuple[int, str, str]] = {
    "invalid": (400, "ValidationException", "Malformed input request: extraneous key [x] is not permitted."),
    "context_too_long": (400, "ValidationException", BY_MODEL + "Input is too long for requested model."),
    "content_filtered": (400, "ValidationException", BY_MODEL + "Output blocked by content filtering policy"),
    "key_rejected": (403, "UnrecognizedClientException", "The security token included in the request is invalid."),
    "key_forbidden": (403, "AccessDeniedException", "You don't have access to the model with the specified model ID."),
    "model_unknown": (404, "ResourceNotFoundException", "Could not resolve the foundation model from its identifier."),
    "rate_limited": (429, "ThrottlingException", "Too many requests, please wait before trying again."),
    "server": (500, "InternalServerException", "The system encountered an unexpected error during processing."),
    "unavailable": (503, "ServiceUnavailableException", "Bedrock is unable to process your request."),
    "overloaded": (429, "ModelNotReadyException", "The model is not ready for inference."),
}
# A model that is not ready is told before a stream; within one, what fails for want of room is unavailable.
IN_A_STREAM: Mapping[str, str] = {"ModelNotReadyException": "ServiceUnavailableException"}


class Bedrock:
    """Bedrock Runtime. It takes a signature or, in its place, a bearer token. Its models are listed elsewhere."""

    name = "bedrock"
    base_path = ""
    framing = AWS
    headers: Mapping[str, str] = REQUEST_ID
    # It embeds and counts by the names of models: `tests/e2e/test_bedrock.py` has vectors and counts.
    lacks: frozenset[Trouble | Feature] = frozenset(
        {"count_tokens", "embeddings", "rerank", "logit_bias", "broken_arguments_whole"}
    )
    models: Sequence[str] = ()
    malformed = aws_bytes("contentBlockDelta", b'{"contentBlockIndex": 0, "delta"')

    def is_generation(self, request: RecordedRequest) -> bool:
        return request.method == "POST" and operation_of(request)[1] in ("converse", "converse-stream")

    def is_stream(self, request: RecordedRequest) -> bool:
        return operation_of(request)[1] == "converse-stream"

    def refuse(self, request: RecordedRequest) -> Response | None:
        found = complaint(request.headers, request.body, generates=self.is_generation(request))
        if found is None:
            return None
        name, message = found
        return Response({"message": message}, 403 if name == NO_TOKEN else 400, wire.error_headers(name))

    def prompt(self, request: RecordedRequest) -> Prompt:
        last = request.body["messages"][-1]["content"]
        has_results = any("toolResult" in block for block in last)
        return Prompt(text_of(last), [] if has_results else called_tools(request.body))

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        return wire.whole(only(answers), usage)

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        made = wire.events(only(answers), usage)
        first, end = wire.content_bounds(made)
        frames = [aws_message(name, payload) for name, payload in made]
        return Stream(frames[:first], frames[first:end], frames[end:-2], frames[-2:])

    def usage(self, counts: Counts) -> object:
        return wire.usage_of(counts.input, counts.output, counts.cached)

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        """Return a refusal. AWS tells when to come back in a header of its own, in milliseconds."""
        status, name, said = TROUBLES[trouble]
        later = {} if retry_after is None else {"x-amz-retry-after": str(int(retry_after) * 1000)}
        return Response({"message": message or said}, status, {**wire.error_headers(name), **later})

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        _, name, said = TROUBLES[trouble]
        kind = wire.stream_exception(IN_A_STREAM.get(name, name))
        return aws_message(kind, {"message": message or said}, "exception")

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        model, operation = operation_of(request)
        if operation == "count-tokens":
            return Response({"inputTokens": PROMPT_TOKEN_COUNT}, headers=REQUEST_ID)
        if operation == "invoke" and "amazon.titan-embed-text" in model:
            return Response(wire.titan_text(request.body, is_v2="-v2" in model), headers=REQUEST_ID)
        if operation == "invoke" and "amazon.titan-embed-image" in model:
            return Response(wire.titan_image(request.body), headers=REQUEST_ID)
        if operation == "invoke" and "cohere.embed" in model:
            return Response(wire.cohere_vectors(request.body), headers=REQUEST_ID)
        if operation == "invoke":
            return self.refusal("model_unknown")
        return Response({}, 404, wire.error_headers("UnknownOperationException"))


BEDROCK = Bedrock()


def operation_of(request: RecordedRequest) -> tuple[str, str]:
    """Return the model and the operation of a path, `/model/ID/OPERATION`; empty where it is another."""
    pieces = request.route.split("/")
    return (unquote(pieces[2]), pieces[3]) if len(pieces) == 4 and pieces[1] == "model" else ("", "")


def only(answers: Sequence[Answer]) -> Answer:
    """Return the one candidate that there may be."""
    (answer,) = answers
    return answer


def text_of(blocks: Sequence[Any]) -> str:  # Any: decoded JSON, content blocks.
    """Join the texts of blocks, those of results included; JSON in a result is told as such."""
    texts = []
    for block in blocks:
        if "toolResult" in block:
            texts.append(text_of(block["toolResult"]["content"]))
        elif "text" in block:
            texts.append(block["text"])
        elif "json" in block:
            texts.append(json.dumps(block["json"]))
    return " ".join(texts)


def called_tools(body: wire.Json) -> list[str]:
    """Return the names of the tools that a request wants called."""
    config = body.get("toolConfig", {})
    named = config.get("toolChoice", {}).get("tool")
    return (
        [named["name"]]
        if named
        else [tool["toolSpec"]["name"] for tool in config.get("tools", []) if "toolSpec" in tool]
    )
