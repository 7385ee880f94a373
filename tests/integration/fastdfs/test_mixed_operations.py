"""Ten thousand operations at once and in turn, some cancelled, with servers restarted in between.

No wrong byte, no wrong file, no error but those that a restart explains, and nothing left open.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from s3py_helper.adapters.fastdfs.config import FastdfsConfig
from s3py_helper.adapters.fastdfs.store import FastdfsBlobStore
from s3py_helper.domain.byte_range import ByteRange
from s3py_helper.domain.errors import FileNotFoundException, StorageOperationException, StorageUnavailableException
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing import body_of, new_blob, read_all
from tests.support.fastdfs.site import FastdfsSite

pytestmark = pytest.mark.slow

_OPERATIONS = 10_000
_AT_ONCE = 50
_RESTARTED = (("group1", 0), ("group2", 0))


@pytest.mark.timeout(240)
async def test_ten_thousand_mixed_operations_survive_cancellations_and_restarts(fastdfs_site: FastdfsSite) -> None:
    tasks_before, descriptors_before = len(asyncio.all_tasks()), _descriptors()
    config = FastdfsConfig(tracker_servers=list(fastdfs_site.trackers), connection_pool_size=20)
    async with FastdfsBlobStore(config) as store:
        rush = Rush(store)
        workers = asyncio.gather(*(rush.work() for _ in range(_AT_ONCE)))
        for part, (group, index) in enumerate(_RESTARTED, start=1):
            await rush.reached(_OPERATIONS * part // 4)
            rush.restarting = True
            await asyncio.to_thread(fastdfs_site.stop_storage, group, index)
            await asyncio.to_thread(fastdfs_site.start_storage, group, index)
        await workers
        assert rush.done["upload"] > 500, rush.done
        assert rush.done["download"] > 500, rush.done
        assert rush.done["cancelled"] > 200, rush.done
        # Whatever happened, what is said to be there is there, and right.
        for file in rush.files:
            await file.check(store)
            await store.delete(file.file_id)
    assert len(asyncio.all_tasks()) == tasks_before
    assert _descriptors() <= descriptors_before


class File:
    """Its content follows from its name, so that a wrong file shows as well as a wrong byte."""

    def __init__(self, number: int) -> None:
        self.name = f"{number}.bin"
        chance = random.Random(number)
        self.content = chance.randbytes(chance.choice([0, 1, 100, 4096, 70_000, 300_000]) if number % 50 else 2_500_000)
        self.number = number
        self._id: FileId | None = None
        self.doomed = False

    @property
    def file_id(self) -> FileId:
        assert self._id is not None
        return self._id

    @property
    def names_in_the_rush(self) -> tuple[str | None, ...]:
        """While the source of a new file is down, the others may have its bytes and not yet its name."""
        return self.name, None

    async def store_in(self, store: FastdfsBlobStore) -> None:
        size = len(self.content) if self.number % 3 else None
        chunks = (self.content[at : at + 50_000] for at in range(0, len(self.content), 50_000))
        self._id = (await store.write(new_blob(self.name, size=size), body_of(chunks, size=size))).file_id

    async def check(self, store: FastdfsBlobStore, *, allowed_names: tuple[str | None, ...] | None = None) -> None:
        async with store.open(self.file_id) as blob:
            assert blob.info.file_name in (allowed_names or (self.name,))
            assert b"".join([chunk async for chunk in blob.body]) == self.content

    async def check_part(self, store: FastdfsBlobStore) -> None:
        if self.content:
            first = random.randrange(len(self.content))
            last = random.randrange(first, len(self.content))
            assert await read_all(store, self.file_id, ByteRange(first, last)) == self.content[first : last + 1]

    async def check_beginning(self, store: FastdfsBlobStore) -> None:
        async with store.open(self.file_id) as blob:
            async for chunk in blob.body:
                assert self.content.startswith(chunk)
                return

    async def check_info(self, store: FastdfsBlobStore) -> None:
        info = await store.info(self.file_id)
        assert info.file_name in self.names_in_the_rush
        assert info.size == len(self.content)


class Rush:
    """Many workers who share their files."""

    def __init__(self, store: FastdfsBlobStore) -> None:
        self.files: list[File] = []
        self.done: Counter[str] = Counter()
        self.restarting = False
        self._store = store
        self._begun = 0
        self._progress = asyncio.Condition()
        self._chance = random.Random(4)

    async def work(self) -> None:
        while self._begun < _OPERATIONS:
            self._begun += 1
            async with self._progress:
                self._progress.notify_all()
            await self._one()

    async def reached(self, operations: int) -> None:
        async with self._progress:
            await self._progress.wait_for(lambda: self._begun >= operations)

    async def _one(self) -> None:
        kind = self._chance.choices(
            ["upload", "download", "part", "beginning", "info", "delete"], [20, 30, 10, 10, 20, 10]
        )[0]
        if kind == "upload" or not self.files:
            await self._upload()
            return
        file = self._chance.choice(self.files)
        if kind == "delete":
            file.doomed = True
            self.files.remove(file)
        operation: dict[str, Callable[[], Awaitable[None]]] = {
            "download": lambda: file.check(self._store, allowed_names=file.names_in_the_rush),
            "part": lambda: file.check_part(self._store),
            "beginning": lambda: file.check_beginning(self._store),
            "info": lambda: file.check_info(self._store),
            "delete": lambda: self._store.delete(file.file_id),
        }
        try:
            await self._perhaps_cancelled(kind, operation[kind]())
        except FileNotFoundException:
            assert file.doomed, f"{file.name} was never deleted"
            self.done["not found"] += 1

    async def _upload(self) -> None:
        file = File(self._begun)
        if await self._perhaps_cancelled("upload", file.store_in(self._store)):
            self.files.append(file)

    async def _perhaps_cancelled(self, kind: str, operation: Awaitable[None]) -> bool:
        """Whether it came to its end."""
        task = asyncio.ensure_future(operation)
        if self._chance.random() < 0.1:
            await asyncio.wait([task], timeout=self._chance.random() * 0.005)
            task.cancel()
        try:
            await task
        except asyncio.CancelledError:
            self.done["cancelled"] += 1
            return False
        except StorageUnavailableException:
            self.done["unavailable"] += 1
            return False
        except StorageOperationException as error:
            # A storage that has just started does not know its disk yet, and refuses all uploads for a moment.
            if not self.restarting or kind != "upload" or "has no space left" not in error.message:
                raise
            self.done["unavailable"] += 1
            return False
        self.done[kind] += 1
        return True


def _descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
