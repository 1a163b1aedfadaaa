"""The checklist for tools that a provider runs itself: parts with the provider as executor, never text, never a call
for the client to run."""

from __future__ import annotations

import pytest
from llmgateway.v1 import generation_pb2, message_pb2

from tests.fakes.canned import Canned, json_answer
from tests.fidelity.answers import (
    ANTHROPIC_HEAD,
    ANTHROPIC_USAGE,
    DIALECTS,
    GEMINI_USAGE,
    SSE,
    Json,
    anthropic_block,
    anthropic_end,
    anthropic_events,
    anthropic_start,
    dumps,
    gemini_answer,
)
from tests.fidelity.bench import HELLO, Bench, generation, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

PROVIDER = message_pb2.ToolCall.EXECUTOR_PROVIDER

CODE = {"executableCode": {"language": "PYTHON", "code": "print(1)"}}
OUTPUT = {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1\n"}}
SEARCH: Json = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "rain"}}
FOUND: Json = {
    "type": "web_search_tool_result",
    "tool_use_id": "srvtoolu_1",
    "content": [{"type": "web_search_result", "url": "https://x.example", "title": "X", "encrypted_content": "b3Bh"}],
}


def whole(vendor: str) -> Canned:
    if vendor == "gemini":
        return json_answer(gemini_answer(CODE, OUTPUT, {"text": "One."}, word="STOP", usageMetadata=GEMINI_USAGE))
    content = [SEARCH, FOUND, {"type": "text", "text": "One."}]
    return json_answer({**ANTHROPIC_HEAD, "content": content, "stop_reason": "end_turn", "usage": ANTHROPIC_USAGE})


def stream(vendor: str) -> list[bytes]:
    if vendor == "gemini":
        answers = [gemini_answer(CODE), gemini_answer(OUTPUT), gemini_answer({"text": "One."}, word="STOP")]
        return [f"data: {dumps(answer)}\r\n\r\n".encode() for answer in answers]
    query = {"type": "input_json_delta", "partial_json": '{"query": "rain"}'}
    blocks = [
        *anthropic_block(0, {**SEARCH, "input": {}}, query),
        *anthropic_block(1, FOUND),
        *anthropic_block(2, {"type": "text", "text": ""}, {"type": "text_delta", "text": "One."}),
    ]
    return anthropic_events(anthropic_start(), *blocks, *anthropic_end("end_turn"))


ANSWER_AS_IT_CAME = {
    "gemini": [CODE, OUTPUT, {"text": "One."}],
    "anthropic": [SEARCH, FOUND, {"type": "text", "text": "One."}],
}


def answer_sent_back(bench: Bench, vendor: str) -> list[Json]:
    """Return what the second request holds of the first answer."""
    sent = bench.fake.calls[1].body
    found: list[Json] = sent["contents"][1]["parts"] if vendor == "gemini" else sent["messages"][1]["content"]
    return found


both = pytest.mark.parametrize("vendor", ["anthropic", "gemini"])


@both
@pytest.mark.parametrize("is_stream", [False, True])
async def test_they_are_parts_with_the_provider_as_executor(bench: Bench, vendor: str, is_stream: bool) -> None:
    bench.script(in_pieces(SSE, *stream(vendor)) if is_stream else whole(vendor))
    request = generation(vendor)
    answer = await (bench.grpc.stream(request).collect() if is_stream else bench.grpc.generate(request))
    call, result, text = answer.candidates[0].message.parts
    assert call.tool_call.executor == PROVIDER
    assert result.HasField("tool_result")
    assert text.text == "One."
    assert answer.candidates[0].finish_reason == generation_pb2.FINISH_REASON_STOP


@both
@pytest.mark.parametrize("is_stream", [False, True])
async def test_over_rest_they_are_neither_text_nor_a_call_to_run(bench: Bench, vendor: str, is_stream: bool) -> None:
    bench.script(in_pieces(SSE, *stream(vendor)) if is_stream else whole(vendor))
    if is_stream:
        streamed = await bench.stream(vendor)
        assert (streamed.text, streamed.calls, streamed.finish) == ("One.", {}, "stop")
    else:
        choice = (await bench.chat(vendor)).choice
        assert (choice["message"]["content"], choice["finish_reason"]) == ("One.", "stop")
        assert "tool_calls" not in choice["message"]


@both
async def test_they_go_back_as_they_came(bench: Bench, vendor: str) -> None:
    bench.script(whole(vendor), DIALECTS[vendor].answer("ok"))
    first = generation(vendor)
    answer = await bench.grpc.generate(first)
    again = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="And?")])
    await bench.grpc.generate(generation(vendor, *first.messages, answer.candidates[0].message, again))
    assert answer_sent_back(bench, vendor) == ANSWER_AS_IT_CAME[vendor]


@both
@pytest.mark.parametrize("is_stream", [False, True])
async def test_over_rest_they_go_back_as_they_came(bench: Bench, vendor: str, is_stream: bool) -> None:
    first = in_pieces(SSE, *stream(vendor)) if is_stream else whole(vendor)
    bench.script(first, DIALECTS[vendor].answer("ok"))
    if is_stream:
        streamed = await bench.stream(vendor)
        parts = [entry for choice in streamed.choices for entry in choice["delta"].get("provider_parts", ())]
        message: Json = {"role": "assistant", "content": streamed.text, "provider_parts": parts}
    else:
        message = (await bench.chat(vendor)).message
    await bench.chat(vendor, messages=[*HELLO, message, {"role": "user", "content": "And?"}])
    assert answer_sent_back(bench, vendor) == ANSWER_AS_IT_CAME[vendor]


@both
async def test_another_provider_is_not_told_of_them(bench: Bench, vendor: str) -> None:
    bench.script(whole(vendor), DIALECTS["openai"].answer("ok"))
    message = (await bench.chat(vendor)).message
    answered = await bench.chat("openai", messages=[*HELLO, message, {"role": "user", "content": "And?"}])
    assert answered.message["content"] == "ok"
    assert bench.fake.calls[1].body["messages"][1] == {"role": "assistant", "content": "One."}
