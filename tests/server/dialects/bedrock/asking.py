"""Requests in few words, for the tests of this dialect."""

from __future__ import annotations

import json
from typing import Any

from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2
from llmgateway_server.dialects.bedrock.codec import BedrockCodec
from llmgateway_server.dialects.bedrock.quirks import Quirks

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Message = message_pb2.ChatMessage
Call = message_pb2.ToolCall
Result = message_pb2.ToolResult
Media = message_pb2.Media
Reasoning = message_pb2.Reasoning
Choice = tool_pb2.ToolChoice
Tool = tool_pb2.Tool

CODEC = BedrockCodec("aws", Quirks())
CLAUDE = "anthropic.claude-sonnet-4-5-20250929-v1:0"
CLAUDE_4_6 = "us.anthropic.claude-opus-4-6-v1"
CLAUDE_NEWEST = "global.anthropic.claude-opus-4-8"
NOVA = "us.amazon.nova-lite-v1:0"
NOVA_2 = "us.amazon.nova-2-lite-v1:0"
LLAMA = "meta.llama3-2-1b-instruct-v1:0"
OSS = "openai.gpt-oss-120b-1:0"
USER = Message(role=message_pb2.ROLE_USER, parts=[Part(text="Hi")])


def request(**fields: Any) -> Request:
    return Request(**{"messages": [USER], **fields})


def said(role: str, *parts: Part, **fields: Any) -> Message:
    return Message(role=message_pb2.Role.Value(f"ROLE_{role}"), parts=parts, **fields)


def asks(*messages: Message, **fields: Any) -> Request:
    return request(messages=messages, **fields)


def user_parts(*parts: Part) -> Request:
    return asks(said("USER", *parts))


def sampling(**fields: Any) -> Request:
    return request(sampling=generation_pb2.Sampling(**fields))


def thinks(**fields: Any) -> Request:
    return request(reasoning=generation_pb2.ReasoningOptions(**fields))


def schema_format(**fields: Any) -> Request:
    return request(output_format=generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(**fields)))


def function(name: str, schema: str = "", **fields: Any) -> Tool:
    more = {key: fields.pop(key) for key in ("cache_breakpoint", "provider_json") if key in fields}
    return Tool(function=tool_pb2.FunctionTool(name=name, input_schema_json=schema, **fields), **more)


def own_block(block: dict[str, Any]) -> Part:
    return Part(
        provider_part=message_pb2.ProviderPart(dialect="bedrock", type=next(iter(block)), json=json.dumps(block))
    )


def signed(value: str, provider: str = "aws", **reasoning: Any) -> Part:
    return Part(reasoning=Reasoning(**reasoning), signature=message_pb2.Signature(provider=provider, value=value))


def dropping(made: Request) -> Request:
    copy = Request()
    copy.CopyFrom(made)
    copy.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    return copy


def body(made: Request, model: str = CLAUDE, *, stream: bool = False) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(CODEC.encode_generate(made, model, stream=stream).body)
    return decoded
