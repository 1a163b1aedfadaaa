"""What each dialect's codec costs, beside the OpenAI dialect's at the same work: `make bench ARGS=--codecs`.

An exchange is a request and an answer of about 1 KiB, encoded and decoded; a stream event is a piece of text that goes
on with an open part, the kind that nearly all events are. Both are timed in one process, in turn, the least of several
rounds: codecs do nothing but compute.
"""

from __future__ import annotations

import json
import timeit
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_server.dialects.codec import Codec, Frame
from llmgateway_server.dialects.registry import make_codec
from llmgateway_server.upstream.join import join_deltas
from rich.box import SIMPLE_HEAD
from rich.table import Table

Json = dict[str, Any]  # Any: JSON
PROMPT = "Say something about the sea, and say it slowly, please. " * 18
SAID = "The sea is wide, and it is blue where it is deep enough. " * 18
YARDSTICK = "openai"
MOST_RATIO = 2.0
ROUND_COUNT, LOOP_COUNT, PIECE_COUNT = 7, 400, 100


@dataclass(frozen=True, slots=True)
class Wire:
    """A dialect's answers: one whole, and a stream's events before, as and after a piece of text."""

    whole: Json
    begun: list[Frame]
    piece: Frame
    ended: list[Frame]


def frame(value: object, name: str = "") -> Frame:
    return Frame(name, json.dumps(value, separators=(",", ":")).encode())


def openai() -> Wire:
    head = {"id": "chatcmpl-1", "created": 1_700_000_000, "model": "m", "system_fingerprint": "fp_1"}

    def chunk(delta: Json, finish: str | None = None) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return frame({**head, "object": "chat.completion.chunk", "choices": [choice]})

    message = {"role": "assistant", "content": SAID, "refusal": None}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 250, "completion_tokens": 250, "total_tokens": 500}
    return Wire(
        {**head, "object": "chat.completion", "choices": [choice], "usage": usage},
        [chunk({"role": "assistant", "content": ""}), chunk({"content": "The"})],
        chunk({"content": " sea"}),
        [chunk({}, "stop"), Frame("", b"[DONE]")],
    )


def anthropic() -> Wire:
    usage = {"input_tokens": 250, "output_tokens": 250}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "stop_sequence": None}

    def event(kind: str, **members: object) -> Frame:
        return frame({"type": kind, **members}, kind)

    def piece(text: str) -> Frame:
        return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})

    return Wire(
        {**head, "content": [{"type": "text", "text": SAID}], "stop_reason": "end_turn", "usage": usage},
        [
            event("message_start", message={**head, "content": [], "stop_reason": None, "usage": usage}),
            event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            piece("The"),
        ],
        piece(" sea"),
        [
            event("content_block_stop", index=0),
            event("message_delta", delta={"stop_reason": "end_turn"}, usage=usage),
            event("message_stop"),
        ],
    )


def cohere() -> Wire:
    usage = {
        "billed_units": {"input_tokens": 240, "output_tokens": 250},
        "tokens": {"input_tokens": 250, "output_tokens": 250},
    }

    def event(kind: str, index: int | None = None, **message: object) -> Frame:
        placed = {} if index is None else {"index": index}
        return frame({"type": kind, **placed, "delta": {"message": message}}, kind)

    ended = {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": usage}}
    content = [{"type": "text", "text": SAID}]
    return Wire(
        {
            "id": "c-1",
            "finish_reason": "COMPLETE",
            "message": {"role": "assistant", "content": content},
            "usage": usage,
        },
        [
            frame({"id": "c-1", "type": "message-start", "delta": {"message": {"role": "assistant"}}}, "message-start"),
            event("content-start", 0, content={"type": "text", "text": ""}),
            event("content-delta", 0, content={"text": "The"}),
        ],
        event("content-delta", 0, content={"text": " sea"}),
        [frame({"type": "content-end", "index": 0}, "content-end"), frame(ended, "message-end")],
    )


def gemini() -> Wire:
    usage = {"promptTokenCount": 250, "candidatesTokenCount": 250, "totalTokenCount": 500}

    def answer(text: str, **members: object) -> Json:
        candidate = {"index": 0, "content": {"role": "model", "parts": [{"text": text}]}, **members}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "m", "responseId": "r-1"}

    return Wire(
        answer(SAID, finishReason="STOP"),
        [frame(answer("The"))],
        frame(answer(" sea")),
        [frame(answer(".", finishReason="STOP"))],
    )


def ollama() -> Wire:
    def line(text: str, **members: object) -> Json:
        message = {"role": "assistant", "content": text}
        return {"model": "m", "created_at": "2026-11-25T10:00:00Z", "message": message, "done": False, **members}

    ended: Json = {"done": True, "done_reason": "stop", "prompt_eval_count": 250, "eval_count": 250}
    return Wire(line(SAID, **ended), [frame(line("The"))], frame(line(" sea")), [frame(line("", **ended))])


def bedrock() -> Wire:
    usage = {"inputTokens": 250, "outputTokens": 250, "totalTokens": 500}

    def piece(text: str) -> Frame:
        return frame({"contentBlockIndex": 0, "delta": {"text": text}, "p": "abcdefgh"}, "contentBlockDelta")

    message = {"role": "assistant", "content": [{"text": SAID}]}
    return Wire(
        {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, "metrics": {"latencyMs": 9}},
        [frame({"role": "assistant"}, "messageStart"), piece("The")],
        piece(" sea"),
        [
            frame({"contentBlockIndex": 0}, "contentBlockStop"),
            frame({"stopReason": "end_turn"}, "messageStop"),
            frame({"usage": usage, "metrics": {"latencyMs": 9}}, "metadata"),
        ],
    )


WIRES: Mapping[str, Callable[[], Wire]] = {
    "openai": openai,
    "anthropic": anthropic,
    "bedrock": bedrock,
    "cohere": cohere,
    "gemini": gemini,
    "ollama": ollama,
}


def make_request() -> generation_pb2.GenerateRequest:
    """Return a request of about 1 KiB, new each time: a message that was read once is read faster again."""
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text=PROMPT)])
    sampling = generation_pb2.Sampling(temperature=0.5)
    return generation_pb2.GenerateRequest(messages=[message], sampling=sampling, max_output_token_count=500)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one dialect costs, in µs."""

    name: str
    exchange_us: float
    event_us: float


def measure(name: str) -> Cost:
    """Time one dialect's codec."""
    codec, wire = make_codec(name, name, {}), WIRES[name]()
    whole = json.dumps(wire.whole).encode()
    events = [*wire.begun, *[wire.piece] * PIECE_COUNT, *wire.ended]

    def exchange() -> None:
        request = make_request()
        codec.encode_generate(request, "m", stream=False)
        codec.decode_generate(request, whole)

    request = make_request()
    return Cost(
        name,
        least_us(exchange) - least_us(make_request),
        (least_us(lambda: stream(codec, request, events)) - least_us(lambda: stream(codec, request, events, 0)))
        / PIECE_COUNT,
    )


def stream(
    codec: Codec, request: generation_pb2.GenerateRequest, frames: list[Frame], piece_count: int = PIECE_COUNT
) -> None:
    """Decode a stream as one chunk of bytes brings it, joined; without its pieces, all that is not a piece."""
    decoder = codec.stream_decoder(request)
    decoded = []
    for one in frames if piece_count else [*dict.fromkeys(frames)]:
        decoded += decoder.decode(one)
    join_deltas(decoded + decoder.finish())


def least_us(work: Callable[[], object]) -> float:
    """Return the least time of several rounds, in µs."""
    return min(timeit.repeat(work, number=LOOP_COUNT, repeat=ROUND_COUNT)) / LOOP_COUNT * 1e6


def make_table(costs: list[Cost]) -> Table:
    """Return the table, with ratios to the yardstick's figures."""
    base = next(cost for cost in costs if cost.name == YARDSTICK)
    table = Table(title="Codecs, µs; at most 2 × the OpenAI dialect's", title_justify="left", box=SIMPLE_HEAD)
    for column in ("dialect", "exchange", "ratio", "stream event", "ratio"):
        table.add_column(column, justify="left" if column == "dialect" else "right")
    for cost in costs:
        ratios = (cost.exchange_us / base.exchange_us, cost.event_us / base.event_us)
        shown = [f"{ratio:.2f} {'✓' if ratio <= MOST_RATIO else '✗'}" for ratio in ratios]
        table.add_row(cost.name, f"{cost.exchange_us:.1f}", shown[0], f"{cost.event_us:.2f}", shown[1])
    return table


def measure_all() -> list[Cost]:
    """Time every dialect."""
    return [measure(name) for name in WIRES]
