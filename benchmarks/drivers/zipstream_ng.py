"""zipstream-ng at its usual level 6, in a thread, with the files that boto3 gets."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any, BinaryIO

from zipstream import ZIP_DEFLATED, ZipStream  # type: ignore[import-not-found]  # it lives in an environment of its own

from benchmarks.child.store import Entry, Store, Target, in_thread
from benchmarks.drivers.boto3 import s3_client


class ZipstreamStore(Store):
    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        archive = ZipStream(compress_type=ZIP_DEFLATED, compress_level=6)
        for file_id, name in files:
            archive.add(self._chunks(file_id), name)
        await in_thread(out.writelines, archive)

    def _chunks(self, file_id: str) -> Iterator[bytes]:
        # A generator, so that a file is not asked for before its turn.
        yield from self._client.get_object(Bucket=self._bucket, Key=file_id)["Body"].iter_chunks(64 * 1024)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield ZipstreamStore(s3_client(target), target["bucket"])
