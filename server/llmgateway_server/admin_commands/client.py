"""A client of the admin services."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeVar

from llmgateway.admin.v1.key_service_pb2_grpc import KeyServiceStub
from llmgateway.admin.v1.quota_service_pb2_grpc import QuotaServiceStub
from llmgateway.admin.v1.team_service_pb2_grpc import TeamServiceStub
from llmgateway.admin.v1.usage_service_pb2 import ExportUsageRequest
from llmgateway.admin.v1.usage_service_pb2_grpc import UsageServiceStub
from llmgateway.client import PAGE_SIZE, Client, Metadata, UnaryRpc

if TYPE_CHECKING:
    from llmgateway.admin.v1.key_service_pb2_grpc import KeyServiceAsyncStub
    from llmgateway.admin.v1.quota_service_pb2_grpc import QuotaServiceAsyncStub
    from llmgateway.admin.v1.team_service_pb2_grpc import TeamServiceAsyncStub
    from llmgateway.admin.v1.usage_service_pb2_grpc import UsageServiceAsyncStub

Request = TypeVar("Request")
Response = TypeVar("Response")


class PagedRequest(Protocol):
    """Asks for a page of a list."""

    page_size: int
    page_token: str


class Page(Protocol):
    """A page of a list."""

    next_page_token: str


Asked = TypeVar("Asked", bound=PagedRequest)
Paged = TypeVar("Paged", bound=Page)


class AdminClient(Client):
    """Calls the admin services. Key, TLS, time-outs and errors are those of any client."""

    async def ask(self, rpc: UnaryRpc[Request, Response], request: Request) -> Response:
        """Call an RPC of one of the services; raise `GatewayError` where it fails."""
        return await self._call(rpc, request, None)

    async def pages(self, rpc: UnaryRpc[Asked, Paged], request: Asked) -> list[Paged]:
        """Return every page of a list. The client's time bounds all of them together."""
        bound_s = self._bound(None)
        started_s = time.monotonic()
        pages: list[Paged] = []
        request.page_size = PAGE_SIZE
        while True:
            left_s = None if bound_s is None else max(0.0, bound_s - (time.monotonic() - started_s))
            pages.append(await self._call(rpc, request, left_s))
            request.page_token = pages[-1].next_page_token
            if not request.page_token:
                return pages

    async def export(self, request: ExportUsageRequest, write: Callable[[bytes], None]) -> None:
        """Write an export, a piece at a time."""

        async def read(
            request: ExportUsageRequest,
            *,
            timeout: float | None = None,  # noqa: ASYNC109  # as an RPC of the stub is called
            metadata: Metadata | None = None,
        ) -> None:
            async for piece in self.usage.ExportUsage(request, timeout=timeout, metadata=metadata):
                write(piece.chunk)

        await self._call(read, request, None)

    @property
    def keys(self) -> KeyServiceAsyncStub:
        self._channel = self._channel or self._open()
        return KeyServiceStub(self._channel)

    @property
    def teams(self) -> TeamServiceAsyncStub:
        self._channel = self._channel or self._open()
        return TeamServiceStub(self._channel)

    @property
    def quotas(self) -> QuotaServiceAsyncStub:
        self._channel = self._channel or self._open()
        return QuotaServiceStub(self._channel)

    @property
    def usage(self) -> UsageServiceAsyncStub:
        self._channel = self._channel or self._open()
        return UsageServiceStub(self._channel)
