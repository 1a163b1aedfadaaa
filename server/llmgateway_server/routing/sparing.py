"""Which targets are left alone for now, and which are tried although they had better be. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from llmgateway_server.routing.eligibility import LeftOut, Outcome
from llmgateway_server.routing.health import Standing
from llmgateway_server.routing.routes import Choice

Opened = tuple[Choice, Standing]


class Spared(msgspec.Struct, frozen=True):
    """Who is tried, in order, and who is left alone. `forced` are tried although their circuits are open."""

    choices: list[Choice]
    left_alone: list[LeftOut]
    forced: list[Choice]


def spare(ordered: Sequence[Choice], standing_of: Callable[[Choice], Standing]) -> Spared:
    """Sort out who is left alone. Those whose rest is only guessed come last."""
    ready: list[Choice] = []
    guessed: list[Choice] = []
    opened: list[Opened] = []
    left_alone: list[LeftOut] = []
    for choice in ordered:
        standing = standing_of(choice)
        if standing.key_index is not None:
            ready.append(choice)
        elif standing.is_open:
            opened.append((choice, standing))
        elif standing.is_told:
            left_alone.append(resting(choice, standing))
        else:
            guessed.append(choice)
    forced = force(len(ordered), opened) if opened else []
    if forced:
        ready = [choice for choice in ordered if choice in ready or choice in forced]
    left_alone += [open_circuit(choice, standing) for choice, standing in opened if choice not in forced]
    return Spared(ready + guessed, left_alone, forced)


def force(target_count: int, opened: Sequence[Opened]) -> list[Choice]:
    """Return those that are tried although their circuits are open.

    At most half of all targets are left alone, and one of one: were more, the others could not bear the load. Where all
    are open, the one that closes soonest is tried.
    """
    by_end = sorted(opened, key=lambda one: -one[1].until_s)
    forced = [choice for choice, _ in by_end[max(1, target_count // 2) :]]
    return forced[-1:] if len(opened) == target_count else forced


def resting(choice: Choice, standing: Standing) -> LeftOut:
    """Say that a target rests after a rate limit."""
    description = "It rests after a rate limit."
    return LeftOut(choice, Outcome.EXCLUSION_UNHEALTHY, description, until_s=standing.until_s, is_resting=True)


def open_circuit(choice: Choice, standing: Standing) -> LeftOut:
    """Say that a target's circuit is open."""
    refused, failed = "The provider refused the gateway's keys.", "Its circuit is open: it kept failing."
    description = refused if standing.is_key_out else failed
    return LeftOut(choice, Outcome.EXCLUSION_UNHEALTHY, description, until_s=standing.until_s)
