"""Which ledgers can be copied where."""

from collections.abc import Mapping

from s3py_helper.adapters.sqlite.origin import sqlite_origin
from s3py_helper.application.migration.ledger_copying import CopiedTable, copy_ledger
from s3py_helper.application.ports.ledger_copy import OpenDestination
from s3py_helper.domain.errors import InvalidArgumentException
from s3py_helper.entrypoints.container.ledger_names import is_postgres, shown_ledger
from s3py_helper.entrypoints.container.ledgers import NO_DRIVER, path_of


async def copy_ledger_to(origin: str, destination: str) -> Mapping[str, CopiedTable]:
    """Copy a ledger from a SQLite file to a PostgreSQL database; see `copy_ledger`.

    Raises:
        InvalidArgumentException: One of them is something else, or the driver is not installed.
    """
    if is_postgres(origin) or not is_postgres(destination):
        raise InvalidArgumentException(
            "a ledger is copied from a SQLite file to a PostgreSQL database: "
            f"PATH postgresql://USER@HOST/DATABASE, not {shown_ledger(origin)} {shown_ledger(destination)}"
        )
    path = path_of(origin)
    if not path.is_file():
        raise InvalidArgumentException(f"there is no ledger {origin}")
    try:
        from s3py_helper.adapters.postgres.destination import postgres_destination  # noqa: PLC0415 - its driver is an extra
    except ImportError as error:
        raise InvalidArgumentException(NO_DRIVER.format(error)) from error

    def opened(identity: str) -> OpenDestination:
        return postgres_destination(destination, identity)

    async with sqlite_origin(path) as source:
        return await copy_ledger(source, opened, shown_ledger(destination))
