"""What a failed call raises: one exception that holds all that the gateway said, and a class where callers branch.

    GatewayError
      InvalidRequestError    the request is wrong: sending it again is no use
      AuthenticationError    the key is absent, unknown, expired or revoked
      PermissionDeniedError  the key may not do this
      NotFoundError          no such model
      RateLimitedError       a rate limit or a full gateway: try again after `retry_after_s`
      UnavailableError       gateway or provider failed before any content: try again, or elsewhere
      DeadlineExceededError  the call took too long
      StreamBrokenError      the stream broke off after content: trying again means paying again

Whatever fits none of these is a `GatewayError` itself. Branch on `reason`, never on the message.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from llmgateway.v1 import call_pb2, error_reason_pb2, usage_pb2

Reason = error_reason_pb2.ErrorReason

DOMAIN = "llmgateway.dev"
STATUS_KEY = "grpc-status-details-bin"
CALL_ID_KEY = "x-request-id"
# gRPC's own words for a message or metadata over the receiver's limit.
TOO_LARGE = ("message larger than max", "metadata size exceeds")
UNSPECIFIED = Reason.Name(Reason.ERROR_REASON_UNSPECIFIED)
NANOS_PER_S = 1_000_000_000

Detail = TypeVar("Detail", bound=Message)


class FieldViolation(NamedTuple):
    """One wrong field: its path in the request's message, and what would be right."""

    field: str
    description: str


class GatewayError(Exception):
    """A call that failed.

    `reason` is `ERROR_REASON_UNSPECIFIED` where the gateway gave none, as for a failure of the network, or gave
    one newer than this client; `reason_name` is the name as it came. `metadata` belongs to the reason: see
    the comments of `ErrorReason`. `retry_after_s` is the time after which trying again may help, None where the
    gateway does not say. `call_id` is empty where the call never reached the gateway.

    `started` tells whether content had come before the failure: then trying again means paying again.
    `usage` is what was charged all the same, None if unknown.
    """

    def __init__(
        self,
        message: str,
        *,
        code: grpc.StatusCode = grpc.StatusCode.UNKNOWN,
        reason: Reason.ValueType = Reason.ERROR_REASON_UNSPECIFIED,
        reason_name: str = UNSPECIFIED,
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        call_id: str = "",
        started: bool = False,
        attempts: Sequence[call_pb2.Attempt] = (),
        usage: usage_pb2.Usage | None = None,
        provider_message: str = "",
        violations: Sequence[FieldViolation] = (),
        quota_violations: Sequence[call_pb2.QuotaViolation] = (),
        quota_failures: Sequence[error_details_pb2.QuotaFailure.Violation] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.reason = reason
        self.reason_name = reason_name
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.call_id = call_id
        self.started = started
        self.attempts = tuple(attempts)
        self.usage = usage
        self.provider_message = provider_message
        self.violations = tuple(violations)
        self.quota_violations = tuple(quota_violations)
        self.quota_failures = tuple(quota_failures)

    def __str__(self) -> str:
        known = self.reason_name != UNSPECIFIED
        name = self.reason_name.removeprefix("ERROR_REASON_") if known else self.code.name
        return f"{self.message} [{name}{f', call {self.call_id}' if self.call_id else ''}]"


class InvalidRequestError(GatewayError):
    """The request is wrong, or no target can serve it. `violations` name the fields."""


class AuthenticationError(GatewayError):
    """The key is absent, unknown, expired or revoked."""


class PermissionDeniedError(GatewayError):
    """The key may not do this."""


class NotFoundError(GatewayError):
    """No model and no route has this name, or the cache does not hold the answer."""


class RateLimitedError(GatewayError):
    """A limit of the provider or of the gateway is reached for now. `retry_after_s` says for how long."""


class UnavailableError(GatewayError):
    """The gateway cannot be reached, or every target failed before any content."""


class DeadlineExceededError(GatewayError):
    """The call took longer than its deadline, or one of the gateway's timers ran out."""


class StreamBrokenError(GatewayError):
    """The stream broke off after content had come. Trying again means paying again."""


# What may know more of a failure than its status says.
Explain = Callable[[GatewayError], Awaitable[GatewayError]]


async def as_it_is(error: GatewayError) -> GatewayError:
    """Explain nothing."""
    return error


CLASSES: Mapping[grpc.StatusCode, type[GatewayError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequestError,
    grpc.StatusCode.FAILED_PRECONDITION: InvalidRequestError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.PERMISSION_DENIED: PermissionDeniedError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineExceededError,
}

# RESOURCE_EXHAUSTED is also a library's word for a message that is too large: there waiting is no use.
CLASSES_BY_REASON: Mapping[int, type[GatewayError]] = {
    Reason.ERROR_REASON_QUOTA_EXCEEDED: RateLimitedError,
    Reason.ERROR_REASON_PROVIDER_RATE_LIMITED: RateLimitedError,
    Reason.ERROR_REASON_GATEWAY_OVERLOADED: RateLimitedError,
    Reason.ERROR_REASON_REQUEST_TOO_LARGE: InvalidRequestError,
    Reason.ERROR_REASON_STREAM_BROKEN: StreamBrokenError,
}


def error_from_rpc(error: grpc.aio.AioRpcError, *, content_came: bool = False) -> GatewayError:
    """Return what a failed RPC means.

    `content_came` tells that the caller has received content on a stream. Never raises: details that are
    absent, unknown or broken are left out, the status itself always stands.
    """
    trailing = trailing_metadata(error)
    details = read_details(trailing.get(STATUS_KEY))
    info = next((info for info in details_of(details, error_details_pb2.ErrorInfo) if info.domain == DOMAIN), None)
    failure = next(details_of(details, call_pb2.CallFailure), call_pb2.CallFailure())
    reason_name = info.reason if info is not None else library_reason(error)
    reason = reason_of(reason_name)
    started = failure.started or content_came
    raised = class_of(error.code(), reason, started)
    return raised(
        error.details() or error.code().name,
        code=error.code(),
        reason=reason,
        reason_name=reason_name,
        metadata=info.metadata if info is not None else None,
        retry_after_s=next((seconds_of(retry) for retry in details_of(details, error_details_pb2.RetryInfo)), None),
        call_id=failure.call_id or text_of_metadata(trailing.get(CALL_ID_KEY)),
        started=started,
        attempts=failure.attempts,
        usage=failure.usage if failure.HasField("usage") else None,
        provider_message=failure.provider_message,
        violations=[
            FieldViolation(wrong.field, wrong.description)
            for bad_request in details_of(details, error_details_pb2.BadRequest)
            for wrong in bad_request.field_violations
        ],
        quota_violations=failure.quota_violations,
        quota_failures=[
            violation for quota in details_of(details, error_details_pb2.QuotaFailure) for violation in quota.violations
        ],
    )


def library_reason(error: grpc.aio.AioRpcError) -> str:
    """Return the reason of a status that gRPC made itself: it refuses a message over a limit before we see it."""
    said = error.details() or ""
    is_too_large = error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and any(words in said for words in TOO_LARGE)
    return "ERROR_REASON_REQUEST_TOO_LARGE" if is_too_large else UNSPECIFIED


def class_of(code: grpc.StatusCode, reason: Reason.ValueType, started: bool) -> type[GatewayError]:
    """Return the class for a status. UNAVAILABLE after content is a broken stream, whoever noticed it."""
    by_reason = CLASSES_BY_REASON.get(reason)
    if by_reason is not None:
        return by_reason
    if code is grpc.StatusCode.UNAVAILABLE and started:
        return StreamBrokenError
    return CLASSES.get(code, GatewayError)


def reason_of(name: str) -> Reason.ValueType:
    """Return the reason of a name, `ERROR_REASON_UNSPECIFIED` for one that this client does not know."""
    return Reason.Value(name) if name in Reason.keys() else Reason.ERROR_REASON_UNSPECIFIED  # noqa: SIM118  # a proto enum, not a dict


def trailing_metadata(error: grpc.aio.AioRpcError) -> dict[str, str | bytes]:
    """Return the metadata that ended a call. Of a repeated key the first value counts."""
    trailing: dict[str, str | bytes] = {}
    # The stub packages for gRPC disagree on this type; at run time it yields pairs, or is absent.
    pairs = cast("Iterable[tuple[str, str | bytes]] | None", error.trailing_metadata())
    for key, value in pairs or ():
        trailing.setdefault(key, value)
    return trailing


def read_details(status: str | bytes | None) -> status_pb2.Status:
    """Return the status of the metadata; an empty one where there is none or it is broken."""
    if not isinstance(status, bytes):
        return status_pb2.Status()
    try:
        return status_pb2.Status.FromString(status)
    except DecodeError:
        return status_pb2.Status()


def details_of(status: status_pb2.Status, kind: type[Detail]) -> Iterator[Detail]:
    """Yield the details of one kind that can be read."""
    for wrapped in status.details:
        if wrapped.TypeName() == kind.DESCRIPTOR.full_name:
            detail = kind()
            try:
                wrapped.Unpack(detail)
            except DecodeError:
                continue
            yield detail


def seconds_of(retry: error_details_pb2.RetryInfo) -> float:
    """Return the delay in seconds, never negative."""
    delay = retry.retry_delay
    return max(0.0, delay.seconds + delay.nanos / NANOS_PER_S)


def text_of_metadata(value: str | bytes | None) -> str:
    """Return a text value of metadata, empty where it is absent or binary."""
    return value if isinstance(value, str) else ""
