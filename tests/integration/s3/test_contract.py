"""The shared contract kit on two real servers."""

from collections.abc import AsyncIterator, Collection

import pytest

from s3py_helper.adapters.s3.config import S3PerfConfig
from s3py_helper.adapters.s3.session import S3Session
from s3py_helper.adapters.s3.store import S3BlobStore
from s3py_helper.testing import BlobStoreContract, Inventory
from tests.support.s3.inspector import S3Inspector
from tests.support.s3.server import S3Server

_PART_SIZE = 5 * 1024 * 1024
_PERF = S3PerfConfig(multipart_part_size=_PART_SIZE, multipart_threshold=_PART_SIZE)


class TestS3BlobStore(BlobStoreContract):
    part_size = _PART_SIZE
    deletes_missing_quietly = True

    @pytest.fixture
    async def store(self, s3_server: S3Server) -> AsyncIterator[S3BlobStore]:
        async with S3Session(s3_server.config(perf=_PERF)) as connection:
            yield S3BlobStore(connection)

    @pytest.fixture
    async def narrow_store(self, s3_server: S3Server) -> AsyncIterator[S3BlobStore]:
        perf = _PERF.model_copy(update={"max_pool_connections": 1})
        async with S3Session(s3_server.config(perf=perf)) as connection:
            yield S3BlobStore(connection)

    @pytest.fixture
    def unopened_store(self, s3_server: S3Server) -> S3BlobStore:
        return S3BlobStore(S3Session(s3_server.config()))

    @pytest.fixture
    async def closed_store(self, s3_server: S3Server) -> S3BlobStore:
        async with S3Session(s3_server.config()) as connection:
            return S3BlobStore(connection)

    @pytest.fixture
    def inventory(self, s3_inspector: S3Inspector) -> Inventory:
        async def names() -> Collection[str]:
            return [*await s3_inspector.keys(), *await s3_inspector.unfinished_uploads()]

        return names
