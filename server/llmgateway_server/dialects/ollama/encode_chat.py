"""GenerateRequest → the body of `POST /api/chat`, or of `POST /api/generate` for a raw prompt.

Members follow Ollama's API reference (docs.ollama.com, "Generate a chat message", "Generate a response", read
2026-11-25). Every field is encoded, or refused by its path, or left out with a warning where the request's
`unsupported_policy` allows it.
"""

from __future__ import annotations

from llmgateway.v1 import call_pb2, generation_pb2, tool_pb2

from llmgateway_server.dialects.gaps import Gaps, drops_gaps, invalid
from llmgateway_server.dialects.ollama.context import context_length
from llmgateway_server.dialects.ollama.messages import MessageEncoder
from llmgateway_server.dialects.ollama.options import NAME
from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json
from llmgateway_server.dialects.schemas import object_schema
from llmgateway_server.errors import FieldViolation, InvalidField

Request = generation_pb2.GenerateRequest
Choice = tool_pb2.ToolChoice

# What a prompt without a conversation cannot have.
CHAT_FIELDS = ("tools", "tool_choice", "reasoning", "output_modalities", "audio")
# Sampling parameters that are options by the same names.
SAMPLING = frozenset({"temperature", "top_p", "top_k", "min_p", "frequency_penalty", "presence_penalty", "seed"})
# The efforts, by the level that `think` takes; a name of its own for those that it lacks is the nearest.
LEVELS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high", "xhigh": "high", "max": "max"}


class ChatEncoder:
    """Encodes one request for one model of one provider. `warnings` say what was left out."""

    def __init__(self, request: Request, model: str, provider: str, quirks: Quirks) -> None:
        self._request = request
        self._model = model
        self._quirks = quirks
        self._gaps = Gaps(provider, model, drops=drops_gaps(request))

    @property
    def warnings(self) -> list[call_pb2.Warning]:
        return self._gaps.warnings

    def body(self, *, stream: bool) -> Json:
        """Return the body of a conversation, without the caller's own options."""
        request = self._request
        messages = [*MessageEncoder(request, self._gaps, self._quirks).messages()]
        body: Json = {"model": self._model, "messages": messages, "stream": stream}
        tools = self._tools()
        if tools:
            body["tools"] = tools
        if request.HasField("reasoning"):
            self._add_reasoning(body)
        self._add_shared(body, has_images=any("images" in message for message in messages))
        if request.output_modalities and list(request.output_modalities) != ["text"]:
            self._gaps.miss("output_modalities")
        return body

    def raw_body(self, *, stream: bool) -> Json:
        """Return the body for a prompt without a conversation. Raise `InvalidField` for what only the latter has.

        A suffix is filled in by the model's own template, so it goes without `raw`.
        """
        given = {field.name for field, _ in self._request.ListFields()}
        wrong = [FieldViolation(field, "has no place beside raw_prompt") for field in CHAT_FIELDS if field in given]
        prompt = self._request.raw_prompt
        if prompt.HasField("token_ids"):
            wrong.append(FieldViolation("raw_prompt.token_ids", "is not taken by the ollama dialect: send text"))
        elif not prompt.text:
            wrong.append(FieldViolation("raw_prompt.text", "must not be empty: Ollama would only load the model"))
        if wrong:
            raise InvalidField(wrong)
        body: Json = {"model": self._model, "prompt": prompt.text, "stream": stream}
        if prompt.suffix:
            body["suffix"] = prompt.suffix
        else:
            body["raw"] = True
        if prompt.echo:
            self._gaps.miss("raw_prompt.echo")
        self._add_shared(body, has_images=False)
        return body

    def _add_shared(self, body: Json, *, has_images: bool) -> None:
        """Add what both endpoints take, and miss what neither does."""
        request, miss = self._request, self._gaps.miss
        options = self._options(has_images=has_images)
        if options:
            body["options"] = options
        if self._quirks.overflow_is_error:
            body["truncate"] = body["shift"] = False
        if request.HasField("output_format"):
            self._add_output_format(body)
        if request.HasField("top_logprob_count"):
            body["logprobs"] = True
            if request.top_logprob_count:
                body["top_logprobs"] = request.top_logprob_count
        if request.HasField("candidate_count") and request.candidate_count != 1:
            miss("candidate_count")
        if request.service_tier:
            miss("service_tier")
        if request.HasField("prompt_cache"):
            if request.prompt_cache.key:
                miss("prompt_cache.key")
            if request.prompt_cache.ttl:
                miss("prompt_cache.ttl")

    def _options(self, *, has_images: bool) -> Json:
        request = self._request
        options: Json = {}
        length = context_length(request, self._quirks, has_images=has_images)
        if length:
            options["num_ctx"] = length
        if request.HasField("max_output_token_count"):
            options["num_predict"] = request.max_output_token_count
        if request.HasField("sampling"):
            sampling = request.sampling
            for field, value in sampling.ListFields():
                if field.name in SAMPLING:
                    options[field.name] = value
            if sampling.stop_sequences:
                options["stop"] = list(sampling.stop_sequences)
            if sampling.logit_bias:
                self._gaps.miss("sampling.logit_bias")
        return options

    def _tools(self) -> list[Json]:
        """Return the tools. Which of them the model may call is said by sending no others: there is no choice here."""
        request = self._request
        if not request.tools:
            return []
        choice = request.tool_choice
        if choice.mode == Choice.MODE_REQUIRED:
            self._gaps.miss("tool_choice.mode")
        if choice.HasField("parallel") and not choice.parallel:
            self._gaps.miss("tool_choice.parallel")
        tools = [self._tool(index, tool) for index, tool in enumerate(request.tools)]
        if choice.mode == Choice.MODE_NONE:
            return []
        allowed = choice.allowed_tool_names
        return [tool for tool in tools if tool["function"]["name"] in allowed] if allowed else tools

    def _tool(self, index: int, tool: tool_pb2.Tool) -> Json:
        kind = tool.WhichOneof("kind")
        if kind != "function":
            raise self._gaps.refuse(f"tools[{index}].{kind}")
        function = tool.function
        schema = object_schema(f"tools[{index}].function.input_schema_json", function.input_schema_json)
        inner: Json = {"name": function.name, "parameters": schema}
        if function.description:
            inner["description"] = function.description
        if function.strict:
            self._gaps.miss(f"tools[{index}].function.strict")
        encoded: Json = {"type": "function", "function": inner}
        merge_bag(encoded, tool.provider_json, NAME)
        return encoded

    def _add_output_format(self, body: Json) -> None:
        output = self._request.output_format
        kind = output.WhichOneof("format")
        if kind == "json_object":
            body["format"] = "json"
        elif kind == "json_schema":
            schema = decode_object(output.json_schema.schema_json)
            if output.json_schema.description:
                schema.setdefault("description", output.json_schema.description)
            body["format"] = schema
        else:
            self._gaps.miss("output_format.grammar")

    def _add_reasoning(self, body: Json) -> None:
        reasoning = self._request.reasoning
        if reasoning.effort:
            self._add_effort(body, reasoning.effort)
        if reasoning.HasField("max_token_count"):
            if reasoning.max_token_count == 0:
                body["think"] = False
            else:
                self._gaps.miss("reasoning.max_token_count")
        if reasoning.visibility:
            self._gaps.miss("reasoning.visibility")

    def _add_effort(self, body: Json, effort: str) -> None:
        if effort == "none":
            body["think"] = False
        elif not self._quirks.think_levels:
            body["think"] = True
        elif effort in LEVELS:
            body["think"] = LEVELS[effort]
            if LEVELS[effort] != effort:
                self._gaps.warn("reasoning.effort", f"Ollama knows no {effort}: it was sent as {LEVELS[effort]}.")
        else:
            known = ", ".join(("none", *LEVELS))
            raise invalid("reasoning.effort", f"must be one of {known} for the ollama dialect")
