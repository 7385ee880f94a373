"""Tests and tools for authors of backends, and for applications that use one. Needs pytest and pytest-asyncio.

**The contracts as tests.** Each port has a class that holds its promises: `BlobStoreContract`, and for the optional
ports `ListingContract`, `ServerSideCopyContract`, `NamedWritesContract`, `PresignedUrlsContract` and `HealthContract`.
A backend is correct when a subclass of those that it declares passes:

    class TestShelf(BlobStoreContract, ListingContract, HealthContract):
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
        async def unreachable_store(self):
            async with ShelfBlobStore(a_shelf_that_was_torn_down) as store:
                yield store

        @pytest.fixture
        def inventory(self, shelf):
            async def names():
                return shelf.every_name_including_unfinished_uploads()
            return names

`Harness` lists the fixtures, and the class attributes that describe where a backend differs. A listing, a copy, a
signer or a check that is another object than the store is named by overriding `listing_of`, `copying_of`, `naming_of`,
`presigning_of` or `health_of`. `BytesOnly` has no contract of its own: `ReadingContract` on `BytesAlone(store)` reads
through it. The tests are coroutines marked `asyncio`; the fixtures above are written for the auto mode of
pytest-asyncio (`asyncio_mode = "auto"`). docs/writing-an-adapter.md builds an adapter that passes.

**Fixtures.** `pytest_plugins = ["s3py_helper.testing.fixtures"]` in a `conftest.py` gives tests of applications the
fixture `storage_manager`: an open `StorageManager` whose files live in memory, in a store that fails on demand: the
fixture `failing_store`. docs/testing-your-app.md uses both.

**Tools.** `body_of` makes the body of an upload of bytes or chunks, `new_blob` describes one. `FailingStore` wraps a
store and stages failures and delays, so that code is tested on a real store that breaks on demand and not on a mock.
`leak_guard` fails when a block leaves tasks or warnings behind.
"""

import pytest

# Before the modules are imported: their assertions then show the values they compare, as those in test files do.
pytest.register_assert_rewrite("s3py_helper.testing.contract", "s3py_helper.testing.leaks")

from s3py_helper.testing.bodies import StalledSource, body_of, breaking_after, new_blob, one_by_one, read_all  # noqa: E402 - see above
from s3py_helper.testing.bytes_alone import BytesAlone  # noqa: E402
from s3py_helper.testing.contract import (  # noqa: E402
    BlobStoreContract,
    Harness,
    HealthContract,
    Inventory,
    ListingContract,
    NamedWritesContract,
    PresignedUrlsContract,
    ReadingContract,
    ServerSideCopyContract,
)
from s3py_helper.testing.failing_store import FailingStore, Gate  # noqa: E402
from s3py_helper.testing.leaks import leak_guard  # noqa: E402

__all__ = [
    "BlobStoreContract",
    "BytesAlone",
    "FailingStore",
    "Gate",
    "Harness",
    "HealthContract",
    "Inventory",
    "ListingContract",
    "NamedWritesContract",
    "PresignedUrlsContract",
    "ReadingContract",
    "ServerSideCopyContract",
    "StalledSource",
    "body_of",
    "breaking_after",
    "leak_guard",
    "new_blob",
    "one_by_one",
    "read_all",
]
