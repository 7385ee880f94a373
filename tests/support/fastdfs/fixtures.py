"""Which FastDFS the tests meet: a plugin for `tests/conftest.py`.

`S3PY_TEST_FASTDFS_TRACKER`   a running FastDFS by its trackers: `host:port`, or several with commas
(programs on PATH)            `fdfs_trackerd` and `fdfs_storaged`, started on loopback addresses
`S3PY_TEST_FASTDFS_IMAGE`     an image with these programs, through testcontainers
(none of these)               the protocol-level server
`S3PY_TEST_FASTDFS_IP_SIZE`   `IPv6` for long address fields in the replies of the last three, `auto` for short ones
"""

import os
from collections.abc import AsyncIterator, Iterator
from typing import cast

import pytest

from tests.support.fastdfs.child_site import ChildSite
from tests.support.fastdfs.cluster import FakeCluster
from tests.support.fastdfs.daemons import LocalDaemon, installed_version
from tests.support.fastdfs.real_site import RealSite
from tests.support.fastdfs.site import AddressFields, FastdfsSite, NamedSite


def pytest_report_header() -> str:
    return f"FastDFS: {_description()}"


@pytest.fixture(scope="session")
def fastdfs_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastdfsSite]:
    """The FastDFS of this test run. Tests share it, so they delete what they store."""
    site = _open_site(tmp_path_factory)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(scope="session")
def storage_id_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    """A real FastDFS that calls its storages by numbers, where its programs are on PATH."""
    if not installed_version():
        pytest.skip("no fdfs_trackerd and fdfs_storaged on PATH")
    site = RealSite("storage ids", tmp_path_factory.mktemp("fastdfs-ids"), LocalDaemon, uses_storage_ids=True)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture(scope="session")
def trunk_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealSite]:
    """A real FastDFS that keeps small files together in trunk files, with two store paths on each storage."""
    if not installed_version():
        pytest.skip("no fdfs_trackerd and fdfs_storaged on PATH")
    folder = tmp_path_factory.mktemp("fastdfs-trunk")
    site = RealSite("trunk files", folder, LocalDaemon, uses_trunk=True, store_paths=2)
    try:
        yield site
    finally:
        site.close()


@pytest.fixture
async def fake_fastdfs() -> AsyncIterator[FakeCluster]:
    """A fresh protocol-level cluster in the test's own event loop, which can be told to misbehave."""
    async with FakeCluster() as cluster:
        yield cluster


def _open_site(tmp_path_factory: pytest.TempPathFactory) -> FastdfsSite:
    description = _description()
    fields = _address_fields()
    if trackers := _tracker_setting():
        return NamedSite(trackers)
    if installed_version():
        return RealSite(description, tmp_path_factory.mktemp("fastdfs"), LocalDaemon, fields)
    if image := _image_setting():
        # Imported here: only this choice needs the library, and importing it looks for a container engine.
        from tests.support.fastdfs.containers import container_daemons  # noqa: PLC0415

        return RealSite(description, tmp_path_factory.mktemp("fastdfs"), container_daemons(image), fields)
    return ChildSite(description, fields)


def _description() -> str:
    if trackers := _tracker_setting():
        return NamedSite(trackers).description
    if version := installed_version():
        return f"real {version} (daemons on PATH)"
    if image := _image_setting():
        return f"real (image {image})"
    return "protocol-level test server"


def _tracker_setting() -> str:
    return os.environ.get("S3PY_TEST_FASTDFS_TRACKER", "")


def _image_setting() -> str:
    return os.environ.get("S3PY_TEST_FASTDFS_IMAGE", "")


def _address_fields() -> AddressFields:
    value = os.environ.get("S3PY_TEST_FASTDFS_IP_SIZE", "auto")
    if value not in {"auto", "IPv6"}:
        raise pytest.UsageError(f"S3PY_TEST_FASTDFS_IP_SIZE is {value!r}; it may be 'auto' or 'IPv6'")
    return cast("AddressFields", value)
