"""The gRPC server: its settings, TLS, health, reflection and channelz."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import grpc
from google.protobuf import descriptor_pool
from google.protobuf.message import Message
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from llmgateway_server.config.settings import LimitSettings, ServerSettings, TlsSettings
from llmgateway_server.rpc.channelz import CHANNELZ, channelz_handler
from llmgateway_server.rpc.rim import Authenticator
from llmgateway_server.rpc.symbols import Symbols

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING

# Pings every 20 s without calls are welcome: the library's default of 5 min ends our own clients' connections.
MIN_PING_INTERVAL_MS = 20_000
# Connections are renewed, so that replicas share the load of long-lived clients; running calls may finish.
MAX_CONNECTION_AGE_MS = 300_000
MAX_CONNECTION_AGE_GRACE_MS = 600_000


def channel_options(limits: LimitSettings) -> list[tuple[str, int]]:
    """Return the server's settings, with the limits of the configuration."""
    return [
        ("grpc.max_receive_message_length", limits.request_bytes),
        ("grpc.max_send_message_length", -1),
        # Between these two the library refuses by chance, and says no reason: the exact limit is the servicer's.
        ("grpc.max_metadata_size", 8 * limits.metadata_bytes),
        ("grpc.absolute_max_metadata_size", 8 * limits.metadata_bytes),
        ("grpc.max_concurrent_streams", limits.concurrent_streams),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", MIN_PING_INTERVAL_MS),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", MIN_PING_INTERVAL_MS),
        ("grpc.max_connection_age_ms", MAX_CONNECTION_AGE_MS),
        ("grpc.max_connection_age_grace_ms", MAX_CONNECTION_AGE_GRACE_MS),
        # Without this a second gateway on the same port would start silently and take half of the calls.
        ("grpc.so_reuseport", 0),
    ]


@dataclass(frozen=True, slots=True)
class Face:
    """What one server serves, and where. `name` is what people call it; `services` are full names."""

    name: str
    handlers: Sequence[grpc.GenericRpcHandler[Message, Message]]
    services: Sequence[str]
    listen: str
    tls: TlsSettings | None


class GrpcServer:
    """A grpc.aio server with services of the gateway's, health for them and for the whole, reflection and channelz.

    Health and reflection answer everybody. channelz is there where an `authenticator` is, and asks it.
    """

    def __init__(
        self,
        face: Face,
        server_settings: ServerSettings,
        limits: LimitSettings,
        authenticator: Authenticator | None = None,
    ) -> None:
        self._face = face
        self._server = grpc.aio.server(options=channel_options(limits))
        self._server.add_generic_rpc_handlers(tuple(face.handlers))
        self._health = HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = [*face.services, health.SERVICE_NAME, reflection.SERVICE_NAME]
        if server_settings.channelz and authenticator is not None:
            self._server.add_generic_rpc_handlers((channelz_handler(authenticator),))
            names.append(CHANNELZ)
        if server_settings.reflection:
            pool = cast(descriptor_pool.DescriptorPool, Symbols(descriptor_pool.Default()))
            reflection.enable_server_reflection(names, self._server, pool)
        self.port = 0

    async def start(self) -> None:
        """Bind and serve; `port` is the one taken. Raise `OSError` where the address cannot be had."""
        face = self._face
        try:
            if face.tls is None:
                self.port = self._server.add_insecure_port(face.listen)
            else:
                self.port = self._server.add_secure_port(face.listen, server_credentials(face.tls))
        except RuntimeError as error:  # the library's way to say that the address is taken
            raise OSError(f"cannot listen on {face.listen} for {face.name}: is it in use?") from error
        await self._server.start()
        await self.set_serving(True)

    async def set_serving(self, serving: bool) -> None:
        """Let health answer SERVING or NOT_SERVING, for each service and for the whole."""
        for name in ("", *self._face.services):
            await self._health.set(name, SERVING if serving else NOT_SERVING)

    async def stop(self, grace_s: float) -> None:
        """Send GOAWAY, take no new calls, give running ones `grace_s`, then cancel them."""
        await self._server.stop(grace_s)


def server_credentials(tls: TlsSettings) -> grpc.ServerCredentials:
    """Read the certificates. With a client CA, callers must show a certificate that it signed."""
    pair = (Path(tls.key).read_bytes(), Path(tls.certificate).read_bytes())
    client_ca = Path(tls.client_ca).read_bytes() if tls.client_ca is not None else None
    return grpc.ssl_server_credentials([pair], client_ca, require_client_auth=client_ca is not None)
