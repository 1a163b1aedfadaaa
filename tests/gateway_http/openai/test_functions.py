"""The first way to call functions, in terms of tools and back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.errors import RestError
from llmgateway_http.openai.functions import (
    speaks_of_functions,
    to_function_calls,
    to_function_deltas,
    to_tools,
    with_calls,
)

Json = dict[str, Any]

FUNCTION = {"name": "weather", "description": "Looks out.", "parameters": {"type": "object"}}
HI = {"role": "user", "content": "Hi"}
CALL = {"role": "assistant", "content": None, "function_call": {"name": "weather", "arguments": '{"city":"Oslo"}'}}
RESULT = {"role": "function", "name": "weather", "content": "Rain."}


def test_functions_become_tools() -> None:
    old = {"model": "m", "messages": [HI], "functions": [FUNCTION], "function_call": {"name": "weather"}}
    before = copy.deepcopy(old)
    assert speaks_of_functions(old)
    new = to_tools(old)
    assert old == before
    assert new == {
        "model": "m",
        "messages": [HI],
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": {"type": "function", "function": {"name": "weather"}},
    }
    request, _ = to_generate_request(new)
    assert [tool.function.name for tool in request.tools] == ["weather"]
    assert list(request.tool_choice.allowed_tool_names) == ["weather"]


@pytest.mark.parametrize("choice", ["none", "auto"])
def test_the_choice_has_the_same_words(choice: str) -> None:
    assert to_tools({"functions": [FUNCTION], "function_call": choice})["tool_choice"] == choice


@pytest.mark.parametrize("body", [{}, {"functions": None}, {"tools": []}, {"function_call": None, "functions": None}])
def test_a_body_of_today_is_none(body: Json) -> None:
    assert not speaks_of_functions(body)


def test_a_conversation_becomes_one_of_tools() -> None:
    body = {"messages": [HI, CALL, RESULT, CALL, {**RESULT, "content": "Sun."}]}
    before = copy.deepcopy(body)
    new = with_calls(body)["messages"]
    assert body == before
    assert new[1] == {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "call_1", "type": "function", "function": CALL["function_call"]}],
    }
    assert new[2] == {"role": "tool", "tool_call_id": "call_1", "content": "Rain."}
    assert (new[3]["tool_calls"][0]["id"], new[4]["tool_call_id"]) == ("call_3", "call_3")
    request, _ = to_generate_request({"model": "m", "messages": new})
    assert request.messages[2].parts[0].tool_result.tool_call_id == "call_1"


def test_a_conversation_of_today_stays_as_it_is() -> None:
    body = {"messages": [HI, "odd", {"role": "assistant", "function_call": None}]}
    assert with_calls(body) is body
    assert with_calls({"messages": "odd"}) == {"messages": "odd"}


WRONG = [
    ({"functions": [FUNCTION], "tools": []}, "functions"),
    ({"functions": [FUNCTION], "function_call": "auto", "tool_choice": "auto"}, "function_call"),
    ({"functions": []}, "functions"),
    ({"functions": {}}, "functions"),
    ({"functions": ["f"]}, "functions"),
    ({"functions": [FUNCTION], "function_call": "required"}, "function_call"),
    ({"function_call": "auto"}, "function_call"),
    ({"messages": [HI, RESULT]}, "messages[1].name"),
    ({"messages": [CALL, RESULT, RESULT]}, "messages[2].name"),
    ({"messages": [CALL, {"role": "function", "content": "x"}]}, "messages[1].name"),
    ({"messages": [{**CALL, "tool_calls": [{"id": "1"}]}]}, "messages[0].function_call"),
    ({"messages": [{**CALL, "function_call": {"arguments": "{}"}}]}, "messages[0].function_call"),
    ({"messages": [{**CALL, "function_call": "weather"}]}, "messages[0].function_call"),
]


@pytest.mark.parametrize(("body", "path"), WRONG)
def test_what_is_wrong_is_named_as_it_was_written(body: Json, path: str) -> None:
    with pytest.raises(RestError) as caught:
        to_tools(with_calls(body))
    assert caught.value.param == path


def call(index: int, **function: str) -> Json:
    return {"index": index, "id": f"c{index}", "type": "function", "function": function}


def test_an_answer_has_its_call_in_the_old_place() -> None:
    message = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f"}}],
    }
    told = to_function_calls({"choices": [{"message": message, "finish_reason": "tool_calls"}]})
    assert told["choices"] == [
        {
            "message": {"role": "assistant", "content": None, "function_call": {"name": "f"}},
            "finish_reason": "function_call",
        }
    ]
    plain = {"choices": [{"message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}]}
    assert to_function_calls(copy.deepcopy(plain)) == plain


def test_further_calls_are_not_lost() -> None:
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f"}},
        {"id": "b", "type": "function", "function": {"name": "g"}},
    ]
    told = to_function_calls({"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]})
    assert told["choices"][0]["message"] == {"function_call": {"name": "f"}, "tool_calls": [calls[1]]}


def test_pieces_of_a_stream_have_it_too() -> None:
    chunks = [
        {"choices": [{"delta": {"tool_calls": [call(0, name="f", arguments="")]}, "finish_reason": None}]},
        {"choices": [{"delta": {"tool_calls": [call(0, arguments="{}")]}, "finish_reason": None}]},
        {"choices": [{"delta": {"tool_calls": [call(1, name="g")]}, "finish_reason": None}]},
        {"choices": [{"delta": {}, "finish_reason": "tool_calls"}]},
        {"choices": [], "usage": {}},
    ]
    told = to_function_deltas(chunks)
    assert [choice for chunk in told for choice in chunk["choices"]] == [
        {"delta": {"function_call": {"name": "f", "arguments": ""}}, "finish_reason": None},
        {"delta": {"function_call": {"arguments": "{}"}}, "finish_reason": None},
        {"delta": {"tool_calls": [call(1, name="g")]}, "finish_reason": None},
        {"delta": {}, "finish_reason": "function_call"},
    ]
