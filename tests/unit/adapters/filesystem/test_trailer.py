from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from s3py_helper.adapters.filesystem.disk import trailer as module
from s3py_helper.adapters.filesystem.disk.trailer import MAGIC, MAX_TRAILER, Trailer, tail_size
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.errors import IntegrityException, InvalidArgumentException
from s3py_helper.domain.file_id import FileId

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)
trailers = st.builds(
    Trailer,
    size=st.integers(0, 2**50),
    crc32=st.integers(0, 2**32 - 1),
    created=st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30))])),
    file_name=texts,
    content_type=texts,
    metadata=st.dictionaries(texts, texts, max_size=5),
)
SAMPLE = Trailer(3, 0x352441C2, datetime(2026, 11, 23, 12, 0, 0, 5, UTC), "abc.txt", "text/plain", {"автор": "Ada"})


@given(trailer=trailers, before=st.binary(max_size=40))
def test_what_is_written_is_read(trailer: Trailer, before: bytes) -> None:
    tail = trailer.encode()
    file_size = trailer.size + len(tail)
    assert tail_size(before + tail, file_size) == len(tail)
    assert Trailer.decode(before + tail, file_size) == trailer


@given(at=st.integers(0, len(SAMPLE.encode()) - 1), mask=st.integers(1, 255))
def test_every_changed_byte_is_noticed(at: int, mask: int) -> None:
    tail = bytearray(SAMPLE.encode())
    tail[at] ^= mask
    with pytest.raises(IntegrityException):
        Trailer.decode(b"abc" + bytes(tail), 3 + len(tail))


@given(tail=st.binary(max_size=60))
def test_what_was_never_written_is_refused(tail: bytes) -> None:
    with pytest.raises(IntegrityException):
        Trailer.decode(tail, len(tail))
    with pytest.raises(IntegrityException):
        Trailer.decode(tail + MAGIC, len(tail) + len(MAGIC))


@pytest.mark.parametrize("wrong_by", [-1, 1])
def test_content_of_another_size_is_noticed(wrong_by: int) -> None:
    tail = SAMPLE.encode()
    with pytest.raises(IntegrityException, match="not the 3 bytes"):
        Trailer.decode(tail, 3 + wrong_by + len(tail))


def test_a_newer_format_is_named_and_not_guessed_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "VERSION", 2)
    tail = SAMPLE.encode()
    monkeypatch.undo()
    with pytest.raises(IntegrityException, match="format 2, this release reads 1"):
        Trailer.decode(tail, 3 + len(tail))


def test_more_metadata_than_a_trailer_holds_are_refused() -> None:
    large = Trailer(0, 0, SAMPLE.created, "a", "b", {"a": "x" * MAX_TRAILER})
    with pytest.raises(InvalidArgumentException, match=str(MAX_TRAILER)):
        large.encode()


def test_a_trailer_is_text_that_people_can_read() -> None:
    assert '"file_name":"abc.txt"' in SAMPLE.encode()[:-16].decode()
    assert '"автор":"Ada"' in SAMPLE.encode()[:-16].decode()


def test_it_describes_the_file() -> None:
    info = SAMPLE.describe(FileId.parse("fs:files/abc.txt"))
    assert (info.size, info.file_name, info.content_type) == (3, "abc.txt", "text/plain")
    assert info.last_modified == SAMPLE.created
    assert info.checksum == Checksum.crc32(SAMPLE.crc32)
    assert info.metadata == {"автор": "Ada"}


def test_the_entity_tag_differs_with_content_and_with_the_time_of_storing() -> None:
    def etag(crc32: int, microsecond: int) -> str | None:
        created = SAMPLE.created.replace(microsecond=microsecond)
        return Trailer(3, crc32, created, "a", "b").describe(FileId.parse("fs:files/a")).etag

    assert len({etag(1, 1), etag(1, 2), etag(2, 1)}) == 3
    assert etag(1, 1) == etag(1, 1)
    assert str(etag(1, 1)).startswith('"')
