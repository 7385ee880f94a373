"""A download to a path that broke off: what stays of it, what is asked for then, and what is known to be whole."""

import errno
import fcntl
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.download import DownloadService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.application.ports.blob_store import OpenBlob
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.checksum import Checksum
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.testing import body_of
from tests.unit.application.watched import Told, WatchedStore

FILE = FileId(Backend.S3, "bucket", "a.bin")
CONTENT = bytes(range(256)) * 1024  # four chunks of the store in memory
CHUNK = 64 * 1024


class Forgetful(MemoryBlobStore):
    """Tells of its files only what it is given."""

    facts: dict[str, Any]

    async def info(self, file_id: FileId) -> BlobInfo:
        return replace(await super().info(file_id), **self.facts)

    @asynccontextmanager
    async def open(self, file_id: FileId, byte_range: ByteRange | None = None) -> AsyncGenerator[OpenBlob]:
        async with super().open(file_id, byte_range) as blob:
            yield replace(blob, info=replace(blob.info, **self.facts))


@dataclass(frozen=True)
class Kept:
    """A store with one file, and what reads it."""

    store: WatchedStore
    inner: Forgetful
    downloads: DownloadService

    async def fetched(self, target: Path, **options: Any) -> Path:
        return await self.downloads.download_to_path(str(FILE), target, **options)

    async def broken_off(self, target: Path, *, after: int) -> None:
        """Fetch so many bytes, and not more."""

        def progress(done: int, _total: int | None) -> None:
            if done >= after:
                raise ConnectionError("broken")

        with pytest.raises(ConnectionError):
            await self.fetched(target, resume=True, progress=progress)
        self.store.opened.clear()


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    async with Forgetful(Backend.S3, "bucket") as inner:
        inner.facts = {}
        await inner.write(NewBlob(FILE.key, "a.bin"), body_of(CONTENT))
        store = WatchedStore(inner)
        locator = Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: MountedBackend(store, store)})
        open_before = len(list(Path("/proc/self/fd").iterdir()))
        yield Kept(store, inner, DownloadService(locator))
        assert store.held == 0
        assert len(list(Path("/proc/self/fd").iterdir())) == open_before, "a descriptor was not closed"


async def test_only_what_is_missing_is_asked_for(kept: Kept, tmp_path: Path) -> None:
    target = tmp_path / "a"
    await kept.broken_off(target, after=2 * CHUNK)
    await kept.fetched(target, resume=True)
    assert kept.store.opened == [(FILE, ByteRange(2 * CHUNK, None))]
    assert target.read_bytes() == CONTENT


async def test_what_has_come_whole_is_not_asked_for_again(kept: Kept, tmp_path: Path) -> None:
    await kept.broken_off(tmp_path / "a", after=len(CONTENT))
    await kept.fetched(tmp_path / "a", resume=True)
    assert kept.store.opened == []
    assert (tmp_path / "a").read_bytes() == CONTENT


async def test_of_a_file_of_which_nothing_has_come_no_range_is_asked_for(kept: Kept, tmp_path: Path) -> None:
    await kept.fetched(tmp_path / "a", resume=True)
    assert kept.store.opened == [(FILE, None)]


@pytest.mark.parametrize(
    "facts",
    [{"checksum": None}, {"etag": None}, {"checksum": Checksum("sha256", "00")}],
    ids=["an entity tag", "a CRC-32", "another checksum"],
)
async def test_one_fact_that_names_the_version_is_enough(kept: Kept, tmp_path: Path, facts: dict[str, Any]) -> None:
    kept.inner.facts = facts
    await kept.broken_off(tmp_path / "a", after=CHUNK)
    told = Told()
    await kept.fetched(tmp_path / "a", resume=True, progress=told)
    assert told == [(done * CHUNK, len(CONTENT)) for done in (2, 3, 4)]
    assert (tmp_path / "a").read_bytes() == CONTENT


MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "facts",
    [
        {"etag": '"new"'},
        {"checksum": Checksum("sha256", "01")},
        {"last_modified": datetime(2026, 1, 2, tzinfo=UTC)},
        {"size": len(CONTENT) - 1},
    ],
    ids=lambda facts: next(iter(facts)),
)
async def test_what_came_of_another_version_is_not_gone_on_with(
    kept: Kept, tmp_path: Path, facts: dict[str, Any]
) -> None:
    before = {"etag": '"old"', "checksum": Checksum("sha256", "00"), "last_modified": MOMENT}
    kept.inner.facts = before
    await kept.broken_off(tmp_path / "a", after=CHUNK)
    kept.inner.facts = before | facts
    await kept.fetched(tmp_path / "a", resume=True)
    assert kept.store.opened == [(FILE, None)]


async def test_what_came_of_another_file_or_for_another_name_is_not_gone_on_with(kept: Kept, tmp_path: Path) -> None:
    kept.inner.facts = {"last_modified": MOMENT}
    another = await kept.inner.write(NewBlob("another", "a.bin"), body_of(CONTENT))
    await kept.broken_off(tmp_path / "a", after=CHUNK)
    await kept.downloads.download_to_path(str(another.file_id), tmp_path / "a", resume=True)
    await kept.fetched(tmp_path / "b", resume=True)
    assert kept.store.opened == [(another.file_id, None), (FILE, None)]


@pytest.mark.parametrize(
    ("stored", "local"), [(None, "a.bin"), ("../../evil.txt", "evil.txt"), ("a\nb", "ab"), ("..", "file")]
)
@pytest.mark.parametrize("resume", [False, True])
async def test_a_folder_takes_a_file_under_its_name_made_safe(
    kept: Kept, tmp_path: Path, stored: str | None, local: str, *, resume: bool
) -> None:
    kept.inner.facts = {"file_name": stored}
    assert await kept.fetched(tmp_path, resume=resume) == tmp_path / local
    assert (tmp_path / local).read_bytes() == CONTENT


async def test_what_another_process_is_fetching_is_fetched_beside_it(kept: Kept, tmp_path: Path) -> None:
    target, told = tmp_path / "a", Told()
    await kept.broken_off(target, after=CHUNK)
    [part] = tmp_path.iterdir()
    with part.open("rb") as its_own:
        fcntl.flock(its_own, fcntl.LOCK_EX)
        await kept.fetched(target, resume=True, progress=told)
        with pytest.raises(FileExistsError):
            await kept.fetched(target, resume=True)
    assert kept.store.opened == [(FILE, None)]
    assert told[0] == (CHUNK, len(CONTENT))
    assert target.read_bytes() == CONTENT
    assert part.stat().st_size == CHUNK


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize("into_folder", [False, True])
async def test_where_nothing_can_be_put_nothing_is_fetched(
    kept: Kept, tmp_path: Path, resume: bool, into_folder: bool
) -> None:
    (tmp_path / "a.bin").write_bytes(b"own")
    told = Told()
    with pytest.raises(FileExistsError):
        await kept.fetched(tmp_path if into_folder else tmp_path / "a.bin", resume=resume, progress=told)
    with pytest.raises(NotADirectoryError):
        await kept.fetched(tmp_path / "none" / "a.bin", resume=resume, progress=told)
    assert (told, kept.store.held) == ([], 0)
    if resume:
        assert kept.store.opened == []
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("a.bin", b"own")]


async def test_a_file_whose_place_is_given_is_fetched_without_asking_for_its_name(kept: Kept, tmp_path: Path) -> None:
    await kept.fetched(tmp_path / "a")
    assert (kept.store.calls["info"], kept.store.calls["open"]) == (0, 1)


@pytest.mark.parametrize("refusal", [errno.EWOULDBLOCK, errno.ENOLCK, errno.ENOTSUP])
async def test_where_nothing_can_be_locked_nothing_is_kept(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: int
) -> None:
    def flock(_descriptor: int, _how: int) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(fcntl, "flock", flock)
    await kept.fetched(tmp_path / "a", resume=True)
    assert (tmp_path / "a").read_bytes() == CONTENT


async def test_a_disk_that_fails_is_not_taken_for_a_busy_one(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flock(_descriptor: int, _how: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        await kept.fetched(tmp_path / "a", resume=True)
    assert kept.store.opened == []


async def test_a_partial_file_that_was_given_its_name_meanwhile_is_not_written_to(
    kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, names = fcntl.flock, list[str]()

    def flock(descriptor: int, how: int) -> None:
        lock(descriptor, how)
        if not names:
            [part] = tmp_path.iterdir()
            names.append(part.name)
            part.rename(tmp_path / "of another download")

    monkeypatch.setattr(fcntl, "flock", flock)
    await kept.fetched(tmp_path / "a", resume=True)
    assert (tmp_path / "a").read_bytes() == CONTENT
    assert (tmp_path / "of another download").read_bytes() == b""
