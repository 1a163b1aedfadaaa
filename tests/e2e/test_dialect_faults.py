"""What providers do wrong, in every dialect, and how it looks to callers, over REST and over gRPC.

A fault never looks like a success, is typed the same over both protocols, is not asked for twice, closes its
connection, shows no key, and leaves the gateway able to serve the next call. U-numbers are those of the design's table
of upstream faults.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import pytest
import pytest_asyncio
from llmgateway.fold import fold
from llmgateway.v1 import generation_pb2, usage_pb2

from tests.e2e.caller import Failure, Protocol, grpc_request
from tests.e2e.dialect_bench import KEY, MIB, Bench, benches
from tests.fakes import faults
from tests.fakes.answer import Answer, Counts, ToolCall
from tests.fakes.canary import Canary
from tests.fakes.dialect import Trouble, after_content, before_terminal, opened
from tests.fakes.dialects import DIALECTS, dialects_with
from tests.fakes.exchange import Reply
from tests.fakes.replies import chat, chat_in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

UNREACHABLE, BAD, BROKEN = "provider_unreachable", "provider_bad_response", "stream_broken"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def started() -> AsyncIterator[Mapping[str, Bench]]:
    async with benches() as made:
        yield made


@pytest_asyncio.fixture(params=DIALECTS, loop_scope="session")
async def bench(request: pytest.FixtureRequest, started: Mapping[str, Bench]) -> AsyncIterator[Bench]:
    """A provider in good health; after the test the gateway must still serve."""
    made = started[request.param]
    made.fake.reset()
    yield made
    await made.check_it_serves()


REFUSALS: Mapping[str, tuple[Trouble, str]] = {
    "U3 a 500": ("server", BAD),
    "U3 a 503": ("unavailable", "provider_overloaded"),
    "U3 a 529": ("overloaded", "provider_overloaded"),
    "U9 the context is too long": ("context_too_long", "context_length_exceeded"),
    "U10 the content is filtered": ("content_filtered", "content_filter"),
    "U11 a 401": ("key_rejected", "provider_key_rejected"),
    "U11 a 403": ("key_forbidden", "provider_key_rejected"),
    "a bad request": ("invalid", "provider_rejected_request"),
    "an unknown model": ("model_unknown", "model_not_found"),
}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("bench", "trouble", "code"),
    [pytest.param(name, *row, id=f"{name}-{case}") for case, row in REFUSALS.items() for name in dialects_with(row[0])],
    indirect=["bench"],
)
async def test_a_refusal_is_typed(bench: Bench, trouble: Trouble, code: str, streams: bool) -> None:
    failures = await bench.failures(faults.refusal(trouble), streams=streams)
    assert {protocol: failure.code for protocol, failure in failures.items()} == {"rest": code, "grpc": code}


TIMES: Mapping[str, tuple[str | None, float | None]] = {
    "U1 with a time": ("7", 7.0),
    "U1 with a time beyond reason": ("86400", 300.0),
    "U2 without a time": (None, None),
}


@pytest.mark.parametrize("streams", [False, True])
@pytest.mark.parametrize(
    ("bench", "given", "told"),
    [
        pytest.param(name, *row, id=f"{name}-{case}")
        for case, row in TIMES.items()
        for name in (dialects_with("rate_limited", "retry_after") if row[0] else dialects_with("rate_limited"))
    ],
    indirect=["bench"],
)
async def test_a_rate_limit_is_told_with_its_time(
    bench: Bench, given: str | None, told: float | None, streams: bool
) -> None:
    failures = await bench.failures(faults.refusal("rate_limited", retry_after=given), streams=streams)
    expected = ("rate_limit_exceeded", told)
    assert [(failure.code, failure.retry_after_s) for failure in failures.values()] == [expected, expected]


QUOTING: Sequence[Trouble] = ("key_rejected", "key_forbidden", "invalid", "server")


@pytest.mark.parametrize(
    ("bench", "trouble"),
    [(name, trouble) for trouble in QUOTING for name in dialects_with(trouble)],
    indirect=["bench"],
)
async def test_u11_a_key_is_not_shown_where_the_provider_quotes_it(bench: Bench, trouble: Trouble) -> None:
    failures = await bench.failures(faults.refusal(trouble, f"Wrong API key: {KEY}."), streams=False)
    for failure in failures.values():
        assert KEY[-8:] not in failure.said


WHOLE: Mapping[str, tuple[Reply, str]] = {
    "U4 reset": (faults.reset, UNREACHABLE),
    "U4 closed before an answer": (faults.hang_up, UNREACHABLE),
    "U7 cut": (faults.whole_cut, BAD),
    "U7 empty": (faults.body(b""), BAD),
    "U7 no JSON": (faults.body(b'{"choices": ['), BAD),
    "U7 no object": (faults.body(b"[]"), BAD),
    "U7 no answer": (faults.body(b"{}"), BAD),
    "U8 an error in a 200": (faults.error_in_200(), BAD),
    "U12 a web page": (faults.html, BAD),
    "U12 a web page of a balancer": (faults.html_error, BAD),
    "U12 endless": (faults.endless_body, BAD),
    "U12 gzip bomb": (faults.gzip_bomb, BAD),
}


@pytest.mark.parametrize(("reply", "code"), WHOLE.values(), ids=WHOLE)
async def test_a_fault_of_a_whole_answer_is_typed(bench: Bench, reply: Reply, code: str) -> None:
    failures = await bench.failures(reply, streams=False)
    assert {protocol: failure.code for protocol, failure in failures.items()} == {"rest": code, "grpc": code}


BEFORE_CONTENT: Mapping[str, tuple[Reply, str]] = {
    "U4 reset": (faults.reset, UNREACHABLE),
    "U4 closed before an answer": (faults.hang_up, UNREACHABLE),
    "U7 cut at once": (faults.stream_cut(0), BAD),
    "U7 cut before content": (faults.stream_cut(opened), BAD),
    "U7 ended at once": (faults.stream_ended(0), BAD),
    "U7 ended before content": (faults.stream_ended(opened), BAD),
    "U7 malformed at once": (faults.stream_malformed(0), BAD),
    "U8 error event at once": (faults.stream_error_event(0), BAD),
    "U8 error event before content": (faults.stream_error_event(opened), BAD),
    "U8 an error in a 200": (faults.error_in_200(), BAD),
    "U12 a web page": (faults.html, BAD),
    "U12 endless line": (faults.endless_line, BAD),
    "U12 100 MB without a newline": (faults.long_line(100 * MIB), BAD),
    # Which comes first, the limit or the timer, is up to the machine.
    "U12 endless comments": (faults.endless_comments, f"{BAD} or first_content_timeout"),
    "U12 gzip bomb": (faults.gzip_bomb, BAD),
}


@pytest.mark.parametrize(("reply", "code"), BEFORE_CONTENT.values(), ids=BEFORE_CONTENT)
async def test_a_fault_before_a_stream_s_content_is_a_status(bench: Bench, reply: Reply, code: str) -> None:
    for failure in (await bench.failures(reply, streams=True)).values():
        assert failure.code in code.split(" or "), failure
        assert failure.content == ""


AFTER_CONTENT: Mapping[str, tuple[Reply, str]] = {
    "U7 cut early": (faults.stream_cut(after_content(1)), BROKEN),
    "U7 cut late": (faults.stream_cut(after_content(10)), BROKEN),
    "U7 reset": (faults.stream_reset(after_content(3)), BROKEN),
    "U7 ended in the middle": (faults.stream_ended(after_content(3)), BROKEN),
    "U7 ended without terminal": (faults.stream_ended(before_terminal), BROKEN),
    "U7 malformed chunk": (faults.stream_malformed(after_content(3)), BROKEN),
    "U8 error event": (faults.stream_error_event(after_content(3)), BROKEN),
    "U8 overloaded in the middle": (faults.refusal_in_stream(after_content(3), "overloaded"), BROKEN),
    "U12 endless stream": (faults.endless_stream, BROKEN),
}


@pytest.mark.parametrize(("reply", "code"), AFTER_CONTENT.values(), ids=AFTER_CONTENT)
async def test_a_fault_after_content_breaks_the_stream(bench: Bench, reply: Reply, code: str) -> None:
    check_broken(await bench.failures(reply, streams=True), code)


def check_broken(failures: Mapping[Protocol, Failure], code: str) -> None:
    """What came before a stream broke arrived, and is accounted for."""
    for protocol, failure in failures.items():
        assert failure.code == code
        assert failure.content
        assert failure.content.startswith("again") or (faults.ANSWER.text or "").startswith(failure.content)
        if protocol == "grpc":
            assert failure.usage is not None
            assert failure.usage.output_token_count > 0


# Each takes as long as its timer, so all dialects are silent at once.
SILENCES: Mapping[str, tuple[Reply, bool, str]] = {
    "U5 never answers": (faults.never_answer, False, "timeout"),
    "U5 head, then silence": (faults.head_then_silence, False, "timeout"),
    "U5 never answers a stream": (faults.never_answer, True, "first_content_timeout"),
    "U5 head of a stream, then silence": (faults.head_then_silence, True, "first_content_timeout"),
    "U6 no content in time": (faults.stream_stalled(opened), True, "first_content_timeout"),
    "U6 stall": (faults.stream_stalled(after_content(3)), True, "event_gap_timeout"),
}


@pytest.mark.parametrize(("reply", "streams", "code"), SILENCES.values(), ids=SILENCES)
async def test_a_silence_is_typed_in_every_dialect(
    started: Mapping[str, Bench], reply: Reply, streams: bool, code: str
) -> None:
    failed = await asyncio.gather(*(bench.failures(reply, streams=streams) for bench in started.values()))
    for name, failures in zip(started, failed, strict=True):
        if code == "event_gap_timeout":
            check_broken(failures, code)
        else:
            told = {protocol: (failure.code, failure.content) for protocol, failure in failures.items()}
            assert told == {"rest": (code, ""), "grpc": (code, "")}, name
    for bench in started.values():
        await bench.check_it_serves()


IN_A_STREAM: Mapping[str, tuple[Trouble, str]] = {
    "U8 rate limited": ("rate_limited", "rate_limit_exceeded"),
    "U8 overloaded": ("overloaded", "provider_overloaded"),
    "U9 the context is too long": ("context_too_long", "context_length_exceeded"),
    "U10 the content is filtered": ("content_filtered", "content_filter"),
}


@pytest.mark.parametrize(
    ("bench", "trouble", "code"),
    [
        pytest.param(name, *row, id=f"{name}-{case}")
        for case, row in IN_A_STREAM.items()
        for name in dialects_with("typed_stream_errors", row[0])
    ],
    indirect=["bench"],
)
async def test_an_error_event_before_content_is_as_good_as_a_status(bench: Bench, trouble: Trouble, code: str) -> None:
    failures = await bench.failures(faults.refusal_in_stream(opened, trouble), streams=True)
    assert {protocol: failure.code for protocol, failure in failures.items()} == {"rest": code, "grpc": code}


async def test_u17_a_flapping_provider_is_told_as_it_was_at_each_call(bench: Bench) -> None:
    """Twenty calls over each protocol, each asked once: nothing of a bad moment clings to the next good one."""
    down, up = faults.refusal("unavailable"), chat("Hello there")
    for count in range(20):
        bench.fake.always(down if count % 3 == 1 else up)
        outcomes = await bench.outcomes(streams=bool(count % 2))
        told = {outcome.code if isinstance(outcome, Failure) else outcome for outcome in outcomes.values()}
        assert told == {"provider_overloaded" if count % 3 == 1 else "Hello there"}
    assert len(bench.fake.calls) == 40


@pytest.mark.parametrize("streams", [False, True])
async def test_u13_a_redirect_is_never_followed(bench: Bench, streams: bool) -> None:
    async with Canary() as canary:
        failures = await bench.failures(faults.redirect(canary.url), streams=streams)
        assert [failure.code for failure in failures.values()] == [BAD, BAD]
        assert canary.hit_count == 0


async def both_ways(
    bench: Bench, reply: Reply, tools: Sequence[str] = ()
) -> tuple[generation_pb2.GenerateResponse, generation_pb2.GenerateResponse]:
    """Return a reply as gRPC tells it, whole and folded."""
    bench.fake.always(reply)
    request = grpc_request(bench.model)
    for name in tools:
        request.tools.add().function.name = name
    whole = await bench.grpc.generate(request)
    return whole, fold([event async for event in bench.grpc.stream(request)])


@pytest.mark.parametrize("kind", faults.NONSENSE_USAGES)
async def test_u14_nonsense_for_usage_spoils_no_answer_and_is_never_a_credit(bench: Bench, kind: str) -> None:
    reply = faults.NONSENSE_USAGES[kind]
    for response in await both_ways(bench, reply):
        usage = response.usage
        assert "".join(part.text for part in response.candidates[0].message.parts) == faults.ANSWER.text
        assert min(usage.input_token_count, usage.output_token_count, usage.cost_usd_nanos) >= 0
        if kind == "missing":
            assert usage.source != usage_pb2.Usage.SOURCE_PROVIDER
            assert usage.output_token_count > 0
    assert await bench.outcomes(streams=True) == {"rest": faults.ANSWER.text, "grpc": faults.ANSWER.text}
    assert await bench.outcomes(streams=False) == {"rest": faults.ANSWER.text, "grpc": faults.ANSWER.text}


@pytest.mark.parametrize("text", faults.HOSTILE_TEXTS)
async def test_u15_hostile_text_arrives_literally_cut_anywhere(bench: Bench, text: str) -> None:
    arrived = {"rest": text, "grpc": text}
    bench.fake.always(chat(text))
    assert await bench.outcomes(streams=False) == arrived
    for piece_bytes in (1, 7):
        bench.fake.always(chat_in_pieces(Answer(text), piece_bytes))
        assert await bench.outcomes(streams=True) == arrived


CALL = "candidates[0].message.parts[0].tool_call"
UNKNOWN_TOOL = chat(Answer(tool_calls=[ToolCall("call_1", "bank", "{}")]))
BROKEN_CALL = chat(Answer(tool_calls=[ToolCall("call_1", "weather", '{"city": ')]))


@pytest.mark.parametrize(
    ("reply", "field"),
    [(UNKNOWN_TOOL, f"{CALL}.name"), (chat(faults.ANSWER, usage=Counts(10**6, 5)), "usage.input_token_count")],
    ids=["U16 a tool not offered", "U14 beyond the request's own bytes"],
)
async def test_what_is_doubtful_is_passed_on_and_flagged(bench: Bench, reply: Reply, field: str) -> None:
    whole, streamed = await both_ways(bench, reply, ["weather"])
    assert [warning.field for warning in whole.call.warnings] == [field]
    assert streamed.call.warnings == whole.call.warnings
    assert streamed.candidates == whole.candidates
    calls = [part.tool_call for part in whole.candidates[0].message.parts if part.HasField("tool_call")]
    assert [(call.name, call.arguments_json) for call in calls] in ([], [("bank", "{}")])


@pytest.mark.parametrize(
    ("bench", "is_stream"),
    [
        *((name, False) for name in dialects_with("broken_arguments_whole")),
        *((name, True) for name in dialects_with("broken_arguments_stream")),
    ],
    indirect=["bench"],
)
async def test_u16_broken_arguments_are_passed_on_and_flagged(bench: Bench, is_stream: bool) -> None:
    bench.fake.always(BROKEN_CALL)
    request = grpc_request(bench.model)
    request.tools.add().function.name = "weather"
    if is_stream:
        response = fold([event async for event in bench.grpc.stream(request)])
    else:
        response = await bench.grpc.generate(request)
    assert [warning.field for warning in response.call.warnings] == [f"{CALL}.arguments_json"]
    call = response.candidates[0].message.parts[0].tool_call
    assert (call.name, call.arguments_json) == ("weather", '{"city": ')
