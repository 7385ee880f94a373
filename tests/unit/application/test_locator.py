"""From ids to bytes: policy, relocation, and errors that speak of what the caller asked for."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from s3py_helper.application.copy import CopyService
from s3py_helper.application.delete import DeleteService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.info import InfoService
from s3py_helper.application.links import LinkService
from s3py_helper.application.listing import ListService
from s3py_helper.application.locator import Locator, Purpose
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.observer import Event, OperationBegan, OperationEnded
from s3py_helper.application.ports.relocation import DeleteAt
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.errors import (
    FileNotFoundException,
    InvalidArgumentException,
    StorageException,
    StorageUnavailableException,
)
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.testing import body_of, new_blob
from tests.unit.application.conftest import Deployment
from tests.unit.application.watched import Signer

OLD_ID = "group1/M00/00/00/old_contract.pdf"


class Moved:
    """One file is looked for in S3 first."""

    def __init__(self, old: str, new: FileId) -> None:
        self._old, self._new = old, new

    async def places(self, file_id: FileId) -> Sequence[FileId]:
        return (self._new, file_id) if str(file_id) == self._old else (file_id,)

    def known_as(self, file_id: FileId) -> FileId | None:
        return FileId.parse(self._old) if file_id == self._new else file_id

    async def delete(self, file_id: FileId, delete_at: DeleteAt) -> None:
        found = False
        for place in await self.places(file_id):
            with suppress(FileNotFoundException):
                await delete_at(place)
                found = True
        if not found:
            raise FileNotFoundException("it is nowhere")


class Recorder:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
async def moved(deployment: Deployment) -> Locator:
    """The bytes of an old FastDFS id are in S3 now."""
    stored = await deployment.kept_in_s3.write(new_blob("contract.pdf"), body_of(b"moved"))
    relocation = Moved(OLD_ID, stored.file_id)
    return Locator(deployment.locator.policy, deployment.locator.backends, relocation=relocation)


async def test_a_file_that_moved_answers_to_its_old_id(moved: Locator) -> None:
    downloads = DownloadService(moved)
    assert await downloads.download_bytes(OLD_ID) == b"moved"
    async with downloads.open(OLD_ID) as file:
        assert file.info.file_id == OLD_ID
    assert (await InfoService(moved).get_file_info(OLD_ID)).file_id == OLD_ID
    located = await moved.find(OLD_ID, Purpose.DESCRIBE)
    assert str((await located.info()).file_id) == OLD_ID
    async with located.open() as blob:
        assert str(blob.info.file_id) == OLD_ID
    copied = await CopyService(moved).copy_file(OLD_ID)
    assert copied.file_id.startswith("s3:")
    assert await downloads.download_bytes(copied.file_id) == b"moved"


async def test_a_listing_shows_a_file_that_moved_under_its_old_id_and_no_more_than_files(
    deployment: Deployment,
) -> None:
    class Hiding(Moved):
        def known_as(self, file_id: FileId) -> FileId | None:
            return None if file_id.key == "hidden" else super().known_as(file_id)

    there = await deployment.kept_in_s3.write(new_blob("contract.pdf"), body_of(b"moved"))
    await deployment.kept_in_s3.write(NewBlob("hidden", "hidden"), body_of(b"of the migration"))
    await deployment.kept_in_s3.write(NewBlob("own", "own"), body_of(b"new"))
    backends = dict(deployment.locator.backends)
    backends[Backend.S3] = replace(backends[Backend.S3], listing=deployment.s3)
    locator = Locator(deployment.locator.policy, backends, relocation=Hiding(OLD_ID, there.file_id))
    listed = [info.file_id async for info in ListService(locator).list_files()]
    assert sorted(listed) == [OLD_ID, "s3:my-bucket/own"]


async def test_the_backend_that_has_a_file_is_the_first_that_does(deployment: Deployment, moved: Locator) -> None:
    information = InfoService(moved)
    assert await information.find_backend(OLD_ID) == Backend.S3
    assert deployment.fastdfs.calls.total() == 0
    old = await deployment.kept_in_fastdfs.write(new_blob("a.txt"), body_of(b"still there"))
    nowhere = FileId(Backend.S3, "my-bucket", "fastdfs/group1/nowhere")
    waiting = Locator(moved.policy, moved.backends, relocation=Moved(str(old.file_id), nowhere))
    assert await InfoService(waiting).find_backend(str(old.file_id)) == Backend.FASTDFS
    deployment.s3.fail("info", StorageUnavailableException("down"))
    with pytest.raises(StorageUnavailableException):
        await InfoService(waiting).find_backend(str(old.file_id))


async def test_a_link_leads_to_the_first_place_that_does_not_lack_the_file(moved: Locator) -> None:
    class Signing(Signer):
        def __init__(self, error: StorageException | None = None) -> None:
            super().__init__()
            self.error = error

        async def download_url(self, file_id: FileId, expires_in: timedelta, **presented: object) -> str:
            if self.error is not None:
                raise self.error
            return await super().download_url(file_id, expires_in, **presented)

    s3 = Signing()
    backends: dict[str, MountedBackend] = {
        Backend.S3: replace(moved.backends[Backend.S3], presigning=s3),
        Backend.FASTDFS: replace(moved.backends[Backend.FASTDFS], presigning=Signing()),
    }
    there = FileId(Backend.S3, "my-bucket", "fastdfs/contract.pdf")
    links = LinkService(Locator(moved.policy, backends, relocation=Moved(OLD_ID, there)))
    assert await links.download_link(OLD_ID) == f"signed:{there}"
    s3.error = FileNotFoundException("not there")
    assert await links.download_link(OLD_ID) == f"signed:{OLD_ID}"
    s3.error = StorageUnavailableException("down")
    with pytest.raises(StorageUnavailableException):
        await links.download_link(OLD_ID)


class CopyingNothing:
    """A backend that copies by itself, which is not to be asked for it."""

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        raise AssertionError(f"asked to copy {source} to {target.key}")


async def test_a_file_that_may_be_elsewhere_is_not_copied_within_one_backend(deployment: Deployment) -> None:
    written = await deployment.kept_in_fastdfs.write(new_blob("a.txt"), body_of(b"still there"))
    nowhere = FileId(Backend.S3, "my-bucket", "fastdfs/group1/nowhere")
    backends = dict(deployment.locator.backends)
    backends[Backend.S3] = replace(backends[Backend.S3], copying=CopyingNothing())
    locator = Locator(deployment.locator.policy, backends, relocation=Moved(str(written.file_id), nowhere))
    copied = await CopyService(locator).copy_file(str(written.file_id))
    assert await DownloadService(locator).download_bytes(copied.file_id) == b"still there"


async def test_a_file_of_another_backend_is_not_copied_within_one(deployment: Deployment) -> None:
    written = await deployment.kept_in_fastdfs.write(new_blob("a.txt"), body_of(b"signed"))
    backends = dict(deployment.locator.backends)
    backends[Backend.S3] = replace(backends[Backend.S3], copying=CopyingNothing())
    locator = Locator(deployment.locator.policy, backends)
    copied = await CopyService(locator).copy_file(str(written.file_id))
    assert await DownloadService(locator).download_bytes(copied.file_id) == b"signed"


async def test_a_file_that_can_only_be_elsewhere_answers_to_its_old_id(deployment: Deployment) -> None:
    class ForGood(Moved):
        async def places(self, file_id: FileId) -> Sequence[FileId]:
            return (await super().places(file_id))[:1]

    stored = await deployment.kept_in_s3.write(new_blob("contract.pdf"), body_of(b"moved"))
    relocation = ForGood(OLD_ID, stored.file_id)
    locator = Locator(deployment.locator.policy, deployment.locator.backends, relocation=relocation)
    located = await locator.find(OLD_ID, Purpose.READ)
    assert str((await located.info()).file_id) == OLD_ID
    async with located.open() as blob:
        assert str(blob.info.file_id) == OLD_ID


async def test_deleting_a_file_that_moved_leaves_it_nowhere(moved: Locator) -> None:
    await DeleteService(moved).delete_file(OLD_ID)
    with pytest.raises(FileNotFoundException) as gone:
        await InfoService(moved).get_file_info(OLD_ID)
    assert gone.value.file_id == OLD_ID
    with pytest.raises(FileNotFoundException):
        await DeleteService(moved).delete_file(OLD_ID)


async def test_what_lies_in_one_place_is_deleted_there_alone(deployment: Deployment, moved: Locator) -> None:
    old = await deployment.kept_in_fastdfs.write(new_blob("a.txt"), body_of(b"at its source"))
    [there] = deployment.kept_in_s3.file_ids
    refusing = replace(moved.policy, deletable=frozenset())
    locator = Locator(refusing, moved.backends, relocation=Moved(str(old.file_id), there))
    await locator.delete_place(there)
    assert (deployment.kept_in_s3.file_ids, deployment.kept_in_fastdfs.file_ids) == ((), (old.file_id,))
    with pytest.raises(FileNotFoundException):
        await locator.delete_place(there)
    await locator.delete_place(old.file_id)
    assert deployment.kept_in_fastdfs.file_ids == ()


async def test_a_file_that_has_not_moved_yet_is_found_where_it_was(deployment: Deployment) -> None:
    written = await deployment.kept_in_fastdfs.write(new_blob("a.txt"), body_of(b"still there"))
    old = str(written.file_id)
    nowhere = FileId(Backend.S3, "my-bucket", "fastdfs/group1/nowhere")
    locator = Locator(deployment.locator.policy, deployment.locator.backends, relocation=Moved(old, nowhere))
    assert await DownloadService(locator).download_bytes(old) == b"still there"
    assert (await InfoService(locator).get_file_info(old)).file_id == old
    await DeleteService(locator).delete_file(old)
    assert deployment.kept_in_fastdfs.file_ids == ()


@pytest.mark.parametrize("operation", ["open", "info"])
async def test_a_place_that_is_out_of_reach_proves_nothing(
    deployment: Deployment, moved: Locator, operation: Literal["open", "info"]
) -> None:
    deployment.s3.fail(operation, StorageUnavailableException("down"))
    located = await moved.find(OLD_ID, Purpose.READ)
    with pytest.raises(StorageUnavailableException) as failed:
        await (located.info() if operation == "info" else located.open().__aenter__())
    assert deployment.fastdfs.calls.total() == 0
    assert failed.value.file_id == OLD_ID


async def test_errors_speak_of_the_id_as_the_caller_wrote_it(deployment: Deployment) -> None:
    raw = Locator(deployment.locator.policy, deployment.locator.backends, implied_prefix="s3:")
    for work in (InfoService(raw).get_file_info, DownloadService(raw).download_bytes, DeleteService(raw).delete_file):
        with pytest.raises(FileNotFoundException) as missing:
            await work("my-bucket/none")
        assert (missing.value.file_id, missing.value.backend) == ("my-bucket/none", "s3")
        assert missing.value.operation in {"info", "download", "delete"}
        with pytest.raises(InvalidArgumentException) as invalid:
            await work("my-bucket")
        assert invalid.value.file_id == "my-bucket"


async def test_what_is_no_text_is_no_id(deployment: Deployment) -> None:
    raw = Locator(deployment.locator.policy, deployment.locator.backends, implied_prefix="s3:")
    for locator in (deployment.locator, raw):
        with pytest.raises(InvalidArgumentException, match="a file id is text, got bytes"):
            await locator.find(b"s3:my-bucket/a", Purpose.READ)  # type: ignore[arg-type] # what is tested


async def test_events_speak_of_the_id_as_the_caller_wrote_it(deployment: Deployment) -> None:
    recorder = Recorder()
    raw = Locator(deployment.locator.policy, deployment.locator.backends, implied_prefix="s3:", observer=recorder)
    stored = await deployment.kept_in_s3.write(NewBlob("a", "a"), body_of(b"x"))
    asked = str(stored.file_id).removeprefix("s3:")
    await DownloadService(raw).download_bytes(asked)
    for work in (InfoService(raw).get_file_info, InfoService(raw).find_backend, DeleteService(raw).delete_file):
        await work(asked)
    assert {event.file_id for event in recorder.events if isinstance(event, OperationBegan | OperationEnded)} == {asked}
    assert len(recorder.events) == 8


async def test_an_error_while_reading_is_completed(deployment: Deployment) -> None:
    written = await deployment.kept_in_s3.write(new_blob(), body_of(b"0123456789"))
    deployment.s3.fail("read", StorageException("broke off"), after_bytes=5)
    located = await deployment.locator.find(str(written.file_id), Purpose.READ)
    with pytest.raises(StorageException) as broken:
        async with located.open() as blob:
            _ = [chunk async for chunk in blob.body]
    assert (broken.value.operation, broken.value.file_id) == ("download", str(written.file_id))


async def test_operations_are_reported(deployment: Deployment) -> None:
    recorder = Recorder()
    locator = Locator(deployment.locator.policy, deployment.locator.backends, observer=recorder)
    info = await locator.destination().write(new_blob(), body_of(b"12345"))
    file_id = str(info.file_id)
    await DownloadService(locator).download_bytes(file_id)
    await DeleteService(locator).delete_file(file_id)
    with pytest.raises(FileNotFoundException) as missing:
        await InfoService(locator).get_file_info(file_id)
    assert [event._replace(seconds=0) if isinstance(event, OperationEnded) else event for event in recorder.events] == [
        OperationBegan("s3", "upload"),
        OperationEnded("s3", "upload", None, 0, size=5),
        OperationBegan("s3", "download", file_id),
        OperationEnded("s3", "download", file_id, 0, size=5),
        OperationBegan("s3", "delete", file_id),
        OperationEnded("s3", "delete", file_id, 0),
        OperationBegan("s3", "info", file_id),
        OperationEnded("s3", "info", file_id, 0, error=missing.value),
    ]


async def test_an_operation_that_is_cancelled_is_reported_as_such(deployment: Deployment) -> None:
    recorder = Recorder()
    locator = Locator(deployment.locator.policy, deployment.locator.backends, observer=recorder)
    gate = deployment.s3.hold("open")
    located = await locator.find("s3:my-bucket/a", Purpose.READ)
    opening = asyncio.ensure_future(located.open().__aenter__())
    await gate.reached.wait()
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    ended = recorder.events[-1]
    assert isinstance(ended, OperationEnded)
    assert ended.cancelled
    assert ended.error is None


async def test_a_download_that_is_left_early_is_reported_as_cancelled(deployment: Deployment) -> None:
    recorder = Recorder()
    locator = Locator(deployment.locator.policy, deployment.locator.backends, observer=recorder)
    stored = await locator.destination().write(new_blob(), body_of(b"12345"))
    chunks = DownloadService(locator).download_to_generator(str(stored.file_id))
    await anext(chunks)
    await chunks.aclose()
    ended = recorder.events[-1]
    assert isinstance(ended, OperationEnded)
    assert (ended.operation, ended.cancelled, ended.error) == ("download", True, None)
