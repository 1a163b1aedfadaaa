"""How a provider that speaks the Gemini dialect differs from Google AI Studio. Names and meanings:

vertex      whether it is Vertex AI: other paths, embeddings by `:predict`, the service tier as a header
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """The differences of one provider; the defaults are AI Studio's own ways."""

    vertex: bool = False
