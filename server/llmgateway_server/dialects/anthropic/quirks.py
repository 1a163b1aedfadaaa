"""How a provider that speaks the Anthropic dialect, or a model of it, differs from the format's own ways.

default_max_tokens   `max_tokens` where the caller gave none: the format wants one
sampling             which sampling parameters it takes: `all`, `one` of temperature and top_p, or `none`
effort               how an effort is asked for: `adaptive` (with adaptive thinking, from Opus 4.6 on), `plain`
                     (`output_config.effort` alone, Opus 4.5), or `none` (before it)
thinking_budget      whether `thinking.budget_tokens` may be given (not after Opus 4.6)
output_schema        whether it takes `output_config.format` (from the models 4.5 on)
later_system         whether a system message may stand behind a user's turn (from Opus 4.8 on)
unsupported          members of the body that it refuses, for example `service_tier`
host                 who serves it: `anthropic`, `vertex` (Google's Vertex AI) or `bedrock` (Amazon's InvokeModel)
by_model             how models differ from all that, by how their names begin; the longest beginning counts
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Literal


@dataclass(frozen=True, slots=True)
class ModelQuirks:
    """The differences of some models; what is unset is as the provider's."""

    default_max_tokens: int | None = None
    sampling: Literal["all", "one", "none"] | None = None
    effort: Literal["adaptive", "plain", "none"] | None = None
    thinking_budget: bool | None = None
    output_schema: bool | None = None
    later_system: bool | None = None
    unsupported: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Quirks:
    """The differences of one provider."""

    default_max_tokens: int = 32_000
    sampling: Literal["all", "one", "none"] = "all"
    effort: Literal["adaptive", "plain", "none"] = "adaptive"
    thinking_budget: bool = True
    output_schema: bool = True
    later_system: bool = False
    unsupported: frozenset[str] = frozenset()
    host: Literal["anthropic", "vertex", "bedrock"] = "anthropic"
    by_model: Mapping[str, ModelQuirks] = field(default_factory=dict)


def quirks_by_model(quirks: Quirks) -> list[tuple[str, Quirks]]:
    """Return the quirks of models, by how their names begin, the longest beginning first."""
    merged = []
    for beginning, own in quirks.by_model.items():
        values = {member.name: getattr(own, member.name) for member in fields(own)}
        known = {name: value for name, value in values.items() if value is not None}
        merged.append((beginning, replace(quirks, **known)))
    return sorted(merged, key=lambda entry: -len(entry[0]))
