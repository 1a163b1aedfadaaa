"""How a provider that speaks the Anthropic dialect, or the models it offers, differ from the newest of Anthropic's own.

default_max_tokens   `max_tokens` where the caller gave none: the format wants one
sampling             which sampling parameters it takes: `all`, `one` of temperature and top_p, or `none`
effort               how an effort is asked for: `adaptive` (with adaptive thinking), `plain` (`output_config.effort`
                     alone, Opus 4.5), or `none` (before it)
thinking_budget      whether `thinking.budget_tokens` may be given (not after Opus 4.6)
output_schema        whether it takes `output_config.format`
later_system         whether a system message may stand behind a user's turn (from Opus 4.8 on)
unsupported          members of the body that it refuses, for example `service_tier`
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


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
