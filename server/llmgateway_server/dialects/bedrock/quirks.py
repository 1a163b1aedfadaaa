"""How one provider of the Bedrock dialect differs from the next.

base_models   the foundation model behind a model id that does not name it (an application inference profile, a
              provisioned or imported model), for example `anthropic.claude-sonnet-4-5`: what a model takes beyond
              Converse's own parameters follows from it
claude_api    how Claude is asked: by `converse` like every model, or by `messages`, Anthropic's own format in
              InvokeModel, which has what Converse lacks (tools of the provider, exact counts of tokens)
claude        with `messages`: the quirks of Claude's models, as of the Anthropic dialect
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Quirks:
    """The differences of one provider; the defaults are Bedrock's own ways."""

    base_models: Mapping[str, str] = field(default_factory=dict)
    claude_api: Literal["converse", "messages"] = "converse"
    claude: Mapping[str, Any] = field(default_factory=dict)  # Any: the Anthropic dialect checks them
