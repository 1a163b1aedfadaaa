"""Checks what passes a client against OpenAI's own description of its API.

The description lies outside the project, in `../shared/specs`; where it is absent nothing can be checked.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, cast

import httpx2
import msgspec

SPECS = Path(__file__).parents[3] / "shared" / "specs"
SCHEMA = SPECS / "schemas" / "openai.chat.schema.json"


class Validator(Protocol):
    """The part of jsonschema's validators in use."""

    def iter_errors(self, instance: object) -> Iterator[Any]: ...  # Any: jsonschema's error, which is only shown.


class Oracle:
    """OpenAI's schema in two readings: answers as it is, requests closed to undeclared members."""

    def __init__(self) -> None:
        spec = importlib.util.spec_from_file_location("shared_specs_oracle", SPECS / "oracle.py")
        assert spec is not None
        assert spec.loader is not None
        self._module: Any = importlib.util.module_from_spec(spec)  # Any: a module without types.
        spec.loader.exec_module(self._module)
        self._schema = msgspec.json.decode(SCHEMA.read_bytes())
        self._validators: dict[tuple[str, str], Validator] = {}

    @cached_property
    def _closed(self) -> Any:  # Any: decoded JSON.
        return self._module.closed(self._schema)

    def violations(self, method: str, path: str, kind: str, value: object) -> list[str]:
        """Return what is wrong with a `request`, `response`, one chunk of a `stream`, or an `error`."""
        errors = self._validator(endpoint_of(method, path), kind).iter_errors(value)
        return [f"{method} {path} {kind}: {error.json_path}: {error.message[:300]}" for error in errors]

    def _validator(self, endpoint: str, kind: str) -> Validator:
        key = (endpoint, kind)
        if key not in self._validators:
            document = self._closed if kind == "request" else self._schema
            self._validators[key] = cast(Validator, self._module.validator(document, reference(document, *key)))
        return self._validators[key]


def reference(document: Any, endpoint: str, kind: str) -> str:  # Any: decoded JSON.
    """Return the pointer of a definition. Legacy completions stream objects of their whole answers' kind."""
    if kind == "error":
        return "#/$defs/ErrorResponse"
    found = document["endpoints"][endpoint]
    return cast(str, found.get(kind) or found["response"])


def endpoint_of(method: str, path: str) -> str:
    """Return the endpoint's name in the schema: `POST /chat/completions`."""
    below = path.partition("?")[0].removeprefix("/v1")
    if below.startswith("/models/"):
        below = "/models/{model}"
    return f"{method} {below}"


class CheckingTransport(httpx2.AsyncBaseTransport):
    """Passes everything on, and notes in `violations` what of it OpenAI's schema refuses.

    `checked_count` counts the answers and chunks seen, so that a test can tell that it looked at something.
    """

    def __init__(self, oracle: Oracle) -> None:
        self._inner = httpx2.AsyncHTTPTransport()
        self._oracle = oracle
        self.violations: list[str] = []
        self.checked_count = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = CheckedStream(response.stream, self, request, response)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()

    def check(self, request: httpx2.Request, response: httpx2.Response, body: bytes) -> None:
        """Check a whole body, or as much of a stream as was read."""
        media_type = response.headers.get("content-type", "").partition(";")[0]
        if response.status_code >= 400:
            self._check_one(request, "error", body)
        elif media_type == "text/event-stream":
            for event in body.split(b"\n\n")[:-1]:
                self._check_event(request, event)
        else:
            self._check_one(request, "response", body)

    def _check_event(self, request: httpx2.Request, event: bytes) -> None:
        data = b"\n".join(line[6:] for line in event.split(b"\n") if line.startswith(b"data: "))
        if not data or data == b"[DONE]":
            return
        self._check_one(request, "error" if data.startswith(b'{"error"') else "stream", data)

    def _check_one(self, request: httpx2.Request, kind: str, data: bytes) -> None:
        self.checked_count += 1
        path = request.url.raw_path.decode()
        try:
            value = msgspec.json.decode(data)
        except msgspec.DecodeError as error:
            self.violations.append(f"{request.method} {path} {kind}: no JSON: {error}: {data[:200]!r}")
            return
        if kind == "stream" and path.startswith("/v1/completions"):
            value = without_null_endings(value)
        self.violations += self._oracle.violations(request.method, path, kind, value)


def without_null_endings(chunk: Any) -> Any:  # Any: decoded JSON.
    """Put an ending into choices that have none yet.

    The description knows legacy completions as whole answers only, where every choice has ended; OpenAI's own
    streams say `finish_reason: null` until the last chunk.
    """
    choices = [{**choice, "finish_reason": choice["finish_reason"] or "stop"} for choice in chunk["choices"]]
    return {**chunk, "choices": choices}


class CheckedStream(httpx2.AsyncByteStream):
    """A body that is checked once it has been read, or left."""

    def __init__(
        self,
        inner: httpx2.AsyncByteStream,
        transport: CheckingTransport,
        request: httpx2.Request,
        response: httpx2.Response,
    ) -> None:
        self._inner = inner
        self._transport = transport
        self._request = request
        self._response = response
        self._pieces: list[bytes] = []
        self._is_whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            self._pieces.append(piece)
            yield piece
        self._is_whole = True

    async def aclose(self) -> None:
        await self._inner.aclose()
        streams = self._response.headers.get("content-type", "").startswith("text/event-stream")
        if self._is_whole or streams:
            self._transport.check(self._request, self._response, b"".join(self._pieces))
