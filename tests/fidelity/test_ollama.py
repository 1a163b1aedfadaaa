"""The checklist for Ollama."""

from __future__ import annotations

import base64
import json

import pytest

from tests.fakes.canned import json_answer
from tests.fidelity.answers import DIALECTS, OLLAMA_COUNTS, Call, Json, ollama_line
from tests.fidelity.bench import HELLO, Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

OLLAMA = DIALECTS["ollama"]
TOOLS: list[Json] = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


async def test_streams_are_lines_of_json_without_a_terminal_of_their_own(bench: Bench) -> None:
    lines = b"".join(OLLAMA.frames(("a", "b"), "stop"))
    assert b"data:" not in lines
    bench.script(in_pieces(OLLAMA.media_type, lines[:7], lines[7:].rstrip()))
    streamed = await bench.stream("ollama")
    assert (streamed.text, streamed.finish, streamed.is_done) == ("ab", "stop", True)


@pytest.mark.parametrize("stream", [False, True])
async def test_arguments_are_an_object_there_and_text_here(bench: Bench, stream: bool) -> None:
    call = Call("look", '{"city": "Oslo"}')
    bench.script(OLLAMA.stream(call) if stream else OLLAMA.answer(call), OLLAMA.answer("ok"))
    if stream:
        (made,) = (await bench.stream("ollama", tools=TOOLS)).calls.values()
        call_id, arguments = made["id"], made["arguments"]
    else:
        (whole,) = (await bench.chat("ollama", tools=TOOLS)).message["tool_calls"]
        call_id, arguments = whole["id"], whole["function"]["arguments"]
    assert json.loads(arguments) == {"city": "Oslo"}
    turn = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": call_id, "type": "function", "function": {"name": "look", "arguments": arguments}}],
    }
    result = {"role": "tool", "tool_call_id": call_id, "content": "Rain."}
    await bench.chat("ollama", tools=TOOLS, messages=[*HELLO, turn, result])
    _, called, answered = bench.fake.calls[1].body["messages"]
    assert called["tool_calls"][0]["function"] == {"name": "look", "arguments": {"city": "Oslo"}}
    assert (answered["role"], answered["tool_name"], answered["content"]) == ("tool", "look", "Rain.")


async def test_images_are_bare_base64(bench: Bench) -> None:
    bench.script(OLLAMA.answer("ok"))
    data = base64.b64encode(b"\x89PNG").decode()
    parts = [
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}},
    ]
    await bench.chat("ollama", messages=[{"role": "user", "content": parts}])
    (message,) = bench.sent["messages"]
    assert (message["content"], message["images"]) == ("Look.", [data])


async def test_images_by_address_are_refused(bench: Bench) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://x.example/a.png"}}
    answered = await bench.chat("ollama", messages=[{"role": "user", "content": [image]}])
    assert (answered.status, answered.error["param"]) == (400, "messages[0].content")
    assert bench.fake.calls == []


@pytest.mark.parametrize("stream", [False, True])
async def test_stop_after_calls_waits_for_their_results(bench: Bench, stream: bool) -> None:
    bench.script(OLLAMA.stream(Call("look")) if stream else OLLAMA.answer(Call("look")))
    if stream:
        assert (await bench.stream("ollama", tools=TOOLS)).finish == "tool_calls"
    else:
        assert (await bench.chat("ollama", tools=TOOLS)).choice["finish_reason"] == "tool_calls"


@pytest.mark.parametrize(("characters", "least"), [(10, 4096), (40_000, 10_000), (400_000, 100_000)])
async def test_the_context_holds_what_is_sent(bench: Bench, characters: int, least: int) -> None:
    bench.script(OLLAMA.answer("ok"))
    await bench.chat("ollama", messages=[{"role": "user", "content": "a " * (characters // 2)}])
    assert bench.sent["options"]["num_ctx"] >= least


async def test_the_native_endpoint_is_asked_since_the_other_ignores_the_context(bench: Bench) -> None:
    bench.script(OLLAMA.answer("ok"))
    await bench.chat("ollama")
    assert bench.fake.calls[0].path == "/api/chat"


async def test_durations_in_nanoseconds_are_kept_and_are_no_counts(bench: Bench) -> None:
    bench.script(json_answer(ollama_line("a", "stop")))
    usage = (await bench.chat("ollama")).body["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 7)
    assert usage["total_duration"] == OLLAMA_COUNTS["total_duration"]
