"""Finds what is wrong with a request before anything is sent. Pure.

Each function returns violations with the field's path in the proto message. What depends on a target (a
parameter that a model lacks, say) is its codec's to refuse.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec
from llmgateway.v1 import cache_pb2, embedding_pb2, generation_pb2, message_pb2, model_pb2, tool_pb2

from llmgateway_server.config.settings import LimitSettings
from llmgateway_server.errors import FieldViolation

MAX_CANDIDATE_COUNT = 128
MAX_STOP_SEQUENCES = 64
MAX_TOP_LOGPROBS = 20
MAX_LABELS = 16
MAX_LABEL_KEY_CHARACTERS = 64
MAX_LABEL_VALUE_CHARACTERS = 512
MAX_EMBED_INPUTS = 2_048
MAX_ID_CHARACTERS = 512
HEARTBEAT_S = (5, 60)

TOOL_NAME = re.compile(r"[a-zA-Z0-9_.:-]{1,128}")
SCHEMA_NAME = re.compile(r"[a-zA-Z0-9_-]{0,64}")
MIME_TYPE = re.compile(r"[a-z0-9.+*-]+/[a-z0-9.+*-]+(;.*)?", re.IGNORECASE)
# Only what a provider can fetch itself; the gateway fetches nothing.
MEDIA_URI = re.compile(r"(https|gs|s3)://[^\s]+", re.IGNORECASE)

# Parts that each role may hold, by the name of the oneof's member.
PARTS_BY_ROLE: Mapping[int, frozenset[str]] = {
    message_pb2.ROLE_SYSTEM: frozenset({"text", "provider_part"}),
    message_pb2.ROLE_DEVELOPER: frozenset({"text", "provider_part"}),
    message_pb2.ROLE_USER: frozenset({"text", "media", "provider_part"}),
    message_pb2.ROLE_ASSISTANT: frozenset(
        {"text", "media", "reasoning", "tool_call", "tool_result", "refusal", "provider_part"}
    ),
    message_pb2.ROLE_TOOL: frozenset({"tool_result"}),
}

SPEAKING_ROLES = frozenset(role for role, kinds in PARTS_BY_ROLE.items() if "text" in kinds)

# Sampling parameters that are a number within a range.
RANGES = (
    ("temperature", 0.0, 2.0),
    ("min_p", 0.0, 1.0),
    ("frequency_penalty", -2.0, 2.0),
    ("presence_penalty", -2.0, 2.0),
)

Violations = Iterator[FieldViolation]


def validate_generate(request: generation_pb2.GenerateRequest, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with a generation; nothing if it may go on."""
    return list(generate_violations(request, limits))


def generate_violations(request: generation_pb2.GenerateRequest, limits: LimitSettings) -> Violations:
    yield from model_violations(request.model)
    yield from prompt_violations(request, limits)
    if request.tools or request.HasField("tool_choice"):
        yield from tools_violations(request, limits)
    if request.HasField("sampling"):
        yield from sampling_violations(request.sampling)
    if request.HasField("max_output_token_count") and request.max_output_token_count < 1:
        yield FieldViolation("max_output_token_count", "must be at least 1; leave it out for the model's own limit")
    if request.HasField("output_format"):
        yield from output_format_violations(request.output_format, limits)
    if request.HasField("reasoning"):
        yield from reasoning_violations(request.reasoning)
    if request.HasField("candidate_count"):
        yield from within("candidate_count", request.candidate_count, 1, MAX_CANDIDATE_COUNT)
    if request.HasField("top_logprob_count"):
        yield from within("top_logprob_count", request.top_logprob_count, 0, MAX_TOP_LOGPROBS)
    if request.HasField("cache_policy"):
        yield from cache_policy_violations(request.cache_policy)
    if request.HasField("heartbeat_interval"):
        yield from within("heartbeat_interval", request.heartbeat_interval.ToTimedelta().total_seconds(), *HEARTBEAT_S)
    if request.unsupported_policy not in generation_pb2.UnsupportedPolicy.values():
        yield unknown_number("unsupported_policy", request.unsupported_policy)
    if request.HasField("max_cost_usd_nanos"):
        yield FieldViolation("max_cost_usd_nanos", "is not served yet: leave it out")
    if request.HasField("routing") and request.routing.fallback_models:
        yield FieldViolation("routing.fallback_models", "is not served yet: leave it out")
    yield from shared_violations(request, limits)


def validate_embed(request: embedding_pb2.EmbedRequest, limits: LimitSettings) -> list[FieldViolation]:
    """Return what is wrong with an embedding request; nothing if it may go on."""
    return list(embed_violations(request, limits))


def embed_violations(request: embedding_pb2.EmbedRequest, limits: LimitSettings) -> Violations:
    yield from model_violations(request.model)
    if not 1 <= len(request.inputs) <= MAX_EMBED_INPUTS:
        yield FieldViolation("inputs", f"must hold 1 to {MAX_EMBED_INPUTS} inputs, not {len(request.inputs)}")
    for index, item in enumerate(request.inputs[:MAX_EMBED_INPUTS]):
        path = f"inputs[{index}]"
        kind = item.WhichOneof("input")
        if kind is None:
            yield FieldViolation(path, "must hold text, token_ids or media")
        elif kind == "text" and not item.text:
            yield FieldViolation(f"{path}.text", "must not be empty")
        elif kind == "token_ids":
            yield from token_ids_violations(f"{path}.token_ids", item.token_ids)
        elif kind == "media":
            yield from media_violations(f"{path}.media", item.media)
    if request.HasField("dimension_count") and request.dimension_count < 1:
        yield FieldViolation("dimension_count", "must be at least 1; leave it out for the model's own length")
    if request.encoding not in embedding_pb2.EmbeddingEncoding.values():
        yield unknown_number("encoding", request.encoding)
    if request.HasField("cache_policy"):
        yield from cache_policy_violations(request.cache_policy)
    yield from shared_violations(request, limits)


def validate_list_models(request: model_pb2.ListModelsRequest) -> list[FieldViolation]:
    """Return what is wrong with a page's request; page tokens are the pipeline's to read."""
    if request.page_size < 0:
        return [FieldViolation("page_size", "must not be negative; 0 asks for the default")]
    return []


def shared_violations(
    request: generation_pb2.GenerateRequest | embedding_pb2.EmbedRequest, limits: LimitSettings
) -> Violations:
    """Check the fields that generations and embeddings share."""
    if request.labels:
        yield from label_violations(request.labels)
    if len(request.end_user_id) > MAX_ID_CHARACTERS:
        yield FieldViolation("end_user_id", f"must have at most {MAX_ID_CHARACTERS} characters")
    if request.idempotency_key:
        yield FieldViolation("idempotency_key", "is not served yet: leave it out")
    if request.provider_options_json:
        yield from json_object_map_violations("provider_options_json", request.provider_options_json, limits)


def model_violations(model: str) -> Violations:
    if not model:
        yield FieldViolation("model", "is required: name a model as provider/model, or a route")
    elif len(model) > MAX_ID_CHARACTERS:
        yield FieldViolation("model", f"must have at most {MAX_ID_CHARACTERS} characters")


def prompt_violations(request: generation_pb2.GenerateRequest, limits: LimitSettings) -> Violations:
    if request.HasField("raw_prompt"):
        if request.messages:
            yield FieldViolation("raw_prompt", "excludes messages: send one or the other")
        prompt = request.raw_prompt
        if prompt.WhichOneof("prompt") is None:
            yield FieldViolation("raw_prompt.prompt", "is required: send text or token_ids")
        elif prompt.HasField("token_ids"):
            yield from token_ids_violations("raw_prompt.token_ids", prompt.token_ids)
        return
    if not request.messages:
        yield FieldViolation("messages", "is required: send at least one message, or raw_prompt")
    if len(request.messages) > limits.message_count:
        yield FieldViolation("messages", f"must hold at most {limits.message_count}, not {len(request.messages)}")
        return
    special = [(index, message) for index, message in enumerate(request.messages) if not is_plain(message)]
    for index, message in special:
        yield from message_violations(f"messages[{index}]", message, limits)
    if special:
        yield from tool_result_violations(request.messages)


def is_plain(message: message_pb2.ChatMessage) -> bool:
    """Whether a message is one text of a role that may speak: most are, and nothing can be wrong with one."""
    parts = message.parts
    return (
        len(parts) == 1
        and message.role in SPEAKING_ROLES
        and parts[0].WhichOneof("content") == "text"
        and not parts[0].provider_json
        and not message.provider_json
    )


def message_violations(path: str, message: message_pb2.ChatMessage, limits: LimitSettings) -> Violations:
    allowed = PARTS_BY_ROLE.get(message.role)
    if allowed is None:
        known = ", ".join(name for name in message_pb2.Role.keys() if name != "ROLE_UNSPECIFIED")  # noqa: SIM118  # a proto enum, not a dict
        yield FieldViolation(f"{path}.role", f"is required: one of {known}")
        return
    if not message.parts and message.role != message_pb2.ROLE_ASSISTANT:
        yield FieldViolation(f"{path}.parts", "must hold at least one part")
    for index, part in enumerate(message.parts):
        kind = part.WhichOneof("content")
        part_path = f"{path}.parts[{index}]"
        if kind is None:
            if message.role != message_pb2.ROLE_ASSISTANT:
                yield FieldViolation(part_path, "has no content")
        elif kind not in allowed:
            role = message_pb2.Role.Name(message.role)
            yield FieldViolation(
                f"{part_path}.{kind}", f"has no place in {role}: it takes {', '.join(sorted(allowed))}"
            )
        elif kind != "text":
            yield from part_violations(part_path, kind, part, limits)
        if part.provider_json:
            yield from json_object_map_violations(f"{part_path}.provider_json", part.provider_json, limits)
    if message.provider_json:
        yield from json_object_map_violations(f"{path}.provider_json", message.provider_json, limits)


def part_violations(path: str, kind: str, part: message_pb2.Part, limits: LimitSettings) -> Violations:
    if kind == "media":
        yield from media_violations(f"{path}.media", part.media)
    elif kind == "tool_call":
        call = part.tool_call
        if not call.name:
            yield FieldViolation(f"{path}.tool_call.name", "is required")
        if call.executor not in message_pb2.ToolCall.Executor.values():
            yield unknown_number(f"{path}.tool_call.executor", call.executor)
    elif kind == "tool_result":
        result = part.tool_result
        if not result.tool_call_id:
            yield FieldViolation(f"{path}.tool_result.tool_call_id", "is required")
        if result.parts and result.output_json:
            yield FieldViolation(f"{path}.tool_result.output_json", "excludes parts: send one or the other")
        if result.output_json:
            yield from json_violations(f"{path}.tool_result.output_json", result.output_json, limits)
    elif kind == "reasoning":
        if part.reasoning.kind not in message_pb2.Reasoning.Kind.values():
            yield unknown_number(f"{path}.reasoning.kind", part.reasoning.kind)
    elif kind == "provider_part":
        provider_part = part.provider_part
        if not provider_part.dialect:
            yield FieldViolation(f"{path}.provider_part.dialect", "is required")
        yield from json_object_violations(f"{path}.provider_part.json", provider_part.json, limits)


def media_violations(path: str, media: message_pb2.Media) -> Violations:
    source = media.WhichOneof("source")
    if source is None or not getattr(media, source):
        yield FieldViolation(f"{path}.source", "is required: send data, uri or file_id")
    if source == "uri" and not MEDIA_URI.fullmatch(media.uri):
        yield FieldViolation(
            f"{path}.uri", "must be an https, gs or s3 URI that the provider can fetch; else send data"
        )
    if source != "file_id" and not MIME_TYPE.fullmatch(media.mime_type):
        yield FieldViolation(f"{path}.mime_type", "must be a media type such as image/png")


def tool_result_violations(messages: Iterable[message_pb2.ChatMessage]) -> Violations:
    """Refuse results that answer no call before them."""
    called: set[str] = set()
    for index, message in enumerate(messages):
        if message.role not in (message_pb2.ROLE_ASSISTANT, message_pb2.ROLE_TOOL):
            continue
        for part_index, part in enumerate(message.parts):
            if part.HasField("tool_call"):
                called.add(part.tool_call.id)
            elif part.tool_result.tool_call_id and part.tool_result.tool_call_id not in called:
                path = f"messages[{index}].parts[{part_index}].tool_result.tool_call_id"
                yield FieldViolation(path, "answers no tool call of an assistant message before it")


def tools_violations(request: generation_pb2.GenerateRequest, limits: LimitSettings) -> Violations:
    if len(request.tools) > limits.tool_count:
        yield FieldViolation("tools", f"must hold at most {limits.tool_count}, not {len(request.tools)}")
        return
    names: set[str] = set()
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        kind = tool.WhichOneof("kind")
        if kind == "function":
            yield from function_violations(f"{path}.function", tool.function, limits)
            name = tool.function.name
        elif kind == "custom":
            yield from tool_name_violations(f"{path}.custom.name", tool.custom.name)
            name = tool.custom.name
        elif kind == "provider_tool":
            yield from provider_tool_violations(f"{path}.provider_tool", tool.provider_tool, limits)
            name = ""
        else:
            yield FieldViolation(path, "must hold function, custom or provider_tool")
            continue
        if name and name in names:
            yield FieldViolation(f"{path}.{kind}.name", "is the name of an earlier tool: names must differ")
        names.add(name)
    if request.HasField("tool_choice"):
        yield from tool_choice_violations(request, names)


def function_violations(path: str, function: tool_pb2.FunctionTool, limits: LimitSettings) -> Violations:
    yield from tool_name_violations(f"{path}.name", function.name)
    if function.input_schema_json:
        yield from json_object_violations(f"{path}.input_schema_json", function.input_schema_json, limits)


def provider_tool_violations(path: str, tool: tool_pb2.ProviderTool, limits: LimitSettings) -> Violations:
    if not tool.dialect:
        yield FieldViolation(f"{path}.dialect", "is required")
    if not tool.type:
        yield FieldViolation(f"{path}.type", "is required")
    if tool.config_json:
        yield from json_object_violations(f"{path}.config_json", tool.config_json, limits)


def tool_name_violations(path: str, name: str) -> Violations:
    if not TOOL_NAME.fullmatch(name):
        yield FieldViolation(path, "must be 1 to 128 of the characters a-z A-Z 0-9 _ . : -")


def tool_choice_violations(request: generation_pb2.GenerateRequest, names: set[str]) -> Violations:
    choice = request.tool_choice
    if choice.mode not in tool_pb2.ToolChoice.Mode.values():
        yield unknown_number("tool_choice.mode", choice.mode)
    if choice.mode == tool_pb2.ToolChoice.MODE_REQUIRED and not request.tools:
        yield FieldViolation("tool_choice.mode", "requires a tool call, but there are no tools")
    if choice.allowed_tool_names and choice.mode == tool_pb2.ToolChoice.MODE_NONE:
        yield FieldViolation("tool_choice.allowed_tool_names", "makes no sense with MODE_NONE")
    for index, name in enumerate(choice.allowed_tool_names):
        if name not in names:
            yield FieldViolation(f"tool_choice.allowed_tool_names[{index}]", "names no tool of this request")


def sampling_violations(sampling: generation_pb2.Sampling) -> Violations:
    for name, least, most in RANGES:
        value = getattr(sampling, name)  # 0 if unset, which every range holds
        if not least <= value <= most:  # also refuses NaN
            yield from within(f"sampling.{name}", value, least, most)
    if sampling.HasField("top_p") and not 0.0 < sampling.top_p <= 1.0:
        yield FieldViolation("sampling.top_p", f"must be above 0 and at most 1, not {sampling.top_p:g}")
    if sampling.HasField("top_k") and sampling.top_k < 1:
        yield FieldViolation("sampling.top_k", "must be at least 1")
    if len(sampling.stop_sequences) > MAX_STOP_SEQUENCES:
        count = len(sampling.stop_sequences)
        yield FieldViolation("sampling.stop_sequences", f"must hold at most {MAX_STOP_SEQUENCES}, not {count}")
    elif any(not sequence for sequence in sampling.stop_sequences):
        yield FieldViolation("sampling.stop_sequences", "must not hold an empty text")
    for token, bias in sampling.logit_bias.items() if sampling.logit_bias else ():
        yield from within(f"sampling.logit_bias[{token}]", bias, -100, 100)


def output_format_violations(output: generation_pb2.OutputFormat, limits: LimitSettings) -> Violations:
    kind = output.WhichOneof("format")
    if kind is None:
        yield FieldViolation("output_format.format", "is required: json_object, json_schema or grammar")
    elif kind == "json_schema":
        schema = output.json_schema
        if not SCHEMA_NAME.fullmatch(schema.name):
            yield FieldViolation("output_format.json_schema.name", "must be at most 64 of a-z A-Z 0-9 _ -")
        yield from json_object_violations("output_format.json_schema.schema_json", schema.schema_json, limits)
    elif kind == "grammar" and not (output.grammar.syntax and output.grammar.definition):
        yield FieldViolation("output_format.grammar", "must have both syntax and definition")


def reasoning_violations(reasoning: generation_pb2.ReasoningOptions) -> Violations:
    if reasoning.HasField("max_token_count"):
        if reasoning.max_token_count < 0:
            yield FieldViolation("reasoning.max_token_count", "must not be negative")
        if reasoning.effort:
            yield FieldViolation("reasoning.max_token_count", "excludes effort: send one or the other")


def cache_policy_violations(policy: cache_pb2.CachePolicy) -> Violations:
    if policy.mode not in cache_pb2.CachePolicy.Mode.values():
        yield unknown_number("cache_policy.mode", policy.mode)
    if policy.scope not in cache_pb2.CachePolicy.Scope.values():
        yield unknown_number("cache_policy.scope", policy.scope)
    if policy.HasField("max_age") and policy.max_age.ToTimedelta().total_seconds() < 0:
        yield FieldViolation("cache_policy.max_age", "must not be negative")
    if policy.HasField("min_similarity"):
        yield from within("cache_policy.min_similarity", policy.min_similarity, 0, 1)


def label_violations(labels: Mapping[str, str]) -> Violations:
    if len(labels) > MAX_LABELS:
        yield FieldViolation("labels", f"must hold at most {MAX_LABELS}, not {len(labels)}")
    for key, value in labels.items():
        if not 1 <= len(key) <= MAX_LABEL_KEY_CHARACTERS:
            yield FieldViolation("labels", f"must have keys of 1 to {MAX_LABEL_KEY_CHARACTERS} characters")
        if len(value) > MAX_LABEL_VALUE_CHARACTERS:
            yield FieldViolation(f"labels[{key[:64]}]", f"must have at most {MAX_LABEL_VALUE_CHARACTERS} characters")


def token_ids_violations(path: str, tokens: generation_pb2.TokenIds) -> Violations:
    if not tokens.ids:
        yield FieldViolation(f"{path}.ids", "must hold at least one token")
    elif min(tokens.ids) < 0:
        yield FieldViolation(f"{path}.ids", "must not hold negative numbers")


def json_object_map_violations(path: str, values: Mapping[str, str], limits: LimitSettings) -> Violations:
    for key, text in values.items():
        yield from json_object_violations(f'{path}["{key[:64]}"]', text, limits)


def json_object_violations(path: str, text: str, limits: LimitSettings) -> Violations:
    value, violation = read_json(path, text, limits)
    if violation is not None:
        yield violation
    elif not isinstance(value, dict):
        yield FieldViolation(path, "must be a JSON object")


def json_violations(path: str, text: str, limits: LimitSettings) -> Violations:
    violation = read_json(path, text, limits)[1]
    if violation is not None:
        yield violation


def read_json(path: str, text: str, limits: LimitSettings) -> tuple[object, FieldViolation | None]:
    try:
        value: object = msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        return None, FieldViolation(path, f"is not valid JSON: {error}")
    except RecursionError:
        return None, FieldViolation(path, f"nests deeper than {limits.json_depth} levels")
    if nests_deeper(value, limits.json_depth):
        return None, FieldViolation(path, f"nests deeper than {limits.json_depth} levels")
    return value, None


def nests_deeper(value: object, depth: int) -> bool:
    """Whether a decoded JSON value has more than `depth` levels of objects and arrays."""
    level: list[object] = [value]
    for _ in range(depth):
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def within(path: str, value: float, least: float, most: float) -> Violations:
    if not least <= value <= most:  # also refuses NaN
        yield FieldViolation(path, f"must be {least:g} to {most:g}, not {value:g}")


def unknown_number(path: str, number: int) -> FieldViolation:
    return FieldViolation(path, f"has the unknown value {number}: see the contract for those that are known")
