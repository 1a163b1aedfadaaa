"""How the mock fails: the leaves that the openai dialect raises for the same faults of a real provider."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from llmgateway_server import errors

STATUS_RANGE = (400, 599)
MAX_PROVIDER_MESSAGE_BYTES = 512

FAULTS_BY_STATUS: Mapping[int, type[errors.CallError]] = {
    401: errors.ProviderKeyRejected,
    402: errors.ProviderKeyRejected,
    403: errors.ProviderKeyRejected,
    404: errors.ModelNotFound,
    429: errors.ProviderRateLimited,
    503: errors.ProviderOverloaded,
    529: errors.ProviderOverloaded,
}

# By `ErrorReason` without its prefix: the leaf, and the status that comes with it (0: no answer came at all).
FAULTS_BY_REASON: Mapping[str, tuple[type[errors.CallError], int]] = {
    "CONTEXT_TOO_LONG": (errors.ContextTooLong, 400),
    "CONTENT_FILTERED": (errors.ContentFiltered, 400),
    "PROVIDER_REJECTED_REQUEST": (errors.ProviderRejectedRequest, 400),
    "MODEL_NOT_FOUND": (errors.ModelNotFound, 404),
    "PROVIDER_RATE_LIMITED": (errors.ProviderRateLimited, 429),
    "PROVIDER_OVERLOADED": (errors.ProviderOverloaded, 503),
    "PROVIDER_UNREACHABLE": (errors.ProviderUnreachable, 0),
    "PROVIDER_KEY_REJECTED": (errors.ProviderKeyRejected, 401),
    "PROVIDER_BAD_RESPONSE": (errors.ProviderBadResponse, 200),
    "CONNECT_TIMEOUT": (errors.ConnectTimeout, 0),
    "FIRST_CONTENT_TIMEOUT": (errors.FirstContentTimeout, 200),
    "EVENT_GAP_TIMEOUT": (errors.EventGapTimeout, 200),
    "TOTAL_TIMEOUT": (errors.TotalTimeout, 200),
    # The gateway's own, to see what a client makes of them.
    "GATEWAY_OVERLOADED": (errors.GatewayOverloaded, 0),
    "CIRCUIT_OPEN": (errors.CircuitOpen, 0),
    "SHUTTING_DOWN": (errors.ShuttingDown, 0),
    "STORE_UNAVAILABLE": (errors.StoreUnavailable, 0),
    "STORAGE_FULL": (errors.StorageFull, 0),
    "QUOTA_EXCEEDED": (errors.QuotaExceeded, 0),
    "BUDGET_EXCEEDED": (errors.BudgetExceeded, 0),
    "READER_TOO_SLOW": (errors.ReaderTooSlow, 0),
    "INTERNAL_ERROR": (errors.InternalError, 0),
}
FAULT_REASONS = tuple(FAULTS_BY_REASON)

# What each leaf says in `ErrorInfo.metadata` beyond the provider and its status: see `error_reason.proto`.
METADATA: Mapping[type[errors.CallError], Callable[[str], dict[str, str]]] = {
    errors.ContextTooLong: lambda model: {"model": model},
    errors.ModelNotFound: lambda model: {"model": model},
    errors.ContentFiltered: lambda _model: {"category": "content_filter"},
    errors.ConnectTimeout: lambda _model: {"timeoutMs": "0"},
    errors.FirstContentTimeout: lambda _model: {"timeoutMs": "0"},
    errors.EventGapTimeout: lambda _model: {"timeoutMs": "0"},
    errors.TotalTimeout: lambda _model: {"timeoutMs": "0"},
}


def fault_of_status(status: int) -> type[errors.CallError]:
    """Return the leaf that an HTTP status of a provider means."""
    fault = FAULTS_BY_STATUS.get(status)
    if fault is not None:
        return fault
    return errors.ProviderBadResponse if status >= 500 or status == 408 else errors.ProviderRejectedRequest


def make_fault(
    provider: str,
    model: str,
    *,
    status: int | None,
    reason: str | None,
    message: str | None,
    retry_after_s: float | None,
) -> errors.CallError:
    """Build the failure that a script asks for: by `status`, or by `reason` where that is given."""
    if reason is not None:
        fault, http_status = FAULTS_BY_REASON[reason]
    else:
        http_status = status or 500
        fault = fault_of_status(http_status)
    said = message if message is not None else f"The mock was asked to fail with {reason or http_status}."
    metadata = {"provider": provider} | ({"httpStatus": str(http_status)} if http_status else {})
    if fault in METADATA:
        metadata |= METADATA[fault](f"{provider}/{model}")
    return fault(
        f"{provider}/{model} failed as its script says. Change the script, or name another model.",
        metadata=metadata,
        retry_after_s=retry_after_s,
        provider_message=said.encode()[:MAX_PROVIDER_MESSAGE_BYTES].decode(errors="ignore"),
        http_status=http_status,
    )


def make_truncation(provider: str) -> errors.ProviderBadResponse:
    """Build the failure of an answer that breaks off, as the reader of a real provider's stream reports it."""
    return errors.ProviderBadResponse(
        f"The answer of {provider} makes no sense: the stream ended without its terminal.",
        metadata={"provider": provider, "httpStatus": "200"},
        http_status=200,
    )
