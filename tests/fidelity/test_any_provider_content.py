"""Items 9, 10 and 14 to 17 of the checklist for any provider: counts, ends, roles, limits, what is not taken, ids."""

from __future__ import annotations

from typing import Any

import pytest
from llmgateway.v1 import generation_pb2

from tests.fakes.canned import Canned, json_answer
from tests.fidelity.answers import (
    DIALECTS,
    SSE,
    Call,
    Json,
    dumps,
    gemini_whole,
    openai_chunk,
    openai_whole,
)
from tests.fidelity.bench import HELLO, Bench, generation, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

every_dialect = pytest.mark.parametrize("vendor", DIALECTS)
TOOLS: list[Json] = [
    {"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in ("look", "ask")
]
CALLS = (Call("look", '{"city": "Oslo"}', "a00000001"), Call("ask", "{}", "b00000002"))
USAGE = {"include_usage": True}


# 9. Cached tokens.


@every_dialect
@pytest.mark.parametrize("stream", [False, True])
async def test_09_cached_tokens_are_a_part_of_the_prompt_s_whoever_counts(
    bench: Bench, vendor: str, stream: bool
) -> None:
    dialect = DIALECTS[vendor]
    bench.script(dialect.stream("a") if stream else dialect.answer("a"))
    if stream:
        usage = (await bench.stream(vendor, stream_options=USAGE)).chunks[-1]["usage"]
    else:
        usage = (await bench.chat(vendor)).body["usage"]
    prompt, cached, written, completion = dialect.usage
    details = usage["prompt_tokens_details"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, completion)
    assert usage["total_tokens"] == prompt + completion
    assert (details["cached_tokens"], details.get("cache_write_tokens", 0)) == (cached, written)


# 10. How an answer ended.

WORDS: list[tuple[str, str, str]] = [
    ("anthropic", "max_tokens", "length"),
    ("anthropic", "model_context_window_exceeded", "length"),
    ("anthropic", "stop_sequence", "stop"),
    ("bedrock", "max_tokens", "length"),
    ("bedrock", "guardrail_intervened", "content_filter"),
    ("bedrock", "content_filtered", "content_filter"),
    ("cohere", "MAX_TOKENS", "length"),
    ("cohere", "ERROR_TOXIC", "content_filter"),
    ("gemini", "MAX_TOKENS", "length"),
    ("gemini", "SAFETY", "content_filter"),
    ("gemini", "RECITATION", "content_filter"),
    ("ollama", "length", "length"),
    ("openai", "length", "length"),
    ("openai", "content_filter", "content_filter"),
    ("mistral", "model_length", "length"),
]


@pytest.mark.parametrize(("vendor", "word", "expected"), WORDS)
@pytest.mark.parametrize("stream", [False, True])
async def test_10_each_provider_s_word_for_an_end_has_openai_s(
    bench: Bench, vendor: str, word: str, expected: str, stream: bool
) -> None:
    dialect = DIALECTS["openai" if vendor == "mistral" else vendor]
    bench.script(dialect.stream("a", word=word) if stream else dialect.answer("a", word=word))
    choice = (await bench.stream(vendor)).choices[-1] if stream else (await bench.chat(vendor)).choice
    assert choice["finish_reason"] == expected
    assert choice.get("native_finish_reason", expected) == word


@every_dialect
@pytest.mark.parametrize("stream", [False, True])
async def test_10_an_unknown_word_is_other_with_the_word_kept(bench: Bench, vendor: str, stream: bool) -> None:
    dialect = DIALECTS[vendor]
    answers = [dialect.answer("a", word="novel"), dialect.stream("a", word="novel")]
    bench.script(answers[stream], answers[stream])
    choice = (await bench.stream(vendor)).choices[-1] if stream else (await bench.chat(vendor)).choice
    assert choice["native_finish_reason"] == "novel"
    call = bench.grpc.stream(generation(vendor)).collect() if stream else bench.grpc.generate(generation(vendor))
    (candidate,) = (await call).candidates
    assert candidate.finish_reason == generation_pb2.FINISH_REASON_OTHER
    assert candidate.provider_finish_reason == "novel"


@pytest.mark.parametrize("stream", [False, True])
async def test_10_an_end_without_a_word_is_no_silent_stop(bench: Bench, stream: bool) -> None:
    if stream:
        bench.script(in_pieces(SSE, f"data: {dumps(openai_chunk({'content': 'a'}))}\n\n".encode(), b"data: [DONE]\n\n"))
        choice = (await bench.stream("vllm")).choices[-1]
    else:
        body = openai_whole(("a",), "stop")
        body["choices"][0]["finish_reason"] = None
        bench.script(json_answer(body))
        answered = await bench.chat("vllm")
        assert "finish_reason" in answered.headers["x-llmgateway-warnings"]
        choice = answered.choice
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("stop", None)


@pytest.mark.parametrize("word", ["pause_turn", "refusal", "compaction"])
async def test_10_anthropic_s_own_words_lose_no_tool_calls(bench: Bench, word: str) -> None:
    bench.script(DIALECTS["anthropic"].answer("a", CALLS[0], word=word))
    choice = (await bench.chat("anthropic", tools=TOOLS)).choice
    assert choice["native_finish_reason"] == word
    assert choice["message"]["tool_calls"][0]["function"]["name"] == "look"


BLOCKED = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 3, "totalTokenCount": 3}}


@pytest.mark.parametrize("stream", [False, True])
async def test_10_a_blocked_prompt_inside_a_200_is_an_answer(bench: Bench, stream: bool) -> None:
    data = dumps(BLOCKED).encode()
    bench.script(Canned(b"data: " + data + b"\r\n\r\n", SSE) if stream else Canned(data))
    choice = (await bench.stream("gemini")).choices[-1] if stream else (await bench.chat("gemini")).choice
    assert (choice["finish_reason"], choice["native_finish_reason"]) == ("content_filter", "SAFETY")


@every_dialect
@pytest.mark.parametrize("stream", [False, True])
async def test_10_an_empty_answer_with_its_terminal_is_a_success(bench: Bench, vendor: str, stream: bool) -> None:
    dialect = DIALECTS[vendor]
    if stream and vendor == "gemini":
        bench.script(in_pieces(SSE, b"data: " + dumps(gemini_whole((), "STOP")).encode() + b"\r\n\r\n"))
    else:
        bench.script(dialect.stream() if stream else dialect.answer())
    if stream:
        streamed = await bench.stream(vendor)
        assert (streamed.text, streamed.finish, streamed.is_done) == ("", "stop", True)
    else:
        assert (await bench.chat(vendor)).message["content"] == ""


def twice(vendor: str) -> Json:
    """Return an answer with a second candidate."""
    body = openai_whole(("a",), "stop") if vendor == "openai" else gemini_whole(("a",), "STOP")
    member = "choices" if vendor == "openai" else "candidates"
    body[member].append({**body[member][0], "index": 1})
    return body


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
@pytest.mark.parametrize("stream", [False, True])
async def test_10_candidates_that_nobody_asked_for_are_ignored(bench: Bench, vendor: str, stream: bool) -> None:
    done = b"data: [DONE]\n\n" if vendor == "openai" else b""
    pieces = (f"data: {dumps(twice(vendor))}\n\n".encode(), done)
    bench.script(in_pieces(SSE, *pieces) if stream else json_answer(twice(vendor)))
    if stream:
        choices = (await bench.stream(vendor)).choices
        assert {choice["index"] for choice in choices} == {0}
        assert [choice["finish_reason"] for choice in choices][-1] == "stop"
    else:
        answered = await bench.chat(vendor)
        assert answered.message["content"] == "a"
        assert "candidate_count" in answered.headers["x-llmgateway-warnings"]


@pytest.mark.parametrize("vendor", ["openai", "gemini"])
async def test_10_candidates_that_were_asked_for_all_come(bench: Bench, vendor: str) -> None:
    bench.script(json_answer(twice(vendor)))
    assert len((await bench.chat(vendor, n=2)).body["choices"]) == 2


# 14. Developers and later instructions.

SYSTEM: dict[str, Any] = {
    "anthropic": lambda body: body["system"],
    "bedrock": lambda body: body["system"][0]["text"],
    "cohere": lambda body: body["messages"][0]["content"] if body["messages"][0]["role"] == "system" else None,
    "gemini": lambda body: body["systemInstruction"]["parts"][0]["text"],
    "ollama": lambda body: body["messages"][0]["content"] if body["messages"][0]["role"] == "system" else None,
    "openai": lambda body: body["messages"][0]["content"] if body["messages"][0]["role"] == "developer" else None,
    "mistral": lambda body: body["messages"][0]["content"] if body["messages"][0]["role"] == "system" else None,
    "deepseek": lambda body: body["messages"][0]["content"] if body["messages"][0]["role"] == "system" else None,
}


@pytest.mark.parametrize("vendor", SYSTEM)
async def test_14_developer_is_system_unless_the_provider_takes_it(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS.get(vendor, DIALECTS["openai"]).answer("ok"))
    await bench.chat(vendor, messages=[{"role": "developer", "content": "Be kind."}, *HELLO])
    assert SYSTEM[vendor](bench.sent) == "Be kind."


LATER: list[Json] = [
    *HELLO,
    {"role": "assistant", "content": "Yes?"},
    {"role": "user", "content": "And?"},
    {"role": "system", "content": "Be brief."},
]


@pytest.mark.parametrize(("model", "is_taken"), [("claude-opus-4-8", True), ("claude-sonnet-4-5", False)])
async def test_14_a_later_system_message_is_for_newest_claude_alone(bench: Bench, model: str, is_taken: bool) -> None:
    bench.script(DIALECTS["anthropic"].answer("ok"))
    answered = await bench.chat("anthropic", model, messages=LATER)
    if is_taken:
        assert bench.sent["messages"][-1] == {"role": "system", "content": "Be brief."}
    else:
        assert (answered.status, answered.error["code"]) == (400, "unsupported_parameter")


# 15. The limit of the output.

LIMITS: dict[str, Any] = {
    "anthropic": lambda body: body["max_tokens"],
    "azure": lambda body: body["max_completion_tokens"],
    "bedrock": lambda body: body["inferenceConfig"]["maxTokens"],
    "cohere": lambda body: body["max_tokens"],
    "deepseek": lambda body: body["max_tokens"],
    "gemini": lambda body: body["generationConfig"]["maxOutputTokens"],
    "llamacpp": lambda body: body["max_tokens"],
    "mistral": lambda body: body["max_tokens"],
    "ollama": lambda body: body["options"]["num_predict"],
    "openai": lambda body: body["max_completion_tokens"],
}


@pytest.mark.parametrize("vendor", LIMITS)
@pytest.mark.parametrize("member", ["max_tokens", "max_completion_tokens"])
async def test_15_the_limit_has_the_provider_s_name_whatever_the_caller_called_it(
    bench: Bench, vendor: str, member: str
) -> None:
    bench.script(DIALECTS.get(vendor, DIALECTS["openai"]).answer("ok"))
    assert (await bench.chat(vendor, **{member: 50})).status == 200
    assert LIMITS[vendor](bench.sent) == 50
    assert len({"max_tokens", "max_completion_tokens"} & bench.sent.keys()) <= 1


async def test_15_anthropic_gets_a_default(bench: Bench) -> None:
    bench.script(DIALECTS["anthropic"].answer("ok"), DIALECTS["anthropic"].answer("ok"))
    await bench.chat("anthropic")
    await bench.chat("anthropic", "claude-3-haiku-20240307")
    assert [call.body["max_tokens"] for call in bench.fake.calls] == [32_000, 4_096]


# 16. Nothing is ignored.

SCHEMA = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object"}}}
SIX = list("abcdef")
REFUSED: list[tuple[str, str, Json]] = [
    ("anthropic", "response_format", {"response_format": {"type": "json_object"}}),
    ("anthropic", "n", {"n": 2}),
    ("anthropic", "top_logprobs", {"logprobs": True}),
    ("anthropic", "seed", {"seed": 1}),
    ("bedrock", "response_format", {"response_format": {"type": "json_object"}}),
    ("bedrock", "n", {"n": 2}),
    ("bedrock", "top_logprobs", {"logprobs": True}),
    ("bedrock", "seed", {"seed": 1}),
    ("cohere", "n", {"n": 2}),
    ("cohere", "top_logprobs", {"logprobs": True, "top_logprobs": 2}),
    ("cohere", "stop", {"stop": SIX}),
    ("gemini", "stop", {"stop": SIX}),
    ("mistral", "top_logprobs", {"logprobs": True}),
    ("ollama", "n", {"n": 2}),
    ("openrouter", "n", {"n": 2}),
    ("openai", "stop", {"stop": SIX[:5]}),
    ("azure", "stop", {"stop": SIX[:5]}),
]


@pytest.mark.parametrize(("vendor", "name", "members"), REFUSED)
async def test_16_what_the_provider_does_not_take_is_refused_before_it_is_asked(
    bench: Bench, vendor: str, name: str, members: Json
) -> None:
    answered = await bench.chat(vendor, **members)
    assert (answered.status, answered.error["code"], answered.error["param"]) == (400, "unsupported_parameter", name)
    assert bench.fake.calls == []


# Where what the provider does take lies in the body.
TAKEN: list[tuple[str, Json, str]] = [
    ("anthropic", {"response_format": SCHEMA}, '"output_config": {"format": {"type": "json_schema"'),
    ("anthropic", {"stop": SIX}, '"stop_sequences": ["a", "b", "c", "d", "e", "f"]'),
    ("bedrock", {"response_format": SCHEMA}, '"textFormat": {"type": "json_schema"'),
    ("cohere", {"response_format": SCHEMA}, '"response_format": {"type": "json_object", "json_schema"'),
    ("cohere", {"seed": 1, "stop": SIX[:5]}, '"seed": 1, "stop_sequences": ["a", "b", "c", "d", "e"]'),
    ("gemini", {"response_format": SCHEMA}, '"responseJsonSchema": {"type": "object"}'),
    ("gemini", {"n": 2}, '"candidateCount": 2'),
    ("gemini", {"seed": 1, "stop": SIX[:5]}, '"stopSequences": ["a", "b", "c", "d", "e"]'),
    ("gemini", {"logprobs": True, "top_logprobs": 2}, '"logprobs": 2'),
    ("mistral", {"seed": 1}, '"random_seed": 1'),
    ("ollama", {"response_format": SCHEMA}, '"format": {"type": "object"}'),
    ("ollama", {"seed": 1}, '"seed": 1'),
    ("openai", {"response_format": SCHEMA, "seed": 1}, '"response_format": {"type": "json_schema"'),
    ("openai", {"stop": SIX[:4], "n": 2, "logprobs": True}, '"stop": ["a", "b", "c", "d"]'),
]


@pytest.mark.parametrize(("vendor", "members", "expected"), TAKEN, ids=str)
async def test_16_what_the_provider_takes_is_sent(bench: Bench, vendor: str, members: Json, expected: str) -> None:
    bench.script(DIALECTS.get(vendor, DIALECTS["openai"]).answer("ok"))
    assert (await bench.chat(vendor, **members)).status == 200
    assert expected in dumps(bench.sent)


@pytest.mark.parametrize("vendor", ["anthropic", "bedrock"])
async def test_16_what_is_dropped_on_demand_is_said(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS[vendor].answer("ok"))
    request = generation(vendor, unsupported_policy=generation_pb2.UNSUPPORTED_POLICY_DROP, candidate_count=2)
    request.output_format.json_object.SetInParent()
    answer = await bench.grpc.generate(request)
    assert {warning.field for warning in answer.call.warnings} == {"candidate_count", "output_format.json_object"}


# 17. Ids, names, times.


@every_dialect
async def test_17_request_ids_model_created_and_a_stable_id(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS[vendor].answer("a"), DIALECTS[vendor].stream("a", "b"))
    whole = await bench.chat(vendor)
    assert whole.headers["x-request-id"].startswith("call_")
    streamed = await bench.stream(vendor, stream_options=USAGE)
    for chunk in (whole.body, *streamed.chunks):
        assert chunk["model"] == f"{vendor}/m-1"
        assert type(chunk["created"]) is int
        assert chunk.get("system_fingerprint", "absent") == "absent"
    (shared,) = {(chunk["id"], chunk["created"]) for chunk in streamed.chunks}
    assert shared[0]


@pytest.mark.parametrize("stream", [False, True])
async def test_17_a_fingerprint_is_kept_and_a_null_is_absent(bench: Bench, stream: bool) -> None:
    for given in ("fp_1", None):
        if stream:
            chunks = [openai_chunk({"content": "a"}, system_fingerprint=given), openai_chunk({}, "stop")]
            frames = [f"data: {dumps(chunk)}\n\n".encode() for chunk in chunks]
            bench.script(in_pieces(SSE, *frames, b"data: [DONE]\n\n"))
            bodies = (await bench.stream("openai")).chunks
        else:
            bench.script(json_answer({**openai_whole(("a",), "stop"), "system_fingerprint": given}))
            bodies = [(await bench.chat("openai")).body]
        for body in bodies:
            assert body.get("system_fingerprint", "absent") == (given or "absent")


async def test_17_a_failure_has_an_id_as_well(bench: Bench) -> None:
    bench.script(json_answer({"error": {"message": "no"}}, 400))
    assert (await bench.chat("openai")).headers["x-request-id"].startswith("call_")
