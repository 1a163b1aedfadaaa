"""Objects of one kind, by id and in order of their ids: those of the configuration, and those of the store."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Generic, TypeVar

import msgspec

from llmgateway_server.store.objects import Stored

Body = TypeVar("Body", bound=msgspec.Struct)


class Record(msgspec.Struct, Generic[Body], frozen=True):
    """An object. Those of the configuration have no times."""

    id: str
    body: Body
    etag: str
    created_ns: int | None = None
    updated_ns: int | None = None

    @property
    def is_configured(self) -> bool:
        return self.created_ns is None


class Shelf(Generic[Body]):
    """All objects of a kind. Where both have an id, the configuration's stands, unless it only names it.

    `group_of` says by what else objects are looked for, such as a key's team.
    """

    def __init__(self, kind: str, collection: str, body_type: type[Body], group_of: Callable[[Body], str]) -> None:
        self.kind = kind
        self.collection = collection
        self._decoder = msgspec.json.Decoder(body_type)
        self._group_of = group_of
        self._stored: dict[str, Record[Body]] = {}
        self._configured: Mapping[str, Record[Body]] = {}
        self._named: Mapping[str, Record[Body]] = {}
        self._ids: list[str] = []
        self._groups: dict[str, set[str]] = {}

    def name_of(self, id: str) -> str:  # noqa: A002  # AIP's word
        """Return the resource name of an id."""
        return f"{self.collection}/{id}"

    def get(self, id: str) -> Record[Body] | None:  # noqa: A002
        """Return an object; None where there is none of this id."""
        return self._configured.get(id) or self._stored.get(id) or self._named.get(id)

    def after(self, id: str) -> Iterator[Record[Body]]:  # noqa: A002
        """Yield the objects whose ids come after one, in order. The shelf must not change meanwhile."""
        for index in range(bisect_right(self._ids, id), len(self._ids)):
            found = self.get(self._ids[index])
            if found is not None:
                yield found

    def group(self, group: str) -> Sequence[Record[Body]]:
        """Return the objects of a group, in order."""
        ids = sorted(self._groups.get(group, ()))
        return [found for found in map(self.get, ids) if found is not None]

    def configure(self, bodies: Mapping[str, Body], named: Mapping[str, Body] | None = None) -> None:
        """Take the objects of a configuration, in place of those before; `named` where the store has none."""
        self._configured = {id_: Record(id_, body, digest_of(body)) for id_, body in bodies.items()}
        self._named = {id_: Record(id_, body, digest_of(body)) for id_, body in (named or {}).items()}
        self._ids = sorted({*self._stored, *self._configured, *self._named})
        self._groups = {}
        for id_ in self._ids:
            self._enter(id_)

    def put(self, stored: Stored) -> Record[Body] | None:
        """Take what the store says of an object; return it, None where it was deleted."""
        self._leave(stored.id)
        is_new = self.get(stored.id) is None
        if stored.is_deleted:
            self._stored.pop(stored.id, None)
            if not is_new and self.get(stored.id) is None:
                self._ids.remove(stored.id)
            self._enter(stored.id)
            return None
        body = self._decoder.decode(stored.body)
        record = Record(stored.id, body, stored.etag, stored.created_ns, stored.updated_ns)
        self._stored[stored.id] = record
        if is_new:
            insort(self._ids, stored.id)
        self._enter(stored.id)
        return record

    def _enter(self, id: str) -> None:  # noqa: A002
        found = self.get(id)
        if found is not None:
            self._groups.setdefault(self._group_of(found.body), set()).add(id)

    def _leave(self, id: str) -> None:  # noqa: A002
        found = self.get(id)
        if found is None:
            return
        group = self._group_of(found.body)
        self._groups[group].discard(id)
        if not self._groups[group]:
            del self._groups[group]


def digest_of(body: msgspec.Struct) -> str:
    """Return the etag of an object of the configuration."""
    return sha256(msgspec.json.encode(body, order="deterministic")).hexdigest()[:16]
