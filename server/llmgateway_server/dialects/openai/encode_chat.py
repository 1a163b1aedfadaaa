"""GenerateRequest → the body of `POST /chat/completions`.

Members follow OpenAI's API reference, "Create chat completion" (read 2026-11-25). Every field is encoded, or
refused by its path, or left out with a warning where the request's `unsupported_policy` allows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

from llmgateway_server.dialects.gaps import Gaps, drops_gaps, invalid, own_block
from llmgateway_server.dialects.openai.encode_media import encode_media, encode_mistral_media
from llmgateway_server.dialects.openai.encode_tools import encode_tool_call, encode_tool_choice, encode_tools, tool_id
from llmgateway_server.dialects.openai.options import NAME
from llmgateway_server.dialects.openai.quirks import Quirks
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json

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


class ChatEncoder:
    """Encodes one request for one model of one provider. `warnings` say what was left out."""

    def __init__(self, request: Request, model: str, provider: str, quirks: Quirks) -> None:
        self._request = request
        self._model = model
        self._provider = provider
        self._quirks = quirks
        self._gaps = Gaps(provider, model, drops=drops_gaps(request))
        self.warnings = self._gaps.warnings

    def body(self, *, stream: bool) -> Json:
        """Return the body, without the caller's own options."""
        request = self._request
        body: Json = {"model": self._quirks.deployments.get(self._model, self._model), "messages": [*self._messages()]}
        if stream:
            body["stream"] = True
            if self._quirks.stream_usage:
                body["stream_options"] = {"include_usage": True}
        if request.HasField("sampling"):
            self.add_sampling(body)
        self.add_limits(body)
        if request.tools:
            body["tools"] = encode_tools(request, self._provider, self._quirks)
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
            self._put(body, "modalities", list(request.output_modalities), "output_modalities")
        if request.HasField("audio"):
            self._put(body, "audio", {"voice": request.audio.voice, "format": request.audio.format}, "audio")
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
                    self._gaps.miss(f"sampling.{extra}")
        if sampling.HasField("seed"):
            if self._quirks.seed_field:
                self._put(body, self._quirks.seed_field, sampling.seed, "sampling.seed")
            else:
                self._gaps.miss("sampling.seed")
        if sampling.stop_sequences:
            most = self._quirks.max_stop_sequences
            if most and len(sampling.stop_sequences) > most:
                self._gaps.miss("sampling.stop_sequences", f" of more than {most}")
            else:
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
            self._gaps.miss(field)
        else:
            body[member] = value

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
            encode = encode_mistral_media if self._quirks.mistral_parts else encode_media
            encoded = encode(path, part.media)
        elif kind == "provider_part":
            return own_block(path, part.provider_part, NAME)
        else:
            raise invalid(f"{path}.{kind}", "has no place in this message of the openai dialect")
        merge_bag(encoded, part.provider_json, NAME)
        return encoded

    def _assistant(self, path: str, message: message_pb2.ChatMessage) -> Json:
        encoded: Json = {"role": "assistant"}
        content: list[Json] = []
        calls: list[Json] = []
        for index, part in enumerate(message.parts):
            part_path = f"{path}.parts[{index}]"
            kind = part.WhichOneof("content")
            if kind is None:
                description = "The part is empty: it was left out."
                self._gaps.warn(part_path, description)
            elif kind == "text":
                content.append(self._part(part_path, part))
            elif kind == "refusal" and "refusal" in self._quirks.unsupported:
                content.append({"type": "text", "text": part.refusal})
            elif kind == "refusal":
                encoded["refusal"] = encoded.get("refusal", "") + part.refusal
            elif kind == "tool_call":
                if part.tool_call.executor != message_pb2.ToolCall.EXECUTOR_PROVIDER:
                    calls.append(encode_tool_call(part, self._quirks))
            elif kind == "reasoning" and self._quirks.mistral_parts:
                if part.reasoning.text:
                    thought = {"type": "text", "text": part.reasoning.text}
                    content.append({"type": "thinking", "thinking": [thought]})
            elif kind == "reasoning":
                field = self._quirks.reasoning_field
                if field and part.reasoning.text:
                    encoded[field] = encoded.get(field, "") + part.reasoning.text
            elif kind == "media" and (part.media.file_id or part.item_id):
                self._put(encoded, "audio", {"id": part.media.file_id or part.item_id}, f"{part_path}.media")
            elif kind == "provider_part":
                if not self._gaps.leaves_out(part_path, part, NAME):
                    content.append(own_block(part_path, part.provider_part, NAME))
            elif kind != "tool_result":  # a result of the provider's own call is not sent back
                self._gaps.miss(f"{part_path}.{kind}", " from the assistant")
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
                self._refuse_media(f"{path}.parts[{index}].tool_result", result.parts)
                inner = message_pb2.ChatMessage(parts=result.parts)
                content = self._content(f"{path}.parts[{index}].tool_result", inner)
            encoded: Json = {
                "role": "tool",
                "tool_call_id": tool_id(result.tool_call_id, self._quirks),
                "content": content,
            }
            merge_bag(encoded, part.provider_json, NAME)
            if index == 0:
                merge_bag(encoded, message.provider_json, NAME)
            yield encoded

    def _refuse_media(self, path: str, parts: Iterable[Part]) -> None:
        """Refuse media in a tool's result where the provider takes text alone."""
        if self._quirks.tool_result_media:
            return
        for index, part in enumerate(parts):
            if part.HasField("media"):
                hint = "Give it in a message of the user's after the results."
                raise self._gaps.refuse(f"{path}.parts[{index}].media", hint)

    def _add_tool_choice(self, body: Json) -> None:
        choice = encode_tool_choice(self._request, self._quirks)
        if choice is not None:
            body["tool_choice"] = choice
        if self._request.tool_choice.HasField("parallel"):
            self._put(body, "parallel_tool_calls", self._request.tool_choice.parallel, "tool_choice.parallel")

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
            self._gaps.miss("output_format.grammar")

    def _add_reasoning(self, body: Json) -> None:
        reasoning = self._request.reasoning
        efforts = self._quirks.efforts
        if reasoning.effort and efforts and reasoning.effort not in efforts:
            self._gaps.miss("reasoning.effort", f" other than {', '.join(efforts)}")
        elif reasoning.effort:
            self._put(body, "reasoning_effort", reasoning.effort, "reasoning.effort")
        if reasoning.HasField("max_token_count"):
            self._gaps.miss("reasoning.max_token_count")
        if reasoning.visibility:
            self._gaps.miss("reasoning.visibility")


def as_number(value: float) -> int | float:
    """Return a whole number as an integer: OpenAI's biases are."""
    return int(value) if value.is_integer() else value
