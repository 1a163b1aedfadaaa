"""GenerateRequest → the body of `generateContent` and `streamGenerateContent`, which is the same.

Every field is encoded, or refused by its path, or left out with a warning where the request's `unsupported_policy`
allows it (https://ai.google.dev/api/generate-content, read 2026-11-25).
"""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway.v1 import generation_pb2

from llmgateway_server.dialects.gaps import Gaps
from llmgateway_server.dialects.gemini.encode_config import encode_config
from llmgateway_server.dialects.gemini.encode_contents import ContentsEncoder
from llmgateway_server.dialects.gemini.encode_tools import encode_tool_config, encode_tools
from llmgateway_server.dialects.gemini.options import merge_chosen, read_options
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.reading import Json

Request = generation_pb2.GenerateRequest
# Vertex AI reads the tier from a header: https://docs.cloud.google.com/vertex-ai/generative-ai/docs/priority-paygo,
# read 2026-11-25.
TIER_HEADER = "X-Vertex-AI-LLM-Shared-Request-Type"


def encode_generate(request: Request, model: str, provider: str, quirks: Quirks, gaps: Gaps) -> Json:
    """Return the body, the caller's own options included."""
    if request.HasField("raw_prompt"):
        raise gaps.refuse("raw_prompt", "Send messages.")
    contents = ContentsEncoder(provider, model, quirks, gaps)
    contents.encode(request.messages)
    body: Json = {"contents": contents.contents}
    if contents.system:
        body["systemInstruction"] = contents.system
    config = encode_config(request, model, quirks, gaps)
    if config:
        body["generationConfig"] = config
    if request.tools:
        tools = encode_tools(request, gaps)
        if tools:
            body["tools"] = tools
    if request.tools or request.HasField("tool_choice"):
        tool_config = encode_tool_config(request, gaps)
        if tool_config:
            body["toolConfig"] = tool_config
    if request.HasField("prompt_cache"):
        for field in ("key", "ttl"):
            if getattr(request.prompt_cache, field):
                gaps.miss(f"prompt_cache.{field}")
    if request.service_tier and not quirks.vertex:
        body["serviceTier"] = request.service_tier
    if request.provider_options_json:
        merge_chosen(body, read_options(request.provider_options_json))
    return body


def tier_headers(request: Request, quirks: Quirks) -> Mapping[str, str] | None:
    """Return the header that asks for a tier, where a header does."""
    return {TIER_HEADER: request.service_tier} if request.service_tier and quirks.vertex else None
