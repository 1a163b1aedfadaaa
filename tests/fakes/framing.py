"""How streams are cut into frames, as bytes: server-sent events, lines of JSON, AWS's event stream."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


def encode_json(value: object) -> bytes:
    """Return JSON as compact UTF-8; NaN is written bare, as some servers do."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def sse_event(value: object, name: str | None = None) -> bytes:
    """Return one server-sent event."""
    head = b"" if name is None else b"event: %s\n" % name.encode()
    return head + b"data: " + encode_json(value) + b"\n\n"


def json_line(value: object) -> bytes:
    """Return one line of JSON."""
    return encode_json(value) + b"\n"


def aws_message(name: str, payload: Mapping[str, Any], kind: str = "event") -> bytes:
    """Return one message of an AWS event stream."""
    return aws_bytes(name, encode_json(payload), kind)


def aws_bytes(name: str, data: bytes, kind: str = "event") -> bytes:
    """Return one message of an AWS event stream with any payload."""
    headers = {f":{kind}-type": name, ":message-type": kind, ":content-type": "application/json"}
    head = b"".join(
        bytes([len(key)]) + key.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()
        for key, value in headers.items()
    )
    message = aws_prelude(16 + len(head) + len(data), len(head)) + head + data
    return message + struct.pack(">I", zlib.crc32(message))


def aws_prelude(total_bytes: int, head_bytes: int) -> bytes:
    """Return what an AWS message begins with: its lengths and their checksum."""
    lengths = struct.pack(">II", total_bytes, head_bytes)
    return lengths + struct.pack(">I", zlib.crc32(lengths))


@dataclass(frozen=True, slots=True)
class Framing:
    """What faults need to know of a framing.

    `noise` keeps a stream alive and says nothing. `opening` begins a frame that spaces may go on with for ever;
    `closing` ends it.
    """

    content_type: str
    noise: bytes
    opening: bytes
    closing: bytes


SSE = Framing("text/event-stream; charset=utf-8", b": keep-alive\n\n", b"data: ", b"{}\n\n")
NDJSON = Framing("application/x-ndjson", b"\n", b'{"model":', b'"m"}\n')
AWS = Framing(
    "application/vnd.amazon.eventstream",
    aws_message("initial-response", {}),
    aws_prelude(2**31 - 1, 0),
    b"\0\0\0\0",
)
