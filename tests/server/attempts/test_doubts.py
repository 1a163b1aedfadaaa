"""What is doubtful about an answer is said, and nothing else is."""

from __future__ import annotations

import pytest
from llmgateway.fold import unfold
from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2, usage_pb2
from llmgateway_server.attempts.doubts import Doubts

Part = message_pb2.Part
Tool = tool_pb2.Tool
TOOLS = [Tool(function=tool_pb2.FunctionTool(name="weather")), Tool(custom=tool_pb2.CustomTool(name="shell"))]


def request(**fields: object) -> generation_pb2.GenerateRequest:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[Part(text="Hello")])
    return generation_pb2.GenerateRequest(**{"model": "m", "messages": [message], "tools": TOOLS, **fields})  # type: ignore[arg-type]  # rows vary by field


def call(name: str, **fields: object) -> Part:
    return Part(tool_call=message_pb2.ToolCall(id="1", name=name, **fields))  # type: ignore[arg-type]  # rows vary by field


def answer(*parts: Part, **usage: int) -> generation_pb2.GenerateResponse:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=parts)
    candidate = generation_pb2.Candidate(message=message, finish_reason=generation_pb2.FINISH_REASON_STOP)
    return generation_pb2.GenerateResponse(candidates=[candidate], usage=usage_pb2.Usage(**usage))


def ended(word: str) -> generation_pb2.GenerateResponse:
    made = answer(Part(text="Hi"))
    made.candidates[0].finish_reason = generation_pb2.FINISH_REASON_OTHER
    made.candidates[0].provider_finish_reason = word
    return made


CALL = "candidates[0].message.parts[0].tool_call"
PROVIDER_RUN = message_pb2.ToolCall.EXECUTOR_PROVIDER

ROWS: list[tuple[str, generation_pb2.GenerateRequest, generation_pb2.GenerateResponse, list[str]]] = [
    ("plain text", request(), answer(Part(text="Hi"), input_token_count=5, output_token_count=2), []),
    ("a good call", request(), answer(call("weather", arguments_json='{"city": "Rome"}')), []),
    ("a good custom call", request(), answer(call("shell", text="ls")), []),
    ("a tool not offered", request(), answer(call("bank", arguments_json="{}")), [f"{CALL}.name"]),
    ("no tool offered", request(tools=[]), answer(call("weather", arguments_json="{}")), [f"{CALL}.name"]),
    ("broken arguments", request(), answer(call("weather", arguments_json='{"city": ')), [f"{CALL}.arguments_json"]),
    ("an array", request(), answer(call("weather", arguments_json="[]")), [f"{CALL}.arguments_json"]),
    ("deep nonsense", request(), answer(call("weather", arguments_json="[" * 9_999)), [f"{CALL}.arguments_json"]),
    ("a call of the provider", request(), answer(call("search", arguments_json="x", executor=PROVIDER_RUN)), []),
    ("an end without a reason", request(), ended(""), ["candidates[0].finish_reason"]),
    ("an end of another kind", request(), ended("novel"), []),
    ("too much read", request(), answer(input_token_count=10**9), ["usage.input_token_count"]),
    (
        "much read of a file",
        request(
            messages=[
                message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[Part(media=message_pb2.Media(file_id="f"))])
            ]
        ),
        answer(input_token_count=10**6),
        [],
    ),
    ("much written without a limit", request(), answer(output_token_count=10**6), []),
    (
        "too much written",
        request(max_output_token_count=10, candidate_count=2),
        answer(output_token_count=21),
        ["usage.output_token_count"],
    ),
    (
        "as much as allowed",
        request(max_output_token_count=10, candidate_count=2),
        answer(output_token_count=20),
        [],
    ),
    (
        "foretold wrongly",
        request(max_output_token_count=10),
        answer(output_token_count=15, rejected_prediction_token_count=5),
        [],
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
def test_doubts_are_the_same_of_a_whole_answer_and_of_its_stream(
    row: tuple[str, generation_pb2.GenerateRequest, generation_pb2.GenerateResponse, list[str]],
) -> None:
    _, asked, answered, fields = row
    whole, streamed = Doubts(asked), Doubts(asked)
    whole.see_response(answered)
    for event in unfold(answered):
        streamed.see_events([event])
    assert [warning.field for warning in whole.warnings] == fields
    assert list(streamed.warnings) == list(whole.warnings)
