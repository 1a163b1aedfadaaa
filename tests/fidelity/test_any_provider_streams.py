"""Items 1 to 8 of the checklist for any provider: the wire, failures, the end of a call, usage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import aiohttp
import pytest
from llmgateway_server.config.auth import AuthSettings
from llmgateway_server.config.settings import LimitSettings
from openai._streaming import SSEDecoder

from tests.fakes.canned import Canned, json_answer
from tests.fakes.exchange import Exchange, Reply
from tests.fidelity.answers import DIALECTS, SSE, dumps
from tests.fidelity.bench import HELLO, Bench, in_pieces, read_stream
from tests.fidelity.gateway import serving

pytestmark = pytest.mark.asyncio(loop_scope="session")

every_dialect = pytest.mark.parametrize("vendor", DIALECTS)
every_sse_dialect = pytest.mark.parametrize("vendor", [name for name, one in DIALECTS.items() if one.media_type == SSE])
WORDS = ("Zwölf ", "🦊 und ", "猫\n\ndata: x")
USAGE = {"include_usage": True}


# 1. UTF-8 and SSE over chunk borders.


@every_dialect
async def test_01_utf8_and_events_over_chunk_borders(bench: Bench, vendor: str) -> None:
    dialect = DIALECTS[vendor]
    stream = b"".join(dialect.frames(WORDS, dialect.stop))

    async def byte_by_byte(exchange: Exchange) -> None:
        await exchange.send_head(200, {"content-type": dialect.media_type})
        for place in range(len(stream)):
            await exchange.send(stream[place : place + 1])
            await asyncio.sleep(0)  # the gateway's turn: it runs in the same loop
        await exchange.end()

    bench.script(byte_by_byte)
    streamed = await bench.stream(vendor)
    assert (streamed.text, streamed.finish, streamed.is_done) == ("".join(WORDS), "stop", True)


def crlf(frame: bytes) -> bytes:
    return frame.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def without_space(frame: bytes) -> bytes:
    return frame.replace(b"data: ", b"data:", 1)


def over_lines(frame: bytes) -> bytes:
    """Write an event's JSON over several lines, each a `data` of its own."""
    head, _, data = frame.decode().strip().partition("data: ")
    if data == "[DONE]":
        return frame
    lines = json.dumps(json.loads(data), indent=1, ensure_ascii=False).splitlines()
    return (head + "".join(f"data: {line}\n" for line in lines) + "\n").encode()


@every_sse_dialect
@pytest.mark.parametrize("written", [crlf, without_space, over_lines])
async def test_01_events_however_they_are_written(bench: Bench, vendor: str, written: Callable[[bytes], bytes]) -> None:
    dialect = DIALECTS[vendor]
    frames = [written(frame) for frame in dialect.frames(WORDS, dialect.stop)]
    assert frames != dialect.frames(WORDS, dialect.stop) or (vendor, written) == ("gemini", crlf)
    bench.script(in_pieces(SSE, *frames))
    streamed = await bench.stream(vendor)
    assert (streamed.text, streamed.is_done) == ("".join(WORDS), True)


# 2. Keep-alives.


@every_dialect
async def test_02_keep_alives_of_the_provider_are_swallowed(bench: Bench, vendor: str) -> None:
    dialect = DIALECTS[vendor]
    quiet = (b": comment\n\n", b"data: : keepalive\n\n", b'data: {"type":"keepalive"}\n\n', b"\n", b"")
    if dialect.media_type != SSE:
        quiet = (b"\n",) if vendor == "ollama" else (b"",)
    frames = [piece for frame in dialect.frames(("a", "b"), dialect.stop) for piece in (*quiet, frame)]
    bench.script(in_pieces(dialect.media_type, *frames))
    streamed = await bench.stream(vendor)
    assert (streamed.text, streamed.is_done) == ("ab", True)
    assert all(chunk["object"] == "chat.completion.chunk" for chunk in streamed.chunks)


async def test_02_our_own_keep_alives_are_comments_that_openai_s_client_does_not_see() -> None:
    gate = asyncio.Event()
    frames = DIALECTS["openai"].frames(("a", "b"), "stop")

    async def held(exchange: Exchange) -> None:
        await exchange.send_head(200, {"content-type": SSE})
        await exchange.send(b"".join(frames[:2]))
        await gate.wait()
        await exchange.send(b"".join(frames[2:]))
        await exchange.end()

    async with serving(AuthSettings(), LimitSettings(keep_alive_s=0.01)) as quick:
        quick.script(held)
        body = {"model": "openai/m-1", "messages": HELLO, "stream": True}
        async with quick.rest.post("/v1/chat/completions", json=body) as answer:
            told = await answer.content.readuntil(b": ping\n")
            gate.set()
            told += await answer.content.read()
    assert b": ping\n\n" not in told
    events = [event.data for event in SSEDecoder().iter_bytes(iter([told]))]
    assert all(events)
    assert events[-1] == "[DONE]"


# 3. The provider's status before ours.


@every_dialect
@pytest.mark.parametrize(
    ("theirs", "ours", "code"),
    [
        (400, 400, "provider_rejected_request"),
        (401, 502, "provider_key_rejected"),
        (429, 429, "rate_limit_exceeded"),
        (500, 502, "provider_bad_response"),
        (503, 503, "provider_overloaded"),
        (529, 503, "provider_overloaded"),
    ],
)
async def test_03_a_refusal_of_a_stream_is_a_status_and_no_stream(
    bench: Bench, vendor: str, theirs: int, ours: int, code: str
) -> None:
    bench.script(json_answer({"error": {"message": "no"}}, theirs))
    answered = await bench.chat(vendor, stream=True)
    assert (answered.status, answered.error["code"]) == (ours, code)
    assert answered.headers["content-type"] == "application/json"


@every_dialect
async def test_03_an_error_in_place_of_the_first_event_is_a_status(bench: Bench, vendor: str) -> None:
    bench.script(Canned(b"", DIALECTS[vendor].media_type))
    answered = await bench.chat(vendor, stream=True)
    assert (answered.status, answered.error["code"]) == (502, "provider_bad_response")


# 4. Failures in mid-stream.


def broken(vendor: str, how: str, gate: asyncio.Event) -> Reply:
    """Return a stream that says one word, and breaks once it has been read."""
    dialect = DIALECTS[vendor]
    frames = dialect.frames(("one", "two"), dialect.stop)
    said = next(place for place, frame in enumerate(frames) if b"one" in frame) + 1
    malformed = b'data: {"choices": [{"delta"\n\n' if dialect.media_type == SSE else b'{"message\n' * 9

    async def reply(exchange: Exchange) -> None:
        await exchange.send_head(200, {"content-type": dialect.media_type})
        await exchange.send(b"".join(frames[:said]))
        await gate.wait()
        if how == "cut":
            exchange.cut()
        elif how == "disconnect":
            exchange.reset()
        else:
            await exchange.send(b"" if how == "end" else b"".join([malformed, *frames[said:]]))
            await exchange.end()

    return reply


@every_dialect
@pytest.mark.parametrize("how", ["cut", "disconnect", "end", "malform"])
async def test_04_a_failure_in_mid_stream_is_an_error_event_without_stop_or_done(
    bench: Bench, vendor: str, how: str
) -> None:
    gate = asyncio.Event()
    bench.script(broken(vendor, how, gate))
    body = {"model": f"{vendor}/m-1", "messages": HELLO, "stream": True}
    async with bench.rest.post("/v1/chat/completions", json=body) as answer:
        head = await answer.content.readuntil(b'"one"')
        gate.set()
        streamed = read_stream((head + await answer.content.read()).decode())
    assert streamed.text == "one"
    assert streamed.finish is None
    assert not streamed.is_done
    assert streamed.chunks[-1]["error"]["code"] == "stream_broken"


# 5. The client goes away.


@every_dialect
@pytest.mark.parametrize("when", ["after content", "before content", "whole"])
async def test_05_a_client_that_leaves_closes_the_provider_s_connection(bench: Bench, vendor: str, when: str) -> None:
    dialect = DIALECTS[vendor]
    frames = dialect.frames(("one", "two"), dialect.stop)
    said = next(place for place, frame in enumerate(frames) if b"one" in frame) + 1

    async def reply(exchange: Exchange) -> None:
        if when == "after content":
            await exchange.send_head(200, {"content-type": dialect.media_type})
            await exchange.send(b"".join(frames[:said]))
        await exchange.closed.wait()

    bench.script(reply)
    body = {"model": f"{vendor}/m-1", "messages": HELLO, "stream": when != "whole"}
    async with aiohttp.ClientSession(bench.address) as leaving:
        call = asyncio.ensure_future(leaving.post("/v1/chat/completions", json=body))
        if when == "after content":
            answer = await call
            await answer.content.readuntil(b"\n\n")
            answer.close()
        else:
            await bench.fake.arrived()
            call.cancel()
        await bench.fake.closed()


# 6. Rate limits.


@every_dialect
@pytest.mark.parametrize("status", [429, 503, 529])
@pytest.mark.parametrize(("name", "value"), [("retry-after", "7"), ("retry-after-ms", "6500")])
async def test_06_when_to_come_back_is_passed_on(bench: Bench, vendor: str, status: int, name: str, value: str) -> None:
    said = "slow down, sk-abcdefgh0123456789 has had enough"
    body = {"message": said} if vendor in ("bedrock", "cohere") else {"error": {"message": said}}
    bench.script(Canned(dumps(body).encode(), status=status, headers={name: value}))
    answered = await bench.chat(vendor)
    assert (answered.status, answered.headers["retry-after"]) == (429 if status == 429 else 503, "7")
    assert answered.headers["retry-after-ms"] == ("7000" if value == "7" else "6500")
    assert answered.headers["x-should-retry"] == "true"
    assert answered.error["provider_message"] == "slow down, *** has had enough"


async def test_06_google_s_delay_is_in_the_body(bench: Bench) -> None:
    retry = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34.4s"}
    status = {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [retry]}
    bench.script(json_answer({"error": status}, 429))
    answered = await bench.chat("gemini")
    assert (answered.status, answered.headers["retry-after"], answered.headers["retry-after-ms"]) == (
        429,
        "35",
        "34400",
    )


@every_dialect
@pytest.mark.parametrize("stream", [False, True])
async def test_06_rate_limit_headers_are_passed_on_under_their_own_names(
    bench: Bench, vendor: str, stream: bool
) -> None:
    limits = {
        "x-ratelimit-remaining-requests": "0",
        "anthropic-ratelimit-tokens-reset": "2026-11-25T00:00:00Z",
        "x-request-cost": "12",
    }
    bench.script(Canned(b'{"error": {"message": "no"}}', status=429, headers=limits))
    answered = await bench.chat(vendor, stream=stream)
    assert answered.status == 429
    assert answered.headers["x-ratelimit-remaining-requests"] == "0"
    assert answered.headers["anthropic-ratelimit-tokens-reset"] == "2026-11-25T00:00:00Z"
    assert "x-request-cost" not in answered.headers


# 7. Errors inside a 200, and the shape of ours.

ERRORS_IN_A_200 = {
    "anthropic": {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
    "bedrock": {"__type": "ServiceUnavailableException", "message": "Overloaded"},
    "cohere": {"id": "c-1", "finish_reason": "ERROR", "message": {"role": "assistant"}, "error": "Overloaded"},
    "gemini": [{"error": {"code": 503, "message": "Overloaded", "status": "UNAVAILABLE"}}],
    "ollama": {"error": "server busy, please try again. Overloaded"},
    "openai": {"error": {"message": "Overloaded", "type": "overloaded", "code": "503"}},
}


@every_dialect
@pytest.mark.parametrize("stream", [False, True])
async def test_07_an_error_inside_a_200_is_an_error_in_openai_s_shape(bench: Bench, vendor: str, stream: bool) -> None:
    bench.script(json_answer(ERRORS_IN_A_200[vendor]))
    answered = await bench.chat(vendor, stream=stream)
    assert answered.status == (502 if vendor == "cohere" else 503)
    assert {"message", "type", "param", "code"} <= answered.error.keys()
    assert "Overloaded" in answered.error["message"]


# 8. Usage of streams.


@every_dialect
async def test_08_usage_comes_once_at_the_end_where_it_is_asked_for(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS[vendor].stream("a", "b"))
    streamed = await bench.stream(vendor, stream_options=USAGE)
    *others, last = streamed.chunks
    assert [chunk["usage"] for chunk in others] == [None] * len(others)
    assert all(chunk["choices"] for chunk in others)
    assert (last["choices"], last["usage"]["total_tokens"]) == ([], 17)


@every_dialect
async def test_08_usage_is_asked_of_the_provider_always_and_shown_only_to_who_asks(bench: Bench, vendor: str) -> None:
    bench.script(DIALECTS[vendor].stream("a", "b"), DIALECTS[vendor].stream("a", "b"))
    streamed = await bench.stream(vendor)
    assert all(chunk["choices"] and "usage" not in chunk for chunk in streamed.chunks)
    if vendor == "openai":
        assert bench.sent["stream_options"] == USAGE
    # The gateway counts it all the same.
    folded = await bench.grpc.stream("Hi", model=f"{vendor}/m-1").collect()
    assert (folded.usage.input_token_count, folded.usage.output_token_count) == (10, 7)


@pytest.mark.parametrize("where", ["on the last choice", "on every chunk", "first null"])
async def test_08_usage_is_taken_wherever_it_stands(bench: Bench, where: str) -> None:
    chunks = [json.loads(frame[6:]) for frame in DIALECTS["openai"].frames(("a",), "stop")[:-1]]
    usage = chunks.pop()["usage"]
    for place, chunk in enumerate(chunks):
        is_last = place == len(chunks) - 1
        if is_last or where == "on every chunk":
            chunk["usage"] = usage if is_last else {**usage, "completion_tokens": place}
        elif where == "first null":
            chunk["usage"] = None
    bench.script(
        in_pieces(SSE, *(b"data: " + dumps(chunk).encode() + b"\n\n" for chunk in chunks), b"data: [DONE]\n\n")
    )
    streamed = await bench.stream("openai", stream_options=USAGE)
    assert streamed.chunks[-1]["usage"]["total_tokens"] == 17
