"""An answer's message as a client has it, and as the gateway reads it when it comes back."""

from __future__ import annotations

import json
from typing import Any

from llmgateway.v1 import generation_pb2, message_pb2
from llmgateway_http.openai.chat_request import to_generate_request
from llmgateway_http.openai.chat_response import to_chat_completion

Part = message_pb2.Part
Json = dict[str, Any]  # Any: JSON


def answer(parts: list[Part]) -> generation_pb2.GenerateResponse:
    message = message_pb2.ChatMessage(role=message_pb2.ROLE_ASSISTANT, parts=parts)
    candidate = generation_pb2.Candidate(message=message, finish_reason=generation_pb2.FINISH_REASON_STOP)
    return generation_pb2.GenerateResponse(candidates=[candidate])


def whole(parts: list[Part]) -> Json:
    message: Json = to_chat_completion(answer(parts), "m")["choices"][0]["message"]
    return message


def sent_back(message: Json) -> message_pb2.ChatMessage:
    """Return what the gateway reads of a message that a client sends back, through JSON."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hi"}, json.loads(json.dumps(message))]}
    return to_generate_request(body)[0].messages[1]
