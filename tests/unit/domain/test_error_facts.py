"""What an error of the domain says beside its message: the caller finds out with it what to change, without reading."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.content_type import compared_content_type
from s3py_helper.domain.errors import (
    DeleteNotSupportedException,
    FileNotFoundException,
    FileTooLargeException,
    FileTypeMismatchException,
    InvalidArgumentException,
    InvalidFileTypeException,
    InvalidRangeException,
    RouteNotSupportedException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.fastdfs_link import LinkPath
from s3py_helper.domain.fastdfs_token import moment_for
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.metadata import check_metadata
from s3py_helper.domain.object_key import new_object_key
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.validation import FileValidatorImpl

FACTS = ("operation", "file_id", "backend", "file_name")

S3 = FileId(Backend.S3, "my-bucket", "a")
LINKED = "M00/00/00/fwAFA2sHTw6ASkvmAAADhM27pd8047.jpg"
OLD = FileId(Backend.FASTDFS, "group1", "M00/00/00/some_file.pdf")
ON_DISK = FileId(Backend.FILESYSTEM, "files", "a")
HYBRID = RoutingPolicy(
    StorageMode.HYBRID, buckets={"my-bucket"}, groups={"group2"}, readable={Backend.S3}, deletable={Backend.S3}
)
ALL_GROUPS = RoutingPolicy(StorageMode.HYBRID, readable={Backend.S3}, deletable={Backend.S3})
FOLDERS = RoutingPolicy(StorageMode.S3, folders=("in/",))
RULES = FileValidatorImpl(FileTypeConfig(blacklist=["exe"]), max_file_size=3)
ALLOWED = FileValidatorImpl(FileTypeConfig(whitelist=["pdf"]))


@pytest.mark.parametrize(
    ("attempt", "kind", "facts"),
    [
        (lambda: HYBRID.require_served(ON_DISK), RouteNotSupportedException, {"file_id": str(ON_DISK)}),
        (lambda: HYBRID.require_served(OLD), RouteNotSupportedException, {"file_id": str(OLD)}),
        (
            lambda: ALL_GROUPS.require_readable(OLD),
            RouteNotSupportedException,
            {"operation": "download", "file_id": str(OLD)},
        ),
        (
            lambda: ALL_GROUPS.require_deletable(OLD),
            DeleteNotSupportedException,
            {"operation": "delete", "file_id": str(OLD)},
        ),
        (
            lambda: HYBRID.require_served(FileId(Backend.S3, "another", "a")),
            RouteNotSupportedException,
            {"file_id": "s3:another/a"},
        ),
        (lambda: HYBRID.require_bucket("another"), RouteNotSupportedException, {"backend": "s3"}),
        (lambda: FOLDERS.require_served(S3), RouteNotSupportedException, {"file_id": str(S3)}),
        (lambda: FOLDERS.require_folder("out/"), RouteNotSupportedException, {"backend": "s3"}),
        (
            lambda: RoutingPolicy(StorageMode.S3, default="fastdfs"),
            InvalidArgumentException,
            {"backend": "fastdfs"},
        ),
        (lambda: RoutingPolicy("both"), InvalidArgumentException, {}),  # type: ignore[arg-type]  # that is the point
        (lambda: FileId.parse("s3:my-bucket"), InvalidArgumentException, {"file_id": "s3:my-bucket", "backend": "s3"}),
        (
            lambda: FileId(Backend.S3, "my-bucket", ""),
            InvalidArgumentException,
            {"file_id": "s3:my-bucket/", "backend": "s3"},
        ),
        (
            lambda: RULES.validate_file_type("a.exe"),
            InvalidFileTypeException,
            {"operation": "upload", "file_name": "a.exe"},
        ),
        (
            lambda: ALLOWED.validate_file_type("a.txt"),
            InvalidFileTypeException,
            {"operation": "upload", "file_name": "a.txt"},
        ),
        (
            lambda: compared_content_type("a.png", None, b"%PDF-1.7", []),
            FileTypeMismatchException,
            {"operation": "upload", "file_name": "a.png"},
        ),
        (lambda: RULES.validate_file_size(4), FileTooLargeException, {"operation": "upload"}),
        (
            lambda: new_object_key("a.txt", "/".join(["folder" * 20] * 9)),
            InvalidArgumentException,
            {"operation": "upload", "file_name": "a.txt"},
        ),
        (lambda: LinkPath("group1", "M00").file_id(), InvalidArgumentException, {"operation": "download"}),
        (lambda: LinkPath("group1", LINKED + "-m").file_id(), FileNotFoundException, {"operation": "download"}),
        (lambda: new_object_key("a\nb"), InvalidArgumentException, {"operation": "upload"}),
        (lambda: ByteRange(7, None).resolve(7), InvalidRangeException, {"operation": "download"}),
        (lambda: moment_for(timedelta(0), ttl=1, now=1), InvalidArgumentException, {"operation": "link"}),
        *(
            (lambda pairs=pairs: check_metadata(pairs), InvalidArgumentException, {"operation": "upload"})
            for pairs in ("text", 5, {1: "a"}, {"a": 1}, {" ": "a"}, {"a\n": "b"}, {"a": "b\n"})
        ),
    ],
)
def test_an_error_has_its_facts(
    attempt: Callable[[], object], kind: type[StorageException], facts: dict[str, Any]
) -> None:
    with pytest.raises(kind) as caught:
        attempt()
    error = caught.value
    known = {name: getattr(error, name) for name in FACTS if getattr(error, name) is not None}
    if "file_id" in facts and "backend" not in facts:
        facts = {**facts, "backend": str(FileId.parse(facts["file_id"]).backend)}
    assert type(error) is kind
    assert known == facts


def test_the_numbers_that_a_file_does_not_keep_to_are_facts_too() -> None:
    with pytest.raises(FileTooLargeException) as too_large:
        RULES.validate_file_size(4)
    assert too_large.value.limit == 3
    RULES.validate_file_size(3)
    with pytest.raises(InvalidRangeException) as out_of_range:
        ByteRange(7, None).resolve(7)
    assert out_of_range.value.size == 7


def test_facts_that_are_given_are_kept() -> None:
    for error in (
        InvalidRangeException("no byte", size=7, file_id="s3:b/k", backend="s3"),
        StorageUnavailableException("down", operation="download", file_id="s3:b/k", backend="s3", retry_after=2.5),
    ):
        assert (error.operation, error.file_id, error.backend) == ("download", "s3:b/k", "s3")
    assert FileTooLargeException("too large", limit=5, file_name="a.txt").file_name == "a.txt"
