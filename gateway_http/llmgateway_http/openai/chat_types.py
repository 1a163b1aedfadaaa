"""The body of `POST /v1/chat/completions`, after OpenAI's API reference (2026-11) and what its clients send.

Members of an object that allows others (the body, a message, a part, a tool, a tool call) travel to the
provider if unknown; in all other objects an unknown member is refused by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from llmgateway_http.openai.routing import ProviderPreferences

INT32_MAX = 2**31 - 1
INT64_MAX = 2**63 - 1

Int32 = Annotated[int, Meta(ge=-INT32_MAX - 1, le=INT32_MAX)]
Int64 = Annotated[int, Meta(ge=-INT64_MAX - 1, le=INT64_MAX)]
PositiveInt32 = Annotated[int, Meta(ge=1, le=INT32_MAX)]
TokenId = Annotated[int, Meta(ge=0, le=INT32_MAX)]
CandidateCount = Annotated[int, Meta(ge=1, le=128)]
Temperature = Annotated[float, Meta(ge=0, le=2)]
TopP = Annotated[float, Meta(ge=0, le=1)]
Penalty = Annotated[float, Meta(ge=-2, le=2)]
JsonObject = dict[str, Any]  # Any: decoded JSON that is passed on as it is


class ImageUrl(Struct, forbid_unknown_fields=True):
    """Where an image is: an `https` URL that the provider fetches, or a `data:` URL."""

    url: str
    detail: str | None = None


class InputAudio(Struct, forbid_unknown_fields=True):
    """Audio as base64, in `wav`, `mp3` or what else the provider reads."""

    data: str
    format: str


class File(Struct, forbid_unknown_fields=True):
    """A document: a `data:` URL, or the id of one that the provider holds."""

    filename: str | None = None
    file_data: str | None = None
    file_id: str | None = None


class ContentPart(Struct):
    """A piece of a message. One of a type unknown here goes to providers of OpenAI's dialect as it is."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: ImageUrl | None = None
    input_audio: InputAudio | None = None
    file: File | None = None
    prompt_cache_breakpoint: JsonObject | None = None


class CalledFunction(Struct):
    """A function that the model called; `arguments` is JSON text, as the model wrote it."""

    name: str
    arguments: str = ""


class CalledCustomTool(Struct):
    """A custom tool that the model called, with free text."""

    name: str
    input: str = ""


class MessageToolCall(Struct):
    """A tool call of an assistant message."""

    id: str
    type: str = "function"
    function: CalledFunction | None = None
    custom: CalledCustomTool | None = None


class AudioReference(Struct):
    """An earlier audio answer, by its id; its data need not be sent back and is not passed on."""

    id: str


class ProviderPart(Struct, forbid_unknown_fields=True):
    """A call, result or block of a provider's own, as the gateway gave it: send it back unchanged, or leave it out."""

    part: JsonObject
    part_index: Annotated[int, Meta(ge=0, le=INT32_MAX)] = 0
    index: Int32 = 0


class Message(Struct):
    """One turn of the conversation."""

    role: str
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[MessageToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    audio: AudioReference | None = None
    annotations: list[JsonObject] | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    """The same as `reasoning_content`, as some providers name it."""
    provider_parts: list[ProviderPart] | None = None


class FunctionDefinition(Struct, forbid_unknown_fields=True):
    """A function that the model may call; `parameters` is a JSON Schema."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None


class GrammarDefinition(Struct, forbid_unknown_fields=True):
    """A formal grammar in the notation `lark` or `regex`."""

    syntax: str
    definition: str


class CustomToolFormat(Struct, forbid_unknown_fields=True):
    """What the input of a custom tool looks like: `text`, or `grammar` with a grammar."""

    type: str
    grammar: GrammarDefinition | None = None


class CustomToolDefinition(Struct, forbid_unknown_fields=True):
    """A tool that takes free text."""

    name: str
    description: str | None = None
    format: CustomToolFormat | None = None


class ToolDefinition(Struct):
    """Something that the model may call. One of a type unknown here is the provider's own."""

    type: str
    function: FunctionDefinition | None = None
    custom: CustomToolDefinition | None = None


class NamedTool(Struct, forbid_unknown_fields=True):
    """A tool by its name."""

    name: str


class AllowedTool(Struct, forbid_unknown_fields=True):
    """One of the tools that may be called."""

    type: str
    function: NamedTool | None = None
    custom: NamedTool | None = None


class AllowedTools(Struct, forbid_unknown_fields=True):
    """The only tools that may be called; `mode` is `auto` or `required`."""

    mode: str
    tools: list[AllowedTool]


class ToolChoiceObject(Struct, forbid_unknown_fields=True):
    """Which tool must, or which ones may, be called."""

    type: str
    function: NamedTool | None = None
    custom: NamedTool | None = None
    allowed_tools: AllowedTools | None = None


class JsonSchemaDefinition(Struct, forbid_unknown_fields=True):
    """What the answer must look like."""

    name: str
    description: str | None = None
    schema: JsonObject | None = None
    strict: bool | None = None


class ResponseFormat(Struct):
    """`text`, `json_object`, `json_schema`, or a provider's own type, which is passed on as it is."""

    type: str
    json_schema: JsonSchemaDefinition | None = None


class StreamOptions(Struct, forbid_unknown_fields=True):
    """`include_usage` asks for a last chunk with the usage."""

    include_usage: bool | None = None
    include_obfuscation: bool | None = None


class AudioFormat(Struct, forbid_unknown_fields=True):
    """How audio is to sound; a custom voice is an object with an id."""

    format: str
    voice: str | JsonObject


class ChatRequest(Struct):
    """The body of a chat completion."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    model: str | None = None
    audio: AudioFormat | None = None
    frequency_penalty: Penalty | None = None
    logit_bias: dict[str, Annotated[float, Meta(ge=-100, le=100)]] | None = None
    logprobs: bool | None = None
    max_completion_tokens: PositiveInt32 | None = None
    max_tokens: PositiveInt32 | None = None
    metadata: dict[str, str] | None = None
    modalities: list[str] | None = None
    models: Annotated[list[str], Meta(max_length=17)] | None = None
    """The gateway's own: models or routes to try one after another, as OpenRouter names it."""
    moderation: JsonObject | None = None
    n: CandidateCount | None = None
    parallel_tool_calls: bool | None = None
    prediction: JsonObject | None = None
    presence_penalty: Penalty | None = None
    prompt_cache_key: str | None = None
    prompt_cache_options: JsonObject | None = None
    prompt_cache_retention: str | None = None
    provider: ProviderPreferences | None = None
    """The gateway's own: which providers to prefer, as OpenRouter names it."""
    provider_options_json: JsonObject | None = None
    """By dialect, an object (or its JSON text) merged into the body of a provider that speaks it."""
    reasoning_effort: str | None = None
    response_format: ResponseFormat | None = None
    safety_identifier: str | None = None
    seed: Int64 | None = None
    service_tier: str | None = None
    stop: str | list[str] | None = None
    store: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    temperature: Temperature | None = None
    tool_choice: str | ToolChoiceObject | None = None
    tools: list[ToolDefinition] | None = None
    top_logprobs: Annotated[int, Meta(ge=0, le=20)] | None = None
    top_p: TopP | None = None
    unsupported_policy: Literal["refuse", "drop"] | None = None
    """The gateway's own: what to do with what a model cannot do, as in the contract."""
    user: str | None = None
    verbosity: str | None = None
    web_search_options: JsonObject | None = None


# Members that the contract has no field for: sent to providers of OpenAI's dialect as they are.
PASSED_ON = frozenset(
    {"moderation", "prediction", "prompt_cache_options", "safety_identifier", "verbosity", "web_search_options"}
)
