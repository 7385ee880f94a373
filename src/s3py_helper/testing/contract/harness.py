"""What a backend says about itself to the contract."""

# ruff: noqa: S101 - assertions are what a test kit is made of

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import ClassVar, Final

import pytest

from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.domain.blob import BlobInfo
from s3py_helper.domain.file_id import FileId
from s3py_helper.testing.bodies import body_of, new_blob

type Inventory = Callable[[], Awaitable[Collection[str]]]
"""Returns the names of everything that is physically there: files, and what unfinished uploads have left."""

NOT_OPEN: Final = r"open|closed"
"""What the error of a store that is not open says, among other things."""

PATIENCE: Final = 20.0
"""Seconds after which something that should happen at once counts as never."""


@pytest.mark.asyncio
class Harness:
    """Fixtures to override, and facts to correct where a backend differs.

    Attributes:
        part_size: Size in bytes beyond which the backend stores or sends a file in several parts.
        deletes_missing_quietly: Deleting a missing file is not an error (as on S3).
        metadata_names: Names of pairs that the backend keeps as they are. S3 returns them in lower case.
        metadata_values: Values that it keeps as they are.
        keeps: What the backend stores beside the bytes and returns.
        settles_within: Seconds that the backend may take to remove what a failed upload left.
        clock_tolerance: How far the backend's clock may differ from ours, including the resolution of its times.
    """

    part_size: ClassVar[int] = 1024 * 1024
    deletes_missing_quietly: ClassVar[bool] = False
    metadata_names: ClassVar[tuple[str, ...]] = ("author", "project-id", "projet_été", "項目", "название")
    metadata_values: ClassVar[tuple[str, ...]] = (
        "Ada",
        "",
        " spaces inside  and around ",
        "Grüße, señor, été",
        "Договор № 7",
        "合同第七版",
        "عقد",
        "🗂️ 100% \"quoted\" 'a=b&c' \\ end",
    )
    keeps: ClassVar[frozenset[str]] = frozenset({"file_name", "content_type", "metadata"})
    settles_within: ClassVar[float] = 5.0
    clock_tolerance: ClassVar[timedelta] = timedelta(seconds=5)

    @pytest.fixture
    def store(self) -> BlobStore:
        """An open store, closed after the test."""
        raise NotImplementedError("override the fixture `store`: an open store, closed after the test")

    @pytest.fixture
    def narrow_store(self, store: BlobStore) -> BlobStore:
        """An open store with a pool of one connection; stores without a pool need not override this."""
        return store

    @pytest.fixture
    def unopened_store(self) -> BlobStore:
        """A store that was made, but not opened."""
        raise NotImplementedError("override the fixture `unopened_store`: a store that was made, but not opened")

    @pytest.fixture
    def closed_store(self) -> BlobStore:
        """A store that was opened and closed again."""
        raise NotImplementedError("override the fixture `closed_store`: a store that was opened and closed again")

    @pytest.fixture
    def other_bucket(self) -> str:
        """Another bucket than the default one; override it where a bucket has to be created before it is used."""
        return "other"

    @pytest.fixture
    def inventory(self) -> Inventory:
        """Looks at the backend past the store; see `Inventory`."""
        raise NotImplementedError("override the fixture `inventory`: an async function without arguments")

    async def missing_id(self, store: BlobStore) -> FileId:
        """An id as the backend makes them, whose file is gone."""
        info = await store.write(new_blob("gone.bin"), body_of(b"soon gone"))
        await store.delete(info.file_id)
        return info.file_id

    async def assert_settles(self, inventory: Inventory, expected: Collection[str]) -> None:
        """The inventory becomes what is expected, soon."""
        deadline = time.monotonic() + self.settles_within
        # ASYNC110: the backend is a process of its own and sets no event.
        while sorted(found := await inventory()) != sorted(expected) and time.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        assert sorted(found) == sorted(expected)

    def assert_described(self, reported: BlobInfo, known: BlobInfo) -> None:
        """Everything that one description reports agrees with the other; it may report less."""
        assert reported.file_id == known.file_id
        assert reported.size == known.size
        for name in ("file_name", "content_type", "etag", "checksum"):
            assert getattr(reported, name) in {None, getattr(known, name)}, name
        assert not reported.metadata or dict(reported.metadata) == dict(known.metadata)
        if reported.last_modified and known.last_modified:
            # The result of a write may carry the client's clock: asking for the server's costs another round trip.
            assert abs(reported.last_modified - known.last_modified) <= self.clock_tolerance
