"""What is open between opening and closing a store: the disk, threads, and what uploads and downloads hold."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from threading import Barrier
from typing import Final, Self

from aiofiles.os import wrap

from s3py_helper.adapters.filesystem.disk.cached import CachedReads
from s3py_helper.adapters.filesystem.disk.disk import Disk
from s3py_helper.adapters.filesystem.disk.incoming import sweep
from s3py_helper.adapters.filesystem.disk.layout import DiskPath
from s3py_helper.adapters.filesystem.disk.lease import Lease
from s3py_helper.adapters.filesystem.disk.trailer import Trailer
from s3py_helper.adapters.filesystem.disk.verified import VerifiedFiles
from s3py_helper.adapters.filesystem.errors import not_open
from s3py_helper.application.concurrency.completion import completed

THREADS: Final = 16
"""More than processors: with durability, threads mostly wait for the disk, which serves many syncs in one go."""

SWEEP_INTERVAL: Final = 3600.0
"""Seconds after which a store that takes files looks for leftovers of other processes again."""


def _call[**Arguments, Result](
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    return work(*args, **kwargs)


# Wrapped once: wrapping each method when it is needed costs a third of the way to the thread and back.
_in_thread = wrap(_call)


class Session:
    """Runs disk work in threads of its own, so that closing can wait for all of it.

    Attributes:
        disk: The disk.
        cached: What is done without a thread.
        verified: Files that were found right.
    """

    def __init__(self, disk: Disk, verified: VerifiedFiles) -> None:
        self.disk = disk
        self.verified = verified
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="s3py-disk")
        self._leases: set[Lease] = set()
        self._closed = False
        self.cached = CachedReads()
        self._next_sweep = time.monotonic() + SWEEP_INTERVAL

    @classmethod
    async def open(cls, disk: Disk, verified: VerifiedFiles) -> Self:
        """Open the disk and remove what dead writers have left."""
        session = cls(disk, verified)
        try:
            await session._in_thread(disk.open)
            await session.run(sweep, disk)
            await session._start_threads()
        except BaseException:  # cancelled or failed: there is nobody else to close what is open by now
            await completed(session.close())
            raise
        return session

    async def close(self) -> None:
        """Refuse new work, take back what is held, wait for work under way. Uploads in progress are undone."""
        self._closed = True
        await asyncio.gather(*(self._in_thread(lease.release) for lease in self._leases))
        await wrap(self._threads.shutdown)()
        await wrap(self.disk.close)()

    async def run[**Arguments, Result](
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        """Do blocking work in a thread. A cancelled caller leaves it running: what it acquires belongs to a lease."""
        if self._closed:
            raise not_open()
        try:
            return await self._in_thread(work, *args, **kwargs)
        except FileNotFoundError:
            await self._in_thread(self.disk.require_root)
            raise

    def read_cached(self, place: DiskPath) -> tuple[Trailer, bytes] | None:
        """A small file, where that takes no waiting; see `CachedReads.read`."""
        if self._closed:
            raise not_open()
        return self.cached.read(self.disk.root, place)

    @asynccontextmanager
    async def holding[SomeLease: Lease](self, lease: SomeLease) -> AsyncGenerator[SomeLease]:
        """Release the lease after the block, or when the store is closed during it."""
        if self._closed:
            raise not_open()
        self._leases.add(lease)
        try:
            yield lease
        finally:
            if not lease.released:
                await completed(self._in_thread(lease.release))
            self._leases.discard(lease)

    async def _start_threads(self) -> None:
        """Have all of them: starting one holds the event loop up until it runs, which the first requests would feel."""
        all_run = Barrier(THREADS)
        # Where the system grants fewer, whoever needs more than there are is told.
        with suppress(RuntimeError):
            try:
                await asyncio.gather(*(self._in_thread(all_run.wait) for _ in range(THREADS)))
            finally:
                all_run.abort()

    def sweep_in_passing(self) -> None:
        """Look for leftovers when the last time was long ago, while others go on."""
        if not self._closed and time.monotonic() >= self._next_sweep:
            self._next_sweep = time.monotonic() + SWEEP_INTERVAL
            self._threads.submit(sweep, self.disk)

    async def _in_thread[**Arguments, Result](
        self, work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
    ) -> Result:
        result: Result = await _in_thread(work, *args, executor=self._threads, **kwargs)
        return result
