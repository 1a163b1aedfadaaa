"""Requests of the contract, short to write."""

from __future__ import annotations

from typing import Any

from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Message = message_pb2.ChatMessage
Call = message_pb2.ToolCall
Choice = tool_pb2.ToolChoice
Media = message_pb2.Media
Result = message_pb2.ToolResult


def said(role: str, *parts: Part, **fields: Any) -> Message:
    return Message(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts, **fields)


USER = said("USER", Part(text="Hi"))
WEATHER = tool_pb2.Tool(
    function=tool_pb2.FunctionTool(
        name="weather", description="Looks out.", input_schema_json='{"type":"object","additionalProperties":false}'
    )
)


def strict_weather() -> tool_pb2.Tool:
    tool = tool_pb2.Tool()
    tool.CopyFrom(WEATHER)
    tool.function.strict = True
    return tool


def request(**fields: Any) -> Request:
    return Request(**{"messages": [USER], **fields})


def asks(*messages: Message, **fields: Any) -> Request:
    return request(messages=messages, **fields)


def user_part(part: Part) -> Request:
    return asks(said("USER", part))


def media(**fields: Any) -> Request:
    return user_part(Part(media=Media(**fields)))


def sampling(**fields: Any) -> Request:
    return request(sampling=generation_pb2.Sampling(**fields))


def reasoning(**fields: Any) -> Request:
    return request(reasoning=generation_pb2.ReasoningOptions(**fields))


def schema_format(**fields: Any) -> Request:
    return request(output_format=generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(**fields)))


def own_tool(kind: str, config: str = "") -> tool_pb2.Tool:
    return tool_pb2.Tool(provider_tool=tool_pb2.ProviderTool(dialect="gemini", type=kind, config_json=config))


def chosen(mode: Choice.Mode.ValueType, *names: str, **fields: Any) -> Request:
    return request(tools=[WEATHER], tool_choice=Choice(mode=mode, allowed_tool_names=names, **fields))


def call(call_id: str, name: str, arguments: str = "", signature: message_pb2.Signature | None = None) -> Part:
    return Part(tool_call=Call(id=call_id, name=name, arguments_json=arguments), signature=signature)


def signed(value: str, provider: str = "google") -> message_pb2.Signature:
    return message_pb2.Signature(provider=provider, value=value)


def result(call_id: str, *parts: Part, **fields: Any) -> Part:
    return Part(tool_result=Result(tool_call_id=call_id, parts=parts, **fields))
