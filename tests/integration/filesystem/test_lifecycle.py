"""Opening, closing and what others do meanwhile."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from s3py_helper.adapters.filesystem import session
from s3py_helper.adapters.filesystem.config import FilesystemConfig
from s3py_helper.adapters.filesystem.disk.cached import CachedReads
from s3py_helper.adapters.filesystem.mount import open_backend
from s3py_helper.adapters.filesystem.store import FilesystemBlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException
from s3py_helper.testing import StalledSource, body_of, leak_guard, new_blob, read_all
from tests.support.waiting import until


def _open_below(root: Path) -> set[Path]:
    """What this process has open there."""
    links = (link for link in Path("/proc/self/fd").iterdir() if link.is_symlink())
    return {target for target in (link.readlink() for link in links) if target.is_relative_to(root)}


def _threads() -> int:
    return sum(thread.name.startswith("s3py-disk") for thread in threading.enumerate())


async def test_all_threads_have_started_when_the_store_is_open_and_none_stays(root: Path) -> None:
    before = _threads()
    async with FilesystemBlobStore(FilesystemConfig(root=root)):
        assert _threads() == before + session.THREADS
    assert _threads() == before


async def test_files_are_there_when_the_store_is_opened_again(root: Path) -> None:
    config = FilesystemConfig(root=root)
    async with FilesystemBlobStore(config) as store:
        stored = await store.write(new_blob("name.txt", metadata={"a": "b"}), body_of(b"kept"))
    async with FilesystemBlobStore(config) as store:
        assert await store.info(stored.file_id) == stored
        assert await read_all(store, stored.file_id) == b"kept"


async def test_the_mounted_backend_stores_and_is_well(root: Path) -> None:
    async with open_backend(FilesystemConfig(root=root, default_bucket="mine")) as backend:
        stored = await backend.store.write(new_blob(), body_of(b"x"))
        await backend.health.check()
    assert stored.file_id.bucket == "mine"


async def test_an_upload_in_progress_at_closing_is_undone_and_told(root: Path) -> None:
    source = StalledSource([bytes(300_000), bytes(300_000)])
    async with leak_guard():
        async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
            writing = asyncio.create_task(store.write(new_blob(folder="a"), body_of(source)))
            await source.reached.wait()
        assert [path for path in root.rglob("*") if path.is_file()] == []
        assert _open_below(root) == set()
        source.released.set()
        with pytest.raises(StorageOperationException, match="not open"):
            await writing


@pytest.mark.parametrize("moment", range(12))
async def test_what_was_acknowledged_before_closing_is_there_and_nothing_else(root: Path, moment: int) -> None:
    async with leak_guard():
        async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
            writing = [asyncio.create_task(store.write(new_blob(), body_of(b"x"))) for _ in range(12)]
            await asyncio.sleep(moment * 0.0004)
        outcomes = await asyncio.gather(*writing, return_exceptions=True)
    acknowledged = [outcome.file_id.key for outcome in outcomes if not isinstance(outcome, BaseException)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert {type(outcome) for outcome in refused} <= {StorageOperationException}
    assert sorted(path.name for path in root.rglob("*") if path.is_file()) == sorted(acknowledged)


async def test_cleaning_up_is_over_when_a_write_that_was_cancelled_twice_ends(
    store: FilesystemBlobStore, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlink = os.unlink
    cleaning = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow_unlink(*args: object, **kwargs: object) -> None:
        loop.call_soon_threadsafe(cleaning.set)
        time.sleep(0.05)
        unlink(*args, **kwargs)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(os, "unlink", slow_unlink)
    source = StalledSource([bytes(300_000)])
    writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
    await source.reached.wait()
    # The first batch is written behind: before its file is there, nothing would have to be cleaned up.
    await until(lambda: any((root / ".incoming").iterdir()))
    writing.cancel()
    await cleaning.wait()
    writing.cancel()
    await asyncio.wait([writing])
    assert writing.cancelled()
    assert list((root / ".incoming").iterdir()) == []


async def test_a_download_in_progress_at_closing_is_told(root: Path) -> None:
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        stored = await store.write(new_blob(), body_of(bytes(3_000_000)))
    async with leak_guard():
        opening = FilesystemBlobStore(FilesystemConfig(root=root))
        await opening.__aenter__()
        async with opening.open(stored.file_id) as blob:
            await anext(blob.body)
            await opening.__aexit__(None, None, None)
            assert _open_below(root) == set()
            with pytest.raises(StorageOperationException, match="not open"):
                _ = [chunk async for chunk in blob.body]


async def test_closing_waits_for_what_was_begun(root: Path) -> None:
    store = FilesystemBlobStore(FilesystemConfig(root=root))
    async with leak_guard():
        async with store:
            stored = [await store.write(new_blob(), body_of(b"x")) for _ in range(20)]
            deleting = [asyncio.create_task(store.delete(info.file_id)) for info in stored]
            await asyncio.sleep(0)
        await asyncio.gather(*deleting)
    assert list((root / "files").iterdir()) == []


@pytest.mark.parametrize("step", range(12))
async def test_an_opening_that_is_cancelled_leaves_nothing_open(root: Path, step: int) -> None:
    store = FilesystemBlobStore(FilesystemConfig(root=root))
    async with leak_guard():
        opening = asyncio.create_task(store.__aenter__())
        await asyncio.sleep(step * 0.0005)
        if not opening.cancel():
            await store.__aexit__(None, None, None)
        await asyncio.wait([opening])
    assert _open_below(root) == set()


async def test_a_small_file_takes_one_visit_to_a_thread_for_each_operation(
    store: FilesystemBlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    visits: list[object] = []
    submit = ThreadPoolExecutor.submit

    def counted(pool: ThreadPoolExecutor, work: Callable[..., object], *args: object, **kwargs: object) -> object:
        visits.append(work)
        return submit(pool, work, *args, **kwargs)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", counted)
    monkeypatch.setattr(CachedReads, "read", lambda *_: None)  # what it finds takes no visit at all
    stored = await store.write(new_blob(), body_of(bytes(60_000)))
    await read_all(store, stored.file_id)
    await read_all(store, stored.file_id, ByteRange(5, 10))
    await store.info(stored.file_id)
    await store.delete(stored.file_id)
    assert len(visits) == 5


async def test_no_operation_leaves_a_descriptor_open(store: FilesystemBlobStore, root: Path) -> None:
    missing = (await store.write(new_blob(), body_of(b"x"))).file_id
    await store.delete(missing)
    before = _open_below(root)
    stored = await store.write(new_blob(folder="a/b"), body_of(bytes(1_000_000)))
    await read_all(store, stored.file_id)
    await read_all(store, stored.file_id, ByteRange(5, 600_000))
    async with store.open(stored.file_id) as blob:
        await anext(blob.body)
    for attempt in (store.info(missing), store.delete(missing), read_all(store, missing)):
        with pytest.raises(FileNotFoundException):
            await attempt
    source = StalledSource([bytes(1_000_000)])
    writing = asyncio.create_task(store.write(new_blob(folder="c"), body_of(source)))
    await source.reached.wait()
    writing.cancel()
    await asyncio.wait([writing])
    await store.delete(stored.file_id)
    assert _open_below(root) == before


async def test_leftovers_are_swept_when_a_store_opens(root: Path) -> None:
    incoming = root / ".incoming"
    incoming.mkdir(parents=True)
    (incoming / "0123").write_bytes(b"half a file")
    async with FilesystemBlobStore(FilesystemConfig(root=root)):
        assert list(incoming.iterdir()) == []


async def test_leftovers_are_swept_by_a_store_that_is_long_in_use(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "SWEEP_INTERVAL", 0.0)
    incoming = root / ".incoming"
    async with FilesystemBlobStore(FilesystemConfig(root=root)) as store:
        source = StalledSource([bytes(300_000)])
        writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
        await source.reached.wait()
        (incoming / "0123").write_bytes(b"half a file")
        await store.write(new_blob(), body_of(b"x"))
        async with asyncio.timeout(5):
            while (incoming / "0123").exists():
                await asyncio.sleep(0.005)
        source.released.set()
        assert (await store.info((await writing).file_id)).size == 300_000


async def test_a_store_that_opens_leaves_the_uploads_of_another_alone(store: FilesystemBlobStore, root: Path) -> None:
    source = StalledSource([bytes(300_000), b"end"])
    writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
    await source.reached.wait()
    async with FilesystemBlobStore(FilesystemConfig(root=root)):
        source.released.set()
        stored = await writing
    assert stored.size == 300_003
    assert len(await read_all(store, stored.file_id)) == 300_003
