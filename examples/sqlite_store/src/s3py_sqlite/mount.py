"""What applications mount, and the service finds under the entry point `sqlite`."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from s3py_helper.backends import MountedBackend, Observer
from s3py_helper.storage import InvalidArgumentException
from s3py_sqlite.store import SqliteStore

PATH_VARIABLE: Final = "SQLITE_STORE_PATH"
"""Not `S3PY_...`: the service refuses variables of that name that it does not know."""


@asynccontextmanager
async def open_backend(observer: Observer, path: Path | None = None) -> AsyncGenerator[MountedBackend]:
    """The store and its abilities, open inside the block."""
    async with SqliteStore(path or _path_in_environment(), observer) as store:
        yield MountedBackend(store=store, health=store, listing=store)


def _path_in_environment() -> Path:
    path = os.environ.get(PATH_VARIABLE)
    if not path:
        raise InvalidArgumentException(f"set {PATH_VARIABLE} to the path of the database, such as data/files.db")
    return Path(path)
