"""What lies between workers, a ledger and perhaps a broker: read past the kit, and made to fail."""

import asyncio
import sqlite3
from abc import ABC, abstractmethod
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from tests.support.brokers.broker import Broker
from tests.support.postgres.server import PostgresServer

_NUMBERS: Final = {"planned": 0, "copying": 1, "verified": 3}
"""How ledgers write states."""


class LedgerReader(ABC):
    """Reads a ledger without its code.

    Attributes:
        url: What workers are given.
    """

    url: str

    async def count(self, *states: str) -> int:
        """Files in these states."""
        return int((await self._rows(f"select count(*) from file where state in ({_numbers(states)})"))[0][0])

    async def one_in(self, state: str) -> str | None:
        """The id of any file in a state; `None` also while there is no plan, or no ledger."""
        try:
            rows = await self._rows(f"select id from file where state = {_numbers([state])} order by random() limit 1")
        except (OSError, sqlite3.Error):
            return None
        return rows[0][0] if rows else None

    async def fail(self) -> bool:
        """Crash, and come back; gives whether it could."""
        return False

    @abstractmethod
    async def _rows(self, query: str) -> list[Any]: ...


class FileReader(LedgerReader):
    def __init__(self, path: Path) -> None:
        self.url = str(path)

    async def _rows(self, query: str) -> list[Any]:
        def read() -> list[Any]:
            with closing(sqlite3.connect(f"file:{self.url}?mode=ro", uri=True, timeout=10)) as connection:
                return connection.execute(query).fetchall()

        return await asyncio.to_thread(read)


class DatabaseReader(LedgerReader):
    """A ledger in a schema of a server of its own."""

    _SCHEMA: Final = "rehearsal"

    def __init__(self, server: PostgresServer) -> None:
        self.url = server.url(schema=self._SCHEMA)
        self._server = server

    async def fail(self) -> bool:
        await asyncio.to_thread(self._server.crash)
        await asyncio.to_thread(self._server.start)
        return True

    async def _rows(self, query: str) -> list[Any]:
        async with asyncio.timeout(60):
            while True:
                try:
                    return await self._rows_now(query)
                except asyncpg.UndefinedTableError as error:
                    raise OSError(str(error)) from error
                except (asyncpg.PostgresError, OSError):  # it has crashed just now
                    await asyncio.sleep(0.2)

    async def _rows_now(self, query: str) -> list[Any]:
        connection = await asyncpg.connect(self._server.url(), server_settings={"search_path": self._SCHEMA})
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()


@dataclass(frozen=True, slots=True)
class Between:
    """Ledger and broker of a rehearsal."""

    ledger: LedgerReader
    broker: Broker | None = None

    async def fail(self) -> None:
        """The ledger goes away and comes back, and the broker loses everything."""
        await self.ledger.fail()
        if self.broker is not None:
            await asyncio.to_thread(self.broker.lose_everything)

    @property
    def description(self) -> str:
        """For people."""
        ledger = self.ledger.url.partition("://")[0] if "://" in self.ledger.url else "SQLite"
        return f"{ledger}, {'no broker' if self.broker is None else self.broker.description}"

    @property
    def worker(self) -> tuple[str, ...]:
        """How a worker is started."""
        return ("worker", "--watch", *self._named)

    @property
    def supervisor(self) -> tuple[str, ...]:
        """How what fills the broker is started; empty where there is none."""
        return ("supervisor", "--watch", *self._named) if self.broker is not None else ()

    @property
    def _named(self) -> tuple[str, ...]:
        return () if self.broker is None else ("--broker", self.broker.url)


def _numbers(states: tuple[str, ...] | list[str]) -> str:
    return ", ".join(str(_NUMBERS[state]) for state in states)
