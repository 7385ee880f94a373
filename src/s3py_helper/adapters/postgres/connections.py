"""Connections to the database: few, made when they are needed, each used by one caller at a time."""

import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import asyncpg

from s3py_helper.adapters.postgres.address import Address

CONNECTIONS: Final = 4
"""Most of one process. A worker needs two; more only wait for each other's disk."""

_IDLE_SECONDS: Final = 60.0
"""A connection that was idle for longer is not used again: a firewall may have forgotten it without a word."""

_CLOSING_SECONDS: Final = 5.0

_SETTINGS: Final[Mapping[str, str]] = {
    "application_name": "s3py-ledger",
    # A statement whose caller has given up ends as well; whoever waits for a lock, waits for less than a call may take.
    "lock_timeout": "10s",
    "statement_timeout": "600s",
    "idle_in_transaction_session_timeout": "60s",
    "client_connection_check_interval": "10s",
}


class Connections:
    """Those of one process.

    Args:
        address: Where to.

    Attributes:
        is_open: Whether they may be used.
    """

    def __init__(self, address: Address) -> None:
        self.is_open = False
        self._address = address
        self._idle: deque[tuple[float, asyncpg.Connection]] = deque()

    async def acquire(self, seconds: float) -> asyncpg.Connection:
        """One that is open, or a new one within that many seconds.

        Raises:
            OSError: The server cannot be reached, or not in time.
            asyncpg.PostgresError: It refuses.
            InvalidArgumentException: A file that its URL names cannot be read.
        """
        while self._idle:
            since, connection = self._idle.pop()  # the one used last: the others may become too old
            if not connection.is_closed() and time.monotonic() - since < _IDLE_SECONDS:
                return connection
            connection.terminate()
        self._address.require_files()
        settings = {**_SETTINGS, "search_path": self._address.schema}
        return await asyncpg.connect(self._address.url, timeout=seconds, server_settings=settings)

    def release(self, connection: asyncpg.Connection) -> None:
        """It may be used again, unless it is closed or in a transaction."""
        if connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
            return
        now = time.monotonic()
        self._idle.append((now, connection))
        while now - self._idle[0][0] > _IDLE_SECONDS:
            self._idle.popleft()[1].terminate()

    async def close(self) -> None:
        """Close those that are idle, politely."""
        while self._idle:
            _, connection = self._idle.popleft()
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=_CLOSING_SECONDS)

    @property
    def idle(self) -> int:
        """How many nobody uses now."""
        return len(self._idle)


type Connection = asyncpg.Connection
