"""From a request to what the mock says: its parts, word by word, and why it ends. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
from llmgateway.v1 import call_pb2, generation_pb2, message_pb2, tool_pb2

from llmgateway_server import errors
from llmgateway_server.dialects.mock.keywords import UnfittableSchemaError
from llmgateway_server.dialects.mock.models import Habit, MockModel
from llmgateway_server.dialects.mock.options import Options, ToolCallOptions
from llmgateway_server.dialects.mock.pattern import UnwritablePatternError, write_match
from llmgateway_server.dialects.mock.schema import write_value
from llmgateway_server.dialects.mock.tokens import lorem, split_tokens

Request = generation_pb2.GenerateRequest

THOUGHT = "The user asks, so I shall answer."
CUSTOM_INPUT = "Lorem ipsum"
# The model's own limit: an answer with log probabilities holds at most so many, alternatives counted.
MAX_LOGPROB_COUNT = 250_000

STOP = generation_pb2.FINISH_REASON_STOP
LENGTH = generation_pb2.FINISH_REASON_LENGTH
TOOL_CALLS = generation_pb2.FINISH_REASON_TOOL_CALLS


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """One part as it will be written.

    `field` is the `Part`'s: `text`, `reasoning`, `refusal`, or `tool_call` with its `call`. `prefix` is there
    from the start and costs nothing: a prompt that is echoed. What is not `shown` is only counted.
    """

    field: str
    tokens: Sequence[str]
    prefix: str = ""
    call: PlannedCall | None = None
    shown: bool = True


@dataclass(frozen=True, slots=True)
class PlannedCall:
    """A tool call but for its input. `id` is empty where one is to be made."""

    name: str
    id: str = ""
    is_custom: bool = False


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a candidate ends, in the contract's words and in a provider's."""

    reason: generation_pb2.FinishReason.ValueType
    provider_reason: str
    stop_sequence: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What each candidate says."""

    parts: Sequence[PlannedPart]
    ending: Ending


# A word of the contract, or OpenAI's for the same; any other is OTHER with the word kept, as of a real provider.
ENDINGS = {
    "stop": Ending(STOP, "stop"),
    "length": Ending(LENGTH, "length"),
    "tool_calls": Ending(TOOL_CALLS, "tool_calls"),
    "content_filtered": Ending(generation_pb2.FINISH_REASON_CONTENT_FILTERED, "content_filter"),
    "content_filter": Ending(generation_pb2.FINISH_REASON_CONTENT_FILTERED, "content_filter"),
    "refused": Ending(generation_pb2.FINISH_REASON_REFUSED, "refusal"),
    "paused": Ending(generation_pb2.FINISH_REASON_PAUSED, "pause_turn"),
    "context_full": Ending(generation_pb2.FINISH_REASON_CONTEXT_FULL, "model_context_window_exceeded"),
    "malformed_tool_call": Ending(generation_pb2.FINISH_REASON_MALFORMED_TOOL_CALL, "malformed_function_call"),
}


def plan_answer(request: Request, model: MockModel, script: Options) -> Answer:
    """Return what `model` says to `request` under `script`, the configuration's and the call's."""
    parts = [*plan_reasoning(request, script), *plan_content(request, model, script)]
    ending = ENDINGS["tool_calls" if any(part.call for part in parts) else "stop"]
    if request.sampling.stop_sequences:
        parts, ending = cut_at_stop(parts, list(request.sampling.stop_sequences), ending)
    limits = [request.max_output_token_count] if request.HasField("max_output_token_count") else []
    if request.HasField("top_logprob_count"):
        limits.append(MAX_LOGPROB_COUNT // ((request.candidate_count or 1) * (1 + request.top_logprob_count)))
    if limits:
        parts, ending = cut_at_limit(parts, min(limits), ending)
    parts = add_prompt(request, parts)
    if script.finish_reason is not None:
        word = script.finish_reason
        ending = ENDINGS.get(word, Ending(generation_pb2.FINISH_REASON_OTHER, word))
    return Answer(parts, ending)


def plan_reasoning(request: Request, script: Options) -> list[PlannedPart]:
    """Think what the script says, or something short where the request asks for thought."""
    asked = request.reasoning
    thinks = asked.effort not in ("", "none") or asked.max_token_count > 0
    text = script.reasoning if script.reasoning is not None else THOUGHT if thinks else ""
    tokens = split_tokens(text)
    if asked.HasField("max_token_count"):
        tokens = tokens[: max(asked.max_token_count, 0)]
    return [PlannedPart("reasoning", tokens, shown=asked.visibility != "none")] if tokens else []


def plan_content(request: Request, model: MockModel, script: Options) -> list[PlannedPart]:
    """Say what the script says; else call a tool, write JSON or repeat, as the request asks and the model does."""
    if script.has_content:
        return plan_scripted(request, script)
    result = last_tool_result(request) if model.habit is Habit.CALL else None
    if result is None and must_call(request, model) and (tool := first_callable(request)) is not None:
        return [call_tool(tool, ToolCallOptions(name=tool_name(tool)))]
    if model.habit is Habit.JSON or request.HasField("output_format"):
        return text_parts(formatted_text(request))
    if result is not None:
        return text_parts(result)
    return plan_scripted(request, model.options) if model.options.has_content else text_parts(last_user_text(request))


def plan_scripted(request: Request, script: Options) -> list[PlannedPart]:
    """Say exactly what a script says."""
    parts: list[PlannedPart] = []
    if script.refusal is not None:
        parts = text_parts(script.refusal, "refusal")
    elif script.writes_json:
        parts = text_parts(write_json(script.json_value))
    elif script.text is not None:
        parts = text_parts(script.text)
    elif script.text_token_count is not None:
        parts = text_parts(lorem(script.text_token_count))
    tools = {tool_name(tool): tool for tool in request.tools}
    return [*parts, *(call_tool(tools.get(call.name), call) for call in script.tool_calls or ())]


def text_parts(text: str, field: str = "text") -> list[PlannedPart]:
    """Return a part with `text`, or none where it is empty."""
    return [PlannedPart(field, split_tokens(text))] if text else []


def must_call(request: Request, model: MockModel) -> bool:
    """Whether this answer is a tool call: because the request requires one, or it is the model's habit."""
    mode = request.tool_choice.mode
    if mode == tool_pb2.ToolChoice.MODE_REQUIRED:
        return True
    return model.habit is Habit.CALL and mode != tool_pb2.ToolChoice.MODE_NONE


def first_callable(request: Request) -> tool_pb2.Tool | None:
    """Return the first tool that the caller runs and that the tool choice allows."""
    allowed = request.tool_choice.allowed_tool_names
    for tool in request.tools:
        name = tool_name(tool)
        if name and (not allowed or name in allowed):
            return tool
    return None


def tool_name(tool: tool_pb2.Tool) -> str:
    """Return a tool's name, empty for one that a provider would run."""
    return tool.function.name or tool.custom.name


def call_tool(tool: tool_pb2.Tool | None, call: ToolCallOptions) -> PlannedPart:
    """Plan a call of `tool`, which a script may make without its being offered."""
    is_custom = call.text is not None or (tool is not None and tool.HasField("custom"))
    if call.text is not None:
        text = call.text
    elif call.arguments_json is not None:
        text = call.arguments_json or "{}"  # the contract: never empty
    elif call.arguments is not None:
        text = write_json(call.arguments)
    elif tool is None:
        text = "{}"
    elif is_custom:
        grammar = tool.custom.grammar
        text = write_by_grammar(grammar, f"tool {call.name!r}") if tool.custom.HasField("grammar") else CUSTOM_INPUT
    else:
        schema_json = tool.function.input_schema_json
        text = write_by_schema(schema_json, f"the arguments of {call.name!r}") if schema_json else "{}"
    return PlannedPart("tool_call", split_tokens(text), call=PlannedCall(call.name, call.id or "", is_custom))


def formatted_text(request: Request) -> str:
    """Write what the output format asks for."""
    output_format = request.output_format
    kind = output_format.WhichOneof("format")
    if kind == "json_schema":
        return write_by_schema(output_format.json_schema.schema_json, "the output format")
    if kind == "grammar":
        return write_by_grammar(output_format.grammar, "the output format")
    return write_json({"text": last_user_text(request)})


def write_by_schema(schema_json: str, what: str) -> str:
    """Write a JSON value that fits a schema; raise `CapabilityMissing` where the mock cannot."""
    try:
        return write_json(write_value(msgspec.json.decode(schema_json)))
    except (UnfittableSchemaError, msgspec.DecodeError) as error:
        raise missing(
            "json_schema", f"The JSON Schema of {what} {error}. Simplify it, or script the answer."
        ) from error


def write_by_grammar(grammar: tool_pb2.Grammar, what: str) -> str:
    """Write a text that a regular expression matches; raise `CapabilityMissing` for other grammars."""
    if grammar.syntax != "regex":
        raise missing("grammar", f"The mock writes by no grammar but regex, which {what} asks for. Script the answer.")
    try:
        return write_match(grammar.definition)
    except UnwritablePatternError as error:
        message = f"The pattern of {what} is beyond the mock: {error}. Simplify it, or script the answer."
        raise missing("grammar", message) from error


def missing(capability: str, message: str) -> errors.CapabilityMissing:
    """Build the refusal of what the mock cannot do."""
    return errors.CapabilityMissing(message, metadata={"capability": capability})


def write_json(value: object) -> str:
    """Write JSON with spaces, so that it has several tokens."""
    return json.dumps(value, ensure_ascii=False)


def last_user_text(request: Request) -> str:
    """Return the text of the last user message, or the raw prompt."""
    if request.HasField("raw_prompt"):
        return prompt_text(request.raw_prompt)
    for message in reversed(request.messages):
        if message.role == message_pb2.ROLE_USER:
            return "".join(part.text for part in message.parts)
    return ""


def prompt_text(prompt: generation_pb2.RawPrompt) -> str:
    """Return a raw prompt as text; the mock's tokens by number are their numbers."""
    return prompt.text or " ".join(map(str, prompt.token_ids.ids))


def last_tool_result(request: Request) -> str | None:
    """Return what the tool messages at the conversation's end say; None where it ends otherwise."""
    results: list[str] = []
    for message in reversed(request.messages):
        if message.role != message_pb2.ROLE_TOOL:
            break
        results[:0] = [result_text(part.tool_result) for part in message.parts if part.HasField("tool_result")]
    return "\n".join(results) if results else None


def result_text(result: message_pb2.ToolResult) -> str:
    """Return what a tool returned as text."""
    return result.output_json or "".join(part.text for part in result.parts)


def cut_at_stop(
    parts: list[PlannedPart], stop_sequences: Sequence[str], ending: Ending
) -> tuple[list[PlannedPart], Ending]:
    """End the text before the first stop sequence in it; nothing comes after."""
    for index, part in enumerate(parts):
        if part.field != "text":
            continue
        text = "".join(part.tokens)
        found = [(text.find(stop), -len(stop), stop) for stop in stop_sequences if stop and stop in text]
        if found:
            position, _, stop = min(found)
            kept = text_parts(text[:position])
            return [*parts[:index], *kept], Ending(STOP, "stop", stop)
    return parts, ending


def cut_at_limit(parts: list[PlannedPart], token_count: int, ending: Ending) -> tuple[list[PlannedPart], Ending]:
    """End after `token_count` tokens, reasoning included, wherever that is."""
    kept: list[PlannedPart] = []
    left = token_count
    for part in parts:
        if len(part.tokens) > left:
            if left:
                kept.append(replace(part, tokens=part.tokens[:left]))
            return kept, ENDINGS["length"]
        kept.append(part)
        left -= len(part.tokens)
    return kept, ending


def add_prompt(request: Request, parts: list[PlannedPart]) -> list[PlannedPart]:
    """Put the prompt before the text where a raw prompt is to be echoed."""
    if not request.raw_prompt.echo:
        return parts
    prompt = prompt_text(request.raw_prompt)
    for index, part in enumerate(parts):
        if part.field == "text":
            return [*parts[:index], replace(part, prefix=prompt), *parts[index + 1 :]]
    return [*parts, PlannedPart("text", [], prefix=prompt)]


def find_unserved(request: Request) -> list[call_pb2.Warning]:
    """Return what the request asks for and no mock can do."""
    unserved = [
        call_pb2.Warning(field=f"tools[{index}].provider_tool", description="The mock runs no tools of providers.")
        for index, tool in enumerate(request.tools)
        if tool.HasField("provider_tool")
    ]
    if any(modality != "text" for modality in request.output_modalities):
        unserved.append(call_pb2.Warning(field="output_modalities", description="The mock writes text only."))
    if request.HasField("audio"):
        unserved.append(call_pb2.Warning(field="audio", description="The mock writes text only."))
    return unserved


def check_served(request: Request) -> list[call_pb2.Warning]:
    """Return what is left out of the request; raise `CapabilityMissing` unless it may be."""
    unserved = find_unserved(request)
    if unserved and request.unsupported_policy != generation_pb2.UNSUPPORTED_POLICY_DROP:
        first = unserved[0]
        raise missing(
            first.field, f"{first.description} Leave out {first.field}, or set unsupported_policy to drop it."
        )
    return unserved


def find_empty_parts(request: Request) -> list[call_pb2.Warning]:
    """Return what of the model's own is empty to this gateway, as a part of a kind newer than it is."""
    return [
        call_pb2.Warning(
            field=f"messages[{index}].parts[{part_index}]", description="The part is empty: it was left out."
        )
        for index, message in enumerate(request.messages)
        for part_index, part in enumerate(message.parts)
        if part.WhichOneof("content") is None
    ]
