"""Deleting, describing, copying, linking, listing and the state of the backends."""

import asyncio
from dataclasses import replace

import pytest

from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.health import HealthService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.pool_use import PoolUse
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.errors import (
    DeleteNotSupportedException,
    FileNotFoundException,
    IntegrityException,
    RouteNotSupportedException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from tests.unit.application.conftest import Deployment


@pytest.fixture
async def file_in_fastdfs(deployment: Deployment) -> str:
    into_fastdfs = Locator(RoutingPolicy(StorageMode.FASTDFS), deployment.locator.backends)
    attach = await UploadService(into_fastdfs).upload_bytes("old contract.pdf", b"signed", metadata={"year": "2019"})
    return attach.file_id


async def test_a_file_is_deleted_where_its_id_says(deployment: Deployment, file_in_fastdfs: str) -> None:
    attach = await UploadService(deployment.locator).upload_bytes("a.txt", b"x")
    deletes = DeleteService(deployment.locator)
    await deletes.delete_file(attach.file_id)
    assert deployment.kept_in_s3.file_ids == ()
    await deletes.delete_file(file_in_fastdfs)
    assert deployment.kept_in_fastdfs.file_ids == ()
    with pytest.raises(FileNotFoundException):
        await deletes.delete_file(file_in_fastdfs)


async def test_deleting_can_be_switched_off_for_fastdfs(deployment: Deployment, file_in_fastdfs: str) -> None:
    policy = RoutingPolicy(StorageMode.HYBRID, deletable={Backend.S3})
    with pytest.raises(DeleteNotSupportedException):
        await DeleteService(Locator(policy, deployment.locator.backends)).delete_file(file_in_fastdfs)
    assert len(deployment.kept_in_fastdfs.file_ids) == 1


async def test_what_may_not_be_downloaded_may_not_be_copied(deployment: Deployment, file_in_fastdfs: str) -> None:
    policy = RoutingPolicy(StorageMode.HYBRID, readable={Backend.S3})
    with pytest.raises(RouteNotSupportedException, match="switched off"):
        await CopyService(Locator(policy, deployment.locator.backends)).copy_file(file_in_fastdfs)
    assert deployment.kept_in_s3.file_ids == ()


async def test_a_file_from_fastdfs_is_described(deployment: Deployment, file_in_fastdfs: str) -> None:
    info = await InfoService(deployment.locator).get_file_info(file_in_fastdfs)
    assert (info.file_id, info.file_name, info.file_size) == (file_in_fastdfs, "old contract.pdf", 6)


async def test_a_file_leaves_fastdfs_by_being_copied(deployment: Deployment, file_in_fastdfs: str) -> None:
    copied = await CopyService(deployment.locator).copy_file(file_in_fastdfs, folder="from-fastdfs")
    assert copied.file_id.startswith("s3:my-bucket/from-fastdfs/")
    info = await InfoService(deployment.locator).get_file_info(copied.file_id)
    assert (info.file_name, info.file_size, info.metadata) == ("old contract.pdf", 6, {"year": "2019"})
    assert info.content_type == "application/pdf"
    assert await DownloadService(deployment.locator).download_bytes(copied.file_id) == b"signed"


async def test_a_copy_may_have_no_metadata_at_all(deployment: Deployment, file_in_fastdfs: str) -> None:
    copied = await CopyService(deployment.locator).copy_file(file_in_fastdfs, metadata={})
    assert (await InfoService(deployment.locator).get_file_info(copied.file_id)).metadata == {}


async def test_a_copy_that_breaks_leaves_nothing(deployment: Deployment, file_in_fastdfs: str) -> None:
    deployment.fastdfs.fail("read", IntegrityException("the checksum differs"), after_bytes=6)
    with pytest.raises(IntegrityException):
        await CopyService(deployment.locator).copy_file(file_in_fastdfs)
    assert deployment.kept_in_s3.file_ids == ()


async def test_a_backend_without_the_ability_says_so(deployment: Deployment, file_in_fastdfs: str) -> None:
    with pytest.raises(RouteNotSupportedException, match="fastdfs cannot sign URLs"):
        await LinkService(deployment.locator).download_link(file_in_fastdfs)
    with pytest.raises(RouteNotSupportedException, match="s3 cannot sign URLs"):
        await LinkService(deployment.locator).upload_link("a.txt")
    with pytest.raises(RouteNotSupportedException, match="s3 cannot list files"):
        await anext(ListService(deployment.locator).list_files())


async def test_health_names_the_backend_that_is_down(deployment: Deployment) -> None:
    deployment.fastdfs.fail("check", StorageUnavailableException("no tracker answers"))
    report = await HealthService(deployment.locator).report()
    assert report.problems == {Backend.S3: None, Backend.FASTDFS: "no tracker answers"}
    assert not report.healthy
    assert report.usable


async def test_health_tells_the_error_of_each_backend_and_a_defect_is_none(deployment: Deployment) -> None:
    error = StorageUnavailableException("no tracker answers")
    deployment.fastdfs.fail("check", error)
    assert (await HealthService(deployment.locator).report()).errors == {Backend.FASTDFS: error}
    deployment.s3.hold("check")
    late = (await HealthService(deployment.locator, timeout=0.01).report()).errors[Backend.S3]
    assert isinstance(late, StorageUnavailableException)
    assert late.backend == Backend.S3
    deployment.s3.fail("check", KeyError("a defect"))
    with pytest.raises(ExceptionGroup) as failed:
        await HealthService(deployment.locator).report()
    assert failed.group_contains(KeyError)


async def test_pools_are_told_of_backends_that_have_one(deployment: Deployment) -> None:
    use = PoolUse(3, 64)
    backends = dict(deployment.locator.backends)
    backends[Backend.S3] = replace(backends[Backend.S3], pool_use=lambda: use)
    locator = Locator(deployment.locator.policy, backends)
    assert HealthService(locator).pool_use() == {Backend.S3: use}


async def test_each_backend_has_five_seconds_to_answer(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float | None] = []
    timeout = asyncio.timeout

    def limited(seconds: float | None) -> asyncio.Timeout:
        limits.append(seconds)
        return timeout(seconds)

    monkeypatch.setattr(asyncio, "timeout", limited)
    assert (await HealthService(deployment.locator).report()).healthy
    assert limits == [5.0] * 2


async def test_health_does_not_wait_for_ever(deployment: Deployment) -> None:
    deployment.s3.hold("check")
    report = await asyncio.wait_for(HealthService(deployment.locator, timeout=0.01).report(), 5)
    assert report.problems[Backend.S3] == "no answer within 0.01 s"
    assert not report.usable
