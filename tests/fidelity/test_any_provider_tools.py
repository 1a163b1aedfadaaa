"""Items 11 to 13 of the checklist for any provider: calls of tools, and their results."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.fidelity.answers import (
    DIALECTS,
    SSE,
    Call,
    Json,
    anthropic_events,
    anthropic_start,
    cohere_end,
    cohere_event,
    dumps,
    gemini_answer,
    openai_chunk,
)
from tests.fidelity.bench import HELLO, Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

every_dialect = pytest.mark.parametrize("vendor", DIALECTS)
TOOLS: list[Json] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("look", "ask")
]
CALLS = (Call("look", '{"city": "Oslo"}', "a00000001"), Call("ask", "{}", "b00000002"))


# 11. Parallel tool calls.


@every_dialect
async def test_11_parallel_calls_are_numbered_from_0_by_tool_and_not_by_block(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS[vendor].stream("Let me see.", *CALLS))
    streamed = await bench.stream(vendor, tools=TOOLS)
    assert [(n, call["name"], json.loads(call["arguments"])) for n, call in sorted(streamed.calls.items())] == [
        (0, "look", {"city": "Oslo"}),
        (1, "ask", {}),
    ]
    assert len({call["id"] for call in streamed.calls.values()}) == 2
    assert streamed.finish == "tool_calls"


@pytest.mark.parametrize("indexes", [(None, None), (0, 0), (0, 1), (3, 7)], ids=str)
async def test_11_calls_without_an_index_or_all_with_0_stay_apart(
    bench: Bench, indexes: tuple[int | None, int | None]
) -> None:
    chunks = []
    for call, index in zip(CALLS, indexes, strict=True):
        function = {"name": call.name, "arguments": call.arguments}
        place = {} if index is None else {"index": index}
        chunks.append(openai_chunk({"tool_calls": [{**place, "id": call.id, "function": function}]}))
    chunks.append(openai_chunk({}, "tool_calls"))
    bench.script(in_pieces(SSE, *(f"data: {dumps(chunk)}\n\n".encode() for chunk in chunks), b"data: [DONE]\n\n"))
    calls = (await bench.stream("vllm", tools=TOOLS)).calls
    assert [(number, call["name"], call["arguments"]) for number, call in sorted(calls.items())] == [
        (0, "look", '{"city": "Oslo"}'),
        (1, "ask", "{}"),
    ]


# 12. Tools without arguments.

NO_ARGUMENTS: dict[str, list[bytes]] = {
    "openai": [
        f"data: {dumps(openai_chunk({'tool_calls': [{'index': 0, 'id': 'a', 'function': {'name': 'ask'}}]}))}\n\n".encode(),
        f"data: {dumps(openai_chunk({}, 'tool_calls'))}\n\n".encode(),
        b"data: [DONE]\n\n",
    ],
    "cohere": anthropic_events(
        cohere_event("message-start", role="assistant"),
        cohere_event("tool-call-start", 0, tool_calls={"id": "a", "type": "function", "function": {"name": "ask"}}),
        {"type": "tool-call-end", "index": 0},
        cohere_end("TOOL_CALL"),
    ),
    "gemini": [f"data: {dumps(gemini_answer({'functionCall': {'name': 'ask'}}, word='STOP'))}\r\n\r\n".encode()],
    "anthropic": DIALECTS["anthropic"].frames((Call("ask"),), "tool_use"),
    "bedrock": DIALECTS["bedrock"].frames((Call("ask"),), "tool_use"),
    "ollama": DIALECTS["ollama"].frames((Call("ask"),), "stop"),
}


@every_dialect
async def test_12_a_call_without_arguments_adds_up_to_an_empty_object(bench: Bench, vendor: str) -> None:
    bench.script(in_pieces(DIALECTS[vendor].media_type, *NO_ARGUMENTS[vendor]))
    (call,) = (await bench.stream(vendor, tools=TOOLS)).calls.values()
    assert (call["name"], call["arguments"]) == ("ask", "{}")


async def test_12_an_empty_object_at_the_start_and_pieces_after_it_do_not_add_up(bench: Bench) -> None:
    block = {"type": "tool_use", "id": "a", "name": "look", "input": {}}
    piece = {"type": "input_json_delta", "partial_json": '{"city": "Oslo"}'}
    bench.script(
        in_pieces(
            SSE,
            *anthropic_events(
                anthropic_start(),
                {"type": "content_block_start", "index": 0, "content_block": block},
                {"type": "content_block_delta", "index": 0, "delta": piece},
                {"type": "content_block_stop", "index": 0},
                {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 1}},
                {"type": "message_stop"},
            ),
        )
    )
    assert (await bench.stream("anthropic", tools=TOOLS)).calls[0]["arguments"] == '{"city": "Oslo"}'


def asked(*results: tuple[str, str], text: str = "", arguments: str = "{}") -> list[Json]:
    """Return a conversation in which both tools were called, and what they returned."""
    calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}} for call in CALLS
    ]
    answers = [{"role": "tool", "tool_call_id": made, "content": output} for made, output in results]
    said = [{"role": "user", "content": text}] if text else []
    return [*HELLO, {"role": "assistant", "content": None, "tool_calls": calls}, *answers, *said]


BOTH = (("a00000001", "Rain."), ("b00000002", "Yes."))
# Where a call's arguments lie in what is sent.
SENT_ARGUMENTS: dict[str, Any] = {
    "anthropic": lambda body: body["messages"][1]["content"][0]["input"],
    "bedrock": lambda body: body["messages"][1]["content"][0]["toolUse"]["input"],
    "cohere": lambda body: json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]),
    "gemini": lambda body: body["contents"][1]["parts"][0]["functionCall"]["args"],
    "ollama": lambda body: body["messages"][1]["tool_calls"][0]["function"]["arguments"],
    "openai": lambda body: json.loads(body["messages"][1]["tool_calls"][0]["function"]["arguments"]),
}


@every_dialect
async def test_12_empty_arguments_may_come_back(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS[vendor].answer("ok"))
    answered = await bench.chat(vendor, tools=TOOLS, messages=asked(*BOTH, arguments=""))
    assert answered.message["content"] == "ok"
    assert SENT_ARGUMENTS[vendor](bench.sent) == {}


# 13. Tool results.


async def test_13_anthropic_gets_all_results_in_one_user_message_before_text(bench: Bench) -> None:
    bench.script(DIALECTS["anthropic"].answer("ok"))
    await bench.chat("anthropic", tools=TOOLS, messages=asked(*BOTH, text="And?"))
    *_, last = bench.sent["messages"]
    assert last["role"] == "user"
    assert [block["type"] for block in last["content"]] == ["tool_result", "tool_result", "text"]


async def test_13_bedrock_gets_all_results_in_one_user_message_before_text(bench: Bench) -> None:
    bench.script(DIALECTS["bedrock"].answer("ok"))
    await bench.chat("bedrock", tools=TOOLS, messages=asked(*BOTH, text="And?"))
    *_, last = bench.sent["messages"]
    assert last["role"] == "user"
    assert [next(iter(block)) for block in last["content"]] == ["toolResult", "toolResult", "text"]


async def test_13_google_gets_all_results_in_one_content_by_their_tools_names(bench: Bench) -> None:
    bench.script(DIALECTS["gemini"].answer("ok"))
    await bench.chat("gemini", tools=TOOLS, messages=asked(*BOTH))
    *_, last = bench.sent["contents"]
    assert last["role"] == "user"
    assert [part["functionResponse"]["name"] for part in last["parts"]] == ["look", "ask"]


@pytest.mark.parametrize("vendor", ["anthropic", "bedrock"])
async def test_13_a_call_whose_result_is_missing_is_refused_by_name(bench: Bench, vendor: str) -> None:
    answered = await bench.chat(vendor, tools=TOOLS, messages=asked(BOTH[0], text="And?"))
    assert (answered.status, answered.error["param"]) == (400, "messages[1].tool_calls")
    assert bench.fake.calls == []


EMPTY: dict[str, Any] = {
    "anthropic": lambda body: body["messages"][-1]["content"][0].get("content", "absent"),
    "bedrock": lambda body: body["messages"][-1]["content"][0]["toolResult"]["content"],
    "cohere": lambda body: body["messages"][2]["content"],
    "gemini": lambda body: body["contents"][-1]["parts"][0]["functionResponse"]["response"],
    "ollama": lambda body: body["messages"][2]["content"],
    "openai": lambda body: body["messages"][2]["content"],
}
SENT_EMPTY = {"anthropic": "absent", "bedrock": [{"text": "(no output)"}], "gemini": {"output": ""}}


@every_dialect
async def test_13_an_empty_result_is_sent_as_the_provider_takes_it(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS[vendor].answer("ok"))
    answered = await bench.chat(vendor, tools=TOOLS, messages=asked(("a00000001", ""), BOTH[1]))
    assert answered.message["content"] == "ok"
    assert EMPTY[vendor](bench.sent) == SENT_EMPTY.get(vendor, "")


async def test_13_an_empty_message_of_the_user_s_has_a_placeholder_at_anthropic(bench: Bench) -> None:
    bench.script(DIALECTS["anthropic"].answer("ok"))
    await bench.chat("anthropic", messages=[{"role": "user", "content": ""}])
    assert bench.sent["messages"] == [{"role": "user", "content": "(empty)"}]


async def test_13_an_empty_message_of_the_user_s_is_refused_for_bedrock(bench: Bench) -> None:
    answered = await bench.chat("bedrock", messages=[{"role": "user", "content": ""}])
    assert (answered.status, answered.error["param"]) == (400, "messages[0].content")
    assert bench.fake.calls == []
