"""The migration of s3py-helper, and the same client's plain uploads beside it."""

import asyncio
import base64
import struct
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.child.content import CHUNK
from benchmarks.child.store import Target
from benchmarks.drivers.s3py_helper import fastdfs_config, manager_for, s3_config
from s3py_helper.application.migration.applying import ApplyOptions
from s3py_helper.application.migration.planning import PlanOptions
from s3py_helper.domain.migration import Route
from s3py_helper.storage import MigrationConfig, StorageManager, StorageMode, StorageModeConfig

GROUP = "group2"
"""It has one storage: replication would go on during the measurement."""

_AT_ONCE = 16

_WARMING = [bytes([number]) * 4096 for number in range(2 * _AT_ONCE)]
"""Goes before what is measured, so that connections stand, and folders on the server."""


class Moved:
    """Files lie in FastDFS and are planned; moving them is `apply`."""

    def __init__(self, manager: StorageManager, before: StorageManager) -> None:
        self._manager = manager
        self._before = before
        self._ids: list[str] = []

    async def prepare(self, contents: Sequence[bytes]) -> None:
        await self._plan(_WARMING)
        await self.move(_AT_ONCE)
        await self.clean_up()
        await self._plan(contents)

    async def move(self, at_once: int) -> Sequence[str]:  # noqa: ARG002 - it has numbers of its own, which are these
        progress = await (await self._manager.migration.applier()).apply(ApplyOptions())
        if progress.copied != len(self._ids):
            raise ValueError(f"{progress.copied} of {len(self._ids)} files were copied")
        return self._ids

    async def get(self, file_id: str) -> bytes:
        if not await self._manager.migration.ledger.routes():
            await self._manager.migration.route(GROUP, Route.S3_FIRST)
        return await self._manager.download_service.download_bytes(file_id)

    async def clean_up(self) -> None:
        await _each(self._ids, self._before.delete_service.delete_file, _AT_ONCE)

    async def _plan(self, contents: Sequence[bytes]) -> None:
        async def upload(content: bytes) -> str:
            return (await self._before.upload_service.upload_bytes("file.bin", content)).file_id

        self._ids = await _each(contents, upload, _AT_ONCE)
        await self._manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", texts(self._ids))]))


class Put:
    """Files lie in memory."""

    def __init__(self, manager: StorageManager) -> None:
        self._manager = manager
        self._contents: Sequence[bytes] = ()

    async def prepare(self, contents: Sequence[bytes]) -> None:
        self._contents = _WARMING
        await self.move(_AT_ONCE)
        self._contents = contents

    async def move(self, at_once: int) -> Sequence[str]:
        async def upload(content: bytes) -> str:
            if len(content) <= 8 * 2**20:
                return (await self._manager.upload_service.upload_bytes("file.bin", content)).file_id
            return (
                await self._manager.upload_service.upload_stream("file.bin", _chunks(content), len(content))
            ).file_id

        return await _each(self._contents, upload, at_once)

    async def get(self, file_id: str) -> bytes:
        return await self._manager.download_service.download_bytes(file_id)


class PlannedLedger:
    """A ledger of a migration whose servers list nothing: ids come as texts."""

    def __init__(self, manager: StorageManager) -> None:
        self._manager = manager
        self._rows = 0

    async def fill(self, rows: int) -> None:
        from s3py_helper.application.ports.ledger import PlannedFile  # noqa: PLC0415 - only here
        from s3py_helper.domain.file_id import FileId  # noqa: PLC0415
        from s3py_helper.domain.migration import FileKind  # noqa: PLC0415

        self._rows = rows
        batch: list[PlannedFile] = []
        async for text in _made_up(rows):
            batch.append(PlannedFile(FileId.parse(text), FileKind.NORMAL, 1000, 0, 1_700_000_000))
            if len(batch) == 5000:
                await self._manager.migration.ledger.plan(batch)
                batch = []
        await self._manager.migration.ledger.plan(batch)

    async def plan_again(self) -> int:
        result = await self._manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", _made_up(self._rows))]))
        return result.found

    async def status(self) -> None:
        await self._manager.migration.status()


async def _each[Job, Result](jobs: Sequence[Job], do: Callable[[Job], Awaitable[Result]], at_once: int) -> list[Result]:
    turns = asyncio.Semaphore(at_once)

    async def turn(job: Job) -> Result:
        async with turns:
            return await do(job)

    return await asyncio.gather(*map(turn, jobs))


async def _chunks(content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), CHUNK):
        yield content[start : start + CHUNK]


async def texts(ids: Sequence[str]) -> AsyncIterator[str]:
    """Ids as a plan takes them."""
    for file_id in ids:
        yield file_id


async def _made_up(rows: int) -> AsyncIterator[str]:
    """Ids as servers make them, in the order of a listing."""
    for number in range(rows):
        fields = struct.pack(
            "!4sIQI", b"\x7f\0\0\x03", 1_700_000_000 + number, 1 << 63 | 1000, number * 2654435761 % 2**32
        )
        yield f"{GROUP}/M00/00/00/{base64.b64encode(fields, b'-_').decode()[:27]}{number % 1000:03}.txt"


def migrating(target: Target, ledger: str) -> StorageManager:
    """S3 with FastDFS behind it, whose files move."""
    return StorageManager(
        StorageModeConfig(mode=StorageMode.HYBRID),
        s3_config=s3_config(target),
        fastdfs_config=fastdfs_config(target, GROUP),
        migration_config=MigrationConfig(ledger=ledger),
    )


@asynccontextmanager
async def _opened(target: Target) -> AsyncGenerator[tuple[StorageManager, StorageManager]]:
    """A manager that migrates, and one of FastDFS alone."""
    with tempfile.TemporaryDirectory() as folder:
        hybrid = migrating(target, str(Path(folder) / "ledger.db"))
        async with hybrid, manager_for(target | {"kind": "fastdfs"}, GROUP) as alone:
            yield hybrid, alone


@asynccontextmanager
async def open_moved(target: Target) -> AsyncGenerator[Moved]:
    async with _opened(target) as managers:
        moved = Moved(*managers)
        yield moved
        await moved.clean_up()


@asynccontextmanager
async def open_put(target: Target) -> AsyncGenerator[Put]:
    async with _opened(target) as (manager, _):
        yield Put(manager)


@asynccontextmanager
async def open_ledger(target: Target) -> AsyncGenerator[PlannedLedger]:
    async with _opened(target) as (manager, _):
        yield PlannedLedger(manager)
