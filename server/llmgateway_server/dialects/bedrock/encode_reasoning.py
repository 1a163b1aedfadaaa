"""How a model is to think: each family has a way of its own (sources in `families`). Pure."""

from __future__ import annotations

from llmgateway.v1 import generation_pb2

from llmgateway_server.dialects.bedrock.families import Family
from llmgateway_server.dialects.gaps import Gaps, invalid
from llmgateway_server.dialects.reading import Json

Options = generation_pb2.ReasoningOptions

LEAST_BUDGET = 1024
CLAUDE_EFFORTS = ("low", "medium", "high", "xhigh", "max")
EFFORTS = ("low", "medium", "high")
# What Claude calls each way to show thoughts. It shows summaries, never the whole.
DISPLAYS = {
    "none": "omitted",
    "omitted": "omitted",
    "auto": "summarized",
    "concise": "summarized",
    "detailed": "summarized",
    "summarized": "summarized",
}


def add_reasoning(asked: Options, family: Family, fields: Json, output: Json, gaps: Gaps) -> None:
    """Add how to think to the model's own fields, and how hard to `outputConfig`."""
    if family.reasoning == "nova":
        add_nova(asked, fields, gaps)
    elif family.reasoning == "openai":
        add_openai(asked, fields, gaps)
    elif family.reasoning:
        add_thinking(asked, family, fields, output, gaps)
    else:
        for name in ("effort", "max_token_count", "visibility"):
            if asked.HasField("max_token_count") if name == "max_token_count" else getattr(asked, name):
                gaps.miss(f"reasoning.{name}")


def add_thinking(asked: Options, family: Family, fields: Json, output: Json, gaps: Gaps) -> None:
    """Add Claude's thinking: off, by a budget, or adaptive with an effort."""
    thinking: Json = {}
    if asked.effort == "none" or (asked.HasField("max_token_count") and not asked.max_token_count):
        thinking["type"] = "disabled"
    elif asked.HasField("max_token_count") and family.reasoning == "adaptive":
        gaps.miss("reasoning.max_token_count", ": it thinks as hard as reasoning.effort says")
    elif asked.HasField("max_token_count"):
        if asked.max_token_count < LEAST_BUDGET:
            raise invalid("reasoning.max_token_count", f"must be 0 or at least {LEAST_BUDGET} for Claude")
        thinking.update(type="enabled", budget_tokens=asked.max_token_count)
    elif asked.effort and family.reasoning == "budget":
        gaps.miss("reasoning.effort", ": it thinks as long as reasoning.max_token_count says")
    elif asked.effort in CLAUDE_EFFORTS:
        thinking["type"] = "adaptive"
        output["effort"] = asked.effort
    elif asked.effort:
        gaps.miss("reasoning.effort", f" other than none, {', '.join(CLAUDE_EFFORTS)}")
    if asked.visibility:
        add_display(asked, family, thinking, gaps)
    if thinking:
        fields["thinking"] = thinking


def add_display(asked: Options, family: Family, thinking: Json, gaps: Gaps) -> None:
    """Add what to show of the thoughts."""
    display = DISPLAYS.get(asked.visibility)
    if thinking.get("type") == "disabled":
        return  # there are no thoughts to show
    if family.reasoning == "budget" or not thinking:
        gaps.miss("reasoning.visibility", "" if thinking else " without an effort or a budget")
    elif display is None:
        gaps.miss("reasoning.visibility", f" other than {', '.join(DISPLAYS)}")
    else:
        thinking["display"] = display


def add_nova(asked: Options, fields: Json, gaps: Gaps) -> None:
    """Add the extended thinking of Nova 2: off, or with an effort."""
    if asked.effort == "none" or (asked.HasField("max_token_count") and not asked.max_token_count):
        fields["reasoningConfig"] = {"type": "disabled"}
    elif asked.effort in EFFORTS:
        fields["reasoningConfig"] = {"type": "enabled", "maxReasoningEffort": asked.effort}
    elif asked.effort:
        gaps.miss("reasoning.effort", f" other than none, {', '.join(EFFORTS)}")
    if asked.max_token_count:
        gaps.miss("reasoning.max_token_count", " other than 0")
    if asked.visibility:
        gaps.miss("reasoning.visibility")


def add_openai(asked: Options, fields: Json, gaps: Gaps) -> None:
    """Add the effort of OpenAI's open models."""
    if asked.effort in EFFORTS:
        fields["reasoning_effort"] = asked.effort
    elif asked.effort:
        gaps.miss("reasoning.effort", f" other than {', '.join(EFFORTS)}")
    if asked.HasField("max_token_count"):
        gaps.miss("reasoning.max_token_count")
    if asked.visibility:
        gaps.miss("reasoning.visibility")
