"""What an answer says that can hardly be right. It is passed on as it came, with a warning beside it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from llmgateway.v1 import call_pb2, generation_pb2, message_pb2, stream_pb2, usage_pb2

PROVIDER = message_pb2.ToolCall.EXECUTOR_PROVIDER
# What a provider wraps around a request: templates, names of roles, a system prompt of its own.
FRAME_TOKENS = 2_000
FRAME_TOKENS_PER_MESSAGE = 64

Request = generation_pb2.GenerateRequest


class Doubts:
    """Looks at the answer to one request, whole or event by event. `warnings` gathers what is doubtful."""

    def __init__(self, request: Request) -> None:
        self.warnings: list[call_pb2.Warning] = []
        self._request = request
        self._calls: dict[tuple[int, int], CallInput] = {}

    def see_response(self, response: generation_pb2.GenerateResponse) -> None:
        """Look at a whole answer."""
        for candidate in response.candidates:
            for place, part in enumerate(candidate.message.parts):
                if part.HasField("tool_call"):
                    path = f"candidates[{candidate.index}].message.parts[{place}].tool_call"
                    self._see_call(path, part.tool_call, part.tool_call.arguments_json)
            self._see_end(candidate.index, candidate.finish_reason, candidate.provider_finish_reason)
        self.see_usage(response.usage)

    def see_events(self, events: Iterable[stream_pb2.GenerationEvent]) -> None:
        """Look at what a stream brings."""
        for event in events:
            kind = event.WhichOneof("event")
            if kind == "part_started":
                part = event.part_started.part
                if part.WhichOneof("content") == "tool_call":
                    key = (event.candidate_index, event.part_started.index)
                    self._calls[key] = CallInput(part.tool_call, [part.tool_call.arguments_json])
            elif kind == "part_delta" and self._calls:
                call = self._calls.get((event.candidate_index, event.part_delta.index))
                if call is not None:
                    call.pieces.append(event.part_delta.arguments_json)
            elif kind == "part_finished" and self._calls:
                place = event.part_finished.index
                call = self._calls.pop((event.candidate_index, place), None)
                if call is not None:
                    path = f"candidates[{event.candidate_index}].message.parts[{place}].tool_call"
                    self._see_call(path, call.opened, "".join(call.pieces))
            elif kind == "candidate_finished":
                ended = event.candidate_finished
                self._see_end(event.candidate_index, ended.finish_reason, ended.provider_finish_reason)
            elif kind == "finished":
                self.see_usage(event.finished.usage)

    def see_usage(self, usage: usage_pb2.Usage) -> None:
        """Doubt counts beyond what the request can have cost."""
        request = self._request
        if usage.input_token_count > FRAME_TOKENS:
            # No token is shorter than a byte, and the message holds every byte of the prompt.
            most_input = request.ByteSize() + FRAME_TOKENS_PER_MESSAGE * len(request.messages) + FRAME_TOKENS
            if usage.input_token_count > most_input and not brings_more_than_it_holds(request):
                self._doubt_count("input_token_count", usage.input_token_count, most_input)
        if request.HasField("max_output_token_count"):
            candidate_count = request.candidate_count if request.HasField("candidate_count") else 1
            most_output = request.max_output_token_count * candidate_count + usage.rejected_prediction_token_count
            if usage.output_token_count > most_output:
                self._doubt_count("output_token_count", usage.output_token_count, most_output)

    def _doubt_count(self, field: str, count: int, most: int) -> None:
        self._warn(f"usage.{field}", f"The provider counts {count}, and the request allows {most}: it is suspect.")

    def _see_end(self, candidate_index: int, reason: generation_pb2.FinishReason.ValueType, word: str) -> None:
        """Doubt an end that has no reason: the answer may be cut off."""
        if reason == generation_pb2.FINISH_REASON_OTHER and not word:
            self._warn(
                f"candidates[{candidate_index}].finish_reason", "The provider does not say why the answer ended."
            )

    def _see_call(self, path: str, call: message_pb2.ToolCall, arguments: str) -> None:
        if call.executor == PROVIDER:
            return
        if call.name not in tool_names(self._request):
            self._warn(f"{path}.name", "The model called a tool that the request does not offer.")
        if call.WhichOneof("input") != "text" and not is_json_object(arguments):
            self._warn(f"{path}.arguments_json", "The model wrote no JSON object.")

    def _warn(self, field: str, description: str) -> None:
        self.warnings.append(call_pb2.Warning(field=field, description=description))


class CallInput(msgspec.Struct):
    """A tool call as it was opened, and the pieces of its arguments."""

    opened: message_pb2.ToolCall
    pieces: list[str]


def tool_names(request: Request) -> Sequence[str]:
    """Return the names of the tools that a request offers for the caller to run."""
    return [tool.custom.name if tool.HasField("custom") else tool.function.name for tool in request.tools]


def is_json_object(text: str) -> bool:
    """Whether a text is one JSON object."""
    try:
        return isinstance(msgspec.json.decode(text), dict)
    except (msgspec.DecodeError, RecursionError):
        return False


def brings_more_than_it_holds(request: Request) -> bool:
    """Whether a prompt refers to what lies elsewhere: media by name, searches, what a provider keeps."""
    kinds = {part.WhichOneof("content") for message in request.messages for part in message.parts}
    return (
        bool(kinds & {"media", "provider_part", "tool_result"})
        or any(tool.HasField("provider_tool") for tool in request.tools)
        or bool(request.provider_options_json)
    )
