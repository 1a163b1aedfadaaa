"""What reflection finds by name."""

from __future__ import annotations

from typing import Any

from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pool import DescriptorPool


class Symbols:
    """Stands before a descriptor pool and finds the file of an RPC, too: `grpcurl describe SERVICE.RPC` asks for it.

    protobuf (7.36) finds the file of every symbol but those.
    """

    def __init__(self, pool: DescriptorPool) -> None:
        self._pool = pool

    def FindFileContainingSymbol(self, name: str) -> FileDescriptor:  # noqa: N802  # the pool's own name
        """Return the file; raise `KeyError` where there is no such symbol."""
        try:
            return self._pool.FindFileContainingSymbol(name)
        except KeyError:
            service, _, method = name.rpartition(".")
            found = self._pool.FindServiceByName(service)
            if method not in found.methods_by_name:
                raise
            return found.file

    def __getattr__(self, name: str) -> Any:  # Any: whatever else the pool has
        return getattr(self._pool, name)
