"""GenerateRequest → the body of Converse and ConverseStream.

Members follow the API reference, "Converse" (read 2026-11-25). Every field is encoded, or refused by its path, or
left out with a warning where the request's `unsupported_policy` allows it.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmgateway.v1 import call_pb2, generation_pb2

from llmgateway_server.dialects.bedrock.encode_messages import ConversationEncoder
from llmgateway_server.dialects.bedrock.encode_reasoning import add_reasoning
from llmgateway_server.dialects.bedrock.encode_tools import ToolEncoder
from llmgateway_server.dialects.bedrock.families import Family
from llmgateway_server.dialects.bedrock.options import MODEL_FIELDS
from llmgateway_server.dialects.gaps import Gaps, drops_gaps, invalid
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import CapabilityMissing

SERVICE_TIERS = ("priority", "default", "flex", "reserved")
# Sampling parameters that only some models take, each in its own place.
MODEL_SAMPLING = ("top_k", "min_p", "frequency_penalty", "presence_penalty", "seed")


class ConverseEncoder:
    """Encodes one request for one model of one provider. `warnings` say what was left out."""

    def __init__(self, request: generation_pb2.GenerateRequest, model: str, provider: str, family: Family) -> None:
        self._request = request
        self._model = model
        self._provider = provider
        self._family = family
        self._gaps = Gaps(provider, model, drops=drops_gaps(request))
        self._fields: Json = {}  # what is handed on to the model as it is
        self._output: Json = {}

    @property
    def warnings(self) -> Sequence[call_pb2.Warning]:
        return self._gaps.warnings

    def body(self) -> Json:
        """Return the body, without the caller's own options. It is the same for a stream."""
        request = self._request
        if request.HasField("raw_prompt"):
            raise CapabilityMissing(
                f"{self._provider} continues no raw_prompt: Converse takes conversations. Send messages.",
                metadata={"model": f"{self._provider}/{self._model}"[:200], "capability": "raw_prompt"},
            )
        conversation = ConversationEncoder(request, self._family, self._provider, self._gaps)
        body: Json = {"messages": conversation.messages()}
        if conversation.system:
            body["system"] = conversation.system
        inference = self._inference()
        if inference:
            body["inferenceConfig"] = inference
        if request.tools or conversation.has_tools or request.HasField("tool_choice"):
            self._add_tools(body, has_history=conversation.has_tools)
        if request.HasField("output_format"):
            self._add_output_format()
        if request.HasField("reasoning"):
            add_reasoning(request.reasoning, self._family, self._fields, self._output, self._gaps)
        self._add_rest(body)
        if self._output:
            body["outputConfig"] = self._output
        if self._fields:
            body[MODEL_FIELDS] = self._fields
        return body

    def _inference(self) -> Json:
        request = self._request
        inference: Json = {}
        if request.HasField("max_output_token_count"):
            inference["maxTokens"] = request.max_output_token_count
        if request.HasField("sampling"):
            self._add_sampling(inference, request.sampling)
        return inference

    def _add_sampling(self, inference: Json, sampling: generation_pb2.Sampling) -> None:
        family = self._family
        if sampling.HasField("temperature"):
            if sampling.temperature > 1:
                raise invalid("sampling.temperature", "must be at most 1 for Bedrock")
            if family.samples:
                inference["temperature"] = sampling.temperature
            else:
                self._gaps.miss("sampling.temperature")
        if sampling.HasField("top_p"):
            if not family.samples:
                self._gaps.miss("sampling.top_p")
            elif family.samples_by_one and "temperature" in inference:
                self._gaps.miss("sampling.top_p", " beside temperature")
            else:
                inference["topP"] = sampling.top_p
        for name in MODEL_SAMPLING:
            if sampling.HasField(name):  # type: ignore[arg-type]  # each is optional
                self._add_model_sampling(name, getattr(sampling, name))
        if sampling.stop_sequences:
            inference["stopSequences"] = list(sampling.stop_sequences)
        if sampling.logit_bias:
            self._gaps.miss("sampling.logit_bias")

    def _add_model_sampling(self, name: str, value: float) -> None:
        place = self._family.model_fields.get(name)
        if place is None:
            self._gaps.miss(f"sampling.{name}")
            return
        holder = self._fields
        for member in place[:-1]:
            holder = holder.setdefault(member, {})
        holder[place[-1]] = value

    def _add_tools(self, body: Json, *, has_history: bool) -> None:
        tools = ToolEncoder(self._request, self._family, self._provider, self._gaps)
        config = tools.tool_config(has_history=has_history)
        if config is not None:
            body["toolConfig"] = config
        if tools.model_tools:
            self._fields["tools"] = tools.model_tools

    def _add_output_format(self) -> None:
        output = self._request.output_format
        kind = output.WhichOneof("format")
        if kind != "json_schema":
            self._gaps.miss(f"output_format.{kind}")
            return
        schema = output.json_schema
        definition: Json = {"schema": schema.schema_json, "name": schema.name or "output"}
        if schema.description:
            definition["description"] = schema.description
        if schema.HasField("strict") and not schema.strict:
            self._gaps.miss("output_format.json_schema.strict", " as false: its answers always satisfy the schema")
        self._output["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": definition}}

    def _add_rest(self, body: Json) -> None:
        """Add the tier, and refuse what Converse has no member for."""
        request, miss = self._request, self._gaps.miss
        if request.service_tier in SERVICE_TIERS:
            body["serviceTier"] = {"type": request.service_tier}
        elif request.service_tier:
            miss("service_tier", f" other than {', '.join(SERVICE_TIERS)}")
        if request.HasField("candidate_count") and request.candidate_count != 1:
            miss("candidate_count", " other than 1")
        if request.HasField("top_logprob_count"):
            miss("top_logprob_count")
        if request.end_user_id:
            miss("end_user_id")
        if request.HasField("prompt_cache"):
            for name in ("key", "ttl"):
                if getattr(request.prompt_cache, name):
                    miss(f"prompt_cache.{name}")
        if request.output_modalities and list(request.output_modalities) != ["text"]:
            miss("output_modalities", " other than text")
        if request.HasField("audio"):
            miss("audio")
