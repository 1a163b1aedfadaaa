"""From a status to a typed error: one table of code × reason, and details that are absent or broken."""

from __future__ import annotations

import copy
import pickle

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from hypothesis import given
from hypothesis import strategies as st
from llmgateway import (
    AuthenticationError,
    DeadlineExceededError,
    GatewayError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    StreamBrokenError,
    UnavailableError,
    error_from_rpc,
)
from llmgateway.v1 import call_pb2, error_reason_pb2, usage_pb2

Code = grpc.StatusCode
UNSPECIFIED = error_reason_pb2.ERROR_REASON_UNSPECIFIED

# Every reason of the contract, with its code and what the caller catches.
TABLE: list[tuple[Code, str, type[GatewayError]]] = [
    (Code.INVALID_ARGUMENT, "INVALID_FIELD", InvalidRequestError),
    (Code.INVALID_ARGUMENT, "CONTEXT_TOO_LONG", InvalidRequestError),
    (Code.INVALID_ARGUMENT, "CONTENT_FILTERED", InvalidRequestError),
    (Code.INVALID_ARGUMENT, "GUARD_BLOCKED", InvalidRequestError),
    (Code.INVALID_ARGUMENT, "PROVIDER_REJECTED_REQUEST", InvalidRequestError),
    (Code.UNAUTHENTICATED, "API_KEY_INVALID", AuthenticationError),
    (Code.PERMISSION_DENIED, "MODEL_NOT_ALLOWED", PermissionDeniedError),
    (Code.PERMISSION_DENIED, "PERMISSION_MISSING", PermissionDeniedError),
    (Code.NOT_FOUND, "MODEL_NOT_FOUND", NotFoundError),
    (Code.NOT_FOUND, "CACHE_MISS", NotFoundError),
    (Code.NOT_FOUND, "RESOURCE_NOT_FOUND", NotFoundError),
    (Code.ALREADY_EXISTS, "IDEMPOTENCY_KEY_REUSED", GatewayError),
    (Code.ABORTED, "ETAG_MISMATCH", GatewayError),
    (Code.ALREADY_EXISTS, "RESOURCE_EXISTS", GatewayError),
    (Code.FAILED_PRECONDITION, "CAPABILITY_MISSING", InvalidRequestError),
    (Code.FAILED_PRECONDITION, "PRICE_UNKNOWN", InvalidRequestError),
    (Code.FAILED_PRECONDITION, "RESOURCE_READ_ONLY", InvalidRequestError),
    (Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED", RateLimitedError),
    (Code.RESOURCE_EXHAUSTED, "BUDGET_EXCEEDED", GatewayError),
    (Code.RESOURCE_EXHAUSTED, "PROVIDER_RATE_LIMITED", RateLimitedError),
    (Code.RESOURCE_EXHAUSTED, "GATEWAY_OVERLOADED", RateLimitedError),
    (Code.RESOURCE_EXHAUSTED, "REQUEST_TOO_LARGE", InvalidRequestError),
    (Code.RESOURCE_EXHAUSTED, "RESPONSE_TOO_LARGE", GatewayError),
    (Code.UNAVAILABLE, "ALL_TARGETS_FAILED", UnavailableError),
    (Code.UNAVAILABLE, "PROVIDER_OVERLOADED", UnavailableError),
    (Code.UNAVAILABLE, "PROVIDER_UNREACHABLE", UnavailableError),
    (Code.UNAVAILABLE, "PROVIDER_KEY_REJECTED", UnavailableError),
    (Code.UNAVAILABLE, "PROVIDER_BAD_RESPONSE", UnavailableError),
    (Code.UNAVAILABLE, "STREAM_BROKEN", StreamBrokenError),
    (Code.UNAVAILABLE, "STORE_UNAVAILABLE", UnavailableError),
    (Code.UNAVAILABLE, "STORAGE_FULL", UnavailableError),
    (Code.UNAVAILABLE, "SHUTTING_DOWN", UnavailableError),
    (Code.UNAVAILABLE, "CIRCUIT_OPEN", UnavailableError),
    (Code.DEADLINE_EXCEEDED, "CONNECT_TIMEOUT", DeadlineExceededError),
    (Code.DEADLINE_EXCEEDED, "FIRST_CONTENT_TIMEOUT", DeadlineExceededError),
    (Code.DEADLINE_EXCEEDED, "EVENT_GAP_TIMEOUT", DeadlineExceededError),
    (Code.DEADLINE_EXCEEDED, "TOTAL_TIMEOUT", DeadlineExceededError),
    (Code.ABORTED, "READER_TOO_SLOW", GatewayError),
    (Code.INTERNAL, "INTERNAL_ERROR", GatewayError),
]


def rpc_error(code: Code, *trailing: tuple[str, str | bytes], details: str = "Said.") -> grpc.aio.AioRpcError:
    metadata = grpc.aio.Metadata(*trailing)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), metadata, details, None)


def status(*details: Message) -> tuple[str, bytes]:
    made = status_pb2.Status()
    for detail in details:
        packed = any_pb2.Any()
        packed.Pack(detail)
        made.details.append(packed)
    return "grpc-status-details-bin", made.SerializeToString()


def info(name: str, domain: str = "llmgateway.dev") -> error_details_pb2.ErrorInfo:
    return error_details_pb2.ErrorInfo(domain=domain, reason=name, metadata={"model": "m"})


def test_the_table_has_every_reason() -> None:
    names = {f"ERROR_REASON_{name}" for _, name, _ in TABLE}
    assert names == set(error_reason_pb2.ErrorReason.keys()) - {"ERROR_REASON_UNSPECIFIED"}


@pytest.mark.parametrize(("code", "name", "kind"), TABLE, ids=[name for _, name, _ in TABLE])
def test_a_reason_has_its_class(code: Code, name: str, kind: type[GatewayError]) -> None:
    error = error_from_rpc(rpc_error(code, status(info(f"ERROR_REASON_{name}"))))
    assert type(error) is kind
    assert error.code is code
    assert error.reason == error_reason_pb2.ErrorReason.Value(f"ERROR_REASON_{name}")
    assert error.reason_name == f"ERROR_REASON_{name}"
    assert error.metadata == {"model": "m"}


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.UNAVAILABLE, UnavailableError),
        (Code.DEADLINE_EXCEEDED, DeadlineExceededError),
        (Code.UNAUTHENTICATED, AuthenticationError),
        # A library's word for a message that is too large: waiting is no use.
        (Code.RESOURCE_EXHAUSTED, GatewayError),
        (Code.UNKNOWN, GatewayError),
        (Code.UNIMPLEMENTED, GatewayError),
    ],
)
def test_without_details_the_code_decides(code: Code, kind: type[GatewayError]) -> None:
    error = error_from_rpc(rpc_error(code))
    assert type(error) is kind
    assert (error.message, error.reason, error.reason_name) == ("Said.", UNSPECIFIED, "ERROR_REASON_UNSPECIFIED")
    assert (error.call_id, error.retry_after_s, error.usage, error.started) == ("", None, None, False)
    assert not error.attempts
    assert not error.violations
    assert not error.metadata


def test_a_reason_newer_than_the_client_keeps_its_name() -> None:
    error = error_from_rpc(rpc_error(Code.NOT_FOUND, status(info("ERROR_REASON_OF_TOMORROW"))))
    assert type(error) is NotFoundError
    assert (error.reason, error.reason_name) == (UNSPECIFIED, "ERROR_REASON_OF_TOMORROW")


def test_another_domain_s_reason_is_not_ours() -> None:
    details = status(info("ERROR_REASON_CACHE_MISS", domain="elsewhere.example"))
    error = error_from_rpc(rpc_error(Code.NOT_FOUND, details))
    assert (error.reason, error.reason_name, error.metadata) == (UNSPECIFIED, "ERROR_REASON_UNSPECIFIED", {})


def test_the_call_s_id_comes_from_the_details_or_else_from_the_metadata() -> None:
    header = ("x-request-id", "from-metadata")
    failure = status(call_pb2.CallFailure(call_id="from-details"))
    assert error_from_rpc(rpc_error(Code.INTERNAL, header, failure)).call_id == "from-details"
    assert error_from_rpc(rpc_error(Code.INTERNAL, header)).call_id == "from-metadata"
    assert error_from_rpc(rpc_error(Code.INTERNAL, header, status(call_pb2.CallFailure()))).call_id == "from-metadata"


def test_a_broken_detail_does_not_hide_the_others() -> None:
    key, value = status(info("ERROR_REASON_CACHE_MISS"))
    made = status_pb2.Status.FromString(value)
    made.details.add(type_url="type.googleapis.com/llmgateway.v1.CallFailure", value=b"\xff\xff")
    made.details.add(type_url="type.googleapis.com/google.rpc.Help", value=b"")
    made.details.add(type_url="nonsense", value=b"")
    error = error_from_rpc(rpc_error(Code.NOT_FOUND, (key, made.SerializeToString()), ("x-request-id", "c")))
    assert (error.reason, error.call_id) == (error_reason_pb2.ERROR_REASON_CACHE_MISS, "c")


@given(st.binary(max_size=200), st.sampled_from(list(Code)))
def test_no_bytes_break_the_reading(data: bytes, code: Code) -> None:
    error = error_from_rpc(rpc_error(code, ("grpc-status-details-bin", data)))
    assert (error.code, error.message) == (code, "Said.")


def test_a_status_as_text_and_no_metadata_at_all_are_no_details() -> None:
    assert error_from_rpc(rpc_error(Code.INTERNAL, ("grpc-status-details-bin", "text"))).message == "Said."
    bare = grpc.aio.AioRpcError(Code.INTERNAL, None, None, None, None)  # type: ignore[arg-type]  # as the library may
    assert error_from_rpc(bare).message == "INTERNAL"


def test_content_that_came_makes_unavailable_a_broken_stream() -> None:
    assert type(error_from_rpc(rpc_error(Code.UNAVAILABLE), content_came=True)) is StreamBrokenError
    late = error_from_rpc(rpc_error(Code.DEADLINE_EXCEEDED), content_came=True)
    assert type(late) is DeadlineExceededError
    assert late.started
    failure = status(info("ERROR_REASON_PROVIDER_UNREACHABLE"), call_pb2.CallFailure(started=True))
    assert type(error_from_rpc(rpc_error(Code.UNAVAILABLE, failure))) is StreamBrokenError


def test_a_broken_stream_is_not_caught_with_what_may_be_tried_again() -> None:
    assert not issubclass(StreamBrokenError, UnavailableError)


def test_a_negative_delay_is_none() -> None:
    retry = error_details_pb2.RetryInfo()
    retry.retry_delay.seconds = -3
    assert error_from_rpc(rpc_error(Code.UNAVAILABLE, status(retry))).retry_after_s == 0.0


@pytest.mark.parametrize(
    ("details", "text"),
    [
        ((), "Said. [NOT_FOUND]"),
        ((info("ERROR_REASON_CACHE_MISS"),), "Said. [CACHE_MISS]"),
        (
            (info("ERROR_REASON_CACHE_MISS"), call_pb2.CallFailure(call_id="c1")),
            "Said. [CACHE_MISS, call c1]",
        ),
    ],
)
def test_an_error_prints_what_a_log_needs(details: tuple[Message, ...], text: str) -> None:
    assert str(error_from_rpc(rpc_error(Code.NOT_FOUND, status(*details)))) == text


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_an_error_survives_its_way_to_another_process(clone: object) -> None:
    failure = call_pb2.CallFailure(call_id="c1", started=True, usage=usage_pb2.Usage(output_token_count=2))
    error = error_from_rpc(rpc_error(Code.UNAVAILABLE, status(info("ERROR_REASON_STREAM_BROKEN"), failure)))
    assert callable(clone)
    cloned = clone(error)
    assert type(cloned) is StreamBrokenError
    assert vars(cloned) == vars(error)
