"""Pages of lists: their sizes, and tokens that hold good for the query that they came from alone."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import islice

import msgspec

from llmgateway_server import errors
from llmgateway_server.admin.shelf import Body, Record, Shelf
from llmgateway_server.errors import FieldViolation

DEFAULT_SIZE = 50
MAX_SIZE = 1_000
MAX_TOKEN_CHARACTERS = 1_024
# So many objects are looked at before others have their turn.
STRETCH = 500


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """Where a page ends, and what it is a page of."""

    query: str
    id: str


class PageQuery(msgspec.Struct, frozen=True):
    """What is listed, by whatever tells one query from another: the RPC, who asks, and the filters."""

    size: int
    token: str
    parts: tuple[str, ...]

    @property
    def digest(self) -> str:
        return sha256(msgspec.json.encode(self.parts)).hexdigest()[:16]

    @property
    def after(self) -> str:
        """The id that the page comes after. Raise `InvalidField` for a token of another query, or of none."""
        if not self.token:
            return ""
        try:
            cursor = msgspec.json.decode(base64.urlsafe_b64decode(self.token[:MAX_TOKEN_CHARACTERS]), type=Cursor)
        except (binascii.Error, ValueError, msgspec.MsgspecError):
            cursor = Cursor("", "")
        if cursor.query != self.digest:
            description = "must be one that this very query returned"
            raise errors.InvalidField([FieldViolation("page_token", description)])
        return cursor.id

    @property
    def most(self) -> int:
        """How many objects a page has at most."""
        if self.size < 0:
            raise errors.InvalidField([FieldViolation("page_size", f"must be 0 or more, not {self.size}")])
        return min(self.size or DEFAULT_SIZE, MAX_SIZE)

    def token_after(self, id: str) -> str:  # noqa: A002  # AIP's word
        """Return the token of the page that comes after an id."""
        return base64.urlsafe_b64encode(msgspec.json.encode(Cursor(self.digest, id))).decode()


async def page_of(
    shelf: Shelf[Body], query: PageQuery, keep: Callable[[Record[Body]], bool]
) -> tuple[Sequence[Record[Body]], str]:
    """Return a page of what is to be kept, and the token of the next; none after the last."""
    most, after = query.most, query.after
    kept: list[Record[Body]] = []
    while stretch := list(islice(shelf.after(after), STRETCH)):
        kept += filter(keep, stretch)
        if len(kept) > most:
            return kept[:most], query.token_after(kept[most - 1].id)
        after = stretch[-1].id
        await asyncio.sleep(0)
    return kept, ""
