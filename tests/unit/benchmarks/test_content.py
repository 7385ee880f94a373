import io
import zipfile
from pathlib import Path

import pytest

from benchmarks.child.content import CHUNK, PERIOD, CheckedSink, Pattern, Source
from benchmarks.child.originals import Discard, Originals

SIZE = 3 * CHUNK + 17


def test_content_is_the_same_read_whole_in_chunks_or_as_a_file() -> None:
    pattern = Pattern()
    whole = pattern.at(0, SIZE)
    assert len(whole) == SIZE
    assert b"".join(Source(pattern, SIZE)) == whole
    reader = Source(pattern, SIZE).reader()
    assert reader.read(100) + reader.read(CHUNK) + reader.read() == whole
    assert reader.read(1) == b""


async def test_content_is_the_same_read_asynchronously() -> None:
    pattern = Pattern()
    assert b"".join([chunk async for chunk in Source(pattern, SIZE)]) == pattern.at(0, SIZE)


def test_pieces_longer_than_the_period_repeat_it() -> None:
    pattern = Pattern()
    long = pattern.at(5, 3 * PERIOD)
    assert long[:PERIOD] == long[PERIOD : 2 * PERIOD] == pattern.at(5, PERIOD)
    assert len(long) == 3 * PERIOD


def test_sink_accepts_the_right_bytes_in_any_pieces() -> None:
    pattern = Pattern()
    sink = CheckedSink(pattern)
    whole = pattern.at(0, SIZE)
    for start, end in ((0, 1), (1, 5000), (5000, SIZE)):
        sink.write(memoryview(whole)[start:end])
    sink.require(SIZE)


def test_sink_notices_exchanged_pieces() -> None:
    pattern = Pattern()
    first, second = pattern.at(0, CHUNK), pattern.at(CHUNK, CHUNK)
    sink = CheckedSink(pattern)
    with pytest.raises(ValueError, match="wrong bytes"):
        sink.write(second + first)


def test_sink_notices_missing_bytes() -> None:
    sink = CheckedSink(Pattern())
    sink.write(Pattern().at(0, 10))
    with pytest.raises(ValueError, match="10 bytes came instead of 11"):
        sink.require(11)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["text", "random"])
def test_originals_differ_from_each_other(kind: str) -> None:
    contents = [content for _, content in Originals(kind, 20, 4096)]
    assert len(set(contents)) == 20
    assert {len(content) for content in contents} == {4096}


def test_discarding_output_counts_whatever_way_it_is_written_to() -> None:
    out = Discard()
    out.write(memoryview(b"abc"))
    out.writelines([b"de", bytearray(b"f")])
    assert out.count == 6
    with pytest.raises(io.UnsupportedOperation):
        out.tell()


def test_archive_check_notices_a_wrong_file(tmp_path: Path) -> None:
    originals = Originals("random", 3, 1000)
    archive = tmp_path / "archive.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in originals:
            opened.writestr(name, content)
    originals.check(archive)
    with zipfile.ZipFile(archive, "w") as opened:
        for name, content in originals:
            opened.writestr(name, content[::-1])
    with pytest.raises(ValueError, match="other content"):
        originals.check(archive)
