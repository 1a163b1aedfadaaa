"""The checklist for Anthropic."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llmgateway.v1 import generation_pb2, message_pb2

from tests.fakes.canned import json_answer
from tests.fidelity.answers import (
    ANTHROPIC_HEAD,
    ANTHROPIC_USAGE,
    DIALECTS,
    SSE,
    Json,
    anthropic_block,
    anthropic_end,
    anthropic_events,
    anthropic_start,
)
from tests.fidelity.bench import HELLO, Bench, generation, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

ANTHROPIC = DIALECTS["anthropic"]
TOOLS: list[Json] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("look", "ask")
]
USED = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"a": 1}}
THOUGHTS: dict[str, Json] = {
    "a thought": {"type": "thinking", "thinking": "Hm.", "signature": "c2ln"},
    "a thought that is withheld": {"type": "thinking", "thinking": "", "signature": "c2ln"},
    "a redacted thought": {"type": "redacted_thinking", "data": "b3BhcXVl"},
}


def whole(*content: Json, word: str = "end_turn") -> Json:
    return {**ANTHROPIC_HEAD, "content": list(content), "stop_reason": word, "usage": ANTHROPIC_USAGE}


def streamed_thought(block: Json) -> list[Json]:
    """Return the events of a thought, as Anthropic streams it."""
    if block["type"] == "redacted_thinking":
        return anthropic_block(0, block)
    deltas = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
    proof = {"type": "signature_delta", "signature": block["signature"]}
    return anthropic_block(0, {"type": "thinking", "thinking": "", "signature": ""}, *deltas, proof)


@pytest.mark.parametrize("name", THOUGHTS)
async def test_thinking_blocks_survive_a_round_trip_through_openai_s_form(bench: Bench, name: str) -> None:
    thought = THOUGHTS[name]
    bench.script(json_answer(whole(thought, USED, word="tool_use")), ANTHROPIC.answer("ok"))
    message = (await bench.chat("anthropic", tools=TOOLS)).message
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "Rain."}
    await bench.chat("anthropic", tools=TOOLS, messages=[*HELLO, message, result])
    assert bench.fake.calls[1].body["messages"][1]["content"] == [thought, USED]


@pytest.mark.parametrize("name", THOUGHTS)
async def test_thinking_blocks_of_a_stream_survive_as_well(bench: Bench, name: str) -> None:
    thought = THOUGHTS[name]
    used = anthropic_block(1, {**USED, "input": {}}, {"type": "input_json_delta", "partial_json": '{"a":1}'})
    events = [anthropic_start(), *streamed_thought(thought), *used, *anthropic_end("tool_use")]
    bench.script(in_pieces(SSE, *anthropic_events(*events)), ANTHROPIC.answer("ok"))
    streamed = await bench.stream("anthropic", tools=TOOLS)
    details = [entry for choice in streamed.choices for entry in choice["delta"].get("reasoning_details", ())]
    call = {"id": "toolu_1", "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}}
    message = {"role": "assistant", "content": None, "reasoning_details": details, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": "toolu_1", "content": "Rain."}
    await bench.chat("anthropic", tools=TOOLS, messages=[*HELLO, message, result])
    assert bench.fake.calls[1].body["messages"][1]["content"] == [thought, USED]


SAMPLING = [
    ("claude-opus-4-7", {"temperature": 0.5}, False),
    ("claude-opus-4-8-20260101", {"top_p": 0.5}, False),
    ("claude-sonnet-5", {"top_k": 5}, False),
    ("claude-opus-4-6", {"temperature": 0.5, "top_p": 0.5}, False),
    ("claude-sonnet-4-5-20250929", {"temperature": 0.5, "top_p": 0.5}, False),
    ("claude-opus-4-6", {"temperature": 0.5}, True),
    ("claude-sonnet-4-5-20250929", {"top_p": 0.5}, True),
    ("claude-sonnet-4-20250514", {"temperature": 0.5, "top_p": 0.5}, True),
    ("no-such-model-yet", {"temperature": 0.5, "top_p": 0.5}, True),
]


@pytest.mark.parametrize(("model", "sampling", "is_taken"), SAMPLING)
async def test_sampling_parameters_by_a_table_of_what_models_take(
    bench: Bench, model: str, sampling: Json, is_taken: bool
) -> None:
    bench.script(ANTHROPIC.answer("ok"))
    answered = await bench.chat("anthropic", model, **sampling)
    if is_taken:
        assert sampling.items() <= bench.sent.items()
    else:
        assert (answered.status, answered.error["code"]) == (400, "unsupported_parameter")


NAMED = {"type": "function", "function": {"name": "look"}}
CHOICES: list[tuple[Json, Json]] = [
    ({"tool_choice": "auto"}, {"type": "auto"}),
    ({"tool_choice": "none"}, {"type": "none"}),
    ({"tool_choice": "required"}, {"type": "any"}),
    ({"tool_choice": NAMED}, {"type": "tool", "name": "look"}),
    ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
    ({"tool_choice": NAMED, "parallel_tool_calls": False}, {"type": "tool", "name": "look", "disable_parallel_tool_use": True}),
]  # fmt: skip


@pytest.mark.parametrize(("members", "expected"), CHOICES, ids=str)
async def test_tool_choice_and_disable_parallel_tool_use(bench: Bench, members: Json, expected: Json) -> None:
    bench.script(ANTHROPIC.answer("ok"))
    assert (await bench.chat("anthropic", tools=TOOLS, **members)).status == 200
    assert bench.sent["tool_choice"] == expected


async def test_output_config_format_is_for_json_schema_from_4_5_on(bench: Bench) -> None:
    bench.script(ANTHROPIC.answer("ok"))
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
    await bench.chat("anthropic", "claude-sonnet-4-5", response_format=schema)
    assert bench.sent["output_config"]["format"] == {"type": "json_schema", "schema": {"type": "object"}}
    answered = await bench.chat("anthropic", "claude-opus-4-1", response_format=schema)
    assert (answered.status, answered.error["code"]) == (400, "unsupported_parameter")


@pytest.mark.parametrize(("count", "is_taken"), [(4, True), (5, False)])
async def test_cache_control_at_four_places_and_no_more(bench: Bench, count: int, is_taken: bool) -> None:
    bench.script(ANTHROPIC.answer("ok"))
    mark = message_pb2.CacheBreakpoint(ttl="1h")
    parts = [message_pb2.Part(text="a", cache_breakpoint=mark) for _ in range(count)]
    request = generation("anthropic", message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=parts))
    if not is_taken:
        request.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    answer = await bench.grpc.generate(request)
    blocks = bench.sent["messages"][0]["content"]
    assert [block.get("cache_control") for block in blocks[:4]] == [{"type": "ephemeral", "ttl": "1h"}] * 4
    assert [warning.field for warning in answer.call.warnings] == (
        [] if is_taken else ["messages[0].parts[4].cache_breakpoint"]
    )
    assert all("cache_control" not in block for block in blocks[4:])


@pytest.mark.parametrize(("theirs", "status"), [("true", 400), ("false", 529)])
async def test_x_should_retry_is_our_own_word_and_not_theirs(bench: Bench, theirs: str, status: int) -> None:
    error = {"type": "error", "error": {"type": "api_error", "message": "no"}}
    bench.script(json_answer(error, status, x_should_retry=theirs))
    answered = await bench.chat("anthropic")
    assert answered.headers["x-should-retry"] == ("true" if status == 529 else "false")


async def test_input_tokens_repeated_in_message_delta_are_not_added(bench: Bench) -> None:
    early = {"input_tokens": 6, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 1, "output_tokens": 1}
    events = [anthropic_start(early), *anthropic_block(0, {"type": "text", "text": ""}, text("a"))]
    bench.script(in_pieces(SSE, *anthropic_events(*events, *anthropic_end("end_turn", ANTHROPIC_USAGE))))
    usage = (await bench.stream("anthropic", stream_options={"include_usage": True})).chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 7)


async def test_a_message_delta_that_repeats_nothing_leaves_the_start_s_counts(bench: Bench) -> None:
    events = [anthropic_start(), *anthropic_block(0, {"type": "text", "text": ""}, text("a"))]
    bench.script(in_pieces(SSE, *anthropic_events(*events, *anthropic_end("end_turn", {"output_tokens": 7}))))
    usage = (await bench.stream("anthropic", stream_options={"include_usage": True})).chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 7)


def text(said: str) -> Json:
    return {"type": "text_delta", "text": said}


async def test_an_error_event_in_mid_stream(bench: Bench) -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    opened = anthropic_block(0, {"type": "text", "text": ""}, text("a"))[:2]
    bench.script(in_pieces(SSE, *anthropic_events(anthropic_start(), *opened, error)))
    streamed = await bench.stream("anthropic")
    assert (streamed.text, streamed.finish, streamed.is_done) == ("a", None, False)
    assert streamed.chunks[-1]["error"]["code"] == "stream_broken"


async def test_a_ping_and_an_empty_first_piece_of_arguments_say_nothing(bench: Bench) -> None:
    pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"a":', "1}")]
    used = anthropic_block(0, {**USED, "input": {}}, *pieces)
    events = [anthropic_start(), {"type": "ping"}, used[0], {"type": "ping"}, *used[1:], *anthropic_end("tool_use")]
    bench.script(in_pieces(SSE, *anthropic_events(*events)))
    streamed = await bench.stream("anthropic", tools=TOOLS)
    assert json.loads(streamed.calls[0]["arguments"]) == {"a": 1}
    assert "ping" not in json.dumps(streamed.chunks)


@pytest.mark.parametrize("kind", ["billing_error", "invalid_request_error"])
async def test_an_account_without_credit_is_the_operator_s_affair(bench: Bench, kind: str) -> None:
    said = "Your credit balance is too low to access the Anthropic API."
    error: dict[str, Any] = {"type": "error", "error": {"type": kind, "message": said}}
    bench.script(json_answer(error, 402 if kind == "billing_error" else 400))
    answered = await bench.chat("anthropic")
    assert (answered.status, answered.error["code"]) == (502, "provider_key_rejected")
    assert "credit" in answered.error["message"]
