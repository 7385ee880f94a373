"""Plain files in threads: no buckets, no metadata, nothing atomic. What the file system itself allows."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target
from benchmarks.child.threads import BlockingStore, InThreads

_READ_SIZE = 1024 * 1024


class PlainFiles(BlockingStore):
    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, name: str, content: bytes) -> str:
        (self._root / name).write_bytes(content)
        return name

    def get(self, file_id: str) -> bytes:
        return (self._root / file_id).read_bytes()

    def info(self, file_id: str) -> int:
        return (self._root / file_id).stat().st_size

    def delete(self, file_id: str) -> None:
        (self._root / file_id).unlink()

    def upload(self, name: str, source: Source) -> str:
        with (self._root / name).open("wb") as file:
            for chunk in source:
                file.write(chunk)
        return name

    def download(self, file_id: str, sink: CheckedSink) -> None:
        with (self._root / file_id).open("rb") as file:
            while chunk := file.read(_READ_SIZE):
                sink.write(chunk)


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    yield InThreads(PlainFiles(Path(target["root"])))
