"""Golden answers, whole and as the events of a stream: both must come out alike. After the API reference's shapes."""

from __future__ import annotations

import json
from typing import Any

from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2
from llmgateway_server.dialects.bedrock.stream_converse import ConverseStreamDecoder
from llmgateway_server.dialects.codec import Decoded, Frame
from llmgateway_server.upstream.join import join_deltas

from tests.server.dialects.bedrock.asking import CODEC

Event = tuple[str, dict[str, Any]]
REQUEST = generation_pb2.GenerateRequest()
USAGE = {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
METADATA: Event = ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 7}, "p": "abcdef"})


def start(index: int = 0, **block: Any) -> Event:
    return "contentBlockStart", {"contentBlockIndex": index, "start": block, "p": "abc"}


def delta(index: int = 0, **members: Any) -> Event:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": members, "p": "abcd"}


def stop(index: int = 0) -> Event:
    return "contentBlockStop", {"contentBlockIndex": index, "p": "a"}


def message(*events: Event, reason: str = "end_turn", **more: Any) -> list[Event]:
    return [
        ("messageStart", {"role": "assistant", "p": "abc"}),
        *events,
        ("messageStop", {"stopReason": reason, "p": "x", **more}),
    ]


def whole(*content: dict[str, Any], reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {
        "metrics": {"latencyMs": 7},
        "output": {"message": {"role": "assistant", "content": list(content)}},
        "stopReason": reason,
        "usage": USAGE,
        **more,
    }


def frames(events: list[Event]) -> list[Frame]:
    return [Frame(name, json.dumps(payload).encode()) for name, payload in events]


def decode_frames(given: list[Frame], decoder: ConverseStreamDecoder | None = None) -> Decoded:
    decoder = decoder or CODEC.stream_decoder(REQUEST)
    decoded: Decoded = []
    for frame in given:
        decoded += decoder.decode(frame)
        if decoder.ended:
            break
    return decoded + decoder.finish()


def streamed(*events: Event) -> generation_pb2.GenerateResponse:
    return fold(join_deltas(decode_frames(frames(list(events)))))


def decoded_whole(raw: dict[str, Any]) -> generation_pb2.GenerateResponse:
    return CODEC.decode_generate(REQUEST, json.dumps(raw).encode())


# (name, the whole answer, the events of the same answer)
ANSWERS: list[tuple[str, dict[str, Any], list[Event]]] = [
    (
        "text",
        whole({"text": "Héllo, world"}),
        [*message(delta(text="Héllo"), delta(text=", "), delta(text="world"), stop()), METADATA],
    ),
    ("nothing", whole(), [*message(), METADATA]),
    ("an empty text", whole({"text": ""}), [*message(delta(text=""), stop()), METADATA]),
    (
        "a limit",
        whole({"text": "Hi"}, reason="max_tokens"),
        [*message(delta(text="Hi"), stop(), reason="max_tokens"), METADATA],
    ),
    (
        "calls, one without arguments",
        whole(
            {"text": "Wait."},
            {"toolUse": {"toolUseId": "t1", "name": "weather", "input": {"city": "Oslo"}}},
            {"toolUse": {"toolUseId": "t2", "name": "time", "input": {}}},
            reason="tool_use",
        ),
        [
            *message(
                delta(text="Wait."),
                stop(),
                start(1, toolUse={"toolUseId": "t1", "name": "weather"}),
                delta(1, toolUse={"input": ""}),
                delta(1, toolUse={"input": '{"city":'}),
                delta(1, toolUse={"input": '"Oslo"}'}),
                stop(1),
                start(2, toolUse={"toolUseId": "t2", "name": "time"}),
                stop(2),
                reason="tool_use",
            ),
            METADATA,
        ],
    ),
    (
        "thoughts, shown and withheld",
        whole(
            {"reasoningContent": {"reasoningText": {"text": "Hm, well.", "signature": "c2ln"}}},
            {"reasoningContent": {"redactedContent": "cmVk"}},
            {"reasoningContent": {"reasoningText": {"text": "", "signature": "ZW1wdHk="}}},
            {"reasoningContent": {"reasoningText": {"text": "Plain."}}},
            {"text": "Yes"},
        ),
        [
            *message(
                delta(reasoningContent={"text": "Hm, "}),
                delta(reasoningContent={"text": "well."}),
                delta(reasoningContent={"signature": "c2ln"}),
                stop(),
                delta(1, reasoningContent={"redactedContent": "cmVk"}),
                stop(1),
                delta(2, reasoningContent={"signature": "ZW1wdHk="}),
                stop(2),
                delta(3, reasoningContent={"text": "Plain."}),
                stop(3),
                delta(4, text="Yes"),
                stop(4),
            ),
            METADATA,
        ],
    ),
    (
        "citations",
        whole(
            {
                "citationsContent": {
                    "content": [{"text": "Green."}],
                    "citations": [
                        {
                            "title": "Grass",
                            "sourceContent": [{"text": "The grass "}, {"text": "is green."}],
                            "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 19}},
                        },
                        {"title": "Web", "location": {"web": {"url": "https://x.example", "domain": "x.example"}}},
                    ],
                }
            }
        ),
        [
            *message(
                delta(text="Green."),
                delta(
                    citation={
                        "title": "Grass",
                        "sourceContent": [{"text": "The grass "}, {"text": "is green."}],
                        "location": {"documentChar": {"documentIndex": 0, "start": 0, "end": 19}},
                    }
                ),
                delta(
                    citation={"title": "Web", "location": {"web": {"url": "https://x.example", "domain": "x.example"}}}
                ),
                stop(),
            ),
            METADATA,
        ],
    ),
    (
        "a tool that Bedrock runs itself",
        whole(
            {
                "toolUse": {
                    "toolUseId": "s",
                    "name": "nova_code_interpreter",
                    "input": {"snippet": "1"},
                    "type": "server_tool_use",
                }
            },
            {
                "toolResult": {
                    "toolUseId": "s",
                    "content": [{"json": {"stdOut": "1"}}],
                    "status": "success",
                    "type": "nova_code_interpreter_result",
                }
            },
            {"toolResult": {"toolUseId": "s", "content": [{"text": "It failed."}], "status": "error"}},
        ),
        [
            *message(
                start(toolUse={"toolUseId": "s", "name": "nova_code_interpreter", "type": "server_tool_use"}),
                delta(toolUse={"input": '{"snippet":"1"}'}),
                stop(),
                start(1, toolResult={"toolUseId": "s", "status": "success", "type": "nova_code_interpreter_result"}),
                delta(1, toolResult=[{"json": {"stdOut": "1"}}]),
                stop(1),
                start(2, toolResult={"toolUseId": "s", "status": "error"}),
                delta(2, toolResult=[{"text": "It "}]),
                delta(2, toolResult=[{"text": "failed."}]),
                stop(2),
            ),
            METADATA,
        ],
    ),
    (
        "an image",
        whole(
            {"image": {"format": "png", "source": {"bytes": "AP8="}}},
            {"image": {"format": "webp", "source": {"s3Location": {"uri": "s3://b/a"}}}},
            {"image": {"format": "png", "error": {"message": "withheld"}}},
        ),
        [
            *message(
                start(image={"format": "png"}),
                delta(image={"source": {"bytes": "AA=="}}),
                delta(image={"source": {"bytes": "/w=="}}),
                stop(),
                start(1, image={"format": "webp"}),
                delta(1, image={"source": {"s3Location": {"uri": "s3://b/a"}}}),
                stop(1),
                start(2, image={"format": "png"}),
                delta(2, image={"error": {"message": "withheld"}}),
                stop(2),
            ),
            METADATA,
        ],
    ),
    (
        "a block that nobody knows",
        whole({"hologram": {"shape": "cube", "note": "ab"}}, {"text": "See"}),
        [
            *message(
                start(hologram={"shape": "cube"}),
                delta(hologram={"note": "a"}),
                delta(hologram={"note": "b"}),
                stop(),
                delta(1, text="See"),
                stop(1),
            ),
            METADATA,
        ],
    ),
    (
        "all that is told of a call",
        whole(
            {"text": "Hi"},
            reason="stop_sequence",
            additionalModelResponseFields={"stop_sequence": "|"},
            trace={"promptRouter": {"invokedModelId": "arn:x"}, "guardrail": {"actionReason": "none"}},
            performanceConfig={"latency": "optimized"},
            serviceTier={"type": "flex"},
            novelty=1,
        ),
        [
            *message(
                delta(text="Hi"),
                stop(),
                reason="stop_sequence",
                additionalModelResponseFields={"stop_sequence": "|"},
            ),
            (
                "metadata",
                {
                    **METADATA[1],
                    "trace": {"promptRouter": {"invokedModelId": "arn:x"}, "guardrail": {"actionReason": "none"}},
                    "performanceConfig": {"latency": "optimized"},
                    "serviceTier": {"type": "flex"},
                    "novelty": 1,
                },
            ),
        ],
    ),
]
