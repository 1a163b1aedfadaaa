"""What a failed call raises: the client's error, which is LangChain's error for the same at once."""

from __future__ import annotations

from langchain_core import exceptions
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
)
from llmgateway.v1 import error_reason_pb2


class GatewayModelError(GatewayError, exceptions.ModelError):
    """A failure that LangChain has no class of its own for."""


class GatewayInvalidRequestError(InvalidRequestError, exceptions.ModelInvalidRequestError):
    """The request is wrong, or no target can serve it."""


class GatewayContextOverflowError(InvalidRequestError, exceptions.ContextOverflowError):
    """The input is longer than the model reads."""


class GatewayAuthenticationError(AuthenticationError, exceptions.ModelAuthenticationError):
    """The key is absent, unknown, expired or revoked."""


class GatewayPermissionDeniedError(PermissionDeniedError, exceptions.ModelPermissionDeniedError):
    """The key may not do this."""


class GatewayNotFoundError(NotFoundError, exceptions.ModelNotFoundError):
    """No model and no route has this name."""


class GatewayRateLimitError(RateLimitedError, exceptions.ModelRateLimitError):
    """A limit is reached for now."""


class GatewayConnectionError(UnavailableError, exceptions.ModelConnectionError):
    """The gateway cannot be reached."""


class GatewayAPIError(UnavailableError, exceptions.ModelAPIError):
    """Every target failed before any content."""


class GatewayTimeoutError(DeadlineExceededError, exceptions.ModelTimeoutError):
    """The call took too long."""


class GatewayStreamBrokenError(StreamBrokenError, exceptions.ModelError):
    """The stream broke off after content had come: trying again means paying again, so it is not retryable."""


CLASSES: dict[type[GatewayError], type[GatewayError]] = {
    InvalidRequestError: GatewayInvalidRequestError,
    AuthenticationError: GatewayAuthenticationError,
    PermissionDeniedError: GatewayPermissionDeniedError,
    NotFoundError: GatewayNotFoundError,
    RateLimitedError: GatewayRateLimitError,
    UnavailableError: GatewayAPIError,
    DeadlineExceededError: GatewayTimeoutError,
    StreamBrokenError: GatewayStreamBrokenError,
}


def model_error(error: GatewayError) -> GatewayError:
    """Return the same error, of a class that LangChain's own error for it is a base of."""
    raised = class_for(error)
    # The attributes are copied rather than passed: a newer client may have more of them.
    made = raised.__new__(raised, *error.args)
    made.__dict__.update(error.__dict__)
    return made


def class_for(error: GatewayError) -> type[GatewayError]:
    """Return the class for an error of the client's."""
    if error.reason == error_reason_pb2.ERROR_REASON_CONTEXT_TOO_LONG:
        return GatewayContextOverflowError
    is_unreached = not error.reason and not error.call_id
    if isinstance(error, UnavailableError) and is_unreached:
        return GatewayConnectionError
    return next((raised for kind, raised in CLASSES.items() if isinstance(error, kind)), GatewayModelError)
