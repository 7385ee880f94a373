"""From SQLite's errors to those of s3py-helper."""

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from s3py_helper.backends import FileId
from s3py_helper.storage import (
    IntegrityException,
    StorageException,
    StorageOperationException,
    StorageUnavailableException,
)
from s3py_sqlite.database import SCHEME

_KINDS: Final[dict[int, type[StorageException]]] = {
    sqlite3.SQLITE_BUSY: StorageUnavailableException,
    sqlite3.SQLITE_CORRUPT: IntegrityException,
    sqlite3.SQLITE_NOTADB: IntegrityException,
}
"""The others are operations that failed: a full disk, an input/output error, a path that cannot be opened."""


@contextmanager
def translated(operation: str, file_id: FileId | None = None) -> Generator[None]:
    """Let nothing but `StorageException`s out, with the facts that handlers look at.

    Put it around work of the database alone: what a caller's stream raises is the caller's, whatever it is.
    """
    try:
        try:
            yield
        except BlockingIOError as error:
            raise StorageUnavailableException("another process has the database open") from error
        except (sqlite3.Error, OSError) as error:
            # The low byte of SQLite's code is the kind of error: https://sqlite.org/rescode.html
            kind = _KINDS.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, StorageOperationException)
            raise kind(f"{operation} failed: {error}") from error
    except StorageException as error:
        error.operation, error.backend = operation, SCHEME
        error.file_id = str(file_id) if file_id else None
        raise
