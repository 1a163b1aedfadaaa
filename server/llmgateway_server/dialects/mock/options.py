"""The script that a caller or the configuration gives the mock: what to say, at what pace, and how to fail.

The same members everywhere: `providers.mock.script` in the configuration, for every call, and
`provider_options_json["mock"]` of a request, for that call. A call's members replace the configuration's, which
replace those of the model (`mock/slow` is nothing but `latency: 5s`). `null` takes a member away.

    text: "Hello"              says this                       text_token_count: 500   or so many tokens of lorem
    reasoning: "Hm."           thinks this first               refusal: "I will not."  declines
    tool_calls: [{name: get_weather, arguments: {city: Oslo}}]  calls these: name, arguments | arguments_json | text, id
    json: {"a": 1}             says this value
    latency: 300ms             waits before anything           tokens_per_second: 50   or gap: 20ms, between tokens
    error: {status: 429, message: "Slow down", retry_after: 7s, after_token_count: 3}
    error: {reason: PROVIDER_UNREACHABLE}                      a failure that is no HTTP status
    cut_after_token_count: 10  breaks off as a provider that dies would
    events: [{part_started: {…}}, "CgIIAQ=="]                 sends just these between `started` and `finished`, each a
                               `GenerationEvent` as JSON, or its bytes in base64; pace and breaks then count events
    finish_reason: length      ends for this reason
    usage: {output_token_count: 7}  reports these counts       usage: null             reports no usage

Durations are written as in the configuration, with a unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
from pydantic import Field, ValidationError, model_validator

from llmgateway_server.config.section import FROM_FILE, Duration, Section, Several
from llmgateway_server.dialects.mock.events import read_events
from llmgateway_server.dialects.mock.faults import FAULT_REASONS, STATUS_RANGE
from llmgateway_server.errors import FieldViolation

MAX_TOKEN_COUNT = 1_000_000
INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1

TokenCount = Annotated[int, Field(ge=0, le=MAX_TOKEN_COUNT)]
# Usage may be nonsense on purpose: a provider's can be negative or huge, and the gateway must survive it.
ReportedCount = Annotated[int, Field(ge=INT32_MIN, le=INT32_MAX)]


class OptionsError(ValueError):
    """A script is wrong. `violations` say where, with paths below the script itself."""

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        super().__init__("; ".join(f"{violation.field}: {violation.description}" for violation in violations))
        self.violations = tuple(violations)


class ToolCallOptions(Section):
    """One call. Without any input, arguments are written to fit the tool's schema."""

    name: str = Field(min_length=1)
    id: str | None = None
    arguments: Mapping[str, Any] | None = None  # any JSON object
    arguments_json: str | None = None
    """Sent as it is, valid JSON or not."""
    text: str | None = None
    """The input of a custom tool."""

    @model_validator(mode="after")
    def check_one_input(self) -> ToolCallOptions:
        given = [self.arguments, self.arguments_json, self.text]
        if sum(value is not None for value in given) > 1:
            raise ValueError("takes one of arguments, arguments_json and text")
        return self


class ErrorOptions(Section):
    """A failure: an HTTP status of the provider, or an `ErrorReason` without its prefix."""

    status: int | None = Field(default=None, ge=STATUS_RANGE[0], le=STATUS_RANGE[1])
    reason: str | None = None
    message: str | None = None
    retry_after: Duration | None = None
    after_token_count: TokenCount = 0
    """0 fails before any content."""

    @model_validator(mode="after")
    def check_kind(self) -> ErrorOptions:
        if (self.status is None) == (self.reason is None):
            raise ValueError("takes either status or reason")
        if self.reason is not None and self.reason not in FAULT_REASONS:
            raise ValueError(f"reason must be one of {', '.join(FAULT_REASONS)}")
        return self


class UsageOptions(Section):
    """Counts that replace the true ones; named as the fields of `Usage`."""

    input_token_count: ReportedCount | None = None
    cached_input_token_count: ReportedCount | None = None
    cache_write_input_token_count: ReportedCount | None = None
    long_cache_write_input_token_count: ReportedCount | None = None
    audio_input_token_count: ReportedCount | None = None
    image_input_token_count: ReportedCount | None = None
    tool_input_token_count: ReportedCount | None = None
    output_token_count: ReportedCount | None = None
    reasoning_token_count: ReportedCount | None = None
    audio_output_token_count: ReportedCount | None = None
    image_output_token_count: ReportedCount | None = None
    accepted_prediction_token_count: ReportedCount | None = None
    rejected_prediction_token_count: ReportedCount | None = None
    search_unit_count: ReportedCount | None = None


class Options(Section):
    """A script, or a part of one. Only members that were given count when scripts are laid over one another."""

    text: str | None = None
    text_token_count: TokenCount | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: Several[ToolCallOptions] | None = None
    json_value: Any = Field(default=None, alias="json")  # any JSON value
    events: Several[Any] | None = None  # GenerationEvents as JSON, or their bytes in base64
    latency: Duration | None = None
    tokens_per_second: float | None = Field(default=None, gt=0)
    gap: Duration | None = None
    error: ErrorOptions | None = None
    cut_after_token_count: TokenCount | None = None
    finish_reason: str | None = Field(default=None, min_length=1, max_length=64)
    usage: UsageOptions | None = Field(default_factory=UsageOptions)

    @model_validator(mode="after")
    def check_groups(self) -> Options:
        texts = (self.text, self.text_token_count, self.refusal)
        if self.writes_json + sum(value is not None for value in texts) > 1:
            raise ValueError("takes one of text, text_token_count, refusal and json")
        if self.events is not None:
            self.check_events(self.events)
        if self.tokens_per_second is not None and self.gap is not None:
            raise ValueError("takes either tokens_per_second or gap")
        return self

    def check_events(self, events: Sequence[Any]) -> None:  # any JSON values
        if self.reasoning is not None or self.finish_reason is not None or self.has_other_content:
            raise ValueError("takes either events or what else the model says")
        read_events(events, is_whole=self.error is None and self.cut_after_token_count is None)

    @property
    def gap_s(self) -> float:
        """How long each token takes, in seconds; 0 for all at once."""
        if self.tokens_per_second is not None:
            return 1 / self.tokens_per_second
        return self.gap or 0.0

    @property
    def writes_json(self) -> bool:
        """Whether a JSON value was given, `null` included."""
        return "json_value" in self.model_fields_set

    @property
    def has_content(self) -> bool:
        """Whether it says what to answer, beyond thinking."""
        return self.events is not None or self.has_other_content

    @property
    def has_other_content(self) -> bool:
        """Whether it says what to answer but by events."""
        texts = (self.text, self.text_token_count, self.refusal, self.tool_calls)
        return self.writes_json or any(value is not None for value in texts)


# Members of one answer: a script that gives one of these takes none of the others from the script below it.
ANSWER_FIELDS = frozenset({"text", "text_token_count", "refusal", "tool_calls", "json_value", "events"})
PACE_FIELDS = frozenset({"tokens_per_second", "gap"})


def overlay(below: Options, above: Options) -> Options:
    """Return `below` with the members that `above` gives."""
    given = above.model_fields_set
    dropped = {field for group in (ANSWER_FIELDS, PACE_FIELDS) if given & group for field in group}
    kept = {name: getattr(below, name) for name in below.model_fields_set - dropped - given}
    return Options.model_construct(_fields_set=None, **kept, **{name: getattr(above, name) for name in given})


def read_options(script: Mapping[str, Any]) -> Options:  # any JSON object, straight from YAML
    """Read a script of the configuration; raise `OptionsError`."""
    try:
        return read_options_json(msgspec.json.encode(script))
    except (TypeError, msgspec.MsgspecError) as error:
        raise OptionsError([FieldViolation("", f"must be plain JSON data: {error}")]) from error


def read_options_json(script_json: str | bytes) -> Options:
    """Read a script of a request; raise `OptionsError`, whose fields are paths such as `error.status`."""
    try:
        return Options.model_validate_json(script_json, by_alias=True, by_name=False, context=FROM_FILE)
    except ValidationError as error:
        violations = [
            FieldViolation(path_of(detail["loc"]), describe(detail["type"], detail["msg"]))
            for detail in error.errors(include_url=False, include_context=False, include_input=False)
        ]
        raise OptionsError(violations) from error


def path_of(location: Sequence[int | str]) -> str:
    """Write pydantic's location as a path: `tool_calls[0].name`."""
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}"
    return path.removeprefix(".")


def describe(kind: str, message: str) -> str:
    """Say in a sentence's end what would be right."""
    if kind == "extra_forbidden":
        return f"is not a member of a mock's script: it takes {', '.join(member_names())}, each of its own kind"
    return message.removeprefix("Value error, ")


def member_names() -> list[str]:
    """List the members at the top of a script."""
    return [field.alias or name for name, field in Options.model_fields.items()]
