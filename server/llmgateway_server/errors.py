"""Every way in which a call can fail.

The tree, by gRPC code; raise leaves only:

    CallError
      INVALID_ARGUMENT     InvalidField, ContextTooLong, ContentFiltered, ProviderRejectedRequest
      UNAUTHENTICATED      ApiKeyInvalid
      PERMISSION_DENIED    ModelNotAllowed, PermissionMissing
      NOT_FOUND            ModelNotFound, CacheMiss, ResourceNotFound
      ALREADY_EXISTS       ResourceExists
      FAILED_PRECONDITION  CapabilityMissing, PriceUnknown, ResourceReadOnly
      RESOURCE_EXHAUSTED   QuotaExceeded, BudgetExceeded, ProviderRateLimited, GatewayOverloaded, RequestTooLarge
      UNAVAILABLE          ProviderOverloaded, ProviderUnreachable, ProviderKeyRejected,
                           ProviderBadResponse, StreamBroken, AllTargetsFailed, CircuitOpen, ShuttingDown,
                           StoreUnavailable, StorageFull
      DEADLINE_EXCEEDED    ConnectTimeout, FirstContentTimeout, EventGapTimeout, TotalTimeout
      ABORTED              ReaderTooSlow, EtagMismatch
      CANCELLED            CallerLeft
      INTERNAL             InternalError

A leaf is a gRPC code and an `ErrorReason`. It knows nothing of gRPC's library nor of HTTP: `rpc/status.py`
turns it into a `google.rpc.Status`, and the REST shim turns that into HTTP.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from llmgateway.v1 import call_pb2, error_reason_pb2, usage_pb2

Reason = error_reason_pb2.ErrorReason


class Code(enum.IntEnum):
    """The gRPC status codes in use; the numbers are gRPC's own."""

    CANCELLED = 1
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One wrong field of a request.

    `field` is its path in the proto message, such as `messages[0].parts[1].media.mime_type`; `description`
    is one sentence that says what would be right.
    """

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class QuotaViolation:
    """A quota that a call would break: what it stands at, and when it turns over.

    `reset_s` is in seconds since the epoch, None where it never does; `description` says it all in words. The rest is
    as in `llmgateway.v1.QuotaViolation`.
    """

    scope: str
    metric: str
    window: str
    limit: int
    used: int
    held: int = 0
    reset_s: float | None = None
    description: str = ""


class CallError(Exception):
    """A call that failed, as its caller will see it.

    `message` is one sentence that says what to do next; `metadata` becomes `google.rpc.ErrorInfo.metadata`.
    `provider_message` is the provider's own text, already redacted. `http_status` is the provider's, 0 if
    there was none. `retry_after_s` becomes `google.rpc.RetryInfo`.

    Attempts fill in `attempts`, `usage` and `started` on the way up; they become a `CallFailure`. `is_rehearsed` says
    that the caller had asked for just this failure: it tells nothing of anybody's health.
    """

    code: ClassVar[Code]
    reason: ClassVar[Reason.ValueType]

    def __init__(
        self,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float | None = None,
        provider_message: str = "",
        http_status: int = 0,
        violations: Sequence[FieldViolation] = (),
        quota_violations: Sequence[QuotaViolation] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.metadata = dict(metadata or {})
        self.retry_after_s = retry_after_s
        self.provider_message = provider_message
        self.http_status = http_status
        self.violations = tuple(violations)
        self.quota_violations = tuple(quota_violations)
        self.attempts: list[call_pb2.Attempt] = []
        self.usage: usage_pb2.Usage | None = None
        self.started = False
        self.is_rehearsed = False

    @property
    def reason_word(self) -> str:
        """The reason in lower case, without its prefix, as prose has it."""
        return Reason.Name(self.reason).removeprefix("ERROR_REASON_").lower()


class InvalidField(CallError):
    """A field is wrong. Carries a violation for each."""

    code = Code.INVALID_ARGUMENT
    reason = Reason.ERROR_REASON_INVALID_FIELD

    def __init__(self, violations: Sequence[FieldViolation]) -> None:
        first = violations[0]
        more = f" ({len(violations) - 1} more fields are wrong, too.)" if len(violations) > 1 else ""
        super().__init__(f"{first.field}: {first.description}{more}", violations=violations)


class ContextTooLong(CallError):
    """The input is longer than the model reads."""

    code = Code.INVALID_ARGUMENT
    reason = Reason.ERROR_REASON_CONTEXT_TOO_LONG


class ContentFiltered(CallError):
    """The provider withheld prompt or answer before any content."""

    code = Code.INVALID_ARGUMENT
    reason = Reason.ERROR_REASON_CONTENT_FILTERED


class ProviderRejectedRequest(CallError):
    """The provider refused the request for a reason of its own."""

    code = Code.INVALID_ARGUMENT
    reason = Reason.ERROR_REASON_PROVIDER_REJECTED_REQUEST


class ApiKeyInvalid(CallError):
    """The caller's key is absent, unknown, expired or revoked; which one is not told."""

    code = Code.UNAUTHENTICATED
    reason = Reason.ERROR_REASON_API_KEY_INVALID


class ModelNotAllowed(CallError):
    """The caller's key may not use this model."""

    code = Code.PERMISSION_DENIED
    reason = Reason.ERROR_REASON_MODEL_NOT_ALLOWED


class PermissionMissing(CallError):
    """The caller's role does not let it do this."""

    code = Code.PERMISSION_DENIED
    reason = Reason.ERROR_REASON_PERMISSION_MISSING


class ModelNotFound(CallError):
    """No model and no route has this name, here or at the provider."""

    code = Code.NOT_FOUND
    reason = Reason.ERROR_REASON_MODEL_NOT_FOUND


class CacheMiss(CallError):
    """The call asked for a cached answer only, and there is none."""

    code = Code.NOT_FOUND
    reason = Reason.ERROR_REASON_CACHE_MISS


class ResourceNotFound(CallError):
    """There is no such resource for this caller: another tenant's is not found, either."""

    code = Code.NOT_FOUND
    reason = Reason.ERROR_REASON_RESOURCE_NOT_FOUND


class ResourceExists(CallError):
    """A resource of this name exists already."""

    code = Code.ALREADY_EXISTS
    reason = Reason.ERROR_REASON_RESOURCE_EXISTS


class EtagMismatch(CallError):
    """The resource has changed since its etag was read."""

    code = Code.ABORTED
    reason = Reason.ERROR_REASON_ETAG_MISMATCH


class CapabilityMissing(CallError):
    """No target can do what the request asks."""

    code = Code.FAILED_PRECONDITION
    reason = Reason.ERROR_REASON_CAPABILITY_MISSING


class PriceUnknown(CallError):
    """A cost quota applies, and what the request could cost is not known."""

    code = Code.FAILED_PRECONDITION
    reason = Reason.ERROR_REASON_PRICE_UNKNOWN


class ResourceReadOnly(CallError):
    """The resource stands in the configuration, and is changed there."""

    code = Code.FAILED_PRECONDITION
    reason = Reason.ERROR_REASON_RESOURCE_READ_ONLY


class QuotaExceeded(CallError):
    """A quota is used up for now: it will have room again."""

    code = Code.RESOURCE_EXHAUSTED
    reason = Reason.ERROR_REASON_QUOTA_EXCEEDED


class BudgetExceeded(CallError):
    """What is committed leaves no room in a budget; running calls that end give none back."""

    code = Code.RESOURCE_EXHAUSTED
    reason = Reason.ERROR_REASON_BUDGET_EXCEEDED


class ProviderRateLimited(CallError):
    """The provider's own rate limit."""

    code = Code.RESOURCE_EXHAUSTED
    reason = Reason.ERROR_REASON_PROVIDER_RATE_LIMITED


class GatewayOverloaded(CallError):
    """The gateway has no room for the call now."""

    code = Code.RESOURCE_EXHAUSTED
    reason = Reason.ERROR_REASON_GATEWAY_OVERLOADED


class RequestTooLarge(CallError):
    """The request is over the gateway's limit."""

    code = Code.RESOURCE_EXHAUSTED
    reason = Reason.ERROR_REASON_REQUEST_TOO_LARGE


class ProviderOverloaded(CallError):
    """The provider refused for load (503, 529)."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_PROVIDER_OVERLOADED


class ProviderUnreachable(CallError):
    """No connection, no TLS, no name, or the connection broke before an answer."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_PROVIDER_UNREACHABLE


class ProviderKeyRejected(CallError):
    """The provider refused the gateway's credentials, there are none to show, or its account has no credit (402)."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_PROVIDER_KEY_REJECTED


class ProviderBadResponse(CallError):
    """The provider failed, or its answer made no sense."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_PROVIDER_BAD_RESPONSE


class AllTargetsFailed(CallError):
    """Every attempt failed, in different ways."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_ALL_TARGETS_FAILED


class CircuitOpen(CallError):
    """The only targets are left alone for a while: they failed too often of late."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_CIRCUIT_OPEN


class StreamBroken(CallError):
    """The stream broke off after content had been sent."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_STREAM_BROKEN


class StoreUnavailable(CallError):
    """The ledger that money depends on does not answer."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_STORE_UNAVAILABLE


class StorageFull(CallError):
    """The ledger's disk is full."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_STORAGE_FULL


class ShuttingDown(CallError):
    """The gateway is shutting down; another replica may answer."""

    code = Code.UNAVAILABLE
    reason = Reason.ERROR_REASON_SHUTTING_DOWN


class ConnectTimeout(CallError):
    """No connection to the provider in time."""

    code = Code.DEADLINE_EXCEEDED
    reason = Reason.ERROR_REASON_CONNECT_TIMEOUT


class FirstContentTimeout(CallError):
    """No content of a stream in time."""

    code = Code.DEADLINE_EXCEEDED
    reason = Reason.ERROR_REASON_FIRST_CONTENT_TIMEOUT


class EventGapTimeout(CallError):
    """Too long a silence between two events of a stream."""

    code = Code.DEADLINE_EXCEEDED
    reason = Reason.ERROR_REASON_EVENT_GAP_TIMEOUT


class TotalTimeout(CallError):
    """The call as a whole took too long."""

    code = Code.DEADLINE_EXCEEDED
    reason = Reason.ERROR_REASON_TOTAL_TIMEOUT


class ReaderTooSlow(CallError):
    """The caller reads its stream too slowly."""

    code = Code.ABORTED
    reason = Reason.ERROR_REASON_READER_TOO_SLOW


class CallerLeft(CallError):
    """The caller cancelled; only logs and metrics see it."""

    code = Code.CANCELLED
    reason = Reason.ERROR_REASON_UNSPECIFIED


class InternalError(CallError):
    """A fault of the gateway."""

    code = Code.INTERNAL
    reason = Reason.ERROR_REASON_INTERNAL_ERROR
