"""Deleting at the source what S3 has been proven to hold."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Final

from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.migration.relocation import ROUTES_SECONDS
from s3py_helper.application.ports.ledger import Ledger, LedgerFile
from s3py_helper.application.ports.migration_source import MigrationSource
from s3py_helper.application.ports.migration_target import MigrationTarget
from s3py_helper.domain.errors import FileNotFoundException, StorageException
from s3py_helper.domain.migration import ID_METADATA, FileState, GateRefusedException, Route

_AT_ONCE: Final = 16
_LIMITS_SECONDS: Final = 1.0
_PAUSED_SECONDS: Final = 0.5
_MOST_SHOWN: Final = 1000

_MOST_FAILURES: Final = 64
"""Failures in a row after which single files are not to blame."""


@dataclass(slots=True)
class DrainResult:
    """What a drain has done.

    Attributes:
        drained: Files that were deleted at their source, and their bytes.
        kept: Files that were left where they are, with the reason; the first thousand.
        kept_count: How many there were.
        too_young: Files that were verified too short a time ago.
    """

    drained: int = 0
    bytes: int = 0
    kept: dict[str, str] = field(default_factory=dict[str, str])
    kept_count: int = 0
    too_young: int = 0


class Drainer:
    """Deletes files of groups that are read from S3 alone, several at a time, each right after checking its object.

    Args:
        source: FastDFS.
        target: S3.
        ledger: What was verified, and when.
        pace: Holds it to the limits of the migration.
        on_kept: Is called for every file that is left where it is, with the reason.
        before: Is called before the first file; raises where nothing is to be deleted.
        settle_seconds: How long readers may still follow a route that was just changed.
    """

    def __init__(
        self,
        source: MigrationSource,
        target: MigrationTarget,
        ledger: Ledger,
        pace: Pace,
        *,
        on_kept: Callable[[LedgerFile, str], None] = lambda _file, _reason: None,
        before: Callable[[], Awaitable[None]] | None = None,
        settle_seconds: float = ROUTES_SECONDS,
    ) -> None:
        self._source = source
        self._target = target
        self._ledger = ledger
        self._pace = pace
        self._on_kept = on_kept
        self._before = before
        self._settle_seconds = settle_seconds
        self._failures = 0
        self._failure: StorageException | None = None
        self._paused = False
        self._limits_until = 0.0
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Finish the files under way, and begin no others."""
        self._stopping.set()

    async def drain(self, older_than_seconds: float) -> DrainResult:
        """Delete what was verified longer ago than that.

        Raises:
            GateRefusedException: No group is read from S3 alone.
            StorageException: Many files in a row could not be looked at or deleted.
        """
        groups = [group for group, route in (await self._ledger.routes()).items() if route is Route.S3_ONLY]
        if not groups:
            raise GateRefusedException("no group is 's3-only': 'route GROUP s3-only' comes before 'drain'")
        if self._before is not None:
            await self._before()
        # Until then some process may look for a file in FastDFS alone.
        await asyncio.sleep(self._settle_seconds)
        result = DrainResult()
        try:
            await self._drain_groups(sorted(groups), older_than_seconds, result)
        finally:
            facts = {"files": result.drained, "bytes": result.bytes, "kept": result.kept_count}
            await self._ledger.note("drain", facts)
        return result

    async def _drain_groups(self, groups: Sequence[str], older_than_seconds: float, result: DrainResult) -> None:
        before = await self._ledger.now() - older_than_seconds  # nobody else's clock counts
        for group in groups:
            # First what an earlier drain had marked and not yet deleted.
            await self._drain_all(self._ledger.begun_drains(group), None, result)
            await self._drain_all(self._ledger.files(group=group, states=[FileState.VERIFIED]), before, result)
        if self._failure is not None:
            raise self._failure

    async def _drain_all(
        self, listing: AbstractAsyncContextManager[AsyncIterator[LedgerFile]], before: float | None, result: DrainResult
    ) -> None:
        async with listing as files, asyncio.TaskGroup() as tasks:
            async for file in files:
                if before is not None and (file.verified_at is None or file.verified_at > before):
                    result.too_young += 1
                    continue
                if not await self._may_begin():
                    return
                tasks.create_task(self._next(file, result))

    async def _may_begin(self) -> bool:
        """Wait until another file may begin, and take a place for it; False when none is to begin any more."""
        await self._gate.acquire()
        await self._keep_to_limits()
        await self._pace.next_file()
        while self._paused and not self._is_over:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), _PAUSED_SECONDS)
            await self._keep_to_limits()
        if self._is_over:
            self._gate.release()
            return False
        return True

    @property
    def _is_over(self) -> bool:
        return self._stopping.is_set() or self._failure is not None

    async def _keep_to_limits(self) -> None:
        """Follow the limits, from about the moment at which they are changed."""
        if time.monotonic() < self._limits_until and not self._paused:
            return
        limits = await self._ledger.limits()
        self._pace.set_limits(limits)
        self._paused = limits.paused
        self._limits_until = time.monotonic() + _LIMITS_SECONDS

    async def _next(self, file: LedgerFile, result: DrainResult) -> None:
        """Drain one file; a refusal by one server is noted, and does not hold up the others."""
        try:
            await self._drain_file(file, result)
        except StorageException as error:
            self._note_kept(file, f"it is not deleted yet: {error.message}", result)
            self._failures += 1
            if self._failures >= _MOST_FAILURES:
                self._failure = error
        else:
            self._failures = 0
        finally:
            self._gate.release()

    async def _drain_file(self, file: LedgerFile, result: DrainResult) -> None:
        if problem := await self._problem(file):
            await self._keep(file, problem, result)
            return
        # The entry first: a worker that sleeps between the two must not take the missing source for a deletion.
        # Whatever happens to the deletion, it is outstanding until the entry is closed.
        if file.state is not FileState.DRAINED and not await self._ledger.begin_drain(file):
            await self._keep(file, "it has changed meanwhile, or the route has", result)
            return
        with suppress(FileNotFoundException):  # an earlier drain was interrupted after the deletion
            await self._source.delete(file.file_id)
        await self._ledger.end_drain(file.file_id)
        result.drained += 1
        result.bytes += file.size or 0

    async def _keep(self, file: LedgerFile, reason: str, result: DrainResult) -> None:
        """Note why a file is left, unless that is because somebody has deleted it meanwhile."""
        row = await self._ledger.find(file.file_id)
        if row is None or row.state is not FileState.DELETED:
            self._note_kept(file, reason, result)

    def _note_kept(self, file: LedgerFile, reason: str, result: DrainResult) -> None:
        result.kept_count += 1
        if len(result.kept) < _MOST_SHOWN:
            result.kept[str(file.file_id)] = reason
        self._on_kept(file, reason)

    async def _problem(self, file: LedgerFile) -> str | None:
        there = None if file.key is None else await self._target.head(file.key)
        if there is None:
            return "its object is not there"
        if there.metadata.get(ID_METADATA) != str(file.file_id):
            return "its object is somebody else's"
        if there.size != file.size or (
            there.crc32 is not None and file.crc32 is not None and there.crc32 != file.crc32
        ):
            return "its object is not what was verified"
        return None
