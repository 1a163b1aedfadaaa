from __future__ import annotations

import json
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.dialects.codec import Frame
from llmgateway_server.upstream.eventstream import EventStreamSplitter
from llmgateway_server.upstream.frames import BadFrameError, FrameTooLargeError

from tests.specs import FOLDER, needs_specs

LIMIT_BYTES = 100_000


def header(name: str, value: str) -> bytes:
    return bytes([len(name)]) + name.encode() + b"\x07" + struct.pack(">H", len(value)) + value.encode()


def message(headers: bytes, payload: bytes) -> bytes:
    prelude = struct.pack(">II", 16 + len(headers) + len(payload), len(headers))
    head = prelude + struct.pack(">I", zlib.crc32(prelude))
    return head + headers + payload + struct.pack(">I", zlib.crc32(head + headers + payload))


def event(name: str, payload: bytes) -> bytes:
    kind = header(":message-type", "event") + header(":content-type", "application/json")
    return message(header(":event-type", name) + kind, payload)


STREAM = (
    event("messageStart", b'{"role":"assistant"}')
    + message(b"\x01a\x00\x01b\x01\x01c\x02\x07\x01d\x03ab\x01e\x04abcd\x01f\x05abcdefgh", b"{}")
    + message(
        header(":message-type", "exception") + header(":exception-type", "throttlingException"), b'{"message":"x"}'
    )
    + message(header(":message-type", "error") + header(":error-code", "Broken") + header(":error-message", "no"), b"")
    + message(b"", b"")
)
FRAMES = [
    Frame("messageStart", b'{"role":"assistant"}'),
    Frame("", b"{}"),
    Frame("throttlingException", b'{"message":"x"}'),
    Frame("Broken", b'{"message":"no"}'),
    Frame("", b""),
]


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_a_stream_is_split_into_messages_wherever_it_is_cut(size: int) -> None:
    splitter = EventStreamSplitter(LIMIT_BYTES)
    frames = [frame for at in range(0, len(STREAM), size) for frame in splitter.feed(STREAM[at : at + size])]
    assert frames + splitter.close() == FRAMES


@pytest.mark.parametrize("at", range(0, len(STREAM), 3))
def test_a_byte_that_changed_on_the_way_is_noticed(at: int) -> None:
    broken = bytearray(STREAM)
    broken[at] ^= 0x10
    splitter = EventStreamSplitter(LIMIT_BYTES)
    with pytest.raises((BadFrameError, FrameTooLargeError)):
        assert splitter.feed(bytes(broken)) + splitter.close() == FRAMES


def test_a_message_over_the_limit_is_refused_by_its_length() -> None:
    with pytest.raises(FrameTooLargeError):
        EventStreamSplitter(100).feed(event("x", b"a" * 200)[:12])


@pytest.mark.parametrize("broken", [b"\xff" * 12, event("x", b"a" * 200), event("x", b"{}")[:-1] + b"\0"])
def test_the_messages_before_a_broken_one_come_with_the_error(broken: bytes) -> None:
    good = event("messageStart", b"{}")
    with pytest.raises((BadFrameError, FrameTooLargeError)) as caught:
        EventStreamSplitter(200).feed(good + good + broken)
    assert caught.value.frames == [Frame("messageStart", b"{}")] * 2


def test_a_stream_that_ends_within_a_message_is_broken() -> None:
    splitter = EventStreamSplitter(LIMIT_BYTES)
    splitter.feed(STREAM[:-1])
    with pytest.raises(BadFrameError):
        splitter.close()


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_whatever_the_bytes_only_its_own_errors_are_raised(data: bytes, headers: bytes) -> None:
    for stream in (data, message(headers, data)):
        splitter = EventStreamSplitter(LIMIT_BYTES)
        try:
            splitter.feed(stream)
            splitter.close()
        except (BadFrameError, FrameTooLargeError):
            pass


@needs_specs
def test_recorded_streams_are_read_to_their_end() -> None:
    paths = sorted((FOLDER / "fixtures" / "bedrock").glob("*.eventstream"))
    assert paths
    for path in paths:
        splitter = EventStreamSplitter(LIMIT_BYTES)
        frames = splitter.feed(path.read_bytes()) + splitter.close()
        assert {"messageStart", "messageStop", "metadata"} <= {frame.name for frame in frames}
        assert all(isinstance(json.loads(frame.data), dict) for frame in frames)
