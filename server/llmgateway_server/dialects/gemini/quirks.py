"""How a provider that speaks the Gemini dialect differs from Google AI Studio. Names and meanings:

claude      on Vertex AI: the quirks of Claude's models there, as of the Anthropic dialect
vertex      whether it is Vertex AI: other paths, embeddings by `:predict`, the service tier as a header
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Quirks:
    """The differences of one provider; the defaults are AI Studio's own ways."""

    vertex: bool = False
    claude: Mapping[str, Any] = field(default_factory=dict)  # Any: the Anthropic dialect checks them
