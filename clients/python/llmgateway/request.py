"""Requests from a few words, for callers who need no more of the contract than that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from llmgateway.v1 import embedding_pb2, generation_pb2, message_pb2

Prompt = str | Sequence[message_pb2.ChatMessage] | generation_pb2.GenerateRequest
Inputs = str | Sequence[str] | embedding_pb2.EmbedRequest


class PromptOptions(TypedDict, total=False):
    """What may stand beside a prompt. For anything else build a `GenerateRequest`.

    `model` is `provider/model` or a route; `system` an instruction that precedes the prompt.
    """

    model: str
    system: str
    temperature: float
    max_output_token_count: int


def generation(prompt: Prompt, options: PromptOptions) -> generation_pb2.GenerateRequest:
    """Return the request for a prompt; raise `TypeError` for options beside a whole request, and for unknown ones."""
    if isinstance(prompt, generation_pb2.GenerateRequest):
        if options:
            raise TypeError(f"Set {', '.join(sorted(options))} in the GenerateRequest itself.")
        return prompt
    unknown = sorted(options.keys() - PromptOptions.__annotations__.keys())
    if unknown:
        raise TypeError(f"{', '.join(unknown)}: no such option. Build a GenerateRequest for it.")
    request = generation_pb2.GenerateRequest(model=options.get("model", ""))
    if "system" in options:
        request.messages.append(text_message(message_pb2.ROLE_SYSTEM, options["system"]))
    if isinstance(prompt, str):
        request.messages.append(text_message(message_pb2.ROLE_USER, prompt))
    else:
        request.messages.extend(prompt)
    if "temperature" in options:
        request.sampling.temperature = options["temperature"]
    if "max_output_token_count" in options:
        request.max_output_token_count = options["max_output_token_count"]
    return request


def embedding(inputs: Inputs, model: str, dimension_count: int | None) -> embedding_pb2.EmbedRequest:
    """Return the request for texts; raise `TypeError` for options beside a whole request."""
    if isinstance(inputs, embedding_pb2.EmbedRequest):
        if model or dimension_count is not None:
            raise TypeError("Set model and dimension_count in the EmbedRequest itself.")
        return inputs
    texts = [inputs] if isinstance(inputs, str) else inputs
    request = embedding_pb2.EmbedRequest(model=model, inputs=[embedding_pb2.EmbedInput(text=text) for text in texts])
    if dimension_count is not None:
        request.dimension_count = dimension_count
    return request


def text_message(role: message_pb2.Role.ValueType, text: str) -> message_pb2.ChatMessage:
    """Return a message of one text part."""
    return message_pb2.ChatMessage(role=role, parts=[message_pb2.Part(text=text)])
