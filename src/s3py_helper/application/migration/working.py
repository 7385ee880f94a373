"""Workers that survive outages, with a broker or without, and the supervisor that fills a broker."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from s3py_helper.application.migration.applying import Applier, ApplyOptions, ApplyProgress, CleanUp
from s3py_helper.application.observing import LoggingObserver
from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.application.ports.observer import FallbackTaken, Observer, RequestRetried
from s3py_helper.application.ports.shard_queue import SHARD_SECONDS, ShardQueue
from s3py_helper.domain.errors import StorageUnavailableException

KICK_SECONDS: Final = 15.0
"""Seconds after which a shard with work and no worker is queued again: it may have been lost."""

_LOOK_SECONDS: Final = 2.0
"""Between two looks at whether anything has to be put."""

_EMPTY_SECONDS: Final = 5.0
"""Seconds without a shard after which the queue is opened anew: the broker may have lost it."""

_OUTAGE_SECONDS: Final = 600.0
"""Seconds that a worker without `--watch` waits for a ledger or a broker."""

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 15.0


class Patience:
    """Waits for what is out of reach, with growing pauses.

    Args:
        what: What is waited for.
        observer: Is notified of every attempt that failed.
        stopping: Ends the waiting.
        for_ever: Whether to wait without end.
    """

    def __init__(self, what: str, observer: Observer, stopping: asyncio.Event, *, for_ever: bool) -> None:
        self._what = what
        self._observer = observer
        self._stopping = stopping
        self._for_ever = for_ever
        self._failures = 0
        self._waited = 0.0

    def reached(self) -> None:
        """Note that it responds again."""
        self._failures = 0
        self._waited = 0.0

    async def wait(self, error: StorageUnavailableException) -> None:
        """Wait before the next attempt.

        Raises:
            StorageUnavailableException: The error, where it has lasted too long.
        """
        if not self._for_ever and self._waited >= _OUTAGE_SECONDS:
            raise error
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._waited += pause
        if self._failures == 1:
            self._observer.notify(FallbackTaken(self._what, "work rests until it answers again", error.message))
        else:
            self._observer.notify(RequestRetried(self._what, "migrate", self._failures, pause, error.message))
        await _rest(self._stopping, pause)


class Worker:
    """Copies like an `Applier`, and goes on when ledger or broker have been out of reach.

    Args:
        applier: Does the copying.
        ledger: What is to be done.
        queue: Hands out shards; without one the ledger itself hands out files.
        observer: Is notified of outages.
        clean_up: Removes what dead workers have left, when nothing is left to be copied.
    """

    def __init__(
        self,
        applier: Applier,
        ledger: Ledger,
        *,
        queue: ShardQueue | None = None,
        observer: Observer | None = None,
        clean_up: CleanUp | None = None,
    ) -> None:
        self._applier = applier
        self._ledger = ledger
        self._queue = queue
        self._observer = observer or LoggingObserver()
        self._clean_up = clean_up
        self._stopping = asyncio.Event()

    @property
    def progress(self) -> ApplyProgress:
        """How it goes."""
        return self._applier.progress

    def stop(self, reason: str = "interrupted") -> None:
        """Finish the files under way, and begin no others."""
        self._stopping.set()
        self._applier.stop(reason)

    async def apply(self, options: ApplyOptions) -> ApplyProgress:
        """Copy until nothing is planned, with `options.watch` until it is stopped.

        Raises:
            StorageUnavailableException: Without `options.watch`: the broker could not be reached at the beginning, or
                either could not for long.
        """
        ledger = Patience("ledger", self._observer, self._stopping, for_ever=options.watch)
        if self._queue is None:
            await self._through_outages(ledger, lambda: self._applier.apply(options))
            return self.progress
        if not options.watch:
            await self._queue.put([])  # a broker that is not there is noticed at once
        broker = Patience("broker", self._observer, self._stopping, for_ever=options.watch)

        async def work(shard: int) -> None:
            one = replace(options, shard=shard, max_seconds=SHARD_SECONDS, watch=False)
            await self._through_outages(ledger, lambda: self._applier.apply(one))

        while not self._stopping.is_set():
            try:
                await self._queue.take(work, patience=_EMPTY_SECONDS, stopping=self._stopping)
            except StorageUnavailableException as error:
                await broker.wait(error)
            else:
                broker.reached()
            if not options.watch and await self._is_done(ledger, options):
                break
        return self.progress

    async def _is_done(self, patience: Patience, options: ApplyOptions) -> bool:
        left = await self._through_outages(patience, lambda: self._ledger.has_work(options.group))
        if left is not False:
            return False
        if self._clean_up is not None:
            await self._through_outages(patience, self._clean_up)
        return True

    async def _through_outages[T](self, patience: Patience, step: Callable[[], Awaitable[T]]) -> T | None:
        """The result of a step that takes the ledger; `None` where the worker was stopped before."""
        while True:
            try:
                result = await step()
            except StorageUnavailableException as error:
                await patience.wait(error)
                if self._stopping.is_set():
                    return None
            else:
                patience.reached()
                return result


class Supervisor:
    """Puts every shard into the queue that has work and no worker, again and again: so no broker can lose work.

    Any number of them may run: a shard that is handed out twice costs a look into the ledger.

    Args:
        ledger: Knows the shards.
        queue: Takes them.
        observer: Is notified of outages.

    Attributes:
        put: How many shards were put so far.
    """

    def __init__(self, ledger: Ledger, queue: ShardQueue, *, observer: Observer | None = None) -> None:
        self.put = 0
        self._ledger = ledger
        self._queue = queue
        self._observer = observer or LoggingObserver()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End at once."""
        self._stopping.set()

    async def supervise(self, group: str | None = None, *, watch: bool = False) -> None:
        """Until nothing is planned or being copied, with `watch` until it is stopped.

        Raises:
            StorageUnavailableException: Without `watch`: the broker could not be reached at the beginning, or something
                not for long.
        """
        patience = Patience("broker or ledger", self._observer, self._stopping, for_ever=watch)
        if not watch:
            await self._queue.put([])  # a broker that is not there is noticed at once
        while not self._stopping.is_set():
            seconds = _LOOK_SECONDS
            try:
                shards = await self._ledger.waiting_shards(group)
                if shards:
                    await self._queue.put(shards)
                    self.put += len(shards)
                    seconds = KICK_SECONDS
                elif not watch and not await self._ledger.has_work(group):
                    return
                patience.reached()
            except StorageUnavailableException as error:
                await patience.wait(error)
            await _rest(self._stopping, seconds)


async def _rest(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
