"""The body of a chat completion → GenerateRequest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

from llmgateway_http.openai.chat_types import (
    PASSED_ON,
    ChatRequest,
    ContentPart,
    Message,
    MessageToolCall,
    ResponseFormat,
    ToolChoiceObject,
    ToolDefinition,
)
from llmgateway_http.openai.errors import invalid
from llmgateway_http.openai.json_body import convert, required
from llmgateway_http.openai.media import check_unknown_part, media_of
from llmgateway_http.openai.provider_options import DIALECT, set_provider_options, to_json_text
from llmgateway_http.openai.provider_parts import add_provider_parts, take_images
from llmgateway_http.openai.routing import ROUTING_MEMBERS, prefers_elsewhere, set_models, set_preferences
from llmgateway_http.openai.signatures import add_details, own_details, set_signature

Json = Mapping[str, Any]  # Any: decoded JSON
Request = generation_pb2.GenerateRequest
Choice = tool_pb2.ToolChoice

ROLES = {
    "system": message_pb2.ROLE_SYSTEM,
    "developer": message_pb2.ROLE_DEVELOPER,
    "user": message_pb2.ROLE_USER,
    "assistant": message_pb2.ROLE_ASSISTANT,
    "tool": message_pb2.ROLE_TOOL,
}
MODES = {"auto": Choice.MODE_AUTO, "none": Choice.MODE_NONE, "required": Choice.MODE_REQUIRED}
POLICIES = {
    "refuse": generation_pb2.UNSUPPORTED_POLICY_REFUSE,
    "drop": generation_pb2.UNSUPPORTED_POLICY_DROP,
}
REQUEST_MEMBERS = frozenset(ChatRequest.__struct_fields__)
MESSAGE_MEMBERS = frozenset(Message.__struct_fields__)
PART_MEMBERS = frozenset({"type", "text", "refusal", "image_url", "input_audio", "file"})
CALL_MEMBERS = frozenset(MessageToolCall.__struct_fields__)
TOOL_MEMBERS = frozenset(ToolDefinition.__struct_fields__)
# Sampling members that OpenAI does not have and the contract does.
EXTRA_SAMPLING = frozenset({"top_k", "min_p"})
SAMPLING_NUMBERS = ("temperature", "top_p", "frequency_penalty", "presence_penalty", "seed")
SAMPLING_MEMBERS = EXTRA_SAMPLING.union(SAMPLING_NUMBERS, ("stop", "logit_bias"))
KNOWN_MEMBERS = REQUEST_MEMBERS | EXTRA_SAMPLING
# A body of these alone has nothing for the bag of provider options.
PLAIN_MEMBERS = KNOWN_MEMBERS - PASSED_ON - {"response_format", "provider_options_json"}


def to_generate_request(raw: Json) -> tuple[Request, ChatRequest]:
    """Return the request, and the typed body for what only the shim needs. Raises `RestError` (400)."""
    known, read = KNOWN_MEMBERS, raw
    if not raw.keys().isdisjoint(ROUTING_MEMBERS) and prefers_elsewhere(raw.get("model")):
        known = KNOWN_MEMBERS - ROUTING_MEMBERS
        read = {name: value for name, value in raw.items() if name in known}
    body = convert(read, ChatRequest)
    request = Request()
    set_models(request, body.model, body.models)
    raw_messages = raw["messages"]
    for index, message in enumerate(body.messages):
        add_message(request, message, raw_messages[index], f"messages[{index}]")
    if body.tools:
        for index, tool in enumerate(body.tools):
            add_tool(request, tool, raw["tools"][index], f"tools[{index}]")
    if body.tool_choice is not None:
        set_tool_choice(request, body.tool_choice)
    if body.parallel_tool_calls is not None:
        request.tool_choice.parallel = body.parallel_tool_calls
    set_sampling(request, body, raw)
    set_limits(request, body)
    set_labels(request, body)
    if body.unsupported_policy is not None:
        request.unsupported_policy = POLICIES[body.unsupported_policy]
    if body.provider is not None:
        set_preferences(request, body.provider)
    if body.response_format is not None:
        set_output_format(request, body.response_format)
    if not raw.keys() <= PLAIN_MEMBERS or known is not KNOWN_MEMBERS:
        passed_on = PASSED_ON | passed_format(body)
        set_provider_options(request.provider_options_json, raw, known, passed_on)
    return request, body


def passed_format(body: ChatRequest) -> frozenset[str]:
    """Name `response_format` where its type is a provider's own."""
    known = body.response_format is None or body.response_format.type in ("text", "json_object", "json_schema")
    return frozenset() if known else frozenset({"response_format"})


def add_message(request: Request, message: Message, raw: Json, path: str) -> None:
    """Append one turn."""
    role = ROLES.get(message.role)
    if role is None:
        raise invalid(f"{path}.role", f"must be one of {', '.join(ROLES)}")
    turn = request.messages.add(role=role)
    if message.name is not None:
        turn.name = message.name
    if role == message_pb2.ROLE_TOOL:
        set_tool_result(turn, message, raw, path)
    else:
        if role == message_pb2.ROLE_ASSISTANT:
            add_thoughts(turn, message, raw)
        add_content(turn.parts, message.content, raw.get("content"), f"{path}.content")
        if role == message_pb2.ROLE_ASSISTANT:
            add_answer(turn, message, raw, path)
        else:
            refuse_answer_members(message, path)
        if message.tool_call_id:
            raise invalid(f"{path}.tool_call_id", "belongs to messages of the role tool")
        if role != message_pb2.ROLE_ASSISTANT and message.content is None:
            raise invalid(f"{path}.content", "is required", "missing_required_parameter")
    if not raw.keys() <= MESSAGE_MEMBERS:
        unknown = {name: value for name, value in raw.items() if name not in MESSAGE_MEMBERS}
        if role == message_pb2.ROLE_ASSISTANT:
            take_signatures(turn, unknown)
            take_drawn(turn, unknown, f"{path}.images")
        if unknown:
            turn.provider_json[DIALECT] = to_json_text(unknown)
    if message.provider_parts:
        add_provider_parts(turn, message.provider_parts, f"{path}.provider_parts")


def add_thoughts(turn: message_pb2.ChatMessage, message: Message, raw: Json) -> None:
    """Append what the model thought: with its signatures where they came back, else the text alone."""
    details = own_details(raw.get("reasoning_details"))
    if details:
        add_details(turn, details)
        return
    thoughts = message.reasoning_content or message.reasoning
    if thoughts:
        turn.parts.add().reasoning.text = thoughts


def take_signatures(turn: message_pb2.ChatMessage, unknown: dict[str, Any]) -> None:
    """Take out of a message's unknown members those that the gateway wrote itself: they are no provider's."""
    told = unknown.get("reasoning_details")
    details = own_details(told)
    if details or not told:
        others = [entry for entry in unknown.pop("reasoning_details", None) or () if entry not in details]
        if others:
            unknown["reasoning_details"] = others
    texts = [part for part in turn.parts if part.HasField("text")]
    if texts and set_signature(texts[-1], unknown.get("extra_content")):
        unknown.pop("extra_content")


def take_drawn(turn: message_pb2.ChatMessage, unknown: dict[str, Any], path: str) -> None:
    """Take the images that the gateway told out of a message's unknown members; others stay for their provider."""
    if unknown.get("images"):
        others = take_images(turn, unknown.pop("images"), path)
        if others:
            unknown["images"] = others


def refuse_answer_members(message: Message, path: str) -> None:
    """Refuse what only an assistant's message may hold."""
    for name in ("tool_calls", "refusal", "audio", "annotations", "reasoning_content", "reasoning", "provider_parts"):
        if getattr(message, name):
            raise invalid(f"{path}.{name}", "belongs to messages of the role assistant")


def set_tool_result(turn: message_pb2.ChatMessage, message: Message, raw: Json, path: str) -> None:
    """Fill a tool's turn with its one result."""
    refuse_answer_members(message, path)
    result = turn.parts.add().tool_result
    result.tool_call_id = required(message.tool_call_id, f"{path}.tool_call_id")
    if message.content is None:
        raise invalid(f"{path}.content", "is required", "missing_required_parameter")
    add_content(result.parts, message.content, raw.get("content"), f"{path}.content")


def add_answer(turn: message_pb2.ChatMessage, message: Message, raw: Json, path: str) -> None:
    """Append what only an assistant says: refusal, audio, tool calls."""
    if message.refusal:
        turn.parts.add().refusal = message.refusal
    if message.audio is not None:
        turn.parts.add().media.file_id = message.audio.id
    for index, call in enumerate(message.tool_calls or ()):
        add_tool_call(turn, call, raw["tool_calls"][index], f"{path}.tool_calls[{index}]")


def add_content(parts: Any, content: str | list[ContentPart] | None, raw: Any, path: str) -> None:  # a repeated field
    """Append a text, or a list of parts."""
    if content is None:
        return
    if isinstance(content, str):
        parts.add().text = content
        return
    for index, piece in enumerate(content):
        add_part(parts.add(), piece, raw[index], f"{path}[{index}]")


def add_part(part: message_pb2.Part, piece: ContentPart, raw: Json, path: str) -> None:
    """Fill one part. One of an unknown type goes to providers of this dialect as it is."""
    if piece.type == "text":
        part.text = required(piece.text, f"{path}.text")
    elif piece.type == "refusal":
        part.refusal = required(piece.refusal, f"{path}.refusal")
    elif not media_of(piece, part, path):
        check_unknown_part(piece.type, raw.get(piece.type), path)
        provider_part = part.provider_part
        provider_part.dialect, provider_part.type, provider_part.json = DIALECT, piece.type, to_json_text(raw)
        return
    unknown = {name: value for name, value in raw.items() if name not in PART_MEMBERS}
    if unknown:
        part.provider_json[DIALECT] = to_json_text(unknown)


def add_tool_call(turn: message_pb2.ChatMessage, call: MessageToolCall, raw: Json, path: str) -> None:
    """Append a call that the model made before."""
    part = turn.parts.add()
    made = part.tool_call
    made.id = call.id
    if call.type == "custom":
        custom = required(call.custom, f"{path}.custom")
        made.name, made.text = custom.name, custom.input
    elif call.type == "function":
        function = required(call.function, f"{path}.function")
        made.name, made.arguments_json = function.name, function.arguments or "{}"
    else:
        raise invalid(f"{path}.type", "must be function or custom")
    unknown = {name: value for name, value in raw.items() if name not in CALL_MEMBERS}
    if set_signature(part, unknown.get("extra_content")):
        unknown.pop("extra_content")
    if unknown:
        part.provider_json[DIALECT] = to_json_text(unknown)


def add_tool(request: Request, tool: ToolDefinition, raw: Json, path: str) -> None:
    """Append something that the model may call."""
    added = request.tools.add()
    if tool.type == "function":
        function = required(tool.function, f"{path}.function")
        added.function.name = function.name
        if function.description is not None:
            added.function.description = function.description
        if function.parameters is not None:
            added.function.input_schema_json = to_json_text(function.parameters)
        if function.strict is not None:
            added.function.strict = function.strict
    elif tool.type == "custom":
        set_custom_tool(added.custom, tool, path)
    else:
        provider_tool = added.provider_tool
        provider_tool.dialect, provider_tool.type = DIALECT, tool.type
        config = {name: value for name, value in raw.items() if name != "type"}
        if config:
            provider_tool.config_json = to_json_text(config)
        return
    unknown = {name: value for name, value in raw.items() if name not in TOOL_MEMBERS}
    if unknown:
        added.provider_json[DIALECT] = to_json_text(unknown)


def set_custom_tool(added: tool_pb2.CustomTool, tool: ToolDefinition, path: str) -> None:
    """Fill a tool that takes free text."""
    custom = required(tool.custom, f"{path}.custom")
    added.name = custom.name
    if custom.description is not None:
        added.description = custom.description
    if custom.format is not None and custom.format.type == "grammar":
        grammar = required(custom.format.grammar, f"{path}.custom.format.grammar")
        added.grammar.syntax, added.grammar.definition = grammar.syntax, grammar.definition


def set_tool_choice(request: Request, choice: str | ToolChoiceObject) -> None:
    """Fill whether the model may, must or must not call a tool, and which."""
    target = request.tool_choice
    if isinstance(choice, str):
        mode = MODES.get(choice)
        if mode is None:
            raise invalid("tool_choice", f"must be one of {', '.join(MODES)}, or an object")
        target.mode = mode
        return
    if choice.type == "allowed_tools":
        allowed = required(choice.allowed_tools, "tool_choice.allowed_tools")
        if allowed.mode not in ("auto", "required"):
            raise invalid("tool_choice.allowed_tools.mode", "must be auto or required")
        target.mode = MODES[allowed.mode]
        for index, tool in enumerate(allowed.tools):
            named = tool.custom if tool.type == "custom" else tool.function
            path = f"tool_choice.allowed_tools.tools[{index}].{tool.type}"
            target.allowed_tool_names.append(required(named, path).name)
        return
    if choice.type not in ("function", "custom"):
        raise invalid("tool_choice.type", "must be function, custom or allowed_tools")
    named = choice.custom if choice.type == "custom" else choice.function
    target.mode = Choice.MODE_REQUIRED
    target.allowed_tool_names.append(required(named, f"tool_choice.{choice.type}").name)


def set_sampling(request: Request, body: ChatRequest, raw: Json) -> None:
    """Fill how tokens are picked."""
    if raw.keys().isdisjoint(SAMPLING_MEMBERS):
        return
    sampling = request.sampling
    for name in SAMPLING_NUMBERS:
        value = getattr(body, name)
        if value is not None:
            setattr(sampling, name, value)
    if body.stop is not None:
        sampling.stop_sequences.extend([body.stop] if isinstance(body.stop, str) else body.stop)
    if body.logit_bias:
        for token, bias in body.logit_bias.items():
            if not token.isascii() or not token.isdecimal() or len(token) > 9 or str(int(token)) != token:
                raise invalid(f"logit_bias.{token[:32]}", "must be the number of a token")
            sampling.logit_bias[int(token)] = bias
    for extra in EXTRA_SAMPLING & raw.keys():
        value = raw[extra]
        if value is None:
            continue
        is_fitting = isinstance(value, int) if extra == "top_k" else isinstance(value, int | float)
        if not is_fitting or isinstance(value, bool) or not -(2**31) <= value < 2**31:
            raise invalid(extra, "must be a number", "invalid_type")
        setattr(sampling, extra, value)
    if not sampling.ListFields():
        request.ClearField("sampling")


def set_limits(request: Request, body: ChatRequest) -> None:
    """Fill what bounds an answer, and what else comes with it."""
    if body.max_tokens is not None and body.max_completion_tokens is not None:
        raise invalid("max_tokens", "is the old name of max_completion_tokens; send one of the two")
    limit = body.max_completion_tokens if body.max_completion_tokens is not None else body.max_tokens
    if limit is not None:
        request.max_output_token_count = limit
    if body.n is not None:
        request.candidate_count = body.n
    if body.logprobs:
        request.top_logprob_count = body.top_logprobs or 0
    elif body.top_logprobs is not None:
        raise invalid("top_logprobs", "asks for logprobs to be true, too")
    if body.reasoning_effort is not None:
        request.reasoning.effort = body.reasoning_effort
    if body.modalities is not None:
        request.output_modalities.extend(body.modalities)
    if body.audio is not None:
        if not isinstance(body.audio.voice, str):
            raise invalid("audio.voice", "must be the name of a voice; custom voices are not served")
        request.audio.voice, request.audio.format = body.audio.voice, body.audio.format
    if body.service_tier is not None:
        request.service_tier = body.service_tier
    if body.prompt_cache_key is not None:
        request.prompt_cache.key = body.prompt_cache_key
    if body.prompt_cache_retention is not None:
        request.prompt_cache.ttl = body.prompt_cache_retention


def set_labels(request: Request, body: ChatRequest) -> None:
    """Fill whom the call is for."""
    if body.metadata:
        request.labels.update(body.metadata)
    if body.user is not None:
        request.end_user_id = body.user
    if body.store:
        raise invalid("store", "is not served: the gateway keeps no answers; leave it out", "unsupported_parameter")
    if body.stream_options is not None and body.stream_options.include_obfuscation:
        raise invalid("stream_options.include_obfuscation", "is not served; leave it out", "unsupported_parameter")


def set_output_format(request: Request, wanted: ResponseFormat) -> None:
    """Fill what the text must look like."""
    if wanted.type == "json_object":
        request.output_format.json_object.SetInParent()
    elif wanted.type == "json_schema":
        definition = required(wanted.json_schema, "response_format.json_schema")
        schema = request.output_format.json_schema
        schema.name = definition.name
        if definition.description is not None:
            schema.description = definition.description
        schema.schema_json = to_json_text(cast("object", definition.schema or {}))
        if definition.strict is not None:
            schema.strict = definition.strict
