"""The checklist for xAI, vLLM, llama.cpp, Groq and DeepSeek."""

from __future__ import annotations

import pytest

from tests.fakes.canned import Canned, json_answer
from tests.fidelity.answers import DIALECTS, OPENAI_USAGE, SSE, Json, dumps, openai_chunk, openai_whole
from tests.fidelity.bench import HELLO, Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPENAI = DIALECTS["openai"]
DONE = b"data: [DONE]\n\n"
USAGE = {"include_usage": True}


def data(chunk: Json) -> bytes:
    return f"data: {dumps(chunk)}\n\n".encode()


@pytest.mark.parametrize("stream", [False, True])
async def test_xai_leaves_reasoning_out_of_completion_tokens(bench: Bench, stream: bool) -> None:
    counted = {
        "prompt_tokens": 10,
        "completion_tokens": 2,
        "total_tokens": 17,
        "completion_tokens_details": {"reasoning_tokens": 5},
    }
    if stream:
        chunks = [
            openai_chunk({"content": "a"}),
            openai_chunk({}, "stop"),
            {**openai_chunk({}), "choices": [], "usage": counted},
        ]
        bench.script(in_pieces(SSE, *map(data, chunks), DONE))
        usage = (await bench.stream("xai", stream_options=USAGE)).chunks[-1]["usage"]
    else:
        bench.script(json_answer({**openai_whole(("a",), "stop"), "usage": counted}))
        usage = (await bench.chat("xai")).body["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]) == (10, 7, 17)
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 5


@pytest.mark.parametrize(
    ("vendor", "member"), [("vllm", "reasoning"), ("vllm", "reasoning_content"), ("groq", "reasoning"), ("deepseek", "reasoning_content"), ("llamacpp", "reasoning_content")]
)  # fmt: skip
@pytest.mark.parametrize("stream", [False, True])
async def test_thoughts_are_read_under_either_name(bench: Bench, vendor: str, member: str, stream: bool) -> None:
    if stream:
        chunks = [openai_chunk({member: "Hm."}), openai_chunk({"content": "a"}), openai_chunk({}, "stop")]
        bench.script(in_pieces(SSE, *map(data, chunks), DONE))
        streamed = await bench.stream(vendor)
        assert (streamed.thoughts, streamed.text) == ("Hm.", "a")
    else:
        body = openai_whole(("a",), "stop")
        body["choices"][0]["message"][member] = "Hm."
        bench.script(json_answer(body))
        message = (await bench.chat(vendor)).message
        assert (message["reasoning_content"], message["content"]) == ("Hm.", "a")


async def test_thoughts_go_back_to_vllm_under_its_name(bench: Bench) -> None:
    bench.script(OPENAI.answer("ok"))
    await bench.chat(
        "vllm", messages=[*HELLO, {"role": "assistant", "content": "a", "reasoning_content": "Hm."}, *HELLO]
    )
    assert bench.sent["messages"][1] == {"role": "assistant", "content": "a", "reasoning": "Hm."}


async def test_groq_s_usage_lies_in_x_groq(bench: Bench) -> None:
    last = openai_chunk({}, "stop", x_groq={"id": "req_1", "usage": OPENAI_USAGE})
    first = openai_chunk({"content": "a"}, x_groq={"id": "req_1"})
    bench.script(in_pieces(SSE, data(first), data(last), DONE))
    usage = (await bench.stream("groq", stream_options=USAGE)).chunks[-1]["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (10, 7)


FAILED: Json = {
    "error": {
        "message": "Failed to call a function. Please adjust your prompt.",
        "type": "invalid_request_error",
        "code": "tool_use_failed",
        "failed_generation": "<function=look>",
        "status_code": 400,
    }
}


async def test_groq_s_failed_generation_is_an_error_event(bench: Bench) -> None:
    frames = [data(openai_chunk({"content": "a"})), b"event: error\n" + data(FAILED)]
    bench.script(in_pieces(SSE, *frames))
    streamed = await bench.stream("groq")
    assert (streamed.text, streamed.finish, streamed.is_done) == ("a", None, False)
    assert streamed.chunks[-1]["error"]["code"] == "stream_broken"
    assert "Failed to call a function" in streamed.chunks[-1]["error"]["message"]


async def test_groq_s_failed_generation_before_content_is_its_status(bench: Bench) -> None:
    bench.script(in_pieces(SSE, data(openai_chunk({"role": "assistant"})), b"event: error\n" + data(FAILED)))
    answered = await bench.chat("groq", stream=True)
    assert (answered.status, answered.error["code"]) == (400, "provider_rejected_request")


@pytest.mark.parametrize("stream", [False, True])
async def test_deepseek_s_400s_are_json_whatever_their_type(bench: Bench, stream: bool) -> None:
    error = {"error": {"message": "Model Not Exist", "type": "invalid_request_error", "code": "invalid_request_error"}}
    bench.script(Canned(dumps(error).encode(), "application/octet-stream", 400))
    answered = await bench.chat("deepseek", stream=stream)
    assert answered.status == 400
    assert "Model Not Exist" in answered.error["message"]


async def test_deepseek_s_402_is_an_empty_account(bench: Bench) -> None:
    bench.script(json_answer({"error": {"message": "Insufficient Balance", "type": "unknown_error"}}, 402))
    answered = await bench.chat("deepseek")
    assert (answered.status, answered.error["code"]) == (502, "provider_key_rejected")


async def test_deepseek_s_cache_hits_are_cached_tokens(bench: Bench) -> None:
    counted = {"prompt_tokens": 10, "completion_tokens": 7, "total_tokens": 17, "prompt_cache_hit_tokens": 6}
    bench.script(json_answer({**openai_whole(("a",), "stop"), "usage": counted}))
    usage = (await bench.chat("deepseek")).body["usage"]
    assert usage["prompt_tokens_details"]["cached_tokens"] == 6


async def test_deepseek_s_usage_comes_on_the_last_chunk_that_has_choices(bench: Bench) -> None:
    last = openai_chunk({"content": ""}, "stop", usage=OPENAI_USAGE)
    bench.script(in_pieces(SSE, data(openai_chunk({"content": "a"})), data(last), DONE))
    streamed = await bench.stream("deepseek", stream_options=USAGE)
    assert (streamed.chunks[-1]["choices"], streamed.chunks[-1]["usage"]["total_tokens"]) == ([], 17)


@pytest.mark.parametrize("vendor", ["mistral", "groq", "xai", "deepseek", "openrouter"])
async def test_a_stream_that_ends_without_done_is_broken(bench: Bench, vendor: str) -> None:
    bench.script(in_pieces(SSE, data(openai_chunk({"content": "a"}))))
    streamed = await bench.stream(vendor)
    assert (streamed.text, streamed.is_done) == ("a", False)
    assert streamed.chunks[-1]["error"]["code"] == "stream_broken"
