"""Answers as HTTP has them: bodies of JSON, and headers that say who answered and what it took."""

from __future__ import annotations

import secrets
import time
from email.utils import formatdate
from functools import lru_cache
from typing import Any

import msgspec
from aiohttp import HttpVersion11, web
from aiohttp.abc import AbstractStreamWriter
from llmgateway.v1 import call_pb2, stream_pb2, usage_pb2

from llmgateway_http.attempts import attempt_list
from llmgateway_http.openai.errors import RestError
from llmgateway_http.rate_limits import limit_headers, violation_headers

MAX_WARNINGS_CHARACTERS = 1024
JSON_HEADERS = {"content-type": "application/json"}

encode = msgspec.json.Encoder().encode


class WholeResponse(web.StreamResponse):
    """A success whose head and body are ready when it is made, and leave in one write.

    aiohttp's own response builds a dictionary of headers and looks at each again: a tenth of a call's cost here.
    """

    def __init__(self, body: bytes, headers: dict[str, str]) -> None:
        super().__init__()
        self._whole = body
        self._head = headers
        self._writer: AbstractStreamWriter | None = None
        self._is_kept = True

    @property
    def keep_alive(self) -> bool | None:
        return self._is_kept

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Write the head, which waits for its body."""
        head, version = self._head, request.version
        head["content-length"] = str(len(self._whole))
        head["date"] = http_date(int(time.time()))
        self._is_kept = request.keep_alive
        if not self._is_kept:
            head["connection"] = "close"
        elif version != HttpVersion11:
            head["connection"] = "keep-alive"
        self._writer = request.writer
        await self._writer.write_headers(f"HTTP/{version.major}.{version.minor} 200 OK", head)  # type: ignore[arg-type]  # any mapping does
        return self._writer

    async def write_eof(self, data: bytes = b"") -> None:  # noqa: ARG002  # aiohttp gives none to a whole answer
        """Write the body, with the head in front of it."""
        if self._writer is not None:
            await self._writer.write_eof(self._whole)


@lru_cache(maxsize=1)
def http_date(second: int) -> str:
    """Return a time, in whole seconds since 1970, as HTTP writes it."""
    return formatdate(second, usegmt=True)


def json_response(body: dict[str, Any]) -> web.Response:  # Any: JSON
    """Return an answer that no call of the gateway stands behind."""
    return web.Response(body=encode(body), headers=JSON_HEADERS)


def call_response(body: dict[str, Any], call: call_pb2.CallInfo, usage: usage_pb2.Usage) -> WholeResponse:  # Any: JSON
    """Return a call's answer, with who gave it and what it took as headers."""
    headers = call_headers(call)
    headers["content-type"] = "application/json"
    headers["x-llmgateway-attempts"] = str(len(call.attempts))
    if call.attempts:
        headers["x-llmgateway-attempt-list"] = attempt_list(call.attempts)
    overhead = call.gateway_latency
    headers["x-llmgateway-overhead-ms"] = f"{overhead.seconds * 1000 + overhead.nanos / 1e6:.3f}"
    if usage.HasField("cost_usd_nanos"):
        headers["x-llmgateway-cost-usd"] = f"{usage.cost_usd_nanos / 1e9:.9f}"
    return WholeResponse(encode(body), headers)


def call_headers(call: call_pb2.CallInfo) -> dict[str, str]:
    """Return who answered, and what of the request was left out, as headers."""
    headers = {
        "x-request-id": call.call_id,
        "x-llmgateway-provider": header_text(call.provider),
        "x-llmgateway-model": header_text(call.model),
    }
    if call.rate_limits:
        headers |= limit_headers(call.rate_limits)
    if call.warnings:
        headers["x-llmgateway-warnings"] = warnings_text(call)
    return headers


def stream_headers(message: stream_pb2.StreamGenerateResponse) -> dict[str, str]:
    """Return who answers a stream, and what was left out; what it took comes at its end, with its usage."""
    for event in message.events:
        if event.HasField("started"):
            return begun_headers(event.started.call)
    return {}


def begun_headers(call: call_pb2.CallInfo) -> dict[str, str]:
    """Return the headers of a stream that begins: its last attempt is not over, and so not in the list."""
    headers = call_headers(call)
    headers["x-llmgateway-attempts"] = str(len(call.attempts) + 1)
    if call.attempts:
        headers["x-llmgateway-attempt-list"] = attempt_list(call.attempts)
    return headers


def warnings_text(call: call_pb2.CallInfo) -> str:
    """Return a call's warnings on one line."""
    told = "; ".join(f"{warning.field}: {warning.description}" for warning in call.warnings)
    return header_text(told)[:MAX_WARNINGS_CHARACTERS]


def header_text(text: str) -> str:
    """Return text fit for a header: whatever is not printable ASCII becomes `?`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def error_response(error: RestError) -> web.Response:
    """Return a failure with its status, and whether and when to try again."""
    limits = {name: header_text(value) for name, value in error.rate_limits.items()}
    limits |= violation_headers(error.quota_violations, time.time())
    headers = {**limits, **JSON_HEADERS, "x-should-retry": "true" if error.row.should_retry else "false"}
    # What is refused before it is a call has no id of the gateway's; its client asks for one all the same.
    headers["x-request-id"] = error.call_id or f"rest_{secrets.token_hex(12)}"
    if error.attempts:
        headers["x-llmgateway-attempts"] = str(len(error.attempts))
        headers["x-llmgateway-attempt-list"] = attempt_list(error.attempts)
    if error.retry_after_s is not None:
        headers["retry-after"] = str(max(1, -(-int(error.retry_after_s * 1000) // 1000)))
        headers["retry-after-ms"] = str(int(error.retry_after_s * 1000))
    if error.row.status in (408, 413):
        headers["connection"] = "close"  # What is left of the body is not read.
    return web.Response(body=error.body(), status=error.row.status, headers=headers)
