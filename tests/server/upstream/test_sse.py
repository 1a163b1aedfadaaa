from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.dialects.codec import Frame
from llmgateway_server.upstream.frames import FrameTooLargeError
from llmgateway_server.upstream.sse import SseSplitter

LIMIT_BYTES = 1 << 20

TABLE = [
    (b"data: a\n\n", [Frame("", b"a")]),
    (b"data:a\n\n", [Frame("", b"a")]),
    (b"data:  a\n\n", [Frame("", b" a")]),
    (b"data: a\r\n\r\ndata: b\r\n\r\n", [Frame("", b"a"), Frame("", b"b")]),
    (b"data: a\r\rdata: b\r\r", [Frame("", b"a"), Frame("", b"b")]),
    (b"event: error\ndata: a\ndata: b\n\n", [Frame("error", b"a\nb")]),
    (b": comment\n\ndata: a\n\n", [Frame("", b"a")]),
    (b": comment\ndata: a\nid: 7\nretry: 1\nunknown\n\n", [Frame("", b"a")]),
    (b"\xef\xbb\xbfdata: a\n\n", [Frame("", b"a")]),
    (b"event: ping\n\n", []),
    (b"data\n\n", [Frame("", b"")]),
    (b"\n\n\n\n", []),
    ("data: \u2028é\u0085\n\n".encode(), [Frame("", "\u2028é\u0085".encode())]),
]


@pytest.mark.parametrize(("stream", "events"), TABLE)
def test_a_stream_is_split_into_its_events_wherever_it_is_cut(stream: bytes, events: list[Frame]) -> None:
    for cut in range(len(stream) + 1):
        splitter = SseSplitter(LIMIT_BYTES)
        assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) + splitter.close() == events, cut


@pytest.mark.parametrize(("stream", "events"), TABLE)
def test_a_stream_is_split_into_its_events_byte_by_byte(stream: bytes, events: list[Frame]) -> None:
    splitter = SseSplitter(LIMIT_BYTES)
    seen = [event for index in range(len(stream)) for event in splitter.feed(stream[index : index + 1])]
    assert seen + splitter.close() == events


def test_a_last_event_without_its_blank_line_is_kept() -> None:
    splitter = SseSplitter(LIMIT_BYTES)
    assert splitter.feed(b"data: a\n\ndata: [DONE]") == [Frame("", b"a")]
    assert splitter.close() == [Frame("", b"[DONE]")]


def test_an_event_that_does_not_end_is_refused_at_the_limit() -> None:
    splitter = SseSplitter(1000)
    splitter.feed(b"data: " + b"x" * 900)
    with pytest.raises(FrameTooLargeError, match="1000 bytes"):
        splitter.feed(b"x" * 200)


def test_the_events_before_one_too_large_come_with_the_error() -> None:
    with pytest.raises(FrameTooLargeError) as caught:
        SseSplitter(1000).feed(b"data: a\n\ndata: b\n\ndata: " + b"x" * 1000)
    assert caught.value.frames == [Frame("", b"a"), Frame("", b"b")]


@given(
    st.lists(st.binary(max_size=40).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b"")), max_size=8),
    st.data(),
)
def test_what_is_written_is_read_back_at_any_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(b"data: " + payload + b"\n\n" for payload in payloads)
    splitter = SseSplitter(LIMIT_BYTES)
    events: list[Frame] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        events += splitter.feed(stream[:size])
        stream = stream[size:]
    assert [event.data for event in events] == payloads
    assert splitter.close() == []
