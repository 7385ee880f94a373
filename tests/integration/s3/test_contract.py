"""The shared contract kit on two real servers."""

from collections.abc import AsyncIterator, Collection
from typing import Any

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.copying import S3Copy
from s3py_helper.adapters.s3.health import S3Health
from s3py_helper.adapters.s3.listing import S3Listing
from s3py_helper.adapters.s3.naming import S3NamedWrites
from s3py_helper.adapters.s3.presigning import S3PresignedUrls
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.application.ports.blob_store import BlobStore
from s3py_helper.testing import (
    BlobStoreContract,
    HealthContract,
    Inventory,
    ListingContract,
    NamedWritesContract,
    PresignedUrlsContract,
    ServerSideCopyContract,
)
from tests.support.s3.inspector import S3Inspector, inspector_of
from tests.support.s3.server import S3Server

_PART_SIZE = 5 * 1024 * 1024
_PERF = S3PerfConfig(multipart_part_size=_PART_SIZE, multipart_threshold=_PART_SIZE)


class _Store(S3BlobStore):
    """Remembers its session, of which the optional ports are made as well."""

    def __init__(self, session: S3Session) -> None:
        super().__init__(session)
        self.session = session


def _session_of(store: BlobStore) -> S3Session:
    assert isinstance(store, _Store)
    return store.session


@pytest.fixture(scope="session")
def bucket_beside(s3_server: S3Server) -> str:
    inspector_of(s3_server, "other-tests").sdk.close()
    return "other-tests"


class S3Contract(
    BlobStoreContract,
    ListingContract,
    ServerSideCopyContract,
    NamedWritesContract,
    PresignedUrlsContract,
    HealthContract,
):
    __test__ = False
    part_size = _PART_SIZE
    deletes_missing_quietly = True

    @pytest.fixture
    async def store(self, s3_server: S3Server) -> AsyncIterator[S3BlobStore]:
        async with S3Session(s3_server.config(perf=_PERF)) as connection:
            yield _Store(connection)

    @pytest.fixture
    async def narrow_store(self, s3_server: S3Server) -> AsyncIterator[S3BlobStore]:
        perf = _PERF.model_copy(update={"max_pool_connections": 1})
        async with S3Session(s3_server.config(perf=perf)) as connection:
            yield _Store(connection)

    @pytest.fixture
    def unopened_store(self, s3_server: S3Server) -> S3BlobStore:
        return _Store(S3Session(s3_server.config()))

    @pytest.fixture
    async def closed_store(self, s3_server: S3Server) -> S3BlobStore:
        async with S3Session(s3_server.config()) as connection:
            return _Store(connection)

    @pytest.fixture
    async def unreachable_store(self, s3_server: S3Server) -> AsyncIterator[S3BlobStore]:
        async with S3Session(s3_server.config(endpoint="http://127.0.0.1:9")) as connection:
            yield _Store(connection)

    @pytest.fixture
    def other_bucket(self, bucket_beside: str) -> str:
        return bucket_beside

    @pytest.fixture
    def inventory(self, s3_inspector: S3Inspector) -> Inventory:
        async def names() -> Collection[str]:
            return [*await s3_inspector.keys(), *await s3_inspector.unfinished_uploads()]

        return names

    def listing_of(self, store: BlobStore) -> S3Listing:
        return S3Listing(_session_of(store), page_size=3)

    def copying_of(self, store: BlobStore) -> S3Copy:
        return S3Copy(_session_of(store), in_one_request=1024 * 1024, part_size=_PART_SIZE)

    def naming_of(self, store: BlobStore) -> S3NamedWrites:
        return S3NamedWrites(_session_of(store))

    def presigning_of(self, store: BlobStore) -> S3PresignedUrls:
        return S3PresignedUrls(_session_of(store))

    def health_of(self, store: BlobStore) -> S3Health:
        return S3Health(_session_of(store))


@pytest.mark.parametrize("s3_server", ["seaweedfs"], indirect=True)
class TestS3BlobStoreOnSeaweedFS(S3Contract):
    __test__ = True

    def listing_order(self, key: str) -> Any:
        """SeaweedFS lists folder by folder: a folder comes where its name without the slash belongs."""
        return [segment.encode() for segment in key.split("/")]


@pytest.mark.parametrize("s3_server", ["moto"], indirect=True)
class TestS3BlobStoreOnMoto(S3Contract):
    __test__ = True
    verifies_signatures = False
