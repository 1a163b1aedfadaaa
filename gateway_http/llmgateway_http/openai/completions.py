"""Legacy completions, both ways: a prompt without a conversation (OpenAI's API reference, "Completions", 2026-11)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Annotated, Any

from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2
from msgspec import Meta, Struct

from llmgateway_http.openai.chat_response import LEAST_LOGPROB, Json, completion_id, finish_word, put_back, to_usage
from llmgateway_http.openai.chat_types import (
    CandidateCount,
    Int64,
    Penalty,
    PositiveInt32,
    StreamOptions,
    Temperature,
    TokenId,
    TopP,
)
from llmgateway_http.openai.errors import invalid
from llmgateway_http.openai.json_body import convert
from llmgateway_http.openai.provider_options import set_provider_options

PREFIX = "cmpl-"


class CompletionRequest(Struct):
    """The body of a completion. Several prompts in one call are not served."""

    model: str
    prompt: str | list[str | TokenId | list[TokenId]]
    best_of: int | None = None
    echo: bool | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    logprobs: Annotated[int, Meta(ge=0, le=5)] | None = None
    max_tokens: PositiveInt32 | None = None
    metadata: dict[str, str] | None = None
    n: CandidateCount | None = None
    presence_penalty: Penalty | None = None
    provider_options_json: dict[str, Any] | None = None
    seed: Int64 | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    suffix: str | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    user: str | None = None


MEMBERS = frozenset(CompletionRequest.__struct_fields__)


def to_raw_prompt_request(raw: dict[str, Any]) -> tuple[generation_pb2.GenerateRequest, CompletionRequest]:
    """Return the request, and the typed body for what only the shim needs. Raises `RestError` (400)."""
    body = convert(raw, CompletionRequest)
    request = generation_pb2.GenerateRequest(model=body.model)
    set_prompt(request.raw_prompt, body.prompt)
    if body.best_of not in (None, 1) and body.best_of != body.n:
        raise invalid("best_of", "is not served: send n instead", "unsupported_parameter")
    if body.suffix is not None:
        request.raw_prompt.suffix = body.suffix
    if body.echo is not None:
        request.raw_prompt.echo = body.echo
    sampling = request.sampling
    for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed"):
        value = getattr(body, name)
        if value is not None:
            setattr(sampling, name, value)
    if body.stop is not None:
        sampling.stop_sequences.extend([body.stop] if isinstance(body.stop, str) else body.stop)
    for token, bias in (body.logit_bias or {}).items():
        if not token.isascii() or not token.isdecimal() or len(token) > 9:
            raise invalid(f"logit_bias.{token[:32]}", "must be the number of a token")
        sampling.logit_bias[int(token)] = bias
    if not sampling.ListFields():
        request.ClearField("sampling")
    if body.max_tokens is not None:
        request.max_output_token_count = body.max_tokens
    if body.n is not None:
        request.candidate_count = body.n
    if body.logprobs is not None:
        request.top_logprob_count = body.logprobs
    if body.metadata:
        request.labels.update(body.metadata)
    if body.user is not None:
        request.end_user_id = body.user
    set_provider_options(request.provider_options_json, raw, MEMBERS, frozenset())
    return request, body


def set_prompt(prompt: generation_pb2.RawPrompt, value: str | list[Any]) -> None:
    """Fill the one prompt, a text or its tokens."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str | list):
        value = value[0]  # one prompt in a list of prompts
    if isinstance(value, str):
        prompt.text = value
    elif value and all(isinstance(token, int) for token in value):
        prompt.token_ids.ids.extend(value)
    else:
        raise invalid("prompt", "must be one text or the tokens of one: several prompts take several calls")


def to_completion(response: generation_pb2.GenerateResponse, model: str) -> Json:
    """Return the body of a whole answer."""
    body: Json = {
        "id": completion_id(response.call, PREFIX),
        "object": "text_completion",
        "created": response.call.create_time.seconds,
        "model": model,
        "choices": [to_choice(candidate) for candidate in response.candidates],
        "usage": to_usage(response.usage),
    }
    put_back(body, response.call.provider_json)
    return body


def to_choice(candidate: generation_pb2.Candidate) -> Json:
    """Return one choice."""
    text = "".join([part.text for part in candidate.message.parts])
    tokens = [token for part in candidate.message.parts for token in part.logprobs]
    choice: Json = {
        "index": candidate.index,
        "text": text,
        "logprobs": to_logprobs(tokens, 0) if tokens else None,
        "finish_reason": finish_word(candidate.finish_reason, has_calls=False),
    }
    put_back(choice, candidate.provider_json)
    return choice


def to_logprobs(tokens: Sequence[message_pb2.TokenLogprob], offset: int) -> Json:
    """Return log probabilities as lists side by side; `offset` is where the first token begins in the whole text."""
    starts = accumulate((len(token.token) for token in tokens), initial=offset)
    return {
        "tokens": [token.token for token in tokens],
        "token_logprobs": [max(token.logprob, LEAST_LOGPROB) for token in tokens],
        "top_logprobs": [
            {rival.token: max(rival.logprob, LEAST_LOGPROB) for rival in token.top_logprobs} for token in tokens
        ],
        "text_offset": list(starts)[:-1],
    }


class CompletionChunks:
    """Turns the events of one stream into chunks of legacy completions."""

    def __init__(self, model: str, *, with_usage: bool) -> None:
        self._head: Json = {"id": "", "object": "text_completion", "created": 0, "model": model}
        self._with_usage = with_usage
        self._written: dict[int, int] = {}

    def chunks(self, events: Iterable[stream_pb2.GenerationEvent]) -> list[Json]:
        """Return the chunks for events that arrived together."""
        made: list[Json] = []
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "started":
                self._head["id"] = completion_id(event.started.call, PREFIX)
                self._head["created"] = event.started.call.create_time.seconds
            elif kind == "part_delta":
                self._text(event.candidate_index, event.part_delta, made)
            elif kind == "part_started":
                self._text(event.candidate_index, event.part_started.part, made)
            elif kind == "candidate_finished":
                word = finish_word(event.candidate_finished.finish_reason, has_calls=False)
                self._chunk(event.candidate_index, "", word, made)
            elif kind == "finished" and self._with_usage:
                made.append({**self._head, "choices": [], "usage": to_usage(event.finished.usage)})
        return made

    def _text(self, candidate: int, said: stream_pb2.PartDelta | message_pb2.Part, made: list[Json]) -> None:
        if not (said.text or said.logprobs):
            return
        offset = self._written.get(candidate, 0)
        self._written[candidate] = offset + len(said.text)
        logprobs = to_logprobs(said.logprobs, offset) if said.logprobs else None
        self._chunk(candidate, said.text, None, made, logprobs)

    def _chunk(
        self, candidate: int, text: str, finish: str | None, made: list[Json], logprobs: Json | None = None
    ) -> None:
        choice: Json = {"index": candidate, "text": text, "logprobs": logprobs, "finish_reason": finish}
        chunk: Json = {**self._head, "choices": [choice]}
        if self._with_usage:
            chunk["usage"] = None
        made.append(chunk)
