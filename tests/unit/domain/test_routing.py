"""Which backend takes new files, and which ids are served."""

from typing import Any

import pytest

from s3py_helper.domain.errors import (
    DeleteNotSupportedException,
    InvalidArgumentException,
    RouteNotSupportedException,
    StorageException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.routing import RoutingPolicy, StorageMode

S3_FILE = FileId.parse("s3:my-bucket/a.pdf")
LOCAL_FILE = FileId.parse("fs:files/a.pdf")
FASTDFS_FILE = FileId.parse("group1/M00/00/00/old_contract.pdf")
EVERY_FILE = (S3_FILE, LOCAL_FILE, FASTDFS_FILE)


@pytest.mark.parametrize(
    ("mode", "new_files", "served"),
    [
        (StorageMode.S3, Backend.S3, {S3_FILE}),
        (StorageMode.FASTDFS, Backend.FASTDFS, {FASTDFS_FILE}),
        (StorageMode.HYBRID, Backend.S3, {S3_FILE, FASTDFS_FILE}),
        (StorageMode.FILESYSTEM, Backend.FILESYSTEM, {LOCAL_FILE}),
    ],
)
def test_each_mode_serves_its_backends(mode: StorageMode, new_files: Backend, served: set[FileId]) -> None:
    policy = RoutingPolicy(mode)
    assert policy.new_files is new_files
    for file_id in EVERY_FILE:
        if file_id in served:
            policy.require_readable(file_id)
            policy.require_deletable(file_id)
        else:
            with pytest.raises(RouteNotSupportedException, match=f"mode '{mode}'") as caught:
                policy.require_served(file_id)
            assert caught.value.file_id == str(file_id)
            assert caught.value.backend == file_id.backend


def test_only_the_buckets_named_are_served() -> None:
    policy = RoutingPolicy(StorageMode.HYBRID, buckets={"my-bucket"})
    policy.require_served(S3_FILE)
    policy.require_served(FASTDFS_FILE)
    with pytest.raises(RouteNotSupportedException, match="'other'"):
        policy.require_served(FileId.parse("s3:other/a.pdf"))
    with pytest.raises(RouteNotSupportedException, match="'other'"):
        policy.require_bucket("other")


def test_the_default_bucket_of_a_mounted_store_is_served_there_and_nowhere_else() -> None:
    policy = RoutingPolicy(StorageMode.S3, buckets={"my-bucket"}, mounted=("shelf",))
    policy.require_served(FileId("shelf", "files", "a.pdf"))
    for refused in (FileId("shelf", "other", "a.pdf"), FileId(Backend.S3, "files", "a.pdf")):
        with pytest.raises(RouteNotSupportedException, match="is not served here"):
            policy.require_served(refused)
    with pytest.raises(RouteNotSupportedException, match="'files' is not served here"):
        policy.require_bucket("files")
    RoutingPolicy(StorageMode.MOUNTED, buckets={"my-bucket"}, mounted=("shelf",)).require_bucket("files")


def test_deleting_from_fastdfs_can_be_switched_off() -> None:
    policy = RoutingPolicy(StorageMode.HYBRID, deletable={Backend.S3})
    policy.require_deletable(S3_FILE)
    policy.require_readable(FASTDFS_FILE)
    with pytest.raises(DeleteNotSupportedException, match="switched off"):
        policy.require_deletable(FASTDFS_FILE)


def test_reading_from_fastdfs_can_be_switched_off() -> None:
    policy = RoutingPolicy(StorageMode.HYBRID, readable={Backend.S3})
    policy.require_readable(S3_FILE)
    with pytest.raises(RouteNotSupportedException, match="switched off"):
        policy.require_readable(FASTDFS_FILE)


def test_a_route_that_is_missing_is_reported_before_a_switch() -> None:
    with pytest.raises(RouteNotSupportedException):
        RoutingPolicy(StorageMode.S3, deletable=frozenset()).require_deletable(FASTDFS_FILE)


def test_what_is_mounted_is_served_beside_the_mode() -> None:
    policy = RoutingPolicy(StorageMode.S3, mounted=("shelf",))
    policy.require_served(FileId("shelf", "top", "a.pdf"))
    assert (policy.backends, policy.new_files) == ((Backend.S3, "shelf"), Backend.S3)
    assert RoutingPolicy(StorageMode.S3, mounted=("shelf",), default="shelf").new_files == "shelf"
    alone = RoutingPolicy(StorageMode.MOUNTED, mounted=("shelf",))
    assert alone.new_files == "shelf"
    with pytest.raises(RouteNotSupportedException, match="mode 'mounted' serves shelf only, not s3"):
        alone.require_served(S3_FILE)


def test_new_files_go_to_a_backend_that_is_there() -> None:
    with pytest.raises(InvalidArgumentException, match="new files cannot go to 'shelf'"):
        RoutingPolicy(StorageMode.S3, default="shelf")
    with pytest.raises(InvalidArgumentException, match="mode 'mounted' needs a mounted store"):
        RoutingPolicy(StorageMode.MOUNTED)


@pytest.mark.parametrize(
    ("key", "served"),
    [
        ("in/a.pdf", True),
        ("in/box/a.pdf", True),
        ("out/2026/a", True),
        ("inn/a", False),
        ("in", False),
        ("out/a", False),
    ],
)
def test_only_the_folders_named_are_served(key: str, *, served: bool) -> None:
    policy = RoutingPolicy(StorageMode.HYBRID, folders=("in/", "out/2026/"))
    policy.require_served(FASTDFS_FILE)
    if served:
        policy.require_served(FileId(Backend.S3, "my-bucket", key))
        policy.require_folder(key)
        return
    for check in (policy.require_readable, policy.require_deletable, policy.require_served):
        with pytest.raises(RouteNotSupportedException, match="only the folders in/, out/2026/ are served here"):
            check(FileId(Backend.S3, "my-bucket", key))
    with pytest.raises(RouteNotSupportedException):
        policy.require_folder(key)


@pytest.mark.parametrize(
    ("mode", "backends"),
    [
        (StorageMode.S3, (Backend.S3, Backend.FASTDFS)),
        (StorageMode.HYBRID, (Backend.S3, Backend.FASTDFS)),
        (StorageMode.FILESYSTEM, (Backend.FILESYSTEM, Backend.FASTDFS)),
    ],
)
def test_files_that_have_moved_are_served_by_their_old_ids(mode: StorageMode, backends: tuple[str, ...]) -> None:
    policy = RoutingPolicy(mode, answers_for_fastdfs=True)
    assert (policy.backends, policy.new_files) == (backends, backends[0])
    policy.require_readable(FASTDFS_FILE)


def test_only_the_groups_named_are_served() -> None:
    policy = RoutingPolicy(StorageMode.HYBRID, groups={"group1"})
    policy.require_served(FASTDFS_FILE)
    policy.require_served(S3_FILE)
    with pytest.raises(RouteNotSupportedException, match="group 'group2' is not served here"):
        policy.require_served(FileId.parse("group2/M00/00/00/old_contract.pdf"))


@pytest.mark.parametrize(
    ("rules", "text", "operation"),
    [
        ({"mode": StorageMode.S3}, "group1/M00/00/00/a.pdf", None),
        ({"mode": StorageMode.S3, "buckets": {"another"}}, "s3:my-bucket/a", None),
        ({"mode": StorageMode.S3, "folders": ("in/",)}, "s3:my-bucket/a", None),
        ({"mode": StorageMode.FASTDFS, "groups": {"group2"}}, "group1/M00/00/00/a.pdf", None),
        ({"mode": StorageMode.S3, "readable": frozenset()}, "s3:my-bucket/a", "download"),
        ({"mode": StorageMode.S3, "deletable": frozenset()}, "s3:my-bucket/a", "delete"),
    ],
)
def test_a_refusal_names_the_file_and_its_backend(rules: dict[str, Any], text: str, operation: str | None) -> None:
    policy, file_id = RoutingPolicy(**rules), FileId.parse(text)
    require = policy.require_deletable if operation == "delete" else policy.require_readable
    with pytest.raises(StorageException) as refused:
        require(file_id)
    assert (refused.value.file_id, refused.value.backend) == (text, file_id.backend)
    assert refused.value.operation == operation
