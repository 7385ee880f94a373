"""One request for a file after another, on a store that is watched."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from starlette.types import Message

from s3py_helper.adapters.memory.store import MemoryBlobStore
from s3py_helper.application.download import DownloadService
from s3py_helper.application.links import LinkService
from s3py_helper.application.locator import Locator
from s3py_helper.application.ports.backend import MountedBackend
from s3py_helper.domain.blob import BlobInfo, NewBlob
from s3py_helper.domain.file_id import Backend
from s3py_helper.domain.routing import RoutingPolicy, StorageMode
from s3py_helper.entrypoints.http.downloads.delivery import Delivery, DownloadOptions
from s3py_helper.entrypoints.http.downloads.file import file_response
from s3py_helper.entrypoints.http.downloads.file_headers import Presentation
from s3py_helper.entrypoints.http.downloads.opened_file import SMALL_FILE
from s3py_helper.entrypoints.http.limits.slots import Slots
from s3py_helper.testing import body_of
from tests.unit.application.watched import Signer, WatchedStore

CONTENT = b"0123456789"
MODIFIED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


class Dated(MemoryBlobStore):
    """Says of each file what the test wants it to."""

    said: Mapping[str, Any]

    async def write(self, blob: NewBlob, body: Any) -> BlobInfo:
        stored = await super().write(blob, body)
        return self._keep(replace(stored, last_modified=MODIFIED, **self.said), CONTENT_OF[blob.key])


CONTENT_OF = {
    "a": CONTENT,
    "empty": b"",
    "large": bytes(SMALL_FILE + 1),
    "small": bytes(SMALL_FILE),
    "huge": bytes(8 * SMALL_FILE),
}


@dataclass
class Service:
    """What is asked, and what is asked of the store; `sent` is the number of pieces of the last body."""

    kept: Dated
    store: WatchedStore
    signer: Signer
    slots: Slots
    options: DownloadOptions = field(default_factory=lambda: DownloadOptions("private"))
    presentation: Presentation = field(default_factory=Presentation)
    signs: bool = True
    extensions: dict[str, Any] = field(default_factory=dict[str, Any])
    sent: int = 0

    async def __call__(self, method: str = "GET", key: str = "a", **headers: str) -> tuple[int, dict[str, str], bytes]:
        backend = MountedBackend(self.store, self.store, presigning=self.signer if self.signs else None)
        locator = Locator(RoutingPolicy(StorageMode.S3), {Backend.S3: backend})
        scope: dict[str, Any] = {
            "type": "http",
            "method": method,
            "client": ("127.0.0.1", 1),
            "extensions": self.extensions,
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        }
        sent: list[Message] = []

        async def send(message: Message) -> None:
            sent.append(message)

        async def receive() -> Message:
            await asyncio.Event().wait()
            raise AssertionError

        response = await file_response(
            scope,
            DownloadService(locator),
            f"s3:my-bucket/{key}",
            Delivery(60, self.slots, self.options),
            self.presentation,
            links=LinkService(locator),
        )
        await response(scope, receive, send)
        start, self.sent = sent[0], len(sent) - 1
        said = {name.decode(): value.decode() for name, value in start["headers"]}
        return start["status"], said, b"".join(message["body"] for message in sent[1:])


@asynccontextmanager
async def serving() -> AsyncGenerator[Service]:
    async with Dated(Backend.S3, "my-bucket") as kept:
        kept.said = {}
        for key, content in CONTENT_OF.items():
            await kept.write(NewBlob(key, "a.txt", content_type="text/plain"), body_of(content))
        store = WatchedStore(kept)
        slots = Slots("downloads", 2, share=1, patience=5)
        yield Service(kept, store, Signer(), slots)
        assert store.held == 0
        assert (slots.free, slots.waiting) == (2, 0)
