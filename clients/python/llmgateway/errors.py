"""What a failed call raises: one typed error, read from the status that the gateway sent.

Branch on the class or on `reason`, never on the message. Every error of the gateway carries a
`google.rpc.ErrorInfo` of the domain `llmgateway.dev`; one without it came from the channel itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from llmgateway.v1 import call_pb2, error_reason_pb2, usage_pb2

DOMAIN = "llmgateway.dev"
STATUS_KEY = "grpc-status-details-bin"
CALL_ID_KEY = "x-request-id"

D = TypeVar("D", bound=Message)


class FieldViolation(NamedTuple):
    """One wrong field: its path in the request's message, and what would be right."""

    field: str
    description: str


class GatewayError(Exception):
    """A call failed.

    `code` is gRPC's, `reason` a value of `ErrorReason` (0 where the status names none). `retry_after_s` says
    when trying again may help, None where the gateway did not say. `started` is true where content had been
    sent: trying again means paying again.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.reason: error_reason_pb2.ErrorReason.ValueType = error_reason_pb2.ERROR_REASON_UNSPECIFIED
        self.metadata: Mapping[str, str] = {}
        self.call_id = ""
        self.retry_after_s: float | None = None
        self.violations: Sequence[FieldViolation] = ()
        self.started = False
        self.attempts: Sequence[call_pb2.Attempt] = ()
        self.usage: usage_pb2.Usage | None = None
        self.provider_message = ""
        self.quota_violations: Sequence[call_pb2.QuotaViolation] = ()

    @property
    def reason_name(self) -> str:
        """The reason as it stands on the wire, for example `ERROR_REASON_MODEL_NOT_FOUND`."""
        known = error_reason_pb2.ErrorReason.values()
        return error_reason_pb2.ErrorReason.Name(self.reason) if self.reason in known else str(self.reason)


class InvalidRequestError(GatewayError):
    """The request is wrong, or no target can do what it asks."""


class AuthenticationError(GatewayError):
    """The key is absent, unknown, expired or revoked."""


class PermissionDeniedError(GatewayError):
    """The key may not do this."""


class NotFoundError(GatewayError):
    """No model, route or cached answer of this name."""


class RateLimitedError(GatewayError):
    """A quota, a provider's rate limit, or the gateway's own room is used up."""


class UnavailableError(GatewayError):
    """No provider could be reached or gave a usable answer."""


class StreamBrokenError(UnavailableError):
    """A stream broke off after content had been sent: trying again means paying again."""


class DeadlineExceededError(GatewayError):
    """A timer or the call's deadline ran out."""


CLASSES: Mapping[grpc.StatusCode, type[GatewayError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidRequestError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: RateLimitedError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
}


def error_from_rpc(error: grpc.aio.AioRpcError) -> GatewayError:
    """Return the typed error behind gRPC's. Absent or corrupt details leave their fields empty; never raises."""
    status = status_pb2.Status()
    call_id = ""
    # The published stubs know this metadata as opaque entries; they are pairs.
    trailing: Iterable[tuple[str, str | bytes]] = error.trailing_metadata() or ()  # type: ignore[assignment]
    for key, value in trailing:
        if key == STATUS_KEY and isinstance(value, bytes):
            status = parse_status(value)
        elif key == CALL_ID_KEY and isinstance(value, str):
            call_id = value
    info = find_detail(status, error_details_pb2.ErrorInfo)
    reason = error_reason_pb2.ERROR_REASON_UNSPECIFIED
    if info is not None and info.domain == DOMAIN and info.reason in error_reason_pb2.ErrorReason.keys():  # noqa: SIM118
        reason = error_reason_pb2.ErrorReason.Value(info.reason)
    kind = CLASSES.get(error.code(), GatewayError)
    if reason == error_reason_pb2.ERROR_REASON_STREAM_BROKEN:
        kind = StreamBrokenError
    typed = kind(error.code(), error.details() or error.code().name)
    typed.reason, typed.call_id = reason, call_id
    if info is not None:
        typed.metadata = dict(info.metadata)
    read_details(typed, status)
    return typed


def read_details(error: GatewayError, status: status_pb2.Status) -> None:
    """Fill in what the other details of a status say."""
    retry = find_detail(status, error_details_pb2.RetryInfo)
    if retry is not None:
        error.retry_after_s = retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9
    bad_request = find_detail(status, error_details_pb2.BadRequest)
    if bad_request is not None:
        error.violations = [FieldViolation(wrong.field, wrong.description) for wrong in bad_request.field_violations]
    failure = find_detail(status, call_pb2.CallFailure)
    if failure is not None:
        error.call_id = failure.call_id or error.call_id
        error.started = failure.started
        error.attempts = list(failure.attempts)
        error.usage = failure.usage if failure.HasField("usage") else None
        error.provider_message = failure.provider_message
        error.quota_violations = list(failure.quota_violations)


def parse_status(data: bytes) -> status_pb2.Status:
    """Read a status, an empty one where the bytes are none."""
    try:
        return status_pb2.Status.FromString(data)
    except DecodeError:
        return status_pb2.Status()


def find_detail(status: status_pb2.Status, kind: type[D]) -> D | None:
    """Return the first detail of a kind, None where there is none that can be read."""
    for packed in status.details:
        detail = kind()
        try:
            if packed.Unpack(detail):
                return detail
        except DecodeError:
            continue
    return None
