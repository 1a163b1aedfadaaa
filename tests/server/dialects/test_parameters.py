"""Which parameters models take, as their codecs have it."""

from __future__ import annotations

import pytest
from llmgateway.v1 import generation_pb2
from llmgateway_server.catalog.vendors import load_vendors
from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.dialects.parameters import PROBES, accepted_parameters, asked
from llmgateway_server.dialects.registry import make_codec
from llmgateway_server.validation.requests import validate_generate

from tests.server.dialects.every_field import GATEWAY, leaves

Request = generation_pb2.GenerateRequest

# No parameters of a model: what is said, what is passed on as it is, what the gateway itself honours or refuses.
OTHERS = GATEWAY | {
    "model",
    "raw_prompt.text",
    "raw_prompt.token_ids",
    "raw_prompt.suffix",
    "raw_prompt.echo",
    "provider_options_json",
    "idempotency_key",
    "max_cost_usd_nanos",
    "tools.provider_json",
    "tools.cache_breakpoint.ttl",
    "audio.voice",
    "audio.format",
}
PROVIDER_TOOLS = "tools.provider_tool."


def taken(vendor: str, model: str = "m") -> set[str]:
    row = load_vendors()[vendor]
    codec = make_codec(row.dialect, vendor, row.quirks)

    def send(request: Request) -> bytes | None:
        encoded = codec.encode_generate(request, model, stream=False)
        return None if encoded.warnings else encoded.path.encode() + encoded.body

    return set(accepted_parameters(send))


def test_every_parameter_of_the_contract_is_looked_for() -> None:
    for path in leaves(Request.DESCRIPTOR):
        if path.startswith(("messages.", "raw_prompt.", PROVIDER_TOOLS)) or path in OTHERS:
            continue
        assert any(path == probe or path.startswith(f"{probe}.") for probe in PROBES), path


@pytest.mark.parametrize("path", PROBES)
def test_what_is_asked_is_valid(path: str) -> None:
    for probe in PROBES[path]:
        assert validate_generate(asked(probe), LimitSettings()) == []


@pytest.mark.parametrize(
    ("vendor", "model", "takes", "takes_not"),
    [
        ("openai", "gpt-4o", {"sampling.seed", "candidate_count", "tools.custom", "end_user_id"}, {"sampling.top_k"}),
        ("anthropic", "claude-opus-4-8", {"reasoning.effort"}, {"sampling.temperature", "reasoning.max_token_count"}),
        ("anthropic", "claude-sonnet-4-5", {"sampling.top_k", "reasoning.max_token_count"}, {"reasoning.effort"}),
        ("bedrock", "amazon.nova-pro-v1:0", {"sampling.stop_sequences"}, {"sampling.seed", "candidate_count"}),
        ("cohere", "command-a", {"sampling.top_k", "top_logprob_count"}, {"tool_choice.parallel", "candidate_count"}),
        ("gemini", "gemini-2.5-pro", {"sampling.seed", "reasoning.max_token_count"}, {"sampling.logit_bias"}),
        ("ollama", "llama3.2", {"sampling.min_p", "output_format.json_schema"}, {"tool_choice.mode"}),
        ("mistral", "m", {"sampling.seed"}, {"sampling.logit_bias", "sampling.top_k", "top_logprob_count"}),
        ("vllm", "m", {"sampling.temperature", "tools.function"}, set()),
    ],
)
def test_models_differ_in_what_they_take(vendor: str, model: str, takes: set[str], takes_not: set[str]) -> None:
    found = taken(vendor, model)
    assert takes <= found
    assert not takes_not & found
    assert "max_output_token_count" in found
