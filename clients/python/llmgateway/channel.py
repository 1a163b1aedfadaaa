"""Channels to a gateway, with the settings that suit it: TLS, retries, keep-alive, limits, several connections."""

from __future__ import annotations

import json
from collections.abc import Sequence

import grpc

from llmgateway.spread import SpreadChannel

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_CHANNELS = 4
SERVICE = "llmgateway.v1.LLMGateway"

MAX_RECEIVED_BYTES = 64 * 1024**2
# The gateway's own limit decides what is too large, not the client's.
UNLIMITED = -1
# A request larger than this buffer could not be sent again: as large as the largest that the gateway takes.
RETRY_BUFFER_BYTES = 32 * 1024**2
# Models are silent for minutes: without pings a connection that died in the meantime goes unnoticed, and one that
# lives is cut by whatever lies between. The gateway permits a ping every 20 s.
KEEPALIVE_INTERVAL_MS = 30_000
KEEPALIVE_TIMEOUT_MS = 10_000
# A restarted gateway is found again within seconds; the library's default waits for up to two minutes.
MAX_RECONNECT_BACKOFF_MS = 5_000

# A try ends for good with the first message or early metadata, so that nothing is answered twice. The gateway has
# tried the targets itself and says so by push-back (-1): what is left is a gateway that restarts or cannot be
# reached. CANCELLED is what gRPC's server says of a call that comes between its stop and the news of it (GOAWAY),
# before any of ours has seen it; a caller's own cancel is never tried again. RESOURCE_EXHAUSTED is not here: a rate
# limit may last for minutes, and a request that is too large stays so.
RETRIED_CODES = ("UNAVAILABLE", "CANCELLED")
MAX_TRIES = 4
# Every failed try takes one of the tokens, every call that succeeds gives half a one back; below half of them
# nothing is tried again. A rolling restart fails dozens of calls at once, an outage thousands.
THROTTLING_TOKENS = 100
THROTTLING_RATIO = 0.5

Option = tuple[str, str | int]


def open_channel(
    target: str,
    *,
    tls: bool = False,
    root_certificates: bytes | None = None,
    client_key: bytes | None = None,
    client_certificate: bytes | None = None,
    channels: int = DEFAULT_CHANNELS,
    options: Sequence[Option] = (),
) -> grpc.aio.Channel:
    """Return a channel to `target` (`host:port`, or a gRPC name such as `dns:///gateway:50051`).

    Call it where an event loop runs; it connects with the first call. Several addresses behind one name are used
    in turn. Certificates are PEM bytes. Giving any of them, or `tls=True`, asks for TLS; without
    `root_certificates` the library's own authorities are trusted. `client_key` and `client_certificate` together
    make it mTLS. Later `options` override the client's own.

    Up to `channels` connections to each address are opened as calls run at once: one HTTP/2 connection sticks to
    one server process, which bounds the calls on it.
    """
    if channels < 1:
        raise ValueError(f"channels must be at least 1, not {channels}")
    if (client_key is None) != (client_certificate is None):
        raise ValueError("client_key and client_certificate belong together: give both or none")
    credentials = None
    if tls or root_certificates is not None or client_certificate is not None:
        credentials = grpc.ssl_channel_credentials(root_certificates, client_key, client_certificate)
    # Of two options with one name the library takes the first.
    settings = list({**dict(channel_options()), **dict(options)}.items())
    opened = [open_one(target, credentials, settings) for _ in range(channels)]
    return opened[0] if channels == 1 else SpreadChannel(opened)


def open_one(target: str, credentials: grpc.ChannelCredentials | None, options: Sequence[Option]) -> grpc.aio.Channel:
    """Return a channel with connections of its own."""
    if credentials is None:
        return grpc.aio.insecure_channel(target, options=options)
    return grpc.aio.secure_channel(target, credentials, options=options)


def channel_options() -> list[Option]:
    """Return the channel's settings."""
    return [
        ("grpc.service_config", service_config()),
        ("grpc.enable_retries", 1),
        ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
        ("grpc.max_receive_message_length", MAX_RECEIVED_BYTES),
        ("grpc.max_send_message_length", UNLIMITED),
        ("grpc.keepalive_time_ms", KEEPALIVE_INTERVAL_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_BACKOFF_MS),
        # Channels with equal settings would share their connections otherwise.
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.primary_user_agent", "llmgateway-python"),
    ]


def service_config() -> str:
    """Return the service config (gRPC proposals A6, client retries, and A24, load balancing) as JSON."""
    retry_policy = {
        "maxAttempts": MAX_TRIES,
        "initialBackoff": "0.1s",
        "maxBackoff": "2s",
        "backoffMultiplier": 2,
        "retryableStatusCodes": RETRIED_CODES,
    }
    return json.dumps(
        {
            "loadBalancingConfig": [{"round_robin": {}}],
            "methodConfig": [{"name": [{"service": SERVICE}], "retryPolicy": retry_policy}],
            "retryThrottling": {"maxTokens": THROTTLING_TOKENS, "tokenRatio": THROTTLING_RATIO},
        }
    )
