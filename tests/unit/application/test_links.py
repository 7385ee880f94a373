"""Links are given for what an upload or a download would be permitted for, and for nothing else."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from s3py_helper.application.fastdfs_links import FastdfsLinkRules
from s3py_helper.application.links import LinkService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.relocation import DeleteAt
from s3py_helper.application.service_links import ServiceLinks
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import (
    InvalidArgumentException,
    InvalidFileTypeException,
    RouteNotSupportedException,
    StorageException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.signed_link import LinkKey, LinkKeys
from s3py_helper.domain.validation import FileValidatorImpl
from tests.unit.application.conftest import Deployment


class Signing:
    """Signs everything, and remembers what."""

    def __init__(self) -> None:
        self.downloads: list[FileId] = []
        self.uploads: list[NewBlob] = []

    async def download_url(
        self,
        file_id: FileId,
        expires_in: timedelta,
        *,
        file_name: str | None = None,
        content_type: str | None = None,
        inline: bool = False,
    ) -> str:
        self.downloads.append(file_id)
        return f"signed:{file_id}?{expires_in}&{file_name}&{content_type}&{inline}"

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        self.uploads.append(blob)
        file_id = FileId(Backend.S3, blob.bucket or "my-bucket", blob.key)
        return FileUploadLink(url=f"signed:{file_id}?{expires_in}", headers={}, file_id=str(file_id))


@pytest.fixture
def signing() -> Signing:
    return Signing()


@pytest.fixture
def links(deployment: Deployment, signing: Signing) -> LinkService:
    backend = MountedBackend(deployment.s3, deployment.s3, presigning=signing)
    policy = RoutingPolicy(StorageMode.S3, buckets={"my-bucket"})
    rules = FileTypeConfig(whitelist=["jpg", "pdf"], blacklist=["exe"])
    return LinkService(Locator(policy, {Backend.S3: backend}), FileValidatorImpl(rules))


@pytest.mark.parametrize(
    ("file_name", "more", "error"),
    [
        ("a.exe", {}, InvalidFileTypeException),
        ("a.exe.jpg", {}, InvalidFileTypeException),
        ("a.txt", {}, InvalidFileTypeException),
        ("a", {}, InvalidFileTypeException),
        ("a/b.jpg", {}, InvalidArgumentException),
        ("a\nb.jpg", {}, InvalidArgumentException),
        ("", {}, InvalidArgumentException),
        ("a.jpg", {"folder": "../up"}, InvalidArgumentException),
        ("a.jpg", {"bucket": "another"}, RouteNotSupportedException),
        ("a.jpg", {"metadata": {"a": "b\r\nc"}}, InvalidArgumentException),
        ("a.jpg", {"content_type": "text/html\r\nx: y"}, InvalidArgumentException),
        ("a.jpg", {"expires_in": 60}, InvalidArgumentException),
    ],
)
async def test_no_link_is_given_for_an_upload_that_would_be_refused(
    links: LinkService, signing: Signing, file_name: str, more: dict[str, object], error: type[StorageException]
) -> None:
    with pytest.raises(error):
        await links.upload_link(file_name, **more)  # type: ignore[arg-type]  # wrong ones among them
    assert not signing.uploads


async def test_a_link_for_an_upload_carries_what_the_upload_would(links: LinkService, signing: Signing) -> None:
    link = await links.upload_link("a.pdf", timedelta(minutes=5), "reports", metadata={"author": "Zoë"})
    (blob,) = signing.uploads
    assert (blob.file_name, blob.content_type, dict(blob.metadata)) == ("a.pdf", "application/pdf", {"author": "Zoë"})
    assert blob.key.startswith("reports/")
    assert link.file_id == f"s3:my-bucket/{blob.key}"
    assert link.url == f"signed:{link.file_id}?0:05:00"
    assert (await links.upload_link("a.pdf", content_type="text/plain")).url
    assert signing.uploads[1].content_type == "text/plain"


@pytest.mark.parametrize(
    ("file_id", "more", "error"),
    [
        ("s3:another/a.pdf", {}, RouteNotSupportedException),
        ("group1/M00/00/00/a.pdf", {}, RouteNotSupportedException),
        ("s3:my-bucket", {}, InvalidArgumentException),
        ("s3:my-bucket/a.pdf", {"expires_in": None}, InvalidArgumentException),
        ("s3:my-bucket/a.pdf", {"content_type": "text/html\n"}, InvalidArgumentException),
    ],
)
async def test_no_link_is_given_for_a_download_that_would_be_refused(
    links: LinkService, signing: Signing, file_id: str, more: dict[str, object], error: type[StorageException]
) -> None:
    with pytest.raises(error):
        await links.download_link(file_id, **more)  # type: ignore[arg-type]  # wrong ones among them
    assert not signing.downloads


async def test_downloading_that_is_switched_off_has_no_links(deployment: Deployment, signing: Signing) -> None:
    backend = MountedBackend(deployment.s3, deployment.s3, presigning=signing)
    backends: dict[str, MountedBackend] = {
        Backend.S3: backend,
        Backend.FASTDFS: MountedBackend(deployment.fastdfs, deployment.fastdfs),
    }
    locator = Locator(RoutingPolicy(StorageMode.HYBRID, readable=frozenset()), backends)
    keys = ServiceLinks(LinkKeys([LinkKey("first", "k" * 32)]))
    links = LinkService(locator, service_links=keys, fastdfs_links=FastdfsLinkRules("secret"))
    for attempt in (
        links.download_link("s3:my-bucket/a.pdf"),
        links.can_link("s3:my-bucket/a.pdf"),
        links.service_link("s3:my-bucket/a.pdf"),
        links.fastdfs_link("group1/M00/00/00/fwAFA2sHTw6ASkvmAAADhM27pd8047.jpg"),
    ):
        with pytest.raises(RouteNotSupportedException, match="switched off"):
            await attempt
    assert not signing.downloads


@pytest.mark.parametrize("wrong", [{"content_type": "text/html\n"}, {"file_name": 5}, {"expires_in": 60}])
async def test_no_link_to_the_service_presents_a_file_wrongly(links: LinkService, wrong: dict[str, Any]) -> None:
    links.service_links = ServiceLinks(LinkKeys([LinkKey("first", "k" * 32)]))
    with pytest.raises(InvalidArgumentException):
        await links.service_link("s3:my-bucket/a.pdf", **wrong)


async def test_a_link_for_a_download_says_how_to_present_it(links: LinkService) -> None:
    url = await links.download_link("s3:my-bucket/k", timedelta(1), file_name="a.pdf", content_type="x/y", inline=True)
    assert url == "signed:s3:my-bucket/k?1 day, 0:00:00&a.pdf&x/y&True"


async def test_a_backend_that_cannot_sign_says_so(deployment: Deployment) -> None:
    with pytest.raises(RouteNotSupportedException, match="sign"):
        await LinkService(deployment.locator).upload_link("a.pdf")


class Elsewhere:
    """Every file may be in one of two places."""

    async def places(self, file_id: FileId) -> Sequence[FileId]:
        return FileId(Backend.S3, "my-bucket", "moved"), file_id

    def known_as(self, file_id: FileId) -> FileId | None:
        return file_id

    async def delete(self, file_id: FileId, delete_at: DeleteAt) -> None:
        await delete_at(file_id)


async def test_clients_are_not_sent_to_where_a_file_may_not_be(deployment: Deployment, signing: Signing) -> None:
    backends: dict[str, MountedBackend] = {Backend.S3: MountedBackend(deployment.s3, deployment.s3, presigning=signing)}
    policy = RoutingPolicy(StorageMode.S3)
    assert await LinkService(Locator(policy, backends)).can_link("s3:my-bucket/a")
    assert not await LinkService(Locator(policy, backends, relocation=Elsewhere())).can_link("s3:my-bucket/a")
    assert not await LinkService(deployment.locator).can_link("s3:my-bucket/a")


async def test_uploads_are_linked_where_new_files_go(deployment: Deployment, links: LinkService) -> None:
    assert links.can_link_uploads
    assert not LinkService(deployment.locator).can_link_uploads
    signed = MountedBackend(deployment.fastdfs, deployment.fastdfs, presigning=Signing())
    backends = {**deployment.locator.backends, Backend.FASTDFS: signed}
    assert not LinkService(Locator(deployment.locator.policy, backends)).can_link_uploads
