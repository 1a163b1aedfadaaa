"""What families of models take beyond what Converse itself takes of all of them.

Sources, read 2026-11-25: the Amazon Bedrock User Guide ("Inference request parameters and response fields for
foundation models": Anthropic Claude, Cohere Command R, Mistral AI, OpenAI; "Adaptive thinking"; "Extended
thinking"), the Amazon Nova User Guides ("Complete request schema", "Extended thinking"), the API reference
(ToolResultBlock), and Anthropic's "What's new in Claude 4.7" for what newer Claude models no longer take.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from llmgateway_server.dialects.bedrock.quirks import Quirks

# The geography of an inference profile before the name of the model: `us.`, `apac.`, `global.`
GEOGRAPHY = re.compile(r"(?:[a-z]{2}|us-gov|apac|global)\.")


@dataclass(frozen=True, slots=True)
class Family:
    """Models whose names begin alike, and what they take.

    model_fields        where a sampling parameter lies in `additionalModelRequestFields`
    samples             whether temperature and top_p may be set at all
    samples_by_one      whether only one of them may be
    reasoning           how thinking is asked for; empty: it cannot be
    has_result_status   whether a tool result may say that it failed
    plain_reasoning     whether thoughts without a signature go back to it
    defines_tools       whether it defines tools of its own, named in `additionalModelRequestFields`
    """

    prefix: str
    model_fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    samples: bool = True
    samples_by_one: bool = False
    reasoning: Literal["", "budget", "budget or adaptive", "adaptive", "nova", "openai"] = ""
    has_result_status: bool = False
    plain_reasoning: bool = False
    defines_tools: bool = False


def claude(
    name: str,
    reasoning: Literal["", "budget", "budget or adaptive", "adaptive"] = "",
    *,
    samples: bool = True,
    samples_by_one: bool = False,
) -> Family:
    """Return a row of Anthropic's."""
    return Family(
        f"anthropic.claude{name}",
        {"top_k": ("top_k",)} if samples else {},
        samples=samples,
        samples_by_one=samples_by_one,
        reasoning=reasoning,
        has_result_status=True,
        defines_tools=True,
    )


NOVA_TOP_K = {"top_k": ("inferenceConfig", "topK")}
PENALTIES = {name: (name,) for name in ("frequency_penalty", "presence_penalty", "seed")}

# The first row that fits is taken. A Claude that has none of its own is newer than the table: it thinks adaptively,
# and its sampling cannot be set.
FAMILIES = (
    claude("-3-7", "budget"),
    claude("-3"),
    claude("-v2"),
    claude("-instant"),
    claude("-opus-4-2025", "budget"),
    claude("-sonnet-4-2025", "budget"),
    claude("-opus-4-1", "budget"),
    claude("-opus-4-5", "budget", samples_by_one=True),
    claude("-sonnet-4-5", "budget", samples_by_one=True),
    claude("-haiku-4-5", "budget", samples_by_one=True),
    claude("-opus-4-6", "budget or adaptive", samples_by_one=True),
    claude("-sonnet-4-6", "budget or adaptive", samples_by_one=True),
    claude("", "adaptive", samples=False),
    Family("amazon.nova-2", NOVA_TOP_K, reasoning="nova", has_result_status=True),
    Family("amazon.nova", NOVA_TOP_K, has_result_status=True),
    Family("cohere.command-r", {"top_k": ("k",), **PENALTIES}),
    Family("mistral.mistral-7b", {"top_k": ("top_k",)}),
    Family("mistral.mixtral", {"top_k": ("top_k",)}),
    Family("openai.", PENALTIES, reasoning="openai", plain_reasoning=True),
)
# Models of Claude for which Bedrock counts no tokens.
UNCOUNTED = tuple(f"anthropic.claude-{name}" for name in ("3-haiku", "3-sonnet", "3-opus", "v2", "instant"))
# A model without a row takes what Converse itself takes of all.
PLAIN = Family("")
# An id that names no model says nothing of what it takes: what Converse documents for some is left to the provider.
UNKNOWN = Family("", has_result_status=True)


def base_model(model: str, quirks: Quirks) -> str:
    """Return the foundation model's name in a model id: without ARN and geography."""
    named = quirks.base_models.get(model) or model
    return without_geography(named.rpartition("/")[2])


def without_geography(name: str) -> str:
    """Return the model's own id in that of an inference profile for several regions."""
    geography = GEOGRAPHY.match(name)
    return name[geography.end() :] if geography else name


def counts_tokens(base: str) -> bool:
    """Whether Bedrock counts tokens for a foundation model: Claude's from 3.5 on (User Guide, "Count tokens").

    It names those of then; newer ones of Claude are taken to be counted, too, as they have been so far.
    """
    return base.startswith("anthropic.claude-") and not base.startswith(UNCOUNTED)


def family_of(model: str, quirks: Quirks) -> Family:
    """Return what is known of a model."""
    name = base_model(model, quirks)
    for family in FAMILIES:
        if name.startswith(family.prefix):
            return family
    return PLAIN if "." in name else UNKNOWN
