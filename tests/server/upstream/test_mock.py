"""The mock provider, as attempts see it. No test waits: the clock is the test's own."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import Any

import pytest
from llmgateway.fold import fold
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, stream_pb2, tool_pb2, usage_pb2
from llmgateway_server import errors, tokens
from llmgateway_server.config.resilience import TimeoutSettings
from llmgateway_server.dialects.mock.options import OptionsError
from llmgateway_server.dialects.mock.tokens import lorem, split_tokens
from llmgateway_server.upstream.mock import MockUpstream
from llmgateway_server.upstream.upstream import AttemptState, Upstream

Json = Any  # JSON that a caller sends
Events = list[stream_pb2.GenerationEvent]

USER, TOOL, ASSISTANT = message_pb2.ROLE_USER, message_pb2.ROLE_TOOL, message_pb2.ROLE_ASSISTANT
DEADLINE_S = 600.0


class Clock:
    """Time that passes only by sleeping. `sleeps_s` are the waits asked for, in order."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.sleeps_s: list[float] = []

    def time(self) -> float:
        return self.now_s

    async def sleep(self, duration_s: float) -> None:
        self.sleeps_s.append(duration_s)
        self.now_s += duration_s


class Stage:
    """A mock provider on its own clock."""

    def __init__(self, script: Json = None, **timeouts: float) -> None:
        self.clock = Clock()
        self.mock = MockUpstream(
            "mock", script, self.clock.sleep, clock=self.clock.time, timeouts=TimeoutSettings(**timeouts)
        )
        self.state = AttemptState(self.clock.now_s + DEADLINE_S)
        self.seen: list[Events] = []
        self.seen_at_s: list[float] = []

    async def generate(self, request: generation_pb2.GenerateRequest) -> generation_pb2.GenerateResponse:
        return await self.mock.generate(request, request.model.removeprefix("mock/"), self.state)

    async def stream(self, request: generation_pb2.GenerateRequest) -> Events:
        """Collect all events; those before a failure stay in `seen`."""
        started_s = self.clock.now_s
        stream: AsyncGenerator[Events, None] = self.mock.stream(
            request, request.model.removeprefix("mock/"), self.state
        )
        async with aclosing(stream):
            async for events in stream:
                assert events
                self.seen.append(events)
                self.seen_at_s.append(round(self.clock.now_s - started_s, 6))
        return self.events

    @property
    def events(self) -> Events:
        return [event for events in self.seen for event in events]


def ask(
    model: str, text: str = "Hello there, world", script: Json = None, **fields: Json
) -> generation_pb2.GenerateRequest:
    request = generation_pb2.GenerateRequest(model=f"mock/{model}", **fields)
    request.messages.add(role=USER).parts.add(text=text)
    if script is not None:
        request.provider_options_json["mock"] = json.dumps(script)
    return request


def text_of(response: generation_pb2.GenerateResponse, candidate: int = 0) -> str:
    return "".join(part.text for part in response.candidates[candidate].message.parts)


def texts_in(events: Iterable[stream_pb2.GenerationEvent]) -> list[str]:
    return [event.part_delta.text for event in events if event.HasField("part_delta")]


def function(name: str, schema: Json = None) -> tool_pb2.Tool:
    tool = tool_pb2.Tool()
    tool.function.name = name
    if schema is not None:
        tool.function.input_schema_json = json.dumps(schema)
    return tool


WEATHER = function(
    "get_weather",
    {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer", "minimum": 2}}},
)


def test_it_is_an_upstream() -> None:
    upstream: Upstream = MockUpstream("mock")
    assert (upstream.name, upstream.dialect) == ("mock", "mock")


# The models


async def test_echo_repeats_the_last_user_text_byte_by_byte() -> None:
    text = "  Größe \n\n data: [DONE]\r\n\u2028 👋🏽  "
    request = ask("echo", "first")
    request.messages.add(role=ASSISTANT).parts.add(text="second")
    request.messages.add(role=USER).parts.add(text=text[:7])
    request.messages[-1].parts.add(text=text[7:])
    response = await Stage().generate(request)
    assert text_of(response) == text
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_STOP
    assert response.candidates[0].provider_finish_reason == "stop"
    assert (response.call.provider, response.call.model) == ("mock", "echo")


async def test_echo_of_no_text_is_an_empty_answer_and_a_success() -> None:
    stage = Stage()
    events = await stage.stream(ask("echo", ""))
    assert [event.WhichOneof("event") for event in events] == ["started", "candidate_finished", "finished"]


async def test_lorem_is_always_the_same_hundred_tokens() -> None:
    one, other = await Stage().generate(ask("lorem")), await Stage().generate(ask("lorem", "something else"))
    assert text_of(one) == text_of(other) == lorem(100)
    assert text_of(one).startswith("Lorem ipsum dolor sit amet,")
    assert one.usage.output_token_count == 100


async def test_tool_calls_the_first_tool_and_then_answers_with_its_result() -> None:
    request = ask("tool", tools=[WEATHER, function("other")])
    response = await Stage().generate(request)
    call = response.candidates[0].message.parts[0].tool_call
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_TOOL_CALLS
    assert (call.name, call.executor) == ("get_weather", message_pb2.ToolCall.EXECUTOR_CALLER)
    assert json.loads(call.arguments_json) == {"city": "Lorem ipsum", "days": 2}

    request.messages.append(response.candidates[0].message)
    result = request.messages.add(role=TOOL).parts.add().tool_result
    result.tool_call_id = call.id
    result.parts.add(text="It rains.")
    request.messages.add(role=TOOL).parts.add().tool_result.output_json = '{"days": 2}'
    answer = await Stage().generate(request)
    assert text_of(answer) == 'It rains.\n{"days": 2}'
    assert answer.candidates[0].finish_reason == generation_pb2.FINISH_REASON_STOP


async def test_calls_of_two_turns_have_different_ids() -> None:
    request = ask("tool", tools=[WEATHER])
    first = (await Stage().generate(request)).candidates[0].message
    request.messages.append(first)
    request.messages.add(role=USER).parts.add(text="Again")
    second = (await Stage().generate(request)).candidates[0].message
    assert first.parts[0].tool_call.id != second.parts[0].tool_call.id


CHOICES: dict[str, tuple[str, Json, str]] = {
    "the tool model obeys allowed tools": ("tool", {"allowed_tool_names": ["c", "b"]}, "b"),
    "the tool model obeys none": ("tool", {"mode": tool_pb2.ToolChoice.MODE_NONE}, ""),
    "every model obeys required": ("echo", {"mode": tool_pb2.ToolChoice.MODE_REQUIRED}, "a"),
    "every model obeys required and allowed": (
        "lorem",
        {"mode": tool_pb2.ToolChoice.MODE_REQUIRED, "allowed_tool_names": ["c"]},
        "c",
    ),
    "other models call nothing by themselves": ("echo", {"mode": tool_pb2.ToolChoice.MODE_AUTO}, ""),
}


@pytest.mark.parametrize("name", CHOICES)
async def test_tool_choice(name: str) -> None:
    model, choice, expected = CHOICES[name]
    tools = [function("a"), function("b"), function("c")]
    response = await Stage().generate(ask(model, tools=tools, tool_choice=tool_pb2.ToolChoice(**choice)))
    parts = response.candidates[0].message.parts
    assert [part.tool_call.name for part in parts if part.HasField("tool_call")] == ([expected] if expected else [])
    if expected:
        assert parts[0].tool_call.arguments_json == "{}"


async def test_a_custom_tool_gets_text_that_its_grammar_accepts() -> None:
    tool = tool_pb2.Tool()
    tool.custom.name = "grep"
    assert (await Stage().generate(ask("tool", tools=[tool]))).candidates[0].message.parts[
        0
    ].tool_call.text == "Lorem ipsum"
    tool.custom.grammar.syntax, tool.custom.grammar.definition = "regex", "[0-9]{3}"
    assert (await Stage().generate(ask("tool", tools=[tool]))).candidates[0].message.parts[0].tool_call.text == "000"
    tool.custom.grammar.syntax = "lark"
    with pytest.raises(errors.CapabilityMissing, match="no grammar but regex"):
        await Stage().generate(ask("tool", tools=[tool]))


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


@pytest.mark.parametrize("model", ["json", "echo", "lorem"])
async def test_json_fits_the_schema_asked_for_with_every_model(model: str) -> None:
    request = ask(model)
    request.output_format.json_schema.schema_json = json.dumps(SCHEMA)
    assert json.loads(text_of(await Stage().generate(request))) == {"a": 1}


async def test_json_object_holds_the_text() -> None:
    request = ask("echo", 'a "b"')
    request.output_format.json_object.SetInParent()
    assert json.loads(text_of(await Stage().generate(request))) == {"text": 'a "b"'}
    assert json.loads(text_of(await Stage().generate(ask("json", "b")))) == {"text": "b"}


async def test_a_schema_beyond_the_mock_is_refused_by_name() -> None:
    request = ask("json")
    request.output_format.json_schema.schema_json = '{"type": "string", "pattern": "(?=a)a"}'
    with pytest.raises(errors.CapabilityMissing, match="The JSON Schema of the output format has the pattern"):
        await Stage().generate(request)


async def test_a_regular_expression_is_an_output_format_too() -> None:
    request = ask("echo")
    request.output_format.grammar.syntax, request.output_format.grammar.definition = "regex", "(yes|no)"
    assert text_of(await Stage().generate(request)) == "yes"


async def test_slow_waits_five_seconds_for_its_first_token() -> None:
    stage = Stage()
    await stage.stream(ask("slow"))
    assert stage.clock.sleeps_s == [5.0]
    assert texts_in(stage.seen[0])[0] == "Lorem"
    assert stage.state.waited_s == 5.0


async def test_cut_breaks_off_after_ten_tokens_without_any_end() -> None:
    stage = Stage()
    with pytest.raises(errors.ProviderBadResponse, match="without its terminal"):
        await stage.stream(ask("cut"))
    assert "".join(texts_in(stage.events)) == lorem(10)
    assert {event.WhichOneof("event") for event in stage.events} == {"started", "part_started", "part_delta"}
    assert stage.state.http_status == 200
    with pytest.raises(errors.ProviderBadResponse):
        await Stage().generate(ask("cut"))


FAILING: dict[str, tuple[type[errors.CallError], int, float | None]] = {
    "error-429": (errors.ProviderRateLimited, 429, 1.0),
    "error-500": (errors.ProviderBadResponse, 500, None),
    "error-503": (errors.ProviderOverloaded, 503, None),
}


@pytest.mark.parametrize("model", FAILING)
async def test_error_models_fail_before_content_however_they_are_called(model: str) -> None:
    leaf, status, retry_after_s = FAILING[model]
    embedding = embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="a")])
    for run in ("generate", "stream", "embed"):
        stage = Stage()
        calls = {
            "generate": lambda stage=stage: stage.generate(ask(model)),
            "stream": lambda stage=stage: stage.stream(ask(model)),
            "embed": lambda stage=stage: stage.mock.embed(embedding, model, stage.state),
        }
        with pytest.raises(leaf) as caught:
            await calls[run]()
        assert (caught.value.http_status, caught.value.retry_after_s) == (status, retry_after_s)
        assert caught.value.metadata["provider"] == "mock"
        assert (stage.state.http_status, stage.seen) == (status, [])


async def test_an_unknown_model_is_not_found_and_the_nearest_is_named() -> None:
    with pytest.raises(errors.ModelNotFound, match=r"Did you mean mock/lorem\?") as caught:
        await Stage().generate(ask("lorm"))
    assert caught.value.metadata == {"model": "mock/lorm", "nearest": "mock/lorem"}
    with pytest.raises(errors.ModelNotFound):
        await Stage().stream(ask("gpt-4o"))


async def test_every_model_is_listed() -> None:
    models = await Stage().mock.list_models()
    named = ["echo", "lorem", "tool", "json", "slow", "cut", "error-429", "error-500", "error-503", "embed", "rerank"]
    assert [model.id for model in models] == named
    assert all(model.capabilities for model in models)


# Embeddings


async def test_embed_returns_a_vector_for_each_input_and_its_usage() -> None:
    request = embedding_pb2.EmbedRequest(
        inputs=[embedding_pb2.EmbedInput(text=text) for text in "aba"], dimension_count=8
    )
    stage = Stage()
    response = await stage.mock.embed(request, "embed", stage.state)
    vectors = [list(embedding.values) for embedding in response.embeddings]
    assert [len(vector) for vector in vectors] == [8, 8, 8]
    assert vectors[0] == vectors[2] != vectors[1]
    assert response.usage.input_token_count == tokens.estimate_embedding(request)
    assert response.usage.source == usage_pb2.Usage.SOURCE_PROVIDER
    assert (response.call.provider, response.call.model) == ("mock", "embed")


async def test_embed_obeys_latency_error_and_usage_and_refuses_the_rest() -> None:
    request = embedding_pb2.EmbedRequest(inputs=[embedding_pb2.EmbedInput(text="a")])
    request.provider_options_json["mock"] = '{"latency": "2s", "usage": {"input_token_count": 9}}'
    stage = Stage({"text": "only for generations"})
    response = await stage.mock.embed(request, "embed", stage.state)
    assert (response.usage.input_token_count, stage.clock.sleeps_s) == (9, [2.0])
    request.provider_options_json["mock"] = '{"json": 1}'
    with pytest.raises(errors.InvalidField, match=r'provider_options_json\["mock"\]\.json: says nothing to Embed'):
        await stage.mock.embed(request, "embed", stage.state)


async def test_the_embedding_model_writes_no_text() -> None:
    with pytest.raises(errors.CapabilityMissing, match="mock/embed writes vectors only"):
        await Stage().generate(ask("embed"))


# Scripts


async def test_a_call_is_scripted_through_and_through() -> None:
    script = {
        "text": "Let me look.",
        "reasoning": "Two cities.",
        "tool_calls": [
            {"name": "get_weather", "arguments": {"city": "Oslo"}},
            {"name": "get_weather", "id": "mine"},
            {"name": "unknown", "arguments_json": "{broken"},
            {"name": "free", "text": "as you like"},
        ],
    }
    response = await Stage().generate(ask("echo", script=script, tools=[WEATHER]))
    reasoning, text, *calls = response.candidates[0].message.parts
    assert (reasoning.reasoning.text, reasoning.reasoning.kind) == ("Two cities.", message_pb2.Reasoning.KIND_TEXT)
    assert text.text == "Let me look."
    assert [call.tool_call.name for call in calls] == ["get_weather", "get_weather", "unknown", "free"]
    assert calls[0].tool_call.arguments_json == '{"city": "Oslo"}'
    assert json.loads(calls[1].tool_call.arguments_json) == {"city": "Lorem ipsum", "days": 2}
    assert (calls[1].tool_call.id, calls[2].tool_call.arguments_json) == ("mine", "{broken")
    assert calls[3].tool_call.text == "as you like"
    assert len({call.tool_call.id for call in calls}) == 4
    assert response.usage.reasoning_token_count == 2
    assert response.usage.output_token_count == 2 + 3 + 2 + len(split_tokens(calls[1].tool_call.arguments_json)) + 1 + 3


async def test_the_script_of_a_call_lies_over_that_of_the_configuration() -> None:
    stage = Stage({"text": "configured", "latency": "1s", "finish_reason": "length"})
    response = await stage.generate(ask("echo", script={"json": {"a": None}}))
    assert text_of(response) == '{"a": null}'
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_LENGTH
    assert stage.clock.sleeps_s == [1.0]
    assert text_of(await stage.generate(ask("lorem"))) == "configured"


async def test_null_takes_the_models_own_fault_away() -> None:
    assert text_of(await Stage().generate(ask("error-500", "a", script={"error": None}))) == "a"
    assert text_of(await Stage().generate(ask("cut", script={"cut_after_token_count": None}))) == lorem(100)


def test_a_wrong_script_in_the_configuration_stops_the_start() -> None:
    with pytest.raises(OptionsError, match=r"error\.code: is not a member"):
        MockUpstream("mock", {"error": {"status": 429, "code": "x"}})


async def test_a_wrong_script_in_a_call_names_the_field() -> None:
    with pytest.raises(errors.InvalidField) as caught:
        await Stage().generate(ask("echo", script={"error": {"status": "429"}, "txet": "a"}))
    paths = [violation.field for violation in caught.value.violations]
    assert paths == ['provider_options_json["mock"].error.status', 'provider_options_json["mock"].txet']


async def test_a_script_that_is_no_object_names_the_whole() -> None:
    with pytest.raises(errors.InvalidField) as caught:
        await Stage().generate(ask("echo", script=[1]))
    assert caught.value.violations[0].field == 'provider_options_json["mock"]'


@pytest.mark.parametrize(
    ("word", "reason", "provider_reason"),
    [
        ("length", "LENGTH", "length"),
        ("content_filtered", "CONTENT_FILTERED", "content_filter"),
        ("content_filter", "CONTENT_FILTERED", "content_filter"),
        ("refused", "REFUSED", "refusal"),
        ("new_word", "OTHER", "new_word"),
    ],
)
async def test_finish_reason_is_scripted(word: str, reason: str, provider_reason: str) -> None:
    candidate = (await Stage().generate(ask("echo", script={"finish_reason": word}))).candidates[0]
    assert candidate.finish_reason == generation_pb2.FinishReason.Value(f"FINISH_REASON_{reason}")
    assert candidate.provider_finish_reason == provider_reason


async def test_a_refusal_is_a_part_of_its_own() -> None:
    part = (await Stage().generate(ask("echo", script={"refusal": "I will not."}))).candidates[0].message.parts[0]
    assert (part.WhichOneof("content"), part.refusal) == ("refusal", "I will not.")


async def test_usage_may_lie_or_be_missing() -> None:
    script = {"usage": {"output_token_count": -5, "cached_input_token_count": 3}}
    usage = (await Stage().generate(ask("echo", script=script))).usage
    assert (usage.output_token_count, usage.cached_input_token_count) == (-5, 3)
    events = await Stage().stream(ask("echo", script={"usage": None}))
    assert not events[-1].finished.HasField("usage")


# Time


async def test_without_a_pace_all_comes_at_once_and_nothing_waits() -> None:
    stage = Stage()
    await stage.stream(ask("lorem"))
    assert (len(stage.seen), stage.clock.sleeps_s) == (1, [])


@pytest.mark.parametrize("pace", [{"tokens_per_second": 10}, {"gap": "100ms"}])
async def test_tokens_come_at_the_pace_asked_for_and_what_is_due_together_comes_together(pace: Json) -> None:
    stage = Stage()
    request = ask("echo", "a b c", script={"latency": "2s", **pace}, candidate_count=2)
    await stage.stream(request)
    assert stage.seen_at_s == [2.0, 2.1, 2.2]
    assert [texts_in(events) for events in stage.seen] == [["a", "a"], [" b", " b"], [" c", " c"]]
    assert stage.state.waited_s == pytest.approx(2.2)
    assert [event.WhichOneof("event") for event in stage.seen[-1]][-3:] == [
        "part_finished",
        "candidate_finished",
        "finished",
    ]


async def test_a_unary_call_takes_as_long_as_its_stream() -> None:
    stage = Stage()
    await stage.generate(ask("echo", "a b c", script={"latency": "2s", "gap": "1s"}))
    assert stage.state.waited_s == 4.0


TIMEOUTS: dict[str, tuple[Json, Json, type[errors.CallError], float]] = {
    "the deadline": ({"first_content_s": 900.0}, {"latency": "700s"}, errors.TotalTimeout, 600.0),
    "first content": ({"first_content_s": 3.0}, {"latency": "4s"}, errors.FirstContentTimeout, 3.0),
    "the gap": ({"gap_s": 2.0}, {"latency": "5s", "gap": "3s"}, errors.EventGapTimeout, 7.0),
    "the deadline in a slow stream": ({}, {"gap": "50s"}, errors.TotalTimeout, 600.0),
}


@pytest.mark.parametrize("name", TIMEOUTS)
async def test_a_stream_is_cut_by(name: str) -> None:
    timeouts, script, leaf, waited_s = TIMEOUTS[name]
    stage = Stage(**timeouts)
    with pytest.raises(leaf):
        await stage.stream(ask("lorem", script=script))
    assert stage.state.waited_s == waited_s


async def test_a_unary_call_is_bound_by_the_deadline_alone() -> None:
    stage = Stage(first_content_s=1.0, gap_s=1.0)
    await stage.generate(ask("echo", script={"latency": "30s", "gap": "30s"}))
    with pytest.raises(errors.TotalTimeout) as caught:
        await Stage().generate(ask("echo", script={"latency": "601s"}))
    assert caught.value.metadata["timeoutMs"] == "600000"


async def test_a_model_that_thinks_may_be_silent_for_longer() -> None:
    stage = Stage(first_content_s=1.0)
    stage.state.waits_long = True
    assert await stage.stream(ask("echo", script={"latency": "30s"}))


async def test_what_the_caller_takes_to_read_is_no_gap() -> None:
    stage = Stage(gap_s=2.0)
    stream = stage.mock.stream(ask("echo", "a b c", script={"gap": "1s"}), "echo", stage.state)
    async for _ in stream:
        stage.clock.now_s += 10  # the reader is slow
    assert stage.state.waited_s == 2.0


# Failures


@pytest.mark.parametrize(
    ("status", "leaf"),
    [
        (400, errors.ProviderRejectedRequest),
        (401, errors.ProviderKeyRejected),
        (403, errors.ProviderKeyRejected),
        (404, errors.ModelNotFound),
        (422, errors.ProviderRejectedRequest),
        (429, errors.ProviderRateLimited),
        (500, errors.ProviderBadResponse),
        (502, errors.ProviderBadResponse),
        (503, errors.ProviderOverloaded),
        (529, errors.ProviderOverloaded),
    ],
)
async def test_a_status_becomes_its_leaf(status: int, leaf: type[errors.CallError]) -> None:
    script = {"error": {"status": status, "message": "Said so", "retry_after": "7s"}}
    with pytest.raises(leaf) as caught:
        await Stage().generate(ask("echo", script=script))
    assert type(caught.value) is leaf
    failure = caught.value
    assert (failure.http_status, failure.provider_message, failure.retry_after_s) == (status, "Said so", 7.0)


@pytest.mark.parametrize("reason", ["PROVIDER_UNREACHABLE", "CONTEXT_TOO_LONG", "CONTENT_FILTERED", "CONNECT_TIMEOUT"])
async def test_a_reason_becomes_its_leaf(reason: str) -> None:
    with pytest.raises(errors.CallError) as caught:
        await Stage().stream(ask("echo", script={"error": {"reason": reason}}))
    assert errors.Reason.Name(caught.value.reason) == f"ERROR_REASON_{reason}"


async def test_an_error_in_mid_stream_comes_after_its_tokens() -> None:
    stage = Stage()
    script = {"error": {"status": 503, "after_token_count": 2}, "gap": "1s"}
    with pytest.raises(errors.ProviderOverloaded):
        await stage.stream(ask("echo", "a b c", script=script))
    assert texts_in(stage.events) == ["a", " b"]
    assert stage.state.http_status == 200


async def test_an_error_before_content_comes_after_the_latency_and_without_events() -> None:
    stage = Stage()
    with pytest.raises(errors.ProviderBadResponse):
        await stage.stream(ask("error-500", script={"latency": "2s"}))
    assert (stage.seen, stage.clock.sleeps_s) == ([], [2.0])


async def test_a_cut_after_the_last_token_still_lacks_the_end() -> None:
    stage = Stage()
    with pytest.raises(errors.ProviderBadResponse):
        await stage.stream(ask("echo", "a b", script={"cut_after_token_count": 99}))
    assert texts_in(stage.events) == ["a", " b"]
    assert stage.events[-1].HasField("part_finished")


# What requests ask for


async def test_candidates_are_counted_and_alike() -> None:
    response = await Stage().generate(ask("echo", "a b", candidate_count=3))
    assert [candidate.index for candidate in response.candidates] == [0, 1, 2]
    assert {text_of(response, index) for index in range(3)} == {"a b"}
    assert response.usage.output_token_count == 6


async def test_the_output_limit_counts_reasoning_and_text_and_calls() -> None:
    script = {"reasoning": "a b", "text": "c d", "tool_calls": [{"name": "f", "arguments_json": '{"x": 1}'}]}
    for limit, kinds, finish in [
        (1, ["reasoning"], "LENGTH"),
        (2, ["reasoning"], "LENGTH"),
        (3, ["reasoning", "text"], "LENGTH"),
        (5, ["reasoning", "text", "tool_call"], "LENGTH"),
        (6, ["reasoning", "text", "tool_call"], "TOOL_CALLS"),
    ]:
        response = await Stage().generate(ask("echo", script=script, max_output_token_count=limit))
        candidate = response.candidates[0]
        assert [part.WhichOneof("content") for part in candidate.message.parts] == kinds
        assert candidate.finish_reason == generation_pb2.FinishReason.Value(f"FINISH_REASON_{finish}")
        assert response.usage.output_token_count == limit


async def test_the_first_stop_sequence_ends_the_text_and_is_named() -> None:
    request = ask("echo", "one two three", sampling=generation_pb2.Sampling(stop_sequences=["three", " tw", "two"]))
    response = await Stage().generate(request)
    assert text_of(response) == "one"
    candidate = response.candidates[0]
    assert (candidate.finish_reason, candidate.stop_sequence) == (generation_pb2.FINISH_REASON_STOP, " tw")


async def test_a_raw_prompt_is_echoed_only_when_asked() -> None:
    request = generation_pb2.GenerateRequest(model="mock/lorem", max_output_token_count=2)
    request.raw_prompt.text = "Once. "
    assert text_of(await Stage().generate(request)) == "Lorem ipsum"
    request.raw_prompt.echo = True
    response = await Stage().generate(request)
    assert text_of(response) == "Once. Lorem ipsum"
    assert response.usage.output_token_count == 2
    request.raw_prompt.token_ids.ids.extend([5, 7])
    assert text_of(await Stage().generate(request)) == "5 7Lorem ipsum"


async def test_logprobs_come_for_each_token_with_their_alternatives() -> None:
    stage = Stage()
    response = fold(await stage.stream(ask("echo", "a bc", top_logprob_count=2)))
    logprobs = response.candidates[0].message.parts[0].logprobs
    assert [logprob.token for logprob in logprobs] == ["a", " bc"]
    assert all(logprob.utf8.decode() == logprob.token and logprob.logprob < 0 for logprob in logprobs)
    for logprob in logprobs:
        likelihoods = [top.logprob for top in logprob.top_logprobs]
        assert logprob.top_logprobs[0].token == logprob.token
        assert likelihoods == sorted(likelihoods, reverse=True)
        assert len(likelihoods) == 2
    none = await Stage().generate(ask("echo", "a", top_logprob_count=0))
    assert len(none.candidates[0].message.parts[0].logprobs[0].top_logprobs) == 0
    assert not (await Stage().generate(ask("echo", "a"))).candidates[0].message.parts[0].logprobs


async def test_reasoning_is_asked_for_bounded_and_hidden() -> None:
    def thinking(**options: Json) -> generation_pb2.GenerateRequest:
        return ask("echo", "a", reasoning=generation_pb2.ReasoningOptions(**options))

    shown = await Stage().generate(thinking(effort="low"))
    assert shown.candidates[0].message.parts[0].reasoning.text.startswith("The user asks")
    bounded = await Stage().generate(thinking(max_token_count=2))
    assert bounded.candidates[0].message.parts[0].reasoning.text == "The user"
    hidden = await Stage().generate(thinking(effort="low", visibility="none"))
    assert [part.WhichOneof("content") for part in hidden.candidates[0].message.parts] == ["text"]
    assert hidden.usage.reasoning_token_count == shown.usage.reasoning_token_count == 7
    none = await Stage().generate(thinking(effort="none"))
    assert none.usage.reasoning_token_count == 0


async def test_what_no_mock_can_do_is_refused_by_name_or_dropped_with_a_warning() -> None:
    request = ask("echo", output_modalities=["text", "audio"])
    request.tools.add().provider_tool.type = "web_search"
    with pytest.raises(errors.CapabilityMissing, match=r"Leave out tools\[0\]\.provider_tool"):
        await Stage().generate(request)
    request.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    stage = Stage()
    assert await stage.stream(request)
    assert [warning.field for warning in stage.state.warnings] == ["tools[0].provider_tool", "output_modalities"]


async def test_a_long_text_comes_whole_in_a_bounded_number_of_deltas() -> None:
    text = "word " * 100_000
    stage = Stage()
    events = await stage.stream(ask("echo", text, candidate_count=2))
    assert len(texts_in(events)) <= 4096
    for index in range(2):
        assert "".join(texts_in(event for event in events if event.candidate_index == index)) == text
    cut = Stage()
    with pytest.raises(errors.ProviderBadResponse):
        await cut.stream(ask("echo", text, script={"cut_after_token_count": 30}))
    assert "".join(texts_in(cut.events)) == text[: 30 * 5 - 1]


async def test_log_probabilities_of_a_long_text_are_bounded() -> None:
    response = await Stage().generate(ask("lorem", script={"text_token_count": 20_000}, top_logprob_count=19))
    assert response.candidates[0].finish_reason == generation_pb2.FINISH_REASON_LENGTH
    assert len(response.candidates[0].message.parts[0].logprobs) == 250_000 // 20


# Properties of all


FULL_SCRIPT = {
    "reasoning": "a b",
    "text": "c d e",
    "tool_calls": [{"name": "f"}, {"name": "g", "text": "x y"}],
    "gap": "10ms",
}


@pytest.mark.parametrize("model", ["echo", "lorem", "tool", "json", "slow"])
@pytest.mark.parametrize("script", [None, FULL_SCRIPT])
async def test_unary_and_stream_agree_and_are_the_same_each_time(model: str, script: Json) -> None:
    request = ask(model, script=script, candidate_count=2, tools=[WEATHER], service_tier="flex")
    unary, again = await Stage().generate(request), await Stage().generate(request)
    assert unary == again == fold(await Stage().stream(request))
    assert unary.call.service_tier == "flex"
    assert unary.call.provider_response_id.startswith("mock-")
    assert unary.usage.input_token_count == tokens.estimate_generation(request)


async def test_events_obey_the_grammar() -> None:
    events = await Stage().stream(ask("echo", script=FULL_SCRIPT, candidate_count=3, tools=[WEATHER]))
    assert events[0].HasField("started")
    assert events[-1].HasField("finished")
    open_parts: dict[int, int] = {}
    closed: set[int] = set()
    for event in events[1:-1]:
        candidate, kind = event.candidate_index, event.WhichOneof("event")
        assert candidate not in closed
        if kind == "part_started":
            assert candidate not in open_parts
            open_parts[candidate] = event.part_started.index
        elif kind == "part_delta":
            assert open_parts[candidate] == event.part_delta.index
        elif kind == "part_finished":
            assert open_parts.pop(candidate) == event.part_finished.index
        else:
            assert kind == "candidate_finished"
            assert candidate not in open_parts
            closed.add(candidate)
    assert closed == {0, 1, 2}
    assert all(event.sequence_number == 0 for event in events)
