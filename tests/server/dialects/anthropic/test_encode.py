"""What is sent: each field of the contract at its place, inside Anthropic's schema, or refused by its path."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2, tool_pb2
from llmgateway_server import errors
from llmgateway_server.dialects.anthropic.codec import AnthropicCodec
from llmgateway_server.dialects.anthropic.quirks import ModelQuirks, Quirks
from llmgateway_server.dialects.codec import EncodedRequest
from llmgateway_server.dialects.quirks import QuirksError, read_quirks

from tests.specs import closed_validator, needs_specs

Request = generation_pb2.GenerateRequest
Sampling = generation_pb2.Sampling
Reasoning = generation_pb2.ReasoningOptions
Part = message_pb2.Part
Media = message_pb2.Media
Message = message_pb2.ChatMessage
Call = message_pb2.ToolCall
Result = message_pb2.ToolResult
Thought = message_pb2.Reasoning
Choice = tool_pb2.ToolChoice
Cache = message_pb2.CacheBreakpoint
PROVIDER = Call.EXECUTOR_PROVIDER

DATA = base64.b64encode(b"\x00\xff").decode()
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
NO_SCHEMA = {"type": "object", "properties": {}}


def said(role: str, *parts: Part | str, **fields: Any) -> Message:
    return Message(
        role=message_pb2.Role.Value(f"ROLE_{role}"),
        parts=[Part(text=part) if isinstance(part, str) else part for part in parts],
        **fields,
    )


HI = said("USER", "Hi")
SENT_HI = {"role": "user", "content": "Hi"}


def request(**fields: Any) -> Request:
    return Request(**{"messages": [HI], **fields})


def asks(*messages: Message, **fields: Any) -> Request:
    return Request(messages=messages, **fields)


def call(call_id: str, arguments: str = "{}", **fields: Any) -> Part:
    return Part(tool_call=Call(id=call_id, name="f", arguments_json=arguments), **fields)


def result(call_id: str, *texts: str, **fields: Any) -> Part:
    return Part(tool_result=Result(tool_call_id=call_id, parts=[Part(text=text) for text in texts], **fields))


def media(**fields: Any) -> Request:
    return asks(said("USER", Part(media=Media(**fields))))


def function(name: str = "f", **fields: Any) -> tool_pb2.Tool:
    return tool_pb2.Tool(function=tool_pb2.FunctionTool(name=name, **fields))


def provided(kind: str, config: dict[str, Any] | None = None) -> Request:
    tool = tool_pb2.ProviderTool(
        dialect="anthropic", type=kind, config_json="" if config is None else json.dumps(config)
    )
    return request(tools=[tool_pb2.Tool(provider_tool=tool)])


def chooses(mode: int, *names: str, **fields: Any) -> Request:
    choice = Choice(mode=mode, allowed_tool_names=names, **fields)  # type: ignore[arg-type]  # rows vary by mode
    return request(tools=[function("f"), function("g"), function("h")], tool_choice=choice)


def wants(kind: str, **fields: Any) -> Request:
    formats = {
        "json_schema": generation_pb2.JsonSchemaFormat,
        "json_object": generation_pb2.JsonObjectFormat,
        "grammar": tool_pb2.Grammar,
    }
    output = generation_pb2.OutputFormat(**{kind: formats[kind](**fields)})
    return request(output_format=output)


def options(**chosen: Any) -> Request:
    return request(provider_options_json={"anthropic": json.dumps(chosen)})


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content[0] if len(content) == 1 and isinstance(content[0], str) else [*content]}


def assistant(*content: Any) -> dict[str, Any]:
    return {**user(*content), "role": "assistant"}


def text(said: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": said, **more}


def tool_use(call_id: str, **arguments: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": call_id, "name": "f", "input": arguments}


def tool_result(call_id: str, **more: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call_id, **more}


def tool(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "input_schema": NO_SCHEMA, **more}


CITATION = {
    "type": "char_location", "cited_text": "Green.", "document_index": 0, "document_title": "Grass",
    "start_char_index": 0, "end_char_index": 6,
}  # fmt: skip
EPHEMERAL = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}
SIGNED = message_pb2.Signature(provider="anthropic", value="sig")
SEARCH_BAG = {"anthropic": '{"type":"web_search_tool_result","caller":{"type":"direct"}}'}
FOUND = [{"type": "web_search_result", "url": "https://x.example", "title": "X", "encrypted_content": "e"}]

# (what it is about, request, the members that it adds to or changes in the body)
ENCODED: list[tuple[str, Request, dict[str, Any]]] = [
    ("plain", request(), {}),
    ("system", asks(said("SYSTEM", "Be kind."), HI), {"system": "Be kind."}),
    ("developer", asks(said("SYSTEM", "a"), said("DEVELOPER", "b"), HI), {"system": [text("a"), text("b")]}),
    ("system to cache", asks(said("SYSTEM", Part(text="a", cache_breakpoint=Cache())), HI), {"system": [text("a", cache_control=EPHEMERAL)]}),
    ("two texts", asks(said("USER", "a", "b")), {"messages": [user(text("a"), text("b"))]}),
    ("users in a row", asks(HI, said("USER", "b")), {"messages": [user(text("Hi"), text("b"))]}),
    ("a conversation", asks(HI, said("ASSISTANT", "Yes?"), said("USER", "b")), {"messages": [SENT_HI, assistant("Yes?"), user("b")]}),
    ("assistants in a row", asks(HI, said("ASSISTANT", "a"), said("ASSISTANT", "b")), {"messages": [SENT_HI, assistant(text("a"), text("b"))]}),
    ("an assistant without parts", asks(HI, said("ASSISTANT"), said("USER", "b")), {"messages": [user(text("Hi"), text("b"))]}),
    ("an empty text among others", asks(said("USER", "", "b")), {"messages": [user("b")]}),
    ("white space alone", asks(said("USER", " \n", "b")), {"messages": [user("b")]}),
    ("an empty user turn", asks(said("USER", "")), {"messages": [user("(empty)")]}),
    ("a refusal", asks(HI, said("ASSISTANT", Part(refusal="No."))), {"messages": [SENT_HI, assistant("No.")]}),
    ("a part to cache", asks(said("USER", Part(text="a", cache_breakpoint=Cache(ttl="1h")))), {"messages": [user(text("a", cache_control=HOUR))]}),
    ("a part's bag", asks(said("USER", Part(media=Media(data=b"\x00\xff", mime_type="application/pdf", file_name="a.pdf"), provider_json={"anthropic": '{"citations":{"enabled":true},"context":"c"}', "openai": '{"x":1}'}))), {"messages": [user({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": DATA}, "title": "a.pdf", "citations": {"enabled": True}, "context": "c"})]}),
    ("image data", media(data=b"\x00\xff", mime_type="image/png"), {"messages": [user({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}})]}),
    ("image/jpg is image/jpeg", media(data=b"\x00\xff", mime_type="image/JPG; q=1", detail="auto"), {"messages": [user({"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": DATA}})]}),
    ("image url", media(uri="https://x.example/a.png", mime_type="image/png"), {"messages": [user({"type": "image", "source": {"type": "url", "url": "https://x.example/a.png"}})]}),
    ("image file", media(file_id="file_1", mime_type="image/png"), {"messages": [user({"type": "image", "source": {"type": "file", "file_id": "file_1"}})]}),
    ("document file", media(file_id="file_1"), {"messages": [user({"type": "document", "source": {"type": "file", "file_id": "file_1"}})]}),
    ("document url", media(uri="https://x.example/a.pdf", mime_type="application/pdf"), {"messages": [user({"type": "document", "source": {"type": "url", "url": "https://x.example/a.pdf"}})]}),
    ("document text", media(data="é".encode(), mime_type="text/plain; charset=utf-8"), {"messages": [user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "é"}})]}),
    ("markdown", media(data=b"# A", mime_type="text/markdown"), {"messages": [user({"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "# A"}})]}),
    ("a provider's part", asks(said("USER", Part(provider_part=message_pb2.ProviderPart(dialect="anthropic", type="container_upload", json='{"type":"container_upload","file_id":"file_1"}')))), {"messages": [user({"type": "container_upload", "file_id": "file_1"})]}),
    ("calls and results", asks(HI, said("ASSISTANT", "Wait.", call("a", '{"x": 1}'), call("b", "")), said("TOOL", result("a", "1"), result("b"))), {"messages": [SENT_HI, assistant(text("Wait."), tool_use("a", x=1), tool_use("b")), user(tool_result("a", content="1"), tool_result("b"))]}),
    ("results in two messages, behind words", asks(HI, said("ASSISTANT", call("a"), call("b")), said("TOOL", result("b", "2")), said("USER", "Go on."), said("TOOL", result("a", "1"))), {"messages": [SENT_HI, assistant(tool_use("a"), tool_use("b")), user(tool_result("b", content="2"), tool_result("a", content="1"), text("Go on."))]}),
    ("a failed result", asks(HI, said("ASSISTANT", call("a")), said("TOOL", result("a", "No such city.", failed=True))), {"messages": [SENT_HI, assistant(tool_use("a")), user(tool_result("a", content="No such city.", is_error=True))]}),
    ("a result as data", asks(HI, said("ASSISTANT", call("a")), said("TOOL", Part(tool_result=Result(tool_call_id="a", output_json='{"c": 1}'), cache_breakpoint=Cache()))), {"messages": [SENT_HI, assistant(tool_use("a")), user(tool_result("a", content='{"c": 1}', cache_control=EPHEMERAL))]}),
    ("an image in a result", asks(HI, said("ASSISTANT", call("a")), said("TOOL", Part(tool_result=Result(tool_call_id="a", parts=[Part(text="See:"), Part(media=Media(data=b"\x00\xff", mime_type="image/png"))])))), {"messages": [SENT_HI, assistant(tool_use("a")), user(tool_result("a", content=[text("See:"), {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DATA}}]))]}),
    ("an empty result", asks(HI, said("ASSISTANT", call("a")), said("TOOL", result("a", ""))), {"messages": [SENT_HI, assistant(tool_use("a")), user(tool_result("a"))]}),
    ("another provider's id", asks(HI, said("ASSISTANT", call("f.x:0")), said("TOOL", result("f.x:0", "1"))), {"messages": [SENT_HI, assistant(tool_use("f_x_0_c92f7ac0")), user(tool_result("f_x_0_c92f7ac0", content="1"))]}),
    ("arguments that are none", asks(HI, said("ASSISTANT", call("a", '{"x":')), said("TOOL", result("a", "Bad.", failed=True))), {"messages": [SENT_HI, assistant(tool_use("a", INVALID_JSON='{"x":')), user(tool_result("a", content="Bad.", is_error=True))]}),
    ("free text for a call", asks(HI, said("ASSISTANT", Part(tool_call=Call(id="a", name="f", text="ls"))), said("TOOL", result("a", "b"))), {"messages": [SENT_HI, assistant(tool_use("a", input="ls")), user(tool_result("a", content="b"))]}),
    ("thoughts", asks(HI, said("ASSISTANT", Part(reasoning=Thought(text="Hm.", kind=Thought.KIND_TEXT), signature=SIGNED), "Yes")), {"messages": [SENT_HI, assistant({"type": "thinking", "thinking": "Hm.", "signature": "sig"}, text("Yes"))]}),
    ("a thought without text", asks(HI, said("ASSISTANT", Part(reasoning=Thought(), signature=SIGNED), "Yes")), {"messages": [SENT_HI, assistant({"type": "thinking", "thinking": "", "signature": "sig"}, text("Yes"))]}),
    ("a redacted thought", asks(HI, said("ASSISTANT", Part(reasoning=Thought(kind=Thought.KIND_REDACTED), signature=SIGNED), "Yes")), {"messages": [SENT_HI, assistant({"type": "redacted_thinking", "data": "sig"}, text("Yes"))]}),
    ("another's thought", asks(HI, said("ASSISTANT", Part(reasoning=Thought(text="Hm."), signature=message_pb2.Signature(provider="gemini", value="s")), Part(reasoning=Thought(text="Hm.")), "Yes")), {"messages": [SENT_HI, assistant("Yes")]}),
    ("citations", asks(HI, said("ASSISTANT", Part(text="Green.", annotations=[message_pb2.Annotation(provider_json=json.dumps({**CITATION, "file_id": None})), message_pb2.Annotation(uri="https://x.example", provider_json='{"type":"url_citation"}'), message_pb2.Annotation(uri="x")]))), {"messages": [SENT_HI, assistant(text("Green.", citations=[CITATION]))]}),
    ("the provider's own call", asks(HI, said("ASSISTANT", Part(tool_call=Call(id="srvtoolu_1", name="web_search", arguments_json='{"query":"x"}', executor=PROVIDER), provider_json={"anthropic": '{"type":"server_tool_use"}'}), Part(tool_result=Result(tool_call_id="srvtoolu_1", output_json=json.dumps(FOUND)), provider_json=SEARCH_BAG), "Found.")), {"messages": [SENT_HI, assistant({"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "x"}}, {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": FOUND, "caller": {"type": "direct"}}, text("Found."))]}),
    ("another provider's own call", asks(HI, said("ASSISTANT", Part(tool_call=Call(id="ws_1", name="web_search", executor=PROVIDER)), Part(tool_result=Result(tool_call_id="ws_1", output_json="[]")), "Found.")), {"messages": [SENT_HI, assistant("Found.")]}),
    ("a failed MCP call", asks(HI, said("ASSISTANT", Part(tool_call=Call(id="mcptoolu_1", name="f", executor=PROVIDER), provider_json={"anthropic": '{"type":"mcp_tool_use","server_name":"s"}'}), Part(tool_result=Result(tool_call_id="mcptoolu_1", output_json='"No."', failed=True), provider_json={"anthropic": '{"type":"mcp_tool_result"}'}))), {"messages": [SENT_HI, assistant({"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "f", "server_name": "s", "input": {}}, {"type": "mcp_tool_result", "tool_use_id": "mcptoolu_1", "content": "No.", "is_error": True})]}),
    ("a tool", request(tools=[function(description="Looks out.", input_schema_json=json.dumps(SCHEMA), strict=True)]), {"tools": [{"name": "f", "description": "Looks out.", "input_schema": SCHEMA, "strict": True}]}),
    ("a tool without arguments", request(tools=[function()]), {"tools": [tool("f")]}),
    ("a schema without a type", request(tools=[function(input_schema_json='{"properties":{}}')]), {"tools": [tool("f")]}),
    ("a tool to cache, and its bag", request(tools=[tool_pb2.Tool(function=tool_pb2.FunctionTool(name="f"), cache_breakpoint=Cache(ttl="5m"), provider_json={"anthropic": '{"defer_loading":true}'})]), {"tools": [tool("f", cache_control={"type": "ephemeral", "ttl": "5m"}, defer_loading=True)]}),
    ("web search", provided("web_search_20250305", {"max_uses": 3}), {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 3}]}),
    ("text editor", provided("text_editor_20250728"), {"tools": [{"type": "text_editor_20250728", "name": "str_replace_based_edit_tool"}]}),
    ("computer", provided("computer_20251124", {"display_width_px": 8, "display_height_px": 9}), {"tools": [{"type": "computer_20251124", "name": "computer", "display_width_px": 8, "display_height_px": 9}]}),
    ("MCP toolset", provided("mcp_toolset", {"mcp_server_name": "s"}), {"tools": [{"type": "mcp_toolset", "mcp_server_name": "s"}]}),
    ("choice auto", chooses(Choice.MODE_AUTO), {"tools": [tool("f"), tool("g"), tool("h")], "tool_choice": {"type": "auto"}}),
    ("choice unsaid", chooses(Choice.MODE_UNSPECIFIED), {"tools": [tool("f"), tool("g"), tool("h")]}),
    ("choice none", chooses(Choice.MODE_NONE, parallel=False), {"tools": [tool("f"), tool("g"), tool("h")], "tool_choice": {"type": "none"}}),
    ("choice any", chooses(Choice.MODE_REQUIRED), {"tools": [tool("f"), tool("g"), tool("h")], "tool_choice": {"type": "any"}}),
    ("choice of one", chooses(Choice.MODE_REQUIRED, "g"), {"tools": [tool("g")], "tool_choice": {"type": "tool", "name": "g"}}),
    ("choice of two", chooses(Choice.MODE_REQUIRED, "f", "h"), {"tools": [tool("f"), tool("h")], "tool_choice": {"type": "any"}}),
    ("may call two", chooses(Choice.MODE_AUTO, "f", "h"), {"tools": [tool("f"), tool("h")], "tool_choice": {"type": "auto"}}),
    ("may call no search", Request(messages=[HI], tools=[function("f"), *provided("web_search_20250305").tools], tool_choice=Choice(allowed_tool_names=["f"])), {"tools": [tool("f")]}),
    ("one call at a time", chooses(Choice.MODE_UNSPECIFIED, parallel=False), {"tools": [tool("f"), tool("g"), tool("h")], "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}}),
    ("one call of any at a time", chooses(Choice.MODE_REQUIRED, parallel=False), {"tools": [tool("f"), tool("g"), tool("h")], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}}),
    ("calls at once", chooses(Choice.MODE_AUTO, parallel=True), {"tools": [tool("f"), tool("g"), tool("h")], "tool_choice": {"type": "auto", "disable_parallel_tool_use": False}}),
    ("no tools, none to call", request(tool_choice=Choice(mode=Choice.MODE_NONE)), {}),
    ("temperature", request(sampling=Sampling(temperature=0)), {"temperature": 0.0}),
    ("top_p", request(sampling=Sampling(top_p=0.5)), {"top_p": 0.5}),
    ("top_k", request(sampling=Sampling(top_k=5)), {"top_k": 5}),
    ("stop sequences", request(sampling=Sampling(stop_sequences=["a", "\nb"])), {"stop_sequences": ["a", "\nb"]}),
    ("limit", request(max_output_token_count=7), {"max_tokens": 7}),
    ("schema", wants("json_schema", name="n", description="D.", schema_json=json.dumps(SCHEMA), strict=True), {"output_config": {"format": {"type": "json_schema", "schema": {**SCHEMA, "description": "D."}}}}),
    ("effort", request(reasoning=Reasoning(effort="xhigh")), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}),
    ("effort and schema", request(reasoning=Reasoning(effort="low"), output_format=generation_pb2.OutputFormat(json_schema=generation_pb2.JsonSchemaFormat(schema_json=json.dumps(SCHEMA)))), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}}}),
    ("no effort", request(reasoning=Reasoning(effort="none", visibility="none")), {"thinking": {"type": "disabled"}}),
    ("shown", request(reasoning=Reasoning(effort="max", visibility="detailed")), {"thinking": {"type": "adaptive", "display": "summarized"}, "output_config": {"effort": "max"}}),
    ("hidden", request(reasoning=Reasoning(max_token_count=2048, visibility="none")), {"thinking": {"type": "enabled", "budget_tokens": 2048, "display": "omitted"}}),
    ("shown as ever", request(reasoning=Reasoning(visibility="auto")), {}),
    ("budget", request(reasoning=Reasoning(max_token_count=1024), max_output_token_count=1025), {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1025}),
    ("a budget beyond the default limit", request(reasoning=Reasoning(max_token_count=40_000)), {"thinking": {"type": "enabled", "budget_tokens": 40_000}, "max_tokens": 72_000}),
    ("no budget", request(reasoning=Reasoning(max_token_count=0)), {"thinking": {"type": "disabled"}}),
    ("thinking takes 1 and nearly all", request(reasoning=Reasoning(effort="low"), sampling=Sampling(temperature=1, top_p=0.95)), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}, "temperature": 1.0, "top_p": 0.95}),
    ("end user", request(end_user_id="u"), {"metadata": {"user_id": "u"}}),
    ("service tier", request(service_tier="standard_only"), {"service_tier": "standard_only"}),
    ("one candidate of text", request(candidate_count=1, output_modalities=["text"]), {}),
    ("prompt kept", request(prompt_cache=generation_pb2.PromptCacheOptions(ttl="1h")), {"cache_control": HOUR}),
    ("options", options(inference_geo="eu"), {"inference_geo": "eu"}),
    ("options beside a schema", Request(messages=[HI], reasoning=Reasoning(effort="low"), provider_options_json={"anthropic": '{"output_config":{"task_budget":{"type":"tokens","total":30000}}}'}), {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low", "task_budget": {"type": "tokens", "total": 30000}}}),
    ("another dialect's options", request(provider_options_json={"openai": '{"x":1}'}), {}),
]  # fmt: skip


def encode(made: Request, *, stream: bool = False, **quirks: Any) -> EncodedRequest:
    return AnthropicCodec("anthropic", Quirks(**quirks)).encode_generate(made, "m", stream=stream)


@pytest.mark.parametrize(("made", "expected"), [row[1:] for row in ENCODED], ids=[row[0] for row in ENCODED])
def test_each_field_is_sent_at_its_place(made: Request, expected: dict[str, Any]) -> None:
    encoded = encode(made)
    assert (encoded.method, encoded.path) == ("POST", "/v1/messages")
    assert json.loads(encoded.body) == {"model": "m", "max_tokens": 32_000, "messages": [SENT_HI], **expected}
    assert encoded.headers is not None
    assert encoded.headers["anthropic-version"] == "2023-06-01"


@needs_specs
@pytest.mark.parametrize("made", [row[1] for row in ENCODED], ids=[row[0] for row in ENCODED])
def test_what_is_sent_is_inside_the_schema(made: Request) -> None:
    check = closed_validator("anthropic-beta", "POST /v1/messages?beta=true", "request")
    assert check(json.loads(encode(made, stream=True).body)) == []


def test_a_stream_is_asked_for() -> None:
    assert json.loads(encode(request(), stream=True).body)["stream"] is True


BETAS = [
    (media(file_id="f"), "files-api-2025-04-14"),
    (provided("computer_20251124"), "computer-use-2025-11-24"),
    (options(mcp_servers=[{"type": "url", "name": "s", "url": "https://x.example"}]), "mcp-client-2025-11-20"),
    (
        options(context_management={"edits": [{"type": "compact_20260112"}]}),
        "context-management-2025-06-27,compact-2026-01-12",
    ),
    (options(container={"skills": [{}]}, diagnostics={}), "cache-diagnosis-2026-04-07,skills-2025-10-02"),
    (options(output_config={"task_budget": {"type": "tokens", "total": 20_000}}), "task-budgets-2026-03-13"),
    (options(betas=["a-2026-01-01", "b-2026-01-01"], speed="fast"), "a-2026-01-01,b-2026-01-01,fast-mode-2026-02-01"),
]


@pytest.mark.parametrize(("made", "betas"), BETAS, ids=[row[1] for row in BETAS])
def test_a_beta_feature_is_named_in_a_header(made: Request, betas: str) -> None:
    encoded = encode(made)
    assert encoded.headers == {"anthropic-version": "2023-06-01", "anthropic-beta": betas}
    assert "betas" not in json.loads(encoded.body)


LATER = said("SYSTEM", "Be brief.")
SEARCH_BLOCK = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search"}
SEARCH = Part(
    tool_call=Call(id="srvtoolu_1", name="web_search", executor=PROVIDER),
    provider_json={"anthropic": '{"type":"server_tool_use"}'},
)


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([HI, LATER], [SENT_HI, {"role": "system", "content": "Be brief."}]),
        (
            [HI, LATER, LATER, said("ASSISTANT", "a"), HI],
            [SENT_HI, {"role": "system", "content": [text("Be brief."), text("Be brief.")]}, assistant("a"), SENT_HI],
        ),
        ([HI, said("SYSTEM", ""), HI], [user(text("Hi"), text("Hi"))]),
        (
            [HI, said("ASSISTANT", SEARCH), LATER],
            [SENT_HI, assistant({**SEARCH_BLOCK, "input": {}}), {"role": "system", "content": "Be brief."}],
        ),
    ],
)
def test_a_later_system_message_stays_where_the_models_take_it(messages: list[Message], expected: list[Any]) -> None:
    assert json.loads(encode(asks(*messages), later_system=True).body)["messages"] == expected


def test_a_later_system_message_moves_to_the_front_where_dropping_is_allowed() -> None:
    made = asks(HI, LATER, HI, unsupported_policy=generation_pb2.UNSUPPORTED_POLICY_DROP)
    encoded = encode(made)
    body = json.loads(encoded.body)
    assert (body["system"], body["messages"]) == ("Be brief.", [user(text("Hi"), text("Hi"))])
    assert [warning.field for warning in encoded.warnings] == ["messages[1].role"]


WARNED = [
    (media(data=b"x", mime_type="text/plain", file_name="x" * 501), ["messages[0].parts[0].media.file_name"]),
    (
        asks(HI, said("ASSISTANT", call("a", "[" * 100_000)), said("TOOL", result("a"))),
        ["messages[1].parts[0].tool_call.arguments_json"],
    ),
    (asks(said("USER", "", "b")), ["messages[0].parts[0]"]),
    (asks(said("USER", "b"), said("ASSISTANT"), HI), ["messages[1]"]),
    (asks(HI, said("ASSISTANT", Part(reasoning=Thought(text="Hm.")), "a")), ["messages[1].parts[0]"]),
    (asks(HI, said("ASSISTANT", Part(), "a")), ["messages[1].parts[0]"]),
    (
        asks(HI, said("ASSISTANT", call("a", "[")), said("TOOL", result("a"))),
        ["messages[1].parts[0].tool_call.arguments_json"],
    ),
    (
        asks(HI, said("ASSISTANT", "a", Part(tool_call=Call(id="a", name="f", executor=PROVIDER)))),
        ["messages[1].parts[1]"],
    ),
    (asks(HI, said("ASSISTANT", Part(tool_result=Result(tool_call_id="a")), "a")), ["messages[1].parts[0]"]),
]


@pytest.mark.parametrize(("made", "fields"), WARNED)
def test_what_cannot_be_sent_back_is_left_out_with_a_warning(made: Request, fields: list[str]) -> None:
    assert [warning.field for warning in encode(made).warnings] == fields


QUIRKS: list[tuple[dict[str, Any], Request, dict[str, Any]]] = [
    ({"default_max_tokens": 9}, request(), {"max_tokens": 9}),
    ({"effort": "plain"}, request(reasoning=Reasoning(effort="low")), {"output_config": {"effort": "low"}}),
    ({"sampling": "one"}, request(sampling=Sampling(top_p=0.5)), {"top_p": 0.5}),
    ({"sampling": "one"}, request(sampling=Sampling(temperature=0.5)), {"temperature": 0.5}),
    ({"sampling": "none"}, request(sampling=Sampling(stop_sequences=["x"])), {"stop_sequences": ["x"]}),
    ({"by_model": {"m": {"default_max_tokens": 9}}}, request(), {"max_tokens": 9}),
    ({"by_model": {"": {"default_max_tokens": 8}, "m": {"default_max_tokens": 9}}}, request(), {"max_tokens": 9}),
    ({"by_model": {"m-1": {"default_max_tokens": 9}}}, request(), {}),
]


@pytest.mark.parametrize(("quirks", "made", "expected"), QUIRKS)
def test_a_quirk_changes_what_is_sent(quirks: dict[str, Any], made: Request, expected: dict[str, Any]) -> None:
    codec = AnthropicCodec("x", read_quirks("anthropic", Quirks, quirks))
    got = json.loads(codec.encode_generate(made, "m", stream=False).body)
    assert got == {"model": "m", "max_tokens": 32_000, "messages": [SENT_HI], **expected}


@pytest.mark.parametrize("wrong", [{"no_such": True}, {"sampling": "some"}, {"default_max_tokens": "many"}])
def test_an_unknown_quirk_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(QuirksError):
        read_quirks("anthropic", Quirks, wrong)


THINKING = Reasoning(effort="low")
MARKED = Part(text="x", cache_breakpoint=Cache())

# (quirks, request, the field that the provider does not take)
MISSING: list[tuple[dict[str, Any], Request, str]] = [
    ({}, request(sampling=Sampling(min_p=0.5)), "sampling.min_p"),
    ({}, request(sampling=Sampling(frequency_penalty=1)), "sampling.frequency_penalty"),
    ({}, request(sampling=Sampling(presence_penalty=1)), "sampling.presence_penalty"),
    ({}, request(sampling=Sampling(seed=1)), "sampling.seed"),
    ({}, request(sampling=Sampling(logit_bias={1: 2})), "sampling.logit_bias"),
    ({}, request(sampling=Sampling(temperature=1.5)), "sampling.temperature"),
    ({"sampling": "one"}, request(sampling=Sampling(temperature=1, top_p=0.9)), "sampling.top_p"),
    ({"sampling": "none"}, request(sampling=Sampling(temperature=1)), "sampling.temperature"),
    ({"sampling": "none"}, request(sampling=Sampling(top_p=1)), "sampling.top_p"),
    ({"sampling": "none"}, request(sampling=Sampling(top_k=1)), "sampling.top_k"),
    ({"by_model": {"m": ModelQuirks(sampling="none")}}, request(sampling=Sampling(top_k=1)), "sampling.top_k"),
    ({}, request(reasoning=THINKING, sampling=Sampling(temperature=0.5)), "sampling.temperature"),
    ({}, request(reasoning=THINKING, sampling=Sampling(top_p=0.5)), "sampling.top_p"),
    ({}, request(reasoning=THINKING, sampling=Sampling(top_k=5)), "sampling.top_k"),
    ({}, request(reasoning=THINKING, tools=[function()], tool_choice=Choice(mode=Choice.MODE_REQUIRED)), "tool_choice.mode"),
    ({}, request(candidate_count=2), "candidate_count"),
    ({}, request(top_logprob_count=0), "top_logprob_count"),
    ({}, request(output_modalities=["text", "audio"]), "output_modalities"),
    ({}, request(audio=generation_pb2.AudioOptions(voice="x")), "audio"),
    ({}, request(service_tier="flex"), "service_tier"),
    ({"unsupported": frozenset({"service_tier"})}, request(service_tier="auto"), "service_tier"),
    ({"unsupported": frozenset({"metadata"})}, request(end_user_id="u"), "end_user_id"),
    ({}, request(prompt_cache=generation_pb2.PromptCacheOptions(key="k")), "prompt_cache.key"),
    ({}, request(prompt_cache=generation_pb2.PromptCacheOptions(ttl="24h")), "prompt_cache.ttl"),
    ({}, wants("json_object"), "output_format.json_object"),
    ({}, wants("grammar", syntax="lark", definition="x"), "output_format.grammar"),
    ({"output_schema": False}, wants("json_schema", schema_json="{}"), "output_format.json_schema"),
    ({}, request(reasoning=Reasoning(effort="minimal")), "reasoning.effort"),
    ({"effort": "none"}, request(reasoning=Reasoning(effort="low")), "reasoning.effort"),
    ({"thinking_budget": False}, request(reasoning=Reasoning(max_token_count=2048)), "reasoning.max_token_count"),
    ({}, request(reasoning=Reasoning(effort="low", visibility="full")), "reasoning.visibility"),
    ({}, request(reasoning=Reasoning(visibility="detailed")), "reasoning.visibility"),
    ({}, request(reasoning=Reasoning(effort="none", visibility="detailed")), "reasoning.visibility"),
    ({}, request(tools=[function(), tool_pb2.Tool(custom=tool_pb2.CustomTool(name="g"))]), "tools[1].custom"),
    ({}, asks(said("USER", "Hi", name="ann")), "messages[0].name"),
    ({}, asks(HI, said("ASSISTANT", "a"), LATER, HI), "messages[2].role"),
    ({}, asks(said("USER", Part(media=Media(data=b"x", mime_type="image/png", detail="low")))), "messages[0].parts[0].media.detail"),
    ({}, asks(said("USER", Part(text="x", cache_breakpoint=Cache(ttl="2h")))), "messages[0].parts[0].cache_breakpoint.ttl"),
    ({}, asks(said("USER", MARKED, MARKED, MARKED, MARKED, MARKED)), "messages[0].parts[4].cache_breakpoint"),
    ({}, asks(said("USER", MARKED, MARKED, MARKED, MARKED), prompt_cache=generation_pb2.PromptCacheOptions(ttl="5m")), "prompt_cache.ttl"),
    ({}, asks(said("USER", MARKED, Part(text="y", cache_breakpoint=Cache(ttl="1h")))), "messages[0].parts[1].cache_breakpoint.ttl"),
    ({}, asks(HI, said("ASSISTANT", Part(reasoning=Thought(), signature=SIGNED, cache_breakpoint=Cache()))), "messages[1].parts[0].cache_breakpoint"),
]  # fmt: skip


@pytest.mark.parametrize(("quirks", "made", "field"), MISSING, ids=[row[2] for row in MISSING])
def test_what_the_provider_lacks_is_refused_or_dropped_with_a_warning(
    quirks: dict[str, Any], made: Request, field: str
) -> None:
    with pytest.raises(errors.CapabilityMissing) as caught:
        encode(made, **quirks)
    assert caught.value.metadata["capability"] == field
    assert caught.value.message.startswith(f"anthropic does not take {field}")
    dropping = Request()
    dropping.CopyFrom(made)
    dropping.unsupported_policy = generation_pb2.UNSUPPORTED_POLICY_DROP
    assert [warning.field for warning in encode(dropping, **quirks).warnings] == [field]


CALLED = said("ASSISTANT", call("a"), call("b"))
PART = "messages[0].parts[0]"

# (request, the path of the field that is wrong here)
INVALID: list[tuple[Request, str]] = [
    (asks(said("SYSTEM", "a")), "messages"),
    (asks(said("USER", Part(media=Media(uri="gs://a/b.png", mime_type="image/png")))), f"{PART}.media.uri"),
    (asks(said("USER", Part(media=Media(uri="https://x.example/a.txt", mime_type="text/plain")))), f"{PART}.media.uri"),
    (asks(said("USER", Part(media=Media(data=b"x", mime_type="image/bmp")))), f"{PART}.media.mime_type"),
    (asks(said("USER", Part(media=Media(data=b"x", mime_type="audio/wav")))), f"{PART}.media.mime_type"),
    (asks(said("USER", Part(media=Media(data=b"\xff", mime_type="text/plain")))), f"{PART}.media.data"),
    (
        asks(said("USER", Part(provider_part=message_pb2.ProviderPart(dialect="gemini", json="{}")))),
        f"{PART}.provider_part.dialect",
    ),
    (asks(said("SYSTEM", "a", provider_json={"anthropic": "{}"}), HI), "messages[0].provider_json"),
    (asks(HI, said("ASSISTANT", call(""))), "messages[1].parts[0].tool_call.id"),
    (asks(HI, said("ASSISTANT", call("a"), call("a"))), "messages[1].parts[1].tool_call.id"),
    (asks(HI, CALLED), "messages[1].parts[0].tool_call.id"),
    (asks(HI, CALLED, said("TOOL", result("a"))), "messages[1].parts[1].tool_call.id"),
    (asks(HI, CALLED, HI), "messages[1].parts[0].tool_call.id"),
    (asks(HI, CALLED, HI, said("ASSISTANT", "x")), "messages[1].parts[0].tool_call.id"),
    (asks(HI, CALLED, said("TOOL", result("a"), result("a"))), "messages[2].parts[1].tool_result.tool_call_id"),
    (
        asks(HI, CALLED, said("TOOL", result("a"), result("b")), said("ASSISTANT", "x"), said("TOOL", result("a"))),
        "messages[4].parts[0].tool_result.tool_call_id",
    ),
    (request(tools=[function("a.b")]), "tools[0].function.name"),
    (request(tools=[function(input_schema_json='{"type":"string"}')]), "tools[0].function.input_schema_json"),
    (request(reasoning=Reasoning(max_token_count=1023)), "reasoning.max_token_count"),
    (request(reasoning=Reasoning(max_token_count=2048), max_output_token_count=2048), "reasoning.max_token_count"),
    (request(sampling=Sampling(stop_sequences=["x", "\n"])), "sampling.stop_sequences[1]"),
    (options(betas=["a b"]), 'provider_options_json["anthropic"].betas'),
    (options(betas=["a\r\nx: y"]), 'provider_options_json["anthropic"].betas'),
]


@pytest.mark.parametrize(("made", "field"), INVALID)
def test_what_has_no_place_is_named(made: Request, field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        encode(made)
    assert caught.value.violations[0].field == field


@pytest.mark.parametrize(
    ("messages", "field"),
    [
        ([HI, said("ASSISTANT", "a"), LATER, HI], "messages[2].role"),
        ([HI, LATER, HI], "messages[1].role"),
        ([HI, said("ASSISTANT", call("a")), LATER, said("TOOL", result("a"))], "messages[2].role"),
    ],
)
def test_a_later_system_message_has_its_places(messages: list[Message], field: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        encode(asks(*messages), later_system=True)
    assert caught.value.violations[0].field == field


def test_all_calls_without_a_result_are_named() -> None:
    with pytest.raises(errors.InvalidField) as caught:
        encode(asks(HI, CALLED))
    assert [violation.field for violation in caught.value.violations] == [
        "messages[1].parts[0].tool_call.id",
        "messages[1].parts[1].tool_call.id",
    ]


@pytest.mark.parametrize(
    "member",
    [
        "model",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "max_tokens",
        "stream",
        "metadata",
        "fallbacks",
        "base_url",
    ],
)
def test_a_member_that_the_gateway_sets_is_no_option(member: str) -> None:
    with pytest.raises(errors.InvalidField) as caught:
        encode(options(**{member: 1}))
    assert caught.value.violations[0].field == f'provider_options_json["anthropic"].{member}'


OPENAI_SEARCH = tool_pb2.Tool(provider_tool=tool_pb2.ProviderTool(dialect="openai", type="web_search"))
NEVER = [
    (Request(raw_prompt=generation_pb2.RawPrompt(text="Once")), "raw_prompt"),
    (request(tools=[OPENAI_SEARCH]), "tools[0]"),
]


@pytest.mark.parametrize(("made", "capability"), NEVER)
def test_what_cannot_be_left_out_is_refused_whatever_the_policy(made: Request, capability: str) -> None:
    dropping = Request(unsupported_policy=generation_pb2.UNSUPPORTED_POLICY_DROP)
    dropping.MergeFrom(made)
    with pytest.raises(errors.CapabilityMissing) as caught:
        encode(dropping)
    assert caught.value.metadata["capability"] == capability


COUNTED = asks(
    said("SYSTEM", "Be kind."),
    HI,
    tools=[function()],
    tool_choice=Choice(mode=Choice.MODE_AUTO),
    sampling=Sampling(temperature=1, stop_sequences=["x"]),
    reasoning=Reasoning(effort="low"),
    end_user_id="u",
    service_tier="auto",
)


def test_a_count_is_asked_for_without_what_only_the_answer_depends_on() -> None:
    codec = AnthropicCodec("anthropic", Quirks())
    encoded = codec.encode_count_tokens(COUNTED, "m")
    assert (encoded.method, encoded.path) == ("POST", "/v1/messages/count_tokens")
    assert encoded.headers == {"anthropic-version": "2023-06-01"}
    assert json.loads(encoded.body) == {
        "model": "m",
        "system": "Be kind.",
        "messages": [SENT_HI],
        "tools": [tool("f")],
        "tool_choice": {"type": "auto"},
        "thinking": {"type": "adaptive"},
        "output_config": {"effort": "low"},
    }
    assert codec.decode_count_tokens(b'{"input_tokens":12}') == 12


@needs_specs
def test_what_a_count_sends_is_inside_the_schema() -> None:
    encoded = AnthropicCodec("anthropic", Quirks()).encode_count_tokens(COUNTED, "m")
    check = closed_validator("anthropic", "POST /v1/messages/count_tokens", "request")
    assert check(json.loads(encoded.body)) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"input_tokens":-1}', b'{"input_tokens":true}'])
def test_a_count_that_is_none_is_a_bad_response(body: bytes) -> None:
    with pytest.raises(errors.ProviderBadResponse):
        AnthropicCodec("anthropic", Quirks()).decode_count_tokens(body)


def test_embeddings_are_no_part_of_the_dialect() -> None:
    codec = AnthropicCodec("anthropic", Quirks())
    with pytest.raises(errors.CapabilityMissing, match="embeddings"):
        codec.encode_embed(embedding_pb2.EmbedRequest(), "m")
    with pytest.raises(errors.ProviderBadResponse):
        codec.decode_embed(embedding_pb2.EmbedRequest(), b"{}")


def test_models_are_asked_for_with_the_version() -> None:
    encoded = AnthropicCodec("anthropic", Quirks()).encode_list_models()
    assert (encoded.method, encoded.path, encoded.body) == ("GET", "/v1/models?limit=1000", b"")
    assert encoded.headers == {"anthropic-version": "2023-06-01"}
