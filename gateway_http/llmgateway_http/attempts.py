"""What was tried for a call, as HTTP tells it: in a header of every answer, and in the body of every error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from llmgateway.v1 import call_pb2, error_reason_pb2

MAX_CHARACTERS = 2_048
SEPARATOR = ", "

KINDS: Mapping[int, str] = {
    number: name.removeprefix("KIND_").lower() for name, number in call_pb2.Attempt.Kind.items()
}
REASONS: Mapping[int, str] = {
    number: name.removeprefix("ERROR_REASON_").lower() for name, number in error_reason_pb2.ErrorReason.items()
}


def attempt_list(attempts: Iterable[call_pb2.Attempt]) -> str:
    """Return attempts as a structured field (RFC 9651): a list of targets with parameters, the oldest first.

    `"openai/gpt-4o-mini";kind=first;reason=provider_overloaded;status=503;ms=12, "anthropic/claude-haiku";…`
    """
    items: list[str] = []
    left = MAX_CHARACTERS
    for attempt in attempts:
        item = attempt_item(attempt)
        left -= len(item) + len(SEPARATOR)
        if left < 0:
            break
        items.append(item)
    return SEPARATOR.join(items)


def attempt_item(attempt: call_pb2.Attempt) -> str:
    """Return one attempt as an item of the list."""
    target = quote(f"{attempt.provider}/{attempt.model}")
    reason = f";reason={word_of(attempt)}" if attempt.error_reason else ""
    status = f";status={attempt.http_status}" if attempt.http_status else ""
    return f"{target};kind={kind_of(attempt)}{reason}{status};ms={latency_ms(attempt)}"


def describe_attempt(attempt: call_pb2.Attempt) -> dict[str, object]:
    """Return one attempt as JSON."""
    told: dict[str, object] = {
        "provider": attempt.provider,
        "model": attempt.model,
        "kind": kind_of(attempt),
        "latency_ms": latency_ms(attempt),
    }
    if attempt.error_reason:
        told["reason"] = word_of(attempt)
    if attempt.http_status:
        told["http_status"] = attempt.http_status
    return told


def kind_of(attempt: call_pb2.Attempt) -> str:
    """Return why an attempt was made, as a word; one of a newer gateway is a retry."""
    return KINDS.get(attempt.kind, "retry")


def word_of(attempt: call_pb2.Attempt) -> str:
    """Return why an attempt failed, as a word."""
    return REASONS.get(attempt.error_reason, "unknown")


def latency_ms(attempt: call_pb2.Attempt) -> int:
    """Return how long an attempt took."""
    return attempt.latency.seconds * 1000 + attempt.latency.nanos // 1_000_000


def quote(text: str) -> str:
    """Return a text as a structured field's string, which holds printable ASCII."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(character if " " <= character <= "~" else "?" for character in text)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
