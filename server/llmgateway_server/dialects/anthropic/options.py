"""The dialect's name, its version, and the members of its bodies that are the gateway's own."""

from __future__ import annotations

NAME = "anthropic"
VERSION = "2023-06-01"

# What the gateway itself sets: a caller could lift a limit or choose another model or upstream by it.
OWN_MEMBERS = frozenset(
    {
        "model", "messages", "system", "tools", "tool_choice", "max_tokens", "stream", "metadata", "fallbacks",
        "fallback_credit_token", "api_base", "base_url", "api_key", "api_version", "extra_headers", "extra_query",
        "extra_body", "provider", "route",
    }
)  # fmt: skip

# What a generation's body holds and a count of its tokens does not take.
GENERATION_MEMBERS = frozenset(
    {
        "max_tokens", "stream", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier",
        "container", "inference_geo", "diagnostics",
    }
)  # fmt: skip

# Which beta a tool needs, by its type; those that are missing need none.
TOOL_BETAS = {
    "computer_20241022": "computer-use-2024-10-22",
    "bash_20241022": "computer-use-2024-10-22",
    "text_editor_20241022": "computer-use-2024-10-22",
    "computer_20250124": "computer-use-2025-01-24",
    "computer_20251124": "computer-use-2025-11-24",
    "mcp_toolset": "mcp-client-2025-11-20",
    "advisor_20260301": "advisor-tool-2026-03-01",
}
# Which beta an option of the caller needs, by its member.
OPTION_BETAS = {
    "mcp_servers": "mcp-client-2025-11-20",
    "context_management": "context-management-2025-06-27",
    "diagnostics": "cache-diagnosis-2026-04-07",
    "speed": "fast-mode-2026-02-01",
}
FILES_BETA = "files-api-2025-04-14"
SKILLS_BETA = "skills-2025-10-02"
BUDGET_BETA = "task-budgets-2026-03-13"
COMPACTION_BETA = "compact-2026-01-12"
