"""Undoes compression that nobody asked for, in pieces of bounded size: a small body cannot become a huge one unseen."""

from __future__ import annotations

import zlib

from llmgateway_server.upstream.http import ConnectionBrokenError

PIECE_BYTES = 256 * 1024


class Inflater:
    """Undoes gzip or deflate. Answers are asked for uncompressed; this is for servers that compress all the same."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("gzip", "x-gzip", "deflate"):
            raise ConnectionBrokenError(f"the answer is compressed with {encoding[:32]!r}, which was not asked for")
        self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    @property
    def has_more(self) -> bool:
        """Whether something that was fed is still to be inflated."""
        return bool(self._inflate.unconsumed_tail)

    def inflate(self, data: bytes) -> bytes:
        """Return at most `PIECE_BYTES`; call again with nothing while `has_more`."""
        try:
            return self._inflate.decompress(self._inflate.unconsumed_tail + data, PIECE_BYTES)
        except zlib.error as error:
            raise ConnectionBrokenError("the compressed answer is corrupt") from error
