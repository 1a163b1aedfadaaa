"""The dialect's name, and the members of its bodies that are the gateway's own.

What has no field in the contract goes through a caller's options: `documents`, `citation_options`, `safety_mode`,
`priority`.
"""

from __future__ import annotations

NAME = "cohere"

OWN_MEMBERS = frozenset(
    {"model", "messages", "tools", "tool_choice", "strict_tools", "max_tokens", "stream", "texts", "images", "inputs"}
)
