"""Copying what is planned: workers, leases, limits, and a concurrency that adapts."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Self

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.concurrency.gate import Gate
from s3py_helper.application.migration.allowance import Allowance
from s3py_helper.application.migration.claims import Claims
from s3py_helper.application.migration.copying import FileCopier
from s3py_helper.application.migration.pace import Pace
from s3py_helper.application.migration.storing import PUTS_AT_ONCE
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.ledger import Ledger, LedgerFile, Outcome
from s3py_helper.application.ports.observer import Observer, RequestRetried
from s3py_helper.domain.errors import StorageException
from s3py_helper.domain.file_id import Backend, FileId
from s3py_helper.domain.migration import FileState

LEASE_SECONDS: Final = 60.0
SMALL_AT_ONCE: Final = PUTS_AT_ONCE
LARGE_AT_ONCE: Final = 4
"""The same for large files; with more everything becomes slower."""

_CLAIM_AHEAD: Final = 16
_MOST_ATTEMPTS: Final = 8
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 300.0
_RECORD_SECONDS: Final = 0.1
"""A crash in between only means finding these copies again."""

_IDLE_SECONDS: Final = 0.5
"""Seconds between two looks for files to copy, while there are none."""


type CleanUp = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ApplyOptions:
    """How to copy, and when to end.

    Attributes:
        group: Only files of this group.
        shard: Only files of this shard; what has to be tried again later is left for another time.
        concurrency: Small files at once.
        max_bytes: End after about this many bytes.
        max_seconds: End after about this many seconds.
        watch: Wait for further files instead of ending when nothing is left.
    """

    group: str | None = None
    concurrency: int = SMALL_AT_ONCE
    max_bytes: int | None = None
    max_seconds: float | None = None
    watch: bool = False
    shard: int | None = None

    def with_concurrency(self, concurrency: int) -> Self:
        """The same options with another number of small files at once."""
        return replace(self, concurrency=concurrency)


@dataclass(slots=True)
class ApplyProgress:
    """The progress of copying, changed in place.

    Attributes:
        copied: Files that were copied, with their bytes.
        failed: Attempts that failed and will be repeated.
        quarantined: Files that were quarantined.
        gone: Files that turned out not to be there.
        running: Files under way, with the time at which each began.
        arrived: Gives the bytes that the target has of large files under way; `bytes` has them when they are copied.
        limited_by: What holds it up: `bytes`, `files`, `target`, `paused`, or nothing.
        stopped_by: Why it ended: `done`, `bytes`, `time`, `interrupted`.
    """

    copied: int = 0
    bytes: int = 0
    failed: int = 0
    quarantined: int = 0
    gone: int = 0
    running: dict[FileId, float] = field(default_factory=dict[FileId, float])
    arrived: Callable[[], int] = int
    limited_by: str | None = None
    stopped_by: str = "done"


class Applier:
    """Copies files until none is left; any number of appliers, in any number of processes, work side by side.

    Args:
        copier: Copies one file.
        ledger: What is to be done, and what was.
        pace: The limits that the copier keeps to.
        observer: Is notified of attempts that are repeated.
        on_outcome: Called for every file that is done with.
        clean_up: Removes what dead workers have left; called when nothing is left to copy.
        clock: Gives Unix seconds.
    """

    def __init__(
        self,
        copier: FileCopier,
        ledger: Ledger,
        pace: Pace,
        *,
        observer: Observer | None = None,
        on_outcome: Callable[[LedgerFile, Outcome], None] = lambda _file, _outcome: None,
        clean_up: CleanUp | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.progress = ApplyProgress(arrived=copier.arrived)
        self._copier = copier
        self._ledger = ledger
        self._pace = pace
        self._observer = observer or LoggingObserver()
        self._on_outcome = on_outcome
        self._clean_up = clean_up
        self._clock = clock
        self._ahead = 0.0
        """Seconds by which the ledger's clock is ahead of this worker's: pauses go by the former."""
        self._stopping = asyncio.Event()
        self._nothing_left = asyncio.Event()
        self._nothing_runs = asyncio.Event()
        self._nothing_runs.set()
        self._claims = Claims(ledger, LEASE_SECONDS)
        self._ended: list[tuple[LedgerFile, Outcome]] = []
        self._allowance = Allowance(SMALL_AT_ONCE)
        self._small = Gate(SMALL_AT_ONCE)
        self._large = Gate(LARGE_AT_ONCE)
        self._room_for = 0

    def stop(self, reason: str = "interrupted") -> None:
        """Finish the files under way, and begin no others."""
        if not self._stopping.is_set():
            self.progress.stopped_by = reason
            self._stopping.set()

    async def apply(self, options: ApplyOptions) -> ApplyProgress:
        """Copy what is planned; a cancellation stops at once, and releases what was claimed.

        Raises:
            StorageException: The ledger failed. What was copied is found again by the next attempt.
        """
        self._nothing_left.clear()
        await self._read_limits(options)  # before the first file, not some time after it
        began, files_before, bytes_before = asyncio.get_running_loop().time(), self.progress.copied, self.progress.bytes
        helper = asyncio.ensure_future(self._claims.keep())
        try:
            async with asyncio.TaskGroup() as group:
                small_loop = group.create_task(self._loop(group, self._small, options, began, large=False))
                large_loop = group.create_task(self._loop(group, self._large, options, began, large=True))
                group.create_task(self._follow_limits(options, small_loop, large_loop))
                group.create_task(self._record(group.create_task(self._ended_copying(small_loop, large_loop))))
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            helper.cancel()
            await completed(self._ended_with(helper))
        seconds = round(asyncio.get_running_loop().time() - began, 3)
        files = self.progress.copied - files_before
        facts = {"files": files, "bytes": self.progress.bytes - bytes_before, "seconds": seconds}
        how = {"ended": self.progress.stopped_by, "worker": self._claims.worker}
        if files or options.shard is None:
            await self._ledger.note("apply", {**facts, **how})
        if self._clean_up is not None and options.shard is None and self.progress.stopped_by == "done":
            await self._clean_up()
        return self.progress

    async def _loop(
        self, group: asyncio.TaskGroup, gate: Gate, options: ApplyOptions, began: float, *, large: bool
    ) -> None:
        ahead: asyncio.Task[list[LedgerFile]] | None = None
        while not (self._over(options, began) or self._nothing_left.is_set()):
            claims = await (ahead or self._claim(options, large=large))
            ahead = None
            if not claims:
                if self.progress.running:
                    await self._wait(_IDLE_SECONDS, self._nothing_runs)  # what fails comes back
                    continue
                await self._flush()
                if options.shard is not None:
                    break
                if not options.watch and not await self._ledger.has_work(options.group):
                    # Small and large files end together: alone, a loop would wait for files that the other had to copy.
                    self._nothing_left.set()
                    break
                await self._wait(_IDLE_SECONDS, self._nothing_left)
                continue
            # The ledger waits for its disk: the next files are there when these are under way.
            ahead = group.create_task(self._claim(options, large=large))
            for claim in claims:
                await gate.acquire()
                if pause := self._allowance.pause:
                    await self._wait(pause)
                if self._over(options, began):
                    gate.release()
                    break
                await self._pace.next_file()
                group.create_task(self._copy_one(claim, gate))

    async def _claim(self, options: ApplyOptions, *, large: bool) -> list[LedgerFile]:
        if self.progress.limited_by == "paused":
            return []
        limit = LARGE_AT_ONCE if large else self._allowance.now * _CLAIM_AHEAD
        return await self._claims.take(limit, options.group, large=large, shard=options.shard)

    async def _copy_one(self, claim: LedgerFile, gate: Gate) -> None:
        self.progress.running[claim.file_id] = self._clock()
        self._nothing_runs.clear()
        began = time.monotonic()
        try:
            try:
                outcome = await self._copier.copy(claim)
            except StorageException as error:
                if error.retryable:
                    self._allowance.failed()
                outcome = self._failed(claim, error)
            else:
                self._allowance.succeeded(time.monotonic() - began if gate is self._small else None)
            self._make_room()
            self._ended.append((claim, self._judged(claim, outcome)))
        finally:
            self.progress.running.pop(claim.file_id, None)
            if not self.progress.running:
                self._nothing_runs.set()
            gate.release()

    async def _ended_copying(self, *loops: asyncio.Task[None]) -> None:
        await asyncio.wait(loops)
        await self._nothing_runs.wait()

    async def _record(self, copying: asyncio.Task[None]) -> None:
        """Record outcomes, many files at a time: each transaction waits for the disk."""
        while not copying.done():
            await asyncio.wait([copying], timeout=_RECORD_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        ended, self._ended = self._ended, []
        if not ended:
            return
        written = await self._ledger.record([outcome for _, outcome in ended])
        for (claim, outcome), counts in zip(ended, written, strict=True):
            self._claims.settle(claim)
            if counts:
                self._count(claim, outcome)

    def _failed(self, claim: LedgerFile, error: StorageException) -> Outcome:
        code = "denied" if not error.retryable else "unavailable"
        return Outcome(claim.file_id, claim.fence, FileState.PLANNED, f"{code}: {error.message}", failed=True)

    def _judged(self, claim: LedgerFile, outcome: Outcome) -> Outcome:
        """When to try again, or that it has been tried often enough."""
        if outcome.state is not FileState.PLANNED:
            return outcome
        attempts = claim.attempts + outcome.failed
        state = FileState.QUARANTINED if attempts >= _MOST_ATTEMPTS else FileState.PLANNED
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempts) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
        if state is FileState.PLANNED:
            reason = outcome.reason or ""
            self._observer.notify(
                RequestRetried(Backend.FASTDFS, "migrate", attempts, pause, reason, str(claim.file_id))
            )
        return Outcome(
            outcome.file_id,
            outcome.fence,
            state,
            outcome.reason,
            failed=outcome.failed,
            next_at=int(self._clock() + self._ahead + pause),
            upload_id=claim.upload_id,
        )

    def _count(self, claim: LedgerFile, outcome: Outcome) -> None:
        progress = self.progress
        match outcome.state:
            case FileState.COPIED:
                progress.copied += 1
                progress.bytes += outcome.size or 0
            case FileState.QUARANTINED:
                progress.quarantined += 1
            case FileState.GONE:
                progress.gone += 1
            case _:
                progress.failed += outcome.failed
        self._on_outcome(claim, outcome)

    def _make_room(self) -> None:
        """How many small files at once, and a quarter of that of large ones.

        Half as many more are under way: each file takes a request to its source before and after it is stored.
        """
        allowed = self._allowance.now
        if allowed == self._room_for:
            return
        self._room_for = allowed
        self._copier.allow(allowed)
        self._small.resize(allowed + allowed // 2)
        self._large.resize(min(LARGE_AT_ONCE, -(-allowed // LARGE_AT_ONCE)))

    def _over(self, options: ApplyOptions, began: float) -> bool:
        if options.max_bytes is not None and self.progress.bytes >= options.max_bytes:
            self.stop("bytes")
        if options.max_seconds is not None and asyncio.get_running_loop().time() - began >= options.max_seconds:
            if options.shard is not None:
                return True  # of this shard; there is another
            self.stop("time")
        return self._stopping.is_set()

    async def _follow_limits(self, options: ApplyOptions, *loops: asyncio.Task[None]) -> None:
        """Follow the limits, from the moment at which they are changed."""
        while not all(loop.done() for loop in loops):
            await self._read_limits(options)
            await asyncio.wait(loops, timeout=1.0)

    async def _read_limits(self, options: ApplyOptions) -> None:
        limits = await self._ledger.limits()
        self._ahead = await self._ledger.now() - self._clock()
        self._pace.set_limits(limits)
        self._allowance.set_most(limits.concurrency or options.concurrency)
        self._make_room()
        if limits.paused:
            self.progress.limited_by = "paused"
        else:
            self.progress.limited_by = "target" if self._allowance.gives_way else self._pace.limited_by

    async def _ended_with(self, helper: asyncio.Task[None]) -> None:
        await asyncio.wait([helper])
        with suppress(StorageException):  # these copies are found again
            await self._flush()
        await self._claims.release()

    async def _wait(self, seconds: float, *events: asyncio.Event) -> None:
        """Wait that long, or until it has to stop, or until one of the events."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._stopping, *events)]
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()
