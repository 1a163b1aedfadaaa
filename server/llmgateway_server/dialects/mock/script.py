"""From a request to what will happen, when: the steps that `upstream/mock.py` plays. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from llmgateway.v1 import call_pb2, embedding_pb2, generation_pb2

from llmgateway_server import errors
from llmgateway_server.dialects.mock.answer import check_served, find_empty_parts, missing, plan_answer
from llmgateway_server.dialects.mock.events import read_events
from llmgateway_server.dialects.mock.faults import make_fault, make_truncation
from llmgateway_server.dialects.mock.models import Habit, MockModel
from llmgateway_server.dialects.mock.options import ErrorOptions, Options, OptionsError, overlay, read_options_json
from llmgateway_server.dialects.mock.timeline import Identity, Step, make_event_steps, make_steps

OPTIONS_FIELD = 'provider_options_json["mock"]'
# What a script may say to `Embed`: the rest is about text.
EMBED_FIELDS = frozenset({"latency", "error", "usage"})


@dataclass(frozen=True, slots=True)
class Script:
    """One answer over time. After the last step comes `failure`, where there is one."""

    steps: Sequence[Step]
    failure: errors.CallError | None = None
    warnings: Sequence[call_pb2.Warning] = field(default=())


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: the provider's name, the model and its name, and the configuration's script."""

    provider: str
    name: str
    model: MockModel
    options: Options


def write_script(request: generation_pb2.GenerateRequest, cast: Cast) -> Script:
    """Return what happens on `request`. Raise `InvalidField` for a bad script, `CapabilityMissing`."""
    if cast.model.habit is Habit.EMBED:
        raise missing(
            "generate", f"{cast.provider}/{cast.name} writes vectors only. Name another model, or call Embed."
        )
    script = overlay(cast.options, call_options(request.provider_options_json))
    options = overlay(cast.model.options, script)
    warnings = [*check_served(request), *find_empty_parts(request)]
    failure, token_count = find_failure(cast, options)
    if failure is not None and token_count == 0:
        return Script([Step(options.latency or 0.0)], failure, warnings)
    identity = Identity.of(cast.provider, cast.name, request)
    if options.events is not None:
        try:
            events = read_events(options.events, is_whole=failure is None)
        except ValueError as error:
            # Each script was right by itself: one has the events, the other took away what broke them off.
            raise errors.InvalidField([errors.FieldViolation(OPTIONS_FIELD, str(error))]) from error
        return Script(make_event_steps(request, events, options, identity, token_count), failure, warnings)
    answer = plan_answer(request, cast.model, script)
    steps = make_steps(request, answer, options, identity, token_count)
    return Script(steps, failure, warnings)


def find_failure(cast: Cast, options: Options) -> tuple[errors.CallError | None, int | None]:
    """Return how an answer fails, and after how many tokens of each candidate; None where it does not."""
    failures: list[tuple[int, errors.CallError]] = []
    if options.error is not None:
        failures.append((options.error.after_token_count, make_error(cast, options.error)))
    if options.cut_after_token_count is not None:
        failures.append((options.cut_after_token_count, make_truncation(cast.provider)))
    if not failures:
        return None, None
    token_count, failure = min(failures, key=lambda entry: entry[0])
    return failure, token_count


def make_error(cast: Cast, error: ErrorOptions) -> errors.CallError:
    """Build the failure that a script asks for."""
    return make_fault(
        cast.provider,
        cast.name,
        status=error.status,
        reason=error.reason,
        message=error.message,
        retry_after_s=error.retry_after,
    )


def write_embed_script(request: embedding_pb2.EmbedRequest, cast: Cast) -> tuple[Script, Options]:
    """Return what happens on `request` before the vectors are there, and the options of the call."""
    given = call_options(request.provider_options_json)
    odd = sorted(given.model_fields_set - EMBED_FIELDS)
    if odd:
        name = Options.model_fields[odd[0]].alias or odd[0]
        description = f"says nothing to Embed: it takes {', '.join(sorted(EMBED_FIELDS))}"
        raise errors.InvalidField([errors.FieldViolation(f"{OPTIONS_FIELD}.{name}", description)])
    options = overlay(cast.model.options, overlay(cast.options, given))
    failure = make_error(cast, options.error) if options.error is not None else None
    return Script([Step(options.latency or 0.0)], failure), options


def call_options(provider_options_json: Mapping[str, str]) -> Options:
    """Read the script that a request brings; raise `InvalidField`."""
    script_json = provider_options_json.get("mock")
    if script_json is None:
        return Options()
    try:
        return read_options_json(script_json)
    except OptionsError as error:
        raise errors.InvalidField(
            [
                errors.FieldViolation(f"{OPTIONS_FIELD}.{violation.field}".rstrip("."), violation.description)
                for violation in error.violations
            ]
        ) from error
