"""The checklist for OpenRouter."""

from __future__ import annotations

import aiohttp
import pytest

from tests.fakes.canned import json_answer
from tests.fidelity.answers import DIALECTS, OPENAI_USAGE, SSE, Json, dumps, openai_chunk, openai_whole
from tests.fidelity.bench import HELLO, NARROW_KEY, Bench, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPENAI = DIALECTS["openai"]
COSTLY = {**OPENAI_USAGE, "cost": 0.00014, "cost_details": {"upstream_inference_cost": None}}
COMMENT = b": OPENROUTER PROCESSING\n\n"
DONE = b"data: [DONE]\n\n"


def data(chunk: Json) -> bytes:
    return f"data: {dumps(chunk)}\n\n".encode()


async def test_comments_and_usage_on_the_last_chunk_with_a_choice(bench: Bench) -> None:
    last = openai_chunk({"role": "assistant", "content": ""}, "stop", usage=COSTLY)
    bench.script(in_pieces(SSE, COMMENT, COMMENT, data(openai_chunk({"content": "a"})), COMMENT, data(last), DONE))
    streamed = await bench.stream("openrouter", stream_options={"include_usage": True})
    assert (streamed.text, streamed.finish, streamed.is_done) == ("a", "stop", True)
    *others, usage = streamed.chunks
    assert [chunk["usage"] for chunk in others] == [None] * len(others)
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 17)


@pytest.mark.parametrize("has_choices", [True, False])
async def test_an_error_object_inside_a_200_stream(bench: Bench, has_choices: bool) -> None:
    error = {"code": 502, "message": "Provider disconnected"}
    broken = {**openai_chunk({"content": ""}, "error"), "error": error}
    if not has_choices:
        broken["choices"] = []
    bench.script(in_pieces(SSE, data(openai_chunk({"content": "a"})), data(broken), DONE))
    streamed = await bench.stream("openrouter")
    assert (streamed.text, streamed.finish, streamed.is_done) == ("a", None, False)
    assert "Provider disconnected" in streamed.chunks[-1]["error"]["message"]


async def test_an_error_within_a_choice_of_a_whole_answer(bench: Bench) -> None:
    body = openai_whole(("",), "error")
    body["choices"][0]["error"] = {"code": 429, "message": "Upstream limit"}
    bench.script(json_answer(body))
    answered = await bench.chat("openrouter")
    assert (answered.status, answered.error["code"]) == (429, "rate_limit_exceeded")


@pytest.mark.parametrize("stream", [False, True])
async def test_native_finish_reason_provider_cost_and_reasoning_details_are_kept(bench: Bench, stream: bool) -> None:
    details = [{"type": "reasoning.text", "text": "Hm.", "signature": "c2ln", "index": 0}]
    said: Json = {"content": "a", "reasoning": "Hm.", "reasoning_details": details}
    if stream:
        first = openai_chunk(said, provider="Anthropic")
        last = openai_chunk({}, "stop", provider="Anthropic", usage=COSTLY)
        last["choices"][0]["native_finish_reason"] = "end_turn"
        bench.script(in_pieces(SSE, data(first), data(last), DONE))
        streamed = await bench.stream("openrouter", stream_options={"include_usage": True})
        told, choice, usage = dumps(streamed.chunks), streamed.choices[-1], streamed.chunks[-1]["usage"]
        assert '"provider": "Anthropic"' in told
    else:
        body = openai_whole(("a",), "stop")
        body |= {"provider": "Anthropic", "usage": COSTLY}
        body["choices"][0]["message"] |= said
        body["choices"][0]["native_finish_reason"] = "end_turn"
        bench.script(json_answer(body))
        answered = await bench.chat("openrouter")
        told, choice, usage = dumps(answered.body), answered.choice, answered.body["usage"]
        assert answered.body["provider"] == "Anthropic"
        assert answered.headers["x-llmgateway-cost-usd"] == "0.000140000"
    assert choice["native_finish_reason"] == "end_turn"
    assert '"signature": "c2ln"' in told
    assert (usage["cost"], usage["cost_details"]) == (COSTLY["cost"], COSTLY["cost_details"])


async def test_reasoning_details_go_back(bench: Bench) -> None:
    bench.script(OPENAI.answer("ok"))
    details = [{"type": "reasoning.encrypted", "data": "b3BhcXVl", "id": "rs_1", "format": "openai-responses-v1"}]
    turn = {"role": "assistant", "content": "a", "reasoning": "Hm.", "reasoning_details": details}
    await bench.chat("openrouter", messages=[*HELLO, turn, *HELLO])
    assert bench.sent["messages"][1]["reasoning_details"] == details
    assert bench.sent["messages"][1]["reasoning"] == "Hm."


STATUSES = [
    (402, 502, "provider_key_rejected"),
    (408, 502, "provider_bad_response"),
    (413, 400, "provider_rejected_request"),
    (524, 502, "provider_bad_response"),
    (529, 503, "provider_overloaded"),
]


@pytest.mark.parametrize(("theirs", "ours", "code"), STATUSES)
@pytest.mark.parametrize("stream", [False, True])
async def test_openrouter_s_statuses(bench: Bench, theirs: int, ours: int, code: str, stream: bool) -> None:
    bench.script(json_answer({"error": {"code": theirs, "message": "no"}}, theirs))
    answered = await bench.chat("openrouter", stream=stream)
    assert (answered.status, answered.error["code"]) == (ours, code)


async def test_402_says_that_the_account_is_empty_and_not_the_caller_s(bench: Bench) -> None:
    said = "This request requires more credits, or fewer max_tokens."
    bench.script(json_answer({"error": {"code": 402, "message": said}}, 402))
    answered = await bench.chat("openrouter")
    assert "credit" in answered.error["message"]
    assert answered.headers["x-should-retry"] == "false"


async def test_provider_preferences_and_models_are_passed_on(bench: Bench) -> None:
    bench.script(OPENAI.answer("a"))
    preferences = {"order": ["anthropic"], "allow_fallbacks": False}
    more = ["openai/gpt-4o", "mistralai/mistral-large"]
    await bench.chat("openrouter", provider=preferences, models=more, route="fallback")
    assert (bench.sent["provider"], bench.sent["models"], bench.sent["route"]) == (preferences, more, "fallback")


@pytest.mark.parametrize(
    ("models", "status", "code"),
    [
        (["good/one"], 200, None),
        (["good/one", "bad/one"], 403, "model_not_allowed"),
        ("good/one", 400, "invalid_value"),
        ([1], 400, "invalid_value"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_models_reach_nothing_that_the_caller_s_key_may_not_use(
    guarded: Bench, models: object, status: int, code: str | None, stream: bool
) -> None:
    guarded.script(OPENAI.stream("a") if stream else OPENAI.answer("a"))
    body = {"model": "openrouter/good/m", "messages": HELLO, "models": models, "stream": stream}
    headers = {"authorization": f"Bearer {NARROW_KEY}"}
    async with (
        aiohttp.ClientSession(guarded.address) as rest,
        rest.post("/v1/chat/completions", json=body, headers=headers) as answer,
    ):
        assert answer.status == status, await answer.text()
        if code is not None:
            assert (await answer.json())["error"]["code"] == code
            assert guarded.fake.calls == []
