"""The checklist for Mistral."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.fakes.canned import json_answer
from tests.fidelity.answers import DIALECTS, OPENAI_USAGE, SSE, Call, Json, dumps, openai_chunk, openai_whole
from tests.fidelity.bench import HELLO, Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPENAI = DIALECTS["openai"]
TOOLS: list[Json] = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
NINE = re.compile(r"[a-zA-Z0-9]{9}")


@pytest.mark.parametrize("given", ["call_9f8e7d6c5b4a39281706", "toolu_01", "abcDEF123"])
async def test_tool_ids_are_nine_alphanumerics_in_the_call_and_in_the_result(bench: Bench, given: str) -> None:
    call = {"id": given, "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turn = {"role": "assistant", "content": None, "tool_calls": [call]}
    result = {"role": "tool", "tool_call_id": given, "content": "Rain."}
    bench.script(OPENAI.answer("a"), OPENAI.answer("b"))
    await bench.chat("mistral", tools=TOOLS, messages=[*HELLO, turn, result])
    more = [{"role": "assistant", "content": "a"}, {"role": "user", "content": "And?"}]
    await bench.chat("mistral", tools=TOOLS, messages=[*HELLO, turn, result, *more])
    ids = {
        made
        for sent in bench.fake.calls
        for made in (sent.body["messages"][1]["tool_calls"][0]["id"], sent.body["messages"][2]["tool_call_id"])
    }
    assert len(ids) == 1
    assert NINE.fullmatch(ids.pop())
    assert NINE.fullmatch(given) is None or bench.fake.calls[0].body["messages"][2]["tool_call_id"] == given


async def test_an_id_of_mistral_s_own_comes_back_as_it_was(bench: Bench) -> None:
    bench.script(OPENAI.answer(Call("look", "{}", "abcDEF123")))
    (call,) = (await bench.chat("mistral", tools=TOOLS)).message["tool_calls"]
    assert call["id"] == "abcDEF123"


async def test_nothing_extra_is_sent_since_it_is_a_422(bench: Bench) -> None:
    bench.script(OPENAI.stream("a"))
    turns = [
        {"role": "developer", "content": "Be kind."},
        *HELLO,
        {"role": "assistant", "content": "a", "refusal": None},
        *HELLO,
    ]
    await bench.stream("mistral", messages=turns, max_completion_tokens=5)
    assert bench.sent.keys() == {"model", "messages", "max_tokens", "stream"}
    assert [message.keys() for message in bench.sent["messages"]] == [{"role", "content"}] * 4


@pytest.mark.parametrize("name", ["user", "logit_bias", "service_tier"])
async def test_what_mistral_has_no_member_for_is_refused_by_name(bench: Bench, name: str) -> None:
    values: Json = {"user": "u", "logit_bias": {"1": 1}, "service_tier": "flex"}
    answered = await bench.chat("mistral", **{name: values[name]})
    assert (answered.status, answered.error["code"], answered.error["param"]) == (400, "unsupported_parameter", name)


async def test_the_seed_is_random_seed(bench: Bench) -> None:
    bench.script(OPENAI.answer("a"))
    await bench.chat("mistral", seed=7)
    assert bench.sent["random_seed"] == 7
    assert "seed" not in bench.sent


CONTENT: list[Json] = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
    {"type": "text", "text": "Yes."},
]


@pytest.mark.parametrize("stream", [False, True])
async def test_content_may_be_a_list_with_thinking(bench: Bench, stream: bool) -> None:
    if stream:
        chunks = [openai_chunk({"content": [piece]}) for piece in CONTENT]
        last = openai_chunk({"content": ""}, "stop", usage=OPENAI_USAGE)
        frames = [f"data: {dumps(chunk)}\n\n".encode() for chunk in (*chunks, last)]
        bench.script(in_pieces(SSE, *frames, b"data: [DONE]\n\n"))
        streamed = await bench.stream("mistral")
        assert (streamed.text, streamed.thoughts) == ("Yes.", "Hm.")
    else:
        body = openai_whole(("",), "stop")
        body["choices"][0]["message"]["content"] = CONTENT
        bench.script(json_answer(body), OPENAI.answer("ok"))
        message = (await bench.chat("mistral")).message
        assert (message["content"], message["reasoning_content"]) == ("Yes.", "Hm.")
        await bench.chat("mistral", messages=[*HELLO, message, *HELLO])
        assert bench.fake.calls[1].body["messages"][1]["content"] == CONTENT


ERRORS: list[tuple[int, Any, str]] = [
    (422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "x"], "msg": "Extra inputs"}]}, "Extra inputs"),
    (401, {"detail": "Unauthorized"}, ""),
    (400, {"object": "error", "message": "Invalid model: x", "type": "invalid_model", "code": "1500"}, "Invalid model"),
    (400, {"object": "error", "message": {"detail": [{"msg": "Bad role"}]}, "type": "x", "code": None}, "Bad role"),
]


@pytest.mark.parametrize(("status", "body", "said"), ERRORS)
async def test_error_bodies_are_read_in_either_shape(bench: Bench, status: int, body: Any, said: str) -> None:
    bench.script(json_answer(body, status))
    answered = await bench.chat("mistral")
    assert answered.status == (502 if status == 401 else 404 if "Invalid model" in said else 400)
    assert said in answered.error["message"]


async def test_usage_comes_on_the_last_chunk_that_has_choices_without_being_asked(bench: Bench) -> None:
    chunks = [openai_chunk({"content": "a"}), openai_chunk({"content": ""}, "stop", usage=OPENAI_USAGE)]
    bench.script(in_pieces(SSE, *(f"data: {dumps(chunk)}\n\n".encode() for chunk in chunks), b"data: [DONE]\n\n"))
    streamed = await bench.stream("mistral", stream_options={"include_usage": True})
    assert "stream_options" not in bench.sent
    assert streamed.chunks[-1]["choices"] == []
    assert streamed.chunks[-1]["usage"]["total_tokens"] == 17
