"""How large a context to ask for.

Ollama allots a context of `num_ctx` tokens when it loads a model, 4096 by default, and cuts from the front, in
silence, whatever does not fit (docs.ollama.com, "Context length", read 2026-11-25). So each request asks for one that
holds it: its input at four bytes a token, and its output limit, or 2048 tokens where it has none; rounded up to a
power of two, so that requests of about one size do not make the server load the model again; at least 4096.
The estimate is one: a provider whose inputs are dense should be given a fixed `num_ctx`.
"""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

from llmgateway_server.dialects.ollama.quirks import Quirks
from llmgateway_server.tokens import BYTES_PER_TOKEN, TOKENS_PER_MESSAGE, estimate_generation

LEAST_TOKENS = 4096
OUTPUT_TOKENS = 2048  # set aside where the request has no limit
ROUNDING_TOKENS = 8


def context_length(request: generation_pb2.GenerateRequest, quirks: Quirks, *, has_images: bool) -> int:
    """Return the `num_ctx` to ask for; 0 to ask for none."""
    if quirks.num_ctx is not None:
        return quirks.num_ctx
    output = request.max_output_token_count if request.HasField("max_output_token_count") else OUTPUT_TOKENS
    if not has_images and most_input(request) + output <= LEAST_TOKENS:
        return LEAST_TOKENS
    needed = estimate_generation(request) + output
    return LEAST_TOKENS if needed <= LEAST_TOKENS else 1 << (needed - 1).bit_length()


def most_input(request: generation_pb2.GenerateRequest) -> int:
    """Return a bound of the estimate for a request without images, at a fraction of its cost.

    The encoded request holds every text, and at least as many bytes around each as rounding up adds tokens.
    """
    return request.ByteSize() // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE * len(request.messages) + ROUNDING_TOKENS
