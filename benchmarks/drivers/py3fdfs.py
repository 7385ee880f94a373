"""py3fdfs in threads: no query of a file's size, no metadata (it cannot send any from Python 3), files held whole."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fdfs_client.client import Fdfs_client  # type: ignore[import-not-found]  # it lives in an environment of its own

from benchmarks.child.content import CheckedSink, Source
from benchmarks.child.store import Store, Target
from benchmarks.child.threads import BlockingStore, InThreads


class Py3fdfsStore(BlockingStore):
    def __init__(self, client: Any) -> None:
        self._client = client

    def put(self, name: str, content: bytes) -> str:  # noqa: ARG002 - there is no place for a name
        stored = self._client.upload_by_buffer(content, "bin")
        return str(stored["Remote file_id"].decode())

    def get(self, file_id: str) -> bytes:
        content: bytes = self._client.download_to_buffer(file_id.encode())["Content"]
        return content

    def delete(self, file_id: str) -> None:
        self._client.delete_file(file_id.encode())

    def upload(self, name: str, source: Source) -> str:
        return self.put(name, source.reader().read())

    def download(self, file_id: str, sink: CheckedSink) -> None:
        sink.write(self.get(file_id))


@asynccontextmanager
async def open_store(target: Target) -> AsyncIterator[Store]:
    host, _, port = target["tracker"].partition(":")
    client = Fdfs_client({"host_tuple": (host,), "port": int(port), "timeout": 30, "name": "Tracker Pool"})
    yield InThreads(Py3fdfsStore(client))
