"""What every admin service works with, and how each of its calls begins and is remembered."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from llmgateway_server import errors
from llmgateway_server.admin.caller import Caller
from llmgateway_server.admin.directory import Directory, changed, not_found
from llmgateway_server.admin.fields import Violations, read_name, refuse
from llmgateway_server.admin.principals import principal_until
from llmgateway_server.admin.shelf import Body, Record, Shelf
from llmgateway_server.call import Call

audit = logging.getLogger("llmgateway.audit")


@dataclass(frozen=True, slots=True)
class Desk:
    """`wall_ns` is the time in nanoseconds since the epoch, `new_id` makes an id that is unique for ever."""

    directory: Directory
    wall_ns: Callable[[], int]
    new_id: Callable[[], str]

    async def begin(self, call: Call, rpc: str) -> Caller:
        """Return who calls, as its key is now. Raise where its role may not call this at all, or its key is over.

        Who was looked up may be as old as the key ring: what the store says of a key is newer.
        """
        await self.directory.refresh()
        key = self.directory.keys.get(call.principal.name)
        if key is None or key.is_configured:
            return Caller(call.principal, rpc, self.directory)
        if not key.body.secrets_at(self.wall_ns()):
            raise errors.ApiKeyInvalid("The API key is not valid any more. Use another one.")
        return Caller(principal_until(self.directory, key, call.principal.expires_s), rpc, self.directory)


def record_change(call: Call, name: str, detail: str = "") -> None:
    """Remember who changed what, for audits."""
    audit.info("%s %s by %s in %s%s", call.method, name, call.principal.name, call.id, f": {detail}" if detail else "")


def find(shelf: Shelf[Body], name: str, path: str) -> Record[Body]:
    """Return the object of a resource name; raise `InvalidField` for what is none, `ResourceNotFound`."""
    wrong: Violations = []
    id_ = read_name(path, name, shelf.collection, wrong)
    refuse(wrong)
    found = shelf.get(id_)
    if found is None:
        raise not_found(name)
    return found


def check_writable(record: Record[Body], name: str, etag: str) -> None:
    """Raise where an object is the configuration's, or where an etag is given and is not its own."""
    if record.is_configured:
        message = f"{name} stands in the gateway's configuration. Change it there."
        raise errors.ResourceReadOnly(message, metadata={"resource": name})
    if etag and etag != record.etag:
        raise changed(name)
