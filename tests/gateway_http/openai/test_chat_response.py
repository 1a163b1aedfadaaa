"""An answer, whole or as chunks, is what OpenAI's clients read; both say the same, and no text can forge an event."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway import unfold
from llmgateway.v1 import generation_pb2, message_pb2, stream_pb2
from llmgateway_http.openai.chat_response import to_chat_completion
from llmgateway_http.openai.chat_stream import ChatChunks
from llmgateway_server.app import Gateway
from llmgateway_server.config.settings import ProviderSettings, ServerSettings, Settings
from llmgateway_server.telemetry.logs import LineWriter

from tests import specs

Json = dict[str, Any]  # Any: decoded JSON
Event = stream_pb2.GenerationEvent
Response = generation_pb2.GenerateResponse

ENDPOINT = "POST /chat/completions"
ASSISTANT = message_pb2.ROLE_ASSISTANT
STOP, TOOL_CALLS = generation_pb2.FINISH_REASON_STOP, generation_pb2.FINISH_REASON_TOOL_CALLS
CALL: Json = {"call_id": "c-1", "create_time": {"seconds": 1_700_000_000}}
TOKEN: Json = {"token": "é", "utf8": "é".encode(), "logprob": -0.5, "top_logprobs": [{"token": "e", "logprob": -1.5}]}
TOKEN_JSON: Json = {
    "token": "é",
    "logprob": -0.5,
    "bytes": [195, 169],
    "top_logprobs": [{"token": "e", "logprob": -1.5, "bytes": None}],
}
CITATION: Json = {"uri": "https://e.org", "title": "E", "start_index": 1, "end_index": 3}
CITATION_JSON: Json = {
    "type": "url_citation",
    "url_citation": {"url": "https://e.org", "title": "E", "start_index": 1, "end_index": 3},
}
CALL_PART: Json = {"tool_call": {"id": "t1", "name": "f", "arguments_json": '{"a":1}'}}
CALL_JSON: Json = {"id": "t1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}

# (name, parts, what the message holds besides its role and those members that are null)
PARTS: list[tuple[str, list[Json], Json]] = [
    ("nothing", [], {"content": ""}),
    ("text", [{"text": "Hi"}], {"content": "Hi"}),
    ("texts are joined", [{"text": "a"}, {"text": "b"}], {"content": "ab"}),
    ("reasoning", [{"reasoning": {"text": "hm"}}, {"text": "a"}], {"content": "a", "reasoning_content": "hm"}),
    ("refusal", [{"refusal": "no"}], {"refusal": "no"}),
    ("a function", [CALL_PART], {"tool_calls": [CALL_JSON]}),
    ("text and a function", [{"text": "a"}, CALL_PART], {"content": "a", "tool_calls": [CALL_JSON]}),
    (
        "a custom tool",
        [{"tool_call": {"id": "t", "name": "sh", "text": "ls"}}],
        {"tool_calls": [{"id": "t", "type": "custom", "custom": {"name": "sh", "input": "ls"}}]},
    ),
    (
        "a call with members of the provider's",
        [{**CALL_PART, "provider_json": {"openai": '{"extra_content":{"x":1},"id":"forged"}', "other": '{"y":1}'}}],
        {"tool_calls": [{**CALL_JSON, "extra_content": {"x": 1}}]},
    ),
    (
        "a call that the provider ran",
        [{"tool_call": {"id": "t", "name": "search", "arguments_json": "{}", "executor": 2}}, {"text": "a"}],
        {
            "content": "a",
            "provider_parts": [
                {
                    "index": 0,
                    "part_index": 0,
                    "part": {
                        "tool_call": {
                            "id": "t",
                            "name": "search",
                            "arguments_json": "{}",
                            "executor": "EXECUTOR_PROVIDER",
                        }
                    },
                }
            ],
        },
    ),
    (
        "an image",
        [{"media": {"mime_type": "image/png", "data": b"\0\1"}, "signature": {"provider": "gemini", "value": "cw=="}}],
        {
            "content": "",
            "images": [
                {
                    "type": "image_url",
                    "image_url": {"url": "data:image/png;base64,AAE="},
                    "index": 0,
                    "part_index": 0,
                    "extra_content": {"gemini": {"thought_signature": "cw=="}},
                }
            ],
        },
    ),
    (
        "audio",
        [{"item_id": "au", "media": {"data": b"\0\1", "transcript": "hi", "expire_time": {"seconds": 9}}}],
        {"audio": {"id": "au", "data": "AAE=", "transcript": "hi", "expires_at": 9}},
    ),
    ("a citation", [{"text": "abcd", "annotations": [CITATION]}], {"content": "abcd", "annotations": [CITATION_JSON]}),
    ("a part of no known kind", [{}, {"text": "a"}], {"content": "a"}),
]

F = generation_pb2
# (reason, the provider's word, the word that a client reads, the word kept beside it)
REASONS: list[tuple[int, str, str, str | None]] = [
    (F.FINISH_REASON_STOP, "stop", "stop", None),
    (F.FINISH_REASON_STOP, "end_turn", "stop", "end_turn"),
    (F.FINISH_REASON_LENGTH, "length", "length", None),
    (F.FINISH_REASON_LENGTH, "max_tokens", "length", "max_tokens"),
    (F.FINISH_REASON_TOOL_CALLS, "tool_calls", "tool_calls", None),
    (F.FINISH_REASON_CONTENT_FILTERED, "content_filter", "content_filter", None),
    (F.FINISH_REASON_CONTEXT_FULL, "model_length", "length", "model_length"),
    (F.FINISH_REASON_REFUSED, "refusal", "stop", "refusal"),
    (F.FINISH_REASON_PAUSED, "pause_turn", "stop", "pause_turn"),
    (F.FINISH_REASON_OTHER, "odd", "stop", "odd"),
    (999, "", "stop", None),
]


def answer(*parts: Json, finish: int = STOP, call: Json | None = None, **members: Any) -> Response:
    candidate = {"message": {"role": ASSISTANT, "parts": list(parts)}, "finish_reason": finish}
    candidate |= members.pop("candidate", {})
    return Response(call={**CALL, **(call or {})}, candidates=[candidate], **members)  # type: ignore[arg-type]


def streamed(response: Response, *, with_usage: bool = False) -> list[Json]:
    """Return the chunks of an answer whose events arrive together."""
    return ChatChunks("fast", with_usage=with_usage).chunks(unfold(response))


def merged(chunks: list[Json]) -> dict[int, Json]:
    """Add chunks up as clients do: texts are appended, tool calls by their index. By candidate, the whole choice."""
    choices: dict[int, Json] = {}
    for chunk in chunks:
        for choice in chunk["choices"]:
            at = choices.setdefault(choice["index"], {"message": {}, "logprobs": {}, "calls": {}})
            if choice["finish_reason"] is not None:
                assert "finish_reason" not in at, "a candidate finishes once"
                at["finish_reason"] = choice["finish_reason"]
            for name, tokens in (choice["logprobs"] or {}).items():
                at["logprobs"].setdefault(name, []).extend(tokens or [])
            for name, value in choice["delta"].items():
                if name == "tool_calls":
                    for call in value:
                        append(at["calls"].setdefault(call["index"], {}), call)
                else:
                    append(at["message"], {name: value})
    return choices


def append(into: Json, delta: Json) -> None:
    """Append a delta: texts grow where they are content; ids, names and types are said once."""
    for name, value in delta.items():
        if name in ("index",):
            continue
        if isinstance(value, dict):
            append(into.setdefault(name, {}), value)
        elif isinstance(value, list):
            into[name] = into.get(name, []) + value
        elif name in into and isinstance(value, str):
            into[name] += value
        else:
            into[name] = value


def shown(message: Json) -> Json:
    return {name: value for name, value in message.items() if name != "role" and value is not None}


@pytest.mark.parametrize(("parts", "message"), [row[1:] for row in PARTS], ids=[row[0] for row in PARTS])
def test_parts_become_a_message(parts: list[Json], message: Json) -> None:
    said = to_chat_completion(answer(*parts), "fast")["choices"][0]["message"]
    assert said["role"] == "assistant"
    assert {"content", "refusal"} <= said.keys()
    assert shown(said) == message


def test_a_body_has_the_head_that_clients_read() -> None:
    body = to_chat_completion(answer({"text": "Hi"}), "fast")
    assert body["id"] == "chatcmpl-c-1"
    assert (body["object"], body["created"], body["model"]) == ("chat.completion", 1_700_000_000, "fast")
    assert "service_tier" not in body
    told = to_chat_completion(answer(call={"provider_response_id": "resp-1", "service_tier": "flex"}), "fast")
    assert (told["id"], told["service_tier"]) == ("resp-1", "flex")


@pytest.mark.parametrize(("reason", "word", "told", "native"), REASONS)
def test_a_reason_has_its_word_whole_and_streamed(reason: int, word: str, told: str, native: str | None) -> None:
    response = answer({"text": "a"}, finish=reason, candidate={"provider_finish_reason": word})
    for choice in (to_chat_completion(response, "m")["choices"][0], streamed(response)[-1]["choices"][0]):
        assert (choice["finish_reason"], choice.get("native_finish_reason")) == (told, native)


def test_calls_are_announced_even_if_the_provider_said_stop() -> None:
    response = answer(CALL_PART, finish=STOP)
    assert to_chat_completion(response, "m")["choices"][0]["finish_reason"] == "tool_calls"
    assert streamed(response)[-1]["choices"][0]["finish_reason"] == "tool_calls"
    cut = answer(CALL_PART, finish=generation_pb2.FINISH_REASON_LENGTH)
    assert to_chat_completion(cut, "m")["choices"][0]["finish_reason"] == "length"


@pytest.mark.parametrize(("kind", "other"), [("content", "refusal"), ("refusal", "content")])
def test_log_probabilities_lie_beside_what_they_belong_to(kind: str, other: str) -> None:
    part = {"text" if kind == "content" else kind: "éé", "logprobs": [TOKEN, TOKEN]}
    wanted = {kind: [TOKEN_JSON, TOKEN_JSON], other: None}
    assert to_chat_completion(answer(part), "m")["choices"][0]["logprobs"] == wanted
    assert [chunk["choices"][0]["logprobs"] for chunk in streamed(answer(part))] == [wanted, None]


def test_usage_is_told_in_full() -> None:
    usage = {
        "input_token_count": 10,
        "output_token_count": 7,
        "cached_input_token_count": 4,
        "cache_write_input_token_count": 2,
        "audio_input_token_count": 1,
        "reasoning_token_count": 5,
        "audio_output_token_count": 3,
        "accepted_prediction_token_count": 8,
        "rejected_prediction_token_count": 9,
        "provider_json": '{"prompt_tokens": 999, "cost": 0.25}',
    }
    assert to_chat_completion(answer(usage=usage), "m")["usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 7,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 1, "cache_write_tokens": 2},
        "completion_tokens_details": {
            "reasoning_tokens": 5,
            "audio_tokens": 3,
            "accepted_prediction_tokens": 8,
            "rejected_prediction_tokens": 9,
        },
        "cost": 0.25,  # the provider's own is put back, and does not replace ours
    }


def test_members_without_a_home_are_put_back_and_replace_none_of_ours() -> None:
    own = '{"grounding": 1, "index": 9, "message": {"mood": "good", "role": "forged"}}'
    response = answer(
        {"text": "a"},
        call={"provider_json": '{"system_fingerprint": "fp", "citations": ["u"], "id": "forged"}'},
        candidate={"provider_json": own},
    )
    body = to_chat_completion(response, "m")
    assert (body["system_fingerprint"], body["citations"], body["id"]) == ("fp", ["u"], "chatcmpl-c-1")
    choice = body["choices"][0]
    assert (choice["grounding"], choice["index"]) == (1, 0)
    assert (choice["message"]["mood"], choice["message"]["role"]) == ("good", "assistant")
    chunks = streamed(response)
    assert {chunk["system_fingerprint"] for chunk in chunks} == {"fp"}
    assert chunks[-1]["choices"][0]["grounding"] == 1
    assert chunks[-1]["choices"][0]["delta"]["mood"] == "good"


def test_a_stream_s_usage_is_shown_only_to_those_who_asked() -> None:
    response = answer({"text": "a"}, usage={"input_token_count": 1, "output_token_count": 2})
    assert all("usage" not in chunk for chunk in streamed(response))
    *chunks, last = streamed(response, with_usage=True)
    assert all(chunk["usage"] is None for chunk in chunks)
    assert last["choices"] == []
    assert last["usage"]["total_tokens"] == 3


def test_the_first_chunk_of_a_candidate_names_its_role_and_all_chunks_share_a_head() -> None:
    response = Response(
        call=CALL,  # type: ignore[arg-type]
        candidates=[
            {"index": index, "message": {"role": ASSISTANT, "parts": [{"text": f"{index}a"}]}, "finish_reason": STOP}  # type: ignore[list-item]
            for index in range(2)
        ],
    )
    chunks = streamed(response)
    heads = {(chunk["id"], chunk["object"], chunk["created"], chunk["model"]) for chunk in chunks}
    assert heads == {("chatcmpl-c-1", "chat.completion.chunk", 1_700_000_000, "fast")}
    for index in range(2):
        deltas = [chunk["choices"][0]["delta"] for chunk in chunks if chunk["choices"][0]["index"] == index]
        assert ["role" in delta for delta in deltas] == [True, False]
        assert deltas[0]["content"] == f"{index}a"


def test_interleaved_calls_keep_their_places() -> None:
    events = [
        Event(started={}),  # type: ignore[arg-type]
        *(
            Event(part_started={"index": place, "part": {"tool_call": {"id": f"t{place}", "name": "f"}}})  # type: ignore[arg-type]
            for place in range(2)
        ),
        *(
            Event(part_delta={"index": place, "arguments_json": piece})  # type: ignore[arg-type]
            for place, piece in ((1, "[1"), (0, "[0"), (1, ",1]"), (0, "]"))
        ),
    ]
    calls = merged(ChatChunks("m", with_usage=False).chunks(events))[0]["calls"]
    assert {place: (call["id"], call["function"]["arguments"]) for place, call in calls.items()} == {
        0: ("t0", "[0]"),
        1: ("t1", "[1,1]"),
    }


def test_heartbeats_unknown_events_and_what_belongs_to_hidden_calls_make_no_chunk() -> None:
    hidden = {"tool_call": {"id": "t", "name": "search", "arguments_json": "", "executor": 2}}
    events = [
        Event(heartbeat={}),  # type: ignore[arg-type]
        Event.FromString(b"\xfa\x3f\x02hi"),  # field 1023, bytes
        Event(provider_event={"dialect": "openai", "type": "x", "json": "{}"}),  # type: ignore[arg-type]
        Event(part_started={"index": 0, "part": hidden}),  # type: ignore[arg-type]
        Event(part_delta={"index": 0, "arguments_json": "{}"}),  # type: ignore[arg-type]
        Event(part_started={"index": 1, "part": {}}),  # type: ignore[arg-type]
        Event(part_delta={"index": 1, "text": "of a kind that is not known"}),  # type: ignore[arg-type]
    ]
    assert ChatChunks("m", with_usage=False).chunks(events) == []


TEXT = st.text(max_size=8)
PART = st.one_of(
    TEXT.map(lambda text: {"text": text, "logprobs": [TOKEN] if text else []}),
    TEXT.map(lambda text: {"reasoning": {"text": text}}),
    TEXT.map(lambda text: {"refusal": text or "no"}),
    TEXT.map(lambda text: {"text": text, "annotations": [CITATION]}),
    st.builds(lambda name, text: {"tool_call": {"id": "i", "name": name, "arguments_json": text or "{}"}}, TEXT, TEXT),
    st.builds(lambda name, text: {"tool_call": {"id": "i", "name": name, "text": text or "x"}}, TEXT, TEXT),
)


@st.composite
def cut(draw: st.DrawFn, response: Response) -> list[list[Event]]:
    """Cut an answer's events: texts at any place into deltas, and the events at any place into messages."""
    events: list[Event] = []
    for event in unfold(response):
        events.append(event)
        if not event.HasField("part_started"):
            continue
        started = event.part_started
        kind = started.part.WhichOneof("content")
        holder, field, member = {
            "text": (started.part, "text", "text"),
            "refusal": (started.part, "refusal", "text"),
            "reasoning": (started.part.reasoning, "text", "text"),
            "tool_call": (started.part.tool_call, *(started.part.tool_call.WhichOneof("input") or "",) * 2),
        }[kind or ""]
        text = getattr(holder, field)
        places = sorted(draw(st.sets(st.integers(1, len(text)), max_size=3))) if text else []
        first, *rest = [text[place:end] for place, end in zip([0, *places], [*places, len(text)], strict=True)]
        setattr(holder, field, first)
        for piece in filter(None, rest):
            delta = stream_pb2.PartDelta(index=started.index, **{member: piece})  # type: ignore[arg-type]
            events.append(Event(candidate_index=event.candidate_index, part_delta=delta))
    borders = sorted(draw(st.sets(st.integers(1, len(events) - 1), max_size=4)))
    return [events[start:end] for start, end in zip([0, *borders], [*borders, len(events)], strict=True)]


@given(st.data())
def test_a_stream_adds_up_to_the_whole_answer(data: st.DataObject) -> None:
    candidates = data.draw(st.lists(st.lists(PART, max_size=4), min_size=1, max_size=2))
    response = Response(
        call=CALL,  # type: ignore[arg-type]
        candidates=[
            {"index": index, "message": {"role": ASSISTANT, "parts": parts}, "finish_reason": STOP}  # type: ignore[list-item]
            for index, parts in enumerate(candidates)
        ],
    )
    maker = ChatChunks("fast", with_usage=False)
    added = merged([chunk for events in data.draw(cut(response)) for chunk in maker.chunks(events)])
    for choice in to_chat_completion(response, "fast")["choices"]:
        at = added[choice["index"]]
        message, wanted = at["message"], choice["message"]
        assert message.pop("role") == wanted.pop("role")
        assert (message.pop("content") or "") == (wanted.pop("content") or "")
        assert (message.pop("reasoning_content", "")) == (wanted.pop("reasoning_content", ""))
        assert [at["calls"][place] for place in sorted(at["calls"])] == wanted.pop("tool_calls", [])
        assert message == {name: value for name, value in wanted.items() if value is not None}
        tokens = {name: tokens for name, tokens in at["logprobs"].items() if tokens}
        assert tokens == {name: tokens for name, tokens in (choice["logprobs"] or {}).items() if tokens}
        assert at["finish_reason"] == choice["finish_reason"]


@specs.needs_specs
def test_bodies_and_chunks_are_what_openai_describes() -> None:
    check_body = specs.validator("openai", ENDPOINT, "response")
    check_chunk = specs.validator("openai", ENDPOINT, "stream")
    assert check_body({}) != []
    assert check_chunk({}) != []
    for name, parts, _ in PARTS:
        response = answer(*parts, usage={"input_token_count": 1, "output_token_count": 2})
        body = json.loads(json.dumps(to_chat_completion(response, "fast")))
        assert check_body(body) == [], name
        if name == "a custom tool":
            continue  # OpenAI's description of chunks knows calls of functions only.
        for chunk in streamed(response, with_usage=True):
            assert check_chunk(json.loads(json.dumps(chunk))) == [], name


def test_audio_travels_in_pieces_that_are_base64_each() -> None:
    events = [
        Event(part_started={"index": 0, "part": {"item_id": "au", "media": {"mime_type": "audio/pcm"}}}),  # type: ignore[arg-type]
        Event(part_delta={"index": 0, "data": b"\0"}),  # type: ignore[arg-type]
        Event(part_delta={"index": 0, "data": b"\1\2"}),  # type: ignore[arg-type]
        Event(part_delta={"index": 0, "transcript": "hi"}),  # type: ignore[arg-type]
    ]
    sounds = [chunk["choices"][0]["delta"]["audio"] for chunk in ChatChunks("m", with_usage=False).chunks(events)]
    assert sounds[0] == {"id": "au"}
    assert b"".join(base64.b64decode(sound.get("data", "")) for sound in sounds) == b"\0\1\2"
    assert sounds[-1] == {"transcript": "hi"}


@pytest.fixture
async def rest() -> AsyncIterator[str]:
    listen = "127.0.0.1:0"
    settings = Settings(
        server=ServerSettings(grpc_listen=listen, http_listen=listen, metrics_listen=listen, admin_listen=listen),
        providers={"mock": ProviderSettings()},
    )
    writer = LineWriter(io.BytesIO())
    gateway = Gateway(settings, writer)
    await gateway.start()
    try:
        yield f"http://{gateway.listening.http}"
    finally:
        await gateway.close()
        writer.close()


@pytest.mark.parametrize("end", ["\n\n", "\r\r", "\r\n\r\n", "\u2028\u2028", "\x85\x85", "\x00\n\n", '"}\n\n'])
async def test_a_text_cannot_forge_an_event(rest: str, end: str) -> None:
    forged = f"a{end}data: [DONE]{end}event: error{end}: comment{end}data: {{}}{end}z"
    body = {"model": "mock/echo", "stream": True, "messages": [{"role": "user", "content": forged}]}
    async with aiohttp.ClientSession() as session, session.post(f"{rest}/v1/chat/completions", json=body) as reply:
        assert reply.status == 200
        raw = await reply.read()
    assert b"\r" not in raw
    *events, nothing = raw.split(b"\n\n")
    assert nothing == b""
    assert all(event.startswith(b"data: ") and b"\n" not in event for event in events)
    assert events.pop() == b"data: [DONE]"
    chunks = [json.loads(event.removeprefix(b"data: ")) for event in events]
    assert merged(chunks)[0]["message"]["content"] == forged


@pytest.mark.parametrize("alone", [True, False])
def test_what_the_provider_said_of_the_whole_is_told_however_the_stream_is_batched(alone: bool) -> None:
    events = unfold(answer({"text": "Hi"}, call={"provider_json": '{"citations":["x"]}'}))
    chunks = ChatChunks("m", with_usage=False)
    batches = [[event] for event in events] if alone else [events]
    made = [chunk for batch in batches for chunk in chunks.chunks(batch)]
    assert [chunk.get("citations") for chunk in made[-2:]] == [None, ["x"]]
    assert made[-1]["choices"][0]["finish_reason"] == "stop"


def test_what_is_known_of_a_call_only_at_its_end_is_told() -> None:
    call = message_pb2.Part(tool_call=message_pb2.ToolCall(id="a", name="f", arguments_json="{}"))
    finished = stream_pb2.PartFinished(provider_json={"openai": '{"extra_content":{"a":1}}'})
    chunks = ChatChunks("m", with_usage=False)
    chunks.chunks(
        [Event(started=stream_pb2.GenerationStarted()), Event(part_started=stream_pb2.PartStarted(part=call))]
    )
    (chunk,) = chunks.chunks([Event(part_finished=finished)])
    assert chunk["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "extra_content": {"a": 1}}]


def test_an_empty_delta_of_a_custom_call_stays_one() -> None:
    call = message_pb2.Part(tool_call=message_pb2.ToolCall(id="a", name="f", text=""))
    chunks = ChatChunks("m", with_usage=False)
    chunks.chunks(
        [Event(started=stream_pb2.GenerationStarted()), Event(part_started=stream_pb2.PartStarted(part=call))]
    )
    (chunk,) = chunks.chunks([Event(part_delta=stream_pb2.PartDelta(text=""))])
    assert chunk["choices"][0]["delta"]["tool_calls"] == [{"index": 0, "custom": {"input": ""}}]


def test_a_probability_of_nothing_is_a_number() -> None:
    token = message_pb2.TokenLogprob(token="a", logprob=float("-inf"))
    response = generation_pb2.GenerateResponse()
    response.candidates.add().message.parts.add(text="a", logprobs=[token])
    told = to_chat_completion(response, "m")["choices"][0]["logprobs"]["content"][0]
    assert told["logprob"] == -9999.0


def test_details_of_usage_without_a_home_are_put_back_among_ours() -> None:
    response = answer({"text": "Hi"})
    response.usage.provider_json = (
        '{"prompt_tokens":9,"prompt_tokens_details":{"image_tokens":7,"cached_tokens":9},"cost":1}'
    )
    usage = to_chat_completion(response, "m")["usage"]
    assert (usage["prompt_tokens"], usage["cost"]) == (response.usage.input_token_count, 1)
    assert usage["prompt_tokens_details"] == {"image_tokens": 7, "cached_tokens": 0, "audio_tokens": 0}
