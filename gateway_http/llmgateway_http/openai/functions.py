"""OpenAI's first way to call functions (`functions`, `function_call`, the role `function`), told in terms of tools.

It is marked as deprecated in OpenAI's API reference ("Create chat completion", read 2026-11), and applications of that
time still speak it: what they send becomes tools, and the answer to them has `function_call` again. It knows one call
an answer: where a model makes several, the further ones stand in `tool_calls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmgateway_http.openai.errors import invalid

Json = dict[str, Any]  # Any: decoded JSON

MEMBERS = frozenset({"functions", "function_call"})


def speaks_of_functions(raw: Mapping[str, Any]) -> bool:
    """Whether a body asks in the old way."""
    return not raw.keys().isdisjoint(MEMBERS) and any(raw.get(member) is not None for member in MEMBERS)


def to_tools(raw: Mapping[str, Any]) -> Json:
    """Return the body as one of tools. Raise `RestError` (400) with the old member's path."""
    body = {member: value for member, value in raw.items() if member not in MEMBERS}
    functions, choice = raw.get("functions"), raw.get("function_call")
    for old, new in (("functions", "tools"), ("function_call", "tool_choice")):
        if raw.get(old) is not None and raw.get(new) is not None:
            raise invalid(old, f"is the old name of {new}; send one of the two")
    if functions is not None:
        if not isinstance(functions, list) or not all(isinstance(function, dict) for function in functions):
            raise invalid("functions", "must be a list of objects", "invalid_type")
        if not functions:
            raise invalid("functions", "must hold at least one function; leave it out for none")
        body["tools"] = [{"type": "function", "function": function} for function in functions]
    if choice is not None and functions is None:
        raise invalid("function_call", "asks for functions, too")
    if isinstance(choice, dict):
        body["tool_choice"] = {"type": "function", "function": choice}
    elif choice is not None:
        if choice not in ("none", "auto"):
            raise invalid("function_call", "must be none, auto, or an object with the name of a function")
        body["tool_choice"] = choice
    return body


def with_calls(raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a body whose conversation has calls and results of tools in place of those of functions.

    The old way has no ids: a result belongs to the last call of its name.
    """
    messages = raw.get("messages")
    if not isinstance(messages, list) or not any(map(is_old, messages)):
        return raw
    called: dict[str, str] = {}
    return {**raw, "messages": [to_turn(message, index, called) for index, message in enumerate(messages)]}


def is_old(message: object) -> bool:
    """Whether a message calls a function in the old way, or holds its result."""
    if not isinstance(message, dict):
        return False
    return message.get("role") == "function" or message.get("function_call") is not None


def to_turn(message: Any, index: int, called: dict[str, str]) -> Any:  # Any: decoded JSON
    """Return one message in terms of tools; `called` holds the id of the last call of each function."""
    if not is_old(message):
        return message
    path = f"messages[{index}]"
    if message.get("role") == "function":
        name = message.get("name")
        if not isinstance(name, str) or name not in called:
            raise invalid(f"{path}.name", "must be the name of a function that was called before")
        turn = {member: value for member, value in message.items() if member not in ("role", "name")}
        return {**turn, "role": "tool", "tool_call_id": called.pop(name)}
    call = message["function_call"]
    if message.get("tool_calls"):
        raise invalid(f"{path}.function_call", "is the old name of tool_calls; send one of the two")
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise invalid(f"{path}.function_call", "must be an object with name and arguments", "invalid_type")
    called[call["name"]] = f"call_{index}"
    turn = {member: value for member, value in message.items() if member not in ("function_call", "tool_calls")}
    return {**turn, "tool_calls": [{"id": f"call_{index}", "type": "function", "function": call}]}


def to_function_calls(completion: Json) -> Json:
    """Return a whole completion with its first call in the old place."""
    for choice in completion["choices"]:
        put_back(choice, choice["message"])
    return completion


def to_function_deltas(chunks: list[Json]) -> list[Json]:
    """Return chunks with the pieces of the first call in the old place."""
    for chunk in chunks:
        for choice in chunk.get("choices", ()):
            put_back(choice, choice["delta"])
    return chunks


def put_back(choice: Json, message: Json) -> None:
    calls = message.get("tool_calls")
    if calls and calls[0].get("index", 0) == 0 and "function" in calls[0]:
        message["function_call"] = calls[0]["function"]
        if calls[1:]:
            message["tool_calls"] = calls[1:]
        else:
            del message["tool_calls"]
    if choice.get("finish_reason") == "tool_calls":
        choice["finish_reason"] = "function_call"
