"""Requests that set, together, every field of a `GenerateRequest` that the gateway serves, as the JSON of the contract."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NO_JSON = {"mock": "{}"}
SCHEMA_JSON = '{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}'
PICTURE = {"mime_type": "image/png", "data": "iVBORw0KGgo=", "file_name": "dot.png", "detail": "low"}

SYSTEM = {"role": "ROLE_SYSTEM", "parts": [{"text": "Be kind.", "cache_breakpoint": {"ttl": "5m"}}]}
QUESTION = {
    "role": "ROLE_USER",
    "name": "ann",
    "provider_json": NO_JSON,
    "parts": [
        {"text": "Hello", "provider_json": NO_JSON},
        {"media": PICTURE},
        {"media": {"mime_type": "audio/wav", "uri": "https://example.com/a.wav", "transcript": "Hello"}},
        {"media": {"file_id": "file-1", "expire_time": "2030-01-01T00:00:00Z"}},
    ],
}
ANSWER = {
    "role": "ROLE_ASSISTANT",
    "parts": [
        {
            "reasoning": {"text": "Hm.", "kind": "KIND_TEXT"},
            "item_id": "item-1",
            "signature": {"provider": "mock", "value": "c2lnbmVk"},
        },
        {
            "text": "It rains.",
            "annotations": [
                {
                    "uri": "https://example.com/weather",
                    "title": "Weather",
                    "cited_text": "rain",
                    "start_index": 0,
                    "end_index": 2,
                    "provider_json": "{}",
                }
            ],
            "logprobs": [
                {"token": "It", "utf8": "SXQ=", "logprob": -0.5, "top_logprobs": [{"token": "He", "logprob": -1.5}]}
            ],
        },
        {"refusal": "I will not say more."},
        {"provider_part": {"dialect": "mock", "type": "block", "json": "{}"}},
        {
            "tool_call": {
                "id": "call-1",
                "name": "get_weather",
                "arguments_json": '{"city": "Oslo"}',
                "executor": "EXECUTOR_CALLER",
            }
        },
        {"tool_call": {"id": "call-2", "name": "write", "text": "free words"}},
    ],
}
RESULTS = {
    "role": "ROLE_TOOL",
    "parts": [
        {"tool_result": {"tool_call_id": "call-1", "tool_name": "get_weather", "parts": [{"text": "Rain"}]}},
        {"tool_result": {"tool_call_id": "call-2", "output_json": "[1]", "failed": True}},
    ],
}

CONVERSATION: Json = {
    "model": "mock/echo",
    "messages": [SYSTEM, QUESTION, ANSWER, RESULTS],
    "tools": [
        {
            "function": {
                "name": "get_weather",
                "description": "Tells the weather.",
                "input_schema_json": SCHEMA_JSON,
                "strict": True,
            },
            "cache_breakpoint": {"ttl": "1h"},
            "provider_json": NO_JSON,
        },
        {
            "custom": {
                "name": "write",
                "description": "Writes.",
                "grammar": {"syntax": "regex", "definition": "[a-z]+"},
            }
        },
        {"provider_tool": {"dialect": "mock", "type": "search", "config_json": "{}"}},
    ],
    "tool_choice": {"mode": "MODE_AUTO", "allowed_tool_names": ["get_weather"], "parallel": True},
    "sampling": {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 40,
        "min_p": 0.05,
        "frequency_penalty": 0.5,
        "presence_penalty": -0.5,
        "seed": "9007199254740993",
        "stop_sequences": ["never"],
        "logit_bias": {"50256": -100},
    },
    "max_output_token_count": 1000,
    "reasoning": {"effort": "low", "visibility": "full"},
    "candidate_count": 2,
    "top_logprob_count": 2,
    "cache_policy": {"mode": "MODE_READ_WRITE", "max_age": "60s", "scope": "SCOPE_KEY", "min_similarity": 1},
    "labels": {"team": "platform"},
    "end_user_id": "user-1",
    "provider_options_json": {"mock": "{}"},
    "prompt_cache": {"key": "prefix", "ttl": "24h"},
    "service_tier": "flex",
    "output_modalities": ["text"],
    "audio": {"voice": "alloy", "format": "mp3"},
    "routing": {
        "fallback_models": ["mock/lorem"],
        "provider_order": ["mock"],
        "allowed_providers": ["mock"],
        "denied_providers": ["another"],
        "allow_fallback": True,
        "required_tags": {"region": "eu"},
        "sort": "price",
        "max_price": {"input_usd_nanos_per_million": "1000000000000", "output_usd_nanos_per_million": "1000000000000"},
    },
    "unsupported_policy": "UNSUPPORTED_POLICY_DROP",
    "heartbeat_interval": "5s",
}


def says_hello(**more: object) -> Json:
    """Return a short request with these fields."""
    return {"model": "mock/echo", "messages": [{"role": "ROLE_USER", "parts": [{"text": "Hello"}]}], **more}


# Each field below excludes one that another request has.
SERVED: dict[str, Json] = {
    "conversation": CONVERSATION,
    "raw_text": {"model": "mock/echo", "raw_prompt": {"text": "Once", "suffix": "end.", "echo": True}},
    "raw_tokens": {"model": "mock/echo", "raw_prompt": {"token_ids": {"ids": [1, 2, 3]}}},
    "json_object": says_hello(output_format={"json_object": {}}),
    "json_schema": says_hello(
        output_format={
            "json_schema": {"name": "place", "description": "A place.", "schema_json": SCHEMA_JSON, "strict": True}
        }
    ),
    "grammar": says_hello(output_format={"grammar": {"syntax": "regex", "definition": "[a-z]{3}"}}),
    "reasoning_tokens": says_hello(reasoning={"max_token_count": 100}),
}

# What the gateway says that the mock left out of a request with all of it, by the field.
LEFT_OUT = {"conversation": ["tools[2].provider_tool", "audio"]}

# What is refused, by the field that is wrong: whoever says so has read it under the number that the image gives it.
REFUSED: dict[str, Json] = {
    "idempotency_key": says_hello(idempotency_key="0b54ec24-0d4b-4e4b-8e5e-a3a4c7a0a5e2"),
    "max_cost_usd_nanos": says_hello(max_cost_usd_nanos="1000"),
    "model": says_hello(model="m" * 513),
    "messages[0].role": {"model": "mock/echo", "messages": [{"parts": [{"text": "Hello"}]}]},
    "tools[0].function.name": says_hello(tools=[{"function": {"name": "no name"}}]),
    "tool_choice.allowed_tool_names[0]": says_hello(tool_choice={"allowed_tool_names": ["absent"]}),
    "sampling.temperature": says_hello(sampling={"temperature": 9}),
    "sampling.top_p": says_hello(sampling={"top_p": 9}),
    "sampling.top_k": says_hello(sampling={"top_k": 0}),
    "sampling.min_p": says_hello(sampling={"min_p": 9}),
    "sampling.frequency_penalty": says_hello(sampling={"frequency_penalty": 9}),
    "sampling.presence_penalty": says_hello(sampling={"presence_penalty": 9}),
    "sampling.stop_sequences": says_hello(sampling={"stop_sequences": [""]}),
    "sampling.logit_bias[7]": says_hello(sampling={"logit_bias": {"7": 999}}),
    "max_output_token_count": says_hello(max_output_token_count=0),
    "output_format.json_schema.schema_json": says_hello(output_format={"json_schema": {"schema_json": "["}}),
    "reasoning.max_token_count": says_hello(reasoning={"max_token_count": -1}),
    "candidate_count": says_hello(candidate_count=0),
    "top_logprob_count": says_hello(top_logprob_count=99),
    "cache_policy.min_similarity": says_hello(cache_policy={"min_similarity": 9}),
    "labels": says_hello(labels={"": "platform"}),
    "end_user_id": says_hello(end_user_id="u" * 513),
    'provider_options_json["openai"]': says_hello(provider_options_json={"openai": "["}),
    "routing.fallback_models": says_hello(routing={"fallback_models": ["mock/echo"] * 17}),
    "routing.sort": says_hello(routing={"sort": "colour"}),
    "unsupported_policy": says_hello(unsupported_policy=99),
    "heartbeat_interval": says_hello(heartbeat_interval="1s"),
}
