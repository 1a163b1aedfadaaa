"""What one may ask for, by name: each row a request that asks for one thing, valid by the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping

from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Choice = tool_pb2.ToolChoice
Message = message_pb2.ChatMessage

PNG = bytes.fromhex("89504e470d0a1a0a")
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
STRICT_SCHEMA = {**SCHEMA, "additionalProperties": False}
RICH_SCHEMA = {
    "type": "object",
    "properties": {
        "kind": {"enum": ["a", "b"]},
        "when": {"type": ["string", "null"], "format": "date"},
        "place": {"$ref": "#/$defs/place"},
        "sizes": {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}, "minItems": 1},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^x"}]},
    },
    "$defs": {"place": {"type": "object", "properties": {"name": {"type": "string", "default": "here"}}}},
}


def said(role: str, *parts: Part, **fields: object) -> Message:
    return Message(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts, **fields)  # type: ignore[arg-type]  # rows vary by field


def text(words: str, **fields: object) -> Part:
    return Part(text=words, **fields)  # type: ignore[arg-type]


def call(number: str, name: str, arguments: str = '{"city":"Oslo"}', **fields: object) -> Part:
    return Part(tool_call=message_pb2.ToolCall(id=number, name=name, arguments_json=arguments), **fields)  # type: ignore[arg-type]


def result(number: str, *parts: Part, output: str = "", failed: bool = False) -> Part:
    return Part(tool_result=message_pb2.ToolResult(tool_call_id=number, parts=parts, output_json=output, failed=failed))


def media(mime_type: str, **fields: object) -> Part:
    return Part(media=message_pb2.Media(mime_type=mime_type, **fields))  # type: ignore[arg-type]


def tool(name: str, schema: object = SCHEMA, **fields: object) -> tool_pb2.Tool:
    function = tool_pb2.FunctionTool(
        name=name, description="Looks out.", input_schema_json=json.dumps(schema), **fields
    )  # type: ignore[arg-type]
    return tool_pb2.Tool(function=function)


USER = said("USER", text("Return JSON about the weather."))
TOOLS = [tool("weather"), tool("clock")]


def asks(*messages: Message, **fields: object) -> Request:
    return Request(model="p/m", messages=messages or [USER], **fields)  # type: ignore[arg-type]


def sampling(**fields: object) -> Request:
    return asks(sampling=generation_pb2.Sampling(**fields))  # type: ignore[arg-type]


def choice(**fields: object) -> Request:
    return asks(tools=TOOLS, tool_choice=Choice(**fields))  # type: ignore[arg-type]


def reasoning(**fields: object) -> Request:
    return asks(reasoning=generation_pb2.ReasoningOptions(**fields), max_output_token_count=8192)  # type: ignore[arg-type]


def output(**fields: object) -> Request:
    return asks(output_format=generation_pb2.OutputFormat(**fields))  # type: ignore[arg-type]


def schema_output(schema: object = STRICT_SCHEMA, **fields: object) -> Request:
    wanted = generation_pb2.JsonSchemaFormat(schema_json=json.dumps(schema), **fields)  # type: ignore[arg-type]
    return output(json_schema=wanted)


ROUND = (
    USER,
    said("ASSISTANT", text("I look."), call("call_1", "weather"), call("call_2", "clock", "{}")),
    said("TOOL", result("call_1", text("Rain.")), result("call_2", output='{"time":"noon"}')),
)
THOUGHT = Part(reasoning=message_pb2.Reasoning(text="Hm."))

FEATURES: Mapping[str, Request] = {
    "a text": asks(),
    "a system prompt": asks(said("SYSTEM", text("Be kind.")), USER),
    "a developer's prompt": asks(said("DEVELOPER", text("Be brief.")), USER),
    "two system prompts": asks(said("SYSTEM", text("Be kind.")), said("SYSTEM", text("Be brief.")), USER),
    "a later system prompt": asks(USER, said("ASSISTANT", text("Hi")), said("SYSTEM", text("Be brief.")), USER),
    "a name": asks(said("USER", text("Hi"), name="ann")),
    "two texts in a turn": asks(said("USER", text("One."), text("Two."))),
    "two turns of a user": asks(said("USER", text("One.")), said("USER", text("Two."))),
    "three turns": asks(USER, said("ASSISTANT", text("Hello.")), USER),
    "an answer to go on with": asks(USER, said("ASSISTANT", text("The weather"))),
    "text of all scripts": asks(said("USER", text("Grüße, 你好, 🏳️‍🌈, \u2028, \x00"))),
    "an image as data": asks(said("USER", text("Look:"), media("image/png", data=PNG))),
    "an image at a URL": asks(said("USER", text("Look:"), media("image/png", uri="https://x.example/a.png"))),
    "an image by its detail": asks(said("USER", media("image/png", data=PNG, detail="high"))),
    "an image by its file": asks(said("USER", media("image/png", file_id="file-1"))),
    "audio": asks(said("USER", media("audio/wav", data=b"RIFF"))),
    "video": asks(said("USER", media("video/mp4", data=b"moov"))),
    "a document as data": asks(said("USER", text("Read:"), media("application/pdf", data=b"%PDF-"))),
    "a document with its name": asks(said("USER", media("application/pdf", data=b"%PDF-", file_name="a.pdf"))),
    "a tool": asks(tools=TOOLS[:1]),
    "a tool without arguments": asks(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="now"))]),
    "a strict tool": asks(tools=[tool("weather", STRICT_SCHEMA, strict=True)]),
    "a tool with a rich schema": asks(tools=[tool("weather", RICH_SCHEMA)]),
    "a tool of free text": asks(tools=[tool_pb2.Tool(custom=tool_pb2.CustomTool(name="note", description="N."))]),
    "a tool must be called": choice(mode=Choice.MODE_REQUIRED),
    "no tool may be called": choice(mode=Choice.MODE_NONE),
    "one tool must be called": choice(mode=Choice.MODE_REQUIRED, allowed_tool_names=["clock"]),
    "one call at a time": choice(parallel=False),
    "calls and their results": asks(*ROUND, tools=TOOLS),
    "calls, results and a question": asks(*ROUND, USER, tools=TOOLS),
    "a call without text": asks(USER, said("ASSISTANT", call("c1", "weather")), said("TOOL", result("c1", text("ok")))),
    "a call without arguments": asks(
        USER, said("ASSISTANT", call("c1", "now", "")), said("TOOL", result("c1", text("noon"))), tools=TOOLS
    ),
    "a result that failed": asks(
        USER, said("ASSISTANT", call("c1", "weather")), said("TOOL", result("c1", text("no"), failed=True)), tools=TOOLS
    ),
    "an empty result": asks(USER, said("ASSISTANT", call("c1", "weather")), said("TOOL", result("c1")), tools=TOOLS),
    "a result with an image": asks(
        USER,
        said("ASSISTANT", call("c1", "weather")),
        said("TOOL", result("c1", text("See:"), media("image/png", data=PNG))),
        tools=TOOLS,
    ),
    "a call with another provider's id": asks(
        USER,
        said("ASSISTANT", call("call|1/with:odd.characters", "weather")),
        said("TOOL", result("call|1/with:odd.characters", text("ok"))),
        tools=TOOLS,
    ),
    "thoughts of another provider": asks(USER, said("ASSISTANT", THOUGHT, text("Hello.")), USER),
    "a refusal said before": asks(USER, said("ASSISTANT", Part(refusal="No.")), USER),
    "temperature": sampling(temperature=0.5),
    "a high temperature": sampling(temperature=1.5),
    "top p": sampling(top_p=0.9),
    "top k": sampling(top_k=40),
    "min p": sampling(min_p=0.1),
    "penalties": sampling(frequency_penalty=0.5, presence_penalty=-0.5),
    "a seed": sampling(seed=7),
    "stop sequences": sampling(stop_sequences=["END", "STOP"]),
    "logit bias": sampling(logit_bias={50256: -100.0}),
    "an output limit": asks(max_output_token_count=50),
    "two candidates": asks(candidate_count=2),
    "log probabilities": asks(top_logprob_count=2),
    "any JSON": output(json_object=generation_pb2.JsonObjectFormat()),
    "JSON by a schema": schema_output(name="weather"),
    "JSON by a strict schema": schema_output(name="weather", strict=True),
    "JSON by a rich schema": schema_output(RICH_SCHEMA, name="weather"),
    "a grammar": output(grammar=tool_pb2.Grammar(syntax="regex", definition="a+")),
    "some thinking": reasoning(effort="low"),
    "much thinking": reasoning(effort="high"),
    "no thinking": reasoning(effort="none"),
    "a bound on thinking": reasoning(max_token_count=2048),
    "thinking and tools": asks(
        *ROUND, tools=TOOLS, reasoning=generation_pb2.ReasoningOptions(effort="high"), max_output_token_count=8192
    ),
    "an end user": asks(end_user_id="user-1"),
    "a place to cache the prompt": asks(
        said("USER", text("Long.", cache_breakpoint=message_pb2.CacheBreakpoint())), said("USER", text("Short."))
    ),
    "a key for the prompt's cache": asks(prompt_cache=generation_pb2.PromptCacheOptions(key="k")),
    "a service tier": asks(service_tier="auto"),
    "labels": asks(labels={"team": "a"}),
}

# What no provider takes as it is, or not every one: found wrong by the contract, refused by the dialect, or repaired.
BAD: Mapping[str, Request] = {
    "no messages": Request(model="p/m"),
    "an empty turn": asks(said("USER")),
    "an empty text": asks(said("USER", text(""))),
    "white space": asks(said("USER", text("  \n"))),
    "an empty answer": asks(USER, said("ASSISTANT"), USER),
    "an empty text in an answer": asks(USER, said("ASSISTANT", text("")), USER),
    "an orphan result": asks(USER, said("TOOL", result("c9", text("x"))), tools=TOOLS),
    "a result of another call": asks(
        USER, said("ASSISTANT", call("c1", "weather")), said("TOOL", result("c2", text("x"))), tools=TOOLS
    ),
    "a call without its result": asks(USER, said("ASSISTANT", call("c1", "weather")), USER, tools=TOOLS),
    "one of two results": asks(
        USER,
        said("ASSISTANT", call("c1", "weather"), call("c2", "clock")),
        said("TOOL", result("c1", text("x"))),
        tools=TOOLS,
    ),
    "a result twice": asks(
        USER,
        said("ASSISTANT", call("c1", "weather")),
        said("TOOL", result("c1", text("x")), result("c1", text("y"))),
        tools=TOOLS,
    ),
    "a result before its call": asks(
        said("TOOL", result("c1", text("x"))), said("ASSISTANT", call("c1", "weather")), USER, tools=TOOLS
    ),
    "an answer first": asks(said("ASSISTANT", text("Hello.")), USER),
    "only a system prompt": asks(said("SYSTEM", text("Be kind."))),
    "two answers in a row": asks(USER, said("ASSISTANT", text("a")), said("ASSISTANT", text("b")), USER),
    "a call of a user": asks(said("USER", call("c1", "weather"))),
    "a result within a user's turn": asks(
        USER, said("ASSISTANT", call("c1", "weather")), said("USER", result("c1", text("x"))), tools=TOOLS
    ),
    "arguments that are no JSON": asks(
        USER, said("ASSISTANT", call("c1", "weather", '{"a": ')), said("TOOL", result("c1", text("x"))), tools=TOOLS
    ),
    "arguments that are a list": asks(
        USER, said("ASSISTANT", call("c1", "weather", "[1]")), said("TOOL", result("c1", text("x"))), tools=TOOLS
    ),
    "a tool twice": asks(tools=[TOOLS[0], TOOLS[0]]),
    "a tool with a bad name": asks(tools=[tool("a b")]),
    "a schema that is no object": asks(tools=[tool("a", {"type": "string"})]),
    "an unknown image type": asks(said("USER", media("image/x-odd", data=b"x"))),
    "a file type": asks(said("USER", media("application/zip", data=b"PK"))),
}
