"""The status of a migration for any number of watchers, counted once for all of them."""

import asyncio
import time
from dataclasses import dataclass
from time import monotonic
from typing import Final

from s3py_helper.application.migration.migration import Migration, MigrationStatus
from s3py_helper.application.migration.speedometer import Speedometer, Speeds
from s3py_helper.domain.errors import StorageException

FRESH_SECONDS: Final = 1.0
"""Seconds for which counts hold."""

_SHARE: Final = 20
"""What takes long to count is counted less often: the ledger has other work to do."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a migration at one moment.

    Attributes:
        number: Grows by one with each reading.
        at: Unix seconds.
        status: Where everything is.
        workers: How many workers hold files.
        speeds: How fast it moves; `None` where there is nothing to compare with yet.
    """

    number: int
    at: float
    status: MigrationStatus
    workers: int
    speeds: Speeds | None

    @property
    def seconds_left(self) -> float | None:
        """How long copying may still take; `None` where that cannot be known."""
        return None if self.speeds is None else self.speeds.seconds_left(self.status)


@dataclass(frozen=True, slots=True)
class FailedReading:
    """Why nothing could be read.

    Attributes:
        number: As of a reading.
        at: Unix seconds.
        error: The reason.
    """

    number: int
    at: float
    error: StorageException


class StatusFeed:
    """Reads the ledger while somebody asks, once a second at most, and for a twentieth of the time at most.

    Args:
        migration: What is watched.
    """

    def __init__(self, migration: Migration) -> None:
        self.migration = migration
        self._speedometer = Speedometer()
        self._number = 0
        self._latest: Reading | FailedReading | None = None
        self._read_at = float("-inf")
        self._fresh_until = float("-inf")
        self._changes = 0
        self._under_way: asyncio.Task[None] | None = None

    async def after(self, number: int = 0) -> Reading | FailedReading:
        """The next reading after that number; the last one where it is fresh and newer."""
        while True:
            pause = self._fresh_until - monotonic()
            if pause > 0 and self._latest is not None:
                if self._latest.number > number:
                    return self._latest
                await asyncio.sleep(pause)
            else:
                await self._read(None)

    async def within(self, patience: float, max_age: float) -> Reading | FailedReading | None:
        """A reading of at most that age, or the last one where a new one takes longer than `patience` seconds.

        Returns `None` where there was none before.
        """
        if self._latest is None or monotonic() - self._read_at >= max(max_age, self._fresh_until - self._read_at):
            await self._read(patience)
        return self._latest

    def changed(self) -> None:
        """Note a change: earlier readings no longer count."""
        self._changes += 1
        self._read_at = self._fresh_until = float("-inf")

    async def _read(self, patience: float | None) -> None:
        """Wait for the reading under way, or for a new one. It goes on when its watchers have gone."""
        if self._under_way is None:
            self._under_way = asyncio.ensure_future(self._take())
        under_way = self._under_way
        await asyncio.wait([under_way], timeout=patience)
        if under_way.done():
            under_way.result()

    async def _take(self) -> None:
        changes, began = self._changes, monotonic()
        try:
            latest = await self._reading()
        finally:
            self._under_way = None
        now = monotonic()
        self._latest = latest
        if changes == self._changes:
            self._read_at = now
            self._fresh_until = now + max(FRESH_SECONDS, (now - began) * (_SHARE - 1))

    async def _reading(self) -> Reading | FailedReading:
        number, at = self._number + 1, time.time()
        try:
            status = await self.migration.status()
            workers = await self.migration.ledger.workers()
        except StorageException as error:
            reading: Reading | FailedReading = FailedReading(number, at, error)
        else:
            reading = Reading(number, at, status, workers, self._speedometer.speeds(monotonic(), status))
        self._number = number
        return reading
