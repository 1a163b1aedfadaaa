"""Google's dialect: generateContent, its stream, embeddings, counts of tokens, models; of AI Studio and Vertex AI."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.fakes import gemini_wire as wire
from tests.fakes.answer import Answer, Counts, Prompt, pieces_of
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import Framing, encode_json
from tests.fakes.gemini_rules import complaint
from tests.fakes.request import RecordedRequest

WHOLE, STREAM = "generateContent", "streamGenerateContent"
# Lines end in CR LF, and there is no terminal but the chunk that says why it ended.
CRLF_SSE = Framing("text/event-stream", b": keep-alive\r\n\r\n", b"data: ", b"{}\r\n\r\n")
# ai.google.dev, "Troubleshooting guide"; the words are those that the API is reported to say (read 2026-11).
TROUBLES: Mapping[Trouble, tuple[int, str, str]] = {
    "invalid": (400, "INVALID_ARGUMENT", "Invalid value at 'contents[0].role' (TYPE_STRING), 7"),
    "context_too_long": (
        400,
        "INVALID_ARGUMENT",
        "The input token count (1200293) exceeds the maximum number of tokens allowed (1048576).",
    ),
    "key_rejected": (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
    "key_forbidden": (403, "PERMISSION_DENIED", "Your API key was reported as leaked. Please use another API key."),
    "model_unknown": (404, "NOT_FOUND", "models/gemini-0 is not found for API version v1beta."),
    "rate_limited": (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    "server": (500, "INTERNAL", "An internal error has occurred."),
    "unavailable": (503, "UNAVAILABLE", "This model is currently experiencing high demand. Please try again later."),
    "overloaded": (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
}
UNREGISTERED = "Method doesn't allow unregistered callers (callers without established identity)."


class Gemini:
    """The API of AI Studio. A bad key is a bad request to it, and when to come back lies in the body."""

    name = "gemini"
    base_path = "/v1beta"
    framing = CRLF_SSE
    headers: Mapping[str, str] = {}
    lacks: frozenset[Trouble | Feature] = frozenset(
        {"content_filtered", "rerank", "logit_bias", "broken_arguments_whole", "broken_arguments_stream"}
    )
    models: Sequence[str] = tuple(wire.MODELS)
    malformed = b'data: {"candidates": [{"content": {"parts"\r\n\r\n'
    collection = "models/"
    key_header = "x-goog-api-key"
    troubles = TROUBLES
    keyless: tuple[int, str, str] = (403, "PERMISSION_DENIED", UNREGISTERED)

    def is_generation(self, request: RecordedRequest) -> bool:
        return self.asked(request)[1] in (WHOLE, STREAM)

    def is_stream(self, request: RecordedRequest) -> bool:
        return self.asked(request)[1] == STREAM

    def refuse(self, request: RecordedRequest) -> Response | None:
        if not request.headers.get(self.key_header):
            code, status, said = self.keyless
            return Response(wire.error_body(code, status, said), code)
        if not self.is_generation(request):
            return None
        said = complaint(self.asked(request)[0], request.body)
        if said is None and self.is_stream(request) and "alt=sse" not in request.path:
            said = "The fake streams server-sent events alone, not the array of the real one: ask for alt=sse."
        return None if said is None else Response(wire.error_body(400, "INVALID_ARGUMENT", said), 400)

    def prompt(self, request: RecordedRequest) -> Prompt:
        parts = request.body["contents"][-1]["parts"]
        has_results = any("functionResponse" in part for part in parts)
        count = request.body.get("generationConfig", {}).get("candidateCount") or 1
        return Prompt(text_of(parts), [] if has_results else called_tools(request.body), count)

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        model = self.asked(request)[0]
        if any(answer.refusal for answer in answers):
            return wire.blocked(model, usage)
        return wire.response(model, [wire.whole_candidate(*each) for each in enumerate(answers)], usage)

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        model = self.asked(request)[0]
        if any(answer.refusal for answer in answers):
            return Stream([], [], [], [sse_chunk(wire.blocked(model, usage))])
        content, written_count = [], 0
        for index, answer in enumerate(answers):
            for part in wire.parts_of(answer, pieces_of(answer.reasoning), answer.pieces):
                written_count += "thought" not in part
                so_far = wire.usage_so_far(usage, written_count)
                content.append(sse_chunk(wire.response(model, [wire.candidate(index, [part])], so_far)))
        last = wire.response(model, [wire.last_candidate(*each) for each in enumerate(answers)], usage)
        return Stream([], content, [], [sse_chunk(last)])

    def usage(self, counts: Counts) -> object:
        return wire.usage_of(counts)

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        code, status, said = self.troubles[trouble]
        details = [wire.rpc_detail("RetryInfo", retryDelay=f"{retry_after}s")] if retry_after is not None else []
        if trouble == "key_rejected":
            service = {"service": "generativelanguage.googleapis.com"}
            details.append(
                wire.rpc_detail("ErrorInfo", reason="API_KEY_INVALID", domain="googleapis.com", metadata=service)
            )
        return Response(wire.error_body(code, status, message or said, details), code)

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        return sse_chunk(self.refusal(trouble, message).body)

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        model, method = self.asked(request)
        body = request.body
        if method == "countTokens":
            return Response(wire.counted())
        if method == "embedContent":
            return Response({"embedding": wire.embedding(body)})
        if method == "batchEmbedContents":
            return Response({"embeddings": [wire.embedding(each) for each in body["requests"]]})
        if request.method == "GET" and request.route == f"{self.base_path}/models":
            return Response({"models": [wire.model_row(name) for name in wire.MODELS]})
        if request.method == "GET" and model in wire.MODELS:
            return Response(wire.model_row(model))
        said = f"{self.collection}{model} is not found, or is not supported for {method}."
        return Response(wire.error_body(404, "NOT_FOUND", said), 404)

    def asked(self, request: RecordedRequest) -> tuple[str, str]:
        """Return the model and the method that a path names; both are empty for a path of another kind."""
        named = request.route.removeprefix(f"{self.base_path}/{self.collection}")
        if named == request.route:
            return "", ""
        model, _, method = named.partition(":")
        return model, method


class Vertex(Gemini):
    """The same API under a project of Vertex AI, which takes a bearer token and lists no models there."""

    name = "vertex"
    base_path = "/v1/projects/p-1/locations/global"
    lacks = Gemini.lacks | {"retry_after"}
    models: Sequence[str] = ()
    collection = "publishers/google/models/"
    key_header = "authorization"
    troubles: Mapping[Trouble, tuple[int, str, str]] = {
        **TROUBLES,
        "key_rejected": (401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    }
    keyless = (401, "UNAUTHENTICATED", "Request is missing required authentication credential.")

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        if self.asked(request)[1] == "predict":
            return Response(wire.predictions(request.body))
        return super().rest(request)


GEMINI, VERTEX = Gemini(), Vertex()


def sse_chunk(value: object) -> bytes:
    """Return one chunk as a server-sent event, in Google's line ends."""
    return b"data: " + encode_json(value) + b"\r\n\r\n"


def text_of(parts: Sequence[wire.Json]) -> str:
    """Join the texts of a turn, those of results included."""
    return " ".join(
        result_text(part["functionResponse"]["response"]) if "functionResponse" in part else part["text"]
        for part in parts
        if "functionResponse" in part or "text" in part
    )


def result_text(response: Any) -> str:  # Any: decoded JSON, what a tool returned.
    """Return what a result says: its output, or all of it where nothing is called so."""
    said = response.get("output", response)
    return said if isinstance(said, str) else encode_json(said).decode()


def called_tools(body: wire.Json) -> list[str]:
    """Return the names of the caller's functions that a request wants called."""
    config = body.get("toolConfig", {}).get("functionCallingConfig", {})
    offered = [function["name"] for tool in body.get("tools", []) for function in tool.get("functionDeclarations", [])]
    if config.get("mode") == "NONE":
        return []
    allowed = config.get("allowedFunctionNames")
    return [name for name in offered if name in allowed] if allowed else offered
