"""One migration, what it is to move, and the truth about it."""

import asyncio
import itertools
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Final

from s3py_helper.application.migration.applying import ApplyOptions, ApplyProgress
from s3py_helper.application.migration.planning import PlanOptions, PlanResult
from s3py_helper.application.migration.verifying import VerifyOptions
from s3py_helper.domain.file_id import FileId
from s3py_helper.domain.migration import FileState, Route
from s3py_helper.entrypoints.container.config import MigrationConfig
from s3py_helper.storage import FastdfsConfig, S3Config, StorageManager, StorageMode, StorageModeConfig
from tests.support.fastdfs.protocol import Command, numbers
from tests.support.fastdfs.raw import raw_connection
from tests.support.fastdfs.samples import accepted, source_of
from tests.support.fastdfs.special_files import RawFiles
from tests.support.migration.auditor import Audit, audit, audit_source, source_content
from tests.support.migration.truth import Truth
from tests.support.postgres.past import end_leases
from tests.support.rehearsal.commands import Commands
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

BUCKET: Final = "scenarios"

_numbers: Final = itertools.count()


class Bench:
    """A deployment with files in FastDFS, and an auditor for the end.

    Args:
        s3: Where files go; each bench has a prefix of its own.
        inspector: boto3 for the same bucket, past whatever stands before the server.
        tracker: Of the FastDFS.
        folder: For ledgers and commands.
        ledger: The URL of a ledger that is no file in the folder.
    """

    def __init__(
        self, s3: S3Server, inspector: S3Inspector, tracker: str, folder: Path, ledger: str | None = None
    ) -> None:
        self.truth = Truth()
        self.files = RawFiles(tracker)
        self.inspector = inspector
        self.prefix = f"bench-{next(_numbers)}/"
        self.tracker = tracker
        self.folder = folder
        self.server = s3
        self._ledger = ledger
        self.environment = {
            "PATH": os.environ["PATH"],
            "S3PY_MODE": "hybrid",
            "S3PY_S3__ENDPOINT": s3.endpoint,
            "S3PY_S3__ACCESS_KEY_ID": s3.access_key,
            "S3PY_S3__SECRET_ACCESS_KEY": s3.secret_key,
            "S3PY_S3__DEFAULT_BUCKET": BUCKET,
            "S3PY_FASTDFS__TRACKER_SERVERS": tracker,
            "S3PY_MIGRATION__LEDGER": ledger or str(folder / "ledger.db"),
            "S3PY_MIGRATION__PREFIX": self.prefix,
        }

    def manager(
        self, *, mode: StorageMode = StorageMode.HYBRID, ledger: str = "ledger.db", s3: S3Config | None = None
    ) -> StorageManager:
        return StorageManager(
            StorageModeConfig(mode=mode),
            s3_config=s3 or self.server.config(default_bucket=BUCKET),
            fastdfs_config=FastdfsConfig(tracker_servers=[self.tracker]) if mode is not StorageMode.S3 else None,
            migration_config=MigrationConfig(ledger=self._ledger or str(self.folder / ledger), prefix=self.prefix),
        )

    def commands(self) -> Commands:
        """`s3py` as processes of their own."""
        return Commands(self.folder, self.environment)

    async def upload(self, *contents: bytes) -> list[str]:
        """Normal files."""
        return [await self._noted(self.files.upload(content), content) for content in contents]

    async def upload_appender(self, content: bytes) -> str:
        return await self._noted(self.files.upload_appender(content), content)

    async def upload_slave(self, master: str, prefix: str, extension: str, content: bytes) -> str:
        return await self._noted(self.files.upload_slave(FileId.parse(master), prefix, extension, content), content)

    async def append(self, file_id: str, content: bytes, whole: bytes) -> None:
        """Append past the kit; `whole` is what the file has then."""
        await self.files.append(FileId.parse(file_id), content)
        self.truth.wrote(file_id, whole)

    async def change_in_place(self, file_id: str, command: Command, head: bytes, content: bytes, whole: bytes) -> None:
        """Modify or truncate past the kit: the request is the length of the name, `head`, the name, `content`."""
        name = file_id.partition("/")[2].encode("ascii")
        async with raw_connection(await source_of(self.tracker, file_id)) as storage:
            accepted(await storage.ask(command, numbers(len(name)) + head + name + content))
        self.truth.wrote(file_id, whole)

    async def content_at_source(self, file_id: str) -> bytes | None:
        return await asyncio.to_thread(source_content, self.tracker, file_id)

    async def delete_past_the_kit(self, file_id: str) -> None:
        await self.files.delete(FileId.parse(file_id))
        self.truth.removed(file_id)

    async def delete(self, manager: StorageManager, file_id: str) -> None:
        """Delete through the kit."""
        await manager.delete_service.delete_file(file_id)
        self.truth.removed(file_id)

    async def plan(self, manager: StorageManager, *file_ids: str) -> PlanResult:
        """Plan these files, by default all that are known."""

        async def lines() -> AsyncIterator[str]:
            for file_id in file_ids or [*self.truth.live, *self.truth.deleted]:
                yield file_id

        return await manager.migration.plan(PlanOptions(cluster=False, ids=[("ids", lines())]))

    async def apply(self, manager: StorageManager, options: ApplyOptions | None = None) -> ApplyProgress:
        return await (await manager.migration.applier()).apply(options or ApplyOptions())

    async def leave(self, manager: StorageManager, *, drains: bool = False) -> None:
        """From `copied` to reads from S3 alone, and to the drain where wanted."""
        verified = await manager.migration.verify(VerifyOptions(read_share=1.0))
        assert verified.failed == {}
        for group in {FileId.parse(file_id).bucket for file_id in self.truth.live}:
            await manager.migration.route(group, Route.S3_ONLY, accept_incomplete=True)
        if drains:
            await manager.migration.drainer().drain(-1)  # what was verified within this second, too
            assert set(await self.states(manager)) <= {FileState.DRAINED, FileState.DELETED, FileState.GONE}

    async def states(self, manager: StorageManager) -> dict[FileState, int]:
        status = await manager.migration.status()
        return {state: status.files_in(state) for state in FileState if status.files_in(state)}

    def end_leases(self) -> None:
        """As if the time had passed that dead workers still hold their files; also what a clock does that jumps."""
        if self._ledger is not None:
            with ThreadPoolExecutor(1) as thread:  # the caller's own loop is running
                thread.submit(asyncio.run, end_leases(self._ledger)).result()
            return
        with closing(sqlite3.connect(self.folder / "ledger.db")) as connection, connection:
            connection.execute("update file set lease_until = 1 where lease_until is not null")

    async def written_at(self) -> dict[str, object]:
        """The keys of all objects, with their times."""
        return {key: (await self.inspector.head(key))["LastModified"] for key in await self.inspector.keys(self.prefix)}

    async def state_of(self, manager: StorageManager, file_id: str) -> FileState | None:
        row = await manager.migration.ledger.find(FileId.parse(file_id))
        return None if row is None else row.state

    async def audit(self) -> Audit:
        """What the bucket holds against the truth."""
        return await asyncio.to_thread(audit, self.inspector.sdk, BUCKET, self.prefix, self.truth)

    async def audit_source(self, *file_ids: str) -> Audit:
        """What FastDFS itself gives for these files."""
        return await asyncio.to_thread(audit_source, self.tracker, self.truth, file_ids)

    def key_of(self, file_id: str) -> str:
        """Where the object of a file has to be, put together once more."""
        return f"{self.prefix}fastdfs/{file_id}"

    async def _noted(self, uploading: Awaitable[FileId], content: bytes) -> str:
        file_id = str(await uploading)
        self.truth.wrote(file_id, content)
        return file_id
