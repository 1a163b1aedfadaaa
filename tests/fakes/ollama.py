"""Ollama's native dialect: chat, raw prompts, embeddings, the models at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.fakes import ollama_wire as wire
from tests.fakes.answer import Answer, Counts, Prompt
from tests.fakes.dialect import Feature, Response, Stream, Trouble
from tests.fakes.framing import NDJSON, json_line
from tests.fakes.ollama_rules import complaint
from tests.fakes.request import RecordedRequest

CHAT, GENERATE, EMBED, TAGS, SHOW = "/api/chat", "/api/generate", "/api/embed", "/api/tags", "/api/show"
# docs.ollama.com, "Errors" and "FAQ", and what its cloud is reported to say (read 2026-11).
TROUBLES: Mapping[Trouble, tuple[int, str]] = {
    "invalid": (400, '"gemma4:latest" does not support tools'),
    "context_too_long": (400, "prompt too long; exceeded max context length by 1119 tokens (ref: fake0001)"),
    "key_rejected": (401, "unauthorized"),
    "key_forbidden": (403, "this model requires a subscription, upgrade for access: https://ollama.com/upgrade"),
    "model_unknown": (404, "model 'qwen0' not found"),
    "rate_limited": (429, "you have reached your session usage limit, upgrade for higher limits"),
    "server": (500, "an error was encountered while running the model"),
    "unavailable": (503, "Server overloaded, please retry shortly (ref: fake0001)"),
    "overloaded": (503, "server busy, please try again.  maximum pending requests exceeded"),
}


class Ollama:
    """A server of the user's own, which asks for no key. An error has words and, before a stream, a status."""

    name = "ollama"
    base_path = ""
    framing = NDJSON
    headers: Mapping[str, str] = {}
    lacks: frozenset[Trouble | Feature] = frozenset(
        {
            *("content_filtered", "count_tokens", "rerank", "signed_reasoning", "logit_bias", "retry_after"),
            *("cached_usage", "broken_arguments_whole", "broken_arguments_stream"),
        }
    )
    models: Sequence[str] = tuple(wire.MODELS)
    malformed = b'{"model":"m-1","created_at":"2026-11-25T12:00:00Z","message":{"role":"assistant","content"\n'

    def is_generation(self, request: RecordedRequest) -> bool:
        return request.method == "POST" and request.route == CHAT

    def is_stream(self, request: RecordedRequest) -> bool:
        """Chat and raw prompts stream unless they are told not to."""
        return request.route in (CHAT, GENERATE) and bool((request.body or {}).get("stream", True))

    def refuse(self, request: RecordedRequest) -> Response | None:
        said = complaint(request.body) if request.method == "POST" else None
        return None if said is None else Response({"error": said}, 400)

    def prompt(self, request: RecordedRequest) -> Prompt:
        last = request.body["messages"][-1]
        offered = [] if last["role"] == "tool" else request.body.get("tools", [])
        return Prompt(last.get("content", ""), [tool["function"]["name"] for tool in offered])

    def whole(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> object:
        (answer,) = answers
        return wire.chat(request.body["model"], answer, usage)

    def stream(self, request: RecordedRequest, answers: Sequence[Answer], usage: object) -> Stream:
        (answer,) = answers
        frames = [json_line(line) for line in wire.chat_lines(request.body["model"], answer, usage)]
        return Stream([], frames[:-1], [], frames[-1:])

    def usage(self, counts: Counts) -> object:
        return wire.usage_of(counts.input, counts.output)

    def refusal(self, trouble: Trouble, message: str | None = None, retry_after: str | None = None) -> Response:
        """Say no, without a time: there is no place for one."""
        status, said = TROUBLES[trouble]
        return Response({"error": message or said}, status)

    def error_frame(self, trouble: Trouble, message: str | None = None) -> bytes:
        return json_line({"error": message or TROUBLES[trouble][1]})

    def rest(self, request: RecordedRequest) -> Response | Sequence[bytes]:
        asked = (request.method, request.route)
        if asked == ("GET", TAGS):
            return Response({"models": [wire.model_row(name) for name in wire.MODELS]})
        if asked == ("POST", SHOW):
            return shown(request.body["model"])
        if asked == ("POST", EMBED):
            return embedded(request.body)
        if asked == ("POST", GENERATE):
            return generated(request.body, streams=self.is_stream(request))
        return Response({"error": "404 page not found"}, 404)


OLLAMA = Ollama()


def shown(name: str) -> Response:
    """Describe one model."""
    if name in wire.MODELS:
        return Response(wire.model_shown(name))
    return Response({"error": f"model '{name}' not found"}, 404)


def embedded(body: wire.Json) -> Response:
    """Embed a text, or a list of texts."""
    inputs = [body["input"]] if isinstance(body["input"], str) else body["input"]
    return Response(wire.embedded(body["model"], inputs, body.get("dimensions") or wire.DIMENSION_COUNT))


def generated(body: wire.Json, *, streams: bool) -> Response | Sequence[bytes]:
    """Echo a raw prompt."""
    text, usage = f"{body['prompt']} continued", wire.usage_of(5, 2)
    if not streams:
        return Response(wire.generated(body["model"], text, usage))
    return [json_line(line) for line in wire.generated_lines(body["model"], text, usage)]
