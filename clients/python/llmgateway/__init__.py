"""The gateway's Python client, and the generated contract `llmgateway.v1`."""

from llmgateway.channel import open_channel
from llmgateway.client import Client, GenerationStream
from llmgateway.errors import (
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
from llmgateway.fold import Fold, GrammarError, fold, unfold

__all__ = [
    "AuthenticationError",
    "Client",
    "DeadlineExceededError",
    "Fold",
    "GatewayError",
    "GenerationStream",
    "GrammarError",
    "InvalidRequestError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitedError",
    "StreamBrokenError",
    "UnavailableError",
    "error_from_rpc",
    "fold",
    "open_channel",
    "unfold",
]
