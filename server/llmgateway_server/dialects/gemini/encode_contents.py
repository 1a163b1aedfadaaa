"""Messages → `systemInstruction` and `contents` (https://ai.google.dev/api/caching#Content, read 2026-11-25).

There are two roles, `user` and `model`; what tools returned is the user's. Turns of one role that meet are made one,
so that all results of one turn of the model come together.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from llmgateway.v1 import message_pb2

from llmgateway_server.dialects.gaps import Gaps, invalid, own_block
from llmgateway_server.dialects.gemini.encode_results import encode_result, encode_run_result
from llmgateway_server.dialects.gemini.media import encode_media
from llmgateway_server.dialects.gemini.models import needs_signature
from llmgateway_server.dialects.gemini.options import NAME, merge_part_bag
from llmgateway_server.dialects.gemini.parts import CODE_TOOL
from llmgateway_server.dialects.gemini.quirks import Quirks
from llmgateway_server.dialects.options import merge_bag
from llmgateway_server.dialects.reading import Json

Part = message_pb2.Part
SYSTEM_ROLES = (message_pb2.ROLE_SYSTEM, message_pb2.ROLE_DEVELOPER)
PROVIDER = message_pb2.ToolCall.EXECUTOR_PROVIDER
# What Google documents for calls that a Gemini 3 model did not make itself, which have no signature:
# https://ai.google.dev/gemini-api/docs/thought-signatures, FAQ, read 2026-11-25.
DUMMY_SIGNATURE = "skip_thought_signature_validator"


class ContentsEncoder:
    """Encodes a conversation: `system` and `contents` hold it."""

    def __init__(self, provider: str, model: str, quirks: Quirks, gaps: Gaps) -> None:
        self.system: Json = {}
        self.contents: list[Json] = []
        self._provider = provider
        self._model = model
        self._quirks = quirks
        self._gaps = gaps
        self._tool_names: dict[str, str] = {}
        self._has_calls = False

    def encode(self, messages: Iterable[message_pb2.ChatMessage]) -> None:
        """Encode messages. Raise `InvalidField` for what has no place among them."""
        for index, message in enumerate(messages):
            path = f"messages[{index}]"
            if message.name:
                self._gaps.miss(f"{path}.name")
            if message.role in SYSTEM_ROLES:
                self._add_system(path, message)
            elif message.role == message_pb2.ROLE_ASSISTANT:
                self._add(message, "model", self._assistant(path, message))
            elif message.role == message_pb2.ROLE_TOOL:
                self._add(message, "user", self._results(path, message))
            else:
                self._add(message, "user", self._parts(path, message))
        if not self.contents:
            raise invalid("messages", "must hold more than instructions here: add a message of ROLE_USER")
        if self._has_calls and needs_signature(self._model):
            self._sign_first_calls()

    def _add_system(self, path: str, message: message_pb2.ChatMessage) -> None:
        if self.contents:
            dropped = "There is one place for instructions, before all else: it was moved there."
            self._gaps.miss(f"{path}.role", dropped=dropped)
        self.system.setdefault("parts", []).extend(self._parts(path, message))
        merge_bag(self.system, message.provider_json, NAME)

    def _add(self, message: message_pb2.ChatMessage, role: str, parts: list[Json]) -> None:
        if not parts:
            return
        if self.contents and self.contents[-1]["role"] == role:
            content = self.contents[-1]
            content["parts"].extend(parts)
        else:
            content = {"role": role, "parts": parts}
            self.contents.append(content)
        if message.provider_json:
            merge_bag(content, message.provider_json, NAME)

    def _parts(self, path: str, message: message_pb2.ChatMessage) -> list[Json]:
        return [self._part(f"{path}.parts[{index}]", part) for index, part in enumerate(message.parts)]

    def _part(self, path: str, part: Part) -> Json:
        kind = part.WhichOneof("content")
        if kind == "text":
            encoded: Json = {"text": part.text}
        elif kind == "media":
            encoded = encode_media(path, part.media, self._quirks, self._gaps)
        elif kind == "provider_part":
            encoded = own_block(path, part.provider_part, NAME)
        else:
            raise invalid(f"{path}.{kind}", "has no place in this message of the gemini dialect")
        if part.provider_json:
            merge_part_bag(encoded, part.provider_json)
        return encoded

    def _assistant(self, path: str, message: message_pb2.ChatMessage) -> list[Json]:
        parts = []
        for index, part in enumerate(message.parts):
            encoded = self._assistant_part(f"{path}.parts[{index}]", part)
            if encoded is None:
                continue
            if self._is_signed(part):
                encoded["thoughtSignature"] = part.signature.value
            parts.append(encoded)
        return parts

    def _assistant_part(self, path: str, part: Part) -> Json | None:
        """Return a part of a model's turn, None for one that Google has no use for."""
        kind = part.WhichOneof("content")
        if kind is None:
            self._gaps.warn(path, "The part is empty: it was left out.")
            return None
        if kind == "tool_call":
            return self._call(path, part)
        if kind == "tool_result":
            result = encode_run_result(part)
            if result is None:
                self._gaps.warn(f"{path}.tool_result", "Another provider's own tool returned it: it was left out.")
            return result
        if kind == "refusal":
            encoded: Json = {"text": part.refusal}
        elif kind == "reasoning":
            # A summary by itself tells the model nothing: only its signature does.
            if not self._is_signed(part):
                return None
            encoded = {"text": part.reasoning.text, "thought": True}
        elif kind == "text" and not part.text and not self._is_signed(part):
            return None  # Google takes no text that is empty, but for the signature in it
        elif self._gaps.leaves_out(path, part, NAME):
            return None
        else:
            return self._part(path, part)
        if part.provider_json:
            merge_part_bag(encoded, part.provider_json)
        return encoded

    def _is_signed(self, part: Part) -> bool:
        """Whether this provider signed a part: another's signature means nothing to it."""
        return part.HasField("signature") and part.signature.provider == self._provider

    def _call(self, path: str, part: Part) -> Json | None:
        call = part.tool_call
        self._tool_names[call.id] = call.name
        if call.executor == PROVIDER:
            encoded = encode_run(call)
            if encoded is None:
                self._gaps.warn(f"{path}.tool_call", "Another provider ran it itself: it was left out.")
                return None
        elif call.WhichOneof("input") == "text":
            raise invalid(f"{path}.tool_call.text", "must be arguments_json: the gemini dialect has no custom tools")
        else:
            self._has_calls = True
            inner: Json = {"name": call.name, "args": encode_arguments(path, call.arguments_json)}
            if call.id:
                inner["id"] = call.id
            encoded = {"functionCall": inner}
        if part.provider_json:
            merge_part_bag(encoded, part.provider_json)
        return encoded

    def _results(self, path: str, message: message_pb2.ChatMessage) -> list[Json]:
        return [
            encode_result(f"{path}.parts[{index}]", part, self._tool_names, self._quirks, self._gaps)
            for index, part in enumerate(message.parts)
        ]

    def _sign_first_calls(self) -> None:
        """Give the first call of each turn the dummy signature, where it has none of Google's own."""
        for content in self.contents:
            if content["role"] == "model":
                first = next((part for part in content["parts"] if "functionCall" in part), None)
                if first is not None:
                    first.setdefault("thoughtSignature", DUMMY_SIGNATURE)


def encode_arguments(path: str, arguments_json: str) -> Json | msgspec.Raw:
    """Return arguments in their own bytes. Raise `InvalidField` for what is no object, a model's own included."""
    if not arguments_json:
        return {}
    if not isinstance(decode_or_none(arguments_json), dict):
        raise invalid(f"{path}.tool_call.arguments_json", "must be a JSON object: Google takes no other arguments")
    return msgspec.Raw(arguments_json.encode())


def encode_run(call: message_pb2.ToolCall) -> Json | None:
    """Return code that Google ran, None for a call of any other provider's tool."""
    arguments = decode_or_none(call.arguments_json)
    if call.name != CODE_TOOL or not isinstance(arguments, dict) or not isinstance(arguments.get("code"), str):
        return None
    return {"executableCode": {"language": arguments.get("language") or "PYTHON", "code": arguments["code"]}}


def decode_or_none(arguments_json: str) -> object:
    """Return JSON that a model wrote, None where it is none."""
    try:
        return msgspec.json.decode(arguments_json)
    except (msgspec.DecodeError, RecursionError):
        return None
