"""Keeps a provider's keys out of what is told of its failures: some quote the key that they were sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType

from llmgateway_server import errors

# Shorter ones are placeholders such as `none`, which are words of messages, too.
MIN_KEY_CHARACTERS = 8
MASK = "***"


class Masking:
    """Masks a provider's keys in failures raised within. Keys that look like keys are masked by the codecs anyway.

    It knows a key whatever it looks like, which matters for servers of one's own.
    """

    __slots__ = ("_keys",)

    def __init__(self, key_headers: Sequence[Mapping[str, str]]) -> None:
        sent = {value.removeprefix("Bearer ") for headers in key_headers for value in headers.values()}
        # The longest first: one may begin with another.
        self._keys = sorted((key for key in sent if len(key) >= MIN_KEY_CHARACTERS), key=len, reverse=True)

    def __enter__(self) -> None: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, errors.CallError):
            error.message = self.text(error.message)
            error.args = (error.message,)
            error.provider_message = self.text(error.provider_message)
            error.metadata = {name: self.text(value) for name, value in error.metadata.items()}

    def text(self, text: str) -> str:
        """Return a text without the keys."""
        for key in self._keys:
            text = text.replace(key, MASK)
        return text

    def body(self, body: bytes) -> bytes:
        """Return an error's body without the keys, before a codec cuts it to size, and a key with it."""
        for key in self._keys:
            body = body.replace(key.encode(), MASK.encode())
        return body
