from __future__ import annotations

import pytest
from llmgateway_server.dialects.codec import Frame
from llmgateway_server.upstream.frames import FrameTooLargeError
from llmgateway_server.upstream.ndjson import LineSplitter

ROWS = [
    (b'{"a":1}\n{"b":2}\n', [b'{"a":1}', b'{"b":2}']),
    (b'{"a":1}\r\n\r\n\n {"b":2} \n', [b'{"a":1}', b'{"b":2}']),
    (b'{"a":1}\n{"b":2}', [b'{"a":1}', b'{"b":2}']),
    ('{"a":"é\u2028"}\n'.encode(), ['{"a":"é\u2028"}'.encode()]),
    (b"", []),
    (b"\n\n", []),
]


@pytest.mark.parametrize(("stream", "lines"), ROWS)
def test_a_stream_is_split_into_lines_wherever_it_is_cut(stream: bytes, lines: list[bytes]) -> None:
    expected = [Frame("", line) for line in lines]
    for cut in range(len(stream) + 1):
        splitter = LineSplitter(100)
        assert splitter.feed(stream[:cut]) + splitter.feed(stream[cut:]) + splitter.close() == expected


def test_a_line_without_an_end_is_cut_off() -> None:
    splitter = LineSplitter(10)
    splitter.feed(b"a" * 10)
    with pytest.raises(FrameTooLargeError):
        splitter.feed(b"a")


def test_the_lines_before_one_too_large_come_with_the_error() -> None:
    with pytest.raises(FrameTooLargeError) as caught:
        LineSplitter(10).feed(b"{}\n[]\n" + b"a" * 11)
    assert caught.value.frames == [Frame("", b"{}"), Frame("", b"[]")]
