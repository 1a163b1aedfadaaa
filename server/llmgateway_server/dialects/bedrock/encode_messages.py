"""The conversation → `system` and `messages` of Converse (API reference, Message and ContentBlock, 2026-11-25).

Converse wants instructions apart, user and assistant by turns, all results of a turn's calls in the next turn and
before anything else there, and no text block that is empty. Neighbours of one role become one turn.
"""

from __future__ import annotations

from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.dialects.bedrock.encode_tools import cache_point, encode_tool_use, tool_use_id
from llmgateway_server.dialects.bedrock.families import Family
from llmgateway_server.dialects.bedrock.media import encode_media
from llmgateway_server.dialects.bedrock.options import NAME
from llmgateway_server.dialects.gaps import Gaps, invalid, own_block
from llmgateway_server.dialects.options import decode_object, merge_bag
from llmgateway_server.dialects.reading import Json

Part = message_pb2.Part
Message = message_pb2.ChatMessage
INSTRUCTING = frozenset({message_pb2.ROLE_SYSTEM, message_pb2.ROLE_DEVELOPER})
# What a tool that returned nothing is said to have returned: neither an empty nor a blank text is taken.
NO_OUTPUT = "(no output)"
RESULT_MEDIA = frozenset({"image", "document", "video"})


class Turn:
    """One message of Converse's in the making. `calls` and `results` are ids with the paths of their parts."""

    def __init__(self, role: str, path: str) -> None:
        self.path = path
        self.content: list[Json] = []
        self.body: Json = {"role": role, "content": self.content}
        self.calls: dict[str, str] = {}
        self.results: dict[str, str] = {}
        self.holds_document = False


class ConversationEncoder:
    """Encodes the messages of one request into `system` and `turns`."""

    def __init__(self, request: generation_pb2.GenerateRequest, family: Family, provider: str, gaps: Gaps) -> None:
        self.system: list[Json] = []
        self.has_tools = False
        self._request = request
        self._family = family
        self._provider = provider
        self._gaps = gaps
        self._turns: list[Turn] = []
        self._document_names: set[str] = set()

    def messages(self) -> list[Json]:
        """Return the turns, and fill `system`. Raise `InvalidField` for a conversation that Bedrock would refuse."""
        for index, message in enumerate(self._request.messages):
            path = f"messages[{index}]"
            if message.name:
                self._gaps.miss(f"{path}.name")
            if message.role in INSTRUCTING:
                self._instruct(path, message)
                continue
            role = "assistant" if message.role == message_pb2.ROLE_ASSISTANT else "user"
            turn = self._turn(role, path)
            before = len(turn.content)
            for place, part in enumerate(message.parts):
                self._add_part(turn, f"{path}.parts[{place}]", part)
            if len(turn.content) == before and role == "user":
                raise invalid(f"{path}.parts", "hold only blank text: Bedrock takes no empty text block")
            merge_bag(turn.body, message.provider_json, NAME)
        turns = self._turns = [turn for turn in self._turns if turn.content]
        if not turns:
            raise invalid("messages", "must hold one of ROLE_USER: Bedrock has no conversation without it")
        if turns[0].body["role"] != "user":
            raise invalid(f"{turns[0].path}.role", "must be ROLE_USER: Bedrock's conversations start with the user")
        self._check_turns(turns)
        return [turn.body for turn in turns]

    def _turn(self, role: str, path: str) -> Turn:
        """Return the turn that a message belongs to: the last one where the role is the same."""
        turns = self._turns
        if turns and not turns[-1].content:
            turns.pop()
        if turns and turns[-1].body["role"] == role:
            return turns[-1]
        turns.append(Turn(role, path))
        return turns[-1]

    def _instruct(self, path: str, message: Message) -> None:
        if message.provider_json.get(NAME):
            raise invalid(f"{path}.provider_json", "has no place: Bedrock's instructions are no message")
        if self._turns:
            self._gaps.warn(path, "Bedrock takes instructions before the conversation only: it was moved there.")
        for place, part in enumerate(message.parts):
            part_path = f"{path}.parts[{place}]"
            kind = part.WhichOneof("content")
            if kind == "text":
                self._add_text(part_path, part, part.text, self.system)
            else:
                self.system.append(self._provider_block(part_path, kind, part))
            self._add_cache_point(part_path, part, self.system)

    def _add_part(self, turn: Turn, path: str, part: Part) -> None:
        kind = part.WhichOneof("content")
        content = turn.content
        is_assistant = turn.body["role"] == "assistant"
        if kind == "text":
            self._add_text(path, part, part.text, content, cites=is_assistant)
        elif kind == "media":
            self._add_media(turn, path, part)
        elif kind == "tool_result":
            self._add_result(turn, path, part)
        elif not is_assistant:
            content.append(self._provider_block(path, kind, part))
        elif kind == "tool_call":
            self._add_call(turn, path, part)
        elif kind == "reasoning":
            self._add_reasoning(part, content)
        elif kind == "refusal":
            self._add_text(path, part, part.refusal, content)
        elif kind is None:
            self._gaps.warn(path, "The part is empty: it was left out.")
        elif not self._gaps.leaves_out(path, part, NAME):
            content.append(self._provider_block(path, kind, part))
        self._add_cache_point(path, part, content)

    def _add_text(self, path: str, part: Part, text: str, blocks: list[Json], *, cites: bool = False) -> None:
        """Add a text that is not blank. One that came with citations goes back with them."""
        if not text or text.isspace():
            return
        if not part.provider_json.get(NAME):
            blocks.append({"text": text})
        elif cites:
            block = decode_object(part.provider_json[NAME])
            blocks.append({"citationsContent": {**block, "content": [{"text": text}]}})
        else:
            raise invalid(f"{path}.provider_json", "has no place: a text block holds only its text")

    def _add_media(self, turn: Turn, path: str, part: Part) -> None:
        if turn.body["role"] == "assistant":
            self._gaps.miss(f"{path}.media", " from the assistant")
            return
        kind, block = self._media_block(path, part)
        if kind == "document":
            turn.holds_document = True
        turn.content.append({kind: block})

    def _media_block(self, path: str, part: Part) -> tuple[str, Json]:
        kind, block = encode_media(path, part.media, self._document_names)
        if part.media.detail:
            self._gaps.miss(f"{path}.media.detail")
        merge_bag(block, part.provider_json, NAME)
        return kind, block

    def _add_call(self, turn: Turn, path: str, part: Part) -> None:
        """Add a call; one that another provider ran itself has no place here."""
        if part.tool_call.executor == message_pb2.ToolCall.EXECUTOR_PROVIDER:
            if NAME not in part.provider_json:
                self._gaps.warn(path, "Another provider ran this call itself: it was left out.")
                return
        else:
            turn.calls[tool_use_id(part.tool_call.id)] = path
        self.has_tools = True
        turn.content.append({"toolUse": encode_tool_use(path, part)})

    def _add_result(self, turn: Turn, path: str, part: Part) -> None:
        result = part.tool_result
        if turn.body["role"] == "assistant" and NAME not in part.provider_json:
            self._gaps.warn(path, "It is the result of a call that another provider ran itself: it was left out.")
            return
        self.has_tools = True
        use_id = tool_use_id(result.tool_call_id)
        turn.results[use_id] = path
        block: Json = {"toolUseId": use_id, "content": self._result_content(f"{path}.tool_result", result)}
        if result.failed and self._family.has_result_status:
            block["status"] = "error"
        merge_bag(block, part.provider_json, NAME)
        turn.content.append({"toolResult": block})

    def _result_content(self, path: str, result: message_pb2.ToolResult) -> list[Json]:
        if result.output_json:
            # Only an object may stand as JSON.
            is_object = result.output_json.lstrip()[:1] == "{"
            return [{"json": decode_object(result.output_json)} if is_object else {"text": result.output_json}]
        blocks: list[Json] = []
        for place, part in enumerate(result.parts):
            part_path = f"{path}.parts[{place}]"
            kind = part.WhichOneof("content")
            if kind == "text":
                self._add_text(part_path, part, part.text, blocks)
            elif kind == "media":
                media_kind, block = self._media_block(part_path, part)
                if media_kind not in RESULT_MEDIA:
                    raise invalid(f"{part_path}.media.mime_type", "has no place in a tool result of Bedrock's")
                blocks.append({media_kind: block})
            else:
                blocks.append(self._provider_block(part_path, kind, part))
            if part.HasField("cache_breakpoint"):
                self._gaps.miss(f"{part_path}.cache_breakpoint", " within a tool result")
        return blocks or [{"text": NO_OUTPUT}]

    def _add_reasoning(self, part: Part, content: list[Json]) -> None:
        """Add a thought that goes back: this provider's own with its proof, or one that needs none."""
        signature = part.signature.value if part.signature.provider == self._provider else ""
        if part.reasoning.kind == message_pb2.Reasoning.KIND_REDACTED:
            block: Json | None = {"redactedContent": signature} if signature else None
        elif signature and not self._family.plain_reasoning:
            thought: Json = {"text": part.reasoning.text, "signature": signature}
            merge_bag(thought, part.provider_json, NAME)
            block = {"reasoningText": thought}
        else:
            goes_back = self._family.plain_reasoning and part.reasoning.text
            block = {"reasoningText": {"text": part.reasoning.text}} if goes_back else None
        if block is not None:
            content.append({"reasoningContent": block})

    def _provider_block(self, path: str, kind: str | None, part: Part) -> Json:
        if kind != "provider_part":
            raise invalid(f"{path}.{kind}", "has no place in this message of the bedrock dialect")
        block = own_block(path, part.provider_part, NAME)
        merge_bag(block, part.provider_json, NAME)
        return block

    def _add_cache_point(self, path: str, part: Part, blocks: list[Json]) -> None:
        if blocks and part.HasField("cache_breakpoint"):
            blocks.append(cache_point(f"{path}.cache_breakpoint", part.cache_breakpoint, self._gaps))

    def _check_turns(self, turns: list[Turn]) -> None:
        """Refuse calls and results that do not meet, and documents without text; put results first."""
        before: Turn | None = None
        for turn in turns:
            if before is not None and (before.calls or turn.results):
                check_calls(before, turn)
            if turn.results and turn.body["role"] == "user":
                turn.content[:] = results_first(turn.content)
            before = turn
            if turn.holds_document and not any("text" in block for block in turn.content):
                raise invalid(f"{turn.path}.parts", "hold a document: Bedrock wants a text beside it")


def check_calls(asking: Turn, answering: Turn) -> None:
    """Refuse a call of a turn without a result in the next, and a result there of any other call."""
    for use_id, path in asking.calls.items():
        if use_id not in answering.results:
            description = "has no result in the next turn: Bedrock wants one for each call of a turn"
            raise invalid(f"{path}.tool_call.id", description)
    if answering.body["role"] == "user":
        for use_id, path in answering.results.items():
            if use_id not in asking.calls:
                description = "answers no call of the turn before: Bedrock takes no other results"
                raise invalid(f"{path}.tool_result.tool_call_id", description)


def results_first(content: list[Json]) -> list[Json]:
    """Return the blocks of a turn with its tool results before all others; a cache point stays behind its block."""
    results: list[Json] = []
    others: list[Json] = []
    into = others
    for block in content:
        if "cachePoint" not in block:
            into = results if "toolResult" in block else others
        into.append(block)
    return results + others
