"""What the public API says of a stored file."""

from datetime import UTC, datetime

from s3py_helper.application.describe import file_info
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.files import FileBasicInfo

ID = "s3:bucket/folder/0123456789abcdef_a.txt"


def test_a_description_is_what_its_constructor_would_make() -> None:
    blob = BlobInfo(
        FileId.parse(ID),
        7,
        "a.txt",
        datetime(2026, 1, 2, tzinfo=UTC),
        "text/plain",
        "gzip",
        '"etag"',
        Checksum.crc32(1),
        "STANDARD",
        {"a": "b"},
    )
    made = FileBasicInfo(
        file_id="other",
        file_name="a.txt",
        file_size=7,
        last_modify_time=datetime(2026, 1, 2, tzinfo=UTC),
        storage_class="STANDARD",
        metadata={"a": "b"},
        content_type="text/plain",
        etag='"etag"',
        checksum="crc32:00000001",
        content_encoding="gzip",
    )
    info = file_info(blob, "other")
    assert info == made
    assert repr(info) == repr(made)
    assert info.model_fields_set == set(FileBasicInfo.model_fields)
    assert info.model_copy() == info
    assert FileBasicInfo.model_validate_json(info.model_dump_json()) == info


def test_pairs_of_a_description_are_the_callers_own() -> None:
    blob = BlobInfo(FileId.parse(ID), 7, metadata={"a": "b"})
    (file_info(blob, ID).metadata or {})["c"] = "d"
    assert blob.metadata == {"a": "b"}
