"""The dearest prices that OpenRouter may take, for a call whose cost is limited: it chooses who serves the model."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from llmgateway_server.config.quotas import USD_NANOS

# OpenRouter, "Provider routing", "Max price", read 2026-12: US dollars for a million tokens.
MEMBERS = {"prompt": "input", "completion": "output"}


def with_ceiling(options_json: str, rates: Mapping[str, int]) -> str:
    """Return a caller's options for OpenRouter with the prices that the call was reserved at as the dearest to take.

    `rates` are those, by kind, in 1e-9 US dollars for a million tokens. The options are an object of JSON; its
    `provider`, where there is one, is an object without `max_price`: the bound has seen to it.
    """
    ceiling = {member: rates[kind] / USD_NANOS for member, kind in MEMBERS.items() if kind in rates}
    options = msgspec.json.decode(options_json or "{}", type=dict[str, msgspec.Raw])
    provider = msgspec.json.decode(options.get("provider", msgspec.Raw(b"{}")), type=dict[str, msgspec.Raw])
    provider["max_price"] = msgspec.Raw(msgspec.json.encode(ceiling))
    options["provider"] = msgspec.Raw(msgspec.json.encode(provider))
    return msgspec.json.encode(options).decode()
