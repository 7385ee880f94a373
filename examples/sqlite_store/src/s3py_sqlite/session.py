"""A database in a thread of its own."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from s3py_helper.backends import FileId
from s3py_helper.storage import StorageOperationException
from s3py_sqlite.database import Database
from s3py_sqlite.errors import translated


class Session:
    """What is open while a store is. The database does one thing after the other."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="s3py-sqlite")
        self._database: Database | None = None

    async def open(self, path: Path) -> None:
        """Open the database. `close` has to follow, also where this fails or is cancelled."""
        with translated("open"):
            self._database = await self._in_thread(Database, path)

    async def close(self) -> None:
        """Finish what was begun, and close."""
        database, self._database = self._database, None
        try:
            if database is not None:
                with translated("close"):
                    await self._in_thread(database.close)
        finally:
            self._thread.shutdown(wait=False)

    @property
    def is_open(self) -> bool:
        """Whether there is a database to work with."""
        return self._database is not None

    async def run[Result](
        self, operation: str, file_id: FileId | None, work: Callable[..., Result], *args: object
    ) -> Result:
        """Call a method of the database, given as `Database.find`.

        A caller who is cancelled leaves it running: what is to come after it, such as a rollback, waits its turn.
        """
        with translated(operation, file_id):
            if self._database is None:
                raise not_open()
            return await self._in_thread(work, self._database, *args)

    async def _in_thread[Result](self, work: Callable[..., Result], *args: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)


def not_open() -> StorageOperationException:
    """The store is used outside its `async with`."""
    return StorageOperationException("the SQLite store is not open: use it inside 'async with store'")
