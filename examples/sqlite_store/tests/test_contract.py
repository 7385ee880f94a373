"""The store keeps the promises of the ports that it declares."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from s3py_helper.backends import Event
from s3py_helper.testing import BlobStoreContract, HealthContract, Inventory, ListingContract
from s3py_sqlite import SqliteStore, database
from s3py_sqlite.store import ROW_SIZE


class Ignoring:
    """An observer that takes note of nothing."""

    def notify(self, event: Event) -> None: ...


class TestSqliteStore(BlobStoreContract, ListingContract, HealthContract):
    part_size = ROW_SIZE

    @pytest.fixture(autouse=True)
    def small_pages(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """So that the listings of the contract have several."""
        monkeypatch.setattr(database, "PAGE", 3)

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "files.db"

    @pytest.fixture
    async def store(self, path: Path) -> AsyncIterator[SqliteStore]:
        async with SqliteStore(path, Ignoring()) as store:
            yield store

    @pytest.fixture
    def unopened_store(self, path: Path) -> SqliteStore:
        return SqliteStore(path, Ignoring())

    @pytest.fixture
    async def closed_store(self, tmp_path: Path) -> SqliteStore:
        async with SqliteStore(tmp_path / "closed.db", Ignoring()) as store:
            return store

    @pytest.fixture
    async def unreachable_store(self, tmp_path: Path) -> AsyncIterator[SqliteStore]:
        async with SqliteStore(tmp_path / "removed.db", Ignoring()) as store:
            (tmp_path / "removed.db").unlink()
            yield store

    @pytest.fixture
    def inventory(self, path: Path) -> Inventory:
        """Files, and every row of bytes, as another reader of the database sees them."""

        def rows() -> list[str]:
            with closing(sqlite3.connect(path)) as reader:
                files = reader.execute("SELECT key FROM files").fetchall()
                chunks = reader.execute("SELECT file, position FROM chunks").fetchall()
            return [str(row) for row in (*files, *chunks)]

        async def names() -> list[str]:
            return await asyncio.to_thread(rows)

        return names
