"""The checklist for Amazon Bedrock."""

from __future__ import annotations

import pytest

from tests.fakes.canned import Canned, json_answer
from tests.fakes.framing import aws_message
from tests.fidelity.answers import BEDROCK_USAGE, DIALECTS, Call, Json, bedrock_whole
from tests.fidelity.bench import HELLO, Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEDROCK = DIALECTS["bedrock"]
STREAM = BEDROCK.media_type
TOOLS: list[Json] = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
CALLED: list[Json] = [
    *HELLO,
    {"role": "assistant", "content": None, "tool_calls": [{"id": "a", "type": "function", "function": {"name": "look"}}]},
    {"role": "tool", "tool_call_id": "a", "content": "Rain."},
]  # fmt: skip


async def test_a_frame_whose_crc_is_wrong_breaks_the_stream(bench: Bench) -> None:
    frames = BEDROCK.frames(("a", "b"), "end_turn")
    damaged = bytearray(frames[2])
    damaged[-6] ^= 1
    bench.script(in_pieces(STREAM, *frames[:2], bytes(damaged), *frames[3:]))
    body = {"model": "bedrock/m-1", "messages": HELLO, "stream": True}
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        told = await answer.text()
    assert "checksum" in told
    assert "[DONE]" not in told


EXCEPTIONS = [
    ("throttlingException", 429, "rate_limit_exceeded"),
    ("serviceUnavailableException", 503, "provider_overloaded"),
    ("validationException", 400, "provider_rejected_request"),
    ("modelStreamErrorException", 502, "provider_bad_response"),
    ("internalServerException", 502, "provider_bad_response"),
]


@pytest.mark.parametrize(("name", "status", "code"), EXCEPTIONS)
async def test_an_exception_frame_before_content_is_its_status(bench: Bench, name: str, status: int, code: str) -> None:
    bench.script(Canned(aws_message(name, {"message": "no"}, "exception"), STREAM))
    answered = await bench.chat("bedrock", stream=True)
    assert (answered.status, answered.error["code"]) == (status, code)


async def test_an_exception_frame_after_content_breaks_the_stream(bench: Bench) -> None:
    said = b"".join(BEDROCK.frames(("a",), "end_turn")[:2])
    bench.script(in_pieces(STREAM, said, aws_message("throttlingException", {"message": "no"}, "exception")))
    streamed = await bench.stream("bedrock")
    assert (streamed.text, streamed.finish, streamed.is_done) == ("a", None, False)
    assert streamed.chunks[-1]["error"]["code"] == "stream_broken"


async def test_a_colon_in_a_model_s_id_is_encoded_once(bench: Bench) -> None:
    bench.script(BEDROCK.answer("a"))
    await bench.chat("bedrock", "us.anthropic.claude-sonnet-4-20250514-v1:0")
    assert bench.fake.calls[0].path == "/model/us.anthropic.claude-sonnet-4-20250514-v1%3A0/converse"


async def test_tool_choice_none_sends_no_tools(bench: Bench) -> None:
    bench.script(BEDROCK.answer("a"))
    await bench.chat("bedrock", tools=TOOLS, tool_choice="none")
    assert "toolConfig" not in bench.sent


async def test_tool_choice_none_where_the_history_holds_calls_is_refused(bench: Bench) -> None:
    answered = await bench.chat("bedrock", tools=TOOLS, tool_choice="none", messages=CALLED)
    assert (answered.status, answered.error["code"]) == (400, "unsupported_parameter")


async def test_tool_blocks_without_tools_are_refused_by_name(bench: Bench) -> None:
    answered = await bench.chat("bedrock", messages=CALLED)
    assert (answered.status, answered.error["param"]) == (400, "tools")
    assert bench.fake.calls == []


async def test_roles_alternate(bench: Bench) -> None:
    bench.script(BEDROCK.answer("a"))
    twice = [{"role": role, "content": text} for role in ("user", "assistant", "user") for text in ("a", "b")]
    await bench.chat("bedrock", messages=twice)
    assert [(turn["role"], len(turn["content"])) for turn in bench.sent["messages"]] == [
        ("user", 2),
        ("assistant", 2),
        ("user", 2),
    ]


async def test_json_object_has_no_counterpart_and_is_refused(bench: Bench) -> None:
    answered = await bench.chat("bedrock", response_format={"type": "json_object"})
    assert (answered.status, answered.error["code"]) == (400, "unsupported_parameter")
    assert answered.error["param"] == "response_format"
    assert "does not take response_format" in answered.error["message"]


async def test_usage_comes_in_metadata_after_the_stop(bench: Bench) -> None:
    bench.script(BEDROCK.stream("a"))
    usage = (await bench.stream("bedrock", stream_options={"include_usage": True})).chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 7, 17)


async def test_server_tool_usage_and_other_undeclared_members_break_nothing_and_are_kept(bench: Bench) -> None:
    body = bedrock_whole(("a", Call("look", '{"a":1}')), "tool_use")
    body |= {"novel": {"x": 1}, "usage": {**BEDROCK_USAGE, "serverToolUsage": {"webSearch": 1}}}
    body["output"]["message"]["content"].append({"novelBlock": {"x": 1}})
    body["output"]["message"]["content"][1]["toolUse"]["type"] = "server_tool_use_novel"
    bench.script(json_answer(body))
    answered = await bench.chat("bedrock", tools=TOOLS)
    assert answered.message["content"] == "a"
    assert answered.body["usage"]["serverToolUsage"] == {"webSearch": 1}
    assert answered.body["novel"] == {"x": 1}


async def test_undeclared_events_and_members_of_a_stream_break_nothing(bench: Bench) -> None:
    frames = BEDROCK.frames(("a",), "end_turn")
    novel = aws_message("novelEvent", {"p": "abcdefghijklmnop", "x": 1})
    padded = aws_message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "b"}, "p": "abcdef"})
    bench.script(in_pieces(STREAM, frames[0], novel, frames[1], padded, *frames[2:]))
    streamed = await bench.stream("bedrock")
    assert (streamed.text, streamed.is_done) == ("ab", True)
