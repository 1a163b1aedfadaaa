"""What a caller sets itself, by `provider_options_json["anthropic"]`, and the beta features that it uses by it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmgateway_server.dialects.anthropic.options import (
    BUDGET_BETA,
    COMPACTION_BETA,
    NAME,
    OPTION_BETAS,
    OWN_MEMBERS,
    SKILLS_BETA,
)
from llmgateway_server.dialects.anthropic.target import Target
from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.options import merge_options
from llmgateway_server.dialects.reading import Json, items, mapping

BETA = re.compile(r"[a-z0-9][a-z0-9.-]{0,99}")


def merge_caller_options(body: Json, options: Mapping[str, str], target: Target) -> None:
    """Merge the caller's options, last. `output_config` is merged member by member, or it would take the schema away.

    `betas` is the caller's list of beta features, as in Anthropic's own libraries: it travels in a header.
    """
    output_config = body.get("output_config")
    merge_options(body, options, NAME, OWN_MEMBERS)
    chosen = body.get("output_config")
    if output_config and isinstance(chosen, dict):
        body["output_config"] = {**output_config, **chosen}
    for beta in items(body.pop("betas", None)):
        if not isinstance(beta, str) or not BETA.fullmatch(beta):
            raise invalid(f'provider_options_json["{NAME}"].betas', "must be a list of names of beta features")
        target.use(beta)
    for member, beta in OPTION_BETAS.items():
        if body.get(member) is not None:
            target.use(beta)
    if mapping(body.get("container")).get("skills"):
        target.use(SKILLS_BETA)
    if mapping(body.get("output_config")).get("task_budget"):
        target.use(BUDGET_BETA)
    edits = items(mapping(body.get("context_management")).get("edits"))
    if any(mapping(edit).get("type") == "compact_20260112" for edit in edits):
        target.use(COMPACTION_BETA)
