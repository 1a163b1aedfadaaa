"""What providers do wrong, and how it looks to callers, over REST and over gRPC.

The gateway has short timers and small limits here. A fault never looks like a success, is typed the same over both
protocols, closes its connection, and leaves the gateway able to serve the next call.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

import grpc
import httpx2
import openai
import pytest
import pytest_asyncio
from llmgateway import GatewayError
from llmgateway.errors import error_from_rpc
from llmgateway.fold import fold
from llmgateway.v1 import gateway_pb2_grpc, generation_pb2, message_pb2, usage_pb2
from openai.types.chat import ChatCompletionMessageParam

from tests.e2e.serving import FREE_PORTS, Served, serving, write_config
from tests.fakes import faults, wire
from tests.fakes.answer import Answer, ToolCall
from tests.fakes.canary import Canary
from tests.fakes.exchange import Reply
from tests.fakes.openai import FakeOpenAI
from tests.fakes.replies import chat

pytestmark = pytest.mark.asyncio(loop_scope="session")

KEY = "sk-provider-of-this-test-0123456789"
MODEL = "fake/gpt-4o-mini"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello there"}]
MIB = 1024 * 1024
# What a gateway may have read before a limit stops it: the limit, and what the sockets and the pool hold.
MOST_READ_BYTES = 24 * MIB

Protocol = Literal["rest", "grpc"]


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call. `content` came before it."""

    code: str
    content: str = ""
    message: str = ""
    usage: usage_pb2.Usage | None = None


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def upstream() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as started:
        yield started


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def hasty(upstream: FakeOpenAI, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    """A gateway that waits for little and reads little."""
    folder = tmp_path_factory.mktemp("hasty")
    config = write_config(
        folder,
        f"""{FREE_PORTS}
  lame_duck: 0s
timeouts: {{connect: 2s, first_content: 800ms, gap: 800ms, total: 2500ms}}
limits: {{response: 1MiB, stream: 4MiB, event: 256KiB}}
providers:
  fake: {{dialect: openai, base_url: "{upstream.base_url}", api_keys: ["${{PROVIDER_KEY}}"]}}
  dead: {{dialect: openai, base_url: "http://127.0.0.1:1/v1"}}
  nameless: {{dialect: openai, base_url: "http://no-such-host.invalid/v1"}}
  wrong-tls: {{dialect: openai, base_url: "{upstream.base_url.replace("http:", "https:")}"}}
""",
    )
    async with serving(["serve", "--config", str(config)], folder / "log", {"PROVIDER_KEY": KEY}) as served:
        yield served
        assert await served.stop() == 0
        log = served.log.read_text()
        assert [line for line in log.splitlines() if "Traceback" in line] == []
        assert KEY not in log


@pytest.fixture(params=["rest", "grpc"])
def protocol(request: pytest.FixtureRequest) -> Protocol:
    return "rest" if request.param == "rest" else "grpc"


class Caller:
    """Makes one call over either protocol; raises nothing, but tells how it ended."""

    def __init__(
        self, protocol: Protocol, client: openai.AsyncOpenAI, stub: gateway_pb2_grpc.LLMGatewayAsyncStub
    ) -> None:
        self._is_rest = protocol == "rest"
        self._client = client
        self._stub = stub

    async def call(self, *, streams: bool, model: str = MODEL) -> str | Failure:
        """Return the text of an answer, or how the call failed."""
        if self._is_rest:
            return await (self._rest_stream(model) if streams else self._rest_whole(model))
        return await (self._grpc_stream(model) if streams else self._grpc_whole(model))

    async def _rest_whole(self, model: str) -> str | Failure:
        try:
            answer = await self._client.chat.completions.create(model=model, messages=MESSAGES)
        except openai.APIStatusError as error:
            return Failure(str(error.code), message=error.message)
        return answer.choices[0].message.content or ""

    async def _rest_stream(self, model: str) -> str | Failure:
        content = ""
        try:
            stream = await self._client.chat.completions.create(model=model, messages=MESSAGES, stream=True)
            async for chunk in stream:
                content += chunk.choices[0].delta.content or ""
        except openai.APIError as error:
            return Failure(str(error.code), content, error.message)
        return content

    async def _grpc_whole(self, model: str) -> str | Failure:
        try:
            response = await self._stub.Generate(grpc_request(model))
        except grpc.aio.AioRpcError as error:
            return failure_of(error_from_rpc(error), "")
        return "".join(part.text for part in response.candidates[0].message.parts)

    async def _grpc_stream(self, model: str) -> str | Failure:
        content = ""
        try:
            async for message in self._stub.StreamGenerate(grpc_request(model)):
                content += "".join(event.part_delta.text for event in message.events)
        except grpc.aio.AioRpcError as error:
            return failure_of(error_from_rpc(error), content)
        return content


def grpc_request(model: str) -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hello there")])
    return generation_pb2.GenerateRequest(model=model, messages=[message])


def failure_of(error: GatewayError, content: str) -> Failure:
    """Name a reason as REST names it."""
    code = error.reason_name.removeprefix("ERROR_REASON_").lower()
    names = {"total_timeout": "timeout", "provider_rate_limited": "rate_limit_exceeded"}
    return Failure(names.get(code, code), content, error.message, error.usage)


@pytest_asyncio.fixture(loop_scope="session")
async def caller(protocol: Protocol, hasty: Served, upstream: FakeOpenAI) -> AsyncIterator[Caller]:
    """A caller, after whose test the gateway must still serve over the same protocol."""
    upstream.reset()
    async with (
        openai.AsyncOpenAI(
            base_url=f"{hasty.rest}/v1", api_key="none", max_retries=0, http_client=httpx2.AsyncClient(trust_env=False)
        ) as client,
        grpc.aio.insecure_channel(hasty.grpc, options=[("grpc.enable_retries", 0)]) as channel,
    ):
        made = Caller(protocol, client, gateway_pb2_grpc.LLMGatewayStub(channel))
        yield made
        upstream.reset()
        assert [await made.call(streams=streams) for streams in (False, True)] == ["Hello there"] * 2
        upstream.reset()


UNREACHABLE, BAD, BROKEN = "provider_unreachable", "provider_bad_response", "stream_broken"
ERROR_IN_200 = faults.body(b'{"error": {"message": "no", "type": "server_error", "param": null, "code": null}}')

WHOLE: list[tuple[str, Reply, str]] = [
    ("U4 reset", faults.reset, UNREACHABLE),
    ("U4 closed before an answer", faults.hang_up, UNREACHABLE),
    ("U5 never answers", faults.never_answer, "timeout"),
    ("U5 head, then silence", faults.head_then_silence, "timeout"),
    ("U7 cut", faults.whole_cut, BAD),
    ("U7 empty", faults.body(b""), BAD),
    ("U7 no JSON", faults.body(b'{"choices": ['), BAD),
    ("U7 no object", faults.body(b"[]"), BAD),
    ("U7 no choices", faults.body(b"{}"), BAD),
    ("U8 an error in a 200", ERROR_IN_200, BAD),
    ("U12 a web page", faults.html, BAD),
    ("U12 a web page of a balancer", faults.html_error, BAD),
    ("U12 endless", faults.endless_body, BAD),
    ("U12 gzip bomb", faults.gzip_bomb, BAD),
]


@pytest.mark.parametrize(("reply", "code"), [row[1:] for row in WHOLE], ids=[row[0] for row in WHOLE])
async def test_a_fault_of_a_whole_answer_is_typed(
    caller: Caller, upstream: FakeOpenAI, reply: Reply, code: str
) -> None:
    upstream.script(reply)
    outcome = await caller.call(streams=False)
    assert isinstance(outcome, Failure), outcome
    assert outcome.code == code
    assert len(upstream.calls) == 1
    if not upstream.exchanges[-1].is_answered:
        await upstream.closed()


BEFORE_CONTENT: list[tuple[str, Reply, str]] = [
    ("U4 reset", faults.reset, UNREACHABLE),
    ("U5 never answers", faults.never_answer, "first_content_timeout"),
    ("U5 head, then silence", faults.head_then_silence, "first_content_timeout"),
    ("U6 role, then silence", faults.stream_stalled(1), "first_content_timeout"),
    ("U7 cut at once", faults.stream_cut(0), BAD),
    ("U7 cut after the role", faults.stream_cut(1), BAD),
    ("U7 ended at once", faults.stream_ended(0), BAD),
    ("U7 ended after the role", faults.stream_ended(1), BAD),
    ("U7 malformed at once", faults.stream_malformed(0), BAD),
    ("U8 error event at once", faults.stream_error_event(0), BAD),
    ("U8 error event after the role", faults.stream_error_event(1), BAD),
    ("U8 an error in a 200", ERROR_IN_200, BAD),
    ("U12 a web page", faults.html, BAD),
    ("U12 endless line", faults.endless_line, BAD),
    ("U12 100 MB without a newline", faults.long_line(100 * MIB), BAD),
    # Which comes first, the limit or the timer, is up to the machine.
    ("U12 endless comments", faults.endless_comments, f"{BAD} or first_content_timeout"),
    ("U12 gzip bomb", faults.gzip_bomb, BAD),
]


@pytest.mark.parametrize(("reply", "code"), [row[1:] for row in BEFORE_CONTENT], ids=[row[0] for row in BEFORE_CONTENT])
async def test_a_fault_before_a_stream_s_content_is_a_status(
    caller: Caller, upstream: FakeOpenAI, reply: Reply, code: str
) -> None:
    upstream.script(reply)
    outcome = await caller.call(streams=True)
    assert isinstance(outcome, Failure), outcome
    assert outcome.code in code.split(" or ")
    assert outcome.content == ""
    assert len(upstream.calls) == 1
    if not upstream.exchanges[-1].is_answered:
        await upstream.closed()
    assert upstream.exchanges[-1].sent_bytes < MOST_READ_BYTES


AFTER_CONTENT: list[tuple[str, Reply, str]] = [
    ("U6 stall", faults.stream_stalled(4), "event_gap_timeout"),
    ("U7 cut early", faults.stream_cut(2), BROKEN),
    ("U7 cut late", faults.stream_cut(11), BROKEN),
    ("U7 reset", faults.stream_reset(4), BROKEN),
    ("U7 ended without finish reason", faults.stream_ended(4), BROKEN),
    ("U7 malformed chunk", faults.stream_malformed(4), BROKEN),
    ("U8 error event", faults.stream_error_event(4), BROKEN),
    ("U12 endless stream", faults.endless_stream, BROKEN),
]


@pytest.mark.parametrize(("reply", "code"), [row[1:] for row in AFTER_CONTENT], ids=[row[0] for row in AFTER_CONTENT])
async def test_a_fault_after_content_breaks_the_stream(
    caller: Caller, upstream: FakeOpenAI, reply: Reply, code: str
) -> None:
    upstream.script(reply)
    outcome = await caller.call(streams=True)
    assert isinstance(outcome, Failure), outcome
    assert outcome.code == code
    assert outcome.content
    assert outcome.content.startswith("again") or (faults.ANSWER.text or "").startswith(outcome.content)
    if not upstream.exchanges[-1].is_answered:
        await upstream.closed()
    assert upstream.exchanges[-1].sent_bytes < MOST_READ_BYTES


@pytest.mark.parametrize("protocol", ["grpc"], indirect=True)
async def test_a_broken_stream_accounts_for_what_it_had_sent(caller: Caller, upstream: FakeOpenAI) -> None:
    upstream.script(faults.stream_cut(4))
    outcome = await caller.call(streams=True)
    assert isinstance(outcome, Failure)
    assert outcome.usage is not None
    assert outcome.usage.output_token_count > 0


@pytest.mark.parametrize("model", ["dead/m", "nameless/m", "wrong-tls/m"])
@pytest.mark.parametrize("streams", [False, True])
async def test_a_provider_that_cannot_be_reached_is_typed(caller: Caller, streams: bool, model: str) -> None:
    outcome = await caller.call(streams=streams, model=model)
    assert isinstance(outcome, Failure)
    assert outcome.code in (UNREACHABLE, "connect_timeout", "first_content_timeout", "timeout")
    if not model.startswith("nameless"):  # How long a name takes to fail is not ours to say.
        assert outcome.code == UNREACHABLE


@pytest.mark.parametrize("streams", [False, True])
async def test_a_redirect_is_never_followed(caller: Caller, upstream: FakeOpenAI, streams: bool) -> None:
    async with Canary() as canary:
        upstream.script(faults.redirect(canary.url))
        outcome = await caller.call(streams=streams)
        assert isinstance(outcome, Failure)
        assert outcome.code == BAD
        assert canary.hit_count == 0


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refused_key_is_not_shown(caller: Caller, upstream: FakeOpenAI, status: int) -> None:
    upstream.script(faults.error(status, wire.error_body(f"Incorrect API key provided: {KEY}.", "auth")))
    outcome = await caller.call(streams=False)
    assert isinstance(outcome, Failure)
    assert outcome.code == "provider_key_rejected"
    assert KEY not in outcome.message
    assert KEY[-8:] not in outcome.message


@pytest.mark.parametrize("reply", faults.NONSENSE_USAGES.values(), ids=faults.NONSENSE_USAGES)
@pytest.mark.parametrize("streams", [False, True])
async def test_nonsense_for_usage_spoils_no_answer(
    caller: Caller, upstream: FakeOpenAI, reply: Reply, streams: bool
) -> None:
    upstream.script(reply)
    assert await caller.call(streams=streams) == faults.ANSWER.text


@pytest.mark.parametrize("kind", faults.NONSENSE_USAGES)
async def test_nonsense_for_usage_is_never_a_credit(hasty: Served, upstream: FakeOpenAI, kind: str) -> None:
    upstream.reset()
    upstream.script(faults.NONSENSE_USAGES[kind], faults.NONSENSE_USAGES[kind])
    async with grpc.aio.insecure_channel(hasty.grpc) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        whole = await stub.Generate(grpc_request(MODEL))
        streamed = [event async for message in stub.StreamGenerate(grpc_request(MODEL)) for event in message.events]
    for usage in (whole.usage, streamed[-1].finished.usage):
        assert usage.input_token_count >= 0
        assert usage.output_token_count >= 0
        assert usage.cost_usd_nanos >= 0
        if kind == "missing":
            assert usage.source != usage_pb2.Usage.SOURCE_PROVIDER
            assert usage.output_token_count > 0


@pytest.mark.parametrize(
    ("reply", "field"),
    [
        (chat(Answer(tool_calls=[ToolCall("call_1", "bank", "{}")])), "candidates[0].message.parts[0].tool_call.name"),
        (
            chat(Answer(tool_calls=[ToolCall("call_1", "weather", '{"city": ')])),
            "candidates[0].message.parts[0].tool_call.arguments_json",
        ),
        (chat(faults.ANSWER, usage=wire.usage_of(10**6, 5)), "usage.input_token_count"),
    ],
    ids=["U16 a tool not offered", "U16 broken arguments", "U14 beyond the request's own bytes"],
)
async def test_what_is_doubtful_is_passed_on_and_flagged(
    hasty: Served, upstream: FakeOpenAI, reply: Reply, field: str
) -> None:
    upstream.reset()
    upstream.script(reply, reply)
    request = grpc_request(MODEL)
    request.tools.add().function.name = "weather"
    async with grpc.aio.insecure_channel(hasty.grpc) as channel:
        stub = gateway_pb2_grpc.LLMGatewayStub(channel)
        whole = await stub.Generate(request)
        events = [event async for message in stub.StreamGenerate(request) for event in message.events]
    streamed = fold(events)
    assert [warning.field for warning in whole.call.warnings] == [field]
    assert streamed.call.warnings == whole.call.warnings
    assert streamed.candidates == whole.candidates
    calls = [part.tool_call for part in whole.candidates[0].message.parts if part.HasField("tool_call")]
    assert [(call.name, call.arguments_json) for call in calls] in ([], [("bank", "{}")], [("weather", '{"city": ')])
