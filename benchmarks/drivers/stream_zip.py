"""stream-zip at its usual compression, with boto3 where the files are on S3, in one thread."""

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, BinaryIO

from stream_zip import ZIP_64, stream_zip  # type: ignore[import-not-found]  # it lives in an environment of its own

from benchmarks.child.store import Entry, Store, Target
from benchmarks.child.threads import BlockingStore, InThreads
from benchmarks.drivers.file_sources import FileSource, source_for

_MODE = 0o644


class StreamZipStore(BlockingStore):
    def __init__(self, source: FileSource) -> None:
        self._source = source

    def put(self, name: str, content: bytes) -> str:
        return self._source.put(name, content)

    def zip_to(self, files: list[Entry], out: BinaryIO) -> None:
        out.writelines(stream_zip(self._members(files)))

    def _members(self, files: list[Entry]) -> Iterator[tuple[str, datetime, int, Any, Iterable[bytes]]]:
        now = datetime.now(UTC)
        for file_id, name in files:
            yield name, now, _MODE, ZIP_64, self._source.chunks(file_id)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield InThreads(StreamZipStore(source_for(target)))
