"""How a provider that speaks the OpenAI dialect differs from OpenAI itself. Names and meanings:

max_tokens_field     the member that limits the output: `max_completion_tokens` or `max_tokens`
developer_role       whether `developer` is a role; if not, it is sent as `system`
stream_usage         whether `stream_options.include_usage` may be asked for
reasoning_field      the member of an assistant message that takes its thoughts back; empty: none
seed_field           the member for the seed, `random_seed` at Mistral; empty: none
extra_sampling       sampling parameters beyond OpenAI's that it takes: `top_k`, `min_p`
max_stop_sequences   how many stop sequences it takes; 0: it does not say
grammar              whether it takes a grammar as an output format (`guided_grammar`)
unsupported          members of OpenAI's that it refuses, for example `logit_bias`
nine_character_ids   whether ids of tool calls must be nine letters and digits (Mistral)
tool_result_media    whether results of tools may hold media; if not, text alone (OpenAI's own API)
custom_tools         whether it has tools with free-text input
allowed_tools        whether `tool_choice` may name several tools; if not, only those are sent
efforts              the words that `reasoning_effort` may be; empty: any
azure                whether paths are Azure OpenAI's
api_version          Azure: the version of its dated API, in every path; empty: its v1 API, which has none
deployments          Azure: the deployment for a model; one that is not here is its own
parameters_required  whether a function must say its parameters, also where it has none
token_inputs         whether embeddings take token ids in place of text
dimensions_field     the member of embeddings for how long vectors are to be, `output_dimension` at Mistral
option_members       members of the gateway's own that a caller may set all the same, by provider options
mistral_parts        whether media and thoughts go into messages as Mistral has them
output_excludes_reasoning   whether its completion tokens leave reasoning out (xAI)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Quirks:
    """The differences of one provider; the defaults are OpenAI's own ways."""

    max_tokens_field: Literal["max_completion_tokens", "max_tokens"] = "max_completion_tokens"
    developer_role: bool = True
    stream_usage: bool = True
    reasoning_field: str = ""
    seed_field: str = "seed"
    extra_sampling: frozenset[Literal["top_k", "min_p"]] = frozenset()
    max_stop_sequences: int = 0
    grammar: bool = False
    unsupported: frozenset[str] = frozenset()
    output_excludes_reasoning: bool = False
    nine_character_ids: bool = False
    tool_result_media: bool = True
    custom_tools: bool = True
    allowed_tools: bool = True
    efforts: tuple[str, ...] = ()
    mistral_parts: bool = False
    parameters_required: bool = False
    token_inputs: bool = True
    dimensions_field: Literal["dimensions", "output_dimension"] = "dimensions"
    azure: bool = False
    api_version: str = ""
    deployments: Mapping[str, str] = field(default_factory=dict)
    option_members: frozenset[str] = frozenset()
