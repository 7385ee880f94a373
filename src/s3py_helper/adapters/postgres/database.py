"""Runs statements on a ledger's database, each within a time that is known."""

import asyncio
import copy
import math
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, Self

import asyncpg

from s3py_helper.adapters.postgres.address import Address
from s3py_helper.adapters.postgres.connections import CONNECTIONS, Connection, Connections
from s3py_helper.adapters.postgres.errors import CONNECTION_LOST, REPEATABLE, is_temporary, translated
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.application.ports.ledger import HURRIED_SECONDS
from s3py_helper.domain.errors import StorageException, StorageOperationException, StorageUnavailableException

CALL_SECONDS: Final = 30.0
"""A call of the ledger has succeeded or raised its temporary error by then."""

SCAN_SECONDS: Final = 600.0
"""The same for calls that read every row."""

_UPGRADE_SECONDS: Final = 4 * 3600.0
"""The same for bringing a ledger to a new version, which may write every row anew."""

_PATIENCE: Final = 10.0
"""Seconds that a call waits for a database that is being restarted."""

_HURRIED_PATIENCE: Final = 0.5
"""The same of a call that somebody waits for; it has failed `HURRIED_SECONDS` after it began, whatever the reason."""

_CONNECT_SECONDS: Final = 5.0
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0

type Work[T] = Callable[[Connection], Awaitable[T]]


class Database:
    """What is open while a ledger is.

    Args:
        address: Where the ledger is.
    """

    def __init__(self, address: Address) -> None:
        self._address = address
        self._connections = Connections(address)
        self._places = asyncio.Semaphore(CONNECTIONS)
        self._running: set[asyncio.Task[Any]] = set()
        self._patience = _PATIENCE
        self._most_seconds = math.inf

    def hurried(self) -> Self:
        """The same connections, for calls that fail sooner."""
        other = copy.copy(self)
        other._patience = _HURRIED_PATIENCE  # noqa: SLF001 - a copy of this one
        other._most_seconds = HURRIED_SECONDS  # noqa: SLF001 - the same
        return other

    async def open(self, is_ready: Work[bool], bring_up: Work[None], *, waits: bool = False) -> None:
        """Make the first connection, look at what is there, and bring it up where it is not ready.

        Args:
            is_ready: Looks, and changes nothing.
            bring_up: Makes the ledger, or brings it to this version.
            waits: Whether this waits for a database that is being restarted, as later calls do.

        Raises:
            StorageUnavailableException: The database cannot be reached now.
            StorageException: What the two raise, or what the server says to this user.
        """
        self._connections.is_open = True
        try:
            if not await self._call(is_ready, CALL_SECONDS, patience=None if waits else 0.0, repeats=True):
                await self._call(bring_up, _UPGRADE_SECONDS, patience=0.0, repeats=False)
        except BaseException:  # nobody else would close the connection
            await self.close()
            raise

    async def close(self) -> None:
        """Close all connections; statements under way end first."""
        self._connections.is_open = False

        async def closing() -> None:
            if self._running:
                await asyncio.wait(self._running)
            await self._connections.close()

        await completed(closing())

    async def read(self, query: str, *values: object, seconds: float = CALL_SECONDS) -> list[asyncpg.Record]:
        """The rows of a statement that changes nothing; repeated when its connection is lost."""
        return await self._call(lambda connection: connection.fetch(query, *values), seconds, repeats=True)

    async def write(self, statement: str, *values: object, seconds: float = CALL_SECONDS) -> list[asyncpg.Record]:
        """The rows that a statement returns; it is a transaction of its own, on disk when this returns."""
        return await self._call(lambda connection: connection.fetch(statement, *values), seconds, repeats=False)

    async def execute(self, statement: str, *values: object) -> int:
        """How many rows a statement has changed; otherwise as `write`."""
        done = await self._call(lambda connection: connection.execute(statement, *values), CALL_SECONDS, repeats=False)
        return changed_rows(done)

    async def transaction[T](self, work: Work[T], seconds: float = CALL_SECONDS) -> T:
        """The result of several statements that take effect together."""

        async def inside(connection: Connection) -> T:
            async with connection.transaction():
                return await work(connection)

        return await self._call(inside, seconds, repeats=False)

    async def _call[T](self, work: Work[T], seconds: float, *, repeats: bool, patience: float | None = None) -> T:
        if not self._connections.is_open:
            raise StorageOperationException("the ledger is not open: use it inside 'async with'")
        clock = asyncio.get_running_loop().time
        seconds = min(seconds, self._most_seconds)
        patience = self._patience if patience is None else patience
        end = clock() + seconds
        try:
            async with asyncio.timeout_at(end):
                await self._places.acquire()
        except TimeoutError:
            raise self._late(seconds) from None
        # Shielded: a transaction that has begun ends, whether or not its caller still waits for it.
        task = asyncio.ensure_future(self._run(work, end, seconds, patience, repeats=repeats))
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        self._places.release()
        if not task.cancelled():
            task.exception()  # marks it as seen: its caller may have gone

    async def _run[T](self, work: Work[T], end: float, seconds: float, patience: float, *, repeats: bool) -> T:
        loop = asyncio.get_running_loop()
        pause = _FIRST_PAUSE
        patient_until = math.inf
        while True:
            sent = False
            try:
                async with asyncio.timeout_at(end):
                    connection = await self._connections.acquire(_CONNECT_SECONDS)
                    sent = True
                    return await self._on(connection, work)
            except TimeoutError:
                if loop.time() >= end:
                    raise self._late(seconds) from None
                failure: Exception = TimeoutError(f"no connection within {_CONNECT_SECONDS:.0f} s")
            except (*CONNECTION_LOST, asyncpg.PostgresError) as error:
                failure = error
            again = isinstance(failure, REPEATABLE) or (is_temporary(failure) and (repeats or not sent))
            # From the first failure on: a process that was stopped for longer than that has not waited yet.
            patient_until = min(patient_until, loop.time() + patience)
            if not again or loop.time() + pause >= min(end, patient_until):
                raise translated(failure, self._address) from failure
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def _on[T](self, connection: Connection, work: Work[T]) -> T:
        try:
            result = await work(connection)
        except (asyncpg.PostgresError, StorageException):
            self._connections.release(connection)  # the server has answered: it can be used again
            raise
        except BaseException:  # nobody knows what the server is doing on it
            connection.terminate()
            raise
        self._connections.release(connection)
        return result

    def _late(self, seconds: float) -> StorageUnavailableException:
        return StorageUnavailableException(f"the ledger {self._address} did not answer within {seconds:g} s")


def changed_rows(status: str) -> int:
    """The number in the tag of a command such as `UPDATE 3` (PostgreSQL manual, 55.7, `CommandComplete`)."""
    return int(status.rpartition(" ")[2])
