"""GenerateRequest → the body of `POST /chat/completions`.

Members follow OpenAI's API reference, "Create chat completion" (read 2026-11-25). Every field is encoded, or
refused by its path, or left out with a warning where the request's `unsupported_policy` allows it.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import msgspec
from llmgateway.v1 import call_pb2, generation_pb2, message_pb2, tool_pb2

from llmgateway_server.dialects.openai.options import NAME
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import CapabilityMissing, FieldViolation, InvalidField

Request = generation_pb2.GenerateRequest
Part = message_pb2.Part
Role = message_pb2.Role
Choice = tool_pb2.ToolChoice

ROLES = {
    message_pb2.ROLE_SYSTEM: "system",
    message_pb2.ROLE_DEVELOPER: "developer",
    message_pb2.ROLE_USER: "user",
    message_pb2.ROLE_ASSISTANT: "assistant",
}
AUDIO_FORMATS = {
    "audio/wav": "wav",
    "audio/x-wav": "wav",
    "audio/wave": "wav",
    "audio/mpeg": "mp3",
    "audio/mp3": "mp3",
}


class ChatEncoder:
    """Encodes one request for one model of one provider. `warnings` say what was left out."""

    def __init__(self, request: Request, model: str, provider: str, quirks: Quirks) -> None:
        self._request = request
        self._model = model
        self._provider = provider
        self._quirks = quirks
        self.warnings: list[call_pb2.Warning] = []

    def body(self, *, stream: bool) -> Json:
        """Return the body, without the caller's own options."""
        request = self._request
        body: Json = {"model": self._model, "messages": [*self._messages()]}
        if stream:
            body["stream"] = True
            if self._quirks.stream_usage:
                body["stream_options"] = {"include_usage": True}
        if request.HasField("sampling"):
            self.add_sampling(body)
        self.add_limits(body)
        if request.tools:
            body["tools"] = [self._tool(index, tool) for index, tool in enumerate(request.tools)]
        if request.HasField("tool_choice"):
            self._add_tool_choice(body)
        if request.HasField("output_format"):
            self._add_output_format(body)
        if request.HasField("reasoning"):
            self._add_reasoning(body)
        if request.HasField("top_logprob_count"):
            self._put(body, "logprobs", True, "top_logprob_count")
            if request.top_logprob_count:
                self._put(body, "top_logprobs", request.top_logprob_count, "top_logprob_count")
        if request.output_modalities and list(request.output_modalities) != ["text"]:
            body["modalities"] = list(request.output_modalities)
        if request.HasField("audio"):
            body["audio"] = {"voice": request.audio.voice, "format": request.audio.format}
        return body

    def add_sampling(self, body: Json) -> None:
        """Add how tokens are picked; legacy completions share it."""
        sampling = self._request.sampling
        for name in ("temperature", "top_p", "frequency_penalty", "presence_penalty"):
            if sampling.HasField(name):
                self._put(body, name, getattr(sampling, name), f"sampling.{name}")
        for extra in ("top_k", "min_p"):
            if sampling.HasField(extra):
                if extra in self._quirks.extra_sampling:
                    body[extra] = getattr(sampling, extra)
                else:
                    self._miss(f"sampling.{extra}")
        if sampling.HasField("seed"):
            if self._quirks.seed_field:
                self._put(body, self._quirks.seed_field, sampling.seed, "sampling.seed")
            else:
                self._miss("sampling.seed")
        if sampling.stop_sequences:
            self._put(body, "stop", list(sampling.stop_sequences), "sampling.stop_sequences")
        if sampling.logit_bias:
            bias = {str(token): as_number(value) for token, value in sampling.logit_bias.items()}
            self._put(body, "logit_bias", bias, "sampling.logit_bias")

    def add_limits(self, body: Json) -> None:
        """Add what bounds and labels a call; legacy completions share it, but for the name of the limit."""
        request = self._request
        if request.HasField("max_output_token_count"):
            body[self._quirks.max_tokens_field] = request.max_output_token_count
        if request.HasField("candidate_count") and request.candidate_count != 1:
            self._put(body, "n", request.candidate_count, "candidate_count")
        if request.end_user_id:
            self._put(body, "user", request.end_user_id, "end_user_id")
        if request.service_tier:
            self._put(body, "service_tier", request.service_tier, "service_tier")
        if request.HasField("prompt_cache"):
            cache = request.prompt_cache
            if cache.key:
                self._put(body, "prompt_cache_key", cache.key, "prompt_cache.key")
            if cache.ttl:
                self._put(body, "prompt_cache_retention", cache.ttl, "prompt_cache.ttl")

    def _put(self, body: Json, member: str, value: Any, field: str) -> None:
        if member in self._quirks.unsupported:
            self._miss(field)
        else:
            body[member] = value

    def _miss(self, field: str) -> None:
        """Refuse a field that the provider does not take, or leave it out with a warning where that is allowed."""
        if self._request.unsupported_policy == generation_pb2.UNSUPPORTED_POLICY_DROP:
            self.warnings.append(call_pb2.Warning(field=field, description=f"{self._provider} does not take it."))
            return
        raise CapabilityMissing(
            f"{self._provider} does not take {field}. Leave it out, or set unsupported_policy to drop it.",
            metadata={"model": f"{self._provider}/{self._model}"[:200], "capability": field},
        )

    def _messages(self) -> Iterator[Json]:
        for index, message in enumerate(self._request.messages):
            path = f"messages[{index}]"
            if message.role == message_pb2.ROLE_TOOL:
                yield from self._tool_messages(path, message)
                continue
            encoded = (
                self._assistant(path, message)
                if message.role == message_pb2.ROLE_ASSISTANT
                else {"role": self._role(message.role), "content": self._content(path, message)}
            )
            if message.name:
                self._put(encoded, "name", message.name, f"{path}.name")
            merge_bag(encoded, message.provider_json, NAME)
            yield encoded

    def _role(self, role: Role.ValueType) -> str:
        if role == message_pb2.ROLE_DEVELOPER and not self._quirks.developer_role:
            return "system"
        return ROLES[role]

    def _content(self, path: str, message: message_pb2.ChatMessage) -> str | list[Json]:
        parts = message.parts
        if len(parts) == 1 and parts[0].HasField("text") and not parts[0].provider_json:
            return parts[0].text
        return [self._part(f"{path}.parts[{index}]", part) for index, part in enumerate(parts)]

    def _part(self, path: str, part: Part) -> Json:
        kind = part.WhichOneof("content")
        if kind == "text":
            encoded: Json = {"type": "text", "text": part.text}
        elif kind == "media":
            encoded = encode_media(path, part.media)
        elif kind == "provider_part":
            return self._provider_part(path, part.provider_part)
        else:
            raise InvalidField([FieldViolation(f"{path}.{kind}", "has no place in this message of the openai dialect")])
        merge_bag(encoded, part.provider_json, NAME)
        return encoded

    def _provider_part(self, path: str, part: message_pb2.ProviderPart) -> Json:
        if part.dialect != NAME:
            description = f"belongs to the dialect {part.dialect[:64]!r}, and the target speaks openai"
            raise InvalidField([FieldViolation(f"{path}.provider_part.dialect", description)])
        return decode_object(part.json)

    def _assistant(self, path: str, message: message_pb2.ChatMessage) -> Json:
        encoded: Json = {"role": "assistant"}
        content: list[Json] = []
        calls: list[Json] = []
        for index, part in enumerate(message.parts):
            part_path = f"{path}.parts[{index}]"
            kind = part.WhichOneof("content")
            if kind is None:
                description = "The part is empty: it was left out."
                self.warnings.append(call_pb2.Warning(field=part_path, description=description))
            elif kind == "text":
                content.append(self._part(part_path, part))
            elif kind == "refusal":
                encoded["refusal"] = encoded.get("refusal", "") + part.refusal
            elif kind == "tool_call":
                if part.tool_call.executor != message_pb2.ToolCall.EXECUTOR_PROVIDER:
                    calls.append(encode_tool_call(part))
            elif kind == "reasoning":
                field = self._quirks.reasoning_field
                if field and part.reasoning.text:
                    encoded[field] = encoded.get(field, "") + part.reasoning.text
            elif kind == "media" and (part.media.file_id or part.item_id):
                encoded["audio"] = {"id": part.media.file_id or part.item_id}
            elif kind == "provider_part":
                content.append(self._provider_part(part_path, part.provider_part))
            elif kind != "tool_result":  # a result of the provider's own call is not sent back
                description = "has no place in an assistant's message of the openai dialect"
                raise InvalidField([FieldViolation(f"{part_path}.{kind}", description)])
        if content:
            is_plain = all(piece.keys() == {"type", "text"} for piece in content)
            encoded["content"] = "".join([piece["text"] for piece in content]) if is_plain else content
        elif not calls and "audio" not in encoded:
            encoded["content"] = None if "refusal" in encoded else ""
        if calls:
            encoded["tool_calls"] = calls
        return encoded

    def _tool_messages(self, path: str, message: message_pb2.ChatMessage) -> Iterator[Json]:
        for index, part in enumerate(message.parts):
            result = part.tool_result
            content: str | list[Json] = result.output_json
            if result.parts:
                inner = message_pb2.ChatMessage(parts=result.parts)
                content = self._content(f"{path}.parts[{index}].tool_result", inner)
            encoded: Json = {"role": "tool", "tool_call_id": result.tool_call_id, "content": content}
            merge_bag(encoded, part.provider_json, NAME)
            if index == 0:
                merge_bag(encoded, message.provider_json, NAME)
            yield encoded

    def _tool(self, index: int, tool: tool_pb2.Tool) -> Json:
        kind = tool.WhichOneof("kind")
        if kind == "function":
            encoded: Json = {"type": "function", "function": encode_function(tool.function)}
        elif kind == "custom":
            encoded = {"type": "custom", "custom": encode_custom_tool(tool.custom)}
        elif tool.provider_tool.dialect == NAME:
            config = tool.provider_tool.config_json
            encoded = {**(decode_object(config) if config else {}), "type": tool.provider_tool.type}
        else:
            raise CapabilityMissing(
                f"tools[{index}] belongs to the dialect {tool.provider_tool.dialect[:64]!r}, and {self._provider} "
                "speaks openai. Leave it out, or name a model that has it.",
                metadata={"model": f"{self._provider}/{self._model}"[:200], "capability": f"tools[{index}]"},
            )
        merge_bag(encoded, tool.provider_json, NAME)
        return encoded

    def _add_tool_choice(self, body: Json) -> None:
        choice = self._request.tool_choice
        mode = {Choice.MODE_NONE: "none", Choice.MODE_REQUIRED: "required"}.get(choice.mode, "auto")
        kinds = {tool.custom.name: "custom" for tool in self._request.tools if tool.HasField("custom")}
        names = [
            {"type": kind, kind: {"name": name}}
            for name in choice.allowed_tool_names
            for kind in [kinds.get(name, "function")]
        ]
        if len(names) == 1 and mode == "required":
            body["tool_choice"] = names[0]
        elif names:
            body["tool_choice"] = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": names}}
        elif choice.mode != Choice.MODE_UNSPECIFIED:
            body["tool_choice"] = mode
        if choice.HasField("parallel"):
            self._put(body, "parallel_tool_calls", choice.parallel, "tool_choice.parallel")

    def _add_output_format(self, body: Json) -> None:
        output = self._request.output_format
        kind = output.WhichOneof("format")
        if kind == "json_object":
            body["response_format"] = {"type": "json_object"}
        elif kind == "json_schema":
            schema = output.json_schema
            encoded: Json = {"name": schema.name or "output", "schema": decode_object(schema.schema_json)}
            if schema.description:
                encoded["description"] = schema.description
            if schema.HasField("strict"):
                encoded["strict"] = schema.strict
            body["response_format"] = {"type": "json_schema", "json_schema": encoded}
        elif self._quirks.grammar:
            body["guided_grammar"] = output.grammar.definition
        else:
            self._miss("output_format.grammar")

    def _add_reasoning(self, body: Json) -> None:
        reasoning = self._request.reasoning
        if reasoning.effort:
            self._put(body, "reasoning_effort", reasoning.effort, "reasoning.effort")
        if reasoning.HasField("max_token_count"):
            self._miss("reasoning.max_token_count")
        if reasoning.visibility:
            self._miss("reasoning.visibility")


def encode_media(path: str, media: message_pb2.Media) -> Json:
    """Encode an image, audio or a document as OpenAI takes it. Raise `InvalidField` for what it takes in no form."""
    mime_type = media.mime_type.partition(";")[0].lower()
    source = media.WhichOneof("source")
    if source == "file_id":
        return {"type": "file", "file": {"file_id": media.file_id}}
    if mime_type.startswith("image/"):
        url = media.uri if source == "uri" else data_url(media)
        image: Json = {"url": url}
        if media.detail:
            image["detail"] = media.detail
        return {"type": "image_url", "image_url": image}
    if source == "uri":
        description = "must be data or a file_id here: the openai dialect takes only images by URI"
        raise InvalidField([FieldViolation(f"{path}.media.uri", description)])
    if mime_type in AUDIO_FORMATS:
        data = base64.b64encode(media.data).decode("ascii")
        return {"type": "input_audio", "input_audio": {"data": data, "format": AUDIO_FORMATS[mime_type]}}
    if mime_type.startswith(("audio/", "video/")):
        description = "is none that the openai dialect takes: send audio as audio/wav or audio/mpeg"
        raise InvalidField([FieldViolation(f"{path}.media.mime_type", description)])
    file: Json = {"file_data": data_url(media)}
    file["filename"] = media.file_name or "file"
    return {"type": "file", "file": file}


def data_url(media: message_pb2.Media) -> str:
    """Return bytes as a data URL."""
    return f"data:{media.mime_type};base64,{base64.b64encode(media.data).decode('ascii')}"


def encode_tool_call(part: Part) -> Json:
    """Encode a call that the model made before."""
    call = part.tool_call
    if call.WhichOneof("input") == "text":
        encoded: Json = {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.text}}
    else:
        function = {"name": call.name, "arguments": call.arguments_json or "{}"}
        encoded = {"id": call.id, "type": "function", "function": function}
    merge_bag(encoded, part.provider_json, NAME)
    return encoded


def encode_function(function: tool_pb2.FunctionTool) -> Json:
    """Encode a function that the model may call."""
    encoded: Json = {"name": function.name}
    if function.description:
        encoded["description"] = function.description
    if function.input_schema_json:
        encoded["parameters"] = msgspec.Raw(function.input_schema_json.encode())
    if function.HasField("strict"):
        encoded["strict"] = function.strict
    return encoded


def encode_custom_tool(tool: tool_pb2.CustomTool) -> Json:
    """Encode a tool with free-text input."""
    encoded: Json = {"name": tool.name}
    if tool.description:
        encoded["description"] = tool.description
    if tool.HasField("grammar"):
        grammar = {"syntax": tool.grammar.syntax, "definition": tool.grammar.definition}
        encoded["format"] = {"type": "grammar", "grammar": grammar}
    return encoded


def as_number(value: float) -> int | float:
    """Return a whole number as an integer: OpenAI's biases are."""
    return int(value) if value.is_integer() else value
