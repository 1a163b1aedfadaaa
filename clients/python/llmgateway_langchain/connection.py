"""Where the gateway is, and the clients that reach it."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Self

from langchain_core.utils import from_env, secret_from_env
from llmgateway import Client, SyncClient
from llmgateway.channel import DEFAULT_CHANNELS, DEFAULT_TARGET
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretBytes, SecretStr, model_validator


@dataclass(frozen=True, slots=True)
class Settings:
    """What a client is made from."""

    target: str
    key: str | None = field(repr=False)
    tls: bool
    root_certificates: bytes | None
    client_key: bytes | None = field(repr=False)
    client_certificate: bytes | None
    channels: int


class Clients:
    """The clients of one model, each made when it is first wanted.

    An async client belongs to the event loop of its first call, so that there is one for each loop. A copy begins
    without clients.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocking: dict[Settings, SyncClient] = {}
        self._running: list[tuple[Settings, asyncio.AbstractEventLoop, Client]] = []

    def __reduce__(self) -> tuple[type[Clients], tuple[()]]:
        return Clients, ()

    def blocking(self, settings: Settings) -> SyncClient:
        """Return the client for code without an event loop; threads share it."""
        with self._lock:
            if settings not in self._blocking:
                self._blocking[settings] = SyncClient(**asdict(settings))
            return self._blocking[settings]

    def running(self, settings: Settings) -> Client:
        """Return the client of the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            self._running = [entry for entry in self._running if not entry[1].is_closed()]
            for made_from, owner, client in self._running:
                if owner is loop and made_from == settings:
                    return client
            client = Client(**asdict(settings))
            self._running.append((settings, loop, client))
            return client

    def close(self) -> None:
        """Close the clients for code without an event loop."""
        with self._lock:
            clients, self._blocking = list(self._blocking.values()), {}
        for client in clients:
            client.close()

    async def aclose(self) -> None:
        """Close the clients of the running event loop."""
        loop = asyncio.get_running_loop()
        with self._lock:
            own = [client for _, owner, client in self._running if owner is loop]
            self._running = [entry for entry in self._running if entry[1] is not loop]
        for client in own:
            await client.close()


class Connection(BaseModel):
    """The fields that say where the gateway is, and how to close what reaches it."""

    # Errors of validation would show the key.
    model_config = ConfigDict(populate_by_name=True, extra="forbid", hide_input_in_errors=True)

    target: str = Field(default_factory=from_env("LLMGATEWAY_TARGET", default=DEFAULT_TARGET))
    """`host:port`, or a gRPC name such as `dns:///gateway:50051`; else that of `LLMGATEWAY_TARGET`."""
    key: SecretStr | None = Field(
        default_factory=secret_from_env("LLMGATEWAY_KEY", default=None), alias="api_key", repr=False
    )
    """The gateway's key; else that of `LLMGATEWAY_KEY`. Sent in plain text where there is no TLS."""
    tls: bool = False
    """Whether to connect with TLS. Any certificate asks for it, too."""
    root_certificates: bytes | None = Field(default=None, exclude=True, repr=False)
    """Who may sign the gateway's certificate, as PEM; else the library's own authorities. Not serialised."""
    client_key: SecretBytes | None = Field(default=None, exclude=True, repr=False)
    """The key of `client_certificate`, as PEM. Not serialised."""
    client_certificate: bytes | None = Field(default=None, exclude=True, repr=False)
    """What to show a gateway that asks who calls (mTLS), as PEM. Not serialised."""
    channels: int = DEFAULT_CHANNELS
    """The most connections to each address of the gateway."""
    timeout: float | None = None
    """The most seconds that a call may take; else the client's own default of 600."""
    max_retries: int = Field(default=0, ge=0)
    """How often to try again what was refused for now, over what the client and the gateway do by themselves."""

    _clients: Clients = PrivateAttr(default_factory=Clients)

    @model_validator(mode="after")
    def _check_connection(self) -> Self:
        # A client that is never used opens nothing, and refuses what could not be sent.
        Client(**asdict(self._settings))
        return self

    def close(self) -> None:
        """Close the connections of blocking calls. The next call opens others."""
        self._clients.close()

    async def aclose(self) -> None:
        """Close the connections of the running event loop, and those of blocking calls."""
        await self._clients.aclose()
        await asyncio.to_thread(self._clients.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def _settings(self) -> Settings:
        return Settings(
            target=self.target,
            key=self.key.get_secret_value() if self.key is not None else None,
            tls=self.tls,
            root_certificates=self.root_certificates,
            client_key=self.client_key.get_secret_value() if self.client_key is not None else None,
            client_certificate=self.client_certificate,
            channels=self.channels,
        )

    @property
    def _blocking(self) -> SyncClient:
        return self._clients.blocking(self._settings)

    @property
    def _running(self) -> Client:
        return self._clients.running(self._settings)
