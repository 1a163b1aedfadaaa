"""The dialect's name, the members of its bodies that are the gateway's own, and how a caller's options are merged."""

from __future__ import annotations

from collections.abc import Mapping

from llmgateway_server.dialects.gaps import invalid
from llmgateway_server.dialects.options import merge_options
from llmgateway_server.dialects.reading import Json
from llmgateway_server.errors import FieldViolation, InvalidField

NAME = "ollama"

# What the gateway itself sets. `system`, `template` and `context` would be a second way to write a prompt.
OWN_MEMBERS = frozenset(
    {
        "model", "messages", "prompt", "suffix", "raw", "system", "template", "context", "images", "input", "tools",
        "stream",
    }
)  # fmt: skip
# The same within `options`: a limit is the gateway's.
OWN_OPTIONS = frozenset({"num_predict"})


def merge_caller_options(body: Json, options: Mapping[str, str]) -> None:
    """Merge a caller's options into `body`, last; their `options` go beside those that the gateway set.

    Raises `InvalidField` for a member that is the gateway's own.
    """
    if NAME not in options:
        return
    own: Json = body.pop("options", {})
    merge_options(body, options, NAME, OWN_MEMBERS)
    chosen = body.get("options", {})
    path = f'provider_options_json["{NAME}"].options'
    if not isinstance(chosen, dict):
        raise invalid(path, "must be a JSON object")
    wrong = [
        FieldViolation(f"{path}.{member}", "is set by the gateway: leave it out")
        for member in chosen
        if member in OWN_OPTIONS
    ]
    if wrong:
        raise InvalidField(wrong)
    if own or chosen:
        body["options"] = {**own, **chosen}
