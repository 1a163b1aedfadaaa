"""How one server that speaks the Ollama dialect differs from another. Names and meanings:

num_ctx             the context length that every generation asks for; 0: none is asked for, so that the server's own
                    default applies; unset: one that holds the request, see `context.py`. Each change of it makes the
                    server load the model again, so a fixed number is the fastest
overflow_is_error   whether to ask that an input longer than the context be refused, and that the context not be
                    shifted while writing (`truncate`, `shift`): servers know it since 0.12.6, the published API not
think_levels        whether `think` takes a level; if not, any effort but `none` is `true`
tool_call_ids       whether calls and results carry ids: newer servers know them, the published API does not
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Quirks:
    """The differences of one server; the defaults are the published API's."""

    num_ctx: int | None = None
    overflow_is_error: bool = False
    think_levels: bool = True
    tool_call_ids: bool = False
