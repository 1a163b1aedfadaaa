"""What the contract has no field for, on its way to the provider: members of the body that nobody here knows."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

import msgspec

from llmgateway_http.openai.errors import RestError, invalid
from llmgateway_http.openai.json_body import member_path, parse_object

DIALECT = "openai"
MEMBER = "provider_options_json"
# The gateway checks the depth of these texts by its own setting; this only keeps the parser within its stack.
MAX_DEPTH = 512

# Where a call goes and with whose key is the operator's to say; client libraries know these as options of theirs.
UPSTREAM_CHOICES = frozenset(
    {
        "api_base",
        "api_key",
        "api_type",
        "api_version",
        "aws_access_key_id",
        "aws_secret_access_key",
        "aws_session_token",
        "azure_ad_token",
        "azure_endpoint",
        "base_url",
        "custom_llm_provider",
        "default_headers",
        "default_query",
        "extra_body",
        "extra_headers",
        "extra_query",
        "headers",
        "organization",
        "proxies",
        "proxy",
    }
)


def to_json_text(value: object) -> str:
    """Return a decoded JSON value as text again."""
    return msgspec.json.encode(value).decode()


def refuse_upstream_choices(raw: Mapping[str, object], path: str = "") -> None:
    """Refuse members by which a client would choose host, credential or headers of the upstream call."""
    if raw.keys() & UPSTREAM_CHOICES:
        name = next(name for name in raw if name in UPSTREAM_CHOICES)
        description = "is the operator's to choose; leave it out, and ask for another model or route instead"
        raise invalid(member_path(path, name), description, "unsupported_parameter")


def set_provider_options(
    options: Any,  # the request's map field; protobuf's own type for it is private
    raw: Mapping[str, Any],  # Any: decoded JSON
    known: Set[str],
    passed_on: Set[str],
) -> None:
    """Fill `provider_options_json`: members outside `known`, those in `passed_on`, and what the body gives itself."""
    refuse_upstream_choices(raw)
    extra = {
        name: value
        for name, value in raw.items()
        if (name not in known or (name in passed_on and value is not None)) and name != MEMBER
    }
    given = raw.get(MEMBER)
    if given is not None:
        for dialect, members in given_options(given).items():
            path = member_path(MEMBER, dialect)
            refuse_upstream_choices(members, path)
            if dialect != DIALECT:
                options[dialect] = to_json_text(members)
                continue
            if twice := extra.keys() & members.keys():
                raise invalid(f"{path}.{min(twice)}", "is also a member of the body; send it once", "duplicate_key")
            extra |= members
    if extra:
        options[DIALECT] = to_json_text(extra)


def given_options(given: object) -> dict[str, dict[str, Any]]:  # Any: decoded JSON
    """Return the member `provider_options_json` of a body: by dialect an object, or the JSON text of one."""
    if not isinstance(given, dict):
        raise invalid(MEMBER, "must be an object with one member for each dialect", "invalid_type")
    return {dialect: options_of(dialect, value) for dialect, value in given.items()}


def options_of(dialect: str, value: object) -> dict[str, Any]:  # Any: decoded JSON
    """Return one dialect's options, parsed as strictly as the body where they are given as text."""
    path = member_path(MEMBER, dialect)
    if isinstance(value, str):
        try:
            value = parse_object(value.encode(), MAX_DEPTH)
        except RestError as error:
            raise invalid(path, f"holds text that is no JSON object: {error.message.rstrip('.')}") from error
    if not isinstance(value, dict):
        raise invalid(path, "must be an object, or the JSON text of one", "invalid_type")
    return value
