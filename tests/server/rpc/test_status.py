"""Every leaf of the error tree, and what it looks like on the wire."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from llmgateway.v1 import call_pb2, error_reason_pb2, usage_pb2
from llmgateway_server import errors
from llmgateway_server.rpc.status import MAX_STATUS_BYTES, grpc_code, status_of, trailing_metadata

LEAVES = [leaf for leaf in errors.CallError.__subclasses__() if leaf is not errors.InvalidField]


def detail(status: status_pb2.Status, kind: type[Message]) -> Message | None:
    for packed in status.details:
        found = kind()
        if packed.Unpack(found):
            return found
    return None


@pytest.mark.parametrize("leaf", LEAVES, ids=lambda leaf: leaf.__name__)
def test_each_leaf_carries_its_code_and_its_reason(leaf: type[errors.CallError]) -> None:
    status = status_of(leaf("Do this next.", metadata={"provider": "openai"}), "call_1")
    info = detail(status, error_details_pb2.ErrorInfo)
    assert isinstance(info, error_details_pb2.ErrorInfo)
    assert (status.code, status.message) == (int(leaf.code), "Do this next.")
    assert info.domain == "llmgateway.dev"
    assert info.reason == error_reason_pb2.ErrorReason.Name(leaf.reason)
    assert dict(info.metadata) == {"provider": "openai"}
    assert grpc_code(leaf("x")).value[0] == int(leaf.code)


def test_reasons_are_not_shared_between_leaves() -> None:
    reasons = [leaf.reason for leaf in errors.CallError.__subclasses__()]
    assert len(reasons) == len(set(reasons))


def test_wrong_fields_come_as_a_bad_request() -> None:
    violations = [errors.FieldViolation("model", "is required"), errors.FieldViolation("messages", "is required")]
    error = errors.InvalidField(violations)
    bad_request = detail(status_of(error, "call_1"), error_details_pb2.BadRequest)
    assert isinstance(bad_request, error_details_pb2.BadRequest)
    assert [(wrong.field, wrong.description) for wrong in bad_request.field_violations] == [
        ("model", "is required"),
        ("messages", "is required"),
    ]
    assert error.message == "model: is required (1 more fields are wrong, too.)"


@pytest.mark.parametrize(
    ("error", "pushback"),
    [
        (errors.ProviderRateLimited("x", retry_after_s=1.5), "-1"),
        (errors.ProviderRateLimited("x"), "-1"),
        (errors.ProviderUnreachable("x"), "-1"),
        (errors.ProviderOverloaded("x", retry_after_s=1.5), "-1"),
        (errors.ShuttingDown("x"), None),
        (errors.ModelNotFound("x"), None),
    ],
)
def test_client_libraries_are_told_whether_to_try_again(error: errors.CallError, pushback: str | None) -> None:
    metadata = dict(trailing_metadata(error, "call_1"))
    assert metadata.get("grpc-retry-pushback-ms") == pushback
    assert metadata["x-request-id"] == "call_1"


def test_a_time_to_come_back_is_a_retry_info() -> None:
    retry = detail(status_of(errors.GatewayOverloaded("x", retry_after_s=2.25), "call_1"), error_details_pb2.RetryInfo)
    assert isinstance(retry, error_details_pb2.RetryInfo)
    assert (retry.retry_delay.seconds, retry.retry_delay.nanos) == (2, 250_000_000)


def test_what_the_gateway_knows_of_a_failed_call_comes_along() -> None:
    error = errors.StreamBroken("x", provider_message="overloaded")
    error.started, error.usage = True, usage_pb2.Usage(output_token_count=3)
    error.attempts = [call_pb2.Attempt(provider="openai", model="m", http_status=200)]
    failure = detail(status_of(error, "call_1"), call_pb2.CallFailure)
    assert isinstance(failure, call_pb2.CallFailure)
    assert (failure.call_id, failure.started, failure.usage.output_token_count) == ("call_1", True, 3)
    assert (failure.attempts[0].provider, failure.provider_message) == ("openai", "overloaded")


def test_a_status_never_outgrows_the_metadata() -> None:
    error = errors.ProviderRejectedRequest("é" * 9000, metadata={"provider": "x" * 9000}, provider_message="é" * 9000)
    error.attempts = [call_pb2.Attempt(provider="p" * 60, model=f"m{index}") for index in range(200)]
    status = status_of(error, "call_1")
    assert status.ByteSize() <= MAX_STATUS_BYTES
    failure = detail(status, call_pb2.CallFailure)
    assert isinstance(failure, call_pb2.CallFailure)
    assert failure.attempts[-1].model == "m199"  # the oldest are left out first


def test_every_code_of_the_tree_is_one_of_the_librarys() -> None:
    assert {code.name for code in errors.Code} <= {code.name for code in grpc.StatusCode}
