"""Where the objects live that the admin services manage: keys, teams, quotas. Each is a body of JSON with an etag.

All of them fit in memory: whoever reads keeps them there, and asks for what has changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec


class Stored(msgspec.Struct, frozen=True):
    """An object. `revision` grows with every change of any object; `etag` is that of this one, as text.

    A deleted object is still told of, with an empty body, so that others learn of it.
    """

    kind: str
    id: str
    body: bytes
    revision: int
    created_ns: int
    updated_ns: int
    is_deleted: bool = False

    @property
    def etag(self) -> str:
        return f"{self.revision:x}"


class Objects(Protocol):
    """A store of objects. Raises `StoreAway` and `DiskFull` as a ledger does; what returns has lasted."""

    async def changes(self, since_revision: int) -> Sequence[Stored]:
        """Return what has changed after a revision, in order of revision; everything that exists for 0."""
        ...

    async def create(self, kind: str, id: str, body: bytes, now_ns: int) -> Stored:  # noqa: A002  # AIP's word
        """Add an object; raise `AlreadyThere` where there is one of this kind and id."""
        ...

    async def update(self, kind: str, id: str, body: bytes, etag: str, now_ns: int) -> Stored:  # noqa: A002
        """Replace a body; raise `NotThere` where there is none, `Changed` where its etag is another."""
        ...

    async def delete(self, kind: str, id: str, etag: str, now_ns: int) -> Stored:  # noqa: A002
        """Delete an object, of whatever etag where `etag` is empty; raise as `update` does."""
        ...


class AlreadyThere(Exception):  # noqa: N818  # the admin services turn it into a refusal of their own
    """An object of this kind and id exists."""


class NotThere(Exception):  # noqa: N818
    """No object of this kind and id exists."""


class Changed(Exception):  # noqa: N818
    """The object has changed since its etag was read."""
