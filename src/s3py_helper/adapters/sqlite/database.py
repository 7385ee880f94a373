"""One connection to a SQLite file, in a thread of its own."""

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from s3py_helper.adapters.sqlite.schema import prepare
from s3py_helper.application.concurrency.completion import completed
from s3py_helper.domain.errors import StorageException, StorageOperationException, StorageUnavailableException

_BUSY_SECONDS: Final = 10.0
"""How long a statement waits while another process writes."""

_TEMPORARY: Final = frozenset({
    sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY, sqlite3.SQLITE_NOMEM,
})  # fmt: skip


class _Piece[T]:
    """Work that waits to write, and what became of it."""

    __slots__ = ("_work", "error", "result")

    result: T

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self._work = work
        self.error: Exception | None = None

    def carry_out(self, connection: sqlite3.Connection) -> None:
        """Do it within the transaction of several; raises where the whole transaction is lost."""
        connection.execute("savepoint piece")
        try:
            self.result = self._work(connection)
        except Exception as error:  # whatever it is, this piece fails with it, and not its neighbours
            if not connection.in_transaction:  # as after some failures of the disk
                raise
            connection.execute("rollback to piece")
            self.error = error
        connection.execute("release piece")


class _Read[T]:
    """Work that waits to read, and who waits for its result."""

    __slots__ = ("_work", "error", "result", "told")

    result: T

    def __init__(self, work: Callable[[sqlite3.Connection], T]) -> None:
        self._work = work
        self.error: BaseException | None = None
        self.told: asyncio.Future[T] = asyncio.get_running_loop().create_future()

    def carry_out(self, opened: Callable[[], sqlite3.Connection]) -> None:
        """Do it; called in the thread."""
        try:
            self.result = self._work(opened())
        except BaseException as error:  # noqa: BLE001 - whatever it is, its caller raises it
            self.error = error

    def tell(self) -> None:
        """Tell what became of it, unless nobody waits any more."""
        if self.told.done():
            return
        if self.error is None:
            self.told.set_result(self.result)
        else:
            self.told.set_exception(self.error)


class Database:
    """Runs work on the connection, one piece after the other.

    Reads that come while the thread is reading go there together: waking it takes longer than looking one file up.

    A commit waits for the disk, so that pieces which wait to write meanwhile share the next transaction. Each is
    carried out as a whole or not at all, whatever becomes of its neighbours.

    Args:
        path: The file; made where it is missing.
        identity: Which deployment the ledger belongs to.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self._path = path
        self._identity = identity
        self._thread = ThreadPoolExecutor(1, "s3py-ledger")
        self._connection: sqlite3.Connection | None = None
        self._waiting: deque[_Piece[Any]] = deque()
        self._to_read: list[_Read[Any]] = []
        self._is_reading = False
        self._is_closed = False

    async def open(self) -> None:
        """Open the file.

        Raises:
            StorageUnavailableException: It cannot be opened, read or written now.
            StorageOperationException: It is not this deployment's ledger.
        """
        try:
            await self._call(self._open)
        except BaseException:  # nobody else would stop the thread
            await self.close()
            raise

    async def close(self) -> None:
        """Close it; work under way ends first."""
        self._is_closed = True
        try:
            await completed(self._call(self._close))
        finally:
            self._thread.shutdown(wait=False)

    async def read[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of work that only reads."""
        if self._is_closed:
            raise _not_open()
        read = _Read(work)
        self._to_read.append(read)
        if not self._is_reading:
            self._read_waiting()
        try:
            return await read.told
        except sqlite3.Error as error:
            raise self._translated(error) from error

    async def write[T](self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The result of work that writes; on disk when this returns, or undone when it raises."""
        piece = _Piece(work)
        self._waiting.append(piece)
        await self._call(self._write_waiting)
        # By now it is done: by this call, or by one before it that has found it waiting.
        if piece.error is None:
            return piece.result
        if isinstance(piece.error, sqlite3.Error):
            raise self._translated(piece.error) from piece.error
        raise piece.error

    def _read_waiting(self) -> None:
        reads, self._to_read = self._to_read, []
        self._is_reading = True
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._carry_out, reads)
        running.add_done_callback(lambda _: self._tell(reads))

    def _carry_out(self, reads: list[_Read[Any]]) -> None:
        for read in reads:
            read.carry_out(self._opened)

    def _tell(self, reads: list[_Read[Any]]) -> None:
        for read in reads:
            read.tell()
        self._is_reading = False
        if self._to_read:
            self._read_waiting()

    async def _call[T](self, work: Callable[[], T]) -> T:
        # Shielded: a transaction that has begun ends, whether or not its caller still waits for it.
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        try:
            return await asyncio.shield(running)
        except sqlite3.Error as error:
            raise self._translated(error) from error

    def _open(self) -> None:
        connection = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("pragma journal_mode = wal")
            # A tombstone must survive a power failure: what was deleted would come back.
            connection.execute("pragma synchronous = full")
            prepare(connection, self._identity)
        except BaseException:  # nobody owns it yet
            connection.close()
            raise
        self._connection = connection

    def _write_waiting(self) -> None:
        pieces: list[_Piece[Any]] = []
        while self._waiting:
            pieces.append(self._waiting.popleft())
        if not pieces:
            return
        try:
            connection = self._opened()
            connection.execute("begin immediate")
            try:
                for piece in pieces:
                    piece.carry_out(connection)
                connection.commit()
            except BaseException:  # whatever happened, the transaction is over
                connection.rollback()
                raise
        except Exception as error:  # noqa: BLE001 - each caller raises it, from its own call
            for piece in pieces:
                piece.error = error

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            raise _not_open()
        return self._connection

    def _translated(self, error: sqlite3.Error) -> StorageException:
        # Extended codes carry the primary one in their lowest byte (SQLite, "Result and Error Codes").
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        message = f"the ledger {self._path} failed: {error}"
        return StorageUnavailableException(message) if code in _TEMPORARY else StorageOperationException(message)


def _not_open() -> StorageException:
    return StorageOperationException("the ledger is not open: use it inside 'async with'")
