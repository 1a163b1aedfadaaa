"""Answers that are errors: a status, the name of an exception and a body → a leaf of the error tree.

Names and statuses follow the Amazon Bedrock User Guide ("Troubleshooting Amazon Bedrock API Error Codes") and the
API reference of Converse and ConverseStream, both read 2026-11-25. The name stands in the header
`x-amzn-errortype`, in a body's `__type`, or is that of a stream's exception.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from llmgateway_server import errors
from llmgateway_server.dialects.failures import Told, leaf_of, plain_text, retry_after_s
from llmgateway_server.dialects.reading import Json, decode, mapping, text

KEY_NAMES = frozenset(
    {
        "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException", "ExpiredToken",
        "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationTokenException",
        "MissingAuthenticationToken", "InvalidClientTokenId", "IncompleteSignature", "IncompleteSignatureException",
        "NotAuthorized", "OptInRequired", "RequestExpired",
    }
)  # fmt: skip
# What an exception means, whatever its status: quotas come as 400, a model that is being loaded as 429.
STATUS_BY_NAME = {
    "ValidationException": 400,
    "ValidationError": 400,
    "ResourceNotFoundException": 404,
    "ModelTimeoutException": 408,
    "ThrottlingException": 429,
    "Throttling": 429,
    "TooManyRequestsException": 429,
    "RequestLimitExceeded": 429,
    "ServiceQuotaExceededException": 429,
    "InternalServerException": 500,
    "InternalFailure": 500,
    "ModelErrorException": 500,
    "ModelStreamErrorException": 500,
    "ModelNotReadyException": 503,
    "ServiceUnavailableException": 503,
    "ServiceUnavailable": 503,
}
# Errors of the model behind Bedrock, whose own status stands in the body.
MODEL_ERRORS = frozenset({"ModelErrorException", "ModelStreamErrorException"})
CONTEXT_WORDS = re.compile(
    r"input tokens exceed|input is too long|too many input tokens|exceed(?:s|ed)? (?:the )?context|prompt is too long",
    re.IGNORECASE,
)
FILTER_WORDS = re.compile(r"content filtering policy|blocked by (?:the |our )?content filter", re.IGNORECASE)
# What AWS says of who called and how a request was signed is the operator's own: accounts, roles, key ids, tokens.
OPERATOR_WORDS = re.compile(
    r"arn:aws[\w-]*:(?:iam|sts):[^\s,\"']*|\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b|(?<!\d)\d{12}(?!\d)"
    r"|The Canonical String for this request should have been.*",
    re.DOTALL,
)
MODEL_WORDS = re.compile(r"model identifier is invalid", re.IGNORECASE)


def decode_error(provider: str, status: int, headers: Mapping[str, str], body: bytes) -> errors.CallError:
    """Return what a non-2xx answer means. Never raises."""
    try:
        raw = mapping(decode(body)) if body else {}
    except ValueError:
        raw = {}
    name = exception_name(headers.get("x-amzn-errortype", "") or type_of(raw))
    message = message_of(raw) or plain_text(headers, body)
    return error_of(provider, status, name, message, raw, aws_retry_after_s(headers))


def aws_retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return when to come back: AWS says it in a header of its own, in milliseconds (botocore 1.44.8, `retries`)."""
    told = retry_after_s({"retry-after-ms": headers.get("x-amz-retry-after", "")})
    return retry_after_s(headers) if told is None else told


def stream_error(provider: str, name: str, raw: Json) -> errors.CallError:
    """Return the leaf for an exception inside a 200."""
    known = exception_name(name) or exception_name(type_of(raw))
    status = 403 if known in KEY_NAMES else STATUS_BY_NAME.get(known, 500)
    return error_of(provider, status, known, message_of(raw), raw, None)


def error_of(provider: str, status: int, name: str, message: str, raw: Json, retry_s: float | None) -> errors.CallError:
    """Return the leaf for an exception: judged by its name first, shown with the status that came."""
    judged = STATUS_BY_NAME.get(name, status)
    if name in MODEL_ERRORS:
        judged = model_status(raw)
    message = OPERATOR_WORDS.sub("***", message)
    told = Told(
        message,
        name,
        retry_s,
        is_filtered=bool(FILTER_WORDS.search(message)),
        is_context_too_long=judged == 400 and bool(CONTEXT_WORDS.search(message)),
        is_model_unknown=name == "ResourceNotFoundException" or bool(MODEL_WORDS.search(message)),
        is_key_rejected=name in KEY_NAMES,
    )
    error = leaf_of(provider, judged, told)
    if judged == status:
        return error
    return type(error)(
        error.message.replace(f" answered {judged}", f" answered {status}", 1),
        metadata={**error.metadata, "httpStatus": str(status)},
        retry_after_s=error.retry_after_s,
        provider_message=error.provider_message,
        http_status=status,
    )


def is_exception(name: str) -> bool:
    """Whether the name of a stream's event is that of an exception; an unmodelled error has only a code for a name."""
    return name[-9:].lower() == "exception" or exception_name(name) in STATUS_BY_NAME or name in KEY_NAMES


def model_status(raw: Json) -> int:
    """Return as what an error of the model counts: the caller's own fault, a limit, or a failure."""
    original = raw.get("originalStatusCode")
    if original in (400, 413, 422):
        return 400
    return original if original in (429, 503) else 500


def exception_name(given: str) -> str:
    """Return an exception's bare name: `com.amazon…#Name`, `Name:http://…` and `nameOfStream` are all written."""
    name = given.partition(":")[0].rpartition("#")[2].strip()
    return name[:1].upper() + name[1:]


def type_of(raw: Json) -> str:
    """Return the name that a body holds, empty where it holds none."""
    return text(raw.get("__type")) or text(raw.get("code")) or text(mapping(raw.get("Output")).get("__type"))


def message_of(raw: Json) -> str:
    """Return what an error says, under any of its names."""
    for member in ("message", "Message", "originalMessage", "errorMessage"):
        if raw.get(member):
            return text(raw[member])
    return ""
