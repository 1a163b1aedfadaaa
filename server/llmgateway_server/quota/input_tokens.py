"""The most tokens that a model can read for a request: no estimate, a bound.

A token is at least a byte of what is sent, and the request's own message holds all of that. What a provider adds of its
own is known by its documentation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from llmgateway.v1 import generation_pb2, message_pb2

from llmgateway_server.quota.allowances import GATEWAY, RulesByDialect, check_bag, check_block, check_tool
from llmgateway_server.quota.free_options import (
    FREE_MESSAGE_MEMBERS,
    FREE_OPTIONS,
    FREE_PART_MEMBERS,
    FREE_TOOL_MEMBERS,
)
from llmgateway_server.quota.media_tokens import may_be_audio, may_be_seen, most_tokens, reads_for_a_fee
from llmgateway_server.quota.schema_size import extra_bytes
from llmgateway_server.quota.terms import Terms

TOKENS_PER_MESSAGE = 16
TOKENS_PER_CALL = 64
# xAI sends words of its own before each prompt: 160 to 200 tokens were seen of Grok 4.1, and some 700 of Grok 4
# (usage objects that others have published, seen 2026-12-01; the latter from memory).
TOKENS_PER_GROK_CALL = 1_024
# Anthropic, "Tool use", "Pricing", a stored copy read 2026-12-01: the system prompt that comes with tools is 804 tokens
# at most (Opus 4.7, any). Chat templates of open models are taken to stay below.
TOKENS_PER_TOOLS = 1_024
# OpenAI's cookbook, "How to count tokens with tiktoken", from memory: a function adds 22 tokens to its own text,
# and each property and value 3, which are fewer than the bytes of JSON around it.
TOKENS_PER_TOOL = 32
# Anthropic, "Structured outputs", speaks of a system prompt for the format, without a number: this is a guess above it.
TOKENS_PER_OUTPUT_FORMAT = 512
# The frame of a call or a result, and of an argument, where they are written as elements (`<parameter name="…">`).
TOKENS_PER_TOOL_PART = 64
TOKENS_PER_ARGUMENT = 12
# Open models are often shown a schema a member a line: a line break and its indent are two tokens.
TOKENS_PER_LINE = 2
# How long a mark keeps the prompt without being dearer.
SHORT_TTLS = frozenset({"", "5m"})

Request = generation_pb2.GenerateRequest


class Input:
    """What a request makes a model read. Raises `PriceUnknown` for what could cost beyond its tokens.

    `token_count` is of all but media. `audio_path` is the path of the first part that may be audio, `unbounded` that of
    the first that nothing bounds but the context window, `long_mark` that of the first mark to cache for longer than
    minutes; each is empty where there is none. `marks` says whether the prompt is marked to be cached at all,
    `prediction_token_count` is of a prediction.
    """

    def __init__(self, request: Request, terms: Terms) -> None:
        self.token_count = 0
        self.media_token_count = 0
        self.has_images = False
        self.audio_path = ""
        self.unbounded = ""
        self.marks = False
        self.long_mark = ""
        self.prediction_token_count = 0
        self._terms = terms
        self._saved = 0  # bytes of the request that are not sent, or counted apart
        self._read(request)
        self.token_count += request.ByteSize() - self._saved

    def _read(self, request: Request) -> None:
        count = TOKENS_PER_GROK_CALL if "grok" in self._terms.model else TOKENS_PER_CALL
        self.token_count = count + TOKENS_PER_MESSAGE * len(request.messages)
        for index, message in enumerate(request.messages):
            if message.provider_json:
                self._read_bag(message.provider_json, f"messages[{index}].provider_json", FREE_MESSAGE_MEMBERS)
            for place, part in enumerate(message.parts):
                # Most parts are a text and nothing else that matters.
                if (
                    part.WhichOneof("content") != "text"
                    or part.provider_json
                    or part.logprobs
                    or part.HasField("cache_breakpoint")
                ):
                    path = f"messages[{index}].parts[{place}]"
                    self._read_part(part, path, is_answer=message.role == message_pb2.ROLE_ASSISTANT)
        if request.HasField("raw_prompt"):
            ids = request.raw_prompt.token_ids
            self._saved += ids.ByteSize()
            self.token_count += len(ids.ids)
        if request.tools:
            self._read_tools(request)
        if request.HasField("output_format"):
            self.token_count += TOKENS_PER_OUTPUT_FORMAT
            self._read_schema(request.output_format.json_schema.schema_json, "output_format.json_schema.schema_json")
        if request.provider_options_json:
            self._read_options(request.provider_options_json)
        if request.HasField("prompt_cache"):
            self._mark(request.prompt_cache.ttl, "prompt_cache.ttl")
        if request.labels:
            # Characters, not bytes: fewer, and cheaper to count.
            self._saved += sum([len(key) + len(value) for key, value in request.labels.items()])

    def _read_part(self, part: message_pb2.Part, path: str, *, is_answer: bool) -> None:
        kind = part.WhichOneof("content")
        if kind == "media":
            self._read_media(part, f"{path}.media", is_answer=is_answer)
        elif kind == "tool_call":
            call = part.tool_call
            frames = TOKENS_PER_ARGUMENT * call.arguments_json.count(":")
            self.token_count += TOKENS_PER_TOOL_PART + frames + escapes(call.arguments_json) + escapes(call.text)
        elif kind == "tool_result":
            result = part.tool_result
            said = [result.output_json, *(inner.text for inner in result.parts)]
            self.token_count += TOKENS_PER_TOOL_PART + sum([escapes(piece) for piece in said])
            for place, inner in enumerate(result.parts):
                self._read_part(inner, f"{path}.tool_result.parts[{place}]", is_answer=is_answer)
        elif kind == "provider_part":
            self._note_mark(check_block(part.provider_part, path, self._terms), f"{path}.provider_part")
        if part.HasField("cache_breakpoint"):
            self._mark(part.cache_breakpoint.ttl, f"{path}.cache_breakpoint.ttl")
        if part.provider_json:
            self._read_bag(part.provider_json, f"{path}.provider_json", FREE_PART_MEMBERS)
        if part.logprobs:
            self._saved += sum([logprob.ByteSize() for logprob in part.logprobs])

    def _read_media(self, part: message_pb2.Part, path: str, *, is_answer: bool) -> None:
        media, dialect = part.media, self._terms.dialect
        self._saved += len(media.data)
        # What a model has spoken goes back by its id, whatever the part says that it is.
        is_reference = is_answer and bool(media.file_id or part.item_id)
        if reads_for_a_fee(media, self._terms.model, dialect):
            raise self._terms.refusal(path, ", because reading a document may have a price of its own there")
        if is_reference or may_be_audio(media, dialect):
            self.audio_path = self.audio_path or path
        if may_be_seen(media, dialect):
            self.has_images = True
        most = None if is_reference else most_tokens(media, self._terms.model, dialect)
        if most is None:
            self.unbounded = self.unbounded or path
        else:
            self.media_token_count += most

    def _read_tools(self, request: Request) -> None:
        self.token_count += TOKENS_PER_TOOLS + TOKENS_PER_TOOL * len(request.tools)
        for index, tool in enumerate(request.tools):
            path = f"tools[{index}]"
            check_tool(tool, path, self._terms)
            self._read_schema(tool.function.input_schema_json, f"{path}.function.input_schema_json")
            if tool.HasField("cache_breakpoint"):
                self._mark(tool.cache_breakpoint.ttl, f"{path}.cache_breakpoint.ttl")
            if tool.provider_json:
                self._read_bag(tool.provider_json, f"{path}.provider_json", FREE_TOOL_MEMBERS)

    def _read_schema(self, schema_json: str, path: str) -> None:
        extra = extra_bytes(schema_json)
        if extra is None:
            self.unbounded = self.unbounded or path
        else:
            lines = sum([schema_json.count(mark) for mark in ",{["])
            self.token_count += extra + TOKENS_PER_LINE * lines

    def _read_options(self, options: Mapping[str, str]) -> None:
        dialect = self._terms.dialect
        if dialect != GATEWAY:
            self._saved += sum([len(text) for name, text in options.items() if name != dialect])
        for chosen in self._read_bag(options, "provider_options_json", FREE_OPTIONS):
            if chosen.get("prediction") is not None:
                self.prediction_token_count += len(msgspec.json.encode(chosen["prediction"]))

    def _read_bag(self, bag: Mapping[str, str], path: str, free: RulesByDialect) -> Sequence[Mapping[str, Any]]:
        sent = check_bag(bag, path, self._terms, free)
        for value in sent:
            self._note_mark(value, path)
        return sent

    def _note_mark(self, value: Mapping[str, Any], path: str) -> None:  # Any: decoded JSON
        """Note a mark to cache among what a provider's own JSON holds."""
        mark = value.get("cache_control") or value.get("cachePoint")
        if mark:
            self._mark(str(mark.get("ttl") or "") if isinstance(mark, dict) else "1h", path)

    def _mark(self, ttl: str, path: str) -> None:
        self.marks = True
        if ttl not in SHORT_TTLS:
            self.long_mark = self.long_mark or path


def escapes(said: str) -> int:
    """Return how many bytes longer a text is as a string of JSON, which is what a model may be shown of it."""
    return len(msgspec.json.encode(said)) - len(said.encode()) if said else 0
