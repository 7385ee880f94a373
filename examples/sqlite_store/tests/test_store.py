"""What is particular to SQLite: crashes, other processes, damage, memory."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from s3py_helper.backends import Event, RollbackFailed
from s3py_helper.storage import IntegrityException, StorageOperationException, StorageUnavailableException
from s3py_helper.testing import StalledSource, body_of, breaking_after, leak_guard, new_blob, one_by_one, read_all
from s3py_sqlite import SqliteStore
from s3py_sqlite.store import ROW_SIZE

CRASH = """
import asyncio, os, signal, sys
from pathlib import Path
from s3py_helper.testing import body_of, new_blob
from s3py_sqlite import SqliteStore

async def chunks():
    yield bytes(3_000_000)
    os.kill(os.getpid(), signal.SIGKILL)

async def main():
    async with SqliteStore(Path(sys.argv[1]), None) as store:
        await store.write(new_blob(), body_of(b"kept"))
        await store.write(new_blob(), body_of(chunks()))

asyncio.run(main())
"""


class Noting:
    """An observer that keeps what it is notified of."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def notify(self, event: Event) -> None:
        self.events.append(event)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "files.db"


@pytest.fixture
def observer() -> Noting:
    return Noting()


@pytest.fixture
async def store(path: Path, observer: Noting) -> AsyncIterator[SqliteStore]:
    async with SqliteStore(path, observer) as store:
        yield store


def _execute(path: Path, statement: str) -> list[tuple[object, ...]]:
    """Past the store."""
    with closing(sqlite3.connect(path)) as database, database:
        return database.execute(statement).fetchall()


@pytest.fixture
def crashed(path: Path) -> Path:
    """A database whose process was killed in the middle of an upload."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", CRASH, path], env=environment, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    return path


async def test_what_a_crashed_upload_left_is_removed_when_the_store_opens(crashed: Path, observer: Noting) -> None:
    assert _execute(crashed, "SELECT count(*) FROM files") == [(1,)]
    assert _execute(crashed, "SELECT count(*) > 10 FROM chunks") == [(1,)]
    async with SqliteStore(crashed, observer) as store, store.list() as files:
        [kept] = [info async for info in files]
        assert await read_all(store, kept.file_id) == b"kept"
    assert _execute(crashed, "SELECT count(*) FROM chunks") == [(1,)]


async def test_files_are_there_when_the_store_opens_again(path: Path, observer: Noting) -> None:
    async with SqliteStore(path, observer) as store:
        written = await store.write(new_blob("a.txt", metadata={"year": "2024"}), body_of(b"kept"))
    async with SqliteStore(path, observer) as store:
        assert await store.info(written.file_id) == written
        assert await read_all(store, written.file_id) == b"kept"


async def test_a_database_that_is_in_use_is_not_opened_again(store: SqliteStore, path: Path, observer: Noting) -> None:
    async with leak_guard():
        with pytest.raises(StorageUnavailableException, match="another process has the database open"):
            await SqliteStore(path, observer).__aenter__()
    assert (await store.write(new_blob(), body_of(b"undisturbed"))).size == 11


async def test_a_file_that_is_no_database_is_not_touched(path: Path, observer: Noting) -> None:
    path.write_bytes(b"somebody's diary" * 100)
    async with leak_guard():
        with pytest.raises(IntegrityException, match="open failed: file is not a database"):
            await SqliteStore(path, observer).__aenter__()
    assert path.read_bytes() == b"somebody's diary" * 100


async def test_a_folder_that_is_missing_is_named(tmp_path: Path, observer: Noting) -> None:
    with pytest.raises(StorageOperationException, match=r"missing/files\.db"):
        await SqliteStore(tmp_path / "missing" / "files.db", observer).__aenter__()


@pytest.mark.parametrize("step", range(6))
async def test_an_opening_that_is_cancelled_leaves_nothing_open(path: Path, observer: Noting, step: int) -> None:
    store = SqliteStore(path, observer)
    async with leak_guard():
        opening = asyncio.create_task(store.__aenter__())
        await asyncio.sleep(step * 0.002)
        if not opening.cancel():
            await store.__aexit__(None, None, None)
        await asyncio.wait([opening])
    async with store:  # the lock is free
        await store.check()


async def test_an_upload_in_progress_is_undone_by_closing(path: Path, observer: Noting) -> None:
    source = StalledSource([bytes(3 * ROW_SIZE)])
    async with leak_guard():
        async with SqliteStore(path, observer) as store:
            writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
            await source.reached.wait()
        async with store:
            source.released.set()
            with pytest.raises(StorageOperationException, match="not open"):
                await writing
    assert _execute(path, "SELECT * FROM chunks") == []
    assert observer.events == []


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("UPDATE chunks SET content = zeroblob(length(content)) WHERE position > 0", "not those that were stored"),
        ("DELETE FROM chunks WHERE position > 0", "missing"),
    ],
)
async def test_damaged_bytes_are_noticed(store: SqliteStore, path: Path, damage: str, reason: str) -> None:
    written = await store.write(new_blob(), body_of(b"x" * 2 * ROW_SIZE))
    _execute(path, damage)
    async with store.open(written.file_id) as blob:
        assert await anext(blob.body) == b"x" * ROW_SIZE
        with pytest.raises(IntegrityException, match=reason) as noticed:
            await anext(blob.body)
    assert noticed.value.file_id == str(written.file_id)


async def test_a_file_that_is_deleted_while_it_is_read_breaks_off(store: SqliteStore) -> None:
    written = await store.write(new_blob(), body_of(bytes(2 * ROW_SIZE)))
    async with store.open(written.file_id) as blob:
        await anext(blob.body)
        await store.delete(written.file_id)
        with pytest.raises(IntegrityException, match="deleted meanwhile"):
            await anext(blob.body)


async def test_errors_of_the_callers_own_database_are_the_callers(store: SqliteStore) -> None:
    source = breaking_after([b"x"], sqlite3.OperationalError("the caller's"))
    with pytest.raises(sqlite3.OperationalError, match="the caller's"):
        await store.write(new_blob(), body_of(source))


async def test_a_rollback_that_fails_is_reported(store: SqliteStore, path: Path, observer: Noting) -> None:
    source = StalledSource([bytes(3 * ROW_SIZE)])
    writing = asyncio.create_task(store.write(new_blob(), body_of(source)))
    await source.reached.wait()
    _execute(path, "DROP TABLE chunks")
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    [event] = observer.events
    assert isinstance(event, RollbackFailed)
    assert event.backend == "sqlite"
    assert "no such table: chunks" in event.reason
    _execute(path, "CREATE TABLE chunks (file, position, crc32, content)")


async def test_memory_does_not_grow_with_the_file(store: SqliteStore) -> None:
    chunk = bytes(65_536)
    tracemalloc.start()
    try:
        written = await store.write(new_blob(), body_of(one_by_one(chunk for _ in range(512))))
        async with store.open(written.file_id) as blob:
            async for _ in blob.body:
                pass
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert written.size == 512 * len(chunk)
    assert peak < 8 * ROW_SIZE
