"""Which parameters of a request a model takes: found out by encoding a request that has one, beside one that has not.

So the answer is what the codec does, with what it knows of the model, and no second table can differ from it. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from llmgateway.v1 import generation_pb2, message_pb2, tool_pb2

from llmgateway_server.errors import CallError

Request = generation_pb2.GenerateRequest
Choice = tool_pb2.ToolChoice

_SCHEMA = '{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}'
_TOOLS = [
    tool_pb2.Tool(function=tool_pb2.FunctionTool(name=name, description="D.", input_schema_json=_SCHEMA))
    for name in ("f", "g")
]

# By the path that a caller reads: requests with that parameter, several where models differ in the values they know.
# What belongs to messages is no parameter, and what is the gateway's own is the same for every model.
PROBES: Mapping[str, Sequence[Request]] = {
    "tools.function": [Request(tools=_TOOLS)],
    "tools.custom": [Request(tools=[tool_pb2.Tool(custom=tool_pb2.CustomTool(name="c", description="D."))])],
    "tool_choice.mode": [Request(tools=_TOOLS, tool_choice=Choice(mode=Choice.MODE_REQUIRED))],
    "tool_choice.allowed_tool_names": [
        Request(tools=_TOOLS, tool_choice=Choice(mode=Choice.MODE_REQUIRED, allowed_tool_names=["f"]))
    ],
    "tool_choice.parallel": [Request(tools=_TOOLS, tool_choice=Choice(parallel=False))],
    "sampling.temperature": [Request(sampling=generation_pb2.Sampling(temperature=0.5))],
    "sampling.top_p": [Request(sampling=generation_pb2.Sampling(top_p=0.5))],
    "sampling.top_k": [Request(sampling=generation_pb2.Sampling(top_k=5))],
    "sampling.min_p": [Request(sampling=generation_pb2.Sampling(min_p=0.5))],
    "sampling.frequency_penalty": [Request(sampling=generation_pb2.Sampling(frequency_penalty=0.5))],
    "sampling.presence_penalty": [Request(sampling=generation_pb2.Sampling(presence_penalty=0.5))],
    "sampling.seed": [Request(sampling=generation_pb2.Sampling(seed=5))],
    "sampling.stop_sequences": [Request(sampling=generation_pb2.Sampling(stop_sequences=["x"]))],
    "sampling.logit_bias": [Request(sampling=generation_pb2.Sampling(logit_bias={5: 1.0}))],
    "max_output_token_count": [Request(max_output_token_count=50)],
    "output_format.json_object": [
        Request(output_format=generation_pb2.OutputFormat(json_object=generation_pb2.JsonObjectFormat()))
    ],
    "output_format.json_schema": [
        Request(
            output_format=generation_pb2.OutputFormat(
                json_schema=generation_pb2.JsonSchemaFormat(name="n", schema_json=_SCHEMA)
            )
        )
    ],
    "output_format.grammar": [
        Request(output_format=generation_pb2.OutputFormat(grammar=tool_pb2.Grammar(syntax="regex", definition="a+")))
    ],
    "reasoning.effort": [
        Request(reasoning=generation_pb2.ReasoningOptions(effort=effort)) for effort in ("low", "high")
    ],
    "reasoning.max_token_count": [
        Request(reasoning=generation_pb2.ReasoningOptions(max_token_count=2048), max_output_token_count=8192)
    ],
    "reasoning.visibility": [
        Request(reasoning=generation_pb2.ReasoningOptions(visibility=word)) for word in ("auto", "none", "full")
    ],
    "candidate_count": [Request(candidate_count=2)],
    "top_logprob_count": [Request(top_logprob_count=count) for count in (0, 2)],
    "end_user_id": [Request(end_user_id="u")],
    "prompt_cache.key": [Request(prompt_cache=generation_pb2.PromptCacheOptions(key="k"))],
    "prompt_cache.ttl": [Request(prompt_cache=generation_pb2.PromptCacheOptions(ttl=ttl)) for ttl in ("24h", "1h")],
    "service_tier": [Request(service_tier=tier) for tier in ("auto", "flex")],
    "output_modalities": [
        Request(output_modalities=["text", "image"]),
        Request(output_modalities=["text", "audio"], audio=generation_pb2.AudioOptions(voice="v", format="wav")),
    ],
}
# What a probe holds beside its parameter.
_COMPANY: Mapping[str, Request] = {
    "tool_choice": Request(tools=_TOOLS),
    "reasoning.max_token_count": Request(max_output_token_count=8192),
}


def accepted_parameters(send: Callable[[Request], bytes | None]) -> list[str]:
    """Return the paths of the parameters that change what is sent, sorted.

    `send` encodes a request; it returns None, or raises a `CallError`, where something would be left out or refused.
    """
    return sorted(path for path, probes in PROBES.items() if any(_is_taken(send, path, probe) for probe in probes))


def _is_taken(send: Callable[[Request], bytes | None], path: str, probe: Request) -> bool:
    company = _COMPANY.get(path) or _COMPANY.get(path.partition(".")[0]) or Request()
    try:
        sent = send(asked(probe))
        return sent is not None and sent != send(asked(company))
    except CallError:
        return False


def asked(probe: Request) -> Request:
    """Return a whole request with a probe in it."""
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_USER, parts=[message_pb2.Part(text="Write JSON.")])
    request = Request(model="m", messages=[message])
    request.MergeFrom(probe)
    return request
