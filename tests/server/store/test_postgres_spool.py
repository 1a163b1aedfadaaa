"""What is spooled lasts, whatever happens to its process or its disk."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from llmgateway_server.store.ledger import DiskFull
from llmgateway_server.store.postgres.spool import Spool, contents_of, frame


def kept(spool: Spool) -> list[bytes]:
    return [content for path in spool.segments() for content in contents_of(path)]


def test_what_is_kept_comes_back_in_order_over_segments(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one", segment_bytes=100)
    contents = [b"%d" % number * number for number in range(60)]
    for begin in range(0, 60, 7):
        spool.append(contents[begin : begin + 7])
    assert len(spool.segments()) > 1
    assert kept(spool) == contents
    spool.append([b"more"])
    assert kept(spool) == [*contents, b"more"]


def test_a_living_processs_spool_is_its_own_and_a_dead_ones_goes_to_the_next(tmp_path: Path) -> None:
    one, two = Spool(tmp_path, "one"), Spool(tmp_path, "two")
    one.append([b"mine"])
    two.take_over()
    assert kept(two) == []
    one.close()
    two.append([b"own"])
    two.take_over()
    assert sorted(kept(two)) == [b"mine", b"own"]
    assert [path.name for path in tmp_path.iterdir()] == ["two"]


def test_an_empty_spool_leaves_nothing_behind(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one")
    spool.append([b"mine"])
    for path in spool.segments():
        path.unlink()
    spool.close()
    assert list(tmp_path.iterdir()) == []


@given(contents=st.lists(st.binary(max_size=30), min_size=1, max_size=8), cut=st.integers(0, 10_000))
def test_a_segment_that_a_crash_cut_off_keeps_all_whole_frames(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes], cut: int
) -> None:
    data = b"".join(map(frame, contents))
    cut %= len(data) + 1
    path = tmp_path_factory.mktemp("cut") / "1.spool"
    path.write_bytes(data[:cut])
    whole: list[bytes] = []
    for content in contents:
        if len(b"".join(map(frame, [*whole, content]))) > cut:
            break
        whole.append(content)
    assert list(contents_of(path)) == whole


@pytest.mark.parametrize("place", range(20))
def test_a_flipped_bit_is_never_taken_for_content(tmp_path: Path, place: int) -> None:
    data = bytearray(frame(b"first-content") + frame(b"second"))
    data[place] ^= 4
    path = tmp_path / "1.spool"
    path.write_bytes(data)
    assert list(contents_of(path)) == []


def test_a_full_spool_keeps_nothing_of_what_does_not_fit(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "one", spool_bytes=100)
    spool.append([b"x" * 50])
    with pytest.raises(DiskFull):
        spool.append([b"y" * 20, b"z" * 20])
    assert kept(spool) == [b"x" * 50]
    spool.append([b"y" * 20])
    assert kept(spool) == [b"x" * 50, b"y" * 20]


def test_a_directory_that_cannot_be_written_is_a_full_disk(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(DiskFull):
        Spool(tmp_path / "file", "one").append([b"x"])
