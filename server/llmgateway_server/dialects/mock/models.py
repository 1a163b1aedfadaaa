"""The models of the mock provider. A model is a habit and a script that the caller may replace."""

from __future__ import annotations

import difflib
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from llmgateway.v1 import model_pb2

from llmgateway_server import errors
from llmgateway_server.dialects.mock.options import ErrorOptions, Options

CONTEXT_TOKEN_COUNT = 1_000_000
LOREM_TOKEN_COUNT = 100
CUT_TOKEN_COUNT = 10
SLOW_LATENCY_S = 5.0
RATE_LIMIT_RETRY_AFTER_S = 1.0


class Habit(enum.Enum):
    """What a model does where its script does not say."""

    ECHO = "repeats the last user text"
    CALL = "calls a tool, then repeats its result"
    JSON = "writes JSON"
    EMBED = "writes vectors only"
    RERANK = "sorts documents only"


@dataclass(frozen=True, slots=True)
class MockModel:
    """One model: its habit, and the script that the configuration's and the call's are laid over."""

    habit: Habit = Habit.ECHO
    options: Options = field(default_factory=Options)


def make_models() -> Mapping[str, MockModel]:
    """Return every model by its name."""
    lorem = Options(text_token_count=LOREM_TOKEN_COUNT)
    return {
        "echo": MockModel(),
        "lorem": MockModel(options=lorem),
        "tool": MockModel(Habit.CALL),
        "json": MockModel(Habit.JSON),
        "slow": MockModel(options=Options(text_token_count=LOREM_TOKEN_COUNT, latency=SLOW_LATENCY_S)),
        "cut": MockModel(options=Options(text_token_count=LOREM_TOKEN_COUNT, cut_after_token_count=CUT_TOKEN_COUNT)),
        "error-429": MockModel(options=Options(error=ErrorOptions(status=429, retry_after=RATE_LIMIT_RETRY_AFTER_S))),
        "error-500": MockModel(options=Options(error=ErrorOptions(status=500))),
        "error-503": MockModel(options=Options(error=ErrorOptions(status=503))),
        "embed": MockModel(Habit.EMBED),
        "rerank": MockModel(Habit.RERANK),
    }


def find_model(models: Mapping[str, MockModel], provider: str, name: str) -> MockModel:
    """Return the model called `name`; raise `ModelNotFound` with the nearest name."""
    model = models.get(name)
    if model is not None:
        return model
    near = difflib.get_close_matches(name[:100], models, n=1, cutoff=0.3)
    nearest = f"{provider}/{near[0]}" if near else ""
    hint = f" Did you mean {nearest}?" if nearest else ""
    raise errors.ModelNotFound(
        f"{provider} has no model {name[:100]!r}.{hint} It has {', '.join(models)}.",
        metadata={"model": f"{provider}/{name[:100]}", "nearest": nearest},
    )


def describe_model(name: str, model: MockModel) -> model_pb2.Model:
    """Return a model as `ListModels` shows it."""
    can = model_pb2.Model
    if model.habit is Habit.EMBED:
        capabilities = [can.CAPABILITY_EMBED]
    elif model.habit is Habit.RERANK:
        capabilities = [can.CAPABILITY_RERANK]
    else:
        capabilities = [
            can.CAPABILITY_GENERATE,
            can.CAPABILITY_EMBED,
            can.CAPABILITY_TOOLS,
            can.CAPABILITY_PARALLEL_TOOLS,
            can.CAPABILITY_JSON_SCHEMA,
            can.CAPABILITY_REASONING,
        ]
    return model_pb2.Model(
        id=name,
        capabilities=capabilities,
        context_token_count=CONTEXT_TOKEN_COUNT,
        input_modalities=["text", "image", "audio", "video", "document"],
        output_modalities=["text"] if model.habit not in (Habit.EMBED, Habit.RERANK) else [],
    )
