"""Links for uploads past this service obey the rules for uploads through it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.links import LinkService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import OperationEnded
from s3py_helper.domain.blob import NewBlob
from s3py_helper.domain.errors import (
    InvalidArgumentException,
    InvalidFileTypeException,
    RouteNotSupportedException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.file_type import FileTypeConfig
from s3py_helper.domain.files import FileUploadLink
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.domain.validation import FileValidatorImpl
from tests.support.recorder import Recorder


@dataclass
class Signer:
    """Signs anything, and remembers what."""

    signed: list[NewBlob] = field(default_factory=list)

    async def download_url(self, file_id: FileId, expires_in: timedelta, **more: object) -> str:
        return f"http://127.0.0.1/{file_id}?for={expires_in}&{more}"

    async def upload_url(self, blob: NewBlob, expires_in: timedelta) -> FileUploadLink:
        self.signed.append(blob)
        return FileUploadLink(url=f"http://127.0.0.1/{expires_in}", headers={}, file_id=f"s3:my-bucket/{blob.key}")


@pytest.fixture
def signer() -> Signer:
    return Signer()


@pytest.fixture
def observer() -> Recorder:
    return Recorder()


@pytest.fixture
def links(signer: Signer, observer: Recorder) -> LinkService:
    store = MemoryBlobStore(Backend.S3, "my-bucket")
    policy = RoutingPolicy(StorageMode.S3, buckets=frozenset({"my-bucket"}))
    locator = Locator(policy, {Backend.S3: MountedBackend(store, store, signer)}, observer=observer)
    return LinkService(locator, FileValidatorImpl(FileTypeConfig(blacklist=["exe"])))


async def test_a_link_is_for_the_name_that_was_asked_for(links: LinkService, signer: Signer) -> None:
    link = await links.upload_link("Größe.pdf", folder="a")
    assert link.file_id.startswith("s3:my-bucket/a/")
    [blob] = signer.signed
    assert (blob.file_name, blob.content_type) == ("Größe.pdf", "application/pdf")


async def test_an_id_is_given_as_the_caller_writes_ids(signer: Signer) -> None:
    store = MemoryBlobStore(Backend.S3, "my-bucket")
    backends: dict[str, MountedBackend] = {Backend.S3: MountedBackend(store, store, signer)}
    raw = Locator(RoutingPolicy(StorageMode.S3), backends, implied_prefix="s3:")
    assert (await LinkService(raw).upload_link("a.pdf")).file_id.startswith("my-bucket/")


async def test_a_link_leads_into_folders_that_are_served(signer: Signer) -> None:
    store = MemoryBlobStore(Backend.S3, "my-bucket")
    policy = RoutingPolicy(StorageMode.S3, folders=("in/",))
    links = LinkService(Locator(policy, {Backend.S3: MountedBackend(store, store, signer)}))
    assert (await links.upload_link("a.pdf", folder="in")).file_id.startswith("s3:my-bucket/in/")
    for folder in ("out", None):
        with pytest.raises(RouteNotSupportedException):
            await links.upload_link("a.pdf", folder=folder)


async def test_observers_hear_of_a_link(links: LinkService, observer: Recorder) -> None:
    await links.upload_link("a.pdf")
    assert [(event.operation, event.error) for event in observer.of(OperationEnded)] == [("link", None)]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"file_name": "virus.exe"}, InvalidFileTypeException),
        ({"file_name": "VIRUS.EXE"}, InvalidFileTypeException),
        ({"file_name": ""}, InvalidArgumentException),
        ({"file_name": "a/b.pdf"}, InvalidArgumentException),
        ({"file_name": "a\r\nX-Header: b"}, InvalidArgumentException),
        ({"file_name": ".."}, InvalidArgumentException),
        ({"file_name": "a.pdf", "folder": "../b"}, InvalidArgumentException),
        ({"file_name": "a.pdf", "metadata": {"a\n": "b"}}, InvalidArgumentException),
        ({"file_name": "a.pdf", "content_type": "text/plain\r\nX: y"}, InvalidArgumentException),
        ({"file_name": "a.pdf", "bucket": "secrets"}, RouteNotSupportedException),
    ],
)
async def test_what_may_not_be_uploaded_gets_no_link(
    links: LinkService, signer: Signer, arguments: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        await links.upload_link(**arguments)
    assert not signer.signed
