"""The first column of a query, row by row, with whatever reads the database at hand.

SQLite is read by the standard library. Everything else needs SQLAlchemy (the extra `s3py-helper[sql]`) and a driver.
Rows are streamed (`stream_results`, SQLAlchemy manual, "Using Server Side Cursors"), so that a table of any size passes
through in constant memory; drivers without such a cursor fetch all rows first.
"""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from s3py_helper.application.concurrency.completion import completed
from s3py_helper.domain.errors import InvalidArgumentException, StorageOperationException

if TYPE_CHECKING:
    from sqlalchemy import Engine

_SQLITE: Final = "sqlite:///"
_ROWS: Final = 2000

type Rows = Generator[Sequence[Sequence[Any]]]


async def first_column(url: str, query: str) -> AsyncGenerator[str]:
    """Texts of the first column, in the order of the query; rows without one are left out.

    Raises:
        InvalidArgumentException: The URL is none, or what reads such a database is not installed.
        StorageOperationException: The database cannot be reached, or refuses the query.
    """
    batches = _batches(url, query)
    # One thread for everything: connections belong to the thread that made them.
    with ThreadPoolExecutor(1, "s3py-ids") as thread:
        try:
            while rows := await _in(thread, lambda: next(batches, ())):
                for row in rows:
                    if row[0] is not None:
                        yield str(row[0])
        finally:
            await _in(thread, batches.close)


async def _in[T](thread: ThreadPoolExecutor, work: Callable[[], T]) -> T:
    async def waited() -> T:
        return await asyncio.get_running_loop().run_in_executor(thread, work)

    return await completed(waited())


def _batches(url: str, query: str) -> Rows:
    if url.startswith(_SQLITE):
        return _sqlite_rows(url.removeprefix(_SQLITE), query)
    if "://" not in url:
        raise InvalidArgumentException(
            f"the database is given by a URL: {_SQLITE}PATH, postgresql://USER:PASSWORD@HOST/NAME, mysql://..."
        )
    return _rows(_engine(url), query)


def _sqlite_rows(path: str, query: str) -> Rows:
    try:
        # Read-only: a path that is mistyped makes no new database.
        with closing(sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)) as connection:
            cursor = connection.execute(query)
            while rows := cursor.fetchmany(_ROWS):
                yield rows
    except sqlite3.Error as error:
        raise StorageOperationException(f"the query of {_SQLITE}{path} failed: {error}") from error


def _engine(url: str) -> "Engine":
    scheme = url.partition("://")[0]
    try:
        from sqlalchemy import create_engine, exc  # noqa: PLC0415 - optional: few plans need it
    except ImportError as error:
        raise InvalidArgumentException(
            f"ids in {scheme} need SQLAlchemy, which is not installed: pip install 's3py-helper[sql]', and its driver"
        ) from error
    try:
        return create_engine(url)
    except exc.NoSuchModuleError as error:
        raise InvalidArgumentException(f"SQLAlchemy knows no database {scheme!r}: {error}") from error
    except (exc.ArgumentError, ValueError) as error:
        raise InvalidArgumentException(f"the URL of the {scheme} database is not valid") from error
    except ImportError as error:
        raise InvalidArgumentException(
            f"the driver of {scheme} is not installed ({error}): install it, or name another, as in postgresql+psycopg://"
        ) from error


def _rows(engine: "Engine", query: str) -> Rows:
    from sqlalchemy import exc, text  # noqa: PLC0415 - see above

    try:
        with engine.connect().execution_options(stream_results=True, max_row_buffer=_ROWS) as connection:
            result = connection.execute(text(query))
            while rows := result.fetchmany(_ROWS):
                yield rows
    except exc.SQLAlchemyError as error:
        where = engine.url.render_as_string(hide_password=True)
        reason = getattr(error, "orig", None) or error  # the driver's own words, without SQLAlchemy's around them
        raise StorageOperationException(f"the query of {where} failed: {reason}") from error
    finally:
        engine.dispose()
