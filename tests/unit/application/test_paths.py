"""Files of the local disk up and down, and how far transfers have come."""

import asyncio
import errno
import fcntl
import inspect
import io
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.copy import CopyService
from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.application.streams.incoming_body import IncomingBody
from s3py_helper.application.streams.progress import Progress
from s3py_helper.application.to_path import fetch_resumably
from s3py_helper.application.upload import UploadService
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange, Span
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.routing import RoutingPolicy
from s3py_helper.storage import (
    FileDownload,
    FileNotFoundException,
    FilesystemConfig,
    IntegrityException,
    InvalidArgumentException,
    StorageManager,
    StorageMode,
    StorageModeConfig,
)

CONTENT = os.urandom(3_000_000)


@pytest.fixture
async def manager(tmp_path: Path) -> AsyncIterator[StorageManager]:
    async with StorageManager(
        StorageModeConfig(mode=StorageMode.FILESYSTEM),
        filesystem_config=FilesystemConfig(root=tmp_path / "kept", durability=False),
    ) as manager:
        yield manager


@pytest.fixture
def here(tmp_path: Path) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


class Told:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.calls: list[tuple[int, int | None]] = []

    def __call__(self, done: int, total: int | None) -> None:
        self.calls.append((done, total))


async def test_a_path_goes_up_and_comes_back(manager: StorageManager, here: Path) -> None:
    (here / "a b.bin").write_bytes(CONTENT)
    up, down = Told(), Told()
    attach = await manager.upload_service.upload_path(here / "a b.bin", folder="x", metadata={"a": "b"}, progress=up)
    assert (attach.file_name, attach.file_size) == ("a b.bin", len(CONTENT))
    path = await manager.download_service.download_to_path(attach.file_id, str(here / "c.bin"), progress=down)
    assert path == here / "c.bin"
    assert path.read_bytes() == CONTENT
    for told in (up, down):
        assert told.calls == sorted(told.calls)
        assert told.calls[-1] == (len(CONTENT), len(CONTENT))
        assert len(told.calls) > 1


async def test_a_folder_takes_the_file_under_its_own_name_made_safe(manager: StorageManager, here: Path) -> None:
    (here / "a.txt").write_bytes(b"x")
    attach = await manager.upload_service.upload_path(str(here / "a.txt"), "other name.txt")
    assert await manager.download_service.download_to_path(attach.file_id, here) == here / "other name.txt"


async def test_what_is_there_is_replaced_only_when_told_to(manager: StorageManager, here: Path) -> None:
    (here / "a").write_bytes(b"new")
    attach = await manager.upload_service.upload_path(here / "a")
    (here / "a").write_bytes(b"old")
    for resume in (False, True):
        with pytest.raises(FileExistsError):
            await manager.download_service.download_to_path(attach.file_id, here / "a", resume=resume)
        assert (here / "a").read_bytes() == b"old"
    for resume in (False, True):
        await manager.download_service.download_to_path(attach.file_id, here / "a", overwrite=True, resume=resume)
        assert (here / "a").read_bytes() == b"new"
    assert [path.name for path in here.iterdir()] == ["a"]


async def test_what_is_there_in_a_folder_is_replaced_only_when_told_to(manager: StorageManager, here: Path) -> None:
    attach = await manager.upload_service.upload_bytes("a", b"new")
    (here / "a").write_bytes(b"old")
    with pytest.raises(FileExistsError):
        await manager.download_service.download_to_path(attach.file_id, here)
    assert (here / "a").read_bytes() == b"old"
    await manager.download_service.download_to_path(attach.file_id, here, overwrite=True)
    assert (here / "a").read_bytes() == b"new"


@pytest.mark.parametrize("resume", [False, True])
async def test_a_missing_file_leaves_nothing(manager: StorageManager, here: Path, resume: bool) -> None:
    with pytest.raises(FileNotFoundException):
        await manager.download_service.download_to_path("fs:files/none", here / "a", resume=resume)
    assert not list(here.iterdir())


async def test_a_path_that_is_none_or_leads_to_no_file_is_refused(manager: StorageManager, here: Path) -> None:
    os.mkfifo(here / "pipe")
    for wrong in (1, b"bytes", None, "a\0b", here, here / "pipe"):
        with pytest.raises(InvalidArgumentException):
            await manager.upload_service.upload_path(wrong)  # type: ignore[arg-type]  # that is the point
    with pytest.raises(FileNotFoundError):
        await manager.upload_service.upload_path(here / "none")
    with pytest.raises(InvalidArgumentException, match="a path as str or pathlib"):
        await manager.download_service.download_to_path("fs:files/a", 1)  # type: ignore[arg-type]  # as above


class Breaking:
    """Tells, and ends the transfer at some point."""

    def __init__(self, at: int) -> None:
        self.first: int | None = None
        self._at = at

    def __call__(self, done: int, _total: int | None) -> None:
        self.first = self.first if self.first is not None else done
        if done >= self._at:
            raise ConnectionError("broken")


async def test_a_download_that_broke_off_goes_on_where_it_was(manager: StorageManager, here: Path) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    download = manager.download_service.download_to_path
    with pytest.raises(ConnectionError):
        await download(attach.file_id, here / "a.bin", resume=True, progress=Breaking(1_000_000))
    (part,) = here.iterdir()
    there = part.stat().st_size
    assert part.name.startswith(".")
    assert 0 < there < len(CONTENT)
    told = Told()
    await download(attach.file_id, here / "a.bin", resume=True, progress=told)
    assert there < told.calls[0][0] <= there + 1024 * 1024
    assert told.calls[-1] == (len(CONTENT), len(CONTENT))
    assert (here / "a.bin").read_bytes() == CONTENT
    assert [path.name for path in here.iterdir()] == ["a.bin"]


async def test_without_resume_nothing_stays_of_a_broken_download(manager: StorageManager, here: Path) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    for target in (here / "a", here):
        with pytest.raises(ConnectionError):
            await manager.download_service.download_to_path(attach.file_id, target, progress=Breaking(1))
        assert not list(here.iterdir())


@pytest.mark.parametrize("resume", [False, True])
async def test_a_file_that_appears_meanwhile_is_not_replaced(
    manager: StorageManager, here: Path, resume: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    monkeypatch.setattr(os, "fsync", lambda _descriptor: (here / "a").write_bytes(b"own"))
    with pytest.raises(FileExistsError) as refused:
        await manager.download_service.download_to_path(attach.file_id, here / "a", resume=resume)
    assert (refused.value.filename, refused.value.filename2) == (str(here / "a"), None)
    assert (here / "a").read_bytes() == b"own"


@pytest.mark.parametrize("resume", [False, True])
async def test_a_disk_that_takes_little_at_a_time_gets_everything(
    manager: StorageManager, here: Path, resume: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:100_000]))
    path = await manager.download_service.download_to_path(attach.file_id, here / "a", resume=resume)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("resume", [False, True])
async def test_a_file_has_the_usual_permissions(manager: StorageManager, here: Path, resume: bool) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    (here / "usual").touch()
    path = await manager.download_service.download_to_path(attach.file_id, here / "a", resume=resume)
    assert path.stat().st_mode == (here / "usual").stat().st_mode


@pytest.mark.parametrize("resume", [False, True])
async def test_a_link_that_leads_nowhere_is_not_replaced(manager: StorageManager, here: Path, resume: bool) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    (here / "a").symlink_to(here / "nowhere")
    with pytest.raises(FileExistsError):
        await manager.download_service.download_to_path(attach.file_id, here / "a", resume=resume)
    assert (here / "a").is_symlink()


@pytest.mark.parametrize("refusal", [errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EACCES, errno.EMLINK])
@pytest.mark.parametrize("resume", [False, True])
async def test_a_file_system_without_links_is_written_to_all_the_same(
    manager: StorageManager, here: Path, resume: bool, refusal: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    download = manager.download_service.download_to_path
    appears = False

    def link(_source: Path, target: Path) -> None:
        if appears:
            target.touch()
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(os, "link", link)
    assert (await download(attach.file_id, here / "a", resume=resume)).read_bytes() == CONTENT
    appears = True
    with pytest.raises(FileExistsError, match=str(here / "b")):
        await download(attach.file_id, here / "b", resume=resume)
    assert (here / "b").read_bytes() == b""
    refusal, appears = errno.EIO, False
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        await download(attach.file_id, here / "c", resume=resume)
    assert not (here / "c").exists()


async def test_damage_in_what_had_come_is_noticed_and_thrown_away(manager: StorageManager, here: Path) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    download = manager.download_service.download_to_path
    with pytest.raises(ConnectionError):
        await download(attach.file_id, here / "a.bin", resume=True, progress=Breaking(1_000_000))
    (part,) = here.iterdir()
    with part.open("r+b") as file:
        file.write(b"damage")
    with pytest.raises(IntegrityException):
        await download(attach.file_id, here / "a.bin", resume=True)
    assert not list(here.iterdir())
    assert (await download(attach.file_id, here / "a.bin", resume=True)).read_bytes() == CONTENT


async def test_what_came_of_another_file_is_not_gone_on_with(manager: StorageManager, here: Path) -> None:
    first = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    second = await manager.upload_service.upload_bytes("a.bin", CONTENT[::-1])
    download = manager.download_service.download_to_path
    with pytest.raises(ConnectionError):
        await download(first.file_id, here / "a.bin", resume=True, progress=Breaking(1_000_000))
    assert (await download(second.file_id, here / "a.bin", resume=True)).read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("changed", [{"etag": '"new"'}, {"size": 10}])
async def test_bytes_of_another_version_are_not_put_together(here: Path, changed: dict[str, Any]) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"new bytes"

    @asynccontextmanager
    async def open_file(_range: ByteRange | None) -> AsyncGenerator[OpenBlob]:
        yield OpenBlob(replace(known, **changed), Span(0, 9), chunks())

    known = BlobInfo(FileId.parse("s3:bucket/a"), 9, etag='"old"')
    with pytest.raises(IntegrityException, match="has changed"):
        await fetch_resumably(open_file, known, here / "a", overwrite=False, progress=None)
    assert not list(here.iterdir())


async def test_bytes_of_a_version_that_nothing_names_are_not_kept(here: Path) -> None:
    class Nameless(MemoryBlobStore):
        async def info(self, file_id: FileId) -> BlobInfo:
            return replace(await super().info(file_id), etag=None, checksum=None)

    async with Nameless(Backend.S3, "bucket") as store:
        locator = Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: MountedBackend(store, store)})
        attach = await UploadService(locator).upload_bytes("a.bin", CONTENT)
        with pytest.raises(ConnectionError):
            await DownloadService(locator).download_to_path(
                attach.file_id, here / "a", resume=True, progress=Breaking(1)
            )
    assert not list(here.iterdir())


@pytest.mark.parametrize("resume", [False, True])
async def test_a_file_is_on_the_disk_before_it_has_its_name(
    manager: StorageManager, here: Path, resume: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    synced: list[tuple[int, bool]] = []

    def fsync(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_size, (here / "a").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    await manager.download_service.download_to_path(attach.file_id, here / "a", resume=resume)
    assert synced == [(len(CONTENT), False)]


async def test_a_partial_file_that_another_download_has_just_finished_is_begun_anew(
    manager: StorageManager, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    real = fcntl.flock
    locked: list[int] = []

    def flock(descriptor: int, how: int) -> None:
        real(descriptor, how)
        locked.append(descriptor)
        if len(locked) == 1:
            [part] = here.iterdir()
            part.unlink()
            part.touch()

    monkeypatch.setattr(fcntl, "flock", flock)
    path = await manager.download_service.download_to_path(attach.file_id, here / "a", resume=True)
    assert path.read_bytes() == CONTENT
    assert len(locked) == 2


async def test_two_that_fetch_the_same_do_not_mix(manager: StorageManager, here: Path) -> None:
    attach = await manager.upload_service.upload_bytes("a.bin", CONTENT)
    paths = await asyncio.gather(
        *(
            manager.download_service.download_to_path(attach.file_id, here / "a.bin", resume=True, overwrite=True)
            for _ in range(8)
        )
    )
    assert {path.read_bytes() for path in paths} == {CONTENT}
    assert [path.name for path in here.iterdir()] == ["a.bin"]


async def test_every_transfer_tells_how_far_it_is(manager: StorageManager) -> None:
    told = Told()
    attach = await manager.upload_service.upload_bytes("a", b"x" * 10, progress=told)
    service = manager.download_service
    await service.download_bytes(attach.file_id, progress=told)
    async for _ in service.download_to_generator(attach.file_id, progress=told):
        pass
    await service.download_to_stream(attach.file_id, io.BytesIO(), progress=told)
    assert told.calls == [(10, 10)] * 4
    archive = Told()
    files = [FileDownload(file_id=attach.file_id)]
    zipped = b"".join([chunk async for chunk in service.stream_zip(files, progress=archive)])
    await service.download_files_as_zip(files, io.BytesIO(), progress=archive)
    assert archive.calls == [(len(zipped), None)] * 2


async def _chunks() -> AsyncIterator[bytes]:
    yield b"x" * 6
    yield b"y" * 4


async def test_a_stream_an_open_file_and_an_archive_to_be_tell_as_all_others_do(manager: StorageManager) -> None:
    told = Told()
    attach = await manager.upload_service.upload_stream("a", _chunks(), None, progress=told)
    assert told.calls == [(6, None), (10, None)]
    service, part = manager.download_service, Told()
    for opening in (service.open, service.open_bytes):
        async with opening(attach.file_id, ByteRange(2, 4), progress=part) as file:
            assert b"".join([chunk async for chunk in file.body]) == b"xxx"
    assert part.calls == [(3, 3)] * 2
    plan, archive = await service.plan_zip([FileDownload(file_id=attach.file_id)], compression="never"), Told()
    assert plan.content_length == sum([len(chunk) async for chunk in plan.stream(progress=archive)])
    assert archive.calls[-1] == (plan.content_length, plan.content_length)


async def test_a_reader_that_leaves_early_is_told_no_more(manager: StorageManager) -> None:
    attach = await manager.upload_service.upload_bytes("a", CONTENT)
    told = Told()
    async with manager.download_service.open(attach.file_id, progress=told) as file:
        first = len(await anext(aiter(file.body)))
    assert told.calls == [(first, len(CONTENT))]


async def test_a_copy_tells_of_what_passes_through_and_once_of_what_does_not(manager: StorageManager) -> None:
    attach = await manager.upload_service.upload_bytes("a", CONTENT)
    told = Told()
    await manager.copy_service.copy_file(attach.file_id, progress=told)
    assert len(told.calls) > 1
    assert told.calls[-1] == (len(CONTENT), len(CONTENT))

    once = Told()
    async with MemoryBlobStore(Backend.S3, "bucket") as store:
        backend = MountedBackend(store, store, copying=Copying(store))
        locator = Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: backend})
        attach = await UploadService(locator).upload_bytes("a", b"x" * 10)
        copied = await CopyService(locator).copy_file(attach.file_id, progress=once)
        assert await DownloadService(locator).download_bytes(copied.file_id) == b"x" * 10
    assert once.calls == [(10, 10)]


class Copying:
    """A store that copies by itself."""

    def __init__(self, store: MemoryBlobStore) -> None:
        self._store = store

    async def copy(self, source: FileId, target: NewBlob) -> BlobInfo:
        async with self._store.open(source) as blob:
            return await self._store.write(target, IncomingBody(blob.body))


@pytest.mark.parametrize("service", [UploadService, DownloadService, CopyService])
def test_no_transfer_lacks_it(service: type) -> None:
    others = {"describe", "plan_zip", "require_acceptable", "require_creatable", "roll_back"}
    methods = {name: each for name, each in inspect.getmembers(service, callable) if not name.startswith("_")}
    lacking = [name for name, each in methods.items() if "progress" not in inspect.signature(each).parameters]
    assert set(lacking) <= others


class Form:
    """A file from a form."""

    content_type = None

    def __init__(self, name: str, content: bytes) -> None:
        self.filename = name
        self.size = len(content)
        self._content = content

    async def read(self, size: int = -1, /) -> bytes:
        await asyncio.sleep(0)
        chunk, self._content = self._content[:size], self._content[size:]
        return chunk

    async def seek(self, offset: int) -> None:
        assert offset == 0


async def test_files_of_a_batch_are_told_together(manager: StorageManager) -> None:
    told = Told()
    files = [Form(f"{number}.bin", bytes(300_000)) for number in range(4)]
    await manager.upload_service.upload_files(files, progress=told)
    assert told.calls == sorted(told.calls)
    assert told.calls[-1] == (1_200_000, None)
    one = Told()
    await manager.upload_service.upload_file(Form("a", b"x"), progress=one)
    assert one.calls == [(1, 1)]


async def _coroutine(_done: int, _total: int | None) -> None:
    pass


@pytest.mark.parametrize("wrong", [1, "tell", _coroutine, object, lambda done: done])
async def test_what_cannot_be_told_is_refused_by_every_transfer(
    manager: StorageManager, here: Path, wrong: Any
) -> None:
    (here / "a").write_bytes(b"x")
    upload, download = manager.upload_service, manager.download_service
    attempts: list[Callable[[Progress], Any]] = [
        lambda progress: upload.upload_bytes("a", b"x", progress=progress),
        lambda progress: upload.upload_path(here / "a", progress=progress),
        lambda progress: upload.upload_file(Form("a", b"x"), progress=progress),
        lambda progress: upload.upload_files([Form("a", b"x")], progress=progress),
        lambda progress: download.download_bytes("fs:files/a", progress=progress),
        lambda progress: download.download_to_path("fs:files/a", here / "b", progress=progress),
        lambda progress: anext(download.download_to_generator("fs:files/a", progress=progress)),
        lambda progress: download.open("fs:files/a", progress=progress).__aenter__(),
        lambda progress: download.open_bytes("fs:files/a", progress=progress).__aenter__(),
        lambda progress: manager.copy_service.copy_file("fs:files/a", progress=progress),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidArgumentException, match="progress is an ordinary function"):
            await attempt(wrong)
    with pytest.raises(InvalidArgumentException, match="progress is an ordinary function"):
        download.stream_zip([], progress=wrong)
