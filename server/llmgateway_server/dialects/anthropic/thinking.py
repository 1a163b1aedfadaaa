"""How hard the model thinks, and what it shows of it.

Anthropic's documentation, "Adaptive thinking", "Effort" and "Extended thinking" (read 2026-11-25): an effort goes with
adaptive thinking, a budget of tokens with the extended thinking that came before it.
"""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

from llmgateway_server.dialects.anthropic.target import Target
from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.reading import Json

LEAST_BUDGET = 1024
DISPLAYS = {
    "none": "omitted",
    "omitted": "omitted",
    "concise": "summarized",
    "detailed": "summarized",
    "summarized": "summarized",
}


def add_reasoning(body: Json, request: generation_pb2.GenerateRequest, target: Target) -> None:
    """Add `thinking` and `output_config.effort`."""
    reasoning = request.reasoning
    if reasoning.effort:
        add_effort(body, reasoning.effort, target)
    elif reasoning.HasField("max_token_count"):
        add_budget(body, reasoning.max_token_count, target)
    if reasoning.visibility and reasoning.visibility != "auto":
        add_display(body, reasoning.visibility, target)


def add_effort(body: Json, effort: str, target: Target) -> None:
    """Add an effort; `none` turns thinking off."""
    if effort == "none":
        body["thinking"] = {"type": "disabled"}
    elif effort == "minimal" or target.quirks.effort == "none":
        target.miss("reasoning.effort", ": its efforts begin with low" if effort == "minimal" else "")
    else:
        body["output_config"] = {"effort": effort}
        if target.quirks.effort == "adaptive":
            body["thinking"] = {"type": "adaptive"}


def add_budget(body: Json, budget: int, target: Target) -> None:
    """Add the most tokens to think with; 0 turns thinking off."""
    if budget == 0:
        body["thinking"] = {"type": "disabled"}
    elif not target.quirks.thinking_budget:
        target.miss("reasoning.max_token_count", ": it thinks as hard as reasoning.effort says")
    elif budget < LEAST_BUDGET:
        raise invalid("reasoning.max_token_count", f"must be 0, or at least {LEAST_BUDGET} in the anthropic dialect")
    else:
        body["thinking"] = {"type": "enabled", "budget_tokens": budget}


def add_display(body: Json, visibility: str, target: Target) -> None:
    """Add what is shown of the thoughts, a summary or nothing. Only thinking that is turned on has a place for it."""
    display = DISPLAYS.get(visibility)
    thinking = body.get("thinking", {"type": ""})
    if display is None:
        target.miss("reasoning.visibility", ": it shows a summary of the thoughts, or nothing")
    elif thinking["type"] in ("adaptive", "enabled"):
        thinking["display"] = display
    elif display != "omitted" or thinking["type"] != "disabled":
        target.miss("reasoning.visibility", ": it needs reasoning.effort or reasoning.max_token_count beside it")
