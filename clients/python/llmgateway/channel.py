"""Opens channels to a gateway, with the settings that its server is made for."""

from __future__ import annotations

import json
from collections.abc import Sequence

import grpc

MAX_RECEIVE_BYTES = 64 * 1024 * 1024
KEEPALIVE_MS = 30_000

# The gateway says by push-back where trying again is no use, and when it is. Only failures before the first
# message are ever tried again; after it a caller would pay twice.
SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "methodConfig": [
            {
                "name": [{"service": "llmgateway.v1.LLMGateway"}],
                "retryPolicy": {
                    "maxAttempts": 4,
                    "initialBackoff": "0.2s",
                    "maxBackoff": "5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE"],
                },
            }
        ],
    }
)


def open_channel(
    target: str,
    *,
    tls: bool = False,
    root_certificates: bytes | None = None,
    client_key: bytes | None = None,
    client_certificate: bytes | None = None,
    options: Sequence[tuple[str, str | int]] = (),
) -> grpc.aio.Channel:
    """Return a channel to `target` (`host:port`, or a gRPC name such as `dns:///gateway:50051`).

    Certificates are PEM bytes. Giving any of them, or `tls=True`, asks for TLS; without `root_certificates`
    the system's authorities are trusted. `client_key` and `client_certificate` together make it mTLS. Later
    `options` override the client's own.
    """
    settings: list[tuple[str, str | int]] = [
        ("grpc.max_receive_message_length", MAX_RECEIVE_BYTES),
        ("grpc.max_send_message_length", -1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.service_config", SERVICE_CONFIG),
        ("grpc.enable_retries", 1),
        *options,
    ]
    if not (tls or root_certificates or client_certificate):
        return grpc.aio.insecure_channel(target, options=settings)
    credentials = grpc.ssl_channel_credentials(root_certificates, client_key, client_certificate)
    return grpc.aio.secure_channel(target, credentials, options=settings)
