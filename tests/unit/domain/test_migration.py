"""What follows from an id while its file leaves FastDFS."""

import pytest

from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import (
    ID_METADATA,
    LARGE_FILE,
    METADATA_SUFFIX,
    MTIME_METADATA,
    PROBE,
    SHARDS,
    SIZE_CLASSES,
    id_in_key,
    moved_key,
    shard_of,
)

NAME = "M00/00/00/fwAFA2sHTw6ASkvmAAADhM27pd8047.jpg"
FILE = FileId(Backend.FASTDFS, "group1", NAME)


def test_what_is_stored_is_found_by_every_later_version() -> None:
    assert (ID_METADATA, MTIME_METADATA) == ("s3py-fastdfs-id", "s3py-fastdfs-mtime")
    assert (METADATA_SUFFIX, PROBE) == (".meta.json", "s3py-probe-")


def test_sizes_are_shown_in_classes_that_the_documents_name() -> None:
    kib, mib = 1024, 1024 * 1024
    assert list(SIZE_CLASSES) == [4 * kib, 64 * kib, mib, 8 * mib, 64 * mib, 1024 * mib, 4096 * mib]
    assert SIZE_CLASSES[3] == LARGE_FILE


@pytest.mark.parametrize(
    ("text", "shard"),
    [(f"group1/{NAME}", 158), ("group1/M00/00/00/another.txt", 158), ("group2/M01/FF/00/a.txt", 4)],
)
def test_files_of_one_folder_share_a_shard_which_is_the_same_for_ever(text: str, shard: int) -> None:
    assert shard_of(FileId.parse(text)) == shard


def test_shards_are_numbered_from_0_on() -> None:
    shards = {shard_of(FileId.parse(f"group1/M00/{number >> 8:02X}/{number & 255:02X}/a")) for number in range(4096)}
    assert shards == set(range(SHARDS))


@pytest.mark.parametrize("prefix", ["", "old/", "old-"])
def test_a_key_tells_the_id_that_it_was_made_from(prefix: str) -> None:
    key = moved_key(prefix, FILE)
    assert key == f"{prefix}fastdfs/group1/{NAME}"
    assert id_in_key(prefix, key) == FILE


@pytest.mark.parametrize(
    "key",
    [
        f"fastdfs/group1/{NAME}",
        f"other/fastdfs/group1/{NAME}",
        f"old/group1/{NAME}",
        f"old/fastdfs/group1/{NAME}{METADATA_SUFFIX}",
        "",
    ],
)
def test_other_keys_tell_none(key: str) -> None:
    assert id_in_key("old/", key) is None


@pytest.mark.parametrize("key", ["old/fastdfs/", "old/fastdfs/group1", "old/fastdfs/group1/", "old/fastdfs/g/a b"])
def test_a_key_among_those_of_moved_files_that_has_no_id_is_an_error(key: str) -> None:
    with pytest.raises(InvalidArgumentException):
        id_in_key("old/", key)
