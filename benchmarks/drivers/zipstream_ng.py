"""zipstream-ng at its usual level 6, with boto3 where the files are on S3, in one thread."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from zipstream import ZIP_DEFLATED, ZipStream  # type: ignore[import-not-found]  # it lives in an environment of its own

from benchmarks.child.store import Entry, Store, Target
from benchmarks.child.threads import BlockingStore, InThreads
from benchmarks.drivers.file_sources import FileSource, source_for


class ZipstreamStore(BlockingStore):
    def __init__(self, source: FileSource) -> None:
        self._source = source

    def put(self, name: str, content: bytes) -> str:
        return self._source.put(name, content)

    def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        archive = ZipStream(compress_type=ZIP_DEFLATED, compress_level=6)
        for file_id, name in files:
            archive.add(self._chunks(file_id), name)
        out.writelines(archive)

    def _chunks(self, file_id: str) -> Iterator[bytes]:
        # A generator of its own, so that a file is not asked for before its turn.
        yield from self._source.chunks(file_id)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield InThreads(ZipstreamStore(source_for(target)))
