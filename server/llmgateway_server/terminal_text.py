"""How names, sentences and amounts from elsewhere are written on a terminal: on one line, and steering nothing."""

from __future__ import annotations

from decimal import Decimal

from llmgateway_server.terminal import printable


def one_line(text: str) -> str:
    """Return a text on one line, without what would steer the terminal."""
    return printable(" ".join(text.split()))


def dollars(usd_nanos: int) -> str:
    """Write an amount of 1e-9 US dollars, exactly."""
    return f"${Decimal(usd_nanos).scaleb(-9).normalize():f}"
