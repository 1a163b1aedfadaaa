"""Errors as OpenAI's clients read them: one table from the contract's reasons, and names of fields put back.

An answer that is no success has the body `{"error": {"message", "type", "param", "code"}}` (OpenAI API
reference, "Error codes"; schema `ErrorResponse`, read 2026-11). `param` is the path of the member of the body
that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import grpc
import msgspec
from llmgateway.errors import GatewayError
from llmgateway.v1 import call_pb2, error_reason_pb2

from llmgateway_http.attempts import describe_attempt
from llmgateway_http.rate_limits import describe_violation

INVALID_REQUEST = "invalid_request_error"
RATE_LIMIT = "rate_limit_error"
SERVER_ERROR = "server_error"


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """How one kind of failure looks over REST.

    `should_retry` says whether the same request may succeed soon without being paid for twice. The gateway has
    tried the targets already, so most failures of providers say no.
    """

    status: int
    type: str
    code: str
    should_retry: bool = False


_Reason = error_reason_pb2.ErrorReason

REASON_ROWS: Mapping[int, ErrorRow] = {
    _Reason.ERROR_REASON_INVALID_FIELD: ErrorRow(400, INVALID_REQUEST, "invalid_value"),
    _Reason.ERROR_REASON_CONTEXT_TOO_LONG: ErrorRow(400, INVALID_REQUEST, "context_length_exceeded"),
    _Reason.ERROR_REASON_CONTENT_FILTERED: ErrorRow(400, INVALID_REQUEST, "content_filter"),
    _Reason.ERROR_REASON_GUARD_BLOCKED: ErrorRow(400, INVALID_REQUEST, "guard_blocked"),
    _Reason.ERROR_REASON_PROVIDER_REJECTED_REQUEST: ErrorRow(400, INVALID_REQUEST, "provider_rejected_request"),
    _Reason.ERROR_REASON_API_KEY_INVALID: ErrorRow(401, INVALID_REQUEST, "invalid_api_key"),
    _Reason.ERROR_REASON_MODEL_NOT_ALLOWED: ErrorRow(403, INVALID_REQUEST, "model_not_allowed"),
    _Reason.ERROR_REASON_PERMISSION_MISSING: ErrorRow(403, INVALID_REQUEST, "permission_missing"),
    _Reason.ERROR_REASON_MODEL_NOT_FOUND: ErrorRow(404, INVALID_REQUEST, "model_not_found"),
    _Reason.ERROR_REASON_CACHE_MISS: ErrorRow(404, INVALID_REQUEST, "cache_miss"),
    _Reason.ERROR_REASON_RESOURCE_EXISTS: ErrorRow(409, INVALID_REQUEST, "resource_exists"),
    _Reason.ERROR_REASON_RESOURCE_READ_ONLY: ErrorRow(400, INVALID_REQUEST, "resource_read_only"),
    _Reason.ERROR_REASON_RESOURCE_NOT_FOUND: ErrorRow(404, INVALID_REQUEST, "resource_not_found"),
    _Reason.ERROR_REASON_IDEMPOTENCY_KEY_REUSED: ErrorRow(409, INVALID_REQUEST, "idempotency_key_reused"),
    _Reason.ERROR_REASON_ETAG_MISMATCH: ErrorRow(409, INVALID_REQUEST, "etag_mismatch"),
    _Reason.ERROR_REASON_CAPABILITY_MISSING: ErrorRow(400, INVALID_REQUEST, "unsupported_parameter"),
    _Reason.ERROR_REASON_PRICE_UNKNOWN: ErrorRow(400, INVALID_REQUEST, "price_unknown"),
    _Reason.ERROR_REASON_QUOTA_EXCEEDED: ErrorRow(429, RATE_LIMIT, "rate_limit_exceeded", should_retry=True),
    _Reason.ERROR_REASON_BUDGET_EXCEEDED: ErrorRow(402, "insufficient_quota", "insufficient_quota"),
    _Reason.ERROR_REASON_PROVIDER_RATE_LIMITED: ErrorRow(429, RATE_LIMIT, "rate_limit_exceeded", should_retry=True),
    _Reason.ERROR_REASON_GATEWAY_OVERLOADED: ErrorRow(429, RATE_LIMIT, "gateway_overloaded", should_retry=True),
    _Reason.ERROR_REASON_REQUEST_TOO_LARGE: ErrorRow(413, INVALID_REQUEST, "request_too_large"),
    _Reason.ERROR_REASON_RESPONSE_TOO_LARGE: ErrorRow(502, SERVER_ERROR, "response_too_large"),
    _Reason.ERROR_REASON_ALL_TARGETS_FAILED: ErrorRow(502, SERVER_ERROR, "all_targets_failed"),
    _Reason.ERROR_REASON_PROVIDER_OVERLOADED: ErrorRow(503, SERVER_ERROR, "provider_overloaded", should_retry=True),
    _Reason.ERROR_REASON_PROVIDER_UNREACHABLE: ErrorRow(502, SERVER_ERROR, "provider_unreachable"),
    _Reason.ERROR_REASON_PROVIDER_KEY_REJECTED: ErrorRow(502, SERVER_ERROR, "provider_key_rejected"),
    _Reason.ERROR_REASON_PROVIDER_BAD_RESPONSE: ErrorRow(502, SERVER_ERROR, "provider_bad_response"),
    _Reason.ERROR_REASON_STREAM_BROKEN: ErrorRow(502, SERVER_ERROR, "stream_broken"),
    _Reason.ERROR_REASON_STORE_UNAVAILABLE: ErrorRow(503, SERVER_ERROR, "store_unavailable", should_retry=True),
    _Reason.ERROR_REASON_STORAGE_FULL: ErrorRow(503, SERVER_ERROR, "storage_full"),
    _Reason.ERROR_REASON_SHUTTING_DOWN: ErrorRow(503, SERVER_ERROR, "shutting_down", should_retry=True),
    _Reason.ERROR_REASON_CIRCUIT_OPEN: ErrorRow(503, SERVER_ERROR, "circuit_open", should_retry=True),
    _Reason.ERROR_REASON_CONNECT_TIMEOUT: ErrorRow(504, SERVER_ERROR, "connect_timeout"),
    _Reason.ERROR_REASON_FIRST_CONTENT_TIMEOUT: ErrorRow(504, SERVER_ERROR, "first_content_timeout"),
    _Reason.ERROR_REASON_EVENT_GAP_TIMEOUT: ErrorRow(504, SERVER_ERROR, "event_gap_timeout"),
    _Reason.ERROR_REASON_TOTAL_TIMEOUT: ErrorRow(504, SERVER_ERROR, "timeout"),
    _Reason.ERROR_REASON_READER_TOO_SLOW: ErrorRow(408, INVALID_REQUEST, "reader_too_slow"),
    _Reason.ERROR_REASON_INTERNAL_ERROR: ErrorRow(500, SERVER_ERROR, "internal_error"),
}

# For a status without a reason of ours: gRPC's own library made it, or a gateway newer than this shim.
CODE_ROWS: Mapping[grpc.StatusCode, ErrorRow] = {
    grpc.StatusCode.CANCELLED: ErrorRow(503, SERVER_ERROR, "cancelled", should_retry=True),
    grpc.StatusCode.INVALID_ARGUMENT: ErrorRow(400, INVALID_REQUEST, "invalid_value"),
    grpc.StatusCode.DEADLINE_EXCEEDED: ErrorRow(504, SERVER_ERROR, "timeout"),
    grpc.StatusCode.NOT_FOUND: ErrorRow(404, INVALID_REQUEST, "not_found"),
    grpc.StatusCode.ALREADY_EXISTS: ErrorRow(409, INVALID_REQUEST, "already_exists"),
    grpc.StatusCode.PERMISSION_DENIED: ErrorRow(403, INVALID_REQUEST, "permission_denied"),
    # Without a reason of ours it is a message over the limit of gRPC's library, on its way to or from the gateway.
    grpc.StatusCode.RESOURCE_EXHAUSTED: ErrorRow(502, SERVER_ERROR, "message_too_large"),
    grpc.StatusCode.FAILED_PRECONDITION: ErrorRow(400, INVALID_REQUEST, "failed_precondition"),
    grpc.StatusCode.ABORTED: ErrorRow(409, INVALID_REQUEST, "aborted"),
    grpc.StatusCode.OUT_OF_RANGE: ErrorRow(400, INVALID_REQUEST, "out_of_range"),
    grpc.StatusCode.UNIMPLEMENTED: ErrorRow(501, SERVER_ERROR, "not_implemented"),
    grpc.StatusCode.UNAVAILABLE: ErrorRow(503, SERVER_ERROR, "gateway_unavailable", should_retry=True),
    grpc.StatusCode.UNAUTHENTICATED: ErrorRow(401, INVALID_REQUEST, "invalid_api_key"),
}
UNKNOWN_ROW = ErrorRow(500, SERVER_ERROR, "internal_error")


class RestError(Exception):
    """A failure as it goes out: status and body.

    `param` is the path of the member that is wrong; `call_id` the gateway's id of the call, empty if there was
    none; `provider_message` what the provider said, redacted; `rate_limits` its headers about its limits;
    `attempts` what was tried; `quota_violations` which quotas refused.
    """

    def __init__(
        self,
        row: ErrorRow,
        message: str,
        *,
        param: str | None = None,
        retry_after_s: float | None = None,
        call_id: str = "",
        provider_message: str = "",
        rate_limits: Mapping[str, str] | None = None,
        attempts: Sequence[call_pb2.Attempt] = (),
        quota_violations: Sequence[call_pb2.QuotaViolation] = (),
    ) -> None:
        super().__init__(message)
        self.row = row
        self.message = message
        self.param = param
        self.retry_after_s = retry_after_s
        self.call_id = call_id
        self.provider_message = provider_message
        self.rate_limits = dict(rate_limits or {})
        self.attempts = attempts
        self.quota_violations = quota_violations

    def body(self) -> bytes:
        """Return the JSON that tells it."""
        error: dict[str, object] = {
            "message": self.message,
            "type": self.row.type,
            "param": self.param,
            "code": self.row.code,
        }
        if self.provider_message:
            error["provider_message"] = self.provider_message
        if self.attempts:
            error["attempts"] = [describe_attempt(attempt) for attempt in self.attempts]
        if self.quota_violations:
            error["quota_violations"] = [describe_violation(broken) for broken in self.quota_violations]
        return msgspec.json.encode({"error": error})


def invalid(param: str | None, description: str, code: str = "invalid_value") -> RestError:
    """Return the refusal of a member of the body; `description` reads on after its name."""
    message = f"{param}: {description}." if param else f"{description}."
    return RestError(ErrorRow(400, INVALID_REQUEST, code), message, param=param)


def from_gateway_error(error: GatewayError, param_of: Callable[[str], str]) -> RestError:
    """Return how a failed call looks over REST. `param_of` names a field of the contract as the body does."""
    row = REASON_ROWS.get(error.reason) or CODE_ROWS.get(error.code, UNKNOWN_ROW)
    if error.started and row.should_retry:
        row = ErrorRow(row.status, row.type, row.code)
    message, param = error.message, None
    if error.violations:
        first = error.violations[0]
        param = param_of(first.field)
        more = f" ({len(error.violations) - 1} more are wrong, too.)" if len(error.violations) > 1 else ""
        message = f"{param}: {first.description}{more}"
    elif row.code == "model_not_found":
        param = "model"
    elif field := error.metadata.get("capability") or error.metadata.get("field"):
        param = param_of(field)
        message = message.replace(field, param, 1)
    return RestError(
        row,
        message,
        param=param,
        retry_after_s=error.retry_after_s,
        call_id=error.call_id,
        provider_message=error.provider_message,
        rate_limits={name: value for name, value in error.metadata.items() if "ratelimit" in name},
        attempts=error.attempts,
        quota_violations=error.quota_violations,
    )


# From the contract's paths to OpenAI's, tried in order; what none matches keeps its name.
_SHARED_PARAMS = (
    (r"labels.*", "metadata"),
    (r"end_user_id", "user"),
    (r"idempotency_key", "idempotency-key"),
)
_GENERATION_PARAMS = (
    (r"candidate_count", "n"),
    (r"sampling\.stop_sequences.*", "stop"),
    (r"sampling\.logit_bias.*", "logit_bias"),
    (r"sampling\.(\w+)", r"\1"),
    *_SHARED_PARAMS,
)
_ROUTING_PARAMS = (
    (r"routing\.fallback_models\b.*", "models"),
    (r"routing\.provider_order\b.*", "provider.order"),
    (r"routing\.allowed_providers\b.*", "provider.only"),
    (r"routing\.denied_providers\b.*", "provider.ignore"),
    (r"routing\.(sort|max_price)\b.*", r"provider.\1"),
)
CHAT_PARAMS = (
    *_ROUTING_PARAMS,
    (r"(messages\[\d+\])\.parts\[\d+\]\.tool_call\b.*", r"\1.tool_calls"),
    (r"(messages\[\d+\])\.parts\[\d+\]\.tool_result\.tool_call_id", r"\1.tool_call_id"),
    (r"(messages\[\d+\])\.parts\b.*", r"\1.content"),
    (r"(tools\[\d+\]\.function)\.input_schema_json", r"\1.parameters"),
    (r"(tools\[\d+\])\.provider_tool\b.*", r"\1"),
    (r"tool_choice\.parallel", "parallel_tool_calls"),
    (r"tool_choice\b.*", "tool_choice"),
    (r"output_format\b.*", "response_format"),
    (r"reasoning\.effort", "reasoning_effort"),
    (r"max_output_token_count", "max_completion_tokens"),
    (r"top_logprob_count", "top_logprobs"),
    (r"prompt_cache\.key", "prompt_cache_key"),
    (r"prompt_cache\.ttl", "prompt_cache_retention"),
    (r"output_modalities\b.*", "modalities"),
    *_GENERATION_PARAMS,
)
COMPLETION_PARAMS = (
    (r"raw_prompt\.(suffix|echo)", r"\1"),
    (r"raw_prompt\b.*", "prompt"),
    (r"max_output_token_count", "max_tokens"),
    (r"top_logprob_count", "logprobs"),
    *_GENERATION_PARAMS,
)
EMBEDDING_PARAMS = (
    (r"inputs(\[\d+\])\b.*", r"input\1"),
    (r"inputs", "input"),
    (r"dimension_count", "dimensions"),
    (r"encoding", "encoding_format"),
    *_SHARED_PARAMS,
)
NO_PARAMS = ()


def rename(path: str, params: tuple[tuple[str, str], ...]) -> str:
    """Return what the body calls the contract's field at `path`."""
    for pattern, name in params:
        match = re.fullmatch(pattern, path)
        if match is not None:
            return match.expand(name)
    return path
