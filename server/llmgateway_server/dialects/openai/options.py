"""The dialect's name, and the members of its bodies that are the gateway's own."""

from __future__ import annotations

NAME = "openai"

# What the gateway itself sets: a caller could lift a limit, read another's answer or choose the upstream by it.
OWN_MEMBERS = frozenset(
    {
        "model", "messages", "prompt", "input", "tools", "tool_choice", "functions", "function_call", "max_tokens",
        "max_completion_tokens", "n", "best_of", "stream", "stream_options", "store", "user", "metadata", "api_base",
        "base_url", "api_key", "api_version", "organization", "extra_headers", "extra_query", "extra_body", "models",
        "provider", "route",
    }
)  # fmt: skip
