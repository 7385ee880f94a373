"""Which ledger a text names: the path of a SQLite file, or the URL of a PostgreSQL database."""

import getpass
import os
import socket
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from s3py_helper.adapters.sqlite.ledger import SqliteLedger
from s3py_helper.application.ports.ledger import Ledger
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.container.ledger_names import is_postgres, shown_ledger

NO_DRIVER: Final = (
    "a ledger on PostgreSQL needs asyncpg, which is not installed ({}): pip install 's3py-helper[postgres]'"
)

_SQLITE: Final = "sqlite:///"


def ledger_at(
    where: str, identity: str, *, makes: bool = True, waits: bool = False
) -> AbstractAsyncContextManager[Ledger]:
    """The ledger there, which is open inside the block.

    Args:
        where: A path, `sqlite:///PATH`, or `postgresql://...`.
        identity: Which migration it belongs to.
        makes: Whether one that is not there is made.
        waits: Whether a database that is being restarted is waited for.

    Raises:
        InvalidArgumentException: It is none of these, nothing is there, or what it needs is not installed.
    """
    if is_postgres(where):
        try:
            # Imported here, because the driver is an extra.
            from s3py_helper.adapters.postgres.ledger import PostgresLedger  # noqa: PLC0415
        except ImportError as error:
            raise InvalidArgumentException(NO_DRIVER.format(error)) from error
        return PostgresLedger(where, identity, actor=_actor(), makes=makes, waits=waits)
    path = path_of(where)
    if not makes and not path.exists():
        raise InvalidArgumentException(f"there is no ledger {where}: 'plan' makes one, --ledger names another")
    return SqliteLedger(path, identity, actor=_actor())


def path_of(ledger: str) -> Path:
    """A path, or a URL as other tools write them for SQLite."""
    if "://" not in ledger:
        return Path(ledger)
    if not ledger.startswith(_SQLITE) or not (path := ledger.removeprefix(_SQLITE)):
        raise InvalidArgumentException(
            f"the ledger is a SQLite file or a PostgreSQL database: give a path, {_SQLITE}PATH or "
            f"postgresql://USER@HOST/DATABASE, not {shown_ledger(ledger)}"
        )
    return Path(path)


def _actor() -> str:
    """Who does it, for the list of events."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container may know no name for its user
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
