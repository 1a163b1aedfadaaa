"""From options to the fields of an object that is to be created or changed. Options are named like the fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from llmgateway_server.admin_commands.readings import Moment
from llmgateway_server.client_commands import Option


def clear_of(fields: Sequence[str]) -> Option[Callable[..., None]]:
    """Return the option that resets fields."""
    return click.option(
        "--clear", type=click.Choice(fields), metavar="FIELD", multiple=True, help=f"Reset one of {', '.join(fields)}."
    )


def given_of(options: Mapping[str, Any], now_ns: int) -> dict[str, Any]:
    """Return what the command line gave of an object's fields, ready for the message's constructor.

    Any: a field's value has the field's type.
    """
    given = {name: value for name, value in options.items() if value is not None and value != ()}
    return {name: field_of(value, now_ns) for name, value in given.items()}


def field_of(value: Any, now_ns: int) -> Any:
    """Return an option's value as the message has it: a time as a Timestamp, pairs as a map."""
    if isinstance(value, Moment):
        from google.protobuf.timestamp_pb2 import Timestamp

        time = Timestamp()
        time.FromNanoseconds(value.after(now_ns))
        return time
    is_pairs = isinstance(value, tuple) and isinstance(value[0], tuple)
    return dict(value) if is_pairs else value


def mask_of(given: Mapping[str, Any], cleared: Sequence[str]) -> list[str]:
    """Return the fields that an update is of; refuse one of nothing, and one that both sets and clears a field."""
    if both := sorted(set(given) & set(cleared)):
        raise click.UsageError(f"{both[0]} is both set and cleared.")
    if not given and not cleared:
        raise click.UsageError("Nothing is to be changed: give at least one option.")
    return [*given, *cleared]
