"""The checklist for Cohere's second chat API."""

from __future__ import annotations

import pytest

from tests.fakes.canned import json_answer
from tests.fidelity.answers import (
    COHERE_USAGE,
    DIALECTS,
    SSE,
    Call,
    Json,
    anthropic_events,
    cohere_end,
    cohere_event,
    cohere_whole,
)
from tests.fidelity.bench import Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

COHERE = DIALECTS["cohere"]
TOOLS: list[Json] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("look", "ask")
]


async def test_sampling_and_stops_have_cohere_s_names(bench: Bench) -> None:
    bench.script(COHERE.answer("a"))
    await bench.chat("cohere", top_p=0.5, top_k=5, stop=["x"], temperature=0.5)
    assert {"p": 0.5, "k": 5, "stop_sequences": ["x"], "temperature": 0.5}.items() <= bench.sent.items()
    assert not {"top_p", "top_k", "stop"} & bench.sent.keys()


NAMED = {"type": "function", "function": {"name": "ask"}}


@pytest.mark.parametrize(
    ("choice", "sent", "names"),
    [
        ("auto", None, ["look", "ask"]),
        ("required", "REQUIRED", ["look", "ask"]),
        ("none", "NONE", ["look", "ask"]),
        (NAMED, "REQUIRED", ["ask"]),
    ],
)
async def test_tool_choice_is_required_or_none_and_a_named_tool_is_the_only_one(
    bench: Bench, choice: object, sent: str | None, names: list[str]
) -> None:
    bench.script(COHERE.answer("a"))
    await bench.chat("cohere", tools=TOOLS, tool_choice=choice)
    assert bench.sent.get("tool_choice") == sent
    assert [tool["function"]["name"] for tool in bench.sent["tools"]] == names


@pytest.mark.parametrize("stream", [False, True])
async def test_a_tool_plan_is_reasoning_and_never_text(bench: Bench, stream: bool) -> None:
    said = ("I will look ", "it up.", Call("look", '{"a":1}'))
    bench.script(COHERE.stream(*said) if stream else COHERE.answer(*said))
    if stream:
        streamed = await bench.stream("cohere", tools=TOOLS)
        assert (streamed.text, streamed.thoughts) == ("", "I will look it up.")
    else:
        message = (await bench.chat("cohere", tools=TOOLS)).message
        assert (message["content"], message["reasoning_content"]) == (None, "I will look it up.")


async def test_a_tool_plan_goes_back_as_one(bench: Bench) -> None:
    bench.script(COHERE.answer("I look.", Call("look", '{"a":1}', "look_1")), COHERE.answer("ok"))
    message = (await bench.chat("cohere", tools=TOOLS)).message
    result = {"role": "tool", "tool_call_id": "look_1", "content": "Rain."}
    await bench.chat("cohere", tools=TOOLS, messages=[{"role": "user", "content": "Hi"}, message, result])
    sent = bench.fake.calls[1].body["messages"][1]
    assert sent["tool_plan"] == "I look."
    assert not sent.get("content")


ENDS = [
    ("COMPLETE", "stop"),
    ("STOP_SEQUENCE", "stop"),
    ("MAX_TOKENS", "length"),
    ("ERROR_TOXIC", "content_filter"),
    ("ERROR_LIMIT", "length"),
]


@pytest.mark.parametrize(("word", "expected"), ENDS)
async def test_finish_reasons(bench: Bench, word: str, expected: str) -> None:
    bench.script(COHERE.answer("a", word=word))
    choice = (await bench.chat("cohere")).choice
    assert (choice["finish_reason"], choice["native_finish_reason"]) == (expected, word)


async def test_calls_end_with_tool_call(bench: Bench) -> None:
    bench.script(COHERE.answer(Call("look", '{"a":1}')))
    choice = (await bench.chat("cohere", tools=TOOLS)).choice
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("tool_calls", "TOOL_CALL")


@pytest.mark.parametrize("word", ["ERROR", "TIMEOUT"])
async def test_an_error_at_a_message_s_end_inside_a_200_is_no_success(bench: Bench, word: str) -> None:
    frames = COHERE.frames(("a",), "COMPLETE")[:-1]
    bench.script(in_pieces(SSE, *frames, *anthropic_events(cohere_end(word, error="it broke"))))
    streamed = await bench.stream("cohere")
    assert (streamed.text, streamed.finish, streamed.is_done) == ("a", None, False)
    assert streamed.chunks[-1]["error"]["code"] == "stream_broken"
    assert "it broke" in streamed.chunks[-1]["error"]["message"]


async def test_tokens_count_and_not_what_was_billed(bench: Bench) -> None:
    bench.script(COHERE.answer("a"))
    usage = (await bench.chat("cohere")).body["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 7)
    assert usage["billed_units"] == COHERE_USAGE["billed_units"]


@pytest.mark.parametrize(
    ("status", "ours", "code"), [(498, 400, "content_filter"), (499, 502, "provider_bad_response")]
)
async def test_cohere_s_own_statuses(bench: Bench, status: int, ours: int, code: str) -> None:
    bench.script(json_answer({"message": "no"}, status))
    answered = await bench.chat("cohere")
    assert (answered.status, answered.error["code"]) == (ours, code)


@pytest.mark.parametrize("arguments", [None, ""])
@pytest.mark.parametrize("stream", [False, True])
async def test_null_and_empty_arguments_are_an_empty_object(bench: Bench, arguments: str | None, stream: bool) -> None:
    call = {"id": "ask_1", "type": "function", "function": {"name": "ask", "arguments": arguments}}
    if stream:
        start = cohere_event("message-start", role="assistant")
        begun = cohere_event("tool-call-start", 0, tool_calls=call)
        ended = {"type": "tool-call-end", "index": 0}
        bench.script(in_pieces(SSE, *anthropic_events(start, begun, ended, cohere_end("TOOL_CALL"))))
        (made,) = (await bench.stream("cohere", tools=TOOLS)).calls.values()
        assert made["arguments"] == "{}"
    else:
        body = cohere_whole((Call("ask"),), "TOOL_CALL")
        body["message"]["tool_calls"] = [call]
        bench.script(json_answer(body))
        (made,) = (await bench.chat("cohere", tools=TOOLS)).message["tool_calls"]
        assert made["function"]["arguments"] == "{}"


async def test_a_stream_needs_no_done(bench: Bench) -> None:
    bench.script(COHERE.stream("a"), in_pieces(SSE, *COHERE.frames(("b",), "COMPLETE"), b"data: [DONE]\n\n"))
    assert (await bench.stream("cohere")).is_done
    assert (await bench.stream("cohere")).text == "b"
