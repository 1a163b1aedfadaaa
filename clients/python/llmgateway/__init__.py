"""The gateway's Python client, and the generated contract `llmgateway.v1`.

    from llmgateway import Client

    async with Client(key="…") as client:
        response = await client.generate("Hello", model="mock/echo")

`SyncClient` is the same for programs without an event loop. What needs gRPC is loaded on first use: whoever imports the
contract alone does not load it.
"""

from __future__ import annotations

import importlib
from types import MappingProxyType
from typing import TYPE_CHECKING

# Not on first use like the others: the module of this name would take the function's place in the package.
from llmgateway.fold import Fold, GrammarError, fold, unfold

if TYPE_CHECKING:
    from llmgateway.channel import open_channel
    from llmgateway.client import Client
    from llmgateway.compare import ComparedEvent, ComparedModel, Comparison
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
    from llmgateway.stream import GenerationStream
    from llmgateway.sync import SyncClient, SyncComparison, SyncGenerationStream
    from llmgateway.text import text_of

__all__ = [
    "AuthenticationError",
    "Client",
    "ComparedEvent",
    "ComparedModel",
    "Comparison",
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
    "SyncClient",
    "SyncComparison",
    "SyncGenerationStream",
    "UnavailableError",
    "error_from_rpc",
    "fold",
    "open_channel",
    "text_of",
    "unfold",
]

MODULES = MappingProxyType(
    {
        "AuthenticationError": "errors",
        "Client": "client",
        "ComparedEvent": "compare",
        "ComparedModel": "compare",
        "Comparison": "compare",
        "DeadlineExceededError": "errors",
        "GatewayError": "errors",
        "GenerationStream": "stream",
        "InvalidRequestError": "errors",
        "NotFoundError": "errors",
        "PermissionDeniedError": "errors",
        "RateLimitedError": "errors",
        "StreamBrokenError": "errors",
        "SyncClient": "sync",
        "SyncComparison": "sync",
        "SyncGenerationStream": "sync",
        "UnavailableError": "errors",
        "error_from_rpc": "errors",
        "open_channel": "channel",
        "text_of": "text",
    }
)


def __getattr__(name: str) -> object:
    """Load a public name on its first use."""
    module = MODULES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(importlib.import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
