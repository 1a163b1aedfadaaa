"""What was tried for a call, as a header and as JSON."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration
from hypothesis import given
from hypothesis import strategies as st
from llmgateway.v1 import call_pb2, error_reason_pb2
from llmgateway_http.attempts import MAX_CHARACTERS, attempt_list, describe_attempt

Attempt = call_pb2.Attempt
OVERLOADED = Attempt(
    provider="openai",
    model="gpt-4o-mini",
    kind=Attempt.KIND_FIRST,
    error_reason=error_reason_pb2.ERROR_REASON_PROVIDER_OVERLOADED,
    http_status=503,
    latency=Duration(nanos=12_900_000),
)
ANSWERED = Attempt(provider="b", model="m", kind=Attempt.KIND_FALLBACK, http_status=200, latency=Duration(seconds=2))


def test_attempts_are_a_list_of_targets_with_parameters() -> None:
    assert attempt_list([OVERLOADED, ANSWERED]) == (
        '"openai/gpt-4o-mini";kind=first;reason=provider_overloaded;status=503;ms=12, '
        '"b/m";kind=fallback;status=200;ms=2000'
    )
    assert attempt_list([]) == ""


def test_attempts_are_objects_in_an_error() -> None:
    assert describe_attempt(OVERLOADED) == {
        "provider": "openai",
        "model": "gpt-4o-mini",
        "kind": "first",
        "latency_ms": 12,
        "reason": "provider_overloaded",
        "http_status": 503,
    }
    assert describe_attempt(Attempt(provider="b", model="m", kind=Attempt.KIND_RETRY)) == {
        "provider": "b",
        "model": "m",
        "kind": "retry",
        "latency_ms": 0,
    }


def test_words_of_a_newer_gateway_are_told_as_what_they_count_as() -> None:
    newer = Attempt(provider="b", model="m", kind=77, error_reason=999)  # type: ignore[arg-type]  # open enums
    assert attempt_list([newer]) == '"b/m";kind=retry;reason=unknown;ms=0'


@given(st.lists(st.tuples(st.text(max_size=60), st.text(max_size=400)), max_size=10))
def test_a_header_is_one_line_of_printable_ascii_within_its_bound(names: list[tuple[str, str]]) -> None:
    told = attempt_list(
        Attempt(provider=provider, model=model) for provider, model in names if is_utf8(provider + model)
    )
    assert told.isascii()
    assert told.isprintable()
    assert len(told) <= MAX_CHARACTERS


def is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
