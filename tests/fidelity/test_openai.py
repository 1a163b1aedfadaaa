"""The checklist for OpenAI and Azure OpenAI."""

from __future__ import annotations

import json

import pytest

from tests.fakes.canned import json_answer
from tests.fidelity.answers import DIALECTS, OPENAI_USAGE, SSE, Json, dumps, openai_chunk, openai_whole
from tests.fidelity.bench import HELLO, KEY, Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPENAI = DIALECTS["openai"]
SCHEMA: Json = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}


def frames(*chunks: Json) -> list[bytes]:
    return [*(f"data: {dumps(chunk)}\n\n".encode() for chunk in chunks), b"data: [DONE]\n\n"]


async def test_unknown_members_pass_both_ways(bench: Bench) -> None:
    body = openai_whole(("a",), "stop")
    body["novel"] = 1
    body["choices"][0]["novel_choice"] = 2
    body["choices"][0]["message"]["novel_message"] = 3
    bench.script(json_answer(body))
    message = {"role": "user", "content": "Hi", "novel_turn": 4}
    answered = await bench.chat("openai", messages=[message], novel_member={"a": [1]}, verbosity="low")
    assert answered.body["novel"] == 1
    assert answered.choice["novel_choice"] == 2
    assert answered.message["novel_message"] == 3
    assert (bench.sent["novel_member"], bench.sent["verbosity"]) == ({"a": [1]}, "low")
    assert bench.sent["messages"][0]["novel_turn"] == 4


async def test_unknown_members_of_a_stream_pass(bench: Bench) -> None:
    chunks = [openai_chunk({"content": "a", "novel_message": "x"}, novel=1), openai_chunk({}, "stop")]
    bench.script(in_pieces(SSE, *frames(*chunks)))
    told = dumps((await bench.stream("openai")).chunks)
    assert '"novel": 1' in told
    assert '"novel_message": "x"' in told


async def test_strict_schemas_of_tools_and_of_the_answer(bench: Bench) -> None:
    bench.script(OPENAI.answer("a"))
    tool = {"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True}}
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
    await bench.chat("openai", tools=[tool], response_format=format_)
    assert bench.sent["tools"] == [tool]
    assert bench.sent["response_format"] == format_


async def test_obfuscation_stays_here(bench: Bench) -> None:
    chunks = [openai_chunk({"content": letter}, obfuscation="xyz") for letter in "ab"]
    bench.script(in_pieces(SSE, *frames(*chunks, openai_chunk({}, "stop", obfuscation="x"))))
    streamed = await bench.stream("openai")
    assert streamed.text == "ab"
    assert all("obfuscation" not in chunk for chunk in streamed.chunks)


async def test_azure_s_first_chunk_without_choices_is_no_answer_and_no_fault(bench: Bench) -> None:
    first = {**openai_chunk({}), "id": "", "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]}
    usage = {**openai_chunk({}), "choices": [], "usage": OPENAI_USAGE}
    bench.script(in_pieces(SSE, *frames(first, openai_chunk({"content": "a"}), openai_chunk({}, "stop"), usage)))
    streamed = await bench.stream("azure", stream_options={"include_usage": True})
    assert (streamed.text, streamed.finish, streamed.is_done) == ("a", "stop", True)
    assert streamed.chunks[-1]["usage"]["total_tokens"] == 17
    assert all(chunk["choices"] for chunk in streamed.chunks[:-1])
    assert len({chunk["id"] for chunk in streamed.chunks}) == 1


@pytest.mark.parametrize(
    ("vendor", "path"),
    [
        ("azure", "/openai/v1/chat/completions"),
        ("azure-dated", "/openai/deployments/my%20gpt/chat/completions?api-version=2024-10-21"),
    ],
)
async def test_azure_s_deployment_paths_and_api_key_header(bench: Bench, vendor: str, path: str) -> None:
    bench.script(OPENAI.answer("a"))
    assert (await bench.chat(vendor)).status == 200
    (call,) = bench.fake.calls
    assert call.path == path
    if vendor == "azure":
        assert call.headers["api-key"] == KEY
        assert "authorization" not in call.headers


@pytest.mark.parametrize("stream", [False, True])
async def test_azure_s_content_filter_400_is_a_filter_s(bench: Bench, stream: bool) -> None:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_result": {"hate": {"filtered": True}}}
    error = {"message": "filtered", "type": None, "param": "prompt", "code": "content_filter", "status": 400}
    bench.script(json_answer({"error": {**error, "innererror": inner}}, 400))
    answered = await bench.chat("azure", stream=stream)
    assert (answered.status, answered.error["code"]) == (400, "content_filter")


async def test_azure_s_content_filter_results_are_kept(bench: Bench) -> None:
    body = openai_whole(("a",), "stop")
    body["choices"][0]["content_filter_results"] = {"hate": {"filtered": False}}
    body["prompt_filter_results"] = [{"prompt_index": 0}]
    bench.script(json_answer(body))
    answered = await bench.chat("azure")
    assert answered.choice["content_filter_results"] == {"hate": {"filtered": False}}
    assert answered.body["prompt_filter_results"] == [{"prompt_index": 0}]


async def test_openai_s_account_without_credit_is_no_rate_limit(bench: Bench) -> None:
    error = {"message": "You exceeded your current quota", "type": "insufficient_quota", "code": "insufficient_quota"}
    bench.script(json_answer({"error": error}, 429))
    answered = await bench.chat("openai")
    assert (answered.status, answered.error["code"]) == (502, "provider_key_rejected")
    assert "credit" in answered.error["message"]
    assert answered.headers["x-should-retry"] == "false"


async def test_the_request_s_json_is_utf8(bench: Bench) -> None:
    bench.script(OPENAI.answer("a"))
    await bench.chat("openai", messages=[{"role": "user", "content": "猫 🦊 \u2028"}])
    (call,) = bench.fake.calls
    assert json.loads(call.raw_body)["messages"] == [{**HELLO[0], "content": "猫 🦊 \u2028"}]
