"""The conversation → `system` and `messages`.

Anthropic's API reference, "Create a Message" (read 2026-11-25): turns of the user and of the assistant alternate; all
results of an assistant's turn stand first in the user's turn behind it, and none is missing. A later system message
follows a user's turn, or an assistant's that ends with a tool of the provider's own, and precedes an assistant's or
ends the conversation ("Mid-conversation system messages").
"""

from __future__ import annotations

import re

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.anthropic.blocks import (
    PROVIDER,
    encode_assistant_part,
    encode_shown,
    encode_tool_result,
    plain_or_blocks,
)
from llmgateway_server.dialects.anthropic.options import NAME
from llmgateway_server.dialects.anthropic.target import Target
from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.options import merge_bag
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import FieldViolation, InvalidField

ChatMessage = message_pb2.ChatMessage
SYSTEM_ROLES = (message_pb2.ROLE_SYSTEM, message_pb2.ROLE_DEVELOPER)
SERVER_BLOCK = re.compile(r"(?:server|mcp)_tool_use|.+_tool_result")
PLACEHOLDER = "(empty)"
NO_RESULT = "has no result: all calls of a turn need theirs in the ROLE_TOOL message behind it"
NO_CALL = "answers no call of the assistant's turn just before it, or one that has its result already"


class Turn:
    """One turn in the making. `results` come before the other blocks; `first` is the index of its first message."""

    def __init__(self, role: str, first: int) -> None:
        self.role = role
        self.first = first
        self.results: list[Json] = []
        self.blocks: list[Json] = []
        self.members: Json = {}


class Conversation:
    """Gathers messages into turns. `open_calls` are the calls that wait for their results, each with its path."""

    def __init__(self, request: generation_pb2.GenerateRequest, target: Target) -> None:
        self._request = request
        self._target = target
        self._turns: list[Turn] = []
        self._open_calls: dict[str, str] = {}
        self.system: list[Json] = []

    def encode(self) -> list[Json]:
        """Return the turns as messages. Raise `InvalidField` for what has no place in them."""
        for index, message in enumerate(self._request.messages):
            path = f"messages[{index}]"
            if message.name:
                self._target.miss(f"{path}.name")
            role = message.role
            if role == message_pb2.ROLE_USER:
                self._user(path, index, message)
            elif role == message_pb2.ROLE_ASSISTANT:
                self._assistant(path, index, message)
            elif role == message_pb2.ROLE_TOOL:
                self._tool(path, index, message)
            else:
                self._system(path, index, message)
        self._check_results()
        if self._target.quirks.later_system:
            self._check_system_turns()
        messages = [self._close(turn) for turn in self._turns]
        if not messages:
            raise invalid("messages", "must hold one of ROLE_USER: the anthropic dialect sends none without")
        return messages

    def _turn(self, role: str, index: int) -> Turn:
        """Return the open turn of a role, a new one where another's is open."""
        turns = self._turns
        if turns and turns[-1].role == role:
            return turns[-1]
        turn = Turn(role, index)
        turns.append(turn)
        return turn

    def _user(self, path: str, index: int, message: ChatMessage) -> None:
        target = self._target
        turn = self._turn("user", index)
        for place, part in enumerate(message.parts):
            block = encode_shown(f"{path}.parts[{place}]", part, target)
            if block is not None:
                turn.blocks.append(block)
        if message.provider_json:
            merge_bag(turn.members, message.provider_json, NAME)

    def _assistant(self, path: str, index: int, message: ChatMessage) -> None:
        if self._turns and self._turns[-1].role != "assistant":
            self._check_results()
        blocks = []
        for place, part in enumerate(message.parts):
            part_path = f"{path}.parts[{place}]"
            block = encode_assistant_part(part_path, part, self._target)
            if block is None:
                continue
            blocks.append(block)
            if part.HasField("tool_call") and part.tool_call.executor != PROVIDER:
                if block["id"] in self._open_calls:
                    raise invalid(f"{part_path}.tool_call.id", "is the id of an earlier call: ids must differ")
                self._open_calls[block["id"]] = f"{part_path}.tool_call.id"
        if not blocks:  # nothing to send: the turns around it become one
            self._target.warn(path, "The message is empty, and Anthropic takes no such: it was left out.")
            return
        turn = self._turn("assistant", index)
        turn.blocks += blocks
        if message.provider_json:
            merge_bag(turn.members, message.provider_json, NAME)

    def _tool(self, path: str, index: int, message: ChatMessage) -> None:
        turn = self._turn("user", index)
        for place, part in enumerate(message.parts):
            block = encode_tool_result(f"{path}.parts[{place}]", part, self._target)
            if self._open_calls.pop(block["tool_use_id"], None) is None:
                raise invalid(f"{path}.parts[{place}].tool_result.tool_call_id", NO_CALL)
            turn.results.append(block)
        if message.provider_json:
            merge_bag(turn.members, message.provider_json, NAME)

    def _system(self, path: str, index: int, message: ChatMessage) -> None:
        if NAME in message.provider_json:
            raise invalid(f"{path}.provider_json", "has no place here: the anthropic dialect sends no message for it")
        shown = [encode_shown(f"{path}.parts[{i}]", part, self._target) for i, part in enumerate(message.parts)]
        blocks = [block for block in shown if block is not None]
        if not self._turns:
            self.system += blocks
        elif not blocks:
            return
        elif self._target.quirks.later_system:
            if self._open_calls:
                raise invalid(f"{path}.role", "must not stand between a call and its result in the anthropic dialect")
            self._turn("system", index).blocks += blocks
        else:
            self._target.miss(f"{path}.role", ": its system messages all come first, where a dropped one goes")
            self.system += blocks

    def _check_results(self) -> None:
        """Refuse calls of a turn that is over which still wait for their results."""
        if self._open_calls:
            raise InvalidField([FieldViolation(path, NO_RESULT) for path in self._open_calls.values()])

    def _check_system_turns(self) -> None:
        """Refuse later system messages that do not stand between a user's turn and an assistant's, or at the end."""
        for before, turn, after in zip(self._turns, self._turns[1:], [*self._turns[2:], None], strict=False):
            if turn.role != "system":
                continue
            follows = before.role == "user" or SERVER_BLOCK.fullmatch(before.blocks[-1]["type"])
            if not follows or (after is not None and after.role != "assistant"):
                description = "must follow the user's turn, and precede the assistant's or end the conversation"
                raise invalid(f"messages[{turn.first}].role", f"{description} in the anthropic dialect")

    def _close(self, turn: Turn) -> Json:
        blocks = [*turn.results, *turn.blocks]
        if not blocks:  # a turn of the user's cannot be left out: the model answers it
            blocks = [{"type": "text", "text": PLACEHOLDER}]
        message: Json = {"role": turn.role, "content": plain_or_blocks(blocks)}
        if turn.members:
            message = {**turn.members, **message}
        return message
