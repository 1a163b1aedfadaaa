"""GenerateRequest → the body of `POST /v2/chat`.

Members follow Cohere's API reference, "Chat" (read 2026-11-25). Every field is encoded, or refused by its path, or
left out with a warning where the request's `unsupported_policy` allows it.
"""

from __future__ import annotations

import msgspec
from llmgateway.v1 import call_pb2, generation_pb2, tool_pb2

from llmgateway_server.dialects.cohere.messages import MessageEncoder
from llmgateway_server.dialects.cohere.options import NAME
from llmgateway_server.dialects.gaps import Gaps, drops_gaps
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json

Request = generation_pb2.GenerateRequest
Choice = tool_pb2.ToolChoice

NO_ARGUMENTS = {"type": "object", "properties": {}}
MAX_STOP_SEQUENCES = 5
# Sampling parameters: what each is called here, and the range that is taken.
SAMPLING = {
    "temperature": ("temperature", 0, 1),
    "top_k": ("k", 0, 500),
    "frequency_penalty": ("frequency_penalty", 0, 1),
    "presence_penalty": ("presence_penalty", 0, 1),
    "seed": ("seed", 0, 2**63 - 1),
}
# What `p` may be: its ends are the nearest to none and to all, which many clients send.
LEAST_P, MOST_P = 0.01, 0.99


class ChatEncoder:
    """Encodes one request for one model of one provider. `warnings` say what was left out."""

    def __init__(self, request: Request, model: str, provider: str) -> None:
        self._request = request
        self._model = model
        self._gaps = Gaps(provider, model, drops=drops_gaps(request))

    @property
    def warnings(self) -> list[call_pb2.Warning]:
        return self._gaps.warnings

    def body(self, *, stream: bool) -> Json:
        """Return the body, without the caller's own options."""
        request = self._request
        if request.HasField("raw_prompt"):
            raise self._gaps.refuse("raw_prompt")
        messages = [*MessageEncoder(request, self._gaps).messages()]
        body: Json = {"model": self._model, "messages": messages, "stream": stream}
        if request.tools:
            self._add_tools(body)
        if request.HasField("sampling"):
            self._add_sampling(body)
        if request.HasField("max_output_token_count"):
            body["max_tokens"] = request.max_output_token_count
        if request.HasField("output_format"):
            self._add_output_format(body)
        if request.HasField("reasoning"):
            self._add_reasoning(body)
        if request.HasField("top_logprob_count"):
            body["logprobs"] = True
            if request.top_logprob_count:
                self._gaps.miss("top_logprob_count", " above 0")
        self._miss_the_rest()
        return body

    def _miss_the_rest(self) -> None:
        """Miss what the API has no place for."""
        request, miss = self._request, self._gaps.miss
        if request.HasField("candidate_count") and request.candidate_count != 1:
            miss("candidate_count", " above 1")
        if request.service_tier:
            miss("service_tier")
        if request.HasField("prompt_cache"):
            if request.prompt_cache.key:
                miss("prompt_cache.key")
            if request.prompt_cache.ttl:
                miss("prompt_cache.ttl")
        if request.output_modalities and list(request.output_modalities) != ["text"]:
            miss("output_modalities")

    def _add_sampling(self, body: Json) -> None:
        sampling, miss = self._request.sampling, self._gaps.miss
        for field, value in sampling.ListFields():
            if field.name in SAMPLING:
                member, least, most = SAMPLING[field.name]
                if least <= value <= most:
                    body[member] = value
                else:
                    miss(f"sampling.{field.name}", f" below {least}" if value < least else f" above {most}")
        if sampling.HasField("top_p"):
            nearest = min(max(sampling.top_p, LEAST_P), MOST_P)
            body["p"] = nearest
            if nearest != sampling.top_p:
                self._gaps.warn("sampling.top_p", f"Cohere takes {LEAST_P} to {MOST_P}: it was sent as {nearest}.")
        if sampling.HasField("min_p"):
            miss("sampling.min_p")
        if sampling.stop_sequences:
            if len(sampling.stop_sequences) <= MAX_STOP_SEQUENCES:
                body["stop_sequences"] = list(sampling.stop_sequences)
            else:
                miss("sampling.stop_sequences", f" of more than {MAX_STOP_SEQUENCES}")
        if sampling.logit_bias:
            miss("sampling.logit_bias")

    def _add_tools(self, body: Json) -> None:
        """Add the tools. Which of them the model may call is said by sending no others."""
        request, choice = self._request, self._request.tool_choice
        tools = [self._tool(index, tool) for index, tool in enumerate(request.tools)]
        allowed = choice.allowed_tool_names
        body["tools"] = [tool for tool in tools if tool["function"]["name"] in allowed] if allowed else tools
        if any(tool.function.strict for tool in request.tools):
            body["strict_tools"] = True  # of one or of none: a lax tool may be called to the letter, too
        if choice.mode == Choice.MODE_REQUIRED:
            body["tool_choice"] = "REQUIRED"
        elif choice.mode == Choice.MODE_NONE:
            body["tool_choice"] = "NONE"
        if choice.HasField("parallel") and not choice.parallel:
            self._gaps.miss("tool_choice.parallel")

    def _tool(self, index: int, tool: tool_pb2.Tool) -> Json:
        kind = tool.WhichOneof("kind")
        if kind != "function":
            raise self._gaps.refuse(f"tools[{index}].{kind}")
        function = tool.function
        schema = function.input_schema_json
        inner: Json = {"name": function.name, "parameters": msgspec.Raw(schema.encode()) if schema else NO_ARGUMENTS}
        if function.description:
            inner["description"] = function.description
        encoded: Json = {"type": "function", "function": inner}
        merge_bag(encoded, tool.provider_json, NAME)
        return encoded

    def _add_output_format(self, body: Json) -> None:
        output = self._request.output_format
        kind = output.WhichOneof("format")
        if kind == "json_object":
            body["response_format"] = {"type": "json_object"}
        elif kind == "json_schema":
            schema = decode_object(output.json_schema.schema_json)
            if output.json_schema.description:
                schema.setdefault("description", output.json_schema.description)
            body["response_format"] = {"type": "json_object", "json_schema": schema}
        else:
            self._gaps.miss("output_format.grammar")

    def _add_reasoning(self, body: Json) -> None:
        """Add whether to think, and for how long. There are no levels: any effort but `none` thinks."""
        reasoning = self._request.reasoning
        if reasoning.effort == "none":
            body["thinking"] = {"type": "disabled"}
        elif reasoning.effort:
            body["thinking"] = {"type": "enabled"}
            self._gaps.warn("reasoning.effort", "Cohere knows no efforts: thinking was turned on.")
        if reasoning.HasField("max_token_count"):
            count = reasoning.max_token_count
            body["thinking"] = {"type": "enabled", "token_budget": count} if count else {"type": "disabled"}
        if reasoning.visibility:
            self._gaps.miss("reasoning.visibility")
