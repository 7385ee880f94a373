from datetime import UTC, datetime

from s3py_helper.adapters.fastdfs.describe import FileFacts, describe
from s3py_helper.adapters.fastdfs.metadata import StoredMetadata
from s3py_helper.adapters.fastdfs.protocol.messages import FileStat
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.file_id import FileId

_HELLO = FileId.parse("group1/M00/00/00/fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt")


def test_a_name_made_by_a_server_tells_size_time_and_checksum() -> None:
    facts = FileFacts.in_name(_HELLO)
    assert facts is not None
    info = describe(_HELLO, facts, StoredMetadata("hello.txt", "text/plain", {"a": "b"}))
    assert (info.size, info.checksum) == (5, Checksum.crc32(0x3610A686))
    assert info.etag == '"fwAAAmsCvSWAZvKkAAAABTYQpoY966.txt"'
    assert info.last_modified is not None
    assert info.last_modified.tzinfo is UTC
    assert (info.file_name, info.content_type, info.metadata) == ("hello.txt", "text/plain", {"a": "b"})


def test_a_file_that_can_grow_has_no_tag_and_no_checksum() -> None:
    info = describe(_HELLO, FileFacts.on_server(FileStat(7, 1_700_000_000)), StoredMetadata())
    assert (info.size, info.etag, info.checksum) == (7, None, None)
    assert info.last_modified == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_another_name_tells_nothing() -> None:
    assert FileFacts.in_name(FileId.parse("group1/M00/00/00/handmade.txt")) is None
