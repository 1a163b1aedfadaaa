"""The checklist for Gemini, at Google AI Studio and on Vertex AI."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.v1 import message_pb2

from tests.fakes.canned import Canned, json_answer
from tests.fidelity.answers import DIALECTS, GEMINI_USAGE, SSE, Call, Json, dumps, gemini_answer
from tests.fidelity.bench import HELLO, KEY, Bench, generation, in_pieces

pytestmark = pytest.mark.asyncio(loop_scope="session")

GEMINI = DIALECTS["gemini"]
TOOLS: list[Json] = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
RESULT: Json = {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}


def called(signature: str = "", call_id: str = "") -> Json:
    """Return a part that calls a function."""
    inner: Json = {"name": "look", "args": {"a": 1}, **({"id": call_id} if call_id else {})}
    return {"functionCall": inner, **({"thoughtSignature": signature} if signature else {})}


def chunks(*answers: Json) -> list[bytes]:
    return [f"data: {dumps(answer)}\r\n\r\n".encode() for answer in answers]


def asked(call_id: str = "call_1", **more: object) -> list[Json]:
    """Return a conversation with a call that another provider's model made."""
    call = {"id": call_id, "type": "function", "function": {"name": "look", "arguments": '{"a":1}'}, **more}
    return [*HELLO, {"role": "assistant", "content": None, "tool_calls": [call]}, {**RESULT, "tool_call_id": call_id}]


@pytest.mark.parametrize("vendor", ["gemini", "vertex"])
@pytest.mark.parametrize("stream", [False, True])
async def test_the_thought_signature_of_a_call_returns(bench: Bench, vendor: str, stream: bool) -> None:
    answer = gemini_answer(called("c2ln"), word="STOP", usageMetadata=GEMINI_USAGE)
    bench.script(in_pieces(SSE, *chunks(answer)) if stream else json_answer(answer), GEMINI.answer("ok"))
    if stream:
        streamed = await bench.stream(vendor, tools=TOOLS)
        pieces = [p for choice in streamed.choices for p in choice["delta"].get("tool_calls", ())]
        (extra,) = [piece["extra_content"] for piece in pieces if "extra_content" in piece]
        call_id = streamed.calls[0]["id"]
    else:
        (call,) = (await bench.chat(vendor, tools=TOOLS)).message["tool_calls"]
        call_id, extra = call["id"], call["extra_content"]
    assert extra == {vendor: {"thought_signature": "c2ln"}}
    await bench.chat(vendor, tools=TOOLS, messages=asked(call_id, extra_content=extra))
    (part,) = bench.fake.calls[1].body["contents"][1]["parts"]
    assert part["thoughtSignature"] == "c2ln"


@pytest.mark.parametrize(
    ("model", "expected"), [("gemini-3-pro", "skip_thought_signature_validator"), ("gemini-2.5-pro", None)]
)
async def test_a_call_of_another_provider_gets_the_documented_stand_in(
    bench: Bench, model: str, expected: str | None
) -> None:
    bench.script(GEMINI.answer("ok"))
    await bench.chat("gemini", model, tools=TOOLS, messages=asked())
    (part,) = bench.sent["contents"][1]["parts"]
    assert part.get("thoughtSignature") == expected


SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"n": {"type": "integer", "exclusiveMinimum": 0}, "x": {"$ref": "#/$defs/x"}},
    "$defs": {"x": {"type": "string"}},
    "additionalProperties": False,
}


@pytest.mark.parametrize("vendor", ["gemini", "vertex"])
async def test_schemas_go_where_json_schema_is_taken(bench: Bench, vendor: str) -> None:
    bench.script(GEMINI.answer("ok"))
    format_ = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA}}
    tool = {"type": "function", "function": {"name": "look", "parameters": SCHEMA}}
    await bench.chat(vendor, tools=[tool], response_format=format_)
    (declared,) = bench.sent["tools"][0]["functionDeclarations"]
    assert declared["parametersJsonSchema"] == SCHEMA
    assert "parameters" not in declared
    config = bench.sent["generationConfig"]
    assert (config["responseMimeType"], config["responseJsonSchema"]) == ("application/json", SCHEMA)


async def test_a_reference_in_a_tool_result_is_text(bench: Bench) -> None:
    bench.script(GEMINI.answer("ok"))
    output = '{"components": {"$ref": "#/x"}}'
    call = message_pb2.ToolCall(id="a", name="look", arguments_json="{}")
    result = message_pb2.ToolResult(tool_call_id="a", output_json=output)
    request = generation(
        "gemini",
        message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Hi")]),
        message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=[message_pb2.Part(tool_call=call)]),
        message_pb2.ChatMessage(role=message_pb2.ROLE_TOOL, parts=[message_pb2.Part(tool_result=result)]),
    )
    await bench.grpc.generate(request)
    (part,) = bench.sent["contents"][-1]["parts"]
    assert part["functionResponse"]["response"] == {"output": output}


async def test_roles_are_user_and_model_and_a_result_bears_its_function_s_name(bench: Bench) -> None:
    bench.script(GEMINI.answer("ok"))
    messages = [{"role": "system", "content": "Be kind."}, *asked(), {"role": "user", "content": "And?"}]
    await bench.chat("gemini", tools=TOOLS, messages=messages)
    assert [content["role"] for content in bench.sent["contents"]] == ["user", "model", "user"]
    result, text = bench.sent["contents"][2]["parts"]
    assert result["functionResponse"]["name"] == "look"
    assert text == {"text": "And?"}
    assert bench.sent["systemInstruction"]["parts"] == [{"text": "Be kind."}]


async def test_images_are_inline_data(bench: Bench) -> None:
    bench.script(GEMINI.answer("ok"))
    data = base64.b64encode(b"\x89PNG").decode()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    await bench.chat("gemini", messages=[{"role": "user", "content": [image]}])
    (part,) = bench.sent["contents"][0]["parts"]
    assert part == {"inlineData": {"mimeType": "image/png", "data": data}}


@pytest.mark.parametrize(("vendor", "named"), [("gemini", None), ("vertex", "a.pdf")])
async def test_a_file_s_name_is_left_out_and_said_where_it_has_no_place(
    bench: Bench, vendor: str, named: str | None
) -> None:
    bench.script(GEMINI.answer("ok"))
    file = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{base64.b64encode(b'%PDF').decode()}"}
    answered = await bench.chat(vendor, messages=[{"role": "user", "content": [{"type": "file", "file": file}]}])
    assert answered.message["content"] == "ok"
    (part,) = bench.sent["contents"][0]["parts"]
    assert part["inlineData"].get("displayName") == named
    assert ("file_name" in answered.headers.get("x-llmgateway-warnings", "")) == (named is None)


BAD_KEY: Json = {
    "error": {
        "code": 400,
        "message": "API key not valid. Please pass a valid API key.",
        "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}],
    }
}


@pytest.mark.parametrize("body", [BAD_KEY, [BAD_KEY]], ids=["an object", "a list"])
async def test_a_bad_key_is_a_400_and_errors_may_be_wrapped_in_a_list(bench: Bench, body: object) -> None:
    bench.script(json_answer(body, 400))
    answered = await bench.chat("gemini", stream=True)
    assert (answered.status, answered.error["code"]) == (502, "provider_key_rejected")


async def test_an_error_in_a_list_in_mid_stream(bench: Bench) -> None:
    error = [{"error": {"code": 503, "message": "The model is overloaded.", "status": "UNAVAILABLE"}}]
    first = gemini_answer({"text": "a"})
    bench.script(in_pieces(SSE, *chunks(first), f"data: {dumps(error)}\r\n\r\n".encode()))
    streamed = await bench.stream("gemini")
    assert (streamed.text, streamed.is_done) == ("a", False)
    assert streamed.chunks[-1]["error"]["code"] == "stream_broken"


async def test_a_blocked_prompt_has_no_candidates_and_is_an_answer(bench: Bench) -> None:
    blocked = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}}
    bench.script(json_answer(blocked))
    choice = (await bench.chat("gemini")).choice
    assert choice["finish_reason"] == "content_filter"
    assert choice["native_finish_reason"] == "PROHIBITED_CONTENT"
    assert choice["message"]["content"] == ""


async def test_streams_have_crlf_no_done_and_usage_on_several_chunks(bench: Bench) -> None:
    answers = [
        gemini_answer({"text": letter}, usageMetadata={**GEMINI_USAGE, "candidatesTokenCount": place})
        for place, letter in enumerate("abc")
    ]
    last = gemini_answer({"text": ""}, word="STOP", usageMetadata=GEMINI_USAGE)
    bench.script(in_pieces(SSE, *chunks(*answers, last)))
    streamed = await bench.stream("gemini", stream_options={"include_usage": True})
    assert (streamed.text, streamed.finish, streamed.is_done) == ("abc", "stop", True)
    usage = streamed.chunks[-1]["usage"]
    assert usage["completion_tokens"] == GEMINI_USAGE["candidatesTokenCount"] + GEMINI_USAGE["thoughtsTokenCount"]
    assert usage["total_tokens"] == GEMINI_USAGE["totalTokenCount"]
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 2


ENDS: list[tuple[Any, str]] = [("STOP", "tool_calls"), ("UNEXPECTED_TOOL_CALL", "tool_calls"), (1, "tool_calls")]


@pytest.mark.parametrize(("word", "expected"), ENDS)
@pytest.mark.parametrize("stream", [False, True])
async def test_calls_are_announced_however_google_says_that_it_stopped(
    bench: Bench, word: Any, expected: str, stream: bool
) -> None:
    answer = gemini_answer(called(), word=word, usageMetadata=GEMINI_USAGE)
    bench.script(in_pieces(SSE, *chunks(answer)) if stream else json_answer(answer))
    choice = (await bench.stream("gemini", tools=TOOLS)).choices[-1] if stream else None
    choice = choice or (await bench.chat("gemini", tools=TOOLS)).choice
    assert choice["finish_reason"] == expected
    assert choice["native_finish_reason"] == str(word)


async def test_calls_without_an_id_get_one_each_and_their_results_find_them(bench: Bench) -> None:
    bench.script(GEMINI.stream(Call("look", '{"a":1}'), Call("look", '{"a":2}')), GEMINI.answer("ok"))
    calls = (await bench.stream("gemini", tools=TOOLS)).calls
    assert len({call["id"] for call in calls.values()} - {""}) == 2
    made = [
        {"id": c["id"], "type": "function", "function": {k: c[k] for k in ("name", "arguments")}}
        for c in calls.values()
    ]
    results = [{"role": "tool", "tool_call_id": call["id"], "content": str(n)} for n, call in calls.items()]
    messages = [*HELLO, {"role": "assistant", "content": None, "tool_calls": made}, *results]
    await bench.chat("gemini", tools=TOOLS, messages=messages)
    parts = bench.fake.calls[1].body["contents"][-1]["parts"]
    assert [(part["functionResponse"]["name"], part["functionResponse"]["response"]) for part in parts] == [
        ("look", {"output": "0"}),
        ("look", {"output": "1"}),
    ]


async def test_a_call_that_says_its_id_keeps_it(bench: Bench) -> None:
    bench.script(json_answer(gemini_answer(called(call_id="fc-1"), word="STOP")))
    (call,) = (await bench.chat("gemini", tools=TOOLS)).message["tool_calls"]
    assert (call["id"], json.loads(call["function"]["arguments"])) == ("fc-1", {"a": 1})


@pytest.mark.parametrize(
    ("vendor", "path", "header"),
    [
        ("gemini", "/models/m-1:streamGenerateContent?alt=sse", ("x-goog-api-key", KEY)),
        ("vertex", "/publishers/google/models/m-1:streamGenerateContent?alt=sse", ("authorization", f"Bearer {KEY}")),
    ],
)
async def test_each_surface_has_its_paths_and_its_key(
    bench: Bench, vendor: str, path: str, header: tuple[str, str]
) -> None:
    bench.script(GEMINI.stream("a"))
    assert (await bench.stream(vendor)).text == "a"
    (call,) = bench.fake.calls
    assert (call.path, call.headers[header[0]]) == (path, header[1])


async def test_a_stream_may_come_as_one_array(bench: Bench) -> None:
    answers = [gemini_answer({"text": "a"}), gemini_answer({"text": "b"}, word="STOP", usageMetadata=GEMINI_USAGE)]
    bench.script(Canned(dumps(answers).encode()))
    streamed = await bench.stream("gemini")
    assert (streamed.text, streamed.is_done) == ("ab", True)
