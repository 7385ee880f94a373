"""Tests and tools for everybody who writes a backend, or code that uses one. Needs pytest.

**The contract as tests.** `BlobStoreContract` holds the promises of the port `BlobStore`
(`s3py_helper.application.ports.blob_store`). A backend is correct when a subclass of it passes:

    class TestShelfBlobStore(BlobStoreContract):
        part_size = 5 * 1024 * 1024

        @pytest.fixture
        async def store(self, shelf):
            async with ShelfBlobStore(shelf) as store:
                yield store

        @pytest.fixture
        def unopened_store(self, shelf):
            return ShelfBlobStore(shelf)

        @pytest.fixture
        async def closed_store(self, shelf):
            async with ShelfBlobStore(shelf) as store:
                pass
            return store

        @pytest.fixture
        def inventory(self, shelf):
            async def names():
                return shelf.every_name_including_unfinished_uploads()
            return names

`Harness` lists the fixtures and the class attributes that describe what a backend cannot do. The tests are coroutines
marked `asyncio`; the fixtures above are written for pytest-asyncio's auto mode (`asyncio_mode = "auto"`).

**Fixtures.** `pytest_plugins = ["s3py_helper.testing.fixtures"]` in a `conftest.py` gives tests of applications the
fixture `storage_manager`: an open `StorageManager` whose files live in memory.

**Tools.** `body_of` makes the body of an upload from bytes or chunks, `new_blob` describes one. `FailingStore` wraps a
store and stages failures and delays, so that use cases are tested against a real store that breaks on demand and not
against a mock. `leak_guard` fails when a block leaves tasks or warnings behind.
"""

import pytest

# Before the modules are imported: their assertions then show the values they compare, as those in test files do.
pytest.register_assert_rewrite("s3py_helper.testing.contract", "s3py_helper.testing.leaks")

from s3py_helper.testing.bodies import StalledSource, body_of, breaking_after, new_blob, one_by_one, read_all  # noqa: E402 - see above
from s3py_helper.testing.bytes_alone import BytesAlone  # noqa: E402
from s3py_helper.testing.contract import BlobStoreContract, Harness, Inventory, ReadingContract  # noqa: E402
from s3py_helper.testing.failing_store import FailingStore, Gate  # noqa: E402
from s3py_helper.testing.leaks import leak_guard  # noqa: E402

__all__ = [
    "BlobStoreContract",
    "BytesAlone",
    "FailingStore",
    "Gate",
    "Harness",
    "Inventory",
    "ReadingContract",
    "StalledSource",
    "body_of",
    "breaking_after",
    "leak_guard",
    "new_blob",
    "one_by_one",
    "read_all",
]
