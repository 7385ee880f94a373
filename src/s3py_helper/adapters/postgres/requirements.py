"""What a database must be before a ledger is written to it."""

from dataclasses import dataclass
from typing import Final

from s3py_helper.adapters.postgres.connections import Connection
from s3py_helper.domain.errors import StorageUnavailableException
from s3py_helper.domain.migration import GateRefusedException

OLDEST: Final = 15
"""The oldest major version of PostgreSQL that the tests run on."""


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What a server says of itself.

    Attributes:
        version: As a number: 150004 is 15.4.
        version_text: As its makers write it.
        encoding: Of the database.
        is_read_only: A standby, or a database that takes no changes.
    """

    version: int
    version_text: str
    encoding: str
    is_read_only: bool


async def facts_of(connection: Connection) -> ServerFacts:
    """Ask a server."""
    [row] = await connection.fetch(
        "select current_setting('server_version_num')::int, current_setting('server_version'), "
        "current_setting('server_encoding'), "
        "pg_is_in_recovery() or current_setting('transaction_read_only')::bool"
    )
    return ServerFacts(*row)


def require_usable(facts: ServerFacts) -> None:
    """Refuse a database that cannot hold a ledger.

    Raises:
        GateRefusedException: It never can.
        StorageUnavailableException: It cannot now.
    """
    if facts.version // 10_000 < OLDEST:
        raise GateRefusedException(
            f"the ledger needs PostgreSQL {OLDEST} or newer, this server is {facts.version_text}"
        )
    if facts.encoding != "UTF8":
        raise GateRefusedException(
            f"the ledger needs a database in UTF-8, this one is in {facts.encoding}: "
            "create database ... encoding 'UTF8' template template0"
        )
    if facts.is_read_only:
        raise StorageUnavailableException(
            "the database is read-only, perhaps a standby: "
            "name the primary, or all servers with ?target_session_attrs=read-write"
        )
