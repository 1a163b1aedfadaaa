"""What every contestant is asked, in its own protocol: about 120 characters, a temperature, no more."""

from __future__ import annotations

import json

from llmgateway.v1 import generation_pb2, message_pb2

QUESTION = "Hello, who are you? " * 6
CHAT_MODEL = "local/gpt-4o-mini"
EMBED_MODEL = "local/text-embedding-3-small"

CHAT_PATH = "/v1/chat/completions"
EMBED_PATH = "/v1/embeddings"


def chat_body(*, stream: bool) -> bytes:
    """Return the JSON of a chat completion."""
    body: dict[str, object] = {
        "model": CHAT_MODEL,
        "messages": [{"role": "user", "content": QUESTION}],
        "temperature": 0.5,
    }
    if stream:
        body["stream"] = True
    return json.dumps(body).encode()


def embed_body() -> bytes:
    """Return the JSON of an embedding as the official SDKs ask for it by hand: as floats."""
    return json.dumps({"model": EMBED_MODEL, "input": QUESTION, "encoding_format": "float"}).encode()


def generate_request() -> generation_pb2.GenerateRequest:
    """Return the same chat as a message of the contract."""
    request = generation_pb2.GenerateRequest(model=CHAT_MODEL)
    request.messages.add(role=message_pb2.ROLE_USER).parts.add(text=QUESTION)
    request.sampling.temperature = 0.5
    return request
