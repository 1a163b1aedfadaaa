"""From an error of the tree to what gRPC carries: a code, a message, and a `google.rpc.Status` with details."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from llmgateway_server.endings import MAX_MESSAGE_BYTES, MAX_STATUS_BYTES, cut, failure_of, fit
from llmgateway_server.errors import CallError, Code, Reason

DOMAIN = "llmgateway.dev"
STATUS_KEY = "grpc-status-details-bin"
CALL_ID_KEY = "x-request-id"
PUSHBACK_KEY = "grpc-retry-pushback-ms"

# What a detail takes beside its own bytes: the name of its type, and lengths.
WRAPPING_BYTES = 64
MAX_METADATA_VALUE_BYTES = 256
MAX_VIOLATIONS = 16

GRPC_CODES = {code.value[0]: code for code in grpc.StatusCode}
NANOS_PER_S = 1_000_000_000

Metadata = tuple[tuple[str, str | bytes], ...]


def grpc_code(error: CallError) -> grpc.StatusCode:
    """Return the library's own code object."""
    return GRPC_CODES[int(error.code)]


def short_message(error: CallError) -> str:
    """Return the message, cut to a length that fits the metadata."""
    return cut(error.message, MAX_MESSAGE_BYTES)


def trailing_metadata(error: CallError, call_id: str) -> Metadata:
    """Return what ends a failed call: its id, its status with details, and whether trying again is any use.

    The gateway has tried what could be tried: client libraries that try again by themselves are told not to. When to
    come back stands in `RetryInfo`, for the caller: told as a push-back, it has gRPC's library for Java wait for it in
    silence, however long it is, and though its caller named no such code to be tried again.
    """
    status = status_of(error, call_id)
    metadata: Metadata = ((CALL_ID_KEY, call_id), (STATUS_KEY, status.SerializeToString()))
    if error.code in (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED) and error.reason != Reason.ERROR_REASON_SHUTTING_DOWN:
        metadata = (*metadata, (PUSHBACK_KEY, "-1"))
    return metadata


def status_of(error: CallError, call_id: str) -> status_pb2.Status:
    """Return the status with its details, at most 4 KiB: older attempts are left out first."""
    status = status_pb2.Status(code=int(error.code), message=short_message(error))
    reason = Reason.Name(error.reason)
    metadata = {key: cut(value, MAX_METADATA_VALUE_BYTES) for key, value in error.metadata.items()}
    pack(status, error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata))
    if error.violations:
        bad_request = error_details_pb2.BadRequest()
        for violation in error.violations[:MAX_VIOLATIONS]:
            bad_request.field_violations.add(
                field=cut(violation.field, MAX_METADATA_VALUE_BYTES),
                description=cut(violation.description, MAX_METADATA_VALUE_BYTES),
            )
        pack(status, bad_request)
    if error.quota_violations:
        quota_failure = error_details_pb2.QuotaFailure()
        for broken in error.quota_violations[:MAX_VIOLATIONS]:
            quota_failure.violations.add(
                subject=cut(broken.scope, MAX_METADATA_VALUE_BYTES),
                description=cut(broken.description, MAX_METADATA_VALUE_BYTES),
            )
        pack(status, quota_failure)
    if error.retry_after_s is not None:
        retry_info = error_details_pb2.RetryInfo()
        delay = retry_info.retry_delay
        delay.seconds, delay.nanos = divmod(int(error.retry_after_s * NANOS_PER_S), NANOS_PER_S)
        pack(status, retry_info)
    failure = failure_of(error, call_id)
    if fit(failure, MAX_STATUS_BYTES - status.ByteSize() - WRAPPING_BYTES):
        pack(status, failure)
    return status


def pack(status: status_pb2.Status, detail: Message) -> None:
    """Append one detail."""
    wrapped = any_pb2.Any()
    wrapped.Pack(detail)
    status.details.append(wrapped)
