"""`RawPrompt` → the body of `POST /completions` (OpenAI's API reference, "Completions", read 2026-11-25).

Its answers have the shape of chat completions with the text in the choice itself; the chat decoders read both.
"""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

from llmgateway_server.dialects.openai.encode_chat import ChatEncoder
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import FieldViolation, InvalidField

# What a prompt without a conversation cannot have.
CHAT_FIELDS = ("tools", "tool_choice", "output_format", "reasoning", "output_modalities", "audio")


def encode_completion(
    request: generation_pb2.GenerateRequest, model: str, encoder: ChatEncoder, *, stream: bool
) -> Json:
    """Return the body. Raise `InvalidField` for fields that only a conversation has."""
    given = {field.name for field, _ in request.ListFields()}
    wrong = [FieldViolation(field, "has no place beside raw_prompt") for field in CHAT_FIELDS if field in given]
    if wrong:
        raise InvalidField(wrong)
    prompt = request.raw_prompt
    body: Json = {"model": model, "prompt": list(prompt.token_ids.ids) if prompt.HasField("token_ids") else prompt.text}
    if prompt.suffix:
        body["suffix"] = prompt.suffix
    if prompt.echo:
        body["echo"] = True
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if request.HasField("sampling"):
        encoder.add_sampling(body)
    encoder.add_limits(body)
    if "max_completion_tokens" in body:
        body["max_tokens"] = body.pop("max_completion_tokens")
    if request.HasField("top_logprob_count"):
        body["logprobs"] = request.top_logprob_count
    return body
