"""The usage object, `usageMetadata` (https://ai.google.dev/api/generate-content#UsageMetadata, read 2026-11-25).

Cached tokens are part of the prompt's, as in the contract. Thoughts are not part of the candidates', nor what
Google's own tools put into the prompt part of the prompt's: both are added here.
"""

from __future__ import annotations

from llmgateway.v1 import call_pb2, usage_pb2

from llmgateway_server.dialects.counts import doubt, read_count
from llmgateway_server.dialects.reading import INT32_MAX, Json, compact, items, mapping, text

IMAGES = ("IMAGE", "VIDEO")


class UsageReader:
    """Reads one usage object into `usage`; `warnings` say which counts made no sense."""

    def __init__(self) -> None:
        self.warnings: list[call_pb2.Warning] = []

    def read(self, raw: Json, usage: usage_pb2.Usage) -> None:
        """Fill `usage`, which is empty."""
        usage.source = usage_pb2.Usage.SOURCE_PROVIDER
        tools = self._count(raw, "toolUsePromptTokenCount")
        thoughts = self._count(raw, "thoughtsTokenCount")
        usage.input_token_count = self._sum(self._count(raw, "promptTokenCount"), tools)
        usage.output_token_count = self._sum(self._count(raw, "candidatesTokenCount"), thoughts)
        usage.cached_input_token_count = self._count(raw, "cachedContentTokenCount")
        usage.tool_input_token_count = tools
        usage.reasoning_token_count = thoughts
        # Embeddings spell the first of these without its s.
        for member in ("promptTokensDetails", "promptTokenDetails", "toolUsePromptTokensDetails"):
            for modality, count in self._details(raw, member):
                if modality == "AUDIO":
                    usage.audio_input_token_count = self._sum(usage.audio_input_token_count, count)
                elif modality in IMAGES:
                    usage.image_input_token_count = self._sum(usage.image_input_token_count, count)
        for modality, count in self._details(raw, "candidatesTokensDetails"):
            if modality == "AUDIO":
                usage.audio_output_token_count = self._sum(usage.audio_output_token_count, count)
            elif modality in IMAGES:
                usage.image_output_token_count = self._sum(usage.image_output_token_count, count)
        usage.provider_json = compact(raw)
        doubt(usage, raw, (), self.warnings)

    def _details(self, raw: Json, member: str) -> list[tuple[str, int]]:
        """Return counts by kind of content, without those of text, which no field of the contract holds."""
        found = []
        for item in items(raw.get(member)):
            detail = mapping(item)
            modality = text(detail.get("modality"))
            if modality and modality != "TEXT":
                found.append((modality, self._count(detail, "tokenCount")))
        return found

    def _sum(self, first: int, second: int) -> int:
        return min(first + second, INT32_MAX)

    def _count(self, raw: Json, member: str) -> int:
        return read_count(raw, member, self.warnings)


def service_tier(raw: Json) -> str:
    """Return which tier served a call: AI Studio's word, or Vertex AI's kind of traffic."""
    return text(raw.get("serviceTier")) or text(raw.get("trafficType"))
